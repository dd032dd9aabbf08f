"""The one statement that gives a patient their slot, with every row that must be true with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Row, Select, bindparam, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.attributes import set_committed_value

from booking.audit import unit
from booking.audit.writing import About
from booking.desk import promises, tell
from booking.desk.suits import latest_start, suits
from booking.links import Links, code_of, hashed
from booking.models import (
    Action,
    Booking,
    BookingState,
    BookingStatus,
    CareRequest,
    RequestStatus,
)
from schedules import beside, slots
from schedules.models import Professional, Site, Slot

PERSON = ("family_name", "given_name", "birth_date", "phone", "email", "wants_sms")
"""Who the appointment belongs to, and how to reach them: written with it."""

WRITTEN = (
    CareRequest.family_name,
    CareRequest.given_name,
    CareRequest.name_keys,
    CareRequest.birth_date,
    CareRequest.phone,
    CareRequest.phone_key,
    CareRequest.email,
    CareRequest.wants_sms,
)
"""The columns in which that stands, sealed, and is found again."""


@dataclass(frozen=True)
class Taken:
    """The slot that was just claimed, as messages tell of it."""

    slot: UUID
    starts_at: datetime
    ends_at: datetime
    site: tell.Where
    professional_email: str | None


def claim(
    session: Session,
    request: CareRequest,
    slot: UUID,
    reference: UUID,
    *,
    person: Mapping[str, Any],
    by: str,
    links: Links,
    now: datetime,
) -> Taken:
    """Claim the slot, and write booking, history, person and status with it, or nothing.

    Where somebody was faster, another place of the same hour will do: see `schedules.beside`.

    Raises:
        slots.SlotTaken: if it is not open to this request.
    """
    # Sealed for the row that the request has already.
    written = CareRequest(reference=request.reference, **person).as_set()
    said = {
        "community": request.community_id,
        "asker": request.reference,
        "moment": now,
        "booking_reference": reference,
        "request_number": request.id,
        "assessment_number": request.assessment_id,
        "doctor": request.regular_doctor,
        "latest": latest_start(request.deadline or now, now),
        "triaged_level": request.level,
        "link": hashed(links.booking_token(reference)),
        "spoken": code_of(reference),
        "author": by,
        **{f"person_{column.key}": written[column.key] for column in WRITTEN},
    }
    unit.note(
        Action.WRITE,
        About("care_request", request.reference),
        community_id=request.community_id,
    )
    row = beside.take(
        session, request.community_id, slot, lambda place: _written(session, place, said)
    )
    for name, value in {**written, "status": RequestStatus.BOOKED}.items():
        # The statement has written it: the object in hand must not write it again.
        set_committed_value(request, name, value)
    place = f"{row.address_line}, {row.postal_code} {row.city}"
    where = tell.Where(row.name, place, row.phone)
    return Taken(row.slot, row.starts_at, row.ends_at, where, row.email)


def _written(session: Session, slot: UUID, said: Mapping[str, Any]) -> Row[Any]:
    """Run the statement for one slot, or raise SlotTaken."""
    row = session.execute(_STATEMENT, {"wanted": slot, **said}).one_or_none()
    if row is None:
        raise slots.SlotTaken(slot)
    return row


def _statement() -> Select[Any]:
    """Build it once: an expression this size takes longer to build than to run."""
    claimed = _claimed()
    booked = _booked(claimed)
    let_go = slots.letting_go(
        bindparam("community"), asker=bindparam("asker"), now=bindparam("moment")
    ).where(Slot.reference != bindparam("wanted"))
    return select(claimed).add_cte(
        booked,
        _noted(booked),
        _done(booked),
        *promises.keeping(claimed),
        let_go.cte("let_go"),
    )


def _claimed() -> CTE:
    claiming = slots.claiming(
        bindparam("community"),
        bindparam("wanted"),
        asker=bindparam("asker"),
        now=bindparam("moment"),
    )
    return (
        claiming.where(
            Professional.community_id == Slot.community_id,
            Professional.id == Slot.professional_id,
            Site.community_id == Slot.community_id,
            Site.id == Slot.site_id,
            suits(bindparam("assessment_number"), bindparam("doctor"), until=bindparam("latest")),
        )
        .returning(
            Slot.community_id,
            Slot.id.label("slot_id"),
            Slot.reference.label("slot"),
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


def _booked(claimed: CTE) -> CTE:
    values: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
        Booking.community_id: claimed.c.community_id,
        Booking.slot_id: claimed.c.slot_id,
        Booking.reference: _said(Booking.reference, "booking_reference"),
        Booking.request_id: _said(Booking.request_id, "request_number"),
        Booking.assessment_id: _said(Booking.assessment_id, "assessment_number"),
        Booking.level: _said(Booking.level, "triaged_level"),
        Booking.status: literal(BookingStatus.CONFIRMED, Booking.status.type),
        Booking.version: literal(0),
        Booking.link_hash: _said(Booking.link_hash, "link"),
        Booking.code: _said(Booking.code, "spoken"),
        Booking.booked_at: _said(Booking.booked_at, "moment"),
        Booking.changed_at: _said(Booking.changed_at, "moment"),
    }
    return (
        insert(Booking)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .returning(Booking.community_id, Booking.id, Booking.slot_id)
        .cte("booked")
    )


def _noted(booked: CTE) -> CTE:
    values: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
        BookingState.community_id: booked.c.community_id,
        BookingState.booking_id: booked.c.id,
        BookingState.slot_id: booked.c.slot_id,
        BookingState.version: literal(0),
        BookingState.status: literal(BookingStatus.CONFIRMED, BookingState.status.type),
        BookingState.by: _said(BookingState.by, "author"),
        BookingState.at: _said(BookingState.at, "moment"),
    }
    return (
        insert(BookingState)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .cte("noted")
    )


def _done(booked: CTE) -> CTE:
    written = {column.key: _said(column, f"person_{column.key}") for column in WRITTEN}
    return (
        update(CareRequest)
        .where(
            CareRequest.community_id == booked.c.community_id,
            CareRequest.id == bindparam("request_number"),
        )
        .values(status=RequestStatus.BOOKED, **written)
        .cte("done")
    )


def _said(column: InstrumentedAttribute[Any], name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


_STATEMENT = _statement()
