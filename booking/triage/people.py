"""Whom a protocol is tried on: somebody on each side of every age, of every sort, none twice."""

from collections.abc import Iterable, Iterator

from booking.triage.facts import (
    FIRST_FERTILE_MONTHS,
    LAST_FERTILE_MONTHS,
    OLDEST_MONTHS,
    Facts,
    Patient,
    Pregnant,
    Sex,
)
from booking.triage.protocol import Complaint, Protocol

SEXES, PREGNANCIES = (Sex.FEMALE, Sex.MALE), (Pregnant.NO, Pregnant.YES)
"""Of whom everything is known."""

ADULT_MONTHS = 35 * 12
"""The age of somebody unremarkable, whom fewest rules concern."""


def people(
    conditions: Iterable[Facts],
    *,
    sexes: Iterable[Sex] = Sex,
    pregnancies: Iterable[Pregnant] = Pregnant,
) -> list[Patient]:
    """Return one patient for every way in which these conditions can hold together.

    They stand on each side of every age that a condition names. Two people of whom the same
    conditions hold are one to the engine: only the less remarkable of them is returned.
    """
    distinct = list(dict.fromkeys(conditions))
    every = [
        Patient(age, sex, said) for age in _ages(distinct) for sex in sexes for said in pregnancies
    ]
    every.sort(key=_remarkable)
    found: dict[tuple[int, ...], Patient] = {}
    for patient in every:
        found.setdefault(tuple([facts.hold_for(patient) for facts in distinct]), patient)
    return list(found.values())


def general_conditions(protocol: Protocol) -> Iterator[Facts]:
    """Yield what the signs and floors that are for every complaint ask of the patient."""
    yield from (question.asked_if for question in protocol.general_questions)
    yield from (floor.when.facts for floor in protocol.floors)


def conditions_of(complaint: Complaint) -> Iterator[Facts]:
    """Yield what a complaint asks of the patient, its routes included."""
    yield complaint.scope
    yield from (question.asked_if for question in complaint.questions)
    yield from (rule.when.facts for rule in complaint.rules)
    yield from (route.when.facts for route in complaint.routes)


def _ages(conditions: Iterable[Facts]) -> list[int]:
    edges = {0, 12, ADULT_MONTHS, 110 * 12, FIRST_FERTILE_MONTHS, LAST_FERTILE_MONTHS + 1}
    for facts in conditions:
        edges |= {edge for edge in (facts.age.first, facts.age.below) if edge is not None}
    return sorted({edge + step for edge in edges for step in (-1, 0)} & set(range(OLDEST_MONTHS)))


def _remarkable(patient: Patient) -> tuple[bool, int]:
    """Return a key that puts first those whom fewest rules concern."""
    return patient.pregnant is Pregnant.YES, abs((patient.age_months or 0) - ADULT_MONTHS)
