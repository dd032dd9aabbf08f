"""What somebody does with the keys of a telephone in a call that we made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import change, tell
from booking.links import Links
from booking.models import BookingStatus, CancelledBy
from notifications.messages import CANCELLED_BY_KEY
from notifications.models import Channel, OutboxMessage
from notifications.texts import Language

BY_TELEPHONE = "patient by telephone"


class Outcome(StrEnum):
    """What became of it; each is a sentence of `notifications.texts.Spoken`."""

    CANCELLED = auto()
    CHANGED = auto()
    TOO_LATE = auto()


@dataclass(frozen=True)
class Heard:
    """A call that somebody is listening to."""

    community_id: int
    about: UUID
    version: int
    text: str
    language: Language
    may_cancel: bool


def of(session: Session, message: UUID) -> Heard | None:
    """Return what the call of this name says; None if there is none, or it was forgotten."""
    found = session.scalar(
        select(OutboxMessage).where(
            OutboxMessage.reference == message,
            OutboxMessage.channel == Channel.VOICE,
            OutboxMessage.text.is_not(None),
        )
    )
    if found is None:
        return None
    return Heard(
        community_id=found.community_id,
        about=found.about,
        version=found.version,
        text=found.text,
        language=tell.language_of(found.language),
        may_cancel=found.kind in CANCELLED_BY_KEY,
    )


def cancel(session: Session, heard: Heard, *, links: Links, now: datetime) -> Outcome:
    """Cancel the appointment that a call told of, as it told of it; done twice it is done once.

    Whoever heard of an hour that is no more has not cancelled the one that took its place.
    """
    if not heard.may_cancel:
        return Outcome.CHANGED
    try:
        kept = change.by_reference(session, heard.community_id, heard.about, lock=True)
        if kept.booking.status is BookingStatus.CANCELLED:
            return Outcome.CANCELLED
        if kept.booking.version != heard.version:
            return Outcome.CHANGED
        change.cancel(
            session,
            kept,
            cancelled_by=CancelledBy.PATIENT,
            by=BY_TELEPHONE,
            links=links,
            now=now,
        )
    except (change.NoSuchBooking, change.TooLate):
        return Outcome.TOO_LATE
    return Outcome.CANCELLED
