"""A « not unscheduled care » of the frail is not the last word before a second person has looked.

SR-14 of the safety requirements: all such outcomes under 2 years, from 75 years on, and where there
is or may be a pregnancy. That it is done within two hours of open line is this project's choice.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import line
from booking.desk.reach import ITS_COMMUNE, Reach
from booking.desk.staff import Actor
from booking.models import (
    Assessment,
    CareRequest,
    Channel,
    LookOutcome,
    LookReason,
    RequestStatus,
    SecondLook,
)
from booking.triage.facts import Patient, Truth
from booking.triage.protocol import Level
from schedules.models import Commune, Community

LOOKED_WITHIN = timedelta(hours=2)
"""Of open line, until somebody has looked: our choice, for no text says how soon."""

SECOND_BIRTHDAY, SEVENTY_FIFTH_BIRTHDAY = 2 * 12, 75 * 12

MOST = 200


class SamePerson(Exception):
    """Whoever asked on behalf of the patient cannot be the second person."""


class NothingToCheck(LookupError):
    """Nobody has to look at this request, or somebody has."""


def reasons_for(patient: Patient) -> tuple[LookReason, ...]:
    """Return why a second person must look at this patient; a doubt counts as yes."""
    may_be = {
        LookReason.UNDER_2: patient.is_aged(None, SECOND_BIRTHDAY),
        LookReason.FROM_75: patient.is_aged(SEVENTY_FIFTH_BIRTHDAY, None),
        LookReason.PREGNANCY: patient.is_pregnant(),
    }
    return tuple(reason for reason, truth in may_be.items() if truth is not Truth.NO)


def follow(
    session: Session,
    request: CareRequest,
    judged: Assessment,
    patient: Patient,
    community: Community,
    *,
    now: datetime,
) -> None:
    """Ask for a second look if this judgement needs one; an older one that is open ends.

    A level that a human has decided needs none: a human has looked.
    """
    why = reasons_for(patient) if judged.level is Level.NOT_UNSCHEDULED else ()
    before = of(session, request)
    if before is not None:
        _end(before, LookOutcome.OVERTAKEN, None, now)
        session.flush()
    if not why or judged.decision_id is not None:
        return
    due = line.after_working(community, LOOKED_WITHIN, now=now) or now + LOOKED_WITHIN
    session.add(
        SecondLook(
            community_id=request.community_id,
            request_id=request.id,
            assessment_id=judged.id,
            why=[reason.value for reason in why],
            opened_by=request.opened_by,
            opened_at=before.opened_at if before else now,
            # A changed answer starts no new clock.
            due_at=min(due, before.due_at) if before else due,
        )
    )
    session.flush()


def overtake(session: Session, request: CareRequest, *, now: datetime) -> None:
    """End the look that a request waited for: it has ended, or is told otherwise."""
    before = of(session, request)
    if before is not None:
        _end(before, LookOutcome.OVERTAKEN, None, now)
        session.flush()


def of(session: Session, request: CareRequest) -> SecondLook | None:
    """Return the look that this request waits for, if any."""
    return session.scalar(
        select(SecondLook)
        .where(
            SecondLook.community_id == request.community_id,
            SecondLook.request_id == request.id,
            SecondLook.outcome.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def confirm(session: Session, request: CareRequest, *, by: Actor, now: datetime) -> None:
    """Note that a second person agrees: no appointment is needed. The request is locked.

    Raises:
        NothingToCheck: if nobody has to look, or somebody has.
        SamePerson: if this is who asked on behalf of the patient.
    """
    close(session, request, LookOutcome.CONFIRMED, by=by, now=now)


def close(
    session: Session, request: CareRequest, outcome: LookOutcome, *, by: Actor, now: datetime
) -> None:
    """End the look of a locked request with what the second person said.

    Raises:
        NothingToCheck: if nobody has to look, or somebody has.
        SamePerson: if this is who asked on behalf of the patient.
    """
    found = of(session, request)
    if found is None:
        raise NothingToCheck
    if found.opened_by == by.account:
        raise SamePerson
    _end(found, outcome, by, now)
    session.flush()


def _end(look: SecondLook, outcome: LookOutcome, by: Actor | None, now: datetime) -> None:
    look.outcome, look.looked_at = outcome, now
    look.looked_by, look.looked_name = (by.account, by.name) if by else (None, None)


@dataclass(frozen=True)
class ToCheck:
    """Somebody who was told that no appointment is needed, for a second person to look at."""

    reference: UUID
    why: tuple[LookReason, ...]
    opened_at: datetime
    due_at: datetime
    is_late: bool
    may_be_mine: bool
    """False for whoever asked on behalf of the patient: it must be somebody else."""
    channel: Channel
    complaints: tuple[str, ...]
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    phone: str | None
    commune: str | None


def waiting(
    session: Session, reach: Reach, *, account: UUID | None = None, now: datetime
) -> list[ToCheck]:
    """Return who waits for a second look, oldest first; `account` is who is looking at the list."""
    rows = session.execute(
        select(SecondLook, CareRequest, Commune.name)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == SecondLook.community_id,
                CareRequest.id == SecondLook.request_id,
            ),
        )
        .outerjoin(Commune, ITS_COMMUNE)
        .where(
            reach.requests(),
            SecondLook.outcome.is_(None),
            CareRequest.status == RequestStatus.ADVISED,
        )
        .order_by(SecondLook.due_at, SecondLook.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [_to_check(look, request, commune, account, now) for look, request, commune in rows]


def _to_check(
    look: SecondLook,
    request: CareRequest,
    commune: str | None,
    account: UUID | None,
    now: datetime,
) -> ToCheck:
    return ToCheck(
        reference=request.reference,
        why=tuple(LookReason(each) for each in look.why),
        opened_at=look.opened_at,
        due_at=look.due_at,
        is_late=look.due_at <= now,
        may_be_mine=look.opened_by is None or look.opened_by != account,
        channel=request.channel,
        complaints=tuple(request.complaints),
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        age_months=request.age_months,
        phone=request.phone,
        commune=commune,
    )
