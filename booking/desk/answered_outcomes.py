"""What a professional answers, by the link of a mail, about the appointments that it asks about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import change
from booking.desk.outcome_letters import UNKNOWN
from booking.desk.reach import ITS_REQUEST, ITS_SLOT
from booking.links import hashed
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    OutcomeAsked,
    OutcomeLetter,
    SentOnTo,
)
from schedules.models import Community, Slot

BY_LETTER = "PROFESSIONAL"
"""How the history calls whoever holds the link of the mail."""


class Answer(StrEnum):
    """What became of a patient, as one tap says it."""

    SEEN = "vu"
    MISSED = "absent"
    TO_EMERGENCY = "urgences"
    TO_COLLEAGUE = "confrere"
    TO_EXAM = "examen"


MEANT: dict[Answer, tuple[BookingStatus, SentOnTo | None]] = {
    Answer.SEEN: (BookingStatus.HONOURED, None),
    Answer.MISSED: (BookingStatus.NO_SHOW, None),
    Answer.TO_EMERGENCY: (BookingStatus.HONOURED, SentOnTo.EMERGENCY),
    Answer.TO_COLLEAGUE: (BookingStatus.HONOURED, SentOnTo.COLLEAGUE),
    Answer.TO_EXAM: (BookingStatus.HONOURED, SentOnTo.EXAM),
}
SAID = {meant: answer for answer, meant in MEANT.items()}
ENDED = (BookingStatus.HONOURED, BookingStatus.NO_SHOW)


class NoSuchLetter(LookupError):
    """No letter that this link opens."""


class LetterDied(LookupError):
    """Its seven days are over."""


@dataclass(frozen=True)
class Line:
    """One appointment that is asked about: its hour, and no more of its patient than a letter."""

    booking: UUID
    starts_at: datetime
    initial: str
    """Of the given name; nothing where it is forgotten."""
    status: BookingStatus
    answer: Answer | None
    """What is noted by now, whoever noted it; None while nobody has."""


@dataclass(frozen=True)
class Asked:
    """A letter with what it asks about, in the order of the hours."""

    community: Community
    lines: Sequence[Line]


def by_link(session: Session, token: str, *, now: datetime) -> Asked:
    """Return what the letter of this link asks about.

    Raises:
        NoSuchLetter: if the token opens none.
        LetterDied: from seven days after it was sent on.
    """
    letter = session.scalar(select(OutcomeLetter).where(OutcomeLetter.link_hash == hashed(token)))
    if letter is None:
        raise NoSuchLetter
    if letter.until <= now:
        raise LetterDied
    rows = session.execute(
        select(Booking, Slot, CareRequest)
        .join(
            OutcomeAsked,
            and_(
                OutcomeAsked.community_id == Booking.community_id,
                OutcomeAsked.booking_id == Booking.id,
            ),
        )
        .join(Slot, ITS_SLOT)
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .where(
            OutcomeAsked.community_id == letter.community_id, OutcomeAsked.letter_id == letter.id
        )
        .order_by(Slot.starts_at, Booking.id)
        .execution_options(populate_existing=True)
    )
    return Asked(
        session.get_one(Community, letter.community_id),
        [
            Line(
                booking=booking.reference,
                starts_at=slot.starts_at,
                initial=(request.given_name or "")[:1],
                status=booking.status,
                answer=SAID.get((booking.status, booking.sent_on_to)),
            )
            for booking, slot, request in rows
        ],
    )


def answer(
    session: Session,
    asked: Asked,
    booking: UUID,
    said: Answer,
    *,
    instead_of: Answer | None,
    now: datetime,
) -> bool:
    """Note one answer, if what is noted is still what the page showed; whether it is so now.

    Somebody of the practice may have noted it meanwhile: they were there, so theirs stays until
    the page has shown it.
    """
    if booking not in {line.booking for line in asked.lines}:
        return False
    kept = change.by_reference(session, asked.community.id, booking, lock=True)
    noted = (kept.booking.status, kept.booking.sent_on_to)
    if noted == MEANT[said]:
        return True
    is_as_shown = SAID.get(noted) is instead_of
    if not is_as_shown or kept.booking.status not in (*UNKNOWN, *ENDED):
        return False
    status, sent_on_to = MEANT[said]
    change.note(session, kept, status, sent_on_to=sent_on_to, by=BY_LETTER, now=now)
    return True
