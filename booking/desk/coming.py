"""Whether somebody with an appointment of another day says, when reminded of it, that they come."""

from datetime import datetime

from sqlalchemy.orm import Session

from booking.desk.change import Kept, TooLate
from booking.models import BookingStatus
from notifications import reminders


def is_asked(kept: Kept, *, now: datetime) -> bool:
    """Return whether the patient has been reminded, and can still come or not."""
    if kept.booking.status is not BookingStatus.CONFIRMED or kept.slot.starts_at <= now:
        return False
    asked_at = reminders.reminder_at(
        kept.slot.starts_at, booked_at=kept.booking.changed_at, zone=kept.community.zone
    )
    return asked_at is not None and asked_at <= now


def will_come(session: Session, kept: Kept, *, now: datetime) -> None:
    """Note of a locked appointment that its patient comes; said twice, the first time counts.

    Raises:
        TooLate: if nobody was asked, or the appointment has begun or was cancelled.
    """
    if not is_asked(kept, now=now):
        raise TooLate
    kept.booking.coming_at = kept.booking.coming_at or now
    session.flush()
