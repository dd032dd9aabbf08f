"""Promises that have not ended, as the coordinator sees them; and what the coordinator does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, String, and_, cast, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from booking.desk import ask, promises, transfers
from booking.desk.reach import ITS_COMMUNE
from booking.desk.waiting import is_choosing
from booking.models import (
    Account,
    CareRequest,
    EscalatedTo,
    Promise,
    PromiseChange,
    PromiseEvent,
)
from booking.triage.protocol import Level
from schedules.models import Commune

Known = TypeVar("Known")

MOST = 200

THE_15 = "called_15"
"""A hand-over that somebody has to make sure of: see `transfers`."""


class NothingOwed(LookupError):
    """The promise of this request has ended: somebody was faster."""


@dataclass(frozen=True)
class Owed:
    """Somebody who has no appointment yet, and until when they were promised one."""

    reference: UUID
    level: Level
    due_at: datetime
    escalated_to: EscalatedTo | None
    taken_by: str | None
    """Who said last that they see to it."""
    taken_by_account: UUID | None
    call_back_asked_at: datetime | None
    chooses: bool
    """They are choosing on the web at this moment."""
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    phone: str | None
    commune: str | None


def open_promises(session: Session, community_id: int, *, now: datetime) -> list[Owed]:
    """Return the promises of a community that have not ended, the most urgent first.

    After them those of people who left no number: nobody can call them.
    """
    rows = session.execute(
        select(
            Promise,
            CareRequest,
            Commune.name,
            _taken_by(Account.display_name),
            _taken_by(Account.reference),
            is_choosing(now),
        )
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Promise.community_id,
                CareRequest.id == Promise.request_id,
            ),
        )
        .outerjoin(Commune, ITS_COMMUNE)
        .where(Promise.community_id == community_id, Promise.ended_at.is_(None))
        .order_by(CareRequest.phone.is_(None), Promise.due_at, Promise.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [
        Owed(
            reference=request.reference,
            level=promise.level,
            due_at=promise.due_at,
            escalated_to=promise.escalated_to,
            taken_by=name,
            taken_by_account=account,
            call_back_asked_at=request.call_back_asked_at,
            chooses=chooses,
            family_name=request.family_name,
            given_name=request.given_name,
            birth_date=request.birth_date,
            age_months=request.age_months,
            phone=request.phone,
            commune=commune,
        )
        for promise, request, commune, name, account, chooses in rows
    ]


def _taken_by(
    column: InstrumentedAttribute[Known],
) -> ScalarSelect[Known]:
    """Return what to say of the account that took a promise last."""
    return (
        select(column)
        .join(
            PromiseEvent,
            and_(
                PromiseEvent.community_id == Account.community_id,
                PromiseEvent.by == cast(Account.reference, String),
            ),
        )
        .where(
            PromiseEvent.community_id == Promise.community_id,
            PromiseEvent.promise_id == Promise.id,
            PromiseEvent.what == PromiseChange.TAKEN,
        )
        .order_by(PromiseEvent.id.desc())
        .limit(1)
        .correlate(Promise)
        .scalar_subquery()
    )


@dataclass(frozen=True)
class Event:
    """What happened to a promise of one request."""

    what: PromiseChange
    at: datetime
    due_at: datetime
    escalated_to: EscalatedTo | None
    by: str | None
    """The name of the account; None for the patient, partners, triage and the clock."""


def history(session: Session, request: CareRequest) -> Sequence[Event]:
    """Return all that happened to the promises of a request, in order."""
    rows = session.execute(
        select(PromiseEvent, Account.display_name)
        .join(
            Promise,
            and_(
                Promise.community_id == PromiseEvent.community_id,
                Promise.id == PromiseEvent.promise_id,
            ),
        )
        .outerjoin(
            Account,
            and_(
                Account.community_id == PromiseEvent.community_id,
                cast(Account.reference, String) == PromiseEvent.by,
            ),
        )
        .where(Promise.community_id == request.community_id, Promise.request_id == request.id)
        .order_by(PromiseEvent.id)
    )
    return [
        Event(event.what, event.at, event.due_at, event.escalated_to, name) for event, name in rows
    ]


def take(session: Session, request: CareRequest, *, by: UUID, now: datetime) -> None:
    """Note that this account sees to a locked request from now on.

    Raises:
        NothingOwed: if its promise has ended.
    """
    promise = promises.open_of(session, request)
    if promise is None:
        raise NothingOwed
    promises.take(session, promise, by=str(by), now=now)


def close(session: Session, request: CareRequest, reason: str, *, by: UUID, now: datetime) -> None:
    """End the promise of a locked request: declined or handed over, as the reason says.

    Who was handed to the 15 is on the list of those to recheck.

    Raises:
        NothingOwed: if its promise has ended.
    """
    if promises.open_of(session, request) is None:
        raise NothingOwed
    ask.decline(session, request, because=reason, by=str(by), now=now)
    if reason == THE_15:
        transfers.open_for(session, request, now=now)
