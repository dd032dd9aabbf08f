"""Providers' delivery reports, which repeat and overtake each other, and what they change."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from notifications.models import OutboxMessage, Status

TWILIO = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}
"""accepted, scheduled, queued and sending tell us nothing that we act on."""

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


def record(session: Session, report: Report, *, our_account: str) -> bool:
    """Move a message forward by one report; whether it moved.

    A late or repeated report, an unknown word, message or account changes nothing, and is
    answered like any other.
    """
    status = TWILIO.get(report.said)
    if status is None or report.account != our_account:
        return False
    known = [OutboxMessage.reference == report.message, OutboxMessage.status.in_(OVER[status])]
    if status in BAD_NEWS:
        # A message may have left twice: bad news of one copy says nothing about the other.
        sid = OutboxMessage.provider_id
        known.append(or_(sid.is_(None), sid == report.sid))
    moved = session.scalar(
        update(OutboxMessage)
        .where(*known)
        .values(
            status=status,
            provider_id=report.sid,
            failure=report.error,
            lease=None,
            lease_until=None,
        )
        .returning(OutboxMessage.id)
        .execution_options(synchronize_session=False)
    )
    return moved is not None
