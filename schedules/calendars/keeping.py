"""The calendars that are read again and again: which are due, and what a reading changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, insert, or_, select
from sqlalchemy.orm import Session

from config import sealed
from schedules import slots
from schedules.calendars import closing
from schedules.calendars.reading import Failed, Order, Outcome, Read
from schedules.calendars.said import Written
from schedules.models import (
    BusyCalendar,
    BusyTime,
    CalendarOpening,
    Community,
    Professional,
    Site,
    Slot,
)
from schedules.patterns import cut

EVERY, SLOWEST = timedelta(minutes=5), timedelta(minutes=30)
"""How often a calendar is read; and one that nobody can read for a while."""

TOO_OLD_TO_BOOK = timedelta(minutes=15)
"""What is known since longer is asked again before somebody books."""

BETWEEN_TRIES = timedelta(minutes=1)
"""Who books does not wait for a calendar that failed a moment ago."""

ENOUGH_AHEAD = timedelta(days=14)
"""A calendar that did not change is read again whole when its known days become fewer."""


CALENDARS, SLOTS = BusyCalendar.__table__, Slot.__table__
OLD_BEHIND_SLOT = select(CALENDARS.c.id).where(
    CALENDARS.c.ended_at.is_(None),
    or_(CALENDARS.c.read_at.is_(None), CALENDARS.c.read_at <= bindparam("known_since")),
    or_(CALENDARS.c.tried_at.is_(None), CALENDARS.c.tried_at <= bindparam("tried_since")),
    exists().where(
        SLOTS.c.community_id == CALENDARS.c.community_id,
        SLOTS.c.professional_id == CALENDARS.c.professional_id,
        SLOTS.c.reference == bindparam("slot"),
    ),
)
"""Built once, of tables alone: every booking asks this, and nearly every time there is none."""


@dataclass(frozen=True)
class Applied:
    """What a reading changed."""

    events: int
    unreadable: int
    closed: int
    """Slots that were open and are not any more."""


def due(session: Session, *, now: datetime, most: int) -> list[Order]:
    """Return the calendars to read now, those that wait longest first; nobody else gets them."""
    return _orders(session, BusyCalendar.next_try_at <= now, now=now, most=most)


def any_old(session: Session, slot: UUID, *, now: datetime) -> bool:
    """Return whether a calendar is to be read before this slot is booked."""
    return session.scalar(OLD_BEHIND_SLOT, _asked(slot, now)) is not None


def old(session: Session, slot: UUID, *, now: datetime, most: int = 2) -> list[Order]:
    """Return the calendars to read before this slot is booked: what we know of them is old.

    Old ones are few, so they are looked at first: whoever books has not said which community's
    slot it is.
    """
    found = session.scalars(OLD_BEHIND_SLOT, _asked(slot, now)).all()
    return _orders(session, BusyCalendar.id.in_(found), now=now, most=most) if found else []


def _asked(slot: UUID, now: datetime) -> dict[str, Any]:
    return {"slot": slot, "known_since": now - TOO_OLD_TO_BOOK, "tried_since": now - BETWEEN_TRIES}


def _orders(
    session: Session, which: ColumnElement[bool], *, now: datetime, most: int
) -> list[Order]:
    rows = session.execute(
        select(BusyCalendar, Community.zone_name)
        .join(Community, Community.id == BusyCalendar.community_id)
        .where(BusyCalendar.ended_at.is_(None), which)
        .order_by(BusyCalendar.next_try_at)
        .limit(most)
        .with_for_update(of=BusyCalendar, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for calendar, _ in rows:
        calendar.tried_at, calendar.next_try_at = now, now + EVERY
    return [
        order_of(calendar, zone_name, now=now)
        for calendar, zone_name in rows
        if sealed.is_readable(calendar, "url")
    ]


def order_of(calendar: BusyCalendar, zone_name: str, *, now: datetime) -> Order:
    """Return what its reader needs; of days that were never worked out no copy is known."""
    is_known = calendar.covers_until is not None and calendar.covers_until >= now + ENOUGH_AHEAD
    return Order(
        community_id=calendar.community_id,
        calendar_id=calendar.id,
        url=calendar.url,
        etag=calendar.etag if is_known else None,
        last_modified=calendar.last_modified if is_known else None,
        zone_name=zone_name,
        asked_at=now,
    )


def apply(session: Session, order: Order, outcome: Outcome, *, now: datetime) -> Applied | None:
    """Note what became of a reading, and open and close slots by what is known now.

    None if its calendar was ended meanwhile, or has been read later than this.
    """
    calendar = session.scalar(
        select(BusyCalendar)
        .where(
            BusyCalendar.community_id == order.community_id,
            BusyCalendar.id == order.calendar_id,
            BusyCalendar.ended_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if calendar is None or (calendar.read_at and calendar.read_at > order.asked_at):
        return None
    slots.alone_with(session, calendar.community_id, [calendar.professional_id])
    if isinstance(outcome, Failed):
        calendar.failure = outcome.failure.value
        calendar.next_try_at = next_try(calendar.read_at or calendar.created_at, now=now)
    else:
        calendar.failure, calendar.read_at = None, order.asked_at
        calendar.next_try_at = now + EVERY
    if isinstance(outcome, Read):
        _know(session, calendar, outcome, now=now)
        closed = _settle(session, calendar, now=now)
        return Applied(outcome.events, outcome.unreadable, closed)
    return Applied(0, 0, _settle(session, calendar, now=now))


def next_try(since: datetime, *, now: datetime) -> datetime:
    """Return when to try again what could not be read since then: ever later, to a limit.

    Never so late that slots stay open past the moment from which nobody may trust them.
    """
    later = now + min(max(now - since, EVERY), SLOWEST)
    distrusted = since + closing.UNREADABLE_FOR
    return distrusted if now < distrusted < later else later


def _know(session: Session, calendar: BusyCalendar, read: Read, *, now: datetime) -> None:
    """Put what a calendar says in the place of what it said before."""
    calendar.etag, calendar.last_modified = read.etag, read.last_modified
    calendar.covers_until = read.until
    session.execute(delete(BusyTime).where(*_of(BusyTime, calendar)))
    if read.busy:
        session.execute(
            insert(BusyTime),
            [
                {
                    "community_id": calendar.community_id,
                    "calendar_id": calendar.id,
                    "professional_id": calendar.professional_id,
                    "starts_at": begin,
                    "ends_at": end,
                }
                for begin, end in read.busy
            ],
        )
    _open(session, calendar, read.openings, now=now)


def _open(
    session: Session, calendar: BusyCalendar, written: Sequence[Written], *, now: datetime
) -> None:
    """Make the slots of what was newly written with `#SNP`.

    Only of that: a slot which its owner took back by hand does not come again.
    """
    known = {
        Written(o.starts_at, o.ends_at, o.slot_minutes, o.most_slots)
        for o in session.scalars(select(CalendarOpening).where(*_of(CalendarOpening, calendar)))
    }
    session.execute(delete(CalendarOpening).where(*_of(CalendarOpening, calendar)))
    if not written:
        return
    session.execute(
        insert(CalendarOpening),
        [
            {
                "community_id": calendar.community_id,
                "calendar_id": calendar.id,
                "starts_at": o.starts_at,
                "ends_at": o.ends_at,
                "slot_minutes": o.minutes,
                "most_slots": o.most,
            }
            for o in written
        ],
    )
    if calendar.site_id is None:
        return
    theirs = and_(Slot.community_id == calendar.community_id, Slot.calendar_id == calendar.id)
    slots.withdraw_free(session, and_(theirs, closing.is_unwritten()), now=now)
    slots.fill(
        session,
        session.get_one(Professional, (calendar.community_id, calendar.professional_id)),
        session.get_one(Site, (calendar.community_id, calendar.site_id)),
        [
            (start, end)
            for opening in written
            if opening not in known
            for start, end in moments(opening)
            if start > now
        ],
        calendar_id=calendar.id,
    )


def moments(opening: Written) -> list[tuple[datetime, datetime]]:
    """Return the slots that an opening makes, one after the other; none ends after it."""
    length = timedelta(minutes=opening.minutes)
    whole = cut(opening.starts_at, opening.ends_at, length, timedelta())
    return list(islice(whole, opening.most))


def _of(
    table: type[BusyTime | CalendarOpening], calendar: BusyCalendar
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.community_id == calendar.community_id,
        table.calendar_id == calendar.id,
    )


def _settle(session: Session, calendar: BusyCalendar, *, now: datetime) -> int:
    session.flush()
    return closing.settle(session, calendar.community_id, calendar.professional_id, now=now)


def begin(
    session: Session,
    professional: Professional,
    site: Site,
    url: str,
    *,
    by: UUID | None,
    now: datetime,
) -> BusyCalendar:
    """Keep the address of a calendar from now on; it is due at once."""
    calendar = BusyCalendar(
        community_id=professional.community_id,
        professional_id=professional.id,
        site_id=site.id,
        url=url,
        created_by=by,
        created_at=now,
        next_try_at=now,
    )
    session.add(calendar)
    session.flush()
    return calendar


def trust(session: Session, calendar: BusyCalendar, *, always: bool, now: datetime) -> None:
    """Offer slots although this calendar cannot be read, or do not."""
    calendar.offers_when_unreadable = always
    slots.alone_with(session, calendar.community_id, [calendar.professional_id])
    _settle(session, calendar, now=now)


def end(session: Session, calendar: BusyCalendar, *, now: datetime) -> None:
    """Read a calendar no more: its address and all that it said are forgotten.

    What it closed is open again; what it opened and nobody took is withdrawn.
    """
    calendar.ended_at, calendar.url = now, ""
    calendar.etag = calendar.last_modified = calendar.failure = None
    slots.alone_with(session, calendar.community_id, [calendar.professional_id])
    session.execute(delete(BusyTime).where(*_of(BusyTime, calendar)))
    session.execute(delete(CalendarOpening).where(*_of(CalendarOpening, calendar)))
    _settle(session, calendar, now=now)
