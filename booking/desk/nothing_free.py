"""Nothing is free in time: what can honestly be promised, and whom to ask.

A need of today for which nothing is free is never given tomorrow by itself (SR-06): the patient is
sent to the 15 or called while the line is open, and a doctor decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import proposals
from booking.desk.line import CallPromise, call_within
from booking.desk.reach import Reach
from booking.desk.validity import VALID_FOR
from booking.models import CallerIs, CareRequest, RequestStatus
from booking.triage.protocol import Level
from schedules import directory, enabling
from schedules.models import Community, Professional, Site

MOST = 200


def promise(
    community: Community, level: Level, deadline: datetime | None, *, now: datetime
) -> CallPromise | None:
    """Return when somebody can call this patient, within the line's hours; None if nobody can.

    A call is due as soon as the judgement stops counting: 30 minutes for a need of today, two
    hours of open line for the others. None means the 15 or the SAS, and says so.
    """
    if deadline is None or level not in VALID_FOR:
        return None
    return call_within(community, VALID_FOR[level], before=deadline, now=now)


def ask_a_doctor(
    session: Session, request: CareRequest, community: Community, *, now: datetime
) -> bool:
    """Make a locked request of today a doctor's to decide if nothing is free; return if it is.

    Done again it starts no new clock; it ends when something is free, or somebody has decided.
    """
    is_for_doctor = (
        request.status is RequestStatus.OPEN
        and request.level is Level.SAME_DAY
        and not proposals.propose(session, request, community, limit=1, now=now)
    )
    request.doctor_asked_at = (request.doctor_asked_at or now) if is_for_doctor else None
    session.flush()
    return is_for_doctor


@dataclass(frozen=True)
class ForDoctor:
    """A need of today without an appointment, as whoever decides about it sees it."""

    reference: UUID
    since: datetime
    deadline: datetime | None
    complaints: tuple[str, ...]
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    phone: str | None
    caller: CallerIs | None
    call_by: datetime | None


def for_doctors(session: Session, reach: Reach, *, now: datetime) -> list[ForDoctor]:
    """Return the requests that wait for « la décision d’un médecin », oldest first.

    Also those whose day has passed without an appointment, whoever noticed.
    """
    rows = session.scalars(
        select(CareRequest)
        .where(
            reach.requests(),
            CareRequest.status == RequestStatus.OPEN,
            CareRequest.level == Level.SAME_DAY,
            CareRequest.doctor_asked_at.is_not(None) | (CareRequest.deadline <= now),
        )
        .order_by(CareRequest.deadline, CareRequest.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [_for_doctor(request, now) for request in rows]


def _for_doctor(request: CareRequest, now: datetime) -> ForDoctor:
    return ForDoctor(
        reference=request.reference,
        since=request.doctor_asked_at or request.deadline or now,
        deadline=request.deadline,
        complaints=tuple(request.complaints),
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        age_months=request.age_months,
        phone=request.phone,
        caller=request.caller,
        call_by=request.call_by,
    )


@dataclass(frozen=True)
class Askable:
    """A professional who could receive this patient, and where to telephone."""

    name: str
    site_name: str
    site_phone: str


@dataclass(frozen=True)
class Tried:
    """One discipline that was looked through, and who could be asked for one more."""

    discipline: str
    needs: tuple[str, ...]
    professionals: tuple[Askable, ...]


def looked_for(session: Session, request: CareRequest, *, today: date) -> list[Tried]:
    """Return who was looked for, in the order of the routes, with everybody's telephone.

    Raises:
        proposals.NotAssessed: if triage has not ended.
    """
    routes = proposals.assessment_of(session, request).routes
    wanted = {(r["discipline"], tuple(r["needs"])): None for r in routes}
    rows = session.execute(
        directory.at_their_sites()
        .where(
            Professional.community_id == request.community_id,
            Professional.discipline.in_({discipline for discipline, _ in wanted}),
            Professional.suspended_at.is_(None),
        )
        .order_by(Professional.family_name, Professional.id, Site.name)
        .limit(MOST)
    ).all()
    enabled = enabling.of(session, request.community_id, [who.id for who, _ in rows])
    able = [
        (who, where, enabling.codes_on(enabled[who.id], today) | {*where.equipment})
        for who, where in rows
    ]
    return [
        Tried(discipline, needs, tuple(_askable(able, discipline, needs)))
        for discipline, needs in wanted
    ]


def _askable(
    able: Sequence[tuple[Professional, Site, set[str]]], discipline: str, needs: Sequence[str]
) -> list[Askable]:
    return [
        Askable(who.name, where.name, where.phone)
        for who, where, codes in able
        if who.discipline == discipline and {*needs} <= codes
    ]
