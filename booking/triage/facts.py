"""Who the patient is and what was answered, with doubt as a third value beside yes and no."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Self, TypeVar

OLDEST_MONTHS = 130 * 12
"""An age beyond 130 years is a typing error: it counts as unknown."""

FIRST_FERTILE_MONTHS, LAST_FERTILE_MONTHS = 10 * 12, 61 * 12 - 1
"""Before 10 and after 60 years nobody is asked about a pregnancy (choice of the authors)."""


class Truth(IntEnum):
    """Whether something holds: surely not, perhaps, surely. A conjunction is the smallest."""

    NO = 0
    MAYBE = 1
    YES = 2

    @property
    def opposite(self) -> "Truth":
        """What holds of the contrary."""
        return SURELY if self is SURELY_NOT else SURELY_NOT if self is SURELY else PERHAPS

    @classmethod
    def of(cls, held: bool) -> Self:  # noqa: FBT001 - it turns a truth value into another
        """Return YES or NO, when there is no doubt."""
        return cls.YES if held else cls.NO


SURELY_NOT, PERHAPS, SURELY = Truth
"""Its values by name of their own: Python 3.11 takes as long to find `Truth.NO` as to compare."""


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
        youngest = self.age_months
        if youngest is None or not 0 <= youngest <= OLDEST_MONTHS:
            is_everybody = not first and (below is None or below > OLDEST_MONTHS)
            return SURELY if is_everybody else PERHAPS
        oldest = youngest + self.older_by_months
        if (first is not None and oldest < first) or (below is not None and youngest >= below):
            return SURELY_NOT
        if (first is None or first <= youngest) and (below is None or oldest < below):
            return SURELY
        return PERHAPS

    def is_of(self, sex: Sex) -> Truth:
        """Return whether the patient is of this sex."""
        if self.sex is sex:
            return SURELY
        return PERHAPS if self.sex is Sex.UNKNOWN else SURELY_NOT

    def is_pregnant(self) -> Truth:
        """Return whether there is a pregnancy; a doubt where one is possible is a doubt.

        Men, and ages surely under 10 or over 60, are taken as not pregnant unless «yes»
        was said: that contradiction is a doubt, never a no.
        """
        can_be = self.is_of(Sex.FEMALE) and self.is_aged(
            FIRST_FERTILE_MONTHS, LAST_FERTILE_MONTHS + 1
        )
        if not can_be:
            return PERHAPS if self.pregnant is Pregnant.YES else SURELY_NOT
        if self.pregnant is Pregnant.NO:
            return SURELY_NOT
        return PERHAPS if self.pregnant is Pregnant.UNKNOWN else SURELY


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

    def __and__(self, other: "Age") -> "Age":
        """Return the ages in both.

        Raises:
            ValueError: if there are none.
        """
        starts = [each for each in (self.first, other.first) if each is not None]
        ends = [each for each in (self.below, other.below) if each is not None]
        both = Age(max(starts, default=None), min(ends, default=None))
        if both.first is not None and both.below is not None and both.first >= both.below:
            raise ValueError(f"{self.in_words} et {other.in_words} s'excluent")
        return both

    @property
    def in_words(self) -> str:
        """The ages for an author: «de 3 mois à moins de 15 ans»."""
        limits = [
            f"{word} {_span(edge)}"
            for word, edge in (("à partir de", self.first), ("avant", self.below))
            if edge is not None
        ]
        return " et ".join(limits) or "tout âge"


def _span(months: int) -> str:
    return f"{months // 12} ans" if months % 12 == 0 and months else f"{months} mois"


_Said = TypeVar("_Said")


def _either(what: str, one: _Said | None, other: _Said | None) -> _Said | None:
    if None not in (one, other) and one != other:
        raise ValueError(f"{what} : « {one} » et « {other} » s'excluent")
    return other if one is None else one


@dataclass(frozen=True)
class Facts:
    """A conjunction of conditions over the patient alone. Empty, it holds for everybody."""

    age: Age = Age()
    sex: Sex | None = None
    pregnant: bool | None = None

    def __and__(self, other: "Facts") -> "Facts":
        """Return both together: the narrower ages, and what either says.

        Raises:
            ValueError: if they contradict each other.
        """
        return Facts(
            self.age & other.age,
            _either("sex", self.sex, other.sex),
            _either("pregnant", self.pregnant, other.pregnant),
        )

    @cached_property
    def is_empty(self) -> bool:
        """Whether it holds for everybody."""
        return self == EVERYBODY

    def hold_for(self, patient: Patient) -> Truth:
        """Return whether all of it holds for this patient."""
        if self.is_empty:
            return SURELY
        least = patient.is_aged(self.age.first, self.age.below)
        if least and self.sex is not None:
            least = min(least, patient.is_of(self.sex))
        if least and self.pregnant is not None:
            said = patient.is_pregnant()
            least = min(least, said if self.pregnant else said.opposite)
        return least


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

    @cached_property
    def _words(self) -> dict[str, Truth]:
        return dict.fromkeys(self.accepted, SURELY) | {UNKNOWN: PERHAPS}

    def holds(self, answer: Answer) -> Truth:
        """Return whether this answer meets it; a doubt may meet anything."""
        if isinstance(answer, str):
            return self._words.get(answer, SURELY_NOT)
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.below is None else self.below
        return Truth.of(not self.accepted and low <= answer < high)


@dataclass(frozen=True)
class When:
    """What a rule or a route stands on: facts about the patient and answers, all together."""

    facts: Facts = EVERYBODY
    answers: tuple[Heard, ...] = ()

    def __and__(self, other: "When") -> "When":
        """Return both together.

        Raises:
            ValueError: if they contradict each other, on the patient or on an answer.
        """
        both = [(o, t) for o in self.answers for t in other.answers if o.question == t.question]
        for one, another in both:
            if one.accepted and another.accepted and not one.accepted & another.accepted:
                wanted = " ou ".join(sorted(one.accepted)), " ou ".join(sorted(another.accepted))
                raise ValueError(f"{one.question} : « {wanted[0]} » et « {wanted[1]} » s'excluent")
        return When(self.facts & other.facts, (*self.answers, *other.answers))

    def holds(self, patient: Patient, heard: Mapping[str, Answer]) -> Truth:
        """Return whether all of it holds.

        `heard` has every question that exists for this patient. What was not to be asked
        does not exist: no condition on it is met.
        """
        least = SURELY
        # Answers first: nearly all rules end here, at the first calm answer.
        for condition in self.answers:
            answer = heard.get(condition.question)
            met = SURELY_NOT if answer is None else condition.holds(answer)
            if not met:
                return met
            least = min(least, met)
        return least if self.facts.is_empty else min(least, self.facts.hold_for(patient))


ALWAYS = When()
"""No condition at all."""
