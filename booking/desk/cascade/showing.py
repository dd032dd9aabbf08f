"""What staff see of calls for help: who is being asked for whom, and how the turns fall. Reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from booking.desk.cascade import calls, candidates, terms
from booking.models import Asked, CallEnd, CallForHelp, CareRequest, HelpAnswer
from schedules.models import Community, Professional


@dataclass(frozen=True)
class Shown:
    """One call as a line says it."""

    asked: int
    refused: int
    wave: int
    next_wave_at: datetime | None
    everybody_asked: bool
    ended_as: CallEnd | None


def live(session: Session, community: Community) -> Mapping[UUID, Shown]:
    """Return the calls that run, by the request they are for."""
    rows = session.execute(
        _counted().where(CallForHelp.community_id == community.id, CallForHelp.ended_at.is_(None))
    )
    return {row[0]: Shown(*row[1:]) for row in rows}


def last(session: Session, request: CareRequest) -> Shown | None:
    """Return the last call for a request, running or not."""
    row = session.execute(
        _counted()
        .where(
            CallForHelp.community_id == request.community_id,
            CallForHelp.request_id == request.id,
        )
        .order_by(CallForHelp.id.desc())
        .limit(1)
    ).one_or_none()
    return Shown(*row[1:]) if row else None


def may_start(
    session: Session, request: CareRequest, community: Community, *, now: datetime
) -> bool:
    """Return whether somebody may let professionals be asked for this request."""
    is_on = terms.of(community.cascade).is_on
    return is_on and calls.waits(request, now) and calls.live(session, request) is None


def _counted() -> Select[UUID, int, int, int, datetime | None, bool, CallEnd | None]:
    refused = func.count(Asked.id).filter(Asked.answer == HelpAnswer.REFUSED)
    return (
        select(
            CareRequest.reference,
            func.count(Asked.id),
            refused,
            CallForHelp.wave,
            CallForHelp.next_wave_at,
            CallForHelp.everybody_asked,
            CallForHelp.ended_as,
        )
        .select_from(CallForHelp)
        .join(CareRequest, calls.ITS_REQUEST)
        .outerjoin(Asked, calls.ITS_CALL)
        .group_by(CareRequest.reference, CallForHelp.community_id, CallForHelp.id, CareRequest.id)
    )


@dataclass(frozen=True)
class Turns:
    """How often each member was asked in the last 30 days, and how often the members on average."""

    by_member: Mapping[UUID, int]
    average: float
    """Of those who may be asked."""


def turns(session: Session, community: Community, *, now: datetime) -> Turns:
    """Return how the turns have fallen: what every member may see of their own, and the average."""
    people = session.scalars(
        select(Professional).where(
            Professional.community_id == community.id, Professional.suspended_at.is_(None)
        )
    ).all()
    counts = candidates.counted(session, community, [who.id for who in people], now=now)
    lately = {who.reference: counts[who.id][0] if who.id in counts else 0 for who in people}
    willing = [lately[who.reference] for who in people if who.accepts_calls_for_help]
    return Turns(lately, sum(willing) / len(willing) if willing else 0.0)
