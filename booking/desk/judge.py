"""What a judgement means for its request: level, clock, limits, and who must follow it up.

A judgement is triage's own, or one that a human decided (`decide`). Both are rows of `assessment`
that never change, and both take effect here, in the same way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import nothing_free, promises, second_look, transfers
from booking.desk.validity import deadline_of, latest_start_of
from booking.models import Assessment, CareRequest, LevelDecision, RequestStatus
from booking.triage import engine
from booking.triage.facts import Patient, Pregnant, Sex, Truth
from booking.triage.protocol import GENERAL_PRACTICE, Complaint, Level, Protocol, Route
from config.clock import local_day
from schedules import slots
from schedules.models import Community

DECIDED = {
    "fr": "Décision d’un soignant ou de l’équipe, motif au dossier",
    "en": "Decided by a clinician or the team, reason on file",
}
"""What the judgement says of itself where a human decided; why is theirs alone to read."""


def patient_of(request: CareRequest) -> Patient:
    """Return what triage knows of the person: age, sex, pregnancy; each may be unknown."""
    return Patient(
        request.age_months,
        Sex(request.sex or Sex.UNKNOWN),
        Pregnant(request.pregnant or Pregnant.UNKNOWN),
        request.older_by_months,
    )


def by_triage(
    session: Session,
    request: CareRequest,
    said: engine.Assessment,
    heard: Mapping[str, Any],
    *,
    protocol: Protocol,
    community: Community,
    now: datetime,
) -> Assessment:
    """Keep what triage said of a locked request, let it take effect, and return what counts now.

    What humans have decided before still counts: a raise always, a lowering for the same answers
    and short of an emergency.
    """
    owed = deadline_of(said.level, said.deadline_hours, community.zone, now=now)
    # A deadline that was owed stays: a changed answer starts no new clock.
    deadline = min(owed, promises.first_due(session, request) or owed) if owed else None
    latest = latest_start_of(said.level, deadline, community.zone, now=now)
    row = _kept(request, said, heard, _written(said.routes, community, now))
    row.assessed_at, row.latest_start_at = now, latest
    session.add(row)
    session.flush()
    stands = _last_word(session, request, row)
    if stands is None:
        take_effect(session, request, row, community, deadline=deadline, now=now)
        return row
    return by_human(session, request, row, stands, protocol=protocol, community=community, now=now)


def by_human(
    session: Session,
    request: CareRequest,
    judged: Assessment,
    decision: LevelDecision,
    *,
    protocol: Protocol,
    community: Community,
    now: datetime,
) -> Assessment:
    """Keep the judgement that a decision makes of another one, let it take effect, return it.

    Routes are those of the same answers at the level that was decided. The clock starts with the
    decision, and once; only a level that was lowered gives more time than there was.
    """
    level, since = decision.to_level, decision.decided_at
    owed = deadline_of(level, protocol.hours(level), community.zone, now=since)
    is_lowered = level < decision.from_level
    deadline = owed if is_lowered or not owed else min(owed, request.deadline or owed)
    row = Assessment(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        level=level,
        protocol=judged.protocol,
        version=judged.version,
        digest=judged.digest,
        patient=judged.patient,
        complaints=list(judged.complaints),
        answers=dict(judged.answers),
        reasons=[_because(request, level), *judged.reasons],
        routes=_written(_routes_at(level, judged, request, protocol), community, now),
        safety_net=_safety_net_at(level, judged, protocol),
        assessed_at=now,
        latest_start_at=latest_start_of(level, deadline, community.zone, now=now),
        decision_id=decision.id,
    )
    session.add(row)
    session.flush()
    take_effect(session, request, row, community, deadline=deadline, now=now)
    return row


def take_effect(
    session: Session,
    request: CareRequest,
    row: Assessment,
    community: Community,
    *,
    deadline: datetime | None,
    now: datetime,
) -> None:
    """Let a judgement count for its locked request, with everything that hangs on it."""
    request.level, request.assessment_id, request.assessed_at = row.level, row.id, now
    request.deadline = deadline
    request.status = _status_at(row.level)
    request.version += 1
    if not row.level.is_bookable:
        slots.let_go(session, request.community_id, asker=request.reference, now=now)
    session.flush()
    promises.follow(session, request, row, community, now=now)
    if row.level.is_emergency:
        transfers.follow(session, request, now=now)
    second_look.follow(session, request, row, patient_of(request), community, now=now)
    nothing_free.ask_a_doctor(session, request, community, now=now)


def _status_at(level: Level) -> RequestStatus:
    if level.is_emergency:
        return RequestStatus.EMERGENCY
    return RequestStatus.OPEN if level.is_bookable else RequestStatus.ADVISED


def _kept(
    request: CareRequest,
    said: engine.Assessment,
    heard: Mapping[str, Any],
    routes: list[dict[str, Any]],
) -> Assessment:
    return Assessment(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        level=said.level,
        protocol=said.protocol,
        version=said.version,
        digest=said.digest,
        patient=asdict(patient_of(request)),
        complaints=list(request.complaints),
        answers=dict(heard),
        reasons=[asdict(r) | {"level": r.level.name} for r in said.reasons],
        routes=routes,
        safety_net=said.safety_net,
    )


def _written(routes: Iterable[Route], community: Community, now: datetime) -> list[dict[str, Any]]:
    """Return of routes what choosing a slot needs; the protocol's version holds the rest."""
    today = local_day(now, community.zone)
    return [
        {
            "discipline": route.discipline,
            "needs": [*([route.requires] if route.requires else []), *route.needs],
        }
        for route in engine.routes_in_force(routes, today, community.legal_rules)
    ]


def _last_word(session: Session, request: CareRequest, judged: Assessment) -> LevelDecision | None:
    """Return the earlier decision that makes this judgement another level, if one does."""
    level, last = judged.level, None
    before = session.execute(
        select(LevelDecision, Assessment)
        .join(
            Assessment,
            and_(
                Assessment.community_id == LevelDecision.community_id,
                Assessment.id == LevelDecision.assessment_id,
            ),
        )
        .where(
            LevelDecision.community_id == request.community_id,
            LevelDecision.request_id == request.id,
        )
        .order_by(LevelDecision.id)
    )
    for decision, seen in before:
        to = decision.to_level
        is_raise = to > decision.from_level
        # A warning sign that is ticked now is not what a clinician has seen, whatever it was then.
        still_holds = not judged.level.is_emergency and _heard(seen) == _heard(judged)
        if (to > level) if is_raise else (still_holds and to < level):
            level, last = to, decision
    return last


def _heard(row: Assessment) -> tuple[object, ...]:
    return row.digest, row.patient, row.complaints, row.answers


def _because(request: CareRequest, level: Level) -> dict[str, Any]:
    return {
        "rule": "decision",
        "question": None,
        "answer": None,
        "level": level.name,
        "because": DECIDED.get(request.language, DECIDED["fr"]),
    }


def _routes_at(
    level: Level, judged: Assessment, request: CareRequest, protocol: Protocol
) -> list[Route]:
    """Return who may receive this patient at another level than triage's, by the same answers.

    Only the version that judged knows what its questions were; for another's, general practice.
    """
    if level.is_emergency:
        return []
    patient = patient_of(request)
    known = _complaints(judged, protocol) if judged.digest == protocol.digest else []
    routes = [route for each in known for route in _open_at(level, each, patient, judged)]
    return list(dict.fromkeys([*routes, GENERAL_PRACTICE]))


def _complaints(judged: Assessment, protocol: Protocol) -> list[Complaint]:
    return [c for c in protocol.complaints if c.id in judged.complaints]


def _open_at(
    level: Level, complaint: Complaint, patient: Patient, judged: Assessment
) -> list[Route]:
    who = engine.as_scoped(complaint, patient)
    heard = {
        q.id: q.hear(judged.answers.get(q.id)) for q in engine.existing(complaint.questions, who)
    }
    return [
        route
        for route in complaint.routes
        if level <= route.at_most and route.when.holds(patient, heard) is Truth.YES
    ]


def _safety_net_at(level: Level, judged: Assessment, protocol: Protocol) -> str:
    if level.is_emergency:
        return protocol.emergency_advice
    own = [c.safety_net for c in _complaints(judged, protocol)]
    return "\n".join(dict.fromkeys(own)) or judged.safety_net
