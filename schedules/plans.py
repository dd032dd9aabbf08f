"""What somebody asks for when they reserve time or will be away, and what of it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import at, local_day
from schedules import days_off, ladder, planned
from schedules.ladder import LadderRefused
from schedules.models import Absence, AppointmentType, Community, Mode, Opening, Visibility
from schedules.openings import LONGEST, SHORTEST, OpeningRefused
from schedules.patterns import overlap, pattern_of
from schedules.slots import RESERVED

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
MOST_WEEKS = 4
LONGEST_PAUSE = timedelta(minutes=60)
MOST_A_DAY = 200
MOST_TOGETHER = 12
"""Patients at the same time: a room of people who wait for a vaccine, not a public meeting."""
FURTHEST = timedelta(days=366)
"""A first day more than a year ahead is a slip of the finger."""

LOOKS_AHEAD = timedelta(weeks=5)
"""Within which two openings must not want the same moment: alternate weeks meet in it."""


class Overlaps(OpeningRefused):
    """Another opening of the same professional wants part of that time: `other`'s reference."""

    def __init__(self, other: UUID) -> None:
        super().__init__("overlaps")
        self.other = other


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Time to reserve, as wall time in the community's zone: the columns of an Opening."""

    starts_on: date
    ends_on: date | None
    weekdays: Sequence[int]
    from_time: time
    until_time: time
    slot_minutes: int
    every_weeks: int = 1
    pause_minutes: int = 0
    most_slots: int | None = None
    capacity: int = 1
    mode: Mode = Mode.AMB
    appointment_type: AppointmentType = AppointmentType.ROUTINE
    visibility: Sequence[Visibility] = RESERVED
    complaints: Sequence[str] = ()
    only_own_patients: bool = False
    on_public_holidays: bool = False
    in_school_holidays: bool = True
    ladder: Sequence[Mapping[str, Any]] | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of a row."""
        return _listed(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Away:
    """When somebody will not be there: the columns of an Absence. Without hours, whole days."""

    starts_on: date
    ends_on: date | None
    weekdays: Sequence[int] = EVERY_DAY
    every_weeks: int = 1
    from_time: time | None = None
    until_time: time | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of a row."""
        return _listed(asdict(self))


def _listed(columns: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in columns.items() if value is not None}
    return {n: list(v) if isinstance(v, list | tuple) else v for n, v in said.items()}


def check(plan: Plan, community: Community, *, has_begun: bool = False, now: datetime) -> None:
    """Refuse what makes no slots. What replaces an opening may have begun long ago.

    Raises:
        OpeningRefused: `weekdays`, `weeks`, `last_day`, `past`, `too_far`, `ends_before_starts`,
            `length`, `pause`, `count`, `capacity`, `no_slot`, `visibility`, `ladder`,
            `no_school_zone` or `no_day`.
    """
    _check_days(plan, local_day(now, community.zone))
    if not has_begun and plan.starts_on < local_day(now, community.zone):
        raise OpeningRefused("past")
    _check_slots(plan)
    if not plan.visibility or not set(plan.visibility) <= set(Visibility):
        raise OpeningRefused("visibility")
    try:
        ladder.ladder_of(plan.ladder or ())
    except LadderRefused:
        raise OpeningRefused("ladder") from None
    if not plan.in_school_holidays and community.school_zone not in days_off.SCHOOL_ZONES:
        raise OpeningRefused("no_school_zone")
    _check_there_is_one(plan, community, now)


def check_away(away: Away, community: Community, *, now: datetime) -> None:
    """Refuse an absence that is none.

    Raises:
        OpeningRefused: `weekdays`, `weeks`, `last_day`, `past`, `too_far`, `hours`,
            `ends_before_starts` or `no_day`.
    """
    _check_days(away, local_day(now, community.zone))
    if (away.from_time is None) != (away.until_time is None):
        raise OpeningRefused("hours")
    if away.from_time and away.until_time and away.until_time <= away.from_time:
        raise OpeningRefused("ends_before_starts")
    _check_there_is_one(away, community, now)


def _check_days(asked: Plan | Away, today: date) -> None:
    if not asked.weekdays or not set(asked.weekdays) <= set(EVERY_DAY):
        raise OpeningRefused("weekdays")
    if not 1 <= asked.every_weeks <= MOST_WEEKS:
        raise OpeningRefused("weeks")
    if asked.ends_on is not None and asked.ends_on < asked.starts_on:
        raise OpeningRefused("last_day")
    if asked.ends_on is not None and asked.ends_on < today:
        raise OpeningRefused("past")
    if asked.starts_on > today + FURTHEST:
        raise OpeningRefused("too_far")


def _check_slots(plan: Plan) -> None:
    if plan.until_time <= plan.from_time:
        raise OpeningRefused("ends_before_starts")
    length = timedelta(minutes=plan.slot_minutes)
    if not SHORTEST <= length <= LONGEST:
        raise OpeningRefused("length")
    if not timedelta() <= timedelta(minutes=plan.pause_minutes) <= LONGEST_PAUSE:
        raise OpeningRefused("pause")
    if plan.most_slots is not None and not 1 <= plan.most_slots <= MOST_A_DAY:
        raise OpeningRefused("count")
    if not 1 <= plan.capacity <= MOST_TOGETHER:
        raise OpeningRefused("capacity")
    reserved = datetime.combine(plan.starts_on, plan.until_time) - datetime.combine(
        plan.starts_on, plan.from_time
    )
    if reserved < length:
        raise OpeningRefused("no_slot")


def _check_there_is_one(asked: Plan | Away, community: Community, now: datetime) -> None:
    today = local_day(now, community.zone)
    first = max(today, asked.starts_on)
    falls = pattern_of(asked.starts_on, asked.ends_on, asked.weekdays, asked.every_weeks)
    coming = list(falls.days(first, first + LOOKS_AHEAD))
    if not coming:
        raise OpeningRefused("no_day")
    last = asked.until_time
    if coming == [today] and last is not None and at(today, last, community.zone) <= now:
        raise OpeningRefused("past")


def refuse_overlaps(
    session: Session,
    community: Community,
    opening: Opening,
    *,
    but: Opening | None = None,
    now: datetime,
) -> None:
    """Refuse an opening that would want moments of another one; `but` one that it replaces.

    Raises:
        Overlaps: with the reference of the first that it meets.
    """
    others = session.scalars(
        select(Opening)
        .where(
            Opening.community_id == community.id,
            Opening.professional_id == opening.professional_id,
            Opening.ended_at.is_(None),
        )
        .order_by(Opening.id)
    )
    first = max(local_day(now, community.zone), opening.starts_on)
    days = set(planned.days_of(opening, first, first + LOOKS_AHEAD))
    for other in others:
        if other is opening or other is but:
            continue
        both = days.intersection(planned.days_of(other, first, first + LOOKS_AHEAD))
        if any(_meet(opening, other, day, community) for day in both):
            raise Overlaps(other.reference)


def _meet(one: Opening, other: Opening, day: date, community: Community) -> bool:
    return any(
        overlap(mine, theirs)
        for mine in planned.slots_of(one, day, community.zone)
        for theirs in planned.slots_of(other, day, community.zone)
    )


def row_of_opening(
    plan: Plan, community: Community, *, professional_id: int, site_id: int
) -> Opening:
    """Return the row of a plan, of nobody's session yet."""
    return Opening(
        community_id=community.id,
        professional_id=professional_id,
        site_id=site_id,
        **plan.columns(),
    )


def row_of_absence(away: Away, community: Community, *, professional_id: int) -> Absence:
    """Return the row of an absence, of nobody's session yet."""
    return Absence(community_id=community.id, professional_id=professional_id, **away.columns())
