"""Providers' delivery reports, which repeat and overtake each other, and what they change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import sealed
from notifications import opt_outs, pacing, ways
from notifications.models import OutboxMessage, Status

TWILIO = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
    # Of a call:
    "completed": Status.DELIVERED,
    "machine": Status.UNDELIVERED,
    "busy": Status.UNDELIVERED,
    "no-answer": Status.UNDELIVERED,
}
"""accepted, scheduled, queued, sending, ringing and in-progress tell us nothing that we act on.
`machine` is our word for a call that an answering machine took: nobody may have heard it."""

MAY_PASS = {"twilio_30003", "twilio_30008", "busy", "no-answer"}
"""The handset is off, nobody knows why, nobody picks up: worth one more try, if there is time.
https://www.twilio.com/docs/api/errors"""

WANTS_NO_SMS = "twilio_21610"

NOT_FINAL = (Status.WAITING, Status.SENDING, Status.UNKNOWN, Status.SENT)

OVER = {
    Status.SENT: (Status.WAITING, Status.SENDING, Status.UNKNOWN),
    Status.DELIVERED: NOT_FINAL,
    Status.UNDELIVERED: NOT_FINAL,
    Status.FAILED: NOT_FINAL,
}
"""What each status may follow. A final one is followed by nothing, so order does not matter."""

BAD_NEWS = (Status.UNDELIVERED, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a provider says about one message, in its own words.

    `message` is the outbox reference, from the address that the report came to; `account`
    is whose message the provider takes it for; `error` a code, never a text.
    """

    message: UUID
    said: str
    sid: str
    account: str
    error: str | None = None


def record(session: Session, report: Report, *, our_account: str, now: datetime) -> bool:
    """Move a message forward by one report; whether it moved.

    What did not arrive is tried once more or passed on to its next way, in this transaction; what
    arrived calls back what was to stand in for it. A late or repeated report, an unknown word,
    message or account changes nothing, and is answered like any other.
    """
    status = TWILIO.get(report.said)
    if status is None or report.account != our_account:
        return False
    message = session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.reference == report.message, OutboxMessage.status.in_(OVER[status]))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if message is None or not _is_news(message, report, status):
        return False
    # Where it cannot be read, the provider says so again of the next SMS.
    if report.error == WANTS_NO_SMS and sealed.is_readable(message, "recipient"):
        opt_outs.add(session, message.recipient, now=now)
    if status in BAD_NEWS and _try_again(message, report, now):
        return True
    message.status, message.provider_id, message.failure = status, report.sid, report.error
    message.lease = message.lease_until = None
    if status is Status.DELIVERED:
        ways.arrived(session, message)
    elif status in BAD_NEWS:
        ways.pass_on(session, message, now=now)
    session.flush()
    return True


def _is_news(message: OutboxMessage, report: Report, status: Status) -> bool:
    """Whether this is not about a copy of which we know that it did not arrive.

    A message may have left twice: bad news of one copy says nothing about the other. That one
    arrived is always news.
    """
    if status is Status.DELIVERED:
        return True
    is_other = message.provider_id not in (None, report.sid) and status in BAD_NEWS
    return not is_other and message.given_up_id != report.sid


def _try_again(message: OutboxMessage, report: Report, now: datetime) -> bool:
    """Put a message back for its one second copy, if its trouble may pass in the time left."""
    wait = pacing.pause(2, message.expires_at - now)
    may_pass = report.error in MAY_PASS or report.said in MAY_PASS
    is_first = message.given_up_id is None and message.status is not Status.UNKNOWN
    if not (may_pass and is_first and wait) or message.attempts >= pacing.MOST_CALLS:
        return False
    message.status, message.send_at = Status.WAITING, now + wait
    message.given_up_id, message.provider_id = report.sid, None
    message.failure = report.error
    message.lease = message.lease_until = message.call_started_at = None
    return True
