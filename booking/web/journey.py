"""Pure: what a patient has said so far → which page comes next, and which may be seen at all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from booking.triage.engine import Asked, questions_for
from booking.triage.facts import ANYBODY, UNKNOWN, YES, Facts, Patient, Truth
from booking.triage.protocol import Level, Protocol, Question


class Step(StrEnum):
    """One page of the form; the value stands in its address."""

    SIGNS = "signes"
    BIRTH = "naissance"
    SEX = "sexe"
    PREGNANCY = "grossesse"
    MORE_SIGNS = "signes-suite"
    COMMUNE = "commune"
    COMPLAINT = "motif"
    WORDS = "precision"
    QUESTIONS = "questions"
    AGAIN = "signes-encore"
    REGULAR_DOCTOR = "medecin-traitant"
    APPOINTMENT = "rendez-vous"
    NAME = "nom"
    PHONE = "telephone"
    CHECK = "verifier"

    EMERGENCY = "urgence"
    ADVICE = "conseil"
    CALL_BACK = "rappel"
    BOOKED = "confirme"
    OVER = "fin"


@dataclass(frozen=True)
class State:
    """All that decides which page comes next; nothing that is shown."""

    protocol: Protocol
    patient: Patient = ANYBODY
    answers: Mapping[str, object] = field(default_factory=dict)
    has_birth_date: bool = False
    is_sex_said: bool = False
    is_pregnancy_said: bool = False
    has_commune: bool = False
    complaints: tuple[str, ...] = ()
    words: tuple[Question, ...] = ()
    """Signs that the patient's own words make us ask again, whatever was ticked before."""
    reasked: frozenset[str] = frozenset()
    """Those of them that were answered again, and are not there."""
    level: Level | None = None
    is_too_old: bool = False
    """So much time has passed since the judgement that the signs are asked again."""
    is_doctor_said: bool = False
    has_slot: bool = False
    has_name: bool = False
    has_phone: bool = False
    is_booked: bool = False
    is_over: bool = False

    @property
    def asked(self) -> Asked:
        """Return the questions that exist for this patient with these complaints."""
        return questions_for(self.protocol, self.patient, self.complaints)

    @property
    def next_step(self) -> Step:
        """Return the page that this patient must see now, in the order of `path`."""
        if ended := self._ended():
            return ended
        triage = tuple(self._triage())
        still_open = [step for step, is_done in triage if not is_done]
        if still_open or self.level is None:
            return (still_open or [triage[-1][0]])[0]
        if not self.level.is_bookable:
            return Step.ADVICE
        if self.is_too_old:
            return Step.AGAIN
        return next((step for step, is_done in self._booking() if not is_done), Step.CHECK)

    def _ended(self) -> Step | None:
        """Return the page at which this form has ended, if it has.

        A sign leads to the 15 also where nobody could judge it: no protocol is in force, say.
        """
        if self.is_booked:
            return Step.BOOKED
        if self.is_over:
            return Step.OVER
        is_emergency = self.has_sign if self.level is None else self.level.is_emergency
        return Step.EMERGENCY if is_emergency else None

    @property
    def is_triage_due(self) -> bool:
        """Return whether every question is answered, and nobody has judged the answers yet."""
        return self.level is None and all(is_done for _, is_done in self._triage())

    @property
    def has_sign(self) -> bool:
        """Return whether a warning sign of any stage was ticked, or is in doubt: call the 15."""
        return any(_is_alarming(question, self.answers) for question in self.asked.all())

    def may_see(self, step: Step) -> bool:
        """Return whether this page may be seen now: nobody skips a question, all may go back."""
        now = self.next_step
        if now in (Step.BOOKED, Step.OVER, Step.EMERGENCY) or step is now:
            return step is now
        if step is Step.CALL_BACK:
            return self.level is not None and self.level.is_bookable
        path = self.path
        last = path.index(now) if now in path else len(path) - 1
        return step in path[: last + 1]

    @property
    def path(self) -> tuple[Step, ...]:
        """Return every page of this patient's form, in order; some concern not everybody."""
        triage = tuple(step for step, _ in self._triage())
        if self.level is None or not self.level.is_bookable:
            return triage
        again = (Step.AGAIN,) if self.is_too_old else ()
        return (*triage, *again, *(step for step, _ in self._booking()), Step.CHECK)

    def before(self, step: Step) -> Step | None:
        """Return the page that « Retour » leads to; none from the first one."""
        if step is Step.ADVICE:
            return self.path[-1]
        if step is Step.CALL_BACK:
            return Step.APPOINTMENT
        place = self.path.index(step) if step in self.path else 0
        return self.path[place - 1] if place else None

    def to_correct(self) -> Step:
        """Return the page whose signs lead to the 15, to be answered again; the last, in doubt."""
        pages = {
            Step.SIGNS: self.asked.universal,
            Step.MORE_SIGNS: self.asked.stage2,
            Step.QUESTIONS: self.asked.complaint,
        }
        for step, questions in pages.items():
            if any(_is_alarming(q, self.answers) for q in questions):
                return step
        answered = [s for s, questions in pages.items() if questions and self._heard(questions)]
        return answered[-1] if answered else Step.SIGNS

    def questions_of(self, step: Step) -> tuple[Question, ...]:
        """Return the questions of the protocol that stand on this page."""
        return {
            Step.SIGNS: self.asked.universal,
            Step.MORE_SIGNS: self.asked.stage2,
            Step.WORDS: tuple(sign for sign in self.words if sign.id not in self.reasked),
            Step.QUESTIONS: self.asked.complaint,
            Step.AGAIN: (*self.asked.universal, *self.asked.stage2),
        }.get(step, ())

    def _triage(self) -> Iterator[tuple[Step, bool]]:
        """Yield the pages before triage, each with whether it is done."""
        asked = self.asked
        yield Step.SIGNS, self._is_settled(asked.universal)
        yield Step.BIRTH, self.has_birth_date
        if sex_matters(self.protocol, self.patient):
            yield Step.SEX, self.is_sex_said
        if pregnancy_matters(self.protocol, self.patient):
            yield Step.PREGNANCY, self.is_pregnancy_said
        if asked.stage2:
            yield Step.MORE_SIGNS, self._is_settled(asked.stage2)
        yield Step.COMMUNE, self.has_commune
        yield Step.COMPLAINT, bool(self.complaints)
        if self.words:
            yield Step.WORDS, not self.questions_of(Step.WORDS)
        if asked.complaint:
            yield Step.QUESTIONS, self._heard(asked.complaint)

    def _booking(self) -> Iterator[tuple[Step, bool]]:
        """Yield the pages after triage, each with whether it is done."""
        yield Step.REGULAR_DOCTOR, self.is_doctor_said
        yield Step.APPOINTMENT, self.has_slot
        yield Step.NAME, self.has_name
        yield Step.PHONE, self.has_phone

    def _heard(self, questions: Iterable[Question]) -> bool:
        return all(self.answers.get(question.id) is not None for question in questions)

    def _is_settled(self, signs: tuple[Question, ...]) -> bool:
        """Return whether a page of signs is done: each was answered, and none is alarming."""
        return self._heard(signs) and not any(_is_alarming(s, self.answers) for s in signs)


def sex_matters(protocol: Protocol, patient: Patient) -> bool:
    """Return whether some rule, at this age, depends on the patient's sex or a pregnancy."""
    return any(
        (each.sex is not None or each.pregnant is not None) and _at_this_age(each, patient)
        for each in _all_facts(protocol)
    )


def pregnancy_matters(protocol: Protocol, patient: Patient) -> bool:
    """Return whether some rule depends on a pregnancy that this patient may have."""
    silent = Patient(patient.age_months, patient.sex, older_by_months=patient.older_by_months)
    return silent.is_pregnant() is Truth.MAYBE and any(
        each.pregnant is not None and _at_this_age(each, patient) for each in _all_facts(protocol)
    )


def _at_this_age(each: Facts, patient: Patient) -> bool:
    return Facts(age=each.age).hold_for(patient) is not Truth.NO


def _all_facts(protocol: Protocol) -> Iterator[Facts]:
    for question in protocol.questions.values():
        yield question.asked_if
    for rule in protocol.floors:
        yield rule.when.facts
    for complaint in protocol.complaints:
        yield complaint.scope
        yield from (rule.when.facts for rule in complaint.rules)
        yield from (route.when.facts for route in complaint.routes)


def _is_alarming(question: Question, answers: Mapping[str, object]) -> bool:
    return question.is_red_flag and answers.get(question.id) in (YES, UNKNOWN)
