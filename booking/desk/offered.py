"""Which slots are offered to whom at this moment, and how many wait. Reads for staff only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from booking.desk import alternatives, wishes
from booking.desk.reach import ITS_PROFESSIONAL, Reach
from booking.desk.undelivered import DID_NOT_ARRIVE
from booking.models import CareRequest, Offer, OfferKind, Wish
from notifications.models import Kind, OutboxMessage
from schedules.models import Professional, Site, Slot

MOST = 200


@dataclass(frozen=True)
class Line:
    """A slot that is kept for somebody who waits, until a moment that they were told."""

    request: UUID
    family_name: str | None
    given_name: str | None
    phone: str | None
    starts_at: datetime
    professional: str
    site_name: str
    until: datetime
    is_to_call: bool
    """No message told them, or it did not arrive: somebody calls before the time is up."""


def live(session: Session, reach: Reach, *, now: datetime) -> list[Line]:
    """Return what is offered to whom waits, calls to make first, then by the end of the offer."""
    is_to_call = or_(Offer.is_to_call, _sms_did_not_arrive())
    rows = session.execute(
        select(Offer, CareRequest, Slot, Professional, Site, is_to_call)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Offer.community_id, CareRequest.id == Offer.request_id
            ),
        )
        .join(Slot, and_(Slot.community_id == Offer.community_id, Slot.id == Offer.slot_id))
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(
            reach.requests(),
            Offer.kind == OfferKind.WAITING_LIST,
            alternatives.is_live(now),
            Slot.held_by == CareRequest.reference,
            Slot.held_until == Offer.until,
        )
        .order_by(is_to_call.desc(), Offer.until, Offer.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [
        Line(
            request=asked.reference,
            family_name=asked.family_name,
            given_name=asked.given_name,
            phone=asked.phone,
            starts_at=slot.starts_at,
            professional=who.name,
            site_name=site.name,
            until=offer.until,
            is_to_call=to_call,
        )
        for offer, asked, slot, who, site, to_call in rows
    ]


def _sms_did_not_arrive() -> ColumnElement[bool]:
    """Return the condition that the message of an offer failed, or that nobody knows its fate.

    Read from the message itself: a report that comes late takes the call from the list again.
    """
    return (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.community_id == Offer.community_id,
            OutboxMessage.about == CareRequest.reference,
            OutboxMessage.kind == Kind.OFFER,
            # Of this offer, not of one before it: both are worth something until the same moment.
            OutboxMessage.expires_at == Offer.until,
            OutboxMessage.status.in_(DID_NOT_ARRIVE),
        )
        .correlate(Offer, CareRequest)
        .exists()
    )


def waiting(session: Session, reach: Reach) -> int:
    """Return how many are on the waiting list."""
    counted = select(func.count()).select_from(CareRequest).join(Wish, wishes.counts())
    return session.scalar(counted.where(reach.requests())) or 0
