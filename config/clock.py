"""The only reader of the system clock, and what a day is in a territory's zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""What gives the present moment: aware, UTC. Doors call it once a request."""

PARIS = ZoneInfo("Europe/Paris")
"""The zone of metropolitan France; overseas communities carry their own."""


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day it is in `zone` at that moment."""
    return moment.astimezone(zone).date()


def at(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which clocks in `zone` show `wall` on that day.

    Of the two moments of an hour that autumn repeats it is the first. An hour that spring
    skips gives the moment one hour later on the wall, as a patient would come.
    """
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moments, in UTC, between which it is that day in `zone`: 23, 24 or 25 hours."""
    return at(day, time(), zone), at(day + timedelta(days=1), time(), zone)
