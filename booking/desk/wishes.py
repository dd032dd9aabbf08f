"""Who wants to be told of a slot that frees up: noted, and ended."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.models import Booking, BookingStatus, CareRequest, RequestStatus, Wish


def want(session: Session, request: CareRequest, *, now: datetime) -> None:
    """Put a locked request on the waiting list, from this moment on; twice is once."""
    end(session, request, now=now)
    session.execute(
        insert(Wish).values(community_id=request.community_id, request_id=request.id, since=now)
    )


def end(session: Session, request: CareRequest, *, now: datetime) -> None:
    """Take a request off the waiting list, if it is there."""
    session.execute(
        update(Wish)
        .where(
            Wish.community_id == request.community_id,
            Wish.request_id == request.id,
            Wish.ended_at.is_(None),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def is_waiting(session: Session, request: CareRequest) -> bool:
    """Return whether this request would be offered a slot that frees up."""
    found = select(Wish.id).where(
        CareRequest.community_id == request.community_id, CareRequest.id == request.id, counts()
    )
    return session.scalar(found.limit(1)) is not None


def counts() -> ColumnElement[bool]:
    """Return the condition that joins a request to its wish while that stands.

    Either there is no appointment, or the wish is for a sooner one than that.
    """
    booked_since = (
        select(Booking.id)
        .where(
            Booking.community_id == Wish.community_id,
            Booking.request_id == Wish.request_id,
            Booking.status != BookingStatus.CANCELLED,
            Booking.booked_at > Wish.since,
        )
        .correlate(Wish)
        .exists()
    )
    return and_(
        Wish.community_id == CareRequest.community_id,
        Wish.request_id == CareRequest.id,
        Wish.ended_at.is_(None),
        or_(
            CareRequest.status == RequestStatus.OPEN,
            and_(CareRequest.status == RequestStatus.BOOKED, ~booked_since),
        ),
    )
