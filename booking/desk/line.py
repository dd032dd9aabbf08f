"""Pure: when somebody answers a community's line, and by when they can have called back.

Wall time between `opens_at` and `closes_at` in the community's zone, Monday to Saturday.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.clock import at, local_day
from schedules.models import Community

SUNDAY = 6

LOOKS_AHEAD = 8
"""Days looked through for the next time at which somebody is there."""


@dataclass(frozen=True)
class Window:
    """A stretch of time, in UTC, in which the line is answered."""

    opens: datetime
    closes: datetime


def is_open(community: Community, now: datetime) -> bool:
    """Return whether somebody answers the line at this moment."""
    return any(w.opens <= now < w.closes for w in windows(community, now))


def next_open(community: Community, now: datetime) -> datetime | None:
    """Return the moment, in UTC, from which somebody answers: now, if the line is open."""
    return next((max(w.opens, now) for w in windows(community, now)), None)


def windows(community: Community, now: datetime) -> Iterator[Window]:
    """Yield the times at which the line is answered, soonest first: what is left of today's, too.

    A community that closes after midnight is open until then.
    """
    today = local_day(now, community.zone)
    for days in range(-1, LOOKS_AHEAD):
        day = today + timedelta(days=days)
        if day.weekday() == SUNDAY:
            continue
        opens = at(day, community.opens_at, community.zone)
        ends_on = day + timedelta(days=community.closes_at <= community.opens_at)
        closes = at(ends_on, community.closes_at, community.zone)
        if closes > now:
            yield Window(opens, closes)


def after_working(community: Community, length: timedelta, *, now: datetime) -> datetime | None:
    """Return the moment, in UTC, at which the line has been open for so long, counted from now."""
    left = length
    for window in windows(community, now):
        begins = max(window.opens, now)
        if begins + left <= window.closes:
            return begins + left
        left -= window.closes - begins
    return None


@dataclass(frozen=True)
class CallPromise:
    """Between which moments somebody calls. Both are in the hours of one day's line."""

    after: datetime
    by: datetime


def call_within(
    community: Community, length: timedelta, *, before: datetime, now: datetime
) -> CallPromise | None:
    """Return when somebody calls who has `length` for it; None if nobody can `before` that moment.

    A promise for an hour at which nobody is there is none: the first time that the line is open
    for long enough counts.
    """
    for window in windows(community, now):
        begins = max(window.opens, now)
        if begins + length > before:
            return None
        if begins + length <= window.closes:
            return CallPromise(begins, begins + length)
    return None
