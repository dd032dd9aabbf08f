"""Slots of reserved time, many at once: made ahead, a few weeks, and once for each day."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnClause,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    String,
    and_,
    column,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import TableValuedAlias, cast

from config.clock import local_day
from schedules import enabling, ladder, planned, releasing, slots
from schedules.calendars import closing
from schedules.ladder import Audience, Standing
from schedules.models import (
    BusyCalendar,
    Community,
    Enablement,
    Opening,
    Professional,
    Site,
    Slot,
)
from schedules.planned import Planned

AHEAD = timedelta(days=14)
"""How far ahead slots stand ready; further, an opening is a plan that costs nothing to change."""

AT_ONCE = 25
"""Professionals whose slots are made in one transaction: short locks, little memory."""


@dataclass(frozen=True)
class Reserved:
    """An opening with whom and what its slots are copied from."""

    opening: Opening
    professional: Professional
    site: Site
    enabled: Sequence[Enablement]
    """What the professional is enabled for, whenever."""


@dataclass(frozen=True)
class Made:
    """What one call of `make` did; where it went through no opening, nothing is left to do."""

    openings: int
    slots: int


def make(
    session: Session, community: Community, until: date, *, at_once: int = AT_ONCE, now: datetime
) -> Made:
    """Make what is missing of live openings up to a day, for a few professionals; call it again.

    It goes on where it stopped (`Opening.made_until`), so that a day is made once. What exists
    stays: a moment that overlaps another slot is left out.
    """
    today = local_day(now, community.zone)
    is_due = and_(Opening.community_id == community.id, *_due(today, until))
    whose = session.scalars(
        select(Opening.professional_id)
        .where(is_due)
        .distinct()
        .order_by(Opening.professional_id)
        .limit(at_once)
    ).all()
    if not whose:
        return Made(0, 0)
    slots.alone_with(session, community.id, whose)
    due = reserved(session, community, whose, is_due)
    closed = planned.closures(session, community, whose, today)
    wanted = [
        each
        for opening in (r.opening for r in due)
        for each in closed.planned(opening, _first_day(opening, today), until)
        if each.times[0] > now
    ]
    made = insert_planned(session, community, due, wanted, now=now)
    obey_calendars(session, community, whose, now=now)
    note_made(session, due, until)
    return Made(len(due), len(made))


def communities_due(session: Session, *, now: datetime) -> Sequence[Community]:
    """Return the communities of which `make` would find something to do, up to AHEAD."""
    today = cast(func.timezone(Community.zone_name, now), Date)
    until = today + cast(AHEAD.days, Integer)
    return session.scalars(
        select(Community)
        .where(exists().where(Opening.community_id == Community.id, *_due(today, until)))
        .order_by(Community.id)
    ).all()


def _due(
    today: date | ColumnElement[date], until: date | ColumnElement[date]
) -> tuple[ColumnElement[bool], ...]:
    return (
        Opening.ended_at.is_(None),
        or_(Opening.made_until.is_(None), Opening.made_until < until),
        Opening.starts_on <= until,
        or_(Opening.ends_on.is_(None), Opening.ends_on >= today),
    )


def _first_day(opening: Opening, today: date) -> date:
    if opening.made_until is None:
        return today
    return max(today, opening.made_until + timedelta(days=1))


def reserved(
    session: Session,
    community: Community,
    professionals: Collection[int],
    which: ColumnElement[bool],
) -> list[Reserved]:
    """Return these professionals' openings, as they are in the database by now."""
    rows = session.execute(
        select(Opening, Professional, Site)
        .join(
            Professional,
            (Professional.community_id == Opening.community_id)
            & (Professional.id == Opening.professional_id),
        )
        .join(Site, (Site.community_id == Opening.community_id) & (Site.id == Opening.site_id))
        .where(
            Opening.community_id == community.id,
            Opening.professional_id.in_(professionals),
            which,
        )
        .order_by(Opening.id)
        # Somebody may have changed them while we waited for our turn.
        .execution_options(populate_existing=True)
    )
    enabled = enabling.of(session, community.id, professionals)
    return [Reserved(*row, enabled[row[1].id]) for row in rows]


def note_made(session: Session, openings: Iterable[Reserved], until: date) -> None:
    """Write up to which day these openings have their slots."""
    for each in openings:
        each.opening.made_until = max(each.opening.made_until or until, until)
    session.flush()


def obey_calendars(
    session: Session, community: Community, professionals: Collection[int], *, now: datetime
) -> None:
    """Close what these professionals' own calendars say about slots that are new, or back."""
    with_one = session.scalars(
        select(BusyCalendar.professional_id)
        .where(
            BusyCalendar.community_id == community.id,
            BusyCalendar.professional_id.in_(professionals),
            BusyCalendar.ended_at.is_(None),
        )
        .distinct()
    ).all()
    for professional_id in with_one:
        closing.settle(session, community.id, professional_id, now=now)


# Writing


def insert_planned(
    session: Session,
    community: Community,
    openings: Sequence[Reserved],
    wanted: Iterable[Planned],
    *,
    now: datetime,
) -> list[UUID]:
    """Make these slots in one statement, but for those that overlap another; return the made."""
    rows = _rows(openings, wanted, community, now)
    if not rows:
        return []
    made = _table(rows)
    copied = (
        select(
            Opening.community_id,
            func.gen_random_uuid(),
            Opening.professional_id,
            Opening.site_id,
            Professional.discipline,
            func.string_to_array(made.c.skills, ","),
            func.string_to_array(made.c.visibility, ","),
            Opening.mode,
            Opening.appointment_type,
            made.c.starts_at,
            made.c.ends_at,
            Opening.id,
            made.c.lane,
            Opening.complaints,
            made.c.only_own_patients,
            made.c.release_at,
            made.c.release_step,
        )
        .select_from(made)
        .join(Opening, (Opening.community_id == community.id) & (Opening.id == made.c.opening_id))
        .join(
            Professional,
            (Professional.community_id == community.id)
            & (Professional.id == Opening.professional_id),
        )
        .order_by(Opening.professional_id, made.c.starts_at, made.c.lane)
    )
    written = insert(Slot).from_select(_WRITTEN, copied, include_defaults=False)
    # No constraint is named: the one that forbids overlaps is no unique index.
    return list(session.scalars(written.on_conflict_do_nothing().returning(Slot.reference)))


_WRITTEN = (
    "community_id",
    "reference",
    "professional_id",
    "site_id",
    "discipline",
    "skills",
    "visibility",
    "mode",
    "appointment_type",
    "starts_at",
    "ends_at",
    "opening_id",
    "lane",
    "complaints",
    "only_own_patients",
    "release_at",
    "release_step",
)

_COLUMNS: tuple[ColumnClause[Any], ...] = (
    column("opening_id", BigInteger()),
    column("starts_at", DateTime(timezone=True)),
    column("ends_at", DateTime(timezone=True)),
    column("lane", Integer()),
    column("skills", String()),
    column("visibility", String()),
    column("only_own_patients", Boolean()),
    column("release_at", DateTime(timezone=True)),
    column("release_step", Integer()),
)
"""What each planned slot says of itself; all else is its opening's."""


def _table(rows: Sequence[tuple[object, ...]]) -> TableValuedAlias:
    arrays = (
        cast(list(values), ARRAY(each.type))
        for values, each in zip(zip(*rows, strict=True), _COLUMNS, strict=True)
    )
    return func.unnest(*arrays).table_valued(*_COLUMNS, name="made").render_derived()


def _rows(
    openings: Sequence[Reserved], wanted: Iterable[Planned], community: Community, now: datetime
) -> list[tuple[object, ...]]:
    by_id = {r.opening.id: r for r in openings}

    @cache
    def skills(opening_id: int, day: date) -> str:
        """Return what all slots of an opening on a day have."""
        it = by_id[opening_id]
        return ",".join(enabling.offered(it.enabled, it.site, day))

    rows = (_row(each, by_id[each.opening_id], skills, community, now) for each in wanted)
    return [row for row in rows if row is not None]


def _row(
    each: Planned,
    it: Reserved,
    skills: Callable[[int, date], str],
    community: Community,
    now: datetime,
) -> tuple[object, ...] | None:
    """Return the values of one slot; none where its ladder has given the time back already."""
    stands = ladder.standing(releasing.steps_of(it.opening, community), each.times[0], now=now)
    if stands is not None and stands.audience is Audience.BACK:
        return None
    return (
        each.opening_id,
        *each.times,
        each.lane,
        skills(each.opening_id, local_day(each.times[0], community.zone)),
        ",".join(_visibility(it.opening, stands)),
        it.opening.only_own_patients or (stands is not None and stands.audience is Audience.OWN),
        None if stands is None else stands.next_at,
        0 if stands is None else stands.taken,
    )


def _visibility(opening: Opening, stands: Standing | None) -> Sequence[str]:
    return opening.visibility if stands is None else ladder.VISIBLE[stands.audience]
