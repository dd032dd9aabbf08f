"""The one message of an offer: an SMS with its link, worth nothing once its time is up."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.desk.tell import language_of
from booking.links import Links
from booking.models import CareRequest, Offer
from notifications import outbox
from notifications.letters import Draft
from notifications.messages import SlotOffered
from notifications.models import Channel, Kind
from schedules.models import Community, Site, Slot


def offered(
    session: Session,
    community: Community,
    request: CareRequest,
    offer: Offer,
    *,
    links: Links,
    now: datetime,
) -> None:
    """Promise the SMS that tells a patient of a slot that is kept for them, and until when.

    It is about the request: whatever calls back what was promised there calls this back too.
    """
    slot, site = session.execute(
        select(Slot, Site)
        .join(Site, (Site.community_id == Slot.community_id) & (Site.id == Slot.site_id))
        .where(Slot.community_id == offer.community_id, Slot.id == offer.slot_id)
    ).one()
    said = SlotOffered(
        starts_at=slot.starts_at,
        place=site.name,
        address=site.address,
        link=links.offer(offer.reference),
        zone=community.zone,
        language=language_of(request.language),
        until=offer.until,
        own=community.wording,
    )
    outbox.promise(
        session,
        Draft(
            community_id=community.id,
            about=request.reference,
            version=_number(session, request),
            kind=Kind.OFFER,
            channel=Channel.SMS,
            recipient=request.phone or "",
            text=said.sms(),
            send_at=now,
            expires_at=offer.until,
            language=said.language,
        ),
    )


def _number(session: Session, request: CareRequest) -> int:
    """Return which offer to this request this is: each has a message of its own."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Offer)
            .where(Offer.community_id == request.community_id, Offer.request_id == request.id)
        )
        or 0
    )
