"""Appointments that something contradicts, a calendar or a changed opening: read, or kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from booking.desk.board import Scope
from booking.desk.reach import ITS_PROFESSIONAL, ITS_REQUEST
from booking.desk.supply import NotTheirs
from booking.models import Booking, CareRequest
from schedules import slots
from schedules.models import Professional, Site, Slot


def appointments(scope: Scope) -> Select[Slot, Booking, CareRequest, Professional, Site]:
    """Return the query for the bookings at slots of this scope, cancelled ones too."""
    return (
        select(Slot, Booking, CareRequest, Professional, Site)
        .join(Booking, and_(Booking.community_id == Slot.community_id, Booking.slot_id == Slot.id))
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(scope.slots())
    )


def keep(session: Session, scope: Scope, slot: UUID, *, now: datetime) -> None:
    """Say that an appointment stays although something contradicts it: nobody is asked again.

    Raises:
        NotTheirs: if nothing of this scope is booked there.
    """
    if not slots.keep_conflict(session, and_(scope.slots(), Slot.reference == slot), now=now):
        raise NotTheirs
