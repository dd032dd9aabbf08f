"""Pure: whether one more slot fits where others are, when several patients may come at one time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from schedules.patterns import Moments, overlap

AN_HOUR = timedelta(hours=1)


class Lasting(Protocol):
    """What is at some time, in one lane of it or in all."""

    @property
    def times(self) -> Moments:
        """When it is."""

    @property
    def lane(self) -> int | None:
        """Its lane; none: all of them."""


class Filled:
    """What a professional's hours hold already."""

    def __init__(self, slots: Iterable[Lasting]) -> None:
        self._by_hour = defaultdict[datetime, list[Lasting]](list)
        for slot in slots:
            self.add(slot)

    def add(self, slot: Lasting) -> None:
        """Fill the slot's lane for its time."""
        for hour in _hours(slot.times):
            self._by_hour[hour].append(slot)

    def takes(self, slot: Lasting, most: int) -> bool:
        """Fill the slot's lane if it is free, and fewer than `most` others are at that time.

        Return whether it was. The number counts, not only the lane: where an opening for three
        became one for two, who is in the third lane still takes one of two places.
        """
        lanes = {
            other.lane
            for hour in _hours(slot.times)
            for other in self._by_hour[hour]
            if overlap(slot.times, other.times)
        }
        if slot.lane is None:
            fits = not lanes
        else:
            fits = None not in lanes and slot.lane not in lanes and len(lanes) < most
        if fits:
            self.add(slot)
        return fits


def _hours(times: Moments) -> Iterator[datetime]:
    hour = times[0].replace(minute=0, second=0, microsecond=0)
    while hour < times[1]:
        yield hour
        hour += AN_HOUR
