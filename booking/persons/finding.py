"""Whose requests these are: a number, and the birth date where several share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from booking.desk.reach import ITS_PROFESSIONAL, ITS_SITE, ITS_SLOT
from booking.models import Booking, BookingStatus, CareRequest
from config import sealed
from schedules.models import Professional, Site, Slot

EXPECTED = (BookingStatus.CONFIRMED, BookingStatus.ARRIVED)


@dataclass(frozen=True)
class Whose:
    """A number in E.164; the birth date, where it is one person's of several; the community.

    Without a community all of them are meant: that is for whoever keeps the installation.
    """

    phone: str
    born: date | None = None
    community_id: int | None = None

    @property
    def phone_key(self) -> bytes:
        """Return what the number is found by."""
        return sealed.blind("phone", self.phone)


@dataclass(frozen=True)
class Visit:
    """An appointment, where and with whom."""

    booking: Booking
    slot: Slot
    site: Site
    professional: Professional

    def is_ahead(self, now: datetime) -> bool:
        """Whether the person is still expected, or is there at this moment."""
        return self.booking.status in EXPECTED and self.slot.ends_at > now


def requests(session: Session, whose: Whose, *, lock: bool = False) -> list[CareRequest]:
    """Return what was asked from a number, the oldest first; of one birth date, if it is said.

    A request of which nobody knows the birth date is found without one only.
    """
    query = select(CareRequest).where(CareRequest.phone_key == whose.phone_key)
    if whose.community_id is not None:
        query = query.where(CareRequest.community_id == whose.community_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    rows = session.scalars(query.order_by(CareRequest.community_id, CareRequest.id)).all()
    return [row for row in rows if whose.born is None or _is_born(row, whose.born)]


def _is_born(request: CareRequest, born: date) -> bool:
    return sealed.is_readable(request, "birth_date") and request.birth_date == born


def visits(session: Session, asked: Sequence[CareRequest]) -> list[Visit]:
    """Return the appointments of these requests, the cancelled ones too, in their order."""
    keys = [(each.community_id, each.id) for each in asked]
    rows = session.execute(
        select(Booking, Slot, Site, Professional)
        .join(Slot, ITS_SLOT)
        .join(Site, ITS_SITE)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .where(tuple_(Booking.community_id, Booking.request_id).in_(keys))
        .order_by(Slot.starts_at)
    )
    return [Visit(*row) for row in rows]
