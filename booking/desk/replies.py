"""What patients write back: understood where it is sure, answered, and shown to somebody.

The sender's number is all that says who wrote. It cancels an appointment only where exactly one to
come has that number, in all communities; a number that a family shares is never guessed at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.audit import unit
from booking.audit.writing import About
from booking.desk import change, tell
from booking.desk.reach import ITS_REQUEST, ITS_SLOT, Reach
from booking.links import Links
from booking.models import Action, Booking, BookingStatus, CancelledBy, CareRequest
from config import sealed
from notifications import messages, opt_outs, phones
from notifications.models import InboundMessage, Meaning, OutboxMessage, recipient_key
from notifications.replies import meaning_of
from notifications.texts import REPLIES, Language
from schedules.models import Community, Slot

BY_SMS = "patient by SMS"

A_DAY = timedelta(days=1)

MOST_ANSWERS_A_DAY = 3
"""To one number; whoever says that it got worse is answered each time."""

MOST_LINKS = 3

LONGEST_TEXT = 480
"""Three SMS. Nobody reads more of it on a list."""

MOST_SHOWN = 50

Mine = Row[Community, UUID, datetime, str]
"""An appointment to come of the number that wrote: community, reference, hour, language."""


@dataclass(frozen=True)
class Inbound:
    """An SMS as it came: the provider's name for it, the number that wrote, its words."""

    provider_id: str
    phone: str
    text: str


def receive(session: Session, inbound: Inbound, *, links: Links, now: datetime) -> list[str]:
    """Do what a message asks for, note it once, and return what to answer.

    The same message again gets the same answer and does nothing. From a number that we never
    wrote to nothing is kept: only « 1 » is answered, and STOP heard.
    """
    try:
        phone = phones.parse(inbound.phone).e164
    except phones.PhoneInvalid:
        return []
    inbound = replace(inbound, phone=phone)
    meaning = meaning_of(inbound.text)
    _hear_stop(session, phone, meaning, now)
    mine = _to_come(session, phone, now)
    community_id, language = _whose(session, phone, mine)
    if community_id is None:
        return [REPLIES[language].worse] if meaning is Meaning.WORSE else []
    message = _noted(session, inbound, community_id, meaning, now)
    if message is None:
        return _answered_before(session, inbound)
    answer, needs_somebody = _act(session, phone, meaning, mine, language, links=links, now=now)
    kept = sealed.written(InboundMessage, message, {"answer": answer})["answer"]
    session.execute(
        update(InboundMessage)
        .where(InboundMessage.community_id == community_id, InboundMessage.reference == message)
        .values(answer=kept, needs_somebody=needs_somebody)
    )
    return answer


def _hear_stop(session: Session, phone: str, meaning: Meaning, now: datetime) -> None:
    if meaning is Meaning.STOP:
        opt_outs.add(session, phone, now=now)
    elif meaning is Meaning.START:
        opt_outs.remove(session, phone)


def _to_come(session: Session, phone: str, now: datetime) -> Sequence[Mine]:
    """Return the appointments to come of this number, in every community, soonest first."""
    return session.execute(
        select(Community, Booking.reference, Slot.starts_at, CareRequest.language)
        .join(Booking, Booking.community_id == Community.id)
        .join(Slot, ITS_SLOT)
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .where(
            CareRequest.phone_key == sealed.blind("phone", phone),
            Booking.status == BookingStatus.CONFIRMED,
            Slot.starts_at > now,
        )
        .order_by(Slot.starts_at)
    ).all()


def _whose(session: Session, phone: str, mine: Sequence[Mine]) -> tuple[int | None, Language]:
    """Return the community that this number belongs to, and the language it is written to in."""
    if mine:
        return mine[0].Community.id, tell.language_of(mine[0].language)
    last = session.execute(
        select(OutboxMessage.community_id, OutboxMessage.language)
        .where(OutboxMessage.recipient_key == recipient_key(phone))
        .order_by(OutboxMessage.send_at.desc())
        .limit(1)
    ).one_or_none()
    return (last.community_id, tell.language_of(last.language)) if last else (None, "fr")


def _noted(
    session: Session, inbound: Inbound, community_id: int, meaning: Meaning, now: datetime
) -> UUID | None:
    """Write a message once and return its reference; None if it is written.

    Whoever comes second waits for the first.
    """
    message = InboundMessage(
        community_id=community_id,
        provider_id=inbound.provider_id,
        phone=inbound.phone,
        text=inbound.text.replace("\0", "")[:LONGEST_TEXT],
        meaning=meaning,
        came_at=now,
        needs_somebody=False,
    )
    written: UUID | None = session.scalar(
        insert(InboundMessage)
        .values(**message.as_set())
        .on_conflict_do_nothing(index_elements=["provider_id"])
        .returning(InboundMessage.reference)
    )
    if written is not None:
        # No row of the session: the audit would not see it by itself.
        unit.note(Action.WRITE, About("inbound_message", written), community_id=community_id)
    return written


def _answered_before(session: Session, inbound: Inbound) -> list[str]:
    return (
        session.scalars(
            select(InboundMessage).where(InboundMessage.provider_id == inbound.provider_id)
        )
        .one()
        .answer
    )


def _act(
    session: Session,
    phone: str,
    meaning: Meaning,
    mine: Sequence[Mine],
    language: Language,
    *,
    links: Links,
    now: datetime,
) -> tuple[list[str], bool]:
    """Do what was asked; return what to answer, and whether somebody has to read it."""
    words = REPLIES[language]
    if meaning is Meaning.WORSE:
        return [words.worse], True
    if meaning in (Meaning.STOP, Meaning.START):
        return [], False
    if meaning is Meaning.CANCEL and len(mine) == 1 and _cancelled(session, mine[0], links, now):
        return [], False
    may_answer = _may_answer(session, phone, now)
    if meaning is Meaning.CANCEL and mine:
        said = [
            words.which.format(
                day=messages.sms_moment(each.starts_at, each.Community.zone, language),
                link=links.booking(each.reference),
            )
            for each in mine[:MOST_LINKS]
        ]
        return (said if may_answer else []), False
    is_first = may_answer and not _answers_today(session, phone, now)
    return ([words.other] if is_first else []), True


def _cancelled(session: Session, mine: Mine, links: Links, now: datetime) -> bool:
    """Cancel the one appointment of this number; its message says so. False if it is too late."""
    try:
        kept = change.by_reference(session, mine.Community.id, mine.reference, lock=True)
        change.cancel(
            session, kept, cancelled_by=CancelledBy.PATIENT, by=BY_SMS, links=links, now=now
        )
    except (change.NoSuchBooking, change.TooLate):
        return False
    return True


def _may_answer(session: Session, phone: str, now: datetime) -> bool:
    """Whether we still answer this number today, and may write to it at all."""
    if opt_outs.among(session, [phone]):
        return False
    return _answers_today(session, phone, now) < MOST_ANSWERS_A_DAY


def _answers_today(session: Session, phone: str, now: datetime) -> int:
    return (
        session.scalar(
            select(func.count()).where(
                InboundMessage.phone_key == sealed.blind("phone", phone),
                InboundMessage.came_at > now - A_DAY,
                InboundMessage.meaning != Meaning.WORSE,
                InboundMessage.answer.is_not(None),
            )
        )
        or 0
    )


@dataclass(frozen=True)
class Reply:
    """What somebody wrote, for whoever has to read it: those who got worse first."""

    reference: UUID
    text: str
    phone: str
    came_at: datetime
    is_worse: bool
    request: UUID | None
    """The last request of that number in this community, if it has one."""


def unread(session: Session, reach: Reach) -> list[Reply]:
    """Return what nobody has read yet; only whoever sees the whole community sees it."""
    if not reach.is_whole:
        return []
    request = (
        select(CareRequest.reference)
        .where(
            CareRequest.community_id == InboundMessage.community_id,
            CareRequest.phone_key == InboundMessage.phone_key,
        )
        .order_by(CareRequest.id.desc())
        .limit(1)
        .correlate(InboundMessage)
        .scalar_subquery()
    )
    found = session.execute(
        select(InboundMessage, request)
        .where(
            InboundMessage.community_id == reach.community_id,
            InboundMessage.needs_somebody,
            InboundMessage.seen_at.is_(None),
        )
        .order_by((InboundMessage.meaning != Meaning.WORSE), InboundMessage.came_at)
        .limit(MOST_SHOWN)
    )
    return [
        Reply(
            reference=said.reference,
            text=said.text,
            phone=said.phone,
            came_at=said.came_at,
            is_worse=said.meaning is Meaning.WORSE,
            request=theirs,
        )
        for said, theirs in found
    ]


def note_read(session: Session, reach: Reach, reference: UUID, *, by: UUID, now: datetime) -> bool:
    """Note that somebody has read it and does what is needed; False if there is no such reply."""
    if not reach.is_whole:
        return False
    noted = session.scalar(
        update(InboundMessage)
        .where(
            InboundMessage.community_id == reach.community_id,
            InboundMessage.reference == reference,
        )
        .values(
            seen_at=func.coalesce(InboundMessage.seen_at, now),
            seen_by=func.coalesce(InboundMessage.seen_by, by),
        )
        .returning(InboundMessage.id)
    )
    return noted is not None
