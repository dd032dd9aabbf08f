"""Who the patient is and what was answered, with doubt as a third value beside yes and no."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Self

OLDEST_MONTHS = 130 * 12
"""An age beyond 130 years is a typing error: it counts as unknown."""

FIRST_FERTILE_MONTHS, LAST_FERTILE_MONTHS = 10 * 12, 61 * 12 - 1
"""Before 10 and after 60 years nobody is asked about a pregnancy (choice of the authors)."""


class Truth(IntEnum):
    """Whether something holds: surely not, perhaps, surely. A conjunction is the smallest."""

    NO = 0
    MAYBE = 1
    YES = 2

    @classmethod
    def of(cls, held: bool) -> Self:  # noqa: FBT001 - it turns a truth value into another
        """Return YES or NO, when there is no doubt."""
        return cls.YES if held else cls.NO


class Sex(StrEnum):
    """Administrative gender as in FHIR, without «other»: what the rules can use."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Pregnant(StrEnum):
    """What was said about a pregnancy. «Maybe» counts as yes."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Patient:
    """The facts that rules may use, all of which may be unknown.

    `age_months` is the lowest age that fits what was said; the patient may be up to
    `older_by_months` older than that: 11 when only whole years were said.
    """

    age_months: int | None = None
    sex: Sex = Sex.UNKNOWN
    pregnant: Pregnant = Pregnant.UNKNOWN
    older_by_months: int = 0

    @classmethod
    def aged(
        cls,
        *,
        years: float | None = None,
        months: float | None = None,
        sex: Sex = Sex.UNKNOWN,
        pregnant: Pregnant = Pregnant.UNKNOWN,
    ) -> Self:
        """Return a patient from an age in completed years, or in completed months, or neither.

        `months` are all the months since birth. Both together must agree. An age below
        0, above 130 years, not finite or contradictory is unknown: no rule about age can
        then be excluded.
        """
        said = [span for span in (_years(years), _months(months)) if span is not None]
        if not said:
            return cls(None, sex, pregnant)
        first, last = max(low for low, _ in said), min(high for _, high in said)
        if first > last or first < 0 or first > OLDEST_MONTHS:
            return cls(None, sex, pregnant)
        return cls(first, sex, pregnant, last - first)

    def is_aged(self, first: int | None, below: int | None) -> Truth:
        """Return whether the age lies in [first, below[, in months."""
        low, high = first or 0, math.inf if below is None else below
        if self.age_months is None or not 0 <= self.age_months <= OLDEST_MONTHS:
            return Truth.YES if low == 0 and high > OLDEST_MONTHS else Truth.MAYBE
        youngest, oldest = self.age_months, self.age_months + self.older_by_months
        if low <= youngest and oldest < high:
            return Truth.YES
        return Truth.NO if oldest < low or youngest >= high else Truth.MAYBE

    def is_of(self, sex: Sex) -> Truth:
        """Return whether the patient is of this sex."""
        return Truth.MAYBE if self.sex is Sex.UNKNOWN else Truth.of(self.sex is sex)

    def is_pregnant(self) -> Truth:
        """Return whether there is a pregnancy; a doubt where one is possible is a doubt.

        Men, and ages surely under 10 or over 60, are taken as not pregnant unless «yes»
        was said: that contradiction is a doubt, never a no.
        """
        fertile = self.is_aged(FIRST_FERTILE_MONTHS, LAST_FERTILE_MONTHS + 1)
        if Truth.NO in (fertile, self.is_of(Sex.FEMALE)):
            return Truth.MAYBE if self.pregnant is Pregnant.YES else Truth.NO
        if self.pregnant is Pregnant.NO:
            return Truth.NO
        return Truth.MAYBE if self.pregnant is Pregnant.UNKNOWN else Truth.YES


ANYBODY = Patient()
"""Somebody of whom nothing is known: every fact may hold."""


def _years(years: float | None) -> tuple[int, int] | None:
    if years is None or not math.isfinite(years):
        return None
    first = math.floor(years * 12)
    return first, first + (11 if years == math.floor(years) else 0)


def _months(months: float | None) -> tuple[int, int] | None:
    if months is None or not math.isfinite(months):
        return None
    return math.floor(months), math.floor(months)


@dataclass(frozen=True)
class Age:
    """Ages from `first` months, below `below` months; None is no limit."""

    first: int | None = None
    below: int | None = None


@dataclass(frozen=True)
class Facts:
    """A conjunction of conditions over the patient alone. Empty, it holds for everybody."""

    age: Age = Age()
    sex: Sex | None = None
    pregnant: bool | None = None

    @cached_property
    def is_empty(self) -> bool:
        """Whether it holds for everybody."""
        return self == EVERYBODY

    def hold_for(self, patient: Patient) -> Truth:
        """Return whether all of it holds for this patient."""
        return Truth.YES if self.is_empty else min(self._each(patient))

    def _each(self, patient: Patient) -> Iterable[Truth]:
        if self.age != Age():
            yield patient.is_aged(self.age.first, self.age.below)
        if self.sex is not None:
            yield patient.is_of(self.sex)
        if self.pregnant is not None:
            said = patient.is_pregnant()
            yield said if self.pregnant else Truth(Truth.YES - said)


EVERYBODY = Facts()
"""No condition at all."""

Answer = str | float
"""What was heard: `yes`, `no`, a choice, a number, or `unknown`."""

Answers = Mapping[str, object]
"""By question. Anything a question does not know is a doubt; a missing answer too."""

UNKNOWN = "unknown"
YES = "yes"
NO = "no"


@dataclass(frozen=True)
class Heard:
    """A condition on one answer: one of some words, or a number in [at_least, below[."""

    question: str
    accepted: frozenset[str] = frozenset()
    at_least: float | None = None
    below: float | None = None

    def holds(self, answer: Answer) -> Truth:
        """Return whether this answer meets it; a doubt may meet anything."""
        if answer == UNKNOWN:
            return Truth.MAYBE
        if isinstance(answer, str):
            return Truth.of(answer in self.accepted)
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.below is None else self.below
        return Truth.of(not self.accepted and low <= answer < high)


@dataclass(frozen=True)
class When:
    """What a rule or a route stands on: facts about the patient and answers, all together."""

    facts: Facts = EVERYBODY
    answers: tuple[Heard, ...] = ()

    def holds(self, patient: Patient, heard: Mapping[str, Answer]) -> Truth:
        """Return whether all of it holds.

        `heard` has every question that exists for this patient. What was not to be asked
        does not exist: no condition on it is met.
        """
        said = [
            each.holds(heard[each.question]) if each.question in heard else Truth.NO
            for each in self.answers
        ]
        return min([self.facts.hold_for(patient), *said])


ALWAYS = When()
"""No condition at all."""
