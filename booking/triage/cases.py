"""A protocol's acceptance examples: patients in a caller's words, and what it must say of each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as DocumentInvalid

from booking.triage.documents import (
    LevelName,
    ProtocolInvalid,
    SaidPregnant,
    WordOrNumber,
    document,
)
from booking.triage.engine import Assessment, assess, questions_for
from booking.triage.facts import NO, Patient, Pregnant, Sex
from booking.triage.protocol import Kind, Level, Protocol, Question


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


def load_cases(path: Path, protocol: Protocol) -> tuple[Case, ...]:
    """Return the cases of this file, written for this protocol.

    Raises:
        ProtocolInvalid: it is not a file of cases, or for another protocol.
        OSError: the file cannot be read.
    """
    try:
        doc = _Cases.model_validate(document(path.read_bytes()))
    except DocumentInvalid as error:
        raise ProtocolInvalid(f"{path.name}: {error}") from error
    if (doc.protocol, doc.version) != (protocol.id, protocol.version):
        raise ProtocolInvalid(f"{path.name}: these cases are for another version")
    return tuple(_case(each) for each in doc.cases)


def failures(protocol: Protocol, cases: Iterable[Case]) -> list[str]:
    """Return, in plain words, every case of which the protocol says something else."""
    return [failure for case in cases for failure in _differences(protocol, case)]


def assessed(protocol: Protocol, case: Case) -> Assessment:
    """Return what the protocol says of this caller."""
    asked = questions_for(protocol, case.patient, case.complaints).all()
    calm: dict[str, float | str] = {each.id: calmly(each) for each in asked}
    return assess(protocol, case.patient, case.complaints, calm | case.answers)


def calmly(question: Question) -> str:
    """Return the answer of somebody who has nothing to report: no, or the first choice."""
    if question.kind is Kind.CHOICE:
        return question.choices[0][0]
    return NO if question.kind is Kind.YES_NO else "unknown"


def _case(doc: _Case) -> Case:
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
    )


def _differences(protocol: Protocol, case: Case) -> Iterator[str]:
    asked = {q.id for q in questions_for(protocol, case.patient, case.complaints).all()}
    for stray in sorted(set(case.answers) - asked):
        yield f"{case.id}: «{stray}» is answered but was not asked"
    said = assessed(protocol, case)
    because = ", ".join(reason.rule for reason in said.reasons[:3])
    if said.level is not case.level:
        yield f"{case.id}: {said.level.name} ({because}), expected {case.level.name}"
    first = said.routes[0].discipline if said.routes else None
    if first != case.first:
        yield f"{case.id}: first {first}, expected {case.first}"
    if case.rule and case.rule not in {reason.rule for reason in said.reasons}:
        yield f"{case.id}: «{case.rule}» is not among the reasons ({because})"
