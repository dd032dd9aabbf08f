"""A triage protocol, typed: levels, questions, rules, complaints and who may receive them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property

from booking.triage.facts import ALWAYS, EVERYBODY, NO, UNKNOWN, YES, Answer, Facts, Heard, When
from booking.triage.places import Places

FALLBACK = "autre"
"""The complaint of a patient who named none."""

OTHERWISE = "otherwise"
"""How the rule of a complaint's own level begins: what it is when no other rule holds."""


class Level(IntEnum):
    """How soon somebody must be seen; larger is more urgent."""

    NOT_UNSCHEDULED = 0
    WITHIN_24H = 1
    SAME_DAY = 2
    CALL_15_ADVICE = 3
    CALL_15 = 4

    @property
    def is_emergency(self) -> bool:
        """Whether the 15 must be called: nothing may be booked."""
        return self >= Level.CALL_15_ADVICE

    @property
    def is_bookable(self) -> bool:
        """Whether it is unscheduled care that an appointment answers."""
        return self in (Level.WITHIN_24H, Level.SAME_DAY)


class Kind(StrEnum):
    """How a question is answered."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    NUMBER = "number"


@dataclass(frozen=True)
class Source:
    """A text that a line of the protocol stands on, with its date."""

    id: str
    title: str
    dated: str


@dataclass(frozen=True)
class Question:
    """One idea asked in one sentence. With a `level` it is a sign: «yes» is a rule of its own."""

    id: str
    text: str
    kind: Kind = Kind.YES_NO
    choices: tuple[tuple[str, str], ...] = ()
    unit: str | None = None
    lowest: float | None = None
    highest: float | None = None
    asked_if: Facts = EVERYBODY
    level: Level | None = None
    because: str = ""
    source: str = ""

    @property
    def is_red_flag(self) -> bool:
        """Whether «yes» alone sends to the 15."""
        return self.level is not None and self.level.is_emergency

    @property
    def words(self) -> int:
        """How many words are read aloud."""
        return sum(any(sign.isalnum() for sign in word) for word in self.text.split())

    def hear(self, said: object) -> Answer:
        """Return the answer if this question knows it, else `unknown`. Never raises.

        Numbers may be text, with a French comma; beyond the question's limits they are unknown.
        """
        if isinstance(said, str) and said in self.words_known:
            return said
        return self._number(said) if self.kind is Kind.NUMBER else UNKNOWN

    @cached_property
    def words_known(self) -> frozenset[str]:
        """Return the answers that it knows besides `unknown`; none when it asks a number."""
        if self.kind is Kind.YES_NO:
            return frozenset((YES, NO))
        return frozenset(choice for choice, _ in self.choices)

    def _number(self, said: object) -> Answer:
        if isinstance(said, bool) or not isinstance(said, int | float | str):
            return UNKNOWN
        try:
            number = float(said.replace(",", ".") if isinstance(said, str) else said)
        except (ValueError, OverflowError):
            return UNKNOWN
        low = float("-inf") if self.lowest is None else self.lowest
        high = float("inf") if self.highest is None else self.highest
        is_known = low <= number <= high and abs(number) != float("inf")
        return number if is_known else UNKNOWN


@dataclass(frozen=True)
class Rule:
    """A level that is reached when a conjunction holds, or might hold."""

    id: str
    level: Level
    when: When
    because: str
    source: str

    @cached_property
    def silenced_by(self) -> str:
        """The first of its questions to which «no» is enough for it not to hold, or nothing."""
        silencing = (each.question for each in self.when.answers if not each.holds(NO))
        return next(silencing, "")


@dataclass(frozen=True)
class Route:
    """A discipline that may receive the patient, and what must surely hold for it.

    `law` is the legal rule it stands on, `requires` what the professional must have declared
    for it, `needs` the equipment of the place, `at_most` the gravest level it may take.
    """

    discipline: str
    law: str | None = None
    requires: str | None = None
    needs: tuple[str, ...] = ()
    at_most: Level = Level.SAME_DAY
    when: When = ALWAYS
    valid_from: date | None = None
    valid_until: date | None = None
    because: str = ""
    source: str = ""


GENERAL_PRACTICE = Route("MG", because="Le médecin généraliste reçoit tout ce qui n'a pas mieux.")
"""The route that is always there."""


@dataclass(frozen=True)
class Complaint:
    """A presenting complaint: its questions, its rules, and what it is when none holds."""

    id: str
    title: str
    group: str
    otherwise: Level
    safety_net: str
    source: str
    synonyms: tuple[str, ...] = ()
    scope: Facts = EVERYBODY
    questions: tuple[Question, ...] = ()
    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()

    @cached_property
    def all_rules(self) -> tuple[Rule, ...]:
        """Return its rules, those of its signs first."""
        return (*signs_of(self.questions), *self.rules)

    @cached_property
    def default(self) -> Rule:
        """Return its own level as a rule that always holds: what it is when no other does."""
        return Rule(f"{OTHERWISE}:{self.id}", self.otherwise, ALWAYS, self.title, self.source)

    @cached_property
    def weighed(self) -> tuple[Rule, ...]:
        """Return all that can give it a level: the default, then every rule."""
        return (self.default, *self.all_rules)


@dataclass(frozen=True)
class Protocol:
    """One published version of the clinical content. It never changes.

    `danger_words` are phrases of a free text by the sign that they re-ask. `families` are
    complaints that together must be for everybody. `places` says where each part is written.
    """

    id: str
    version: int
    title: str
    language: str
    valid_from: date
    valid_until: date
    reviewed_by: tuple[str, ...]
    sources: tuple[Source, ...]
    digest: str
    deadline_hours: tuple[tuple[Level, int], ...]
    emergency_advice: str
    universal: tuple[Question, ...]
    stage2: tuple[Question, ...]
    floors: tuple[Rule, ...] = ()
    complaints: tuple[Complaint, ...] = field(default=())
    groups: tuple[tuple[str, str], ...] = ()
    danger_words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    families: tuple[tuple[str, tuple[str, ...]], ...] = ()
    places: Places = field(default=Places(), compare=False, repr=False)

    @cached_property
    def by_complaint(self) -> dict[str, Complaint]:
        """Return the complaints by their id."""
        return {complaint.id: complaint for complaint in self.complaints}

    @cached_property
    def order(self) -> dict[str, int]:
        """Return where each complaint stands in the file."""
        return {complaint.id: place for place, complaint in enumerate(self.complaints)}

    @cached_property
    def general_questions(self) -> tuple[Question, ...]:
        """Return what is asked whatever the complaint: both stages."""
        return (*self.universal, *self.stage2)

    @cached_property
    def questions(self) -> dict[str, Question]:
        """Return every question by its id, in the order of the file."""
        return {question.id: question for question in self._all_questions()}

    def _all_questions(self) -> Iterator[Question]:
        yield from self.universal
        yield from self.stage2
        for complaint in self.complaints:
            yield from complaint.questions

    @cached_property
    def general_rules(self) -> tuple[Rule, ...]:
        """Return the rules that are looked at whatever the complaint: both stages, floors."""
        return (*signs_of(self.general_questions), *self.floors)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Return every rule that may count: of signs, floors, complaints and their defaults."""
        return (*self.general_rules, *(rule for each in self.complaints for rule in each.weighed))

    def grouped(self, complaints: Iterable[Complaint]) -> list[tuple[str, list[Complaint]]]:
        """Return these complaints under the headings of the file; none with nothing under it."""
        given = list(complaints)
        under = [(h, [c for c in given if c.group == group]) for group, h in self.groups]
        return [(heading, found) for heading, found in under if found]

    def hours(self, level: Level) -> int | None:
        """Return within how many hours of triage this level must be seen, None when it has none."""
        return self._hours.get(level)

    @cached_property
    def _hours(self) -> dict[Level, int]:
        return dict(self.deadline_hours)

    def is_in_force(self, on: date) -> bool:
        """Return whether this version may be used on that day."""
        return self.valid_from <= on <= self.valid_until


def signs_of(questions: tuple[Question, ...]) -> tuple[Rule, ...]:
    """Return the rules that the signs among these questions carry."""
    return tuple(
        Rule(
            question.id,
            question.level,
            When(question.asked_if, (Heard(question.id, frozenset({YES})),)),
            question.because,
            question.source,
        )
        for question in questions
        if question.level is not None
    )
