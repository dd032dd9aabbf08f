"""Pure: appointments → iCalendar bytes (RFC 5545, RFC 5546). The only writer of calendars."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import icalendar
from icalendar import Alarm, Calendar, Event, vCalAddress, vDuration, vText
from pydantic import TypeAdapter

_HOUR = timedelta(hours=1)

REFRESH_EVERY = timedelta(minutes=15)
"""What a feed asks of those who subscribe; most come when they like, every few hours."""

_DRAWN_BY = sha256(Path(__file__).read_bytes() + icalendar.__version__.encode()).digest()
"""Who draws, as a part of every digest: new code may draw other bytes of the same entries."""


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


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An entry as a mail carries it to one person."""

    entry: Entry
    host: str
    organizer: str
    attendee: str
    has_accepted: bool


@dataclass(frozen=True, kw_only=True)
class Feed:
    """All that one subscribed calendar shows, in the order in which it shows it."""

    entries: tuple[Entry, ...]
    host: str
    name: str
    organizer: str


_AS_JSON = TypeAdapter(Invitation)
_FEED_AS_JSON = TypeAdapter(Feed)


def published(entry: Entry, *, host: str, organizer: str) -> bytes:
    """Return a file to add to any calendar: METHOD PUBLISH, so no ATTENDEE (RFC 5546 §3.2.1)."""
    calendar = _calendar("PUBLISH")
    event = _event(entry, host, organizer)
    if not entry.is_cancelled:
        event.add_component(_alarm(entry))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def message(invitation: Invitation) -> bytes:
    """Return what goes into an e-mail: REQUEST for a new or changed appointment, CANCEL at the end.

    A professional has accepted by offering the slot; a patient is asked nothing (RSVP=FALSE).
    """
    calendar = _calendar(method(invitation.entry))
    event = _event(invitation.entry, invitation.host, invitation.organizer)
    who = vCalAddress(f"mailto:{invitation.attendee}")
    who.params["PARTSTAT"] = vText("ACCEPTED" if invitation.has_accepted else "NEEDS-ACTION")
    who.params["RSVP"] = vText("FALSE")
    who.params["ROLE"] = vText("REQ-PARTICIPANT")
    event.add("attendee", who)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def subscribed(feed: Feed) -> bytes:
    """Return what a calendar that subscribes reads: METHOD PUBLISH, so no ATTENDEE; no alarm."""
    calendar = _calendar("PUBLISH")
    # The library writes this one text as it is, and stops at a line break.
    calendar.calendar_name = " ".join(feed.name.split())
    calendar.add("refresh-interval", vDuration(REFRESH_EVERY), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH_EVERY))
    for entry in feed.entries:
        calendar.add_component(_event(entry, feed.host, feed.organizer))
    return bytes(calendar.to_ical())


def digest(feed: Feed) -> bytes:
    """Return what changes whenever the bytes of `subscribed` do; a hundredth of their cost."""
    return sha256(_DRAWN_BY + _FEED_AS_JSON.dump_json(feed)).digest()


def method(entry: Entry) -> str:
    """Return the METHOD that `message` writes: an e-mail's MIME type must say the same."""
    return "CANCEL" if entry.is_cancelled else "REQUEST"


def written(invitation: Invitation) -> dict[str, Any]:
    """Return an invitation as plain JSON values, to be drawn later by `drawn`."""
    values: dict[str, Any] = _AS_JSON.dump_python(invitation, mode="json")
    return values


def drawn(values: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of an invitation that was `written`, and their METHOD."""
    invitation = _AS_JSON.validate_python(values)
    return message(invitation), method(invitation.entry)


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
