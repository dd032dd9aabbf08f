"""Propose what is free in time, keep one slot for the patient, give it to them for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import routing
from booking.desk import ask, tell
from booking.desk.claim import PERSON, claim
from booking.desk.suits import OFFERED, latest_start, suits
from booking.links import Links, code_of
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    RequestStatus,
)
from schedules import search, slots
from schedules.geography import Place
from schedules.models import DOCTOR, WHEELCHAIR, Community, Slot

SHOWN = 5
ALTERNATIVES = 3
LOOKED_AT = 12
"""Free slots fetched for each profession: enough to rank, whatever the size of the territory."""

TRIAGE_COUNTS = timedelta(hours=24)
"""How long a judgement counts: who has waited longer must be asked again."""

SOON_ENOUGH_TO_LEAVE = timedelta(minutes=10)
"""A slot that starts sooner than this cannot be reached: it is not proposed."""


NOBODY_NEW: Mapping[str, Any] = MappingProxyType({})


class LevelForbids(Exception):
    """Triage has not ended, is a day old, or its level allows no booking; or nobody waits."""


class PersonMissing(Exception):
    """Nobody's name or phone is known yet: an appointment belongs to somebody."""


@dataclass(frozen=True)
class Booked:
    """An appointment as whoever asked for it is told."""

    reference: UUID
    code: str
    link: str
    starts_at: datetime
    ends_at: datetime
    is_new: bool
    """False when the same request already had it: a button may be pressed twice."""


def propose(
    session: Session,
    request: CareRequest,
    community: Community,
    *,
    only_wheelchair: bool = False,
    limit: int = SHOWN,
    now: datetime,
) -> list[routing.Proposal]:
    """Return the best slots for an assessed request before its deadline, each with its reasons.

    Past the deadline, from whatever the next 24 hours hold. Empty for a level that allows no
    booking, and when nothing is free in time.

    Raises:
        ask.NotAssessed: if triage has not ended.
    """
    assessment = ask.assessment_of(session, request)
    if not assessment.level.is_bookable or request.deadline is None or is_too_old(request, now):
        return []
    access = (WHEELCHAIR,) if only_wheelchair else ()
    wanted = [search.Wanted(r["discipline"], (*r["needs"], *access)) for r in assessment.routes]
    said: dict[str, Any] = {
        "asker": request.reference,
        "visible_to": OFFERED,
        "after": now + SOON_ENOUGH_TO_LEAVE,
        "until": latest_start(request.deadline, now),
        "each": max(LOOKED_AT, limit),
        "now": now,
    }
    found = [
        routing.Candidate(slot, is_regular_doctor=_is_own_doctors(slot, request))
        for slot in search.free(session, community.id, wanted, **said)
    ]
    if request.regular_doctor is not None:
        found += [
            routing.Candidate(slot, is_regular_doctor=True)
            for slot in search.free_of(
                session, community.id, request.regular_doctor, access, **said
            )
        ]
    return routing.rank(found, home=_home(request), now=now)[:limit]


def _is_own_doctors(slot: search.FreeSlot, request: CareRequest) -> bool:
    return slot.professional == request.regular_doctor and slot.profession == DOCTOR


def is_too_old(request: CareRequest, now: datetime) -> bool:
    """Return whether so much time has passed since triage that the patient must be asked again."""
    return request.assessed_at is None or now - request.assessed_at > TRIAGE_COUNTS


def _home(request: CareRequest) -> Place | None:
    if request.latitude is None or request.longitude is None:
        return None
    return Place(request.latitude, request.longitude)


def hold(session: Session, request: CareRequest, slot: UUID, *, now: datetime) -> datetime:
    """Keep a slot for a locked request and return until when; asking again renews it.

    Raises:
        LevelForbids: if triage has not ended or allows no booking.
        ask.AlreadyBooked: if the request has its appointment.
        slots.SlotTaken: if somebody else was faster.
    """
    _may_book(request, now)
    return slots.hold(
        session,
        request.community_id,
        slot,
        asker=request.reference,
        only_if=suits(
            request.assessment_id,
            request.regular_doctor,
            until=latest_start(request.deadline or now, now),
        ),
        now=now,
    )


def held(session: Session, request: CareRequest, *, now: datetime) -> Slot | None:
    """Return the slot that this request holds at this moment, if any."""
    return session.scalar(
        select(Slot).where(
            Slot.community_id == request.community_id,
            Slot.held_by == request.reference,
            Slot.held_until > now,
        )
    )


def _may_book(request: CareRequest, now: datetime) -> None:
    if request.status is RequestStatus.BOOKED:
        raise ask.AlreadyBooked
    if request.level is None or not request.level.is_bookable or is_too_old(request, now):
        raise LevelForbids
    # Who cancelled may choose again; who wanted no more, or was told otherwise, may not.
    if request.status is RequestStatus.DECLINED and request.declined_because is not None:
        raise LevelForbids


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
        LevelForbids: if triage has not ended or allows no booking.
        PersonMissing: if no name or phone was given.
        slots.SlotTaken: if somebody else was faster. Nothing is kept of the attempt.
    """
    if request.status is RequestStatus.BOOKED:
        return _as_before(session, request, links)
    _may_book(request, now)
    who = {column.key: getattr(request, column.key) for column in PERSON} | dict(person)
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
        booking.code,
        links.booking(booking.reference),
        slot.starts_at,
        slot.ends_at,
        is_new=False,
    )
