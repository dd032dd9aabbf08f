"""Whoever was sent to the 15 stays on a list until a human has made sure that the 15 answered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, and_, func, select
from sqlalchemy.orm import Session

from booking.desk.reach import ITS_COMMUNE, Reach
from booking.desk.staff import Actor
from booking.models import (
    Account,
    CallerIs,
    CareRequest,
    RequestStatus,
    Transfer,
    TransferState,
    TransferStep,
)
from booking.triage.facts import UNKNOWN, YES
from booking.triage.protocol import Protocol
from schedules.models import Commune

RECHECKED_WITHIN = timedelta(minutes=10)
"""SR-04: « a human rechecks within 10 minutes »; also until somebody calls again."""

LEFT_AFTER = timedelta(minutes=5)
"""A form with a warning sign that nobody has touched for so long was left."""

FORM_LIVES = timedelta(hours=24)

MOST = 200


class NoTransfer(LookupError):
    """This request was not sent to the 15, or somebody has closed it."""


def open_for(session: Session, request: CareRequest, *, now: datetime) -> Transfer:
    """Put a locked request on the list of those to recheck; one that is there stays as it is."""
    found = _of(session, request)
    if found is not None:
        return found
    made = Transfer(
        community_id=request.community_id,
        request_id=request.id,
        state=TransferState.TO_RECHECK,
        opened_at=now,
        recheck_by=now + RECHECKED_WITHIN,
        tries=0,
    )
    session.add(made)
    session.flush()
    _step(session, made, None, now)
    return made


def follow(session: Session, request: CareRequest, *, now: datetime) -> None:
    """Put a request that was sent to the 15 on the list, if anybody can be called about it.

    On the web nobody has said who they are before the first sign: then the page alone tells them
    to call the 15. On the telephone somebody of ours has them on the line.
    """
    if request.phone or _has_somebody_of_ours(session, request):
        open_for(session, request, now=now)


def _has_somebody_of_ours(session: Session, request: CareRequest) -> bool:
    if request.opened_by is None:
        return False
    ours = select(Account.id).where(
        Account.community_id == request.community_id, Account.reference == request.opened_by
    )
    return session.scalar(select(ours.exists())) is True


def _of(session: Session, request: CareRequest) -> Transfer | None:
    return session.scalar(
        select(Transfer)
        .where(
            Transfer.community_id == request.community_id,
            Transfer.request_id == request.id,
            Transfer.state != TransferState.CLOSED,
        )
        .execution_options(populate_existing=True)
    )


def note(
    session: Session, request: CareRequest, state: TransferState, *, by: Actor, now: datetime
) -> Transfer:
    """Note what somebody did about a locked request that was sent to the 15, and who they are.

    A left form gets its line with the first note. Nobody answered: to be called again within ten
    minutes. Only CLOSED takes it off the list.

    Raises:
        NoTransfer: if it was closed already.
    """
    found = followed(session, request, now=now)
    found.state = state
    if state is TransferState.NO_ANSWER:
        found.tries += 1
        found.recheck_by = now + RECHECKED_WITHIN
    _step(session, found, by, now)
    return found


def followed(session: Session, request: CareRequest, *, now: datetime) -> Transfer:
    """Return the line of a locked request on the list; a left form gets its own.

    Raises:
        NoTransfer: if it was closed already.
    """
    found = _of(session, request)
    if found is None and request.status not in (RequestStatus.DRAFT, RequestStatus.EMERGENCY):
        raise NoTransfer
    return found or open_for(session, request, now=now)


def _step(session: Session, transfer: Transfer, by: Actor | None, now: datetime) -> None:
    session.add(
        TransferStep(
            community_id=transfer.community_id,
            transfer_id=transfer.id,
            state=transfer.state,
            account=by and by.account,
            name=by and by.name,
            at=now,
        )
    )
    session.flush()


def steps(session: Session, request: CareRequest) -> Sequence[TransferStep]:
    """Return all that was done about a request that was sent to the 15, in order."""
    return session.scalars(
        select(TransferStep)
        .join(
            Transfer,
            and_(
                Transfer.community_id == TransferStep.community_id,
                Transfer.id == TransferStep.transfer_id,
            ),
        )
        .where(Transfer.community_id == request.community_id, Transfer.request_id == request.id)
        .order_by(TransferStep.id)
    ).all()


def signs_of(protocol: Protocol) -> tuple[str, ...]:
    """Return the questions whose « yes » sends to the 15, as `waiting` looks for them."""
    return tuple(q.id for q in protocol.questions.values() if q.is_red_flag)


@dataclass(frozen=True)
class ToRecheck:
    """Somebody of whom nobody knows yet whether the 15 has answered them."""

    reference: UUID
    state: TransferState
    since: datetime
    recheck_by: datetime
    is_overdue: bool
    """Nobody has done anything about it in time."""
    is_abandoned: bool
    """The form was left with a warning sign: they may not know that they should call the 15."""
    tries: int
    last_by: str | None
    last_at: datetime | None
    phone: str | None
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    commune: str | None
    current_address: str | None
    caller: CallerIs | None


def waiting(
    session: Session, reach: Reach, *, signs: Collection[str], now: datetime
) -> list[ToRecheck]:
    """Return everybody to recheck, oldest first: those sent to the 15, and forms that were left.

    `signs` are the questions whose « yes » sends to the 15: see `signs_of`.
    """
    return sorted(
        [*_sent(session, reach, now), *_left(session, reach, signs, now)],
        key=lambda each: each.since,
    )


IS_SETTLED = (TransferState.LINE_TAKEN, TransferState.CALLED_BACK)
"""Somebody has made sure; it stays on the list until it is closed, and is not overdue."""


def _sent(session: Session, reach: Reach, now: datetime) -> list[ToRecheck]:
    rows = session.execute(
        select(Transfer, CareRequest, Commune.name, TransferStep)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Transfer.community_id,
                CareRequest.id == Transfer.request_id,
            ),
        )
        .outerjoin(Commune, ITS_COMMUNE)
        .outerjoin(
            TransferStep,
            and_(
                TransferStep.community_id == Transfer.community_id,
                TransferStep.id == _last_by_a_human(),
            ),
        )
        .where(reach.requests(), Transfer.state != TransferState.CLOSED)
        .order_by(Transfer.opened_at, Transfer.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [_sent_line(*row, now=now) for row in rows]


def _last_by_a_human() -> ScalarSelect[int]:
    return (
        select(TransferStep.id)
        .where(
            TransferStep.community_id == Transfer.community_id,
            TransferStep.transfer_id == Transfer.id,
            TransferStep.account.is_not(None),
        )
        .order_by(TransferStep.id.desc())
        .limit(1)
        .correlate(Transfer)
        .scalar_subquery()
    )


def _sent_line(
    transfer: Transfer,
    request: CareRequest,
    commune: str | None,
    step: TransferStep | None,
    *,
    now: datetime,
) -> ToRecheck:
    return ToRecheck(
        state=transfer.state,
        since=transfer.opened_at,
        recheck_by=transfer.recheck_by,
        is_overdue=transfer.state not in IS_SETTLED and transfer.recheck_by <= now,
        is_abandoned=False,
        tries=transfer.tries,
        last_by=step.name if step else None,
        last_at=step.at if step else None,
        **_who(request, commune),
    )


def _left(session: Session, reach: Reach, signs: Collection[str], now: datetime) -> list[ToRecheck]:
    touched = func.coalesce(CareRequest.saved_at, CareRequest.created_at)
    rows = session.execute(
        select(CareRequest, Commune.name, touched)
        .outerjoin(Commune, ITS_COMMUNE)
        .where(
            reach.requests(),
            CareRequest.status == RequestStatus.DRAFT,
            CareRequest.phone.is_not(None),
            CareRequest.created_at > now - FORM_LIVES,
            touched <= now - LEFT_AFTER,
            ~select(Transfer.id)
            .where(
                Transfer.community_id == CareRequest.community_id,
                Transfer.request_id == CareRequest.id,
            )
            .correlate(CareRequest)
            .exists(),
        )
        .order_by(touched, CareRequest.id)
    )
    left = [
        ToRecheck(
            state=TransferState.TO_RECHECK,
            since=since,
            recheck_by=since + RECHECKED_WITHIN,
            is_overdue=since + RECHECKED_WITHIN <= now,
            is_abandoned=True,
            tries=0,
            last_by=None,
            last_at=None,
            **_who(request, commune),
        )
        for request, commune, since in rows
        # Answers are sealed: the database cannot look. Forms of one day, left with a number.
        if _has_a_sign(request, signs)
    ]
    return left[:MOST]


def _has_a_sign(request: CareRequest, signs: Collection[str]) -> bool:
    """Whether one of these was answered « yes », or « I do not know », which counts as much."""
    return any(request.answers.get(sign) in (YES, UNKNOWN) for sign in signs)


def _who(request: CareRequest, commune: str | None) -> dict[str, Any]:
    return {
        "reference": request.reference,
        "phone": request.phone,
        "family_name": request.family_name,
        "given_name": request.given_name,
        "birth_date": request.birth_date,
        "age_months": request.age_months,
        "commune": commune,
        "current_address": request.current_address,
        "caller": request.caller,
    }
