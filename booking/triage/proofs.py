"""Tries a protocol on constructed patients: no rule is idle, no doubt reassures, silence is the 15.

What cannot be tried entirely (all answers of all patients) is sampled by Hypothesis in the tests.
"""

from collections.abc import Collection, Iterator, Mapping

from booking.triage import shape
from booking.triage.engine import Assessment, as_scoped, assess, existing
from booking.triage.facts import (
    NO,
    UNKNOWN,
    YES,
    Answer,
    Heard,
    Patient,
    Pregnant,
    Sex,
    Truth,
    When,
)
from booking.triage.protocol import (
    FALLBACK,
    Complaint,
    Kind,
    Level,
    Protocol,
    Question,
    Route,
    Rule,
)

Sheet = dict[str, Answer]

NONSENSE = "§"
"""An answer that no question knows."""


def prove(protocol: Protocol, disciplines: Collection[str]) -> list[str]:
    """Return in plain words everything that is wrong with this protocol; nothing when it is sound.

    `disciplines` are the codes that routes may name.
    """
    return [*shape.failures(protocol, disciplines), *_Trial(protocol).failures()]


def warnings(protocol: Protocol) -> list[str]:
    """Return what is allowed but should be known to who signs the protocol."""
    return [*shape.warnings(protocol), *_Trial(protocol).calm_emergencies()]


class _Trial:
    """One protocol, and the people it is tried on."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.people = shape.people(
            protocol, sexes=(Sex.FEMALE, Sex.MALE), pregnant=(Pregnant.NO, Pregnant.YES)
        )
        self.people.sort(key=_unremarkable)
        self._sheets: dict[str, Sheet] = {}

    def failures(self) -> Iterator[str]:
        """Yield every property that fails, with the place."""
        yield from self._general_rules()
        for complaint in self.protocol.complaints:
            yield from self._questions(complaint)
            yield from self._rules(complaint)
            yield from self._otherwise(complaint)
            yield from self._routes(complaint)
            yield from self._doubts(complaint)
            yield from self._silence(complaint)

    def calm_emergencies(self) -> Iterator[str]:
        """Yield the rules that send somebody to the 15 who has nothing to report."""
        for complaint in self.protocol.complaints:
            found = {
                step.rule
                for patient in self._within(complaint)
                for step in self._said(complaint, patient, {}).trace
                if step.held and step.level.is_emergency
            }
            for rule in sorted(found):
                yield f"{complaint.id}: «{rule}» sends to the 15 although every answer is calm"

    def _within(self, complaint: Complaint) -> Iterator[Patient]:
        return (p for p in self.people if complaint.scope.hold_for(p) is Truth.YES)

    def _said(
        self, complaint: Complaint, patient: Patient, but: Mapping[str, Answer]
    ) -> Assessment:
        sheet = {**self._calm(complaint), **but}
        return assess(self.protocol, patient, [complaint.id], sheet)

    def _calm(self, complaint: Complaint) -> Sheet:
        if complaint.id not in self._sheets:
            questions = (*self.protocol.universal, *self.protocol.stage2, *complaint.questions)
            calm = {each.id: self._calmest(complaint, each) for each in questions}
            self._sheets[complaint.id] = calm
        return self._sheets[complaint.id]

    def _calmest(self, complaint: Complaint, question: Question) -> Answer:
        """Return the answer that meets the least grave of the complaint's conditions on it."""
        if question.level is not None:
            return NO
        return min(
            _candidates(complaint, question), key=lambda said: _weight(complaint, question, said)
        )

    def _general_rules(self) -> Iterator[str]:
        for question in (*self.protocol.universal, *self.protocol.stage2):
            if question.level is None:
                yield f"«{question.id}» is asked of all but decides nothing"
        for rule in self.protocol.general_rules:
            if not any(self._counts(complaint, rule) for complaint in self._calm_first()):
                yield f"«{rule.id}» never makes a difference"

    def _calm_first(self) -> list[Complaint]:
        return sorted(self.protocol.complaints, key=lambda complaint: complaint.otherwise)

    def _questions(self, complaint: Complaint) -> Iterator[str]:
        used = {
            heard.question
            for when in (*(r.when for r in complaint.rules), *(r.when for r in complaint.routes))
            for heard in when.answers
        }
        for question in complaint.questions:
            if question.level is None and question.id not in used:
                yield f"{complaint.id}: «{question.id}» is asked but changes nothing"

    def _rules(self, complaint: Complaint) -> Iterator[str]:
        for rule in complaint.all_rules:
            if not any(self._meeting(complaint, rule.when)):
                yield f"{complaint.id}: «{rule.id}» can never hold"
            elif rule.level <= complaint.otherwise:
                yield f"{complaint.id}: «{rule.id}» is no graver than when nothing holds"
            elif not self._counts(complaint, rule):
                yield f"{complaint.id}: «{rule.id}» never makes a difference"

    def _counts(self, complaint: Complaint, rule: Rule) -> bool:
        """Return whether somebody's level would be lower without this rule."""
        for patient, but in self._meeting(complaint, rule.when):
            said = self._said(complaint, patient, but)
            others = [s.level for s in said.trace if s.held and s.rule != rule.id]
            if said.level == rule.level > max(others):
                return True
        return False

    def _meeting(self, complaint: Complaint, when: When) -> Iterator[tuple[Patient, Sheet]]:
        """Yield people with answers that surely meet this condition."""
        for patient in self._within(complaint):
            sheet = {heard.question: self._meets(heard) for heard in when.answers}
            signs = (*self.protocol.universal, *self.protocol.stage2)
            asked = existing((*signs, *complaint.questions), as_scoped(complaint, patient))
            heard_by = {q.id: q.hear(sheet[q.id]) for q in asked if q.id in sheet}
            if when.holds(patient, heard_by) is Truth.YES:
                yield patient, sheet

    def _meets(self, heard: Heard) -> Answer:
        if heard.accepted:
            return min(heard.accepted)
        question = self.protocol.questions[heard.question]
        options = [*_edges(heard), question.lowest, question.highest]
        met = [x for x in options if x is not None and heard.holds(x) is Truth.YES]
        return met[0] if met else UNKNOWN

    def _otherwise(self, complaint: Complaint) -> Iterator[str]:
        own = (
            max(s.level for s in self._said(complaint, patient, {}).trace if s.held and s.complaint)
            for patient in self._within(complaint)
        )
        if complaint.otherwise not in own:
            yield f"{complaint.id}: nobody reaches {complaint.otherwise.name}, however calm"

    def _routes(self, complaint: Complaint) -> Iterator[str]:
        if complaint.otherwise.is_emergency:
            return
        for route in complaint.routes:
            if not self._is_offered(complaint, route):
                yield f"{complaint.id}: {route.discipline} ({route.requires}) is never offered"

    def _is_offered(self, complaint: Complaint, route: Route) -> bool:
        return any(
            route in self._said(complaint, patient, but).routes
            for patient, but in self._meeting(complaint, route.when)
        )

    def _doubts(self, complaint: Complaint) -> Iterator[str]:
        """Yield the questions where a doubt, or nonsense, is less urgent than an answer."""
        general = (*self.protocol.universal, *self.protocol.stage2)
        everywhere = general if complaint.id == FALLBACK else ()
        for question in (*everywhere, *complaint.questions):
            if any(
                self._reassures(complaint, question, p) for p in self._asked_of(complaint, question)
            ):
                yield f"{complaint.id}: not knowing «{question.id}» reassures"

    def _asked_of(self, complaint: Complaint, question: Question) -> list[Patient]:
        within = [p for p in self._within(complaint) if question.asked_if.hold_for(p)]
        return within[:: max(1, len(within) // 3)]

    def _reassures(self, complaint: Complaint, question: Question, patient: Patient) -> bool:
        answers = [YES, *_candidates(complaint, question)]
        worst = max(self._said(complaint, patient, {question.id: said}).level for said in answers)
        doubts = (UNKNOWN, NONSENSE, 1e300)
        return any(self._said(complaint, patient, {question.id: d}).level < worst for d in doubts)

    def _silence(self, complaint: Complaint) -> Iterator[str]:
        for patient in (*self.people, Patient()):
            if assess(self.protocol, patient, [complaint.id], {}).level is not Level.CALL_15:
                yield f"{complaint.id}: an empty form is not sent to the 15"
                return


def _unremarkable(patient: Patient) -> tuple[bool, int]:
    """Return a key that puts first those whom fewest rules concern."""
    return patient.pregnant is Pregnant.YES, abs((patient.age_months or 0) - 30 * 12)


def _candidates(complaint: Complaint, question: Question) -> list[Answer]:
    """Return answers among which every condition on this question changes its mind."""
    if question.kind is Kind.YES_NO:
        return [NO, YES]
    if question.kind is Kind.CHOICE:
        return [choice for choice, _ in question.choices]
    named = [
        edge
        for rule in complaint.rules
        for h in rule.when.answers
        for edge in _edges(h)
        if h.question == question.id
    ]
    limits = [each for each in (question.lowest, question.highest) if each is not None]
    return [*limits, *named]


def _edges(heard: Heard) -> list[float]:
    return [
        each
        for each in (heard.at_least, None if heard.below is None else heard.below - 0.1)
        if each is not None
    ]


def _weight(complaint: Complaint, question: Question, said: Answer) -> int:
    """Return the gravest level whose conditions this answer meets."""
    return max(
        (
            rule.level
            for rule in complaint.rules
            for heard in rule.when.answers
            if heard.question == question.id and heard.holds(said)
        ),
        default=Level.NOT_UNSCHEDULED,
    )
