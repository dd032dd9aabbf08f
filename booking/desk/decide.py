"""Somebody decides that a need is more, or less, urgent than it stands: named, with a reason.

Anybody on the staff may raise; only a clinician, by their own account, may lower (SR-08). What
triage said stays as it was; the decision and the judgement that follows stand beside it, for ever.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import ask, judge, second_look
from booking.desk.proposals import NotAssessed, assessment_of
from booking.desk.staff import Actor
from booking.models import CareRequest, LevelDecision, LookOutcome, RequestStatus
from booking.triage.protocol import Level, Protocol
from schedules.models import Community

RAISED_TO = (Level.SAME_DAY, Level.CALL_15_ADVICE, Level.CALL_15)
"""What whoever answers the line may raise a need to."""

LONGEST_REASON = 500


class NotAllowed(Exception):
    """This account may not decide this: to lower, or to decide about a request that has ended."""


class ReasonMissing(ValueError):
    """A decision of level has a reason, in words, of 500 letters at most."""


class SameLevel(ValueError):
    """The request stands at this level already."""


def may(by: Actor, request: CareRequest) -> list[Level]:
    """Return the levels that this account may decide for a request, gravest first."""
    at = request.level
    if at is None or request.status not in DECIDABLE:
        return []
    raises = [to for to in Level if to > at and (by.is_clinician or to in RAISED_TO)]
    lowers = [to for to in Level if to < at and by.may_lower(at)]
    return sorted([*raises, *lowers], reverse=True)


DECIDABLE = (RequestStatus.OPEN, RequestStatus.EMERGENCY, RequestStatus.ADVISED)
"""What somebody may decide about: neither a draft, nor what has an appointment or has ended."""


def level(
    session: Session,
    request: CareRequest,
    to: Level,
    *,
    reason: str,
    by: Actor,
    protocol: Protocol,
    community: Community,
    now: datetime,
) -> LevelDecision:
    """Let a locked request stand at another level, because somebody says so; return their decision.

    A second look that was waited for ends with it: whoever raises has looked.

    Raises:
        ask.AlreadyBooked: if it has an appointment.
        proposals.NotAssessed: if triage has not ended, or an answer was changed since.
        SameLevel: if it stands there already.
        NotAllowed: if this account may not.
        ReasonMissing: if no reason is said.
    """
    why = _reason(request, to, reason, by)
    judged = assessment_of(session, request)
    decision = LevelDecision(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        assessment_id=judged.id,
        from_level=judged.level,
        to_level=to,
        reason=why,
        account=by.account,
        name=by.name,
        role=by.role,
        professional_id=by.professional_id,
        profession=by.profession,
        decided_at=now,
    )
    session.add(decision)
    session.flush()
    look = second_look.of(session, request)
    if look is not None and look.opened_by != by.account:
        second_look.close(session, request, LookOutcome.RAISED, by=by, now=now)
    judge.by_human(
        session, request, judged, decision, protocol=protocol, community=community, now=now
    )
    return decision


def _reason(request: CareRequest, to: Level, reason: str, by: Actor) -> str:
    """Return why, cleaned, if this account may decide this at all; raises as `level` says."""
    why = reason.strip()
    if request.status is RequestStatus.BOOKED:
        raise ask.AlreadyBooked
    if request.level is None:
        raise NotAssessed
    if request.level is to:
        raise SameLevel
    if to not in may(by, request):
        raise NotAllowed
    if not why or len(why) > LONGEST_REASON:
        raise ReasonMissing
    return why


def history(session: Session, request: CareRequest) -> Sequence[LevelDecision]:
    """Return every decision about this request, in order."""
    return session.scalars(
        select(LevelDecision)
        .where(
            LevelDecision.community_id == request.community_id,
            LevelDecision.request_id == request.id,
        )
        .order_by(LevelDecision.id)
    ).all()
