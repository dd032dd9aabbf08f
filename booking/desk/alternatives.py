"""A practice cancelled: three other appointments are kept for whom it cancelled, for 15 minutes.

They suit by the judgement that led to the first one, and before its deadline. None chosen, they are
free again by themselves, and the request is on the operators' list, where it was all the time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from booking.desk import proposals
from booking.desk.reach import ITS_PROFESSIONAL
from booking.desk.suits import suits
from booking.desk.validity import latest_start
from booking.models import (
    Booking,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Offer,
    OfferAnswer,
    OfferKind,
    RequestStatus,
)
from booking.routing import Proposal
from booking.triage.protocol import Level
from schedules import keeping, slots
from schedules.geography import Place, distance_km
from schedules.models import Community, Professional, Site, Slot

KEPT_FOR = timedelta(minutes=15)
"""How long they are kept. The message, the page and the operators say until when."""

TIME_TO_COME = timedelta(minutes=30)
"""A slot that starts sooner is not kept: its half would be gone before the message is read."""

SHOWN = 3
SPARE = 3
"""Looked at beside them: somebody may be taking one at this moment."""

LOOKED_AT = 60

MOST_KEPT = 12
"""In all, for one request: who has let so many go is telephoned."""


@dataclass(frozen=True)
class Alternative:
    """An appointment that is kept for somebody at this moment."""

    slot: Slot
    professional: Professional
    site: Site
    distance_km: float | None
    until: datetime


def keep(
    session: Session,
    request: CareRequest,
    community: Community,
    *,
    instead_of: Slot,
    now: datetime,
) -> datetime | None:
    """Keep up to three slots for a locked request and return until when; None if nothing suits.

    Those nearest to the hour that was lost, whoever offers them; never that hour of that
    professional again. A need of today for which there is none becomes a doctor's to decide.
    After twelve nothing more is kept.
    """
    if not may_keep_more(session, request):
        return None
    # What was offered beside the appointment that they have lost may be among them.
    slots.let_go(session, community.id, asker=request.reference, now=now)
    until = now + KEPT_FOR
    fit = suits(
        request.assessment_id,
        request.regular_doctor,
        until=latest_start(request.deadline or now, now),
    )
    kept = keeping.keep_for(
        session,
        community.id,
        [each.slot.reference for each in _nearest(session, request, community, instead_of, now)],
        asker=request.reference,
        only_if=fit,
        most=SHOWN,
        until=until,
        now=now,
    )
    _note(session, request, kept, until=until, now=now)
    if not kept and request.level is Level.SAME_DAY:
        # Whatever is free at the hour that the practice has just taken back.
        request.doctor_asked_at = request.doctor_asked_at or now
        session.flush()
    return until if kept else None


def _nearest(
    session: Session, request: CareRequest, community: Community, lost: Slot, now: datetime
) -> list[Proposal]:
    """Return what suits, nearest to the hour that was lost; of two as near, the better one.

    One of each hour first: who cannot come at one may come at another.
    """
    found = proposals.in_time(
        session, request, community, after=now + TIME_TO_COME, each=LOOKED_AT, now=now
    )
    whose = session.scalar(
        select(Professional.reference).where(
            Professional.community_id == lost.community_id, Professional.id == lost.professional_id
        )
    )
    others = [
        each
        for each in found
        if (each.slot.professional, each.slot.starts_at) != (whose, lost.starts_at)
    ]
    others.sort(key=lambda each: abs(each.slot.starts_at - lost.starts_at))
    at_its_hour: Counter[datetime] = Counter()
    turns: list[tuple[int, int, Proposal]] = []
    for each in others:
        at_its_hour[each.slot.starts_at] += 1
        turns.append((at_its_hour[each.slot.starts_at], len(turns), each))
    return [each for *_, each in sorted(turns)[: SHOWN + SPARE]]


def may_keep_more(session: Session, request: CareRequest) -> bool:
    """Return whether anything more is kept for this request: who let twelve go is telephoned."""
    offered = select(func.count()).where(
        Offer.community_id == request.community_id, Offer.request_id == request.id
    )
    return (session.scalar(offered) or 0) < MOST_KEPT


def _note(
    session: Session, request: CareRequest, kept: Sequence[int], *, until: datetime, now: datetime
) -> None:
    """Write what is offered; whoever was offered one of these before has let it go."""
    lapse(session, Offer.community_id == request.community_id, Offer.slot_id.in_(kept), now=now)
    session.add_all(
        Offer(
            community_id=request.community_id,
            request_id=request.id,
            slot_id=slot,
            kind=OfferKind.ALTERNATIVE,
            offered_at=now,
            until=until,
        )
        for slot in kept
    )
    session.flush()


def of(session: Session, request: CareRequest, *, now: datetime) -> list[Alternative]:
    """Return what is kept for a request at this moment, in the order of the hours."""
    rows = session.execute(
        select(Slot, Professional, Site, Offer.until)
        .join(Offer, and_(Offer.community_id == Slot.community_id, Offer.slot_id == Slot.id))
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(
            Offer.community_id == request.community_id,
            Offer.request_id == request.id,
            is_live(now),
            Slot.held_by == request.reference,
            Slot.held_until == Offer.until,
        )
        .order_by(Slot.starts_at, Slot.id)
        .execution_options(populate_existing=True)
    )
    home = proposals.home(request)
    return [
        Alternative(slot, who, site, _how_far(home, site), until) for slot, who, site, until in rows
    ]


def _how_far(home: Place | None, site: Site) -> float | None:
    return None if home is None else distance_km(home, Place(site.latitude, site.longitude))


def is_live(now: datetime) -> ColumnElement[bool]:
    """Return the condition that an offer is neither answered nor past its end."""
    return and_(Offer.answered_at.is_(None), Offer.until > now)


def is_offered(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a slot is offered to somebody: kept, but not chosen."""
    offered = select(Offer.id).where(
        Offer.community_id == Slot.community_id, Offer.slot_id == Slot.id, is_live(now)
    )
    # A hold that was renewed or made since is a choice.
    return offered.where(Offer.until == Slot.held_until).correlate(Slot).exists()


def was_cancelled_by_practice() -> ColumnElement[bool]:
    """Return the condition that a request lost its appointment because the practice said so."""
    lost = select(Booking.id).where(
        Booking.community_id == CareRequest.community_id,
        Booking.request_id == CareRequest.id,
        Booking.cancelled_by == CancelledBy.PRACTICE,
    )
    return and_(CareRequest.status == RequestStatus.OPEN, lost.correlate(CareRequest).exists())


def kept_until(now: datetime) -> ScalarSelect[datetime]:
    """Return the query for the moment until which something is offered to a request, if it is."""
    return (
        select(func.max(Offer.until))
        .where(
            Offer.community_id == CareRequest.community_id,
            Offer.request_id == CareRequest.id,
            is_live(now),
        )
        .correlate(CareRequest)
        .scalar_subquery()
    )


def end(session: Session, *, now: datetime) -> int:
    """Note what became of the offers whose time is up or whose slot is not kept any more.

    Nothing depends on it: the slot's own hold is what keeps it. Return how many have ended.
    """
    return lapse(session, or_(Offer.until <= now, ~_is_held(now)), now=now)


def lapse(session: Session, *which: ColumnElement[bool], now: datetime) -> int:
    """Note that these offers have ended, taken or not, if nobody has yet; return how many."""
    done = session.execute(
        update(Offer)
        .where(*which, Offer.answered_at.is_(None))
        .values(
            answer=case(
                (_is_taken(), literal(OfferAnswer.TAKEN, Offer.answer.type)),
                else_=literal(OfferAnswer.LAPSED, Offer.answer.type),
            ),
            answered_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    return done.rowcount  # type: ignore[no-any-return,attr-defined]  # a CursorResult, typed Result


def _is_held(now: datetime) -> ColumnElement[bool]:
    """Return the condition that the slot still waits for the request that it was offered to."""
    return (
        select(Slot.id)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Slot.community_id,
                CareRequest.reference == Slot.held_by,
            ),
        )
        .where(
            Slot.community_id == Offer.community_id,
            Slot.id == Offer.slot_id,
            CareRequest.id == Offer.request_id,
            Slot.held_until > now,
        )
        .correlate(Offer)
        .exists()
    )


def _is_taken() -> ColumnElement[bool]:
    return (
        select(Booking.id)
        .where(
            Booking.community_id == Offer.community_id,
            Booking.slot_id == Offer.slot_id,
            Booking.request_id == Offer.request_id,
            Booking.status != BookingStatus.CANCELLED,
        )
        .correlate(Offer)
        .exists()
    )
