"""Open a request, keep what was answered, let triage judge it, promise a call back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from booking.desk import tell
from booking.links import Links, hashed
from booking.models import Assessment, CareRequest, Channel, RequestStatus
from booking.triage import engine
from booking.triage.facts import Patient, Pregnant, Sex
from booking.triage.protocol import Level, Protocol, Route
from config.clock import day_bounds, local_day
from schedules import slots
from schedules.models import Community

DRAFT_LIVES = timedelta(hours=24)
"""How long a half-filled form waits for its author (WCAG 2.2.6)."""


BY_PATIENT = "patient"
"""The reason of whoever ends their own request."""


class NoSuchRequest(LookupError):
    """No request with that name, or its link has died."""


class AlreadyBooked(Exception):
    """The request has an appointment: what was answered for it stays as it was."""


class ProtocolNotInForce(Exception):
    """No signed protocol covers this day: nobody may be triaged by an expired one."""


def start(
    session: Session,
    community: Community,
    *,
    channel: Channel,
    language: str,
    links: Links,
    opened_by: UUID | None = None,
    now: datetime,
) -> CareRequest:
    """Open an empty request; its pages' address holds `links.request_token(its reference)`."""
    reference = uuid4()
    request = CareRequest(
        community_id=community.id,
        reference=reference,
        link_hash=hashed(links.request_token(reference)),
        channel=channel,
        language=language,
        status=RequestStatus.DRAFT,
        complaints=[],
        answers={},
        created_at=now,
        opened_by=opened_by,
    )
    session.add(request)
    session.flush()
    return request


def by_link(session: Session, token: str, *, now: datetime) -> CareRequest:
    """Return the request that this address opens, locked: a second tab waits for this one.

    Raises:
        NoSuchRequest: if the token opens none, or opened a draft that was left for a day.
    """
    asked = session.scalar(_locked().where(CareRequest.link_hash == hashed(token)))
    if asked is None or now - asked.created_at > DRAFT_LIVES:
        raise NoSuchRequest
    return asked


def by_reference(session: Session, community_id: int, reference: UUID) -> CareRequest:
    """Return a community's request by its public name, locked.

    Raises:
        NoSuchRequest: if this community has none of that name.
    """
    asked = session.scalar(
        _locked().where(
            CareRequest.community_id == community_id, CareRequest.reference == reference
        )
    )
    if asked is None:
        raise NoSuchRequest
    return asked


def _locked() -> Select[CareRequest]:
    return select(CareRequest).with_for_update().execution_options(populate_existing=True)


def amend(session: Session, request: CareRequest, changes: Mapping[str, Any]) -> None:
    """Keep what was answered; whatever triage had said no longer counts.

    A deadline that was owed stays: a changed answer starts no new clock. `changes` are attributes
    of CareRequest; `answers` are added to those already given.

    Raises:
        AlreadyBooked: if the request has its appointment.
    """
    if request.status is RequestStatus.BOOKED:
        raise AlreadyBooked
    for name, value in changes.items():
        setattr(request, name, request.answers | value if name == "answers" else value)
    request.level = request.assessment_id = request.assessed_at = None
    request.status = RequestStatus.DRAFT
    session.flush()


def identify(session: Session, request: CareRequest, changes: Mapping[str, Any]) -> None:
    """Keep who the patient is and how to reach them: nothing that triage looks at.

    Raises:
        AlreadyBooked: if the request has its appointment.
    """
    if request.status is RequestStatus.BOOKED:
        raise AlreadyBooked
    for name, value in changes.items():
        setattr(request, name, value)
    session.flush()


def patient_of(request: CareRequest) -> Patient:
    """Return what triage knows of the person: age, sex, pregnancy; each may be unknown."""
    return Patient(
        request.age_months,
        Sex(request.sex or Sex.UNKNOWN),
        Pregnant(request.pregnant or Pregnant.UNKNOWN),
        request.older_by_months,
    )


def age_in_months(born: date, today: date) -> int:
    """Return whole months lived; a birthday that a month lacks falls on its last day."""
    months = (today.year - born.year) * 12 + today.month - born.month
    next_month = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    last_day = (next_month - timedelta(days=1)).day
    return months - (today.day < min(born.day, last_day))


def assess(
    session: Session,
    request: CareRequest,
    protocol: Protocol,
    community: Community,
    *,
    now: datetime,
) -> engine.Assessment:
    """Let the protocol judge all that was answered; keep the judgement, and start the clock.

    A level that allows no booking lets go of what the patient held.

    Raises:
        AlreadyBooked: if the request has its appointment.
        ProtocolNotInForce: if the protocol's dates do not cover this day.
    """
    if request.status is RequestStatus.BOOKED:
        raise AlreadyBooked
    if not protocol.is_in_force(local_day(now, community.zone)):
        raise ProtocolNotInForce
    said = engine.assess(protocol, patient_of(request), request.complaints, request.answers)
    row = _kept(request, said, community.zone, now)
    session.add(row)
    session.flush()
    request.level, request.assessment_id, request.assessed_at = said.level, row.id, now
    owed = deadline_of(said.level, said.deadline_hours, community.zone, now=now)
    request.deadline = min(owed, request.deadline or owed) if owed else None
    request.status = _status_at(said.level)
    if not said.level.is_bookable:
        slots.let_go(session, request.community_id, asker=request.reference, now=now)
    session.flush()
    return said


def deadline_of(
    level: Level, hours: int | None, zone: ZoneInfo, *, now: datetime
) -> datetime | None:
    """Return the moment, in UTC, before which care is owed; none where nothing may be booked.

    The national agreement of 20 June 2019 asks for « le jour même ou dans les 24 heures »; the
    protocol says how many hours that is. A same-day need also ends with its day, in `zone`.
    """
    if hours is None or not level.is_bookable:
        return None
    latest = now + timedelta(hours=hours)
    if level is Level.SAME_DAY:
        return min(latest, day_bounds(local_day(now, zone), zone)[1])
    return latest


def _status_at(level: Level) -> RequestStatus:
    if level.is_emergency:
        return RequestStatus.EMERGENCY
    return RequestStatus.OPEN if level.is_bookable else RequestStatus.ADVISED


def _kept(
    request: CareRequest, said: engine.Assessment, zone: ZoneInfo, now: datetime
) -> Assessment:
    in_force = engine.routes_in_force(said.routes, local_day(now, zone))
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
        answers=dict(request.answers),
        reasons=[asdict(r) | {"level": r.level.name} for r in said.reasons],
        routes=[_written(r) for r in in_force],
        safety_net=said.safety_net,
        assessed_at=now,
    )


def _written(route: Route) -> dict[str, Any]:
    """Return of a route what choosing a slot needs; the protocol's version holds the rest."""
    return {
        "discipline": route.discipline,
        "needs": [*([route.requires] if route.requires else []), *route.needs],
    }


def assessment_of(session: Session, request: CareRequest) -> Assessment:
    """Return the judgement that counts now.

    Raises:
        NotAssessed: if triage has not ended, or an answer was changed since.
    """
    found = session.scalar(
        select(Assessment).where(
            Assessment.community_id == request.community_id,
            Assessment.id == request.assessment_id,
        )
    )
    if found is None:
        raise NotAssessed
    return found


class NotAssessed(Exception):
    """Triage has not ended for this request."""


def ask_for_call(
    session: Session, request: CareRequest, *, phone: str, hours: str | None, now: datetime
) -> None:
    """Note that somebody must call this patient back: the request stays open, with its clock."""
    identify(session, request, {"phone": phone, "call_back_hours": hours})
    request.call_back_asked_at = now
    session.flush()


def decline(
    session: Session, request: CareRequest, *, because: str = BY_PATIENT, now: datetime
) -> None:
    """End a request without an appointment, for a reason; what it held is free again.

    Only who is owed an answer, or a call, can be declined: any other keeps its status.
    """
    slots.let_go(session, request.community_id, asker=request.reference, now=now)
    tell.nothing_more(session, request, now=now)
    if request.status is RequestStatus.OPEN or _is_owed_a_call(request):
        request.status, request.declined_because = RequestStatus.DECLINED, because
    session.flush()


def _is_owed_a_call(request: CareRequest) -> bool:
    return request.status is RequestStatus.DRAFT and request.call_back_asked_at is not None
