"""Who calls, by what the operator types: a number, a name, a spoken code. Reads only."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from booking.desk.reach import ITS_SITE, ITS_SLOT, Reach
from booking.links import SPOKEN
from booking.models import (
    SHORTEST_NAME,
    Booking,
    BookingStatus,
    CareRequest,
    RequestStatus,
)
from booking.triage.protocol import Level
from config import sealed
from notifications.phones import PhoneInvalid, parse
from schedules.models import Site, Slot

KNOWN_FOR = timedelta(days=365)
"""How far back a number is recognised; what was forgotten since (booking/privacy.py) is not."""

AROUND = timedelta(days=7)
"""Search looks at the week before and the week after."""

MOST_BEHIND_ONE_NUMBER = 8
MOST_FOUND = 20

CODE = re.compile(rf"([{SPOKEN}]{{3}})[ -]?([{SPOKEN}]{{2}})")


def normalised(text: str) -> str | None:
    """Return a French number in E.164, however it was typed; None for what is none."""
    try:
        return parse(text).e164
    except PhoneInvalid:
        return None


@dataclass(frozen=True)
class Known:
    """Somebody who called from this number before, as they said it last."""

    request: UUID
    family_name: str
    given_name: str
    birth_date: date | None
    sex: str | None
    commune_insee: str | None
    latitude: float | None
    longitude: float | None
    has_regular_doctor: str | None
    regular_doctor: UUID | None
    last_seen_at: datetime
    last_complaints: tuple[str, ...]
    has_appointment: bool
    """That is still to come: perhaps they call about it."""


def known(session: Session, reach: Reach, phone: str, *, now: datetime) -> list[Known]:
    """Return the people seen behind a number in E.164, latest first, each once.

    One family shares a landline: a name and a birth date make a person.
    """
    coming = (
        select(Booking.id)
        .join(Slot, ITS_SLOT)
        .where(
            Booking.community_id == CareRequest.community_id,
            Booking.request_id == CareRequest.id,
            Booking.status == BookingStatus.CONFIRMED,
            Slot.starts_at > now,
        )
        .correlate(CareRequest)
        .exists()
    )
    rows = session.execute(
        select(CareRequest, coming)
        .where(
            reach.requests(),
            CareRequest.phone_key == sealed.blind("phone", phone),
            CareRequest.created_at > now - KNOWN_FOR,
            CareRequest.family_name.is_not(None),
            CareRequest.given_name.is_not(None),
        )
        .order_by(CareRequest.created_at.desc(), CareRequest.id.desc())
        .limit(MOST_FOUND * MOST_BEHIND_ONE_NUMBER)
    )
    people: dict[tuple[str, str, date | None], Known] = {}
    for request, has_appointment in rows:
        person = _known(request, has_appointment=has_appointment)
        name = sealed.folded(person.family_name), sealed.folded(person.given_name)
        people.setdefault((*name, person.birth_date), person)
    return list(people.values())[:MOST_BEHIND_ONE_NUMBER]


def _known(request: CareRequest, *, has_appointment: bool) -> Known:
    return Known(
        request=request.reference,
        family_name=request.family_name or "",
        given_name=request.given_name or "",
        birth_date=request.birth_date,
        sex=request.sex,
        commune_insee=request.commune_insee,
        latitude=request.latitude,
        longitude=request.longitude,
        has_regular_doctor=request.has_regular_doctor,
        regular_doctor=request.regular_doctor,
        last_seen_at=request.created_at,
        last_complaints=tuple(request.complaints),
        has_appointment=has_appointment,
    )


@dataclass(frozen=True)
class Found:
    """A request, and its appointment if it has one, that fits what was typed."""

    reference: UUID
    booking: UUID | None
    status: RequestStatus
    level: Level | None
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    phone: str | None
    asked_at: datetime
    starts_at: datetime | None
    site_name: str | None
    code: str | None


def search(session: Session, reach: Reach, text: str, *, now: datetime) -> list[Found]:
    """Return what one box finds: a number, a code as « K7P 2M », or a name.

    Asked in the last week, or with an appointment in the week before or after; what comes next
    first. Nothing for a text that is none of them.
    """
    fits = _fits(text)
    if fits is None:
        return []
    rows = session.execute(
        select(CareRequest, Booking, Slot, Site)
        .outerjoin(
            Booking,
            and_(
                Booking.community_id == CareRequest.community_id,
                Booking.request_id == CareRequest.id,
                Booking.status != BookingStatus.CANCELLED,
            ),
        )
        .outerjoin(Slot, ITS_SLOT)
        .outerjoin(Site, ITS_SITE)
        .where(
            reach.requests(),
            fits,
            or_(
                CareRequest.created_at > now - AROUND,
                Slot.starts_at.between(now - AROUND, now + AROUND),
            ),
        )
        .order_by(
            func.coalesce(Slot.starts_at, CareRequest.created_at).desc(), CareRequest.id.desc()
        )
        .limit(MOST_FOUND)
    )
    return [_found(*row) for row in rows]


def _found(
    request: CareRequest, booking: Booking | None, slot: Slot | None, site: Site | None
) -> Found:
    return Found(
        reference=request.reference,
        booking=booking.reference if booking else None,
        status=request.status,
        level=request.level,
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        phone=request.phone,
        asked_at=request.created_at,
        starts_at=slot.starts_at if slot else None,
        site_name=site.name if site else None,
        code=booking.code if booking else None,
    )


def _fits(text: str) -> ColumnElement[bool] | None:
    typed = " ".join(text.split())
    if phone := normalised(typed):
        return CareRequest.phone_key == sealed.blind("phone", phone)
    if code := CODE.fullmatch(typed.upper()):
        return Booking.code == f"{code[1]} {code[2]}"
    words = sealed.folded(typed).split()
    if not words or len(max(words, key=len)) < SHORTEST_NAME:
        return None
    # A shorter one, as « de », narrows nothing: it is no beginning that was kept.
    keys = [sealed.blind("name", word) for word in words if len(word) >= SHORTEST_NAME]
    return CareRequest.name_keys.contains(keys)
