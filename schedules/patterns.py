"""Pure: the days on which something falls that repeats, and the moments of its hours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.clock import at, day_bounds

Moments = tuple[datetime, datetime]
"""When something starts and ends, in UTC."""


@dataclass(frozen=True)
class Pattern:
    """Days of the week, from one day to another, every so many weeks."""

    starts_on: date
    ends_on: date | None
    """The last day, included; none: for ever."""
    weekdays: frozenset[int]
    """ISO numbers, Monday is 1."""
    every_weeks: int = 1
    """Counted from the ISO week of `starts_on`, on whichever of its days it begins."""

    def falls_on(self, day: date) -> bool:
        """Return whether it happens on that day."""
        weeks = (_monday(day) - _monday(self.starts_on)).days // 7
        return (
            self.starts_on <= day
            and (self.ends_on is None or day <= self.ends_on)
            and day.isoweekday() in self.weekdays
            and weeks % self.every_weeks == 0
        )

    def days(self, first: date, last: date) -> Iterator[date]:
        """Return in order the days on which it falls between two days, both included."""
        first = max(first, self.starts_on)
        last = last if self.ends_on is None else min(last, self.ends_on)
        for ahead in range((last - first).days + 1):
            day = first + timedelta(days=ahead)
            if self.falls_on(day):
                yield day


def pattern_of(
    starts_on: date, ends_on: date | None, weekdays: Sequence[int], every_weeks: int
) -> Pattern:
    """Return the pattern that a row's columns say."""
    return Pattern(starts_on, ends_on, frozenset(weekdays), every_weeks)


def hours(day: date, starts: time | None, ends: time | None, zone: ZoneInfo) -> Moments:
    """Return the moments, in UTC, at which clocks in `zone` show these hours on that day.

    Without hours it is the whole day. Hours that spring skips may leave nothing: the second
    moment is then not after the first.
    """
    if starts is None or ends is None:
        return day_bounds(day, zone)
    return at(day, starts, zone), at(day, ends, zone)


def cut(start: datetime, end: datetime, length: timedelta, pause: timedelta) -> Iterator[Moments]:
    """Return the slots that fit between two moments: real minutes, whatever clocks do meanwhile."""
    while start + length <= end:
        yield start, start + length
        start += length + pause


def overlap(one: Moments, other: Moments) -> bool:
    """Return whether two times share a moment; one that ends as the other starts does not."""
    return one[0] < other[1] and other[0] < one[1]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
