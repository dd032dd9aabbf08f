"""What became of a day's patients, noted one by one or all at its end; and what is corrected."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from booking.desk import board, change
from booking.desk.board import Entry, Scope, State
from booking.models import BookingStatus


class Outcome(StrEnum):
    """What became of a patient, as a practice says it at the end of a day."""

    CAME = "venu"
    ABSENT = "absent"
    EXCUSED = "excuse"


NOTED = {Outcome.CAME: BookingStatus.HONOURED, Outcome.ABSENT: BookingStatus.NO_SHOW}

ENDS = (BookingStatus.ARRIVED, BookingStatus.HONOURED, BookingStatus.NO_SHOW)
"""What is noted of a patient, and can be corrected."""


def without(
    session: Session, scope: Scope, between: tuple[datetime, datetime], *, now: datetime
) -> list[Entry]:
    """Return the appointments that began between two moments and have no outcome yet."""
    return [
        entry
        for entry in board.day(session, scope, between, now=now)
        if entry.state in (State.BOOKED, State.ARRIVED) and entry.starts_at <= now
    ]


def conclude(
    session: Session,
    scope: Scope,
    outcomes: Mapping[UUID, Outcome],
    *,
    by: str,
    now: datetime,
) -> int:
    """Note what became of these appointments, and return of how many.

    One that is not theirs, has not begun, or that somebody has concluded meanwhile stays as it is.
    """
    # In one order, whoever concludes: two secretaries of one practice wait for each other once.
    return sum(
        _is_concluded(session, scope, booking, outcomes[booking], by=by, now=now)
        for booking in sorted(outcomes)
    )


def _is_concluded(
    session: Session, scope: Scope, booking: UUID, outcome: Outcome, *, by: str, now: datetime
) -> bool:
    try:
        kept = change.by_reference(session, scope.community_id, booking, lock=True)
    except change.NoSuchBooking:
        return False
    is_due = kept.booking.status in (BookingStatus.CONFIRMED, BookingStatus.ARRIVED)
    if not scope.holds(kept.slot) or not is_due or kept.slot.starts_at > now:
        return False
    if outcome is Outcome.EXCUSED:
        change.excuse(session, kept, by=by, now=now)
    else:
        change.note(session, kept, NOTED[outcome], by=by, now=now)
    return True
