"""Whose requests somebody may see, and which of them are owed an answer: conditions for queries."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from booking.models import Booking, CareRequest, RequestStatus
from schedules.models import Commune, Professional, Site, Slot

ITS_SLOT = and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id)
ITS_REQUEST = and_(
    CareRequest.community_id == Booking.community_id, CareRequest.id == Booking.request_id
)
ITS_COMMUNE = and_(
    Commune.community_id == CareRequest.community_id, Commune.insee == CareRequest.commune_insee
)
"""Where the patient is, if it is one of the territory."""

ITS_SITE = and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id)
ITS_PROFESSIONAL = and_(
    Professional.community_id == Slot.community_id, Professional.id == Slot.professional_id
)


@dataclass(frozen=True)
class Reach:
    """Whose requests somebody may see: the whole community's, or a practice's own.

    A practice's own are those that `account` opened, and those booked at its sites at one time.
    """

    community_id: int
    is_whole: bool = False
    account: UUID | None = None
    site_ids: tuple[int, ...] = ()

    def requests(self) -> ColumnElement[bool]:
        """Return the condition that a care request is theirs to see."""
        in_community = CareRequest.community_id == self.community_id
        if self.is_whole:
            return in_community
        at_site = (
            select(Booking.id)
            .join(Slot, ITS_SLOT)
            .where(
                Booking.community_id == CareRequest.community_id,
                Booking.request_id == CareRequest.id,
                Slot.site_id.in_(self.site_ids),
            )
            .exists()
        )
        return and_(in_community, or_(CareRequest.opened_by == self.account, at_site))


def is_owed() -> ColumnElement[bool]:
    """Return the condition that somebody waits: for an appointment, or for a promised call.

    Who goes back to change an answer after the promise is a draft again, and still owed the call.
    """
    return or_(
        CareRequest.status == RequestStatus.OPEN,
        and_(
            CareRequest.status == RequestStatus.DRAFT, CareRequest.call_back_asked_at.is_not(None)
        ),
    )
