"""Keep one of the slots that are free in time for the patient, give it to them for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import alternatives, ask, tell
from booking.desk.claim import PERSON, claim
from booking.desk.proposals import SHOWN, SOON_ENOUGH_TO_LEAVE, propose
from booking.desk.suits import suits
from booking.desk.validity import is_too_old, latest_start
from booking.links import Links, code_of
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    RequestStatus,
)
from schedules import beside, slots
from schedules.models import Community, Slot

__all__ = [
    "ALTERNATIVES",
    "SHOWN",
    "SOON_ENOUGH_TO_LEAVE",
    "Booked",
    "LevelForbids",
    "PersonMissing",
    "SignsAgain",
    "book",
    "held",
    "hold",
    "is_too_old",
    "propose",
]

ALTERNATIVES = 3

NOBODY_NEW: Mapping[str, Any] = MappingProxyType({})


class LevelForbids(Exception):
    """Triage has not ended, does not count any more, or allows no booking; or nobody waits."""


class SignsAgain(LevelForbids):
    """The judgement is too old: the warning signs are answered again first (`desk.again`)."""


class PersonMissing(Exception):
    """Nobody's name or phone is known yet: an appointment belongs to somebody."""


@dataclass(frozen=True)
class Booked:
    """An appointment as whoever asked for it is told."""

    reference: UUID
    slot: UUID
    code: str
    link: str
    starts_at: datetime
    ends_at: datetime
    is_new: bool
    """False when the same request already had it: a button may be pressed twice."""


def hold(session: Session, request: CareRequest, slot: UUID, *, now: datetime) -> datetime:
    """Keep a slot for a locked request and return until when; asking again renews it.

    Of an hour with several places it may be another place: ask `held`.

    Raises:
        SignsAgain: if too much time has passed since triage.
        LevelForbids: if triage has not ended or allows no booking.
        ask.AlreadyBooked: if the request has its appointment.
        slots.SlotTaken: if somebody else was faster.
    """
    _may_book(request, now)
    community, asker = request.community_id, request.reference
    fit = suits(
        request.assessment_id,
        request.regular_doctor,
        until=latest_start(request.deadline or now, now),
    )
    return beside.take(
        session,
        community,
        slot,
        lambda place: slots.hold(session, community, place, asker=asker, only_if=fit, now=now),
    )


def held(session: Session, request: CareRequest, *, now: datetime) -> Slot | None:
    """Return the slot that this request has chosen and holds at this moment, if any.

    Not what is only offered to it: see `alternatives`.
    """
    return session.scalar(
        select(Slot).where(
            Slot.community_id == request.community_id,
            Slot.held_by == request.reference,
            Slot.held_until > now,
            ~alternatives.is_offered(now),
        )
    )


def _may_book(request: CareRequest, now: datetime) -> None:
    if request.status is RequestStatus.BOOKED:
        raise ask.AlreadyBooked
    if request.level is None or not request.level.is_bookable:
        raise LevelForbids
    # Who cancelled may choose again; who wanted no more, or was told otherwise, may not.
    if request.status is RequestStatus.DECLINED and request.declined_because is not None:
        raise LevelForbids
    # The request is locked: nobody makes this older, or younger, before the slot is claimed.
    if is_too_old(request, now):
        raise SignsAgain


def book(
    session: Session,
    request: CareRequest,
    community: Community,
    slot: UUID,
    *,
    person: Mapping[str, Any] = NOBODY_NEW,
    by: str,
    links: Links,
    now: datetime,
) -> Booked:
    """Give a locked request its slot, and promise the messages that tell of it.

    `person` is what was not said before of who comes: attributes of `claim.PERSON`. Asking
    twice gives the same booking. All of it is true together, or nothing is.

    Raises:
        SignsAgain: if too much time has passed since triage.
        LevelForbids: if triage has not ended or allows no booking.
        PersonMissing: if no name or phone was given.
        slots.SlotTaken: if somebody else was faster. Nothing is kept of the attempt.
    """
    if request.status is RequestStatus.BOOKED:
        return _as_before(session, request, links)
    _may_book(request, now)
    who = {name: getattr(request, name) for name in PERSON} | dict(person)
    if not (who["family_name"] and who["given_name"] and who["phone"]):
        raise PersonMissing
    reference = uuid4()
    taken = claim(session, request, slot, reference, person=who, by=by, links=links, now=now)
    appointment = tell.Appointment(
        reference=reference,
        version=0,
        starts_at=taken.starts_at,
        ends_at=taken.ends_at,
        changed_at=now,
        site=taken.site,
        professional_email=taken.professional_email,
        phone=who["phone"] if who["wants_sms"] else None,
        email=who["email"],
        language=request.language,
    )
    if request.call_back_asked_at is not None:
        tell.nothing_more(session, request, now=now)
    tell.confirmed(session, community, appointment, links=links, now=now)
    return Booked(
        reference,
        taken.slot,
        code_of(reference),
        links.booking(reference),
        taken.starts_at,
        taken.ends_at,
        is_new=True,
    )


def _as_before(session: Session, request: CareRequest, links: Links) -> Booked:
    """Return the booking that the request already has: the second click gets the first's answer."""
    booking, slot = session.execute(
        select(Booking, Slot)
        .join(
            Slot,
            (Slot.community_id == Booking.community_id) & (Slot.id == Booking.slot_id),
        )
        .where(
            Booking.community_id == request.community_id,
            Booking.request_id == request.id,
            Booking.status != BookingStatus.CANCELLED,
        )
    ).one()
    return Booked(
        booking.reference,
        slot.reference,
        booking.code,
        links.booking(booking.reference),
        slot.starts_at,
        slot.ends_at,
        is_new=False,
    )
