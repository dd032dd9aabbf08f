"""Where an appointment can go within the days that somebody keeps: another hour, another site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from booking.desk import board, change, supply
from booking.desk.board import Entry, Scope, State
from booking.desk.change import Kept
from booking.desk.reach import ITS_PROFESSIONAL
from booking.desk.suits import latest_start, suits
from booking.desk.supply import NotTheirs
from booking.links import Links
from booking.models import BookingStatus
from config.clock import day_bounds, local_day
from schedules import relocating, slots, undo
from schedules.models import ActKind, Professional, Site, Slot

MOST_SHOWN = 40


class NotSuited(Exception):
    """At the other site somebody would not find what they need: nothing was changed."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept


@dataclass(frozen=True)
class Hour:
    """A free slot that an appointment can move to."""

    slot: UUID
    starts_at: datetime
    professional_name: str
    site_name: str


@dataclass(frozen=True)
class Relocated:
    """What became of a professional's time that was taken to another site."""

    slots: int
    to_call: tuple[Kept, ...]
    """Whose appointment went there, and whom no message reaches."""
    stayed: int
    """Slots that somebody is just booking, where they were."""


def hours(session: Session, scope: Scope, kept: Kept, *, now: datetime) -> list[Hour]:
    """Return the free slots of this scope that would do, those of the same professional first."""
    rows = session.execute(
        select(Slot, Professional, Site)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(scope.slots(), slots.is_open_to(kept.request.reference, now))
        .where(_suits(kept, until=latest_start(kept.request.deadline or now, now)))
        .order_by(Slot.professional_id != kept.slot.professional_id, Slot.starts_at, Slot.id)
        .limit(MOST_SHOWN)
    )
    return [Hour(slot.reference, slot.starts_at, who.name, at.name) for slot, who, at in rows]


def move(
    session: Session,
    scope: Scope,
    kept: Kept,
    slot: UUID,
    *,
    by: str,
    links: Links,
    now: datetime,
) -> None:
    """Give a locked appointment another slot of this scope; both sides are told.

    Raises:
        NotTheirs: if this account does not look after that slot.
        change.TooLate, slots.SlotTaken: see `change.move`.
    """
    if session.scalar(select(Slot.id).where(scope.slots(), Slot.reference == slot)) is None:
        raise NotTheirs
    change.move(session, kept, slot, by=by, links=links, now=now)


def relocatable(session: Session, scope: Scope) -> dict[UUID, list[supply.Place]]:
    """Return who works at several sites of this scope, with their places."""
    found: dict[UUID, list[supply.Place]] = {}
    for place in supply.places(session, scope):
        found.setdefault(place.professional, []).append(place)
    return {who: places for who, places in found.items() if len(places) > 1}


def coming(
    session: Session, scope: Scope, professional: UUID, day: datetime, *, now: datetime
) -> list[Entry]:
    """Return what is still to come of a professional's day: free, held or booked."""
    zone = board.community_of(session, scope.community_id).zone
    bounds = day_bounds(local_day(day, zone), zone)
    return [
        each
        for each in board.day(session, scope, bounds, now=now)
        if each.professional == professional
        and each.starts_at > now
        and each.state in (State.FREE, State.HELD, State.BOOKED, State.CLOSED)
    ]


def relocate(
    session: Session,
    scope: Scope,
    entries: Sequence[Entry],
    site: UUID,
    *,
    by: UUID,
    links: Links,
    now: datetime,
) -> Relocated:
    """Take one professional's slots and appointments to another site of theirs, at their hours.

    It can be undone for some minutes: see `acts.undo`.

    Raises:
        NotTheirs: if this account does not look after the professional there.
        NotSuited: if somebody needs what that site has not.
        change.TooLate: if one of the appointments has begun or ended meanwhile.
    """
    if not entries:
        return Relocated(0, (), 0)
    professional, there = supply.place_of(session, scope, entries[0].professional, site)
    community = board.community_of(session, scope.community_id)
    # Requests first, as everybody does who changes an appointment; always in the same order.
    booked = [
        change.by_reference(session, community.id, reference, lock=True)
        for reference in sorted(each.coming.booking for each in entries if each.coming)
    ]
    was = {each.booking.reference: (each.appointment(), _fits(session, each)) for each in booked}
    wanted = [each.slot for each in entries if each.site != site]
    gone = relocating.relocate(session, community, professional, there, wanted, now=now)
    moved = []
    for each in booked:
        if each.slot.reference in gone:
            before, fitted = was[each.booking.reference]
            if fitted and not _fits(session, each):
                raise NotSuited(each)
            moved.append(change.relocated(session, each, before, by=str(by), links=links, now=now))
    if gone:
        undo.note(
            session,
            community.id,
            professional.id,
            ActKind.RELOCATED,
            list(gone),
            by=by,
            now=now,
            left={str(slot): str(former) for slot, former in gone.items()},
            site=str(site),
            appointments=[str(each.booking.reference) for each in moved],
        )
    to_call = tuple(each for each in moved if not board.is_told_by_message(each))
    return Relocated(len(gone), to_call, len(wanted) - len(gone))


def _suits(kept: Kept, *, until: datetime) -> ColumnElement[bool]:
    return suits(kept.booking.assessment_id, kept.request.regular_doctor, until=until)


def _fits(session: Session, kept: Kept) -> bool:
    """Return whether triage would let this patient have the slot that they have."""
    fit = _suits(kept, until=kept.slot.starts_at)
    return session.scalar(select(Slot.id).where(Slot.id == kept.slot.id, fit)) is not None


def of_booking(session: Session, scope: Scope, kept: Kept, *, now: datetime) -> list[Entry]:
    """Return one appointment as a moment of its day; none once it has begun or ended."""
    if kept.booking.status is not BookingStatus.CONFIRMED:
        return []
    return [
        each
        for each in coming(
            session, scope, kept.professional.reference, kept.slot.starts_at, now=now
        )
        if each.slot == kept.slot.reference
    ]
