"""Propose what is free in time, keep one slot for the patient, give it to them for good."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, literal, select, update
from sqlalchemy.orm import Session

from booking import routing
from booking.desk import ask, tell
from booking.links import Links, code_of, hashed
from booking.models import (
    Booking,
    BookingState,
    BookingStatus,
    CareRequest,
    RequestStatus,
)
from config.clock import local_day
from schedules import slots
from schedules.geography import Place
from schedules.models import Community, Professional, Site, Slot, Visibility

SHOWN = 5
ALTERNATIVES = 3
LOOKED_AT = 12
"""Free slots fetched for each profession: enough to rank, whatever the size of the territory."""

OFFERED = (Visibility.CPTS, Visibility.PUBLIC)
"""What triage may route to: kept for the community, or open to all. `SNP` alone is the SAS's."""

SOON_ENOUGH_TO_LEAVE = timedelta(minutes=10)
"""A slot that starts sooner than this cannot be reached: it is not proposed."""


class LevelForbids(Exception):
    """Triage has not ended, or its level allows no booking."""


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

    Empty for a level that allows no booking, and when nothing is free in time.

    Raises:
        ask.NotAssessed: if triage has not ended.
    """
    assessment = ask.assessment_of(session, request)
    if not assessment.level.is_bookable or request.deadline is None:
        return []
    wanted = _wanted(assessment.routes, local_day(now, community.zone))
    search = {
        "asker": request.reference,
        "visible_to": OFFERED,
        "until": request.deadline,
        "each": max(LOOKED_AT, limit),
        "now": now + SOON_ENOUGH_TO_LEAVE,
    }
    found = [
        routing.Candidate(slot, is_regular_doctor=slot.professional == request.regular_doctor)
        for slot in slots.free(session, community.id, wanted, **search)  # type: ignore[arg-type]
    ]
    if request.regular_doctor is not None:
        found += [
            routing.Candidate(slot, is_regular_doctor=True)
            for slot in slots.free_of(session, community.id, request.regular_doctor, **search)  # type: ignore[arg-type]
        ]
    if only_wheelchair:
        found = [c for c in found if c.slot.is_wheelchair_accessible]
    return routing.rank(found, home=_home(request), now=now)[:limit]


def _wanted(routes: Iterable[Mapping[str, Any]], today: date) -> list[slots.Wanted]:
    """Return, in the protocol's order, who the law lets take this patient on that day."""
    day = today.isoformat()
    return [
        slots.Wanted(route["discipline"], tuple(route["needs"]))
        for route in routes
        if (route["valid_from"] or day) <= day <= (route["valid_until"] or day)
    ]


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
    _may_book(request)
    return slots.hold(session, request.community_id, slot, asker=request.reference, now=now)


def held(session: Session, request: CareRequest, *, now: datetime) -> Slot | None:
    """Return the slot that this request holds at this moment, if any."""
    return session.scalar(
        select(Slot).where(
            Slot.community_id == request.community_id,
            Slot.held_by == request.reference,
            Slot.held_until > now,
        )
    )


def _may_book(request: CareRequest) -> None:
    if request.status is RequestStatus.BOOKED:
        raise ask.AlreadyBooked
    if request.level is None or not request.level.is_bookable:
        raise LevelForbids


def book(
    session: Session,
    request: CareRequest,
    community: Community,
    slot: UUID,
    *,
    by: str,
    links: Links,
    now: datetime,
) -> Booked:
    """Give a locked request its slot, and promise the messages that tell of it.

    Asking twice gives the same booking. All of it is true together, or nothing is.

    Raises:
        LevelForbids: if triage has not ended or allows no booking.
        PersonMissing: if no name or phone was given.
        slots.SlotTaken: if somebody else was faster. Nothing is kept of the attempt.
    """
    if request.status is RequestStatus.BOOKED:
        return _as_before(session, request, links)
    _may_book(request)
    if not (request.family_name and request.given_name and request.phone):
        raise PersonMissing
    reference = uuid4()
    taken = _claim_and_write(session, request, slot, reference, by=by, links=links, now=now)
    slots.let_go(session, community.id, asker=request.reference, now=now)
    appointment = tell.Appointment(
        reference=reference,
        version=0,
        starts_at=taken.starts_at,
        ends_at=taken.ends_at,
        changed_at=now,
        site=taken.site,
        professional_email=taken.professional_email,
        phone=request.phone if request.wants_sms else None,
        email=request.email,
        language=request.language,
    )
    tell.confirmed(session, community, appointment, links=links, now=now)
    return Booked(
        reference,
        code_of(reference),
        links.booking(reference),
        taken.starts_at,
        taken.ends_at,
        is_new=True,
    )


@dataclass(frozen=True)
class Taken:
    """The slot that was just claimed, as messages tell of it."""

    slot_id: int
    starts_at: datetime
    ends_at: datetime
    site: tell.Where
    professional_email: str | None


def _claim_and_write(
    session: Session,
    request: CareRequest,
    slot: UUID,
    reference: UUID,
    *,
    by: str,
    links: Links,
    now: datetime,
) -> Taken:
    """Claim the slot and write the booking's rows in one statement, or raise SlotTaken."""
    claimed = (
        slots.claiming(request.community_id, slot, asker=request.reference, now=now)
        .where(
            Professional.community_id == Slot.community_id,
            Professional.id == Slot.professional_id,
            Site.community_id == Slot.community_id,
            Site.id == Slot.site_id,
        )
        .returning(
            Slot.community_id,
            Slot.id.label("slot_id"),
            Slot.starts_at,
            Slot.ends_at,
            Professional.email,
            Site.name,
            Site.address_line,
            Site.postal_code,
            Site.city,
            Site.phone,
        )
        .cte("claimed")
    )
    booked = (
        insert(Booking)
        .from_select(
            [
                "community_id",
                "slot_id",
                "reference",
                "request_id",
                "assessment_id",
                "level",
                "status",
                "version",
                "link_hash",
                "code",
                "booked_at",
                "changed_at",
            ],
            select(
                claimed.c.community_id,
                claimed.c.slot_id,
                literal(reference),
                literal(request.id),
                literal(request.assessment_id),
                literal(request.level, Booking.level.type),
                literal(BookingStatus.CONFIRMED, Booking.status.type),
                literal(0),
                literal(hashed(links.booking_token(reference))),
                literal(code_of(reference)),
                literal(now, Booking.booked_at.type),
                literal(now, Booking.changed_at.type),
            ),
            include_defaults=False,
        )
        .returning(Booking.community_id, Booking.id, Booking.slot_id)
        .cte("booked")
    )
    noted = (
        insert(BookingState)
        .from_select(
            ["community_id", "booking_id", "slot_id", "version", "status", "by", "at"],
            select(
                booked.c.community_id,
                booked.c.id,
                booked.c.slot_id,
                literal(0),
                literal(BookingStatus.CONFIRMED, BookingState.status.type),
                literal(by),
                literal(now, BookingState.at.type),
            ),
            include_defaults=False,
        )
        .cte("noted")
    )
    done = (
        update(CareRequest)
        .where(CareRequest.community_id == booked.c.community_id, CareRequest.id == request.id)
        .values(status=RequestStatus.BOOKED)
        .cte("done")
    )
    row = session.execute(select(claimed).add_cte(booked, noted, done)).one_or_none()
    if row is None:
        raise slots.SlotTaken(slot)
    session.expire(request, ["status"])
    return Taken(
        row.slot_id,
        row.starts_at,
        row.ends_at,
        tell.Where(row.name, f"{row.address_line}, {row.postal_code} {row.city}", row.phone),
        row.email,
    )


def _as_before(session: Session, request: CareRequest, links: Links) -> Booked:
    """Return the booking that the request already has: the second click gets the first's answer."""
    booking, slot = (
        session.execute(
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
        )
        .tuples()
        .one()
    )
    return Booked(
        booking.reference,
        booking.code,
        links.booking(booking.reference),
        slot.starts_at,
        slot.ends_at,
        is_new=False,
    )
