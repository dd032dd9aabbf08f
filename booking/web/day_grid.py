"""Pure: what happens in a day → the lines of a table, a quarter of an hour each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

STEP = timedelta(minutes=15)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Any full hour: quarters are counted from it in real time, so a changed clock skips nothing."""


class Timed(Protocol):
    """What has a beginning and an end."""

    @property
    def starts_at(self) -> datetime:
        """When it begins."""

    @property
    def ends_at(self) -> datetime:
        """When it is over."""


T = TypeVar("T", bound=Timed)


@dataclass(frozen=True)
class Cell(Generic[T]):
    """What one column shows from one line on, over `lines` of them; perhaps nothing."""

    lines: int
    entries: tuple[T, ...] = ()


@dataclass(frozen=True)
class Line(Generic[T]):
    """A quarter of an hour. A cell that hangs down from above is None here."""

    starts_at: datetime
    cells: tuple[Cell[T] | None, ...]


def lines(columns: Sequence[Sequence[T]]) -> list[Line[T]]:
    """Return the table of these columns, from the first beginning to the last end.

    What shares a quarter of an hour with what follows it, as slots of 20 minutes do, stands in
    one cell with it. Each column is in order of time and nothing in it overlaps.
    """
    every = [entry for column in columns for entry in column]
    if not every:
        return []
    first = min(_quarter(entry.starts_at) for entry in every)
    last = max(_last_quarter(entry) for entry in every)
    filled = [_cells(column, first, last) for column in columns]
    return [
        Line(EPOCH + number * STEP, tuple(column[number - first] for column in filled))
        for number in range(first, last + 1)
    ]


def _quarter(moment: datetime) -> int:
    return (moment - EPOCH) // STEP


def _last_quarter(entry: Timed) -> int:
    return _quarter(entry.ends_at - timedelta(microseconds=1))


def _cells(column: Sequence[T], first: int, last: int) -> list[Cell[T] | None]:
    cells: list[Cell[T] | None] = [Cell(1) for _ in range(first, last + 1)]
    for group in _groups(column):
        top, bottom = _quarter(group[0].starts_at), _last_quarter(group[-1])
        cells[top - first] = Cell(bottom - top + 1, tuple(group))
        cells[top - first + 1 : bottom - first + 1] = [None] * (bottom - top)
    return cells


def _groups(column: Sequence[T]) -> list[list[T]]:
    groups: list[list[T]] = []
    for entry in column:
        if groups and _quarter(entry.starts_at) <= _last_quarter(groups[-1][-1]):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups
