"""The promise of a request: begun by its judgement, moved by the next, ended by what became of it.

The only writer of the table. Each function writes in the transaction of what makes it true, and
the request is locked; the database refuses to commit a request without what it is owed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from sqlalchemy import CTE, ColumnElement, bindparam, case, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from booking.desk import escalation
from booking.models import (
    Assessment,
    CareRequest,
    EscalatedTo,
    LevelDecision,
    Promise,
    PromiseChange,
    PromiseEnd,
    PromiseEvent,
    RequestStatus,
)
from schedules.models import Community

TRIAGE = "TRIAGE"
"""Who did what triage did by itself."""

CLOCK = "CLOCK"
"""Who did what nobody did: time has passed."""

HANDED_TO: Mapping[RequestStatus, str] = MappingProxyType(
    {RequestStatus.EMERGENCY: "called_15", RequestStatus.ADVISED: "advised"}
)
"""Whose a request is from then on, where a judgement ends the promise."""

HANDED_OVER = frozenset({*HANDED_TO.values(), "sas", "emergency_room", "regular_doctor", "outside"})
"""Reasons that say who answers for somebody now; every other reason is a refusal."""

SHORTEST = timedelta(minutes=1)


def open_of(session: Session, request: CareRequest) -> Promise | None:
    """Return the promise of a request that has not ended, if it has one."""
    last = last_of(session, request)
    return last if last is not None and last.ended_at is None else None


def last_of(session: Session, request: CareRequest) -> Promise | None:
    """Return the last promise made to a request, ended or not, if there ever was one."""
    return session.scalar(
        select(Promise)
        .where(Promise.community_id == request.community_id, Promise.request_id == request.id)
        .order_by(Promise.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def first_due(session: Session, request: CareRequest) -> datetime | None:
    """Return until when a request was owed care before: also one that was sent to the 15 since."""
    if request.deadline is not None:
        return request.deadline
    last = last_of(session, request)
    return last.due_at if last else None


def follow(
    session: Session,
    request: CareRequest,
    judged: Assessment,
    community: Community,
    *,
    now: datetime,
) -> None:
    """Let the promise of a locked request say what the judgement that now counts owes them.

    A judgement that owes nothing hands it over: to the 15, or with the advice that was given.
    """
    by = _decided_by(session, judged)
    if request.status is not RequestStatus.OPEN:
        end(session, request, HANDED_TO[request.status], by=by, now=now)
        return
    last = last_of(session, request)
    if last is None or last.ended_at is not None:
        _begin(session, request, judged, community, last, by=by, now=now)
    else:
        _move(session, last, request, judged, community, by=by, now=now)


def _decided_by(session: Session, judged: Assessment) -> str:
    if judged.decision_id is None:
        return TRIAGE
    decided = session.get_one(LevelDecision, (judged.community_id, judged.decision_id))
    return str(decided.account)


def _begin(
    session: Session,
    request: CareRequest,
    judged: Assessment,
    community: Community,
    before: Promise | None,
    *,
    by: str,
    now: datetime,
) -> None:
    """Make the first promise to a request, or another one after one that has ended."""
    due = _due(request)
    made = Promise(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        level=judged.level,
        began_at=min(before.began_at if before else now, due - SHORTEST),
        due_at=due,
        decision_id=judged.decision_id,
    )
    _plan(made, community)
    session.add(made)
    session.flush()
    _note(session, made, PromiseChange.BEGAN, by=by, now=now)


def _move(
    session: Session,
    promise: Promise,
    request: CareRequest,
    judged: Assessment,
    community: Community,
    *,
    by: str,
    now: datetime,
) -> None:
    due, was = _due(request), promise.due_at
    promise.level, promise.decision_id = judged.level, judged.decision_id
    if due == was:
        session.flush()
        return
    promise.due_at = due
    if due > was:
        # A clinician has looked at it and gave it more time: whoever was alarmed is so no more.
        promise.escalated_to = promise.escalated_at = None
    _plan(promise, community)
    session.flush()
    what = PromiseChange.LATER if due > was else PromiseChange.SOONER
    _note(session, promise, what, by=by, now=now)


def _due(request: CareRequest) -> datetime:
    if request.deadline is None:
        raise ValueError("a request that is open has a deadline")
    return request.deadline


def _plan(promise: Promise, community: Community) -> None:
    """Set when the next one has to look, with the community's present percents."""
    all_steps = escalation.steps(promise.began_at, promise.due_at, community.alarm_percents)
    promise.next_step_at = escalation.next_moment(all_steps, promise.escalated_to)


def resume(
    session: Session, request: CareRequest, community: Community, *, by: str, now: datetime
) -> None:
    """Go on with the promise of a locked request whose appointment the practice cancelled.

    A new row with the times of the first: no cancellation gives anybody more, or starts a clock.
    """
    before = last_of(session, request)
    if before is None or before.ended_at is None:
        return
    made = Promise(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        level=before.level,
        began_at=before.began_at,
        due_at=before.due_at,
        decision_id=before.decision_id,
    )
    _plan(made, community)
    session.add(made)
    session.flush()
    _note(session, made, PromiseChange.RESUMED, by=by, now=now)


def end(session: Session, request: CareRequest, reason: str, *, by: str, now: datetime) -> bool:
    """End the promise of a locked request without an appointment; return whether there was one.

    `reason` is a code: those of `HANDED_OVER` say whose the request is now, all others are
    refusals.
    """
    promise = open_of(session, request)
    if promise is None:
        return False
    promise.ended_at, promise.next_step_at, promise.reason = now, None, reason
    promise.ended_as = PromiseEnd.HANDED_OVER if reason in HANDED_OVER else PromiseEnd.DECLINED
    session.flush()
    _note(session, promise, PromiseChange.ENDED, by=by, now=now)
    return True


def take(session: Session, promise: Promise, *, by: str, now: datetime) -> None:
    """Note that somebody sees to a promise: shown on the lists, whoever had it before."""
    _note(session, promise, PromiseChange.TAKEN, by=by, now=now)


def escalate(
    session: Session, promise: Promise, community: Community, to: EscalatedTo, *, now: datetime
) -> None:
    """Note that somebody else has to look at a promise from now on, and plan the one after."""
    promise.escalated_to, promise.escalated_at = to, now
    _plan(promise, community)
    session.flush()
    _note(session, promise, PromiseChange.ESCALATED, by=CLOCK, now=now)


def _note(
    session: Session, promise: Promise, what: PromiseChange, *, by: str, now: datetime
) -> None:
    session.add(
        PromiseEvent(
            community_id=promise.community_id,
            promise_id=promise.id,
            what=what,
            due_at=promise.due_at,
            escalated_to=promise.escalated_to if what is PromiseChange.ESCALATED else None,
            by=by,
            at=now,
        )
    )
    session.flush()


def keeping(claimed: CTE) -> tuple[CTE, CTE]:
    """Return the parts of the statement of `claim` that end the promise, and note who ended it.

    They need the parameters `request_number`, `moment` and `author`; `claimed` is the slot.
    """
    in_time = claimed.c.starts_at <= Promise.due_at
    kept, late = (
        literal(each, Promise.ended_as.type) for each in (PromiseEnd.KEPT, PromiseEnd.LATE)
    )
    ended = (
        update(Promise)
        .where(
            Promise.community_id == claimed.c.community_id,
            Promise.request_id == bindparam("request_number"),
            Promise.ended_at.is_(None),
        )
        .values(
            ended_at=bindparam("moment", type_=Promise.ended_at.type),
            ended_as=case((in_time, kept), else_=late),
            next_step_at=None,
        )
        .returning(Promise.community_id, Promise.id, Promise.due_at)
        .cte("promise_ended")
    )
    return ended, _noting(ended)


def _noting(ended: CTE) -> CTE:
    values: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
        PromiseEvent.community_id: ended.c.community_id,
        PromiseEvent.promise_id: ended.c.id,
        PromiseEvent.what: literal(PromiseChange.ENDED, PromiseEvent.what.type),
        PromiseEvent.due_at: ended.c.due_at,
        PromiseEvent.by: bindparam("author", type_=PromiseEvent.by.type),
        PromiseEvent.at: bindparam("moment", type_=PromiseEvent.at.type),
    }
    return (
        insert(PromiseEvent)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .cte("promise_noted")
    )
