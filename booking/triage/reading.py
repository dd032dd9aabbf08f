"""How long a protocol takes to read aloud: each stage, each complaint, each whole call."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from booking.triage.engine import existing, questions_for
from booking.triage.facts import Facts, Patient, Pregnant, Sex, Truth
from booking.triage.people import PREGNANCIES, SEXES, conditions_of, general_conditions, people
from booking.triage.protocol import Complaint, Protocol, Question

WORDS_A_MINUTE = 160
"""Reading aloud without haste: `reference/ux.md` §2.2."""

TYPICAL = Patient.aged(years=35, sex=Sex.FEMALE, pregnant=Pregnant.NO)
"""Of whom most stage 2 signs are asked among adults whom nothing sets apart."""


@dataclass(frozen=True)
class Aloud:
    """Some questions read to one person."""

    questions: int
    words: int

    @property
    def seconds(self) -> int:
        """How long they take, in whole seconds, without the answers."""
        return round(60 * self.words / WORDS_A_MINUTE)


@dataclass(frozen=True)
class Path:
    """One complaint's whole call, from the first sign: of a typical person, and the longest."""

    complaint: str
    title: str
    typical: Aloud
    longest: Aloud
    longest_for: Patient


@dataclass(frozen=True)
class Paths:
    """Every complaint's path in the file's order; median and longest are of typical persons."""

    universal: Aloud
    stage2: Aloud
    stage2_longest: Aloud
    each: tuple[Path, ...]

    @property
    def median_seconds(self) -> float:
        """How long half of the complaints take at most."""
        return median(path.typical.seconds for path in self.each)

    @property
    def longest(self) -> Path:
        """Return the path that takes longest for anybody at all."""
        return max(self.each, key=lambda path: path.longest.words)


def aloud(questions: Iterable[Question]) -> Aloud:
    """Return what reading these takes. The choices of a question are read too."""
    read = list(questions)
    return Aloud(len(read), sum(each.words + _choices(each) for each in read))


def universal(protocol: Protocol) -> Aloud:
    """Return what stage 1 takes."""
    return aloud(protocol.universal)


def stage2(protocol: Protocol, patient: Patient) -> Aloud:
    """Return what stage 2 takes for this patient."""
    return aloud(existing(protocol.stage2, patient))


def complaint(protocol: Protocol, patient: Patient, named: str) -> Aloud:
    """Return what a complaint's own questions take for this patient, after both stages.

    Raises:
        ComplaintUnknown: the protocol has no such complaint.
    """
    return aloud(questions_for(protocol, patient, [named]).complaint)


def paths(protocol: Protocol) -> Paths:
    """Return what each whole call takes."""
    everybody = _known(sign.asked_if for sign in protocol.stage2)
    return Paths(
        universal=universal(protocol),
        stage2=stage2(protocol, TYPICAL),
        stage2_longest=max((stage2(protocol, p) for p in everybody), key=lambda a: a.words),
        each=tuple(_path(protocol, each) for each in protocol.complaints),
    )


def _path(protocol: Protocol, complaint: Complaint) -> Path:
    conditions = [*general_conditions(protocol), *conditions_of(complaint)]
    within = [p for p in _known(conditions) if complaint.scope.hold_for(p) is Truth.YES]
    typical = min([TYPICAL, *within], key=lambda p: _unlikeness(complaint, p))
    longest = max(within or [typical], key=lambda p: _whole(protocol, complaint, p).words)
    return Path(
        complaint.id,
        complaint.title,
        _whole(protocol, complaint, typical),
        _whole(protocol, complaint, longest),
        longest,
    )


def _known(conditions: Iterable[Facts]) -> list[Patient]:
    """Return people whose age, sex and pregnancy are known: whoever reads aloud asked them."""
    return people(conditions, sexes=SEXES, pregnancies=PREGNANCIES)


def _whole(protocol: Protocol, complaint: Complaint, patient: Patient) -> Aloud:
    return aloud(questions_for(protocol, patient, [complaint.id]).all())


def _unlikeness(complaint: Complaint, patient: Patient) -> tuple[bool, bool, int]:
    """Return a key that puts first whoever the complaint is for and is most like `TYPICAL`."""
    is_another = complaint.scope.hold_for(patient) is not Truth.YES
    years_apart = abs((patient.age_months or 0) - (TYPICAL.age_months or 0))
    return is_another, patient.pregnant is not TYPICAL.pregnant, years_apart


def _choices(question: Question) -> int:
    return sum(len(text.split()) for _, text in question.choices)
