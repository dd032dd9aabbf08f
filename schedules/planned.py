"""What reserved time asks for: the moments of its slots, less what closes them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from schedules import days_off
from schedules.models import Absence, Community, Opening, OpeningSkip, Professional
from schedules.patterns import Moments, cut, hours, overlap, pattern_of

ALWAYS: Moments = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Planned:
    """One slot that an opening asks for."""

    opening_id: int
    times: Moments
    lane: int | None = None
    """Which of several patients at the same time; none where one comes."""


@dataclass(frozen=True)
class Closures:
    """What closes reserved time of some professionals: days skipped, absences, holidays."""

    zone: ZoneInfo
    territory: str
    school_zone: str | None
    skipped: frozenset[tuple[int, date]]
    absences: Mapping[int, Sequence[Absence]]
    """By the professional's number."""
    suspended: frozenset[int] = frozenset()
    """Of whom nothing is offered at all."""

    def planned(self, opening: Opening, first: date, last: date) -> Iterator[Planned]:
        """Return the slots that an opening asks for between two days, both included."""
        lanes = range(opening.capacity) if opening.capacity > 1 else (None,)
        for times in self.times(opening, first, last):
            yield from (Planned(opening.id, times, lane) for lane in lanes)

    def times(self, opening: Opening, first: date, last: date) -> Iterator[Moments]:
        """Return when patients may come in an opening between two days, both included."""
        for day in days_of(opening, first, last):
            if self._is_off(opening, day):
                continue
            away = self.away(opening.professional_id, day)
            for times in slots_of(opening, day, self.zone):
                if not any(overlap(times, other) for other in away):
                    yield times

    def away(self, professional_id: int, day: date) -> list[Moments]:
        """Return when a professional is absent on a day; whoever is suspended always is."""
        if professional_id in self.suspended:
            return [ALWAYS]
        return [
            times
            for absence in self.absences.get(professional_id, ())
            for times in away_of(absence, day, day, self.zone)
        ]

    def _is_off(self, opening: Opening, day: date) -> bool:
        return (
            (opening.id, day) in self.skipped
            or (not opening.on_public_holidays and days_off.is_public_holiday(day, self.territory))
            or (
                not opening.in_school_holidays and days_off.is_school_holiday(day, self.school_zone)
            )
        )


def days_of(opening: Opening, first: date, last: date) -> Iterator[date]:
    """Return in order the days on which an opening happens, whatever closes them."""
    row = pattern_of(opening.starts_on, opening.ends_on, opening.weekdays, opening.every_weeks)
    return row.days(first, last)


def slots_of(opening: Opening, day: date, zone: ZoneInfo) -> list[Moments]:
    """Return when an opening's slots are on one of its days: the first ones, if it wants few.

    None ends after clocks in `zone` show `until_time`.
    """
    start, end = hours(day, opening.from_time, opening.until_time, zone)
    length = timedelta(minutes=opening.slot_minutes)
    pause = timedelta(minutes=opening.pause_minutes)
    return list(islice(cut(start, end, length, pause), opening.most_slots))


def away_of(absence: Absence, first: date, last: date, zone: ZoneInfo) -> Iterator[Moments]:
    """Return the times of an absence between two days, both included."""
    row = pattern_of(absence.starts_on, absence.ends_on, absence.weekdays, absence.every_weeks)
    for day in row.days(first, last):
        yield hours(day, absence.from_time, absence.until_time, zone)


def closures(
    session: Session, community: Community, professionals: Sequence[int], first: date
) -> Closures:
    """Read what closes the time of these professionals from a day on."""
    skips = session.execute(
        select(OpeningSkip.opening_id, OpeningSkip.day)
        .join(
            Opening,
            (Opening.community_id == OpeningSkip.community_id)
            & (Opening.id == OpeningSkip.opening_id),
        )
        .where(
            OpeningSkip.community_id == community.id,
            OpeningSkip.day >= first,
            Opening.professional_id.in_(professionals),
        )
    )
    absences = defaultdict[int, list[Absence]](list)
    for absence in session.scalars(
        select(Absence)
        .where(
            Absence.community_id == community.id,
            Absence.professional_id.in_(professionals),
            Absence.ended_at.is_(None),
            or_(Absence.ends_on.is_(None), Absence.ends_on >= first),
        )
        .execution_options(populate_existing=True)
    ):
        absences[absence.professional_id].append(absence)
    return Closures(
        community.zone,
        community.holidays,
        community.school_zone,
        frozenset((opening_id, day) for opening_id, day in skips),
        absences,
        frozenset(
            session.scalars(
                select(Professional.id).where(
                    Professional.community_id == community.id,
                    Professional.id.in_(professionals),
                    Professional.suspended_at.is_not(None),
                )
            )
        ),
    )
