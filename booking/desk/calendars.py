"""A professional's own calendar: given, judged readable, stopped; and what it contradicts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from booking.desk import contradicted, supply
from booking.desk.board import Scope
from booking.desk.supply import NotTheirs
from booking.models import Booking, BookingStatus
from config import sealed
from schedules.calendars import closing, guard, keeping
from schedules.calendars.guard import Failure
from schedules.calendars.keeping import Applied
from schedules.calendars.reading import Order, Read
from schedules.models import BusyCalendar, Community, Professional, Site, Slot

MOST = 5
"""Calendars of one professional: each is read every five minutes."""


Place = tuple[UUID, UUID]
"""A professional and a site, by their references."""


class TooMany(Exception):
    """This professional has as many calendars as we read."""


@dataclass(frozen=True)
class Kept:
    """A calendar as its owner sees it: never its address, of which only the host is told."""

    reference: UUID
    professional_name: str
    site_name: str
    host: str
    read_at: datetime | None
    failure: Failure | None
    is_distrusted: bool
    """Nobody could read it for two hours."""
    offers_when_unreadable: bool


@dataclass(frozen=True)
class Conflict:
    """An appointment at a time when its professional's calendar says that they are busy."""

    slot: UUID
    booking: UUID
    request: UUID
    starts_at: datetime
    ends_at: datetime
    professional_name: str
    site_name: str
    family_name: str
    given_name: str


def kept(session: Session, scope: Scope, *, now: datetime) -> list[Kept]:
    """Return the calendars that are read for this account's professionals, by their name."""
    rows = session.execute(
        select(BusyCalendar, Professional, Site, closing.is_unreadable(now))
        .join(
            Professional,
            and_(
                Professional.community_id == BusyCalendar.community_id,
                Professional.id == BusyCalendar.professional_id,
            ),
        )
        .join(
            Site,
            and_(Site.community_id == BusyCalendar.community_id, Site.id == BusyCalendar.site_id),
        )
        .where(_theirs(scope))
        .order_by(Professional.family_name, Professional.id, BusyCalendar.id)
        .execution_options(populate_existing=True)
    )
    return [
        Kept(
            reference=calendar.reference,
            professional_name=professional.name,
            site_name=site.name,
            host=guard.host_of(calendar.url) if sealed.is_readable(calendar, "url") else "",
            read_at=calendar.read_at,
            failure=Failure(calendar.failure) if calendar.failure else None,
            is_distrusted=is_unreadable,
            offers_when_unreadable=calendar.offers_when_unreadable,
        )
        for calendar, professional, site, is_unreadable in rows
    ]


def _theirs(scope: Scope) -> ColumnElement[bool]:
    theirs = (
        BusyCalendar.site_id.in_(scope.site_ids)
        if scope.professional_id is None
        else BusyCalendar.professional_id == scope.professional_id
    )
    return and_(
        BusyCalendar.community_id == scope.community_id, BusyCalendar.ended_at.is_(None), theirs
    )


def to_try(
    session: Session, scope: Scope, community: Community, place: Place, url: str, *, now: datetime
) -> Order:
    """Return the order that tries an address once, before anything of it is kept.

    Raises:
        NotTheirs: if this account does not look after that professional at that site.
        TooMany: if enough calendars are read for them.
    """
    professional, _ = supply.place_of(session, scope, *place)
    live = session.scalar(
        select(func.count()).where(
            BusyCalendar.community_id == scope.community_id,
            BusyCalendar.professional_id == professional.id,
            BusyCalendar.ended_at.is_(None),
        )
    )
    if (live or 0) >= MOST:
        raise TooMany
    return Order(scope.community_id, 0, url, None, None, community.zone_name, now)


def give(
    session: Session, scope: Scope, place: Place, url: str, read: Read, *, by: UUID, now: datetime
) -> Applied:
    """Keep the address of a calendar that was just read, and close what it says at once.

    Raises:
        NotTheirs: if this account does not look after that professional at that site.
    """
    professional, site = supply.place_of(session, scope, *place)
    calendar = keeping.begin(session, professional, site, url, by=by, now=now)
    community = session.get_one(Community, scope.community_id)
    order = keeping.order_of(calendar, community.zone_name, now=now)
    applied = keeping.apply(session, order, read, now=now)
    # It was made in this very transaction: nobody else has read it, or ended it.
    assert applied is not None
    return applied


def trust(session: Session, scope: Scope, reference: UUID, *, always: bool, now: datetime) -> None:
    """Offer slots even while this calendar cannot be read, or not.

    Raises:
        NotTheirs: if it is not this account's, or was stopped.
    """
    keeping.trust(session, _one(session, scope, reference), always=always, now=now)


def stop(session: Session, scope: Scope, reference: UUID, *, now: datetime) -> None:
    """Read this calendar no more, and forget its address.

    Raises:
        NotTheirs: if it is not this account's, or was stopped.
    """
    keeping.end(session, _one(session, scope, reference), now=now)


def _one(session: Session, scope: Scope, reference: UUID) -> BusyCalendar:
    found = session.scalar(
        select(BusyCalendar)
        .where(_theirs(scope), BusyCalendar.reference == reference)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotTheirs
    return found


def conflicts(session: Session, scope: Scope, *, now: datetime) -> list[Conflict]:
    """Return the appointments to come that a calendar contradicts, until somebody decides."""
    rows = session.execute(
        contradicted.appointments(scope)
        .where(
            Slot.starts_at > now,
            Booking.status == BookingStatus.CONFIRMED,
            closing.is_in_conflict(),
        )
        .order_by(Slot.starts_at)
    )
    return [
        Conflict(
            slot=slot.reference,
            booking=booking.reference,
            request=request.reference,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            professional_name=professional.name,
            site_name=site.name,
            family_name=request.family_name or "",
            given_name=request.given_name or "",
        )
        for slot, booking, request, professional, site in rows
    ]
