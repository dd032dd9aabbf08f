"""Pure: to whom unused reserved time is offered, step by step, as its hour comes nearer.

A ladder is written as JSON: `[{"to": "OWN", "before": null}, {"to": "CPTS", "before": 1440}, …]`,
`before` in minutes before the slot starts. The first step counts from the day the slot is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schedules.models import Visibility

EARLIEST = timedelta(days=31)


class Audience(StrEnum):
    """Who is offered a slot. Each sees what those before it see; the last one is nobody."""

    OWN = "OWN"
    """Patients whose médecin traitant this is."""
    CPTS = "CPTS"
    SNP = "SNP"
    """The SAS, and neighbouring communities through it."""
    PUBLIC = "PUBLIC"
    BACK = "BACK"
    """Nobody any more: the professional has their time back."""


VISIBLE: Mapping[Audience, tuple[Visibility, ...]] = MappingProxyType(
    {
        Audience.OWN: (Visibility.CPTS,),
        Audience.CPTS: (Visibility.CPTS,),
        Audience.SNP: (Visibility.CPTS, Visibility.SNP),
        Audience.PUBLIC: (Visibility.CPTS, Visibility.SNP, Visibility.PUBLIC),
    }
)
"""The national codes of a slot that has reached this step; what is given back has none."""

_ORDER = tuple(Audience)


class LadderRefused(ValueError):
    """Steps that make no ladder; `why` is a key for the door's sentence, `step` counts from 0."""

    def __init__(self, why: str, step: int = 0) -> None:
        super().__init__(why)
        self.why, self.step = why, step


@dataclass(frozen=True)
class Step:
    """From `before` its start on, a slot is offered to these too."""

    to: Audience
    before: timedelta | None
    keep: int = 0
    """So many of a day's unused slots never take this step: they stay with those before."""


@dataclass(frozen=True)
class Stretch:
    """All slots that stand on one step at one moment: by how long from then they start."""

    taken: int
    to: Audience
    later_than: timedelta | None
    """None: also those that start at once, for no step comes after."""
    until: timedelta | None
    """None: however far ahead, for no step comes before."""


@dataclass(frozen=True)
class Standing:
    """Where a slot stands on its ladder at a moment."""

    taken: int
    """Steps that it has taken, the first included."""
    audience: Audience
    next_at: datetime | None


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: Audience
    before: int | None = Field(default=None, ge=0, le=int(EARLIEST.total_seconds()) // 60)
    keep: int = Field(default=0, ge=0, le=24)


_STEPS = TypeAdapter(list[_Written])


def ladder_of(written: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that were written; none at all is a slot that stays as it was published.

    Raises:
        LadderRefused: `unreadable`, `begins` (the first step has no hour, all others have one),
            `widens` (each step is for more people than the one before), `comes_nearer`.
    """
    try:
        steps = [
            Step(s.to, None if s.before is None else timedelta(minutes=s.before), s.keep)
            for s in _STEPS.validate_python(written)
        ]
    except ValidationError:
        raise LadderRefused("unreadable") from None
    for number, step in enumerate(steps):
        if (step.before is None) != (number == 0):
            raise LadderRefused("begins", number)
    for number, (one, other) in enumerate(pairwise(steps), start=1):
        if _ORDER.index(other.to) <= _ORDER.index(one.to):
            raise LadderRefused("widens", number)
        if one.before is not None and other.before is not None and other.before >= one.before:
            raise LadderRefused("comes_nearer", number)
    return tuple(steps)


def written(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the steps as `ladder_of` reads them."""
    return [
        {
            "to": s.to.value,
            "before": None if s.before is None else int(s.before.total_seconds()) // 60,
        }
        | ({"keep": s.keep} if s.keep else {})
        for s in steps
    ]


def moments(steps: Sequence[Step], starts_at: datetime) -> list[tuple[Step, datetime | None]]:
    """Return each step with its moment; None for the first, which counts at once."""
    return [(s, None if s.before is None else starts_at - s.before) for s in steps]


def standing(steps: Sequence[Step], starts_at: datetime, *, now: datetime) -> Standing | None:
    """Return where a slot that starts then stands now; None where there is no ladder.

    A slot that is made late has already taken the steps whose moment has come.
    """
    if not steps:
        return None
    due = [at is None or at <= now for _, at in moments(steps, starts_at)]
    taken = sum(due)
    coming = moments(steps, starts_at)[taken:]
    return Standing(taken, steps[taken - 1].to, coming[0][1] if coming else None)


def stretches(steps: Sequence[Step]) -> list[Stretch]:
    """Return where slots stand by how far ahead they start: `standing`, of all at once."""
    return [
        Stretch(number, step.to, after.before if after else None, step.before)
        for number, (step, after) in enumerate(pairwise((*steps, None)), start=1)
        if step is not None
    ]
