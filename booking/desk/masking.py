"""Numbers that may leave: small ones are hidden, and so is whatever would give them away. Pure.

A row is a table of its own: its cells and their total. Rows share no total, so that nothing that
is hidden in one can be worked out from another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 11
"""From one to ten people could be known to somebody: hospital statistics hide them too."""


@dataclass(frozen=True)
class Row:
    """Counts and their total as they may be shown: None where one is hidden."""

    cells: tuple[int | None, ...]
    total: int | None


def masked(counts: Sequence[int]) -> Row:
    """Hide counts from 1 to 10, and the total or more counts where they would tell them.

    Of what is hidden in a row with a total, at least two cells are, and together they hold eleven
    or more: no one of them is known, nor that all of them are one.
    """
    hidden = {place for place, count in enumerate(counts) if 0 < count < FEWEST}
    visible = sorted(
        (place for place in range(len(counts)) if counts[place] >= FEWEST),
        key=lambda place: counts[place],
    )
    total: int | None = sum(counts)
    if hidden and (len(hidden) == 1 or sum(counts[place] for place in hidden) < FEWEST):
        if visible:
            hidden.add(visible[0])
        else:
            total = None
    if 0 < sum(counts) < FEWEST:
        total = None
    cells = tuple(None if place in hidden else count for place, count in enumerate(counts))
    return Row(cells, total)
