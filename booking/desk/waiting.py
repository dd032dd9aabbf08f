"""Who still waits for an answer, and who is choosing at this moment. Reads for staff only."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, not_, or_, select
from sqlalchemy.orm import Session

from booking.desk import alternatives
from booking.desk.ask import NoSuchRequest
from booking.desk.reach import ITS_COMMUNE, Reach, is_owed
from booking.desk.undelivered import Unnoticed, Untold, unnoticed, untold
from booking.models import CallerIs, CareRequest, Channel, EscalatedTo, Promise, RequestStatus
from booking.triage.protocol import Level
from schedules.models import Commune, Slot

__all__ = [
    "MOST",
    "Page",
    "Reach",
    "Unnoticed",
    "Untold",
    "Waiting",
    "choosing",
    "commune_of",
    "find",
    "is_choosing",
    "is_owed",
    "open_requests",
    "unnoticed",
    "untold",
]

MOST = 200
"""Lines of one page of requests."""

ITS_PROMISE = and_(
    Promise.community_id == CareRequest.community_id,
    Promise.request_id == CareRequest.id,
    Promise.ended_at.is_(None),
)
"""What a request is owed at this moment; one at most."""

CHOOSES_FOR = timedelta(minutes=15)
"""So long after the judgement a patient on the web is taken to be choosing: nobody calls them."""


@dataclass(frozen=True)
class Waiting:
    """A request that is owed an answer, as one line of the operators' list."""

    reference: UUID
    channel: Channel
    level: Level | None
    """None while an answer is being changed after a call was promised."""
    deadline: datetime | None
    assessed_at: datetime | None
    complaints: tuple[str, ...]
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    phone: str | None
    commune: str | None
    call_back_hours: str | None
    call_back_asked_at: datetime | None
    call_by: datetime | None
    """Until when a call was promised, within the hours of the line."""
    caller: CallerIs | None
    needs_doctor: bool
    """Nothing is free today: a doctor decides, nobody is given tomorrow by itself."""
    owner: UUID | None
    version: int
    was_cancelled: bool
    """The practice took back the appointment that they had."""
    kept_until: datetime | None
    """Until when other appointments are kept for them, of which they were told."""
    escalated_to: EscalatedTo | None
    """Who has been made to look, as the time passes; nobody yet, or nothing runs."""


@dataclass(frozen=True)
class Page:
    """One page of those who wait, and how many they are on all pages."""

    requests: list[Waiting]
    total: int
    number: int
    """From 1 to `last`."""
    last: int


def open_requests(session: Session, reach: Reach, *, page: int = 1, now: datetime) -> Page:
    """Return 200 of those who wait; a page that does not exist is the nearest that does.

    Whoever is choosing on the web at this moment is not among them: see `choosing`. Who left no
    phone comes after all others, on the last pages. Before that: those about whom an alarm was
    sounded, those who asked for a call, then deadlines that still run, soonest first, then those
    that passed, newest first.
    """
    theirs = and_(reach.requests(), is_owed(), not_(is_choosing(now)))
    total = session.scalar(select(func.count()).select_from(CareRequest).where(theirs)) or 0
    last = max(1, -(-total // MOST))
    number = min(max(1, page), last)
    rows = session.execute(
        _lines(now).where(theirs).order_by(*_most_urgent_first(now)).offset((number - 1) * MOST)
    )
    return Page([_waiting(row) for row in rows], total, number, last)


def choosing(session: Session, reach: Reach, *, now: datetime) -> list[Waiting]:
    """Return who is choosing an appointment on the web at this moment, latest first.

    They are owed one too, and are back among the others as soon as they have stopped.
    """
    rows = session.execute(
        _lines(now)
        .where(reach.requests(), is_owed(), is_choosing(now))
        .order_by(CareRequest.assessed_at.desc(), CareRequest.id)
    )
    return [_waiting(row) for row in rows]


def is_choosing(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a patient alone on the web is still at the pages of their form.

    Judged a moment ago, or holding an appointment; neither waiting for a call, nor told that
    nothing is free, nor without the appointment that they had.
    """
    is_holding = (
        select(Slot.id)
        .where(
            Slot.community_id == CareRequest.community_id,
            Slot.held_by == CareRequest.reference,
            Slot.held_until > now,
        )
        .correlate(CareRequest)
        .exists()
    )
    return and_(
        CareRequest.status == RequestStatus.OPEN,
        CareRequest.channel == Channel.WEB,
        CareRequest.opened_by.is_(None),
        CareRequest.owner.is_(None),
        CareRequest.call_back_asked_at.is_(None),
        CareRequest.doctor_asked_at.is_(None),
        CareRequest.deadline > now,
        not_(alternatives.was_cancelled_by_practice()),
        or_(CareRequest.assessed_at > now - CHOOSES_FOR, is_holding),
    )


def _lines(now: datetime) -> Select[CareRequest, str, bool, datetime, EscalatedTo | None]:
    return (
        select(
            CareRequest,
            Commune.name,
            alternatives.was_cancelled_by_practice(),
            alternatives.kept_until(now),
            Promise.escalated_to,
        )
        .outerjoin(Commune, ITS_COMMUNE)
        .outerjoin(Promise, ITS_PROMISE)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )


def _most_urgent_first(now: datetime) -> tuple[Any, ...]:
    has_passed = func.coalesce(CareRequest.deadline <= now, false())
    return (
        CareRequest.phone.is_(None),
        Promise.escalated_to.is_(None),
        CareRequest.call_back_asked_at.is_(None),
        has_passed,
        case((has_passed, None), else_=CareRequest.deadline).asc().nulls_last(),
        CareRequest.deadline.desc(),
        CareRequest.id,
    )


def _waiting(row: Row[CareRequest, str, bool, datetime, EscalatedTo | None]) -> Waiting:
    request, commune, was_cancelled, kept_until, escalated_to = row
    return Waiting(
        reference=request.reference,
        channel=request.channel,
        level=request.level,
        deadline=request.deadline,
        assessed_at=request.assessed_at,
        complaints=tuple(request.complaints),
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        age_months=request.age_months,
        phone=request.phone,
        commune=commune,
        call_back_hours=request.call_back_hours,
        call_back_asked_at=request.call_back_asked_at,
        call_by=request.call_by,
        caller=request.caller,
        needs_doctor=request.doctor_asked_at is not None,
        owner=request.owner,
        version=request.version,
        was_cancelled=was_cancelled,
        kept_until=kept_until,
        escalated_to=escalated_to,
    )


def find(session: Session, reach: Reach, reference: UUID, *, lock: bool = False) -> CareRequest:
    """Return a request whose questions were answered, or that is owed a call; locked if asked.

    Also a call that somebody of ours has taken and not ended, and answers that are being changed
    after they were promised care.

    Raises:
        NoSuchRequest: if there is none within reach, or it is a patient's own draft without a
            promise.
    """
    query = (
        select(CareRequest)
        .where(
            reach.requests(),
            CareRequest.reference == reference,
            or_(
                CareRequest.status != RequestStatus.DRAFT,
                CareRequest.owner.is_not(None),
                is_owed(),
                _has_promise(),
            ),
        )
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NoSuchRequest
    return found


def _has_promise() -> ColumnElement[bool]:
    return select(Promise.id).where(ITS_PROMISE).correlate(CareRequest).exists()


def commune_of(session: Session, request: CareRequest) -> str | None:
    """Return the name of the commune where the patient is, if it is one of the territory."""
    return session.scalar(
        select(Commune.name).where(
            Commune.community_id == request.community_id, Commune.insee == request.commune_insee
        )
    )
