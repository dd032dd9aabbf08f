"""Messages promised in the transaction that makes them true; leased, sent and recorded after it.

Three fences keep two workers, a slow worker and a late cancellation apart: `SKIP LOCKED`, the
lease token, and `call_started_at`. Exactly once is impossible at the provider's door, so each
kind chooses: a reminder leaves at most once, everything else at least once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Insert, Table, and_, func, or_, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from notifications.letters import Draft, Letter
from notifications.models import STILL_TO_SEND, Kind, OutboxMessage, Status

TABLE = cast("Table", OutboxMessage.__table__)

LEASE = timedelta(minutes=2)
"""How long a worker may hold a message: longer than the slowest call to a provider. After it, a
message whose worker died is somebody else's."""

REPORT_TIME = timedelta(seconds=30)
"""How long, at least, we wait for a report about a call whose answer was lost."""

RETRY_AFTER = (timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=5))
"""The wait after the first, second … failed attempt; then we give up and tell a person."""

MOST_CALLS = len(RETRY_AFTER) + 1
"""How often a provider is called about one message, whatever it answers."""

AT_MOST_ONCE = (Kind.REMINDER,)
"""Kinds that are not repeated after a call whose end nobody saw. All others may arrive twice."""


def rows(drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    """Return the drafts as rows for the table, each with its own new reference."""
    return [
        {**vars(draft), "reference": uuid4(), "status": Status.WAITING, "attempts": 0}
        for draft in drafts
    ]


def insert(drafts: Sequence[Draft]) -> Insert:
    """Return the statement that writes these drafts, to run alone or to stand in a CTE.

    A statement for one draft is compiled once and kept; one for several is compiled each time.
    """
    written = rows(drafts)
    return insert_into(TABLE).values(written[0] if len(written) == 1 else written)


def promise(session: Session, *drafts: Draft) -> None:
    """Write messages with the change they tell of; they leave once that change is committed.

    Promising the same again (same subject, version, kind, channel and recipient) is an
    `IntegrityError` on `uq_outbox_message_promised_once`, not a second message.
    """
    if drafts:
        session.execute(insert_into(TABLE), rows(drafts))


def withdraw(
    session: Session,
    community_id: int,
    about: UUID,
    *,
    notices_to: Collection[str] | None = None,
    now: datetime,
) -> None:
    """Call back every message about this subject; one whose call has begun is not repeated.

    With `notices_to`, notices to other professionals than these still leave: whoever was told
    that the appointment left them has to hear it, whatever becomes of it elsewhere.
    """
    leaving = [
        OutboxMessage.community_id == community_id,
        OutboxMessage.about == about,
        OutboxMessage.status.in_((Status.WAITING, Status.SENDING)),
    ]
    if notices_to is not None:
        leaving.append(
            or_(OutboxMessage.kind != Kind.NOTICE, OutboxMessage.recipient.in_(notices_to))
        )
    session.execute(
        update(OutboxMessage)
        .where(*leaving, OutboxMessage.call_started_at.is_(None))
        .values(status=Status.WITHDRAWN, lease=None, lease_until=None)
    )
    session.execute(update(OutboxMessage).where(*leaving).values(expires_at=now))


def erase(session: Session, community_id: int, about: UUID) -> None:
    """Empty every message about this subject of whom it was for, and of what it said."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.community_id == community_id, OutboxMessage.about == about)
        .values(recipient=func.concat("erased ", OutboxMessage.id), text="", subject=None)
        .execution_options(synchronize_session=False)
    )


def lease(session: Session, *, now: datetime, limit: int) -> list[Letter]:
    """Take up to `limit` due messages, oldest first; no other worker gets the same ones.

    Of every community: a worker serves them all. What is too late, or must not be called
    about again, is closed on the way.
    """
    due = session.scalars(
        select(OutboxMessage)
        .where(
            STILL_TO_SEND,
            OutboxMessage.send_at <= now,
            or_(OutboxMessage.status == Status.WAITING, OutboxMessage.lease_until < now),
        )
        .order_by(OutboxMessage.send_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    token = uuid4()
    for message in due:
        _settle_or_take(message, token, now)
    session.flush()
    return [_letter(message, token) for message in due if message.status is Status.SENDING]


def begin_call(session: Session, letter: Letter, *, now: datetime) -> bool:
    """Note that the provider is called now; False if the letter is no longer ours to send.

    The last look before the call: a message withdrawn, too late by now, or leased by another
    worker because this one was slow, is dropped here; and one lease is good for one call.
    """
    begun = session.scalar(
        update(OutboxMessage)
        .where(
            _still_ours(letter),
            OutboxMessage.attempts < letter.attempts,
            OutboxMessage.expires_at > now,
        )
        .values(call_started_at=now, lease_until=now + LEASE, attempts=letter.attempts)
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    )
    return begun is not None


def record_sent(
    session: Session, letter: Letter, *, provider_id: str, status: Status = Status.SENT
) -> None:
    """Note that the provider took the message, and the name it gave it."""
    _record(session, letter, status=status, provider_id=provider_id, failure=None)


def record_failed(
    session: Session, letter: Letter, *, why: str, permanent: bool, now: datetime
) -> None:
    """Put the message back for a later try, or mark it failed if no try is left."""
    waits = () if permanent else RETRY_AFTER[letter.attempts - 1 : letter.attempts]
    outcome: dict[str, Any] = (
        {"status": Status.WAITING, "send_at": now + waits[0], "call_started_at": None}
        if waits
        else {"status": Status.FAILED}
    )
    _record(session, letter, failure=why, **outcome)


def record_unclear(session: Session, letter: Letter, *, why: str, now: datetime) -> None:
    """Give the provider's report time to arrive; then lease() repeats the call, or gives up."""
    wait = RETRY_AFTER[min(letter.attempts, len(RETRY_AFTER)) - 1]
    session.execute(
        update(OutboxMessage)
        .where(_still_ours(letter))
        .values(lease_until=now + max(REPORT_TIME, wait), failure=why)
        .execution_options(synchronize_session=False)
    )


def _settle_or_take(message: OutboxMessage, token: UUID, now: datetime) -> None:
    message.lease = message.lease_until = None
    late = message.expires_at <= now
    said_enough = message.kind in AT_MOST_ONCE or message.attempts >= MOST_CALLS
    if message.call_started_at and (late or said_enough):
        message.status = Status.UNKNOWN
    elif late:
        message.status = Status.EXPIRED
    else:
        message.status = Status.SENDING
        message.lease, message.lease_until = token, now + LEASE


def _letter(message: OutboxMessage, token: UUID) -> Letter:
    return Letter(
        community_id=message.community_id,
        id=message.id,
        lease=token,
        reference=message.reference,
        channel=message.channel,
        recipient=message.recipient,
        subject=message.subject,
        text=message.text,
        invitation=message.invitation,
        expires_at=message.expires_at,
        attempts=message.attempts + 1,
    )


def _still_ours(letter: Letter) -> ColumnElement[bool]:
    return and_(
        OutboxMessage.community_id == letter.community_id,
        OutboxMessage.id == letter.id,
        OutboxMessage.lease == letter.lease,
    )


def _record(session: Session, letter: Letter, **outcome: Any) -> None:
    session.execute(
        update(OutboxMessage)
        .where(_still_ours(letter))
        .values(lease=None, lease_until=None, **outcome)
        .execution_options(synchronize_session=False)
    )
