"""Reserved time that repeats, of one professional or of a practice: seen, tried, made, changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from booking.desk import contradicted
from booking.desk.board import Scope
from booking.desk.supply import NotTheirs, place_of
from booking.models import Booking, BookingStatus
from config.clock import day_bounds, local_day
from schedules import planned, plans, releasing, reserving, settling
from schedules.ladder import Step
from schedules.models import Absence, Community, Opening, Professional, ProfessionalSite, Site, Slot
from schedules.patterns import Moments
from schedules.plans import Away, Plan
from schedules.reserving import Done

TRIED = 5
"""Days of slots that are shown before an opening counts."""

SHOWN_AHEAD = timedelta(days=8)


@dataclass(frozen=True)
class Kept:
    """An opening, and whose it is."""

    opening: Opening
    professional: Professional
    site: Site
    steps: tuple[Step, ...]
    times: tuple[Moments, ...]
    """Its slots on its first day to come."""


@dataclass(frozen=True)
class Stays:
    """An appointment outside of what is reserved: it stays until somebody decides."""

    slot: UUID
    booking: UUID
    request: UUID
    starts_at: datetime
    professional_name: str


def live(session: Session, scope: Scope, community: Community, *, now: datetime) -> list[Kept]:
    """Return the openings of this scope that go on or begin later, by professional and hour."""
    today = local_day(now, community.zone)
    rows = session.execute(
        _openings(scope)
        .where(Opening.ended_at.is_(None), or_(Opening.ends_on.is_(None), Opening.ends_on >= today))
        .order_by(Professional.family_name, Professional.id, Opening.from_time, Opening.id)
    )
    return [_kept(*row, community, today) for row in rows]


def one(
    session: Session, scope: Scope, community: Community, reference: UUID, *, now: datetime
) -> Kept:
    """Return a live opening of this scope.

    Raises:
        NotTheirs: if there is none of that name.
    """
    row = session.execute(
        _openings(scope).where(Opening.reference == reference, Opening.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotTheirs
    return _kept(*row, community, local_day(now, community.zone))


def _openings(scope: Scope) -> Select[Opening, Professional, Site]:
    return (
        select(Opening, Professional, Site)
        .join(
            Professional,
            and_(
                Professional.community_id == Opening.community_id,
                Professional.id == Opening.professional_id,
            ),
        )
        .join(Site, and_(Site.community_id == Opening.community_id, Site.id == Opening.site_id))
        .where(Opening.community_id == scope.community_id, _is_theirs(scope))
        .execution_options(populate_existing=True)
    )


def _is_theirs(scope: Scope) -> ColumnElement[bool]:
    if scope.professional_id is not None:
        return Opening.professional_id == scope.professional_id
    return Opening.site_id.in_(scope.site_ids)


def _kept(
    opening: Opening, professional: Professional, site: Site, community: Community, today: date
) -> Kept:
    return Kept(
        opening,
        professional,
        site,
        releasing.steps_of(opening, community),
        first_day(opening, community, today),
    )


def first_day(opening: Opening, community: Community, today: date) -> tuple[Moments, ...]:
    """Return the slots of the first day to come on which an opening happens, were nothing off."""
    first = max(today, opening.starts_on)
    for day in planned.days_of(opening, first, first + plans.LOOKS_AHEAD):
        return tuple(planned.slots_of(opening, day, community.zone))
    return ()


def tried(
    session: Session,
    scope: Scope,
    community: Community,
    place: tuple[UUID, UUID],
    plan: Plan,
    *,
    instead_of: Opening | None = None,
    now: datetime,
) -> tuple[Kept, list[Moments]]:
    """Return what a plan would be, and the slots of its first days, without keeping anything.

    Raises:
        NotTheirs: if this account does not look after that place.
        schedules.openings.OpeningRefused: as `reserving.reserve` would.
    """
    who, where = place_of(session, scope, *place)
    plans.check(plan, community, has_begun=instead_of is not None, now=now)
    row = plans.row_of_opening(plan, community, professional_id=who.id, site_id=where.id)
    plans.refuse_overlaps(session, community, row, but=instead_of, now=now)
    today = local_day(now, community.zone)
    first = max(today, plan.starts_on)
    closed = planned.closures(session, community, [who.id], today)
    coming = list[Moments]()
    days = set[date]()
    for times in closed.times(row, first, first + plans.LOOKS_AHEAD):
        if times[0] <= now:
            continue
        days.add(local_day(times[0], community.zone))
        if len(days) > TRIED:
            break
        coming.append(times)
    return _kept(row, who, where, community, today), coming


def reserve(
    session: Session,
    scope: Scope,
    community: Community,
    place: tuple[UUID, UUID],
    plan: Plan,
    *,
    by: UUID,
    now: datetime,
) -> Done:
    """Reserve time week after week.

    Raises:
        NotTheirs: if this account does not look after that place.
        schedules.openings.OpeningRefused: see `reserving.reserve`.
    """
    who, where = place_of(session, scope, *place)
    return reserving.reserve(session, community, who, where, plan, by=by, now=now)


def change(
    session: Session,
    scope: Scope,
    community: Community,
    kept: Kept,
    *,
    place: tuple[UUID, UUID],
    plan: Plan,
    by: UUID,
    now: datetime,
) -> Done:
    """Let another plan take the place of an opening, for the same professional.

    Raises:
        NotTheirs: if this account does not look after that place, or it is somebody else's.
        schedules.openings.OpeningRefused: see `reserving.change`.
    """
    who, where = place_of(session, scope, *place)
    if who.id != kept.opening.professional_id:
        raise NotTheirs
    return reserving.change(session, community, kept.opening, where, plan, by=by, now=now)


def ahead(session: Session, kept: Kept, community: Community, *, now: datetime) -> Sequence[Slot]:
    """Return the slots of an opening in the days to come, those that were given back included."""
    ends = day_bounds(local_day(now, community.zone) + SHOWN_AHEAD, community.zone)[0]
    return session.scalars(
        select(Slot)
        .where(
            Slot.community_id == community.id,
            Slot.opening_id == kept.opening.id,
            Slot.starts_at > now,
            Slot.starts_at < ends,
        )
        .order_by(Slot.starts_at, Slot.id)
        .execution_options(populate_existing=True)
    ).all()


def absences(
    session: Session, scope: Scope, community: Community, *, now: datetime
) -> list[tuple[Absence, Professional]]:
    """Return when people of this scope are or will be away, the nearest first."""
    today = local_day(now, community.zone)
    rows = session.execute(
        _absences(session, scope)
        .where(or_(Absence.ends_on.is_(None), Absence.ends_on >= today))
        .order_by(Absence.starts_on, Absence.id)
    )
    return [(absence, professional) for absence, professional in rows]


def absence_of(session: Session, scope: Scope, reference: UUID) -> Absence:
    """Return an absence of this scope that has not been ended.

    Raises:
        NotTheirs: if there is none of that name.
    """
    row = session.execute(
        _absences(session, scope).where(Absence.reference == reference)
    ).one_or_none()
    if row is None:
        raise NotTheirs
    return row[0]


def _absences(session: Session, scope: Scope) -> Select[Absence, Professional]:
    return (
        select(Absence, Professional)
        .join(
            Professional,
            and_(
                Professional.community_id == Absence.community_id,
                Professional.id == Absence.professional_id,
            ),
        )
        .where(
            Absence.community_id == scope.community_id,
            Absence.ended_at.is_(None),
            Absence.professional_id.in_(_people(session, scope)),
        )
    )


def _people(session: Session, scope: Scope) -> Sequence[int]:
    """Return whose time this account keeps."""
    if scope.professional_id is not None:
        return [scope.professional_id]
    return session.scalars(
        select(ProfessionalSite.professional_id)
        .where(
            ProfessionalSite.community_id == scope.community_id,
            ProfessionalSite.site_id.in_(scope.site_ids),
        )
        .distinct()
    ).all()


def absent(
    session: Session,
    scope: Scope,
    community: Community,
    place: tuple[UUID, UUID],
    away: Away,
    *,
    by: UUID,
    now: datetime,
) -> Done:
    """Close a professional's time while they are away.

    Raises:
        NotTheirs: if this account does not look after that professional.
        schedules.openings.OpeningRefused: see `reserving.absent`.
    """
    who, _where = place_of(session, scope, *place)
    return reserving.absent(session, community, who, away, by=by, now=now)


def conflicts(session: Session, scope: Scope, *, now: datetime) -> list[Stays]:
    """Return the appointments that stand outside of what is reserved, until somebody decides."""
    aside = settling.conflicts(session, scope.community_id, _people(session, scope), now=now)
    rows = session.execute(
        contradicted.appointments(scope)
        .where(
            Slot.reference.in_([each.slot for each in aside]),
            Booking.status != BookingStatus.CANCELLED,
        )
        .order_by(Slot.starts_at)
    )
    return [
        Stays(slot.reference, booking.reference, request.reference, slot.starts_at, who.name)
        for slot, booking, request, who, _site in rows
    ]
