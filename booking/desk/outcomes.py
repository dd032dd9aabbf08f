"""What became of a day's patients, noted one by one or all at its end; and what is corrected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import board, change
from booking.desk.board import Entry, Scope, State
from booking.desk.reach import ITS_SLOT
from booking.models import Booking, BookingState, BookingStatus, CareRequest
from schedules import undo
from schedules.models import Slot


class Outcome(StrEnum):
    """What became of a patient, as a practice says it at the end of a day."""

    CAME = "venu"
    ABSENT = "absent"
    EXCUSED = "excuse"


NOTED = {Outcome.CAME: BookingStatus.HONOURED, Outcome.ABSENT: BookingStatus.NO_SHOW}

ENDS = (BookingStatus.ARRIVED, BookingStatus.HONOURED, BookingStatus.NO_SHOW)
"""What is noted of a patient, and can be corrected."""


@dataclass(frozen=True)
class Note:
    """What this account noted of a patient, and what was so before."""

    booking: UUID
    slot: UUID
    at: datetime
    status: BookingStatus
    before: BookingStatus
    family_name: str | None
    given_name: str | None


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


def recent(session: Session, scope: Scope, account: UUID, *, now: datetime) -> list[Note]:
    """Return what this account noted in the last minutes and nobody has changed since."""
    rows = session.execute(
        select(BookingState, Booking, Slot, CareRequest)
        .join(
            Booking,
            and_(
                Booking.community_id == BookingState.community_id,
                Booking.id == BookingState.booking_id,
                Booking.status.in_(ENDS),
                Booking.changed_at > now - undo.FOR,
            ),
        )
        .join(Slot, ITS_SLOT)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Booking.community_id,
                CareRequest.id == Booking.request_id,
            ),
        )
        .where(scope.slots())
        .order_by(BookingState.booking_id, BookingState.id)
    ).all()
    notes = []
    for _booking, group in groupby(rows, key=lambda row: row[0].booking_id):
        states = list(group)
        (last, booking, slot, request), before = states[-1], states[-2:-1]
        if before and last.by == str(account) and last.status is booking.status:
            notes.append(
                Note(
                    booking=booking.reference,
                    slot=slot.reference,
                    at=last.at,
                    status=last.status,
                    before=before[0][0].status,
                    family_name=request.family_name,
                    given_name=request.given_name,
                )
            )
    return sorted(notes, key=lambda note: note.at, reverse=True)
