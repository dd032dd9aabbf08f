"""Pure: what happens in a day → the lines of a table, one for each moment something changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Generic, Protocol, TypeVar


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
    """What one column shows from one line on, over `lines` of them; nothing, where it is empty.

    Several entries, where patients come at the same time.
    """

    lines: int
    starts_at: datetime
    ends_at: datetime
    entries: tuple[T, ...] = ()


@dataclass(frozen=True)
class Line(Generic[T]):
    """The time until something begins or ends again, anywhere. What hangs from above is None."""

    starts_at: datetime
    ends_at: datetime
    cells: tuple[Cell[T] | None, ...]


def lines(columns: Sequence[Sequence[T]]) -> list[Line[T]]:
    """Return the table of these columns, from the first beginning to the last end.

    Its lines are not of one length: slots of 15 and of 20 minutes stand side by side, each from
    its own hour to its own, and two hours in which nothing happens are one line. Each column is
    in order of time; what overlaps in it shares a cell.
    """
    every = [entry for column in columns for entry in column]
    edges = sorted({edge for entry in every for edge in (entry.starts_at, entry.ends_at)})
    filled = [_cells(column, edges) for column in columns]
    return [
        Line(begins, ends, tuple(column.get(begins) for column in filled))
        for begins, ends in pairwise(edges)
    ]


def _cells(column: Sequence[T], edges: Sequence[datetime]) -> dict[datetime, Cell[T]]:
    """Return a column's cells by the moment at which they begin, the empty ones too."""
    number = {edge: place for place, edge in enumerate(edges)}
    cells: dict[datetime, Cell[T]] = {}
    last = edges[0] if edges else None

    def fill(begins: datetime, ends: datetime, entries: tuple[T, ...]) -> None:
        if begins < ends:
            cells[begins] = Cell(number[ends] - number[begins], begins, ends, entries)

    for entries in _together(column):
        if last is not None:
            fill(last, entries[0].starts_at, ())
        ends = max(entry.ends_at for entry in entries)
        fill(entries[0].starts_at, ends, entries)
        last = ends
    if last is not None:
        fill(last, edges[-1], ())
    return cells


def _together(column: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """Return the entries of a column, those that share some time together."""
    run: list[T] = []
    for entry in column:
        if run and entry.starts_at >= max(other.ends_at for other in run):
            yield tuple(run)
            run = []
        run.append(entry)
    if run:
        yield tuple(run)
