"""What follows when a message did not arrive: its next way, written once; then it is a person's.

SMS, then a call, then a mail, then somebody telephones (booking.desk.undelivered). Every row is
written in the transaction that notes the failure of the one before it.
"""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config import sealed
from notifications import drafting, pacing, senders_stopped
from notifications.models import (
    STILL_TO_SEND,
    UNREPORTED,
    Channel,
    Kind,
    OutboxMessage,
    Status,
)

TABLE = cast("Table", OutboxMessage.__table__)

AWAITED = (
    Kind.CONFIRMATION,
    Kind.MOVED,
    Kind.CANCELLED,
    Kind.CALL_BACK,
    Kind.LATE,
    Kind.OFFER,
)
"""Kinds of the same day: silence about them is a failure. A reminder that may have arrived is not
said again."""

MOST_AT_ONCE = 200


def pass_on(session: Session, message: OutboxMessage, *, now: datetime) -> bool:
    """Write the next way of a message that failed for good; False if none is left.

    The message is locked by whoever noted the failure. A way that was promised beside it (the
    mail of everybody who gave an address) is not written again. Ways that cannot be read stay
    where they are, and the message is a person's.
    """
    if not sealed.is_readable(message, "fallbacks"):
        return False
    ways, message.fallbacks = message.fallbacks, []
    if message.expires_at <= now:
        return False
    return any(
        _is_written(session, message, way, ways[done:], now) for done, way in enumerate(ways, 1)
    )


def _is_written(
    session: Session,
    message: OutboxMessage,
    way: dict[str, Any],
    left: list[dict[str, Any]],
    now: datetime,
) -> bool:
    """Write a way as the row that follows a message; False if the same was promised before."""
    reference = uuid4()
    written = session.scalar(
        insert(TABLE)
        .values(
            community_id=message.community_id,
            reference=reference,
            about=message.about,
            version=message.version,
            kind=message.kind,
            channel=Channel(way["channel"]),
            language=message.language,
            send_at=now,
            expires_at=message.expires_at,
            follows=message.id,
            **drafting.sealed_as(reference, way | {"fallbacks": left}),
        )
        .on_conflict_do_nothing(constraint="uq_outbox_message_promised_once")
        .returning(TABLE.c.id)
    )
    return written is not None


def arrived(session: Session, message: OutboxMessage) -> None:
    """Call back what was to stand in for a message that arrived after all."""
    session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.community_id == message.community_id,
            OutboxMessage.about == message.about,
            OutboxMessage.version == message.version,
            OutboxMessage.kind == message.kind,
            OutboxMessage.follows.is_not(None),
            OutboxMessage.status.in_((Status.WAITING, Status.SENDING)),
            OutboxMessage.call_started_at.is_(None),
        )
        .values(status=Status.WITHDRAWN, lease=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    message.fallbacks = []


def give_up_on_the_silent(session: Session, *, now: datetime) -> int:
    """Pass on what was sent, matters today, and was not reported in time; return how many.

    They are UNKNOWN from now on: a report that comes late still moves them.
    """
    sent = session.scalars(
        select(OutboxMessage)
        .where(
            UNREPORTED,
            OutboxMessage.kind.in_(AWAITED),
            OutboxMessage.call_started_at <= now - pacing.SHORTEST_WAIT,
            OutboxMessage.expires_at > now,
        )
        .order_by(OutboxMessage.call_started_at)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    silent = [message for message in sent if _waited_enough(message, message.call_started_at, now)]
    for message in silent:
        message.status, message.failure = Status.UNKNOWN, "no_report"
        pass_on(session, message, now=now)
    session.flush()
    return len(silent)


def give_up_on_the_stopped(session: Session, *, now: datetime) -> int:
    """Pass on what waits behind a provider that refuses everything; return how many."""
    waiting = session.scalars(
        select(OutboxMessage)
        .where(
            STILL_TO_SEND,
            OutboxMessage.status == Status.WAITING,
            OutboxMessage.send_at <= now - pacing.SHORTEST_WAIT,
            OutboxMessage.channel.in_(senders_stopped.channels(now)),
            OutboxMessage.expires_at > now,
        )
        .order_by(OutboxMessage.send_at)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    stuck = [message for message in waiting if _waited_enough(message, message.send_at, now)]
    for message in stuck:
        message.status, message.failure = Status.FAILED, "sender_stopped"
        pass_on(session, message, now=now)
    session.flush()
    return len(stuck)


def _waited_enough(message: OutboxMessage, since: datetime | None, now: datetime) -> bool:
    began = since or now
    return now - began >= pacing.report_wait(max(message.expires_at - began, timedelta()))
