"""A professional, or a secretary for them, opens reserved slots and takes free ones back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from booking.desk import board
from booking.desk.board import Entry, Scope
from schedules import directory, slots
from schedules.models import Community, Professional, Site, Slot, Visibility
from schedules.openings import FURTHEST, Opening, moments


class NotTheirs(LookupError):
    """Not a professional, site or slot that this account looks after."""


@dataclass(frozen=True)
class Place:
    """A professional at a site: where slots can be opened."""

    professional: UUID
    professional_name: str
    site: UUID
    site_name: str


def places(session: Session, scope: Scope) -> list[Place]:
    """Return every pair of professional and site for which this account may open slots."""
    rows = session.execute(_pairs(scope).order_by(Professional.family_name, Site.name))
    return [
        Place(professional.reference, professional.name, site.reference, site.name)
        for professional, site in rows
    ]


def open_slots(
    session: Session,
    scope: Scope,
    community: Community,
    opening: Opening,
    *,
    professional: UUID,
    site: UUID,
    visibility: Sequence[Visibility],
    now: datetime,
) -> list[UUID]:
    """Reserve these moments, all or none, and return the slots' references.

    Raises:
        NotTheirs: if this account does not look after that professional at that site.
        schedules.openings.OpeningRefused: if the opening makes no slots.
        slots.SlotsOverlap: if the professional already offers part of that time.
    """
    found = session.execute(
        _pairs(scope).where(Professional.reference == professional, Site.reference == site)
    ).one_or_none()
    if found is None:
        raise NotTheirs
    who, where = found
    times = moments(opening, community.zone, now=now)
    return slots.publish(session, who, where, times, visibility=visibility)


def _pairs(scope: Scope) -> Select[Professional, Site]:
    theirs = (
        Professional.id == scope.professional_id
        if scope.professional_id is not None
        else Site.id.in_(scope.site_ids)
    )
    return directory.at_their_sites().where(Professional.community_id == scope.community_id, theirs)


def withdraw(session: Session, scope: Scope, wanted: Sequence[UUID], *, now: datetime) -> int:
    """Take back those of these slots that are free, and return how many were.

    One that a patient holds or has booked in the meantime stays.

    Raises:
        NotTheirs: if one of them is not this account's to take back.
    """
    theirs = session.execute(
        select(Slot.reference, Slot.professional_id).where(
            scope.slots(), Slot.reference.in_(wanted)
        )
    ).all()
    if len(theirs) < len(set(wanted)):
        raise NotTheirs
    return sum(
        _taken_back(session, scope.community_id, slot, professional_id, now)
        for slot, professional_id in sorted(theirs)
    )


def _taken_back(
    session: Session, community_id: int, slot: UUID, professional_id: int, now: datetime
) -> bool:
    try:
        slots.withdraw(session, community_id, slot, professionals=[professional_id], now=now)
    except slots.SlotTaken:
        return False
    return True


def coming(session: Session, scope: Scope, *, now: datetime) -> list[Entry]:
    """Return what was opened and has not begun, taken or not, by professional, then time."""
    return board.day(session, scope, (now, now + 2 * FURTHEST), now=now)
