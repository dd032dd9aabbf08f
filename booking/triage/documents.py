"""What a protocol file may say, word by word: the shape that YAML is held against."""

from collections.abc import Hashable
from datetime import date
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from booking.triage.facts import NO, YES, Age, Facts, Heard, Pregnant, Sex, When
from booking.triage.protocol import Kind, Level


class ProtocolInvalid(ValueError):
    """A file that is not a protocol: the message says where and why."""


def _level(said: object) -> object:
    return Level.__members__.get(said, said) if isinstance(said, str) else said


def _yes_no(said: object) -> object:
    """Turn YAML's own reading of «yes» and «no» back into the words of an answer."""
    if isinstance(said, bool):
        return YES if said else NO
    return [_yes_no(each) for each in said] if isinstance(said, list) else said


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,59}$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
LevelName = Annotated[Level, BeforeValidator(_level)]
Word = Annotated[str, BeforeValidator(_yes_no)]
WordOrNumber = Annotated[str | float, BeforeValidator(_yes_no)]
SaidPregnant = Annotated[Pregnant, BeforeValidator(_yes_no)]
Words = Annotated[list[Word], BeforeValidator(_yes_no)]


class Doc(BaseModel):
    """What all of it shares: unknown words are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeDoc(Doc):
    """An age from `from`, below `below`."""

    first: int | None = Field(default=None, alias="from", ge=0)
    below: int | None = Field(default=None, gt=0)


class NumberDoc(Doc):
    """A condition on a number."""

    at_least: float | None = None
    below: float | None = None


class FactsDoc(Doc):
    """Conditions on the patient."""

    age_years: RangeDoc | None = None
    age_months: RangeDoc | None = None
    sex: Sex | None = None
    pregnant: bool | None = None

    def facts(self) -> Facts:
        """Return them, ages in months.

        Raises:
            ProtocolInvalid: ages both in years and in months.
        """
        span, each = (self.age_years, 12) if self.age_years else (self.age_months, 1)
        if self.age_years and self.age_months:
            raise ProtocolInvalid("an age condition is in years or in months, not both")
        age = (
            Age(*(None if edge is None else edge * each for edge in (span.first, span.below)))
            if span
            else Age()
        )
        return Facts(age, self.sex, self.pregnant)


class WhenDoc(FactsDoc):
    """Conditions on the patient and on answers."""

    answers: dict[Name, NumberDoc | Words | Word] = {}

    def when(self) -> When:
        """Return all of them together."""
        return When(self.facts(), tuple(_heard(q, a) for q, a in self.answers.items()))


class SourcedDoc(Doc):
    """A line that says why, and on whose word."""

    because: Text
    source: Name


class QuestionDoc(Doc):
    """A question, or a sign when it has a level."""

    id: Name
    text: Text
    kind: Kind = Kind.YES_NO
    choices: dict[Name, Text] = {}
    unit: str | None = None
    lowest: float | None = None
    highest: float | None = None
    asked_if: FactsDoc = FactsDoc()
    level: LevelName | None = None
    because: str = ""
    source: str = ""


class RuleDoc(SourcedDoc):
    """A rule or a floor."""

    id: Name
    level: LevelName
    when: WhenDoc


class RouteDoc(SourcedDoc):
    """Who may receive the patient."""

    discipline: str
    requires: Name | None = None
    needs: list[Name] = []
    at_most: LevelName = Level.SAME_DAY
    when: WhenDoc = WhenDoc()
    valid_from: date | None = None
    valid_until: date | None = None


class ComplaintDoc(Doc):
    """A presenting complaint."""

    id: Name
    title: Text
    synonyms: list[Text] = []
    scope: FactsDoc = FactsDoc()
    questions: list[QuestionDoc | Name] = []
    rules: list[RuleDoc] = []
    otherwise: LevelName
    routes: list[RouteDoc] = []
    safety_net: Text
    source: Name


class SourceDoc(Doc):
    """A text that lines stand on."""

    title: Text
    dated: Text


class ProtocolDoc(Doc):
    """A whole file."""

    id: Name
    version: int = Field(ge=1)
    title: Text
    language: str
    valid_from: date
    valid_until: date
    reviewed_by: list[Text]
    sources: dict[Name, SourceDoc]
    deadline_hours: dict[str, int]
    emergency_advice: Text
    universal: list[QuestionDoc]
    stage2: list[QuestionDoc]
    shared: list[QuestionDoc] = []
    floors: list[RuleDoc] = []
    complaints: list[ComplaintDoc]


class _StrictLoader(yaml.SafeLoader):
    """YAML without its silent habit of keeping the last of two equal keys."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise ProtocolInvalid(f"line {node.start_mark.line + 1}: «{key}» is written twice")
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def document(text: bytes) -> Any:
    """Return what a YAML text says.

    Raises:
        ProtocolInvalid: it is not YAML, or writes a key twice.
    """
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolInvalid(f"not YAML: {error}") from error


def _heard(question: str, said: NumberDoc | list[str] | str) -> Heard:
    if isinstance(said, NumberDoc):
        return Heard(question, at_least=said.at_least, below=said.below)
    return Heard(question, frozenset([said] if isinstance(said, str) else said))
