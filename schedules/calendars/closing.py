"""Which free slots a professional's own calendar closes, and which appointments it contradicts."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, update
from sqlalchemy.orm import Session

from schedules import slots
from schedules.models import BusyCalendar, BusyTime, CalendarOpening, Slot

UNREADABLE_FOR = timedelta(hours=2)
"""After that, nobody knows whether its owner is free: no slot of theirs is offered."""


def is_busy() -> ColumnElement[bool]:
    """Return the condition that a calendar says busy at the time of a slot."""
    return exists().where(
        BusyTime.community_id == Slot.community_id,
        BusyTime.professional_id == Slot.professional_id,
        BusyTime.starts_at < Slot.ends_at,
        BusyTime.ends_at > Slot.starts_at,
    )


def is_unreadable(now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody could read a calendar for too long."""
    return and_(
        BusyCalendar.ended_at.is_(None),
        func.coalesce(BusyCalendar.read_at, BusyCalendar.created_at) <= now - UNREADABLE_FOR,
    )


def is_closed(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a slot must not be offered: busy then, or nobody knows."""
    return or_(
        is_busy(),
        exists().where(
            BusyCalendar.community_id == Slot.community_id,
            BusyCalendar.professional_id == Slot.professional_id,
            BusyCalendar.offers_when_unreadable.is_(False),
            is_unreadable(now),
        ),
    )


def is_in_conflict() -> ColumnElement[bool]:
    """Return the condition that an appointment stands where the calendar does not want it.

    It says busy, or the `#SNP` that opened the slot is gone; and nobody has said « keep it ».
    """
    return and_(
        Slot.claimed_by.is_not(None),
        Slot.conflict_kept_at.is_(None),
        or_(is_busy(), and_(is_unwritten(), _is_read())),
    )


def is_unwritten() -> ColumnElement[bool]:
    """Return the condition that the `#SNP` which opened a slot is not in its calendar any more."""
    return and_(
        Slot.calendar_id.is_not(None),
        ~exists().where(
            CalendarOpening.community_id == Slot.community_id,
            CalendarOpening.calendar_id == Slot.calendar_id,
            CalendarOpening.starts_at <= Slot.starts_at,
            CalendarOpening.ends_at >= Slot.ends_at,
        ),
    )


def _is_read() -> ColumnElement[bool]:
    """Return the condition that the calendar which opened a slot is one that we still read."""
    return exists().where(
        BusyCalendar.community_id == Slot.community_id,
        BusyCalendar.id == Slot.calendar_id,
        BusyCalendar.ended_at.is_(None),
    )


def settle(session: Session, community_id: int, professional_id: int, *, now: datetime) -> int:
    """Close what must not be offered any more, open what may be again; return how many closed.

    What a `#SNP` opened that is not written any more is withdrawn: it may have been somebody's
    when its owner took it away, or when its calendar ended, and be free only now.

    What is claimed is never touched: it is shown as a conflict. Who holds a slot that closes may
    still book it until the hold ends (`slots.is_open_to`): they were told that it is kept.
    """
    whose = and_(Slot.community_id == community_id, Slot.professional_id == professional_id)
    slots.withdraw_free(session, and_(whose, is_unwritten()), now=now)
    theirs = and_(
        whose, Slot.claimed_by.is_(None), Slot.withdrawn_at.is_(None), Slot.starts_at > now
    )
    opening = update(Slot).where(theirs, Slot.busy_since.is_not(None), ~is_closed(now))
    session.execute(opening.values(busy_since=None).execution_options(synchronize_session=False))
    closing = update(Slot).where(theirs, Slot.busy_since.is_(None), is_closed(now))
    closed = session.scalars(
        closing.values(busy_since=now)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    return len(closed.all())
