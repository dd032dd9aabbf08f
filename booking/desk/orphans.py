"""Nobody is forgotten: each request that is owed care has one promise, as it should be."""

import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select, text, update
from sqlalchemy.orm import Session

from booking.desk import nightly
from booking.models import Booking, BookingStatus, CareRequest, Promise, PromiseEnd, RequestStatus
from config import logs
from config.database import OpenTransaction
from schedules.models import Community

PATIENCE = text("SET LOCAL statement_timeout = '60s'")
"""It looks at every request there ever was, unlike any page."""

MOST_NAMED = 100


def check(session: Session, community_id: int, *, now: datetime) -> int:
    """Count the requests of a community whose promise is not as it should be, and keep the number.

    The database refuses to make one: what is found came by a restored copy, or by a hand.
    """
    session.execute(PATIENCE)
    found = session.scalar(
        select(func.count()).select_from(CareRequest).where(_is_wrong(community_id))
    )
    session.execute(
        update(Community)
        .where(Community.id == community_id)
        .values(promises_wrong=found, promises_checked_at=now)
    )
    return found or 0


def check_due(open_transaction: OpenTransaction, *, is_due: bool, now: datetime) -> None:
    """Check every community if it `is_due`, or once a night; write how many requests are wrong.

    Each in a transaction of its own.
    """
    with open_transaction() as session:
        if not is_due and not nightly.is_due(last_check(session), now=now):
            return
        everybody = communities(session)
    found = 0
    for community_id in everybody:
        with open_transaction() as session:
            found += check(session, community_id, now=now)
    logs.event("promises_checked", level=logging.ERROR if found else logging.INFO, count=found)


def wrong(session: Session, community_id: int) -> list[UUID]:
    """Return which requests these are, by their public names: the first hundred."""
    session.execute(PATIENCE)
    return list(
        session.scalars(
            select(CareRequest.reference)
            .where(_is_wrong(community_id))
            .order_by(CareRequest.id)
            .limit(MOST_NAMED)
        )
    )


def last_check(session: Session) -> datetime | None:
    """Return when the community was checked that waits longest; None if one never was."""
    never = select(Community.id).where(Community.promises_checked_at.is_(None)).exists()
    if session.scalar(select(never)):
        return None
    return session.scalar(select(func.min(Community.promises_checked_at)))


def communities(session: Session) -> list[int]:
    """Return the number of every community, to be checked one by one."""
    return list(session.scalars(select(Community.id).order_by(Community.id)))


def _is_wrong(community_id: int) -> ColumnElement[bool]:
    """Whether a request and its promises contradict each other.

    Open: one that has not ended, until the deadline. With an appointment: one that was kept or
    late. Otherwise: none that still runs; a form that is being changed may go on with its own.
    """
    running = _promise(Promise.ended_at.is_(None))
    on_time = _promise(Promise.ended_at.is_(None), Promise.due_at == CareRequest.deadline)
    was_kept = _promise(Promise.ended_as.in_((PromiseEnd.KEPT, PromiseEnd.LATE)))
    is_right = case(
        (CareRequest.status == RequestStatus.OPEN, on_time),
        (CareRequest.status == RequestStatus.DRAFT, or_(not_(running), on_time)),
        (
            CareRequest.status == RequestStatus.BOOKED,
            and_(was_kept, not_(running), _has_appointment()),
        ),
        else_=not_(running),
    )
    return and_(CareRequest.community_id == community_id, not_(is_right))


def _promise(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(Promise.id)
        .where(
            Promise.community_id == CareRequest.community_id,
            Promise.request_id == CareRequest.id,
            *which,
        )
        .correlate(CareRequest)
        .exists()
    )


def _has_appointment() -> ColumnElement[bool]:
    return (
        select(Booking.id)
        .where(
            Booking.community_id == CareRequest.community_id,
            Booking.request_id == CareRequest.id,
            Booking.status != BookingStatus.CANCELLED,
        )
        .correlate(CareRequest)
        .exists()
    )
