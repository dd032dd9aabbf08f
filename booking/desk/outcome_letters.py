"""A professional is asked, once, what became of the appointments of which nobody has said it.

One mail at the end of the day, about all of them: a question after each slot would come while the
next patient is there, and who notes outcomes as they go is asked nothing at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from booking.desk.reach import ITS_PROFESSIONAL, ITS_SLOT
from booking.links import Links, hashed
from booking.models import Booking, BookingStatus, OutcomeAsked, OutcomeLetter
from config.clock import at, local_day
from notifications import outbox
from notifications.letters import Draft
from notifications.messages import OutcomeQuestion
from notifications.models import Channel
from notifications.reminders import EVENING, QUIET_UNTIL, is_quiet
from schedules.models import Community, Professional, Slot

AFTER = timedelta(minutes=30)
"""So long after the last appointment of the day, at least."""

LINK_LIVES = timedelta(days=7)

WORTH_ASKING = timedelta(days=2)
"""After a longer stop of the worker nobody is asked any more: they would have to remember."""

WORTH_READING = timedelta(hours=12)

UNKNOWN = (BookingStatus.CONFIRMED, BookingStatus.ARRIVED)
"""Of these nobody has said what became of them."""


@dataclass(frozen=True)
class Day:
    """One professional's appointments of one day without an outcome; some may be still to come."""

    community: Community
    professional: Professional
    day: date
    bookings: tuple[int, ...]
    starts_at: datetime
    """Of the first of them."""
    ends_at: datetime
    """Of the last of them."""

    def is_due(self, now: datetime) -> bool:
        """Return whether this is the moment to ask: the day is over, and nobody sleeps."""
        return asked_at(self.ends_at, self.community.zone) <= now and not is_quiet(
            now, self.community.zone
        )


def asked_at(ends_at: datetime, zone: ZoneInfo) -> datetime:
    """Return when to ask about a day whose last appointment ends then: never before the evening.

    What ends too late for that is asked the next morning.
    """
    day = local_day(ends_at, zone)
    moment = max(ends_at + AFTER, at(day, EVENING, zone))
    if not is_quiet(moment, zone):
        return moment
    is_night = moment.astimezone(zone).time() < QUIET_UNTIL
    morning = local_day(moment, zone) + timedelta(days=0 if is_night else 1)
    return at(morning, QUIET_UNTIL, zone)


def due(session: Session, *, now: datetime) -> list[Day]:
    """Return whom to ask at this moment about which day, of every community. Reads only."""
    return [day for day in _days(session, now) if day.is_due(now)]


def ask(session: Session, due_day: Day, *, links: Links, now: datetime) -> bool:
    """Promise the mail about a day; False if somebody has asked or answered meanwhile.

    Letter, what it asks about and its mail are true together, or nothing is.
    """
    who = due_day.professional
    # Another worker that believes to lead waits here, and then finds everything asked.
    session.execute(
        select(Professional.id)
        .where(Professional.community_id == who.community_id, Professional.id == who.id)
        .with_for_update(key_share=True)
    )
    found = next((d for d in _days(session, now, who) if d.day == due_day.day), None)
    if found is None or not found.is_due(now):
        return False
    _ask(session, found, links, now)
    return True


def _ask(session: Session, found: Day, links: Links, now: datetime) -> None:
    reference = uuid4()
    letter = OutcomeLetter(
        community_id=found.community.id,
        reference=reference,
        professional_id=found.professional.id,
        link_hash=hashed(links.outcome_token(reference)),
        asked_at=now,
        until=now + LINK_LIVES,
    )
    session.add(letter)
    session.flush()
    session.add_all(
        OutcomeAsked(community_id=letter.community_id, booking_id=each, letter_id=letter.id)
        for each in found.bookings
    )
    session.flush()
    said = OutcomeQuestion(
        starts_at=found.starts_at,
        place=found.community.name,
        link=links.outcome(reference),
        zone=found.community.zone,
        count=len(found.bookings),
    )
    draft = Draft(
        community_id=letter.community_id,
        about=reference,
        version=0,
        kind=said.kind,
        channel=Channel.EMAIL,
        recipient=found.professional.email or "",
        subject=said.subject(),
        text=said.email(),
        send_at=now,
        expires_at=now + WORTH_READING,
    )
    outbox.promise(session, draft)


Row = tuple[Community, Professional, int, Slot]


def _days(session: Session, now: datetime, who: Professional | None = None) -> list[Day]:
    """Return what has no outcome and was not asked about, by professional and day.

    Also what is still to come on those days: they are not over before that.
    """
    query = _unasked(now)
    if who is not None:
        query = query.where(
            Professional.community_id == who.community_id, Professional.id == who.id
        )
    rows: Iterable[Row] = session.execute(query).all()
    days = groupby(rows, key=lambda row: (row[1].id, local_day(row[3].starts_at, row[0].zone)))
    return [_day(day, list(group)) for (_id, day), group in days]


def _day(day: date, rows: Sequence[Row]) -> Day:
    community, professional, _booking, first = rows[0]
    return Day(
        community=community,
        professional=professional,
        day=day,
        bookings=tuple(booking for _, _, booking, _ in rows),
        starts_at=first.starts_at,
        ends_at=max(slot.ends_at for *_, slot in rows),
    )


def _unasked(now: datetime) -> Select[Community, Professional, int, Slot]:
    was_asked = (
        select(OutcomeAsked.booking_id)
        .where(
            OutcomeAsked.community_id == Booking.community_id,
            OutcomeAsked.booking_id == Booking.id,
        )
        .exists()
    )
    return (
        select(Community, Professional, Booking.id, Slot)
        .join(Slot, ITS_SLOT)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Community, Community.id == Booking.community_id)
        .where(
            Slot.starts_at > now - WORTH_ASKING,
            Slot.starts_at < now + timedelta(days=1),
            Booking.status.in_(UNKNOWN),
            ~was_asked,
            Professional.email.is_not(None),
            Professional.suspended_at.is_(None),
        )
        .order_by(Professional.community_id, Professional.id, Slot.starts_at, Slot.id)
        .execution_options(populate_existing=True)
    )
