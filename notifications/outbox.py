"""Messages promised in the transaction that makes them true; leased, sent and recorded after it.

Three fences keep two workers, a slow worker and a late cancellation apart: `SKIP LOCKED`, the
lease token, and `call_started_at`. Exactly once is impossible at the provider's door, so each
kind chooses: a reminder leaves at most once, everything else at least once. What fails for good is
passed on to its next way (notifications.ways) in the transaction that says so.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import (
    Integer,
    Row,
    Table,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from config import logs, sealed
from config.sealing import UNREADABLE
from notifications import calls, drafting, limits, opt_outs, pacing, senders_stopped, ways
from notifications.letters import Draft, Letter
from notifications.models import (
    STILL_TO_SEND,
    Channel,
    Kind,
    OutboxMessage,
    Status,
    recipient_key,
)
from notifications.pacing import MOST_CALLS

TABLE = cast("Table", OutboxMessage.__table__)

REPORT_TIME = timedelta(seconds=30)
"""How long, at least, we wait for a report about a call whose answer was lost."""

AT_MOST_ONCE = (Kind.REMINDER, Kind.OUTCOME)
"""Kinds that are not repeated after a call whose end nobody saw. All others may arrive twice."""

TOO_MANY_TODAY = "too_many_today"
"""Why a message did not leave: its number has been told enough for a day."""

OVER_DAILY_LIMIT = "over_daily_limit"
"""Why a message did not leave: its community has sent all it may in a day."""

UNREADABLE_HERE = "unreadable"
"""Why a message did not leave: its key is lost, or somebody changed it. It is a person's."""

WANTS_NO_SMS = "twilio_21610"
"""The provider knows of a STOP that we have not heard."""

OURS = and_(
    TABLE.c.community_id == bindparam("community"),
    TABLE.c.id == bindparam("number"),
    TABLE.c.lease == bindparam("token"),
)
_MOMENT = bindparam("moment", type_=TABLE.c.send_at.type)
_DUE = (
    select(TABLE)
    .where(
        STILL_TO_SEND,
        TABLE.c.send_at <= _MOMENT,
        or_(TABLE.c.status == Status.WAITING, TABLE.c.lease_until < _MOMENT),
        TABLE.c.channel.not_in(senders_stopped.channels(_MOMENT)),
    )
    .order_by(TABLE.c.send_at, TABLE.c.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
)
"""Built once, of the table alone: a busy worker runs it for every few messages."""


def promise(session: Session, *drafts: Draft) -> None:
    """Write messages with the change they tell of; they leave once that change is committed.

    Promising the same again (same subject, version, kind, channel and recipient) is an
    `IntegrityError` on `uq_outbox_message_promised_once`, not a second message.
    """
    if drafts:
        drafting.write(session, drafts)


def withdraw(
    session: Session,
    community_id: int,
    about: UUID,
    *,
    notices_to: Collection[str] | None = None,
    now: datetime,
) -> None:
    """Call back every message about this subject; one whose call has begun is not repeated.

    Nothing of it is passed on any more, whatever is reported of what has left. With
    `notices_to`, notices to other professionals than these still leave: whoever was told that
    the appointment left them has to hear it, whatever becomes of it elsewhere.
    """
    theirs = [OutboxMessage.community_id == community_id, OutboxMessage.about == about]
    if notices_to is not None:
        kept = [recipient_key(each) for each in notices_to]
        theirs.append(or_(OutboxMessage.kind != Kind.NOTICE, OutboxMessage.recipient_key.in_(kept)))
    # Locked first, in a statement of its own: what a worker is passing on at this moment is
    # written by now, and is seen by the statements that follow.
    session.execute(
        update(OutboxMessage)
        .where(*theirs, OutboxMessage.fallbacks.is_not(None))
        .values(fallbacks=None)
        .execution_options(synchronize_session=False)
    )
    leaving = [*theirs, OutboxMessage.status.in_((Status.WAITING, Status.SENDING))]
    session.execute(
        update(OutboxMessage)
        .where(*leaving, OutboxMessage.call_started_at.is_(None))
        .values(status=Status.WITHDRAWN, lease=None, lease_until=None)
    )
    # What has left is not sent a second time either, whatever is reported of it.
    sent = [*theirs, OutboxMessage.status == Status.SENT, OutboxMessage.expires_at > now]
    for over in (leaving, sent):
        session.execute(update(OutboxMessage).where(*over).values(expires_at=now))


def lease(session: Session, *, now: datetime, limit: int) -> list[Letter]:
    """Take up to `limit` due messages, oldest first; no other worker gets the same ones.

    Of every community: a worker serves them all. What is too late, or must not be called
    about again, is closed on the way.
    """
    due = session.execute(_DUE, {"moment": now, "most": limit}).all()
    refusals = _refusals(session, due, now)
    over = {row.id for row in due if _is_over(row, now)}
    token = uuid4()
    open_to_us = [row for row in due if row.id not in over | refusals.keys()]
    letters = [letter for row in open_to_us if (letter := _letter(row, token))]
    leaving = {letter.id for letter in letters}
    refusals = {row.id: UNREADABLE_HERE for row in open_to_us if row.id not in leaving} | refusals
    for message in _whole(session, [row for row in due if row.id not in leaving]):
        if message.id in refusals:
            _refuse(session, message, refusals[message.id], now)
        else:
            _settle(session, message, now)
    session.flush()
    calls.take(session, letters, now=now)
    return letters


def begin_call(session: Session, letter: Letter, *, now: datetime) -> bool:
    """Note that the provider is called now; False if the letter is no longer ours to send."""
    return bool(calls.begin(session, [letter], now=now))


def record_sent(
    session: Session, letter: Letter, *, provider_id: str, status: Status = Status.SENT
) -> None:
    """Note that the provider took the message, and the name it gave it.

    For one message: whoever has its row at this moment is waited for. See `calls.ended_well`.
    """
    senders_stopped.resume(session, letter.channel)
    _record(session, letter, failure=None, status=status, provider_id=provider_id)


def record_failed(
    session: Session, letter: Letter, *, why: str, permanent: bool, now: datetime
) -> None:
    """Put the message back for a later try, or pass it on if no try fits the time that is left."""
    if why == WANTS_NO_SMS:
        opt_outs.add(session, letter.recipient, now=now)
    wait = None if permanent else pacing.pause(letter.attempts, letter.expires_at - now)
    if wait is not None:
        again = {"status": Status.WAITING, "send_at": now + wait, "call_started_at": None}
        _record(session, letter, failure=why, **again)
    elif (failed := _record(session, letter, failure=why, status=Status.FAILED)) is not None:
        ways.pass_on(session, failed, now=now)
        session.flush()


def record_everyone_refused(session: Session, letter: Letter, *, why: str, now: datetime) -> None:
    """Leave the channel alone for a while: the provider would refuse the next message as well."""
    senders_stopped.stop(session, letter.channel, why=why, now=now)
    record_failed(session, letter, why=why, permanent=False, now=now)


def record_unclear(session: Session, letter: Letter, *, why: str, now: datetime) -> None:
    """Give the provider's report time to arrive; then lease() repeats the call, or gives up."""
    wait = pacing.pause(letter.attempts, letter.expires_at - now) or REPORT_TIME
    session.execute(
        update(TABLE).where(OURS).values(lease_until=now + max(REPORT_TIME, wait), failure=why),
        _whose(letter),
    )


def refuse(session: Session, community_id: int, about: UUID, *, why: str, now: datetime) -> None:
    """Send no SMS and call nobody about this subject: its mail leaves, or a person telephones.

    For what is waiting: promised a moment ago, by whoever asked for too much.
    """
    waiting = session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.community_id == community_id,
            OutboxMessage.about == about,
            OutboxMessage.channel.in_(limits.BY_TELEPHONE),
            OutboxMessage.status == Status.WAITING,
        )
        .with_for_update()
    ).all()
    for message in waiting:
        _refuse(session, message, why, now)
    session.flush()


def _refusals(session: Session, due: Sequence[Row[Any]], now: datetime) -> dict[int, str]:
    """Return which of these must not go to their number, and why."""
    to_phones = [m for m in due if m.channel in limits.BY_TELEPHONE]
    keys = {m.recipient_key for m in to_phones}
    stopped = opt_outs.keys_among(session, keys)
    told = limits.reached(session, keys, now=now)
    too_many = {m.id: TOO_MANY_TODAY for m in to_phones if m.recipient_key in told}
    wants_none = {
        m.id: "opted_out"
        for m in to_phones
        if m.channel is Channel.SMS and m.recipient_key in stopped
    }
    return _over_the_day(session, to_phones, now) | too_many | wants_none


def _over_the_day(session: Session, to_phones: Sequence[Row[Any]], now: datetime) -> dict[int, str]:
    """Return those for which nothing is left of what their community may send in a day."""
    # What has begun is counted already: its further tries cost no more.
    new = [m for m in to_phones if not m.attempts and m.kind not in limits.ALWAYS]
    over = dict.fromkeys(limits.beyond(session, new, now=now), OVER_DAILY_LIMIT)
    if over:
        logs.event(OVER_DAILY_LIMIT, level=logging.WARNING, count=len(over))
    return over


def _refuse(session: Session, message: OutboxMessage, why: str, now: datetime) -> None:
    """Pass on what must not go to this number; where a call has begun, it stays unknown."""
    message.lease = message.lease_until = None
    message.status = Status.UNKNOWN if message.call_started_at else Status.FAILED
    message.failure = why
    ways.pass_on(session, message, now=now)


def _is_over(row: Row[Any], now: datetime) -> bool:
    """Return whether a due message must not be called about, again or at all."""
    said_enough = row.kind in AT_MOST_ONCE or row.attempts >= MOST_CALLS
    return row.expires_at <= now or (row.call_started_at is not None and said_enough)


def _whole(session: Session, rows: Sequence[Row[Any]]) -> Sequence[OutboxMessage]:
    """Return these messages, which are locked, to be settled one by one."""
    if not rows:
        return ()
    return session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.community_id.in_({row.community_id for row in rows}),
            OutboxMessage.id.in_({row.id for row in rows}),
        )
        .order_by(OutboxMessage.send_at, OutboxMessage.id)
        .execution_options(populate_existing=True)
    ).all()


def _settle(session: Session, message: OutboxMessage, now: datetime) -> None:
    """Close what is over; where a call has begun, nobody knows whether it left."""
    message.lease = message.lease_until = None
    message.status = Status.UNKNOWN if message.call_started_at else Status.EXPIRED
    if message.call_started_at and message.kind not in AT_MOST_ONCE:
        ways.pass_on(session, message, now=now)


def _letter(message: Row[Any], token: UUID) -> Letter | None:
    """Return what a sender gets; None if it cannot be read: then no try will do."""
    try:
        said = sealed.read(OutboxMessage, message, "recipient", "subject", "text", "invitation")
    except UNREADABLE:
        logs.event("message_unreadable", level=logging.ERROR, message=message.reference)
        return None
    return Letter(
        community_id=message.community_id,
        id=message.id,
        lease=token,
        reference=message.reference,
        channel=message.channel,
        **said,
        expires_at=message.expires_at,
        attempts=message.attempts + 1,
        language=message.language,
    )


def _whose(letter: Letter) -> dict[str, Any]:
    return {"community": letter.community_id, "number": letter.id, "token": letter.lease}


def _record(session: Session, letter: Letter, **outcome: Any) -> OutboxMessage | None:
    """Write what became of a letter, if it is still ours, and return its row."""
    return session.scalar(
        update(OutboxMessage)
        .where(OURS)
        .values(lease=None, lease_until=None, **outcome)
        .returning(OutboxMessage)
        .execution_options(synchronize_session=False, populate_existing=True),
        _whose(letter),
    )
