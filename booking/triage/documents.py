"""What a protocol file may say, word by word: the shape that YAML is held against."""

from datetime import date
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from booking.triage.facts import NO, YES, Age, Facts, Heard, Pregnant, Sex, When
from booking.triage.places import Fault
from booking.triage.protocol import Kind, Level, Question, Rule


class ProtocolInvalid(ValueError):
    """A file that is not what it should be: `faults` are all that is wrong, each with its line."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(each if isinstance(each, Fault) else Fault(each) for each in faults)


REFUSED = "refused"
"""The kind of our own refusals: their message is French already."""


def _level(said: object) -> Level:
    if isinstance(said, Level):
        return said
    if isinstance(said, str) and said in Level.__members__:
        return Level[said]
    names = ", ".join(Level.__members__)
    raise PydanticCustomError(
        REFUSED,
        "{said} n'est pas un niveau ; écrivez {names}",
        {"said": f"« {said} »", "names": names},
    )


def _sex(said: object) -> object:
    if said not in (Sex.FEMALE, Sex.MALE):
        raise PydanticCustomError(
            REFUSED,
            "{said} n'est pas prévu pour « sex » ; écrivez female ou male",
            {"said": f"« {said} »"},
        )
    return said


def _yes_no(said: object) -> object:
    """Turn YAML's own reading of «yes» and «no» back into the words of an answer."""
    if isinstance(said, bool):
        return YES if said else NO
    return [_yes_no(each) for each in said] if isinstance(said, list) else said


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,59}$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
KnownSex = Annotated[Sex, BeforeValidator(_sex)]
LevelName = Annotated[Level, BeforeValidator(_level)]
Word = Annotated[str, BeforeValidator(_yes_no)]
WordOrNumber = Annotated[str | float, BeforeValidator(_yes_no)]
SaidPregnant = Annotated[Pregnant, BeforeValidator(_yes_no)]
Words = Annotated[list[Word], BeforeValidator(_yes_no)]


def _shape(said: object) -> str | None:
    """Return which of the shapes that may stand in one place this is."""
    if isinstance(said, dict | BaseModel):
        return "lines"
    if isinstance(said, list):
        return "list"
    return "word" if isinstance(said, str | bool) else None


ByShape = Discriminator(
    _shape,
    custom_error_type=REFUSED,
    custom_error_message="un mot, une liste entre crochets ou des accolades sont attendus ici",
)


class Doc(BaseModel):
    """What all of it shares: unknown words are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeDoc(Doc):
    """An age from `from`, below `below`."""

    first: int | None = Field(default=None, alias="from", ge=0)
    below: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _some_age(self) -> Self:
        if self.below is not None and (self.first or 0) >= self.below:
            raise PydanticCustomError(
                REFUSED, "aucun âge n'est entre ces limites ; `from` est plus petit que `below`"
            )
        return self


class NumberDoc(Doc):
    """A condition on a number."""

    at_least: float | None = None
    below: float | None = None


class FactsDoc(Doc):
    """Conditions on the patient."""

    age_years: RangeDoc | None = None
    age_months: RangeDoc | None = None
    sex: KnownSex | None = None
    pregnant: bool | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if self.age_years and self.age_months:
            raise PydanticCustomError(
                REFUSED, "un âge se dit en années ou en mois ; gardez age_years ou age_months"
            )
        return self

    def facts(self) -> Facts:
        """Return them, ages in months."""
        span, each = (self.age_years, 12) if self.age_years else (self.age_months, 1)
        age = (
            Age(*(None if edge is None else edge * each for edge in (span.first, span.below)))
            if span
            else Age()
        )
        return Facts(age, self.sex, self.pregnant)


class WhenDoc(FactsDoc):
    """Conditions on the patient and on answers."""

    answers: dict[
        Name,
        Annotated[
            Annotated[NumberDoc, Tag("lines")]
            | Annotated[Words, Tag("list")]
            | Annotated[Word, Tag("word")],
            ByShape,
        ],
    ] = {}

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

    def question(self) -> Question:
        """Return it as the engine asks it."""
        return Question(
            id=self.id,
            text=self.text,
            kind=self.kind,
            choices=tuple(self.choices.items()),
            unit=self.unit,
            lowest=self.lowest,
            highest=self.highest,
            asked_if=self.asked_if.facts(),
            level=self.level,
            because=self.because,
            source=self.source,
        )


class RuleDoc(SourcedDoc):
    """A rule or a floor."""

    id: Name
    level: LevelName
    when: WhenDoc

    def rule(self) -> Rule:
        """Return it as the engine weighs it."""
        return Rule(self.id, self.level, self.when.when(), self.because, self.source)


class RouteDoc(SourcedDoc):
    """Who may receive the patient."""

    discipline: str
    requires: Name | None = None
    needs: list[Name] = []
    at_most: LevelName = Level.SAME_DAY
    when: WhenDoc = WhenDoc()


class LawDoc(Doc):
    """What a legal rule says of its patients and its dates; a route names it by `requires`.

    `enabling` is what the professional must have declared.
    """

    id: Name
    disciplines: tuple[str, ...]
    enabling: Name
    valid_from: date
    valid_until: date | None = None
    when: WhenDoc = WhenDoc()


class ComplaintDoc(Doc):
    """A presenting complaint."""

    id: Name
    title: Text
    group: Name
    synonyms: list[Text] = []
    scope: FactsDoc = FactsDoc()
    questions: list[
        Annotated[Annotated[QuestionDoc, Tag("lines")] | Annotated[Name, Tag("word")], ByShape]
    ] = []
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
    groups: dict[Name, Text]
    danger_words: dict[Name, list[Text]] = {}
    families: dict[Name, list[Name]] = {}
    universal: list[QuestionDoc]
    stage2: list[QuestionDoc]
    shared: list[QuestionDoc] = []
    floors: list[RuleDoc] = []
    complaints: list[ComplaintDoc]


def _heard(question: str, said: NumberDoc | list[str] | str) -> Heard:
    if isinstance(said, NumberDoc):
        return Heard(question, at_least=said.at_least, below=said.below)
    return Heard(question, frozenset([said] if isinstance(said, str) else said))
