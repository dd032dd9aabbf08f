"""What one account did to appointments in the last minutes, while nobody has changed it since."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk.board import Scope
from booking.desk.outcomes import ENDS
from booking.desk.reach import ITS_REQUEST, ITS_SLOT
from booking.models import Booking, BookingState, BookingStatus, CareRequest
from schedules import slots, undo
from schedules.models import Slot


@dataclass(frozen=True)
class Note:
    """What this account noted of a patient, and what was so before."""

    booking: UUID
    at: datetime
    status: BookingStatus
    before: BookingStatus
    family_name: str | None
    given_name: str | None
    left: Slot | None
    """Of one who was moved: where they were, while it is still free."""

    @property
    def can_go_back(self) -> bool:
        """Whether there is something to undo."""
        return self.status in ENDS or self.left is not None


def noted(session: Session, scope: Scope, account: UUID, *, now: datetime) -> list[Note]:
    """Return what this account can take back of what it noted or moved, the last first."""
    rows = session.execute(
        select(BookingState, Booking, CareRequest)
        .join(
            Booking,
            and_(
                Booking.community_id == BookingState.community_id,
                Booking.id == BookingState.booking_id,
                Booking.status.in_((*ENDS, BookingStatus.CONFIRMED)),
                Booking.changed_at > now - undo.FOR,
            ),
        )
        .join(Slot, ITS_SLOT)
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .where(scope.slots())
        .order_by(BookingState.booking_id, BookingState.id)
    ).all()
    found = []
    for _booking, group in groupby(rows, key=lambda row: row[0].booking_id):
        states = list(group)
        (last, booking, request), before = states[-1], states[-2:-1]
        if before and last.by == str(account) and last.status is booking.status:
            was = before[0][0]
            found.append(
                Note(
                    booking=booking.reference,
                    at=last.at,
                    status=last.status,
                    before=was.status,
                    family_name=request.family_name,
                    given_name=request.given_name,
                    left=_left(session, last, was, request, now),
                )
            )
    noted = [note for note in found if note.can_go_back]
    return sorted(noted, key=lambda note: note.at, reverse=True)


def _left(
    session: Session, last: BookingState, was: BookingState, request: CareRequest, now: datetime
) -> Slot | None:
    if last.status is not BookingStatus.CONFIRMED or last.slot_id == was.slot_id:
        return None
    return session.scalar(
        select(Slot).where(
            Slot.community_id == was.community_id,
            Slot.id == was.slot_id,
            slots.is_open_to(request.reference, now),
        )
    )
