"""A slot that frees up is offered to one of those who wait, for ten minutes, to nobody else.

What frees it does not matter: a cancellation, a hold that ended, a ladder, new reserved time. What
is free now and suits somebody who waits is offered.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from enum import StrEnum, auto
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from booking.desk import alternatives, line, proposals, tell, tell_offers, wishes
from booking.desk.alternatives import TIME_TO_COME
from booking.desk.suits import suits
from booking.desk.turns import Match, turns
from booking.desk.validity import latest_start
from booking.links import Links, hashed
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    Offer,
    OfferKind,
    Wish,
)
from booking.triage.protocol import Level
from schedules import keeping
from schedules.models import Community, Slot

KEPT_FOR = timedelta(minutes=10)

SOONER = timedelta(minutes=30)
"""So much sooner, at least, than the appointment that they have."""

WRITTEN_FROM = time(8)
WRITTEN_UNTIL = {Level.SAME_DAY: time(21), Level.WITHIN_24H: time(20)}
"""Wall time at which a slot is offered by SMS; outside it nobody is woken."""

MOST = 1000
"""Requests looked at in one go: a territory has some tens."""

LOOKED_AT = 12


def due(session: Session, *, now: datetime) -> list[Match]:
    """Return the offers to make at this moment, of every community. Reads only."""
    rows = session.execute(_waiting(now).limit(MOST)).all()
    return turns(match for row in rows for match in _matches(session, row, now))


def _waiting(now: datetime) -> Select[CareRequest, Community, datetime, datetime]:
    """Return who waits and holds nothing, with since when, and the hour that they have if any."""
    theirs = and_(
        Booking.community_id == CareRequest.community_id,
        Booking.request_id == CareRequest.id,
        Booking.status != BookingStatus.CANCELLED,
    )
    at = and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id)
    return (
        select(CareRequest, Community, Wish.since, Slot.starts_at)
        .join(Community, Community.id == CareRequest.community_id)
        .join(Wish, wishes.counts())
        .outerjoin(Booking, theirs)
        .outerjoin(Slot, at)
        .where(
            CareRequest.phone.is_not(None),
            CareRequest.level.in_(WRITTEN_UNTIL),
            ~_holds_something(now),
        )
        .order_by(CareRequest.deadline, CareRequest.id)
        .execution_options(populate_existing=True)
    )


def _holds_something(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a request keeps a slot: offered to it, or chosen."""
    held = aliased(Slot, name="held")
    return (
        select(held.id)
        .where(
            held.community_id == CareRequest.community_id,
            held.held_by == CareRequest.reference,
            held.held_until > now,
        )
        .correlate(CareRequest)
        .exists()
    )


def _matches(
    session: Session, row: Row[CareRequest, Community, datetime, datetime], now: datetime
) -> Iterator[Match]:
    """Yield what is free and suits somebody, and was not offered to them before."""
    request, community, since, has_at = row
    level, deadline = request.level, request.deadline
    if level is None or deadline is None or how(request, community, now=now) is None:
        return
    after, before = now + TIME_TO_COME, (has_at - SOONER) if has_at else None
    found = proposals.in_time(session, request, community, after=after, each=LOOKED_AT, now=now)
    known = _offered_before(session, request)
    for each in found:
        if each.slot.reference in known or (before and each.slot.starts_at > before):
            continue
        yield Match(
            community_id=community.id,
            request=request.reference,
            slot=each.slot.reference,
            has_none=has_at is None,
            level=level,
            left=deadline - now,
            since=since,
            starts_at=each.slot.starts_at,
            distance_km=each.distance_km,
        )


def _offered_before(session: Session, request: CareRequest) -> set[UUID]:
    return set(
        session.scalars(
            select(Slot.reference)
            .join(Offer, and_(Offer.community_id == Slot.community_id, Offer.slot_id == Slot.id))
            .where(Offer.community_id == request.community_id, Offer.request_id == request.id)
        )
    )


class Way(StrEnum):
    """How somebody is told of an offer."""

    SMS = auto()
    CALL = auto()


def how(request: CareRequest, community: Community, *, now: datetime) -> Way | None:
    """Return how this request can be told of a slot now; None while nobody can tell it.

    By SMS in the daytime, and for a need of today in the evening; else somebody of the line calls
    while it is open. At night a slot stays free for all.
    """
    wall = now.astimezone(community.zone).time()
    level, phone = request.level, request.phone
    may_write = level in WRITTEN_UNTIL and WRITTEN_FROM <= wall < WRITTEN_UNTIL[level]
    if may_write and phone and request.wants_sms and tell.takes_sms(phone):
        return Way.SMS
    return Way.CALL if phone and line.is_open(community, now) else None


def offer(session: Session, match: Match, *, links: Links, now: datetime) -> bool:
    """Keep a slot for who comes first, and tell them; False if anything has changed since.

    Hold, offer and message are true together, or nothing is.
    """
    row = session.execute(
        _waiting(now)
        .where(
            CareRequest.community_id == match.community_id, CareRequest.reference == match.request
        )
        .with_for_update(of=CareRequest, skip_locked=True)
    ).one_or_none()
    way = row and how(row[0], row[1], now=now)
    if row is None or way is None:
        return False
    request, community, _, has_at = row
    until = now + KEPT_FOR
    kept = keeping.keep_for(
        session,
        community.id,
        [match.slot],
        asker=request.reference,
        only_if=_suits(request, has_at, now),
        most=1,
        until=until,
        now=now,
    )
    for slot_id in kept:
        note(session, request, community, slot_id, way, until=until, links=links, now=now)
    return bool(kept)


def _suits(request: CareRequest, has_at: datetime | None, now: datetime) -> ColumnElement[bool]:
    until = latest_start(request.deadline or now, now)
    fit = suits(request.assessment_id, request.regular_doctor, until=until)
    return and_(fit, Slot.starts_at <= has_at - SOONER) if has_at else fit


def note(
    session: Session,
    request: CareRequest,
    community: Community,
    slot_id: int,
    way: Way,
    *,
    until: datetime,
    links: Links,
    now: datetime,
) -> None:
    """Write that a slot which is held for a locked request is offered to it, and tell of it."""
    theirs = and_(Offer.request_id == request.id, Offer.kind == OfferKind.WAITING_LIST)
    # They held nothing, and nobody held this slot: what was offered of both has ended.
    over = or_(Offer.slot_id == slot_id, theirs)
    alternatives.lapse(session, Offer.community_id == community.id, over, now=now)
    reference = uuid4()
    made = Offer(
        community_id=community.id,
        reference=reference,
        request_id=request.id,
        slot_id=slot_id,
        kind=OfferKind.WAITING_LIST,
        link_hash=hashed(links.offer_token(reference)),
        is_to_call=way is Way.CALL,
        offered_at=now,
        until=until,
    )
    session.add(made)
    session.flush()
    if way is Way.SMS:
        tell_offers.offered(session, community, request, made, links=links, now=now)
