"""The day of one or several professionals, as they and their secretaries see it. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, auto
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session

from booking.desk import change, tell
from booking.desk.reach import ITS_PROFESSIONAL, ITS_REQUEST
from booking.models import Booking, BookingStatus, CareRequest, Channel
from booking.triage.protocol import Level
from schedules.models import Community, Professional, Site, Slot


class State(StrEnum):
    """What a moment of the day is, in the order in which it may become so."""

    FREE = auto()
    HELD = auto()
    BOOKED = auto()
    ARRIVED = auto()
    SEEN = auto()
    MISSED = auto()
    UNUSED = auto()
    """It has begun, and nobody took it."""
    CLOSED = auto()
    """The professional’s own calendar, or an absence, says that they are not there."""
    BLOCKED = auto()
    """The practice took it back for a reason of its own: see booking.desk.blocking."""


OF_BOOKING = {
    BookingStatus.CONFIRMED: State.BOOKED,
    BookingStatus.ARRIVED: State.ARRIVED,
    BookingStatus.HONOURED: State.SEEN,
    BookingStatus.NO_SHOW: State.MISSED,
}


@dataclass(frozen=True)
class Scope:
    """Whose slots somebody may see and change: their own, or those at the sites they keep."""

    community_id: int
    professional_id: int | None = None
    site_ids: tuple[int, ...] = ()

    def slots(self) -> ColumnElement[bool]:
        """Return the condition that a slot is theirs to see. An empty scope sees none."""
        theirs = (
            Slot.site_id.in_(self.site_ids)
            if self.professional_id is None
            else Slot.professional_id == self.professional_id
        )
        return and_(Slot.community_id == self.community_id, theirs)

    def holds(self, slot: Slot) -> bool:
        """Return whether this slot is theirs to see."""
        if slot.community_id != self.community_id:
            return False
        if self.professional_id is not None:
            return slot.professional_id == self.professional_id
        return slot.site_id in self.site_ids


@dataclass(frozen=True)
class Coming:
    """Who is expected: what a professional and their secretary need to know, and no more."""

    booking: UUID
    family_name: str
    given_name: str
    birth_date: date | None
    age_months: int | None
    phone: str | None
    complaints: tuple[str, ...]
    note: str | None
    level: Level
    channel: Channel
    version: int
    has_said_so: bool
    """Whether they said once more that they come."""


@dataclass(frozen=True)
class Entry:
    """One moment of a professional's day."""

    slot: UUID
    starts_at: datetime
    ends_at: datetime
    professional: UUID
    professional_name: str
    discipline: str
    site: UUID
    site_name: str
    state: State
    kept_until: datetime | None
    coming: Coming | None
    lane: int | None
    """Which of several patients at the same time; none where one comes."""

    def overlaps(self, other: "Entry") -> bool:
        """Return whether both want the same professional at the same time."""
        return (
            self.professional == other.professional
            and (None in (self.lane, other.lane) or self.lane == other.lane)
            and self.starts_at < other.ends_at
            and other.starts_at < self.ends_at
        )


def community_of(session: Session, community_id: int) -> Community:
    """Return the community that somebody who signed in belongs to."""
    return session.scalars(select(Community).where(Community.id == community_id)).one()


def sites(session: Session, scope: Scope) -> list[Site]:
    """Return the sites that a secretary keeps, by name; none for a professional."""
    return list(
        session.scalars(
            select(Site)
            .where(Site.community_id == scope.community_id, Site.id.in_(scope.site_ids))
            .order_by(Site.name, Site.id)
        )
    )


def day(
    session: Session,
    scope: Scope,
    between: tuple[datetime, datetime],
    *,
    site: UUID | None = None,
    blocked: Collection[UUID] = (),
    now: datetime,
) -> list[Entry]:
    """Return what begins between two moments, at all sites or one, by professional, then time.

    Of what was taken back, only the `blocked` slots whose time nothing else fills since.
    """
    query = _entries().where(
        scope.slots(),
        Slot.starts_at >= between[0],
        Slot.starts_at < between[1],
        or_(Slot.withdrawn_at.is_(None), Slot.reference.in_(blocked)),
    )
    if site is not None:
        query = query.where(Site.reference == site)
    return _one_at_a_time([_entry(row, now) for row in session.execute(query)])


def _one_at_a_time(entries: list[Entry]) -> list[Entry]:
    """Leave out what was blocked and is offered again, or was blocked twice."""
    kept = [entry for entry in entries if entry.state is not State.BLOCKED]
    for entry in entries:
        if entry.state is State.BLOCKED and not any(map(entry.overlaps, kept)):
            kept.append(entry)
    shown = {entry.slot for entry in kept}
    return [entry for entry in entries if entry.slot in shown]


def _entries() -> Select[Slot, Professional, Site, Booking, CareRequest]:
    return (
        select(Slot, Professional, Site, Booking, CareRequest)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .outerjoin(
            Booking,
            and_(
                Booking.community_id == Slot.community_id,
                Booking.slot_id == Slot.id,
                Booking.status != BookingStatus.CANCELLED,
            ),
        )
        .outerjoin(
            CareRequest,
            ITS_REQUEST,
        )
        .order_by(Professional.family_name, Professional.given_name, Professional.id)
        .order_by(Slot.starts_at, Slot.lane, Slot.id)
        .execution_options(populate_existing=True)
    )


def _entry(row: Row[Slot, Professional, Site, Booking, CareRequest], now: datetime) -> Entry:
    slot, professional, site, *booked = row
    # The two are outer joined: None, both, where nobody is expected.
    booking, request = cast("tuple[Booking | None, CareRequest | None]", booked)
    return Entry(
        slot=slot.reference,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        professional=professional.reference,
        professional_name=professional.name,
        discipline=professional.discipline,
        site=site.reference,
        site_name=site.name,
        state=OF_BOOKING[booking.status] if booking else _state(slot, now),
        kept_until=slot.held_until,
        coming=_coming(booking, request) if booking and request else None,
        lane=slot.lane,
    )


def _state(slot: Slot, now: datetime) -> State:
    if slot.withdrawn_at is not None:
        return State.BLOCKED
    if slot.starts_at <= now:
        return State.UNUSED
    if slot.busy_since is not None or slot.set_aside_since is not None:
        return State.CLOSED
    return State.HELD if slot.held_until and slot.held_until > now else State.FREE


def _coming(booking: Booking, request: CareRequest) -> Coming:
    return Coming(
        booking=booking.reference,
        family_name=request.family_name or "",
        given_name=request.given_name or "",
        birth_date=request.birth_date,
        age_months=request.age_months,
        phone=request.phone,
        complaints=tuple(request.complaints),
        note=request.note,
        level=booking.level,
        channel=request.channel,
        version=booking.version,
        has_said_so=booking.coming_at is not None,
    )


def is_told_by_message(kept: change.Kept) -> bool:
    """Return whether SMS or mail reaches this patient; if not, somebody has to telephone."""
    phone = kept.request.phone if kept.request.wants_sms else None
    return bool(kept.request.email or (phone and tell.takes_sms(phone)))
