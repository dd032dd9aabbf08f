"""What becomes of a slot that is offered: taken by its link, refused, or over."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import change, choose, wishes
from booking.desk.reach import ITS_PROFESSIONAL
from booking.links import Links, hashed
from booking.models import CareRequest, Offer, OfferAnswer, OfferKind, RequestStatus
from schedules import slots
from schedules.models import Community, Professional, Site, Slot


class NoSuchOffer(LookupError):
    """No offer that this link opens."""


class OfferOver(Exception):
    """It was refused, or its time is up: the slot is somebody else's to take."""


@dataclass(frozen=True)
class Offered:
    """An offer with all that its page needs."""

    offer: Offer
    request: CareRequest
    slot: Slot
    professional: Professional
    site: Site
    community: Community

    def is_live(self, now: datetime) -> bool:
        """Return whether the slot is still kept for whom it was offered to."""
        return (
            self.offer.answered_at is None
            and self.slot.held_by == self.request.reference
            and self.slot.held_until == self.offer.until
            and self.offer.until > now
        )


def by_link(session: Session, token: str, *, lock: bool = False) -> Offered:
    """Return the offer that this link opens; its request locked if it is to be answered.

    Raises:
        NoSuchOffer: if the token opens none.
    """
    which = and_(Offer.link_hash == hashed(token), Offer.kind == OfferKind.WAITING_LIST)
    theirs = and_(
        CareRequest.community_id == Offer.community_id, CareRequest.id == Offer.request_id
    )
    if lock:
        # Alone, before the rest is read: what changed while we waited is seen then.
        session.execute(
            select(CareRequest.id).join(Offer, theirs).where(which).with_for_update(of=CareRequest)
        )
    found = session.execute(
        select(Offer, CareRequest, Slot, Professional, Site, Community)
        .join(CareRequest, theirs)
        .join(Slot, and_(Slot.community_id == Offer.community_id, Slot.id == Offer.slot_id))
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .join(Community, Community.id == Offer.community_id)
        .where(which)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchOffer
    return Offered(*found)


def take(session: Session, offered: Offered, *, by: str, links: Links, now: datetime) -> str | None:
    """Give who waits the slot that is kept for them; return the token of the appointment's page.

    Whoever has an appointment moves to this one. None if nobody knows their name yet: the slot
    is theirs as if they had chosen it, and their form goes on. Taken twice is taken once.

    Raises:
        OfferOver: if it is not kept for them any more.
        choose.LevelForbids: if a judgement made since allows no booking, or is too old.
        change.TooLate: if the appointment that they had has begun.
    """
    asked, slot = offered.request, offered.slot
    if slot.claimed_by == asked.reference:
        return links.booking_token(change.of_request(session, asked).booking.reference)
    if not offered.is_live(now):
        raise OfferOver
    token = _taken(session, offered, by=by, links=links, now=now)
    offered.offer.answer, offered.offer.answered_at = OfferAnswer.TAKEN, now
    wishes.end(session, asked, now=now)
    session.flush()
    return token


def _taken(
    session: Session, offered: Offered, *, by: str, links: Links, now: datetime
) -> str | None:
    asked, wanted = offered.request, offered.slot.reference
    if asked.status is RequestStatus.BOOKED:
        kept = change.of_request(session, asked)
        change.move(session, kept, wanted, by=by, links=links, now=now)
        return links.booking_token(kept.booking.reference)
    if not (asked.family_name and asked.given_name):
        choose.hold(session, asked, wanted, now=now)
        return None
    said = (session, asked, offered.community, wanted)
    return links.booking_token(choose.book(*said, by=by, links=links, now=now).reference)


def refuse(session: Session, offered: Offered, *, now: datetime) -> None:
    """Let the slot go at once, for the next who waits; refused twice is refused once."""
    if not offered.is_live(now):
        return
    slots.let_go(session, offered.community.id, asker=offered.request.reference, now=now)
    offered.offer.answer, offered.offer.answered_at = OfferAnswer.REFUSED, now
    session.flush()
