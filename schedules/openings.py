"""Pure: from what a professional says (a day, an hour, a number) to the moments of their slots."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.clock import at

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(minutes=60)
MOST_AT_ONCE = 24
FURTHEST = timedelta(days=31)
"""Reserved slots are for today and tomorrow; a month ahead is a slip of the finger."""


class OpeningRefused(ValueError):
    """An opening that makes no slots; `why` is a key for the door's sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Opening:
    """Time that a professional reserves on one day, as wall time in the site's zone."""

    day: date
    starts: time
    count: int
    length: timedelta


def moments(
    opening: Opening, zone: ZoneInfo, *, now: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return start and end of each slot, in UTC, one after the other.

    The first starts when clocks in `zone` show `starts`; lengths are real minutes, so a day on
    which clocks change loses or repeats nothing.

    Raises:
        OpeningRefused: `length`, `count`, `past`, `too_far` or `crosses_midnight`.
    """
    if not SHORTEST <= opening.length <= LONGEST:
        raise OpeningRefused("length")
    if not 1 <= opening.count <= MOST_AT_ONCE:
        raise OpeningRefused("count")
    first = at(opening.day, opening.starts, zone)
    if first <= now:
        raise OpeningRefused("past")
    if first > now + FURTHEST:
        raise OpeningRefused("too_far")
    times = tuple(
        (first + i * opening.length, first + (i + 1) * opening.length) for i in range(opening.count)
    )
    if times[-1][1] > at(opening.day + timedelta(days=1), time(), zone):
        raise OpeningRefused("crosses_midnight")
    return times
