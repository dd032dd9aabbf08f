"""Pure: how much of a promise's time has gone, and who has to look at it by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.models import EscalatedTo

STEPS = tuple(EscalatedTo)
"""Who is made to look, in order; whoever looked before still does."""


@dataclass(frozen=True)
class Step:
    """Somebody who is made to look at a promise, and from when on."""

    to: EscalatedTo
    at: datetime


def steps(began: datetime, due: datetime, percents: Sequence[int]) -> list[Step]:
    """Return who is made to look, and when: so many hundredths of the time after it began.

    Moments are counted in UTC: the day on which clocks change is a day like another.
    """
    return [
        Step(to, began + (due - began) * percent / 100)
        for to, percent in zip(STEPS, percents, strict=True)
    ]


def due_step(
    all_steps: Sequence[Step], reached: EscalatedTo | None, *, now: datetime
) -> EscalatedTo | None:
    """Return who has to look now and was not told before; None if nobody new has to.

    After a pause it is the last of those whose moment has come: the ones before would be told
    of what is somebody else's already.
    """
    come = [step.to for step in _after(all_steps, reached) if step.at <= now]
    return come[-1] if come else None


def next_moment(all_steps: Sequence[Step], reached: EscalatedTo | None) -> datetime | None:
    """Return when the next one has to look; None once all have."""
    left = _after(all_steps, reached)
    return left[0].at if left else None


def _after(all_steps: Sequence[Step], reached: EscalatedTo | None) -> Sequence[Step]:
    return all_steps[STEPS.index(reached) + 1 :] if reached else all_steps
