"""The worker's part: who is asked now, in waves, for each request for which nothing is free."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from booking.desk import proposals, wishes
from booking.desk.cascade import calls, candidates, fair, telling, terms
from booking.desk.cascade.fair import Candidate
from booking.desk.waiting_list import WRITTEN_FROM, WRITTEN_UNTIL
from booking.links import Links, hashed
from booking.models import (
    Asked,
    CallEnd,
    CallForHelp,
    CareRequest,
    HelpAnswer,
    RequestStatus,
    Wish,
)
from booking.triage.protocol import Level
from config.clock import at, local_day
from schedules.models import Community, Professional

MOST = 200
"""Requests looked at in one go: a territory has some tens."""

TIME_TO_ANSWER = timedelta(minutes=30)
"""With less time left nobody more is asked: the patient has to come, too."""


def due(session: Session, *, now: datetime) -> list[tuple[int, UUID]]:
    """Return the requests to look at, of every community: running calls, and calls to begin.

    Whoever was promised a call, or wants to be told of a slot, has agreed that we look for one.
    Reads only.
    """
    runs = _call(CallForHelp.ended_at.is_(None))
    ended = _call(CallForHelp.ended_as.in_(calls.FOR_GOOD))
    wants = select(Wish.id).where(wishes.counts()).correlate(CareRequest).exists()
    may_begin = and_(
        Community.cascade["is_on"].as_boolean(),
        CareRequest.status == RequestStatus.OPEN,
        CareRequest.level.in_(WRITTEN_UNTIL),
        CareRequest.phone.is_not(None),
        CareRequest.deadline > now + TIME_TO_ANSWER,
        or_(CareRequest.call_back_asked_at.is_not(None), wants),
        ~ended,
    )
    rows = session.execute(
        select(CareRequest.community_id, CareRequest.reference)
        .join(Community, Community.id == CareRequest.community_id)
        .where(or_(runs, may_begin))
        .order_by(CareRequest.deadline, CareRequest.id)
        .limit(MOST)
    )
    return [(community, reference) for community, reference in rows]


def attend(
    session: Session, community_id: int, reference: UUID, *, links: Links, now: datetime
) -> int:
    """Begin, go on with, or end the call of one request; return how many were asked just now.

    Nothing, if somebody is changing the request at this moment. Who is asked and their message
    are true together.
    """
    found = session.execute(
        select(CareRequest, Community)
        .join(Community, Community.id == CareRequest.community_id)
        .where(CareRequest.community_id == community_id, CareRequest.reference == reference)
        .with_for_update(of=CareRequest, skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return 0
    request, community = found
    call = calls.live(session, request)
    if call is None:
        if not _is_needed(session, request, community, now):
            return 0
        call = calls.begin(session, request, by=None, now=now)
    calls.lapse(session, request, call, now=now)
    how = _end(session, request, community, call, now)
    if how is not None:
        calls.end(session, call, how, now=now)
        return 0
    if call.next_wave_at is None or call.next_wave_at > now:
        return 0
    return _ask(session, request, community, call, links=links, now=now)


def _call(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a request has such a call."""
    return (
        select(CallForHelp.id)
        .where(
            CallForHelp.community_id == CareRequest.community_id,
            CallForHelp.request_id == CareRequest.id,
            which,
        )
        .correlate(CareRequest)
        .exists()
    )


def _is_needed(session: Session, request: CareRequest, community: Community, now: datetime) -> bool:
    """Return whether nothing is free for somebody who waits, in the daytime."""
    return (
        calls.waits(request, now)
        and _opens(community.zone, request.level, now) == now
        and _has_nothing(session, request, community, now)
    )


def _has_nothing(
    session: Session, request: CareRequest, community: Community, now: datetime
) -> bool:
    """Return whether no slot is kept for a request, and none that is free would do."""
    if calls.holds_something(session, request, now):
        return False
    after = now + proposals.SOON_ENOUGH_TO_LEAVE
    return not proposals.in_time(session, request, community, after=after, each=1, now=now)


def _opens(zone: ZoneInfo, level: Level | None, now: datetime) -> datetime:
    """Return the next moment, now perhaps, at which nobody's evening or night is disturbed."""
    wall, today = now.astimezone(zone).time(), local_day(now, zone)
    if wall < WRITTEN_FROM:
        return at(today, WRITTEN_FROM, zone)
    if level is not None and wall < WRITTEN_UNTIL[level]:
        return now
    return at(today + timedelta(days=1), WRITTEN_FROM, zone)


def _end(
    session: Session,
    request: CareRequest,
    community: Community,
    call: CallForHelp,
    now: datetime,
) -> CallEnd | None:
    """Return how a running call has ended by now, if it has."""
    if request.status is RequestStatus.BOOKED:
        return CallEnd.FILLED
    is_changing = request.status is RequestStatus.DRAFT
    if not terms.of(community.cascade).is_on or not (
        is_changing or request.status is RequestStatus.OPEN
    ):
        return CallEnd.GONE
    if request.deadline is None or request.deadline <= now:
        return CallEnd.EXHAUSTED
    nobody_left = call.everybody_asked and not _awaited(session, call)
    return CallEnd.EXHAUSTED if nobody_left else None


def _awaited(session: Session, call: CallForHelp) -> int:
    """Return how many may still answer, or have taken it and wait for the patient."""
    counted = select(func.count()).where(
        Asked.community_id == call.community_id,
        Asked.call_id == call.id,
        or_(Asked.answer.is_(None), Asked.answer == HelpAnswer.TAKEN),
    )
    return session.scalar(counted) or 0


def _ask(
    session: Session,
    request: CareRequest,
    community: Community,
    call: CallForHelp,
    *,
    links: Links,
    now: datetime,
) -> int:
    """Ask the next wave, if this is an hour for it and nothing is free; return how many."""
    if not calls.waits(request, now):
        return 0
    opens = _opens(community.zone, request.level, now)
    if opens > now:
        call.next_wave_at = opens
        session.flush()
        return 0
    # What is free did not suit whoever asked somebody of ours to begin.
    looks_only_at_holds = call.started_by is not None
    if calls.holds_something(session, request, now) or not (
        looks_only_at_holds or _has_nothing(session, request, community, now)
    ):
        return 0
    chosen = terms.of(community.cascade)
    found = candidates.reachable(session, request, community, call, chosen, now=now)
    before = calls.latest(session, request, now)
    is_too_late = before <= now + TIME_TO_ANSWER
    next_ones = [] if is_too_late else fair.wave(found.now, chosen.wave_size)
    left = 0 if is_too_late else len(found.now) - len(next_ones) + found.later
    call.next_wave_at = now + timedelta(minutes=chosen.minutes)
    call.everybody_asked = not left
    if next_ones:
        call.wave += 1
        _write(session, request, community, call, next_ones, links=links, now=now)
    session.flush()
    return len(next_ones)


def _write(
    session: Session,
    request: CareRequest,
    community: Community,
    call: CallForHelp,
    next_ones: Sequence[Candidate],
    *,
    links: Links,
    now: datetime,
) -> None:
    """Write whom this wave asks, and their messages."""
    people = {
        who.id: who
        for who in session.scalars(
            select(Professional).where(
                Professional.community_id == community.id,
                Professional.id.in_([each.professional_id for each in next_ones]),
            )
        )
    }
    for each in next_ones:
        reference = uuid4()
        session.add(
            Asked(
                community_id=community.id,
                reference=reference,
                call_id=call.id,
                professional_id=each.professional_id,
                wave=call.wave,
                asked_at=now,
                link_hash=hashed(links.help_token(reference)),
            )
        )
        said = telling.said(session, request, community, each, link=links.help(reference), now=now)
        telling.promise(session, community, people[each.professional_id], reference, said, now=now)
    session.flush()
