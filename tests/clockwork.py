"""The moments that tests live at, and a clock whose hands only they move."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2027, 3, 27, 11, 0, tzinfo=UTC)
"""Noon in Paris, a Saturday, on the day before the clocks change."""


class Hands:
    """A clock whose hands only tests move."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def wait(self, time: timedelta) -> datetime:
        self.now += time
        return self.now
