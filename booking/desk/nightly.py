"""Pure: when something that is done once a night is due. Jobs run at intervals and ask this."""

from datetime import datetime, time

from config.clock import PARIS, local_day

CHANGING_HOUR = (time(2), time(3))
"""Wall time in Paris that a clock change skips or repeats: nothing daily happens in it."""

NIGHT_BEGINS = time(1)
"""Wall time in Paris after which what is daily may run: at once, or when a worker is up."""


def is_due(last: datetime | None, *, now: datetime) -> bool:
    """Return whether it is due by now: once a day, not between two and three in Paris."""
    wall = now.astimezone(PARIS).time()
    if wall < NIGHT_BEGINS or CHANGING_HOUR[0] <= wall < CHANGING_HOUR[1]:
        return False
    return last is None or local_day(last, PARIS) < local_day(now, PARIS)
