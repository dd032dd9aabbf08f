"""What must hold over all rows, whoever wrote them: asked of a backup that was restored.

The tables refuse all of it already; a copy says so too before anybody relies on it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from booking.models import Booking, BookingStatus, CareRequest
from notifications.models import OutboxMessage
from schedules.models import Community, Slot


@dataclass(frozen=True)
class Soundness:
    """What a copy of the database holds, and what must not be in it."""

    communities: int
    requests: int
    bookings: int
    messages: int
    last_booked_at: datetime | None
    doubled: int
    """Times that are promised to two people."""
    unclaimed: int
    """Appointments whose slot somebody else could still take."""

    @property
    def is_sound(self) -> bool:
        """Whether this may serve patients."""
        return not self.doubled and not self.unclaimed


def look(session: Session) -> Soundness:
    """Count what is there, over all communities, and what is wrong with it."""
    live = Booking.status != BookingStatus.CANCELLED
    return Soundness(
        communities=_count(session, Community.id),
        requests=_count(session, CareRequest.id),
        bookings=_count(session, Booking.id),
        messages=_count(session, OutboxMessage.id),
        last_booked_at=session.scalar(select(func.max(Booking.booked_at))),
        doubled=_doubled(session),
        unclaimed=session.scalar(
            select(func.count())
            .select_from(Booking)
            .join(Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id))
            .where(live, Slot.claimed_by.is_(None))
        )
        or 0,
    )


def _doubled(session: Session) -> int:
    """Count pairs of live appointments that share a professional, a lane and a moment."""
    one, other, first, second = aliased(Booking), aliased(Booking), aliased(Slot), aliased(Slot)
    is_same_time = and_(
        first.community_id == second.community_id,
        first.professional_id == second.professional_id,
        func.coalesce(first.lane, -1) == func.coalesce(second.lane, -1),
        first.starts_at < second.ends_at,
        second.starts_at < first.ends_at,
    )
    return (
        session.scalar(
            select(func.count())
            .select_from(one)
            .join(first, and_(first.community_id == one.community_id, first.id == one.slot_id))
            .join(second, is_same_time)
            .join(
                other,
                and_(other.community_id == second.community_id, other.slot_id == second.id),
            )
            .where(
                one.id < other.id,
                one.status != BookingStatus.CANCELLED,
                other.status != BookingStatus.CANCELLED,
            )
        )
        or 0
    )


def _count(session: Session, key: object) -> int:
    return session.scalar(select(func.count(key))) or 0  # type: ignore[arg-type]  # a column
