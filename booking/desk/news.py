"""What others did to a practice's appointments since somebody looked: took, moved, cancelled."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session

from booking.desk.board import Scope
from booking.desk.reach import ITS_PROFESSIONAL, ITS_REQUEST, ITS_SLOT
from booking.models import Account, Booking, BookingState, BookingStatus, CareRequest
from schedules.models import Professional, Slot

MOST = 50
FURTHEST_BACK = timedelta(days=7)
"""Who has not looked for longer reads the days themselves."""


class What(StrEnum):
    """What happened to an appointment."""

    TAKEN = auto()
    MOVED = auto()
    CANCELLED = auto()


@dataclass(frozen=True)
class News:
    """One thing that happened to one appointment, by somebody else's hand."""

    what: What
    at: datetime
    booking: UUID
    slot: UUID
    starts_at: datetime
    professional_name: str
    family_name: str | None
    given_name: str | None


def news(
    session: Session, scope: Scope, account: UUID, *, since_day: datetime, now: datetime
) -> list[News]:
    """Return the last thing that others did to each appointment since this account looked.

    Of appointments from the beginning of today on, `since_day`; the latest first.
    """
    looked = _looked_at(session, scope, account)
    rows = session.execute(
        _last_words().where(
            scope.slots(),
            Slot.starts_at >= since_day,
            BookingState.at > max(looked, now - FURTHEST_BACK),
            BookingState.by != str(account),
        )
    )
    return [
        News(
            what=_what(state),
            at=state.at,
            booking=booking.reference,
            slot=slot.reference,
            starts_at=slot.starts_at,
            professional_name=who.name,
            family_name=request.family_name,
            given_name=request.given_name,
        )
        for state, booking, slot, who, request in rows
    ]


def _last_words() -> Select[BookingState, Booking, Slot, Professional, CareRequest]:
    """Return what last happened to each appointment that stands or was cancelled."""
    return (
        select(BookingState, Booking, Slot, Professional, CareRequest)
        .join(
            Booking,
            and_(
                Booking.community_id == BookingState.community_id,
                Booking.id == BookingState.booking_id,
                # The last word: a correction of what was noted repeats its version later.
                Booking.version == BookingState.version,
                Booking.status == BookingState.status,
                or_(Booking.version > 0, Booking.booked_at == BookingState.at),
            ),
        )
        .join(Slot, ITS_SLOT)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .where(BookingState.status.in_((BookingStatus.CONFIRMED, BookingStatus.CANCELLED)))
        .order_by(BookingState.at.desc(), BookingState.id.desc())
        .limit(MOST)
    )


def _what(state: BookingState) -> What:
    if state.status is BookingStatus.CANCELLED:
        return What.CANCELLED
    return What.MOVED if state.version else What.TAKEN


def _looked_at(session: Session, scope: Scope, account: UUID) -> datetime:
    row = session.scalars(
        select(Account).where(
            Account.community_id == scope.community_id, Account.reference == account
        )
    ).one()
    return row.news_seen_at or row.created_at


def seen(session: Session, scope: Scope, account: UUID, *, until: datetime) -> None:
    """Note that this account has read what happened up to that moment."""
    session.execute(
        update(Account)
        .where(Account.community_id == scope.community_id, Account.reference == account)
        .values(news_seen_at=until)
    )
