"""A protocol's acceptance examples: patients in a caller's words, and what it must say of each."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from booking.triage.documents import LevelName, ProtocolInvalid, SaidPregnant, WordOrNumber
from booking.triage.engine import Assessment, assess, questions_for
from booking.triage.facts import NO, UNKNOWN, Patient, Pregnant, Sex
from booking.triage.lines import Loc, Written, read_yaml
from booking.triage.places import Fault
from booking.triage.protocol import Kind, Level, Protocol, Question
from booking.triage.refusals import near, shaped

FEWEST_OF_A_COMPLAINT, FEWEST = 3, 250
"""A version is signed on no fewer cases than these."""


class _Patient(BaseModel):
    model_config = ConfigDict(extra="forbid")

    age_years: float | None = None
    age_months: float | None = None
    sex: Sex = Sex.UNKNOWN
    pregnant: SaidPregnant = Pregnant.UNKNOWN


class _Case(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    says: str = Field(min_length=10)
    patient: _Patient
    complaints: list[str]
    answers: dict[str, WordOrNumber] = {}
    level: LevelName
    first: str | None = None
    rule: str | None = None


class _Cases(BaseModel):
    model_config = ConfigDict(extra="forbid")

    protocol: str
    version: int
    cases: list[_Case]


@dataclass(frozen=True)
class Case:
    """One caller. Questions that `answers` leaves out were answered calmly: no, first choice.

    Numbers left out are unknown. `first` is the discipline to come first, `rule` one that
    must be among the reasons.
    """

    id: str
    says: str
    patient: Patient
    complaints: tuple[str, ...]
    answers: dict[str, float | str]
    level: Level
    first: str | None
    rule: str | None
    line: int | None = field(default=None, compare=False)
    file: str = field(default="", compare=False)

    def fault(self, text: str) -> Fault:
        """Return what is wrong with it, after its place."""
        return Fault(f"cas « {self.id} » : {text}", self.line, self.file)


def load_cases(path: Path, protocol: Protocol) -> tuple[Case, ...]:
    """Return the cases of this file, written for this protocol.

    Raises:
        ProtocolInvalid: it is not a file of cases, or for another protocol: all that is wrong,
            each with file, line and remedy, in French.
        OSError: the file cannot be read.
    """
    written = read_yaml(path.read_bytes(), path.name)
    doc = shaped(_Cases, written)
    faults = [written.fault(loc, text) for loc, text in _wrong(doc, protocol)]
    if faults:
        raise ProtocolInvalid(*faults)
    return tuple(_case(each, number, written) for number, each in enumerate(doc.cases))


def _wrong(doc: _Cases, protocol: Protocol) -> Iterator[tuple[Loc, str]]:
    if (doc.protocol, doc.version) != (protocol.id, protocol.version):
        yield (
            ("version",),
            (
                f"ces cas sont pour une autre version ({doc.protocol} {doc.version}) ; "
                f"écrivez protocol: {protocol.id} et version: {protocol.version}"
            ),
        )
    rules = {rule.id for rule in protocol.rules}
    for number, case in enumerate(doc.cases):
        here = ("cases", number)
        for complaint in case.complaints:
            if complaint not in protocol.by_complaint:
                remedy = near(complaint, protocol.by_complaint) or " ; enlevez-le"
                yield (*here, "complaints"), f"le motif « {complaint} » n'existe pas{remedy}"
        if case.rule and case.rule not in rules:
            remedy = near(case.rule, rules) or " ; écrivez l'id d'une règle ou d'un signe"
            yield (*here, "rule"), f"la règle « {case.rule} » n'existe pas{remedy}"


def failures(protocol: Protocol, cases: Iterable[Case]) -> list[Fault]:
    """Return every case of which the protocol says something else, and ids that two cases have."""
    every = list(cases)
    ids = Counter(case.id for case in every)
    twice = [c.fault("défini deux fois ; changez l'un des deux id") for c in every if ids[c.id] > 1]
    return [*twice, *(failure for case in every for failure in _differences(protocol, case))]


def missing(protocol: Protocol, cases: Iterable[Case]) -> list[Fault]:
    """Return for what these cases are too few: for a complaint, and all together."""
    every = list(cases)
    told = Counter(complaint for case in every for complaint in case.complaints)
    few = [
        protocol.places.fault(
            f"le motif « {each} » a {told[each]} cas ; écrivez-en au moins {FEWEST_OF_A_COMPLAINT}",
            ("complaint", each),
        )
        for each in protocol.by_complaint
        if told[each] < FEWEST_OF_A_COMPLAINT
    ]
    if len(every) < FEWEST:
        few.append(Fault(f"il y a {len(every)} cas en tout ; écrivez-en au moins {FEWEST}"))
    return few


def assessed(protocol: Protocol, case: Case) -> Assessment:
    """Return what the protocol says of this caller."""
    return assess(protocol, case.patient, case.complaints, answered(protocol, case))


def answered(protocol: Protocol, case: Case) -> dict[str, float | str]:
    """Return the whole sheet of this caller: what was said, and calm answers to all the rest."""
    asked = questions_for(protocol, case.patient, case.complaints).all()
    return {each.id: calmly(each) for each in asked} | case.answers


def calmly(question: Question) -> str:
    """Return the answer of somebody who has nothing to report: no, or the first choice."""
    if question.kind is Kind.CHOICE:
        return question.choices[0][0]
    return NO if question.kind is Kind.YES_NO else UNKNOWN


def _case(doc: _Case, number: int, written: Written) -> Case:
    return Case(
        id=doc.id,
        says=doc.says,
        patient=Patient.aged(
            years=doc.patient.age_years,
            months=doc.patient.age_months,
            sex=doc.patient.sex,
            pregnant=doc.patient.pregnant,
        ),
        complaints=tuple(doc.complaints),
        answers=doc.answers,
        level=doc.level,
        first=doc.first,
        rule=doc.rule,
        line=written.line(("cases", number)),
        file=written.file,
    )


def _differences(protocol: Protocol, case: Case) -> Iterator[Fault]:
    asked = {q.id for q in questions_for(protocol, case.patient, case.complaints).all()}
    for stray in sorted(set(case.answers) - asked):
        remedy = near(stray, asked) or " ; enlevez cette réponse"
        yield case.fault(f"« {stray} » a une réponse mais n'est pas posée à cette personne{remedy}")
    said = assessed(protocol, case)
    because = ", ".join(reason.rule for reason in said.reasons[:3])
    if said.level is not case.level:
        yield case.fault(
            f"{said.level.name} ({because}) au lieu de {case.level.name} ; "
            "corrigez la règle, ou le niveau attendu"
        )
    first = said.routes[0].discipline if said.routes else None
    if first != case.first:
        yield case.fault(
            f"{first or 'personne'} en premier au lieu de {case.first or 'personne'} ; "
            "corrigez la profession, ou `first`"
        )
    if case.rule and case.rule not in {reason.rule for reason in said.reasons}:
        yield case.fault(
            f"« {case.rule} » n'est pas parmi les raisons ({because}) ; corrigez l'un ou l'autre"
        )
