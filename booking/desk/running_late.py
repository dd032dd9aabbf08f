"""A practice that runs late says so to whoever is about to come: a few times a day at most."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.desk import board, tell
from booking.desk.change import Kept, TooLate
from booking.links import Links
from booking.models import BookingStatus
from notifications.models import Kind, OutboxMessage

MINUTES = (20, 10, 30, 45)
"""How late a practice can say that it is, the usual delay first."""

MOST_A_DAY = 3
"""Messages of delay about one appointment: more would only worry."""


class Enough(Exception):
    """This patient has been told often enough today."""


class Unreachable(Exception):
    """Neither SMS nor mail reaches this patient: somebody has to telephone."""


def may_tell(kept: Kept, now: datetime) -> bool:
    """Return whether a message of delay about this appointment still serves its patient."""
    return (
        kept.booking.status is BookingStatus.CONFIRMED
        and kept.slot.starts_at + timedelta(minutes=max(MINUTES)) > now
        and board.is_told_by_message(kept)
    )


def tell_patient(
    session: Session, kept: Kept, minutes: int, *, links: Links, now: datetime
) -> None:
    """Promise the patient of a locked appointment a message that they will wait.

    Raises:
        TooLate: if they are not expected any more, or were to come long ago.
        Unreachable: if no message reaches them.
        Enough: if they were told three times within a day.
    """
    if kept.booking.status is not BookingStatus.CONFIRMED:
        raise TooLate
    if not board.is_told_by_message(kept):
        raise Unreachable
    if kept.slot.starts_at + timedelta(minutes=minutes) <= now:
        raise TooLate
    told, today = session.execute(
        select(
            func.coalesce(func.max(OutboxMessage.version), 0),
            func.count(OutboxMessage.version.distinct()).filter(
                OutboxMessage.send_at > now - timedelta(days=1)
            ),
        ).where(
            OutboxMessage.community_id == kept.community.id,
            OutboxMessage.about == kept.booking.reference,
            OutboxMessage.kind == Kind.LATE,
        )
    ).one()
    if today >= MOST_A_DAY:
        raise Enough
    tell.late(
        session,
        kept.community,
        kept.appointment(),
        minutes,
        number=told + 1,
        links=links,
        now=now,
    )
