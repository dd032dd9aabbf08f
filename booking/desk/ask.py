"""Open a request, keep what was answered, let triage judge it, promise a call back."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from booking.desk import judge, promises, tell, words
from booking.desk.judge import patient_of
from booking.desk.proposals import NotAssessed, assessment_of
from booking.desk.validity import deadline_of
from booking.links import Links, hashed
from booking.models import CareRequest, Channel, RequestStatus
from booking.retention import NOTICE
from booking.triage import engine
from booking.triage.protocol import Protocol
from config.clock import local_day
from schedules import slots
from schedules.models import Community

__all__ = [
    "BY_PATIENT",
    "DRAFT_LIVES",
    "AlreadyBooked",
    "NoSuchRequest",
    "NotAssessed",
    "ProtocolNotInForce",
    "age_in_months",
    "amend",
    "ask_for_call",
    "assess",
    "assessment_of",
    "by_link",
    "by_reference",
    "deadline_of",
    "decline",
    "identify",
    "patient_of",
    "start",
]

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
        version=0,
        reasked=[],
        notice_version=NOTICE if channel is Channel.WEB else None,
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
    asked = session.scalar(_BY_REFERENCE, {"community": community_id, "name": reference})
    if asked is None:
        raise NoSuchRequest
    return asked


def _locked() -> Select[CareRequest]:
    return select(CareRequest).with_for_update().execution_options(populate_existing=True)


_BY_REFERENCE = _locked().where(
    CareRequest.community_id == bindparam("community"), CareRequest.reference == bindparam("name")
)


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
    request.version += 1
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
    request.version += 1
    session.flush()


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

    Return what triage says by itself: `request.level` is what counts, with what humans decided
    before. A level that allows no booking lets go of what the patient held.

    Raises:
        AlreadyBooked: if the request has its appointment.
        ProtocolNotInForce: if the protocol's dates do not cover this day.
    """
    if request.status is RequestStatus.BOOKED:
        raise AlreadyBooked
    if not protocol.is_in_force(local_day(now, community.zone)):
        raise ProtocolNotInForce
    heard = words.heard(protocol, request)
    said = engine.assess(protocol, patient_of(request), request.complaints, heard)
    judge.by_triage(session, request, said, heard, protocol=protocol, community=community, now=now)
    return said


def ask_for_call(
    session: Session,
    request: CareRequest,
    *,
    phone: str,
    hours: str | None,
    by: datetime | None = None,
    now: datetime,
) -> None:
    """Note that somebody must call this patient back: the request stays open, with its clock.

    `by` is what the patient was told: see `nothing_free.promise`.
    """
    identify(session, request, {"phone": phone, "call_back_hours": hours, "call_by": by})
    request.call_back_asked_at = now
    session.flush()


def decline(
    session: Session,
    request: CareRequest,
    *,
    because: str = BY_PATIENT,
    by: str = "PATIENT",
    now: datetime,
) -> None:
    """End a request without an appointment, for a reason; what it held is free again.

    Only who is owed an answer, or a call, can be declined: any other keeps its status. `by` is
    who said so: `PATIENT`, or the reference of an account.
    """
    slots.let_go(session, request.community_id, asker=request.reference, now=now)
    tell.nothing_more(session, request, now=now)
    was_promised = promises.end(session, request, because, by=by, now=now)
    if was_promised or _is_owed_a_call(request):
        request.status, request.declined_because = RequestStatus.DECLINED, because
    session.flush()


def _is_owed_a_call(request: CareRequest) -> bool:
    return request.status is RequestStatus.DRAFT and request.call_back_asked_at is not None
