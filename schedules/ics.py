"""Pure: appointments → iCalendar bytes (RFC 5545, RFC 5546). The only writer of calendars."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One appointment as a calendar may show it: no patient name, no reason for the visit.

    `version` is the SEQUENCE: it rises whenever time, place or status changes.
    """

    reference: UUID
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    version: int
    is_cancelled: bool
    summary: str
    location: str
    description: str
    url: str


def published(entry: Entry, *, host: str, organizer: str) -> bytes:
    """Return a file to add to any calendar: METHOD PUBLISH, so no ATTENDEE (RFC 5546 §3.2.1)."""
    calendar = _calendar("PUBLISH")
    event = _event(entry, host, organizer)
    if not entry.is_cancelled:
        event.add_component(_alarm(entry))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def message(entry: Entry, *, host: str, organizer: str, attendee: str, has_accepted: bool) -> bytes:
    """Return what goes into an e-mail: REQUEST for a new or changed appointment, CANCEL at the end.

    A professional has accepted by offering the slot; a patient is asked nothing (RSVP=FALSE).
    """
    calendar = _calendar("CANCEL" if entry.is_cancelled else "REQUEST")
    event = _event(entry, host, organizer)
    who = vCalAddress(f"mailto:{attendee}")
    who.params["PARTSTAT"] = vText("ACCEPTED" if has_accepted else "NEEDS-ACTION")
    who.params["RSVP"] = vText("FALSE")
    who.params["ROLE"] = vText("REQ-PARTICIPANT")
    event.add("attendee", who)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def method(entry: Entry) -> str:
    """Return the METHOD that `message` writes: an e-mail's MIME type must say the same."""
    return "CANCEL" if entry.is_cancelled else "REQUEST"


def _alarm(entry: Entry) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -_HOUR)
    alarm.add("description", entry.summary)
    return alarm


def _calendar(method: str) -> Calendar:
    calendar = Calendar()  # not Calendar.new(): that adds a random UID to the whole calendar
    calendar.add("prodid", "-//JourMeme//Soins non programmes//FR")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _event(entry: Entry, host: str, organizer: str) -> Event:
    event = Event.new(
        uid=f"{entry.reference}@{host}",
        # Not «now»: the bytes must not change by themselves.
        stamp=entry.changed_at,
        last_modified=entry.changed_at,
        # In UTC: no VTIMEZONE, no hour that happens twice, overseas territories just work.
        start=entry.starts_at.astimezone(UTC),
        end=entry.ends_at.astimezone(UTC),
        sequence=entry.version,
        summary=("Annulé – " if entry.is_cancelled else "") + entry.summary,
        location=entry.location,
        description=entry.description,
        organizer=f"mailto:{organizer}",
        url=entry.url,
    )
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.is_cancelled else "OPAQUE")
    event.add("class", "PRIVATE")
    return event
