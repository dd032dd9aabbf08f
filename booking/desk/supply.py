"""A professional, or a secretary for them, opens reserved slots and takes free ones back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from booking.desk import acts, board
from booking.desk.board import Entry, Scope, State
from config.clock import at, day_bounds, local_day
from schedules import directory, slots, undo
from schedules.calendars import closing
from schedules.models import ActKind, Community, Professional, Site, Slot, Visibility
from schedules.openings import Opening, moments

WEEK = timedelta(days=7)


class NotTheirs(LookupError):
    """Not a professional, site or slot that this account looks after."""


@dataclass(frozen=True)
class Place:
    """A professional at a site: where slots can be opened."""

    professional: UUID
    professional_name: str
    site: UUID
    site_name: str


@dataclass(frozen=True)
class Habit:
    """What an account opened last: what it will want again."""

    professional: UUID
    site: UUID
    opening: Opening


def places(session: Session, scope: Scope) -> list[Place]:
    """Return every pair of professional and site for which this account may open slots."""
    rows = session.execute(_pairs(scope).order_by(Professional.family_name, Site.name))
    return [
        Place(professional.reference, professional.name, site.reference, site.name)
        for professional, site in rows
    ]


def place_of(
    session: Session, scope: Scope, professional: UUID, site: UUID
) -> tuple[Professional, Site]:
    """Return a professional and a site that this account looks after together.

    Raises:
        NotTheirs: if it does not.
    """
    found = session.execute(
        _pairs(scope).where(Professional.reference == professional, Site.reference == site)
    ).one_or_none()
    if found is None:
        raise NotTheirs
    return found[0], found[1]


def open_slots(
    session: Session,
    scope: Scope,
    community: Community,
    opening: Opening,
    *,
    professional: UUID,
    site: UUID,
    visibility: Sequence[Visibility],
    by: UUID,
    now: datetime,
) -> UUID:
    """Reserve these moments, all or none, and return the act, to show it and to undo it.

    Those at which the professional's own calendar says busy are closed from the start.

    Raises:
        NotTheirs: if this account does not look after that professional at that site.
        schedules.openings.OpeningRefused: if the opening makes no slots.
        slots.SlotsOverlap: if the professional already offers part of that time.
    """
    who, where = place_of(session, scope, professional, site)
    times = moments(opening, community.zone, now=now)
    made = slots.publish(session, who, where, times, visibility=visibility)
    closing.settle(session, community.id, who.id, now=now)
    return undo.note(session, community.id, who.id, ActKind.PUBLISHED, made, by=by, now=now)


def _pairs(scope: Scope) -> Select[Professional, Site]:
    theirs = (
        Professional.id == scope.professional_id
        if scope.professional_id is not None
        else Site.id.in_(scope.site_ids)
    )
    return directory.at_their_sites().where(
        Professional.community_id == scope.community_id,
        Professional.suspended_at.is_(None),
        theirs,
    )


def withdraw(
    session: Session, scope: Scope, wanted: Sequence[UUID], *, by: UUID, now: datetime
) -> int:
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
    gone = defaultdict[int, list[UUID]](list)
    for slot, professional_id in sorted(theirs):
        if _taken_back(session, scope.community_id, slot, professional_id, now):
            gone[professional_id].append(slot)
    for professional_id, its in gone.items():
        undo.note(
            session, scope.community_id, professional_id, ActKind.WITHDRAWN, its, by=by, now=now
        )
    return sum(map(len, gone.values()))


def close_rest(
    session: Session,
    scope: Scope,
    community: Community,
    professional: UUID,
    *,
    by: UUID,
    now: datetime,
) -> tuple[int, int]:
    """Take back what is still free of a professional's day; return how many, and how many stay."""
    ends = day_bounds(local_day(now, community.zone), community.zone)[1]
    today = board.day(session, scope, (now, ends), now=now)
    left = [each for each in today if each.professional == professional]
    free = [each.slot for each in left if each.state is State.FREE]
    gone = withdraw(session, scope, free, by=by, now=now)
    return gone, len(left) - gone


def _taken_back(
    session: Session, community_id: int, slot: UUID, professional_id: int, now: datetime
) -> bool:
    try:
        slots.withdraw(session, community_id, slot, professionals=[professional_id], now=now)
    except slots.SlotTaken:
        return False
    return True


def week(
    session: Session, scope: Scope, community: Community, first: date, *, now: datetime
) -> list[Entry]:
    """Return the slots of seven days, taken or not, by professional, then time."""
    zone = community.zone
    between = day_bounds(first, zone)[0], day_bounds(first + WEEK, zone)[0]
    return board.day(session, scope, between, now=now)


def habit(session: Session, scope: Scope, community: Community, *, by: UUID) -> Habit | None:
    """Return what this account opened last, as it would be opened again; None the first time.

    Of several runs (a week that was copied) it is the first.
    """
    last = acts.last_published(session, scope, by=by)
    if not last:
        return None
    first, length = last[0], last[0].ends_at - last[0].starts_at
    count = 1
    for one, other in pairwise(last):
        if other.starts_at != one.ends_at or other.ends_at - other.starts_at != length:
            break
        count += 1
    who, where = directory.whereabouts(session, first)
    begins = first.starts_at.astimezone(community.zone)
    return Habit(
        who.reference, where.reference, Opening(begins.date(), begins.time(), count, length)
    )


def same_hour(moment: datetime, later: timedelta, community: Community) -> datetime:
    """Return the moment at which clocks of the territory show the same, so many days later."""
    wall = moment.astimezone(community.zone)
    return at(wall.date() + later, wall.time().replace(fold=0), community.zone)
