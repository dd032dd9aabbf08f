"""Tries a protocol on constructed patients: no rule is idle, no doubt reassures, silence is the 15.

What cannot be tried entirely (all answers of all patients) is sampled by Hypothesis in the tests.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property

from booking.triage import shape
from booking.triage.engine import Assessment, as_scoped, assess, existing, weigh
from booking.triage.facts import NO, UNKNOWN, YES, Answer, Heard, Patient, Truth, When
from booking.triage.people import PREGNANCIES, SEXES, conditions_of, general_conditions, people
from booking.triage.places import Fault, Part
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

DOUBTS: tuple[Answer, ...] = (UNKNOWN, "§", 1e300)
"""Not knowing, and answers that no question knows."""


def prove(protocol: Protocol, disciplines: Collection[str]) -> list[Fault]:
    """Return in plain French everything that is wrong with this protocol; nothing when it is sound.

    `disciplines` are the codes that routes may name.
    """
    trials = [_Trial(protocol, complaint) for complaint in protocol.complaints]
    own = (fault for trial in trials for fault in trial.failures())
    return [*shape.failures(protocol, disciplines), *_general_rules(protocol, trials), *own]


def warnings(protocol: Protocol) -> list[Fault]:
    """Return what is allowed but should be known to who signs the protocol."""
    trials = [_Trial(protocol, complaint) for complaint in protocol.complaints]
    calm = (fault for trial in trials for fault in trial.calm_emergencies())
    return [*shape.warnings(protocol), *calm]


def _general_rules(protocol: Protocol, trials: Iterable["_Trial"]) -> Iterator[Fault]:
    """Yield the signs of stages 1 and 2 and the floors that change nothing in any complaint."""
    for question in protocol.general_questions:
        if question.level is None:
            yield protocol.places.fault(
                f"« {question.id} » est lue à tous mais ne décide de rien ; "
                "donnez-lui un niveau (level), ou enlevez-la",
                ("question", question.id),
            )
    calm_first = sorted(trials, key=lambda trial: trial.complaint.otherwise)
    for rule in protocol.general_rules:
        if not any(trial.counts(rule) for trial in calm_first):
            yield protocol.places.fault(
                f"« {rule.id} » ne change jamais un niveau ; montez son niveau, "
                "changez sa condition, ou enlevez-le",
                ("rule", rule.id),
                ("question", rule.id),
            )


class _Trial:
    """One complaint, and the people it is tried on."""

    def __init__(self, protocol: Protocol, complaint: Complaint) -> None:
        self.protocol = protocol
        self.complaint = complaint

    @cached_property
    def everybody(self) -> list[Patient]:
        """Return people for every way in which the conditions on the patient can hold."""
        conditions = (*general_conditions(self.protocol), *conditions_of(self.complaint))
        return people(conditions, sexes=SEXES, pregnancies=PREGNANCIES)

    @cached_property
    def within(self) -> list[Patient]:
        """Return those for whom the complaint surely is."""
        return [p for p in self.everybody if self.complaint.scope.hold_for(p) is Truth.YES]

    @cached_property
    def calm(self) -> Sheet:
        """Return for each question the answer that meets the least grave of the conditions."""
        asked = (*self.protocol.general_questions, *self.complaint.questions)
        return {each.id: self._calmest(each) for each in asked}

    def failures(self) -> Iterator[Fault]:
        """Yield every property that fails, with the place."""
        if not self.within:
            yield self._fault("son scope n'est celui de personne ; corrigez-le")
            return
        yield from self._questions()
        yield from self._rules()
        yield from self._levels()
        yield from self._routes()
        yield from self._doubts()
        yield from self._silence()

    def calm_emergencies(self) -> Iterator[Fault]:
        """Yield the rules that send somebody to the 15 who has nothing to report."""
        found = {
            step.rule: step
            for patient in self.within
            for step in self._said(patient, {}).trace
            if step.held and step.level.is_emergency
        }
        for rule in sorted(found):
            yield self._fault(
                f"« {rule} » envoie au 15 alors que toutes les réponses sont calmes",
                ("rule", rule),
            )

    def counts(self, rule: Rule) -> bool:
        """Return whether somebody's level would be lower without this rule."""
        for patient, but in self._meeting(rule.when):
            said = self._said(patient, but)
            others = [s.level for s in said.trace if s.held and s.rule != rule.id]
            if said.level == rule.level > max(others):
                return True
        return False

    def _fault(self, text: str, *parts: Part) -> Fault:
        named = self.complaint.id
        return self.protocol.places.fault(f"{named} : {text}", *parts, ("complaint", named))

    def _said(self, patient: Patient, but: Mapping[str, Answer]) -> Assessment:
        return assess(self.protocol, patient, [self.complaint.id], {**self.calm, **but})

    def _calmest(self, question: Question) -> Answer:
        if question.level is not None:
            return NO
        candidates = _candidates(self.complaint, question)
        return min(candidates, key=lambda said: _weight(self.complaint, question, said))

    def _questions(self) -> Iterator[Fault]:
        """Yield the questions whose answer changes neither a level nor who may receive."""
        for question in self.complaint.questions:
            if question.level is None and not self._matters(question):
                yield self._fault(
                    f"« {question.id} » est posée mais ne change rien ; "
                    "citez-la dans une règle, ou enlevez-la",
                    ("asked", self.complaint.id, question.id),
                )

    def _matters(self, question: Question) -> bool:
        using = [when for when in _whens(self.complaint) if _on(question.id, when)]
        answers = _candidates(self.complaint, question)
        for patient, but in (met for when in using for met in self._meeting(when)):
            said = [self._said(patient, {**but, question.id: answer}) for answer in answers]
            if len({(each.level, each.routes) for each in said}) > 1:
                return True
        return False

    def _rules(self) -> Iterator[Fault]:
        for rule in self.complaint.all_rules:
            fault = self._fault_of(rule)
            if fault:
                places: tuple[Part, ...] = (
                    ("rule", rule.id),
                    ("asked", self.complaint.id, rule.id),
                )
                yield self._fault(f"« {rule.id} » {fault}", *places)

    def _fault_of(self, rule: Rule) -> str | None:
        if not any(self._meeting(rule.when)):
            return "ne peut jamais être vraie ; corrigez sa condition, ou enlevez-la"
        if rule.level <= self.complaint.otherwise:
            return "n'est pas plus grave que `otherwise` ; montez son niveau, ou enlevez-la"
        if not self.counts(rule):
            return (
                "ne change jamais un niveau : une autre règle, au moins aussi grave, est toujours "
                "vraie en même temps ; changez sa condition, ou enlevez-la"
            )
        return None

    def _levels(self) -> Iterator[Fault]:
        """Yield the levels that the complaint declares and that nobody reaches."""
        declared = {rule.level for rule in self.complaint.weighed}
        for rule in self.complaint.weighed:
            for patient, but in self._meeting(rule.when):
                if rule.level not in declared:
                    break
                declared.discard(self._said(patient, but).level)
        for level in sorted(declared):
            yield self._fault(
                f"personne n'atteint {level.name}, même avec les réponses les plus calmes ; "
                "baissez ou enlevez les règles qui le dépassent toujours",
                *([("otherwise", self.complaint.id)] if level is self.complaint.otherwise else []),
            )

    def _meeting(self, when: When) -> Iterator[tuple[Patient, Sheet]]:
        """Yield people with answers that surely meet this condition."""
        sheet = {heard.question: self._meets(heard.question, when) for heard in when.answers}
        for patient in self.within:
            asked = existing(
                (*self.protocol.general_questions, *self.complaint.questions),
                as_scoped(self.complaint, patient),
            )
            heard_by = {q.id: q.hear(sheet[q.id]) for q in asked if q.id in sheet}
            if when.holds(patient, heard_by) is Truth.YES:
                yield patient, sheet

    def _meets(self, question: str, when: When) -> Answer:
        """Return an answer that meets all that this condition wants of one question."""
        asked, wanted = self.protocol.questions[question], _on(question, when)
        options: list[Answer] = [*sorted(asked.words_known)]
        if asked.kind is Kind.NUMBER:
            limits = [asked.lowest, asked.highest]
            options = [x for x in (*_all_edges(wanted), *limits) if x is not None]
        met = (x for x in options if all(each.holds(asked.hear(x)) is Truth.YES for each in wanted))
        return next(met, UNKNOWN)

    def _routes(self) -> Iterator[Fault]:
        if self.complaint.otherwise.is_emergency:
            return
        for number, route in enumerate(self.complaint.routes):
            if not self._is_offered(route):
                law = f" ({route.law})" if route.law else ""
                yield self._fault(
                    f"{route.discipline}{law} n'est jamais proposé ; "
                    "corrigez sa condition ou at_most, ou enlevez-le",
                    ("route", self.complaint.id, str(number)),
                )

    def _is_offered(self, route: Route) -> bool:
        return any(
            route in self._said(patient, but).routes for patient, but in self._meeting(route.when)
        )

    def _doubts(self) -> Iterator[Fault]:
        """Yield the questions where a doubt, or nonsense, is less urgent than an answer."""
        own = people(conditions_of(self.complaint), sexes=SEXES, pregnancies=PREGNANCIES)
        tried = [p for p in own if self.complaint.scope.hold_for(p) is Truth.YES]
        reassuring = [q for q in self.complaint.questions if self._reassures(q, tried, self._own)]
        if self.complaint.id == FALLBACK:
            general = self.protocol.general_questions
            reassuring += [q for q in general if self._reassures(q, self.within, self._whole)]
        for question in reassuring:
            yield self._fault(
                f"ne pas savoir « {question.id} » rassure ; c'est une faute du programme : "
                "prévenez ses auteurs",
                ("question", question.id),
            )

    def _reassures(
        self, question: Question, within: list[Patient], level: Callable[[Patient, Sheet], Level]
    ) -> bool:
        asked = [p for p in (*within, Patient()) if question.asked_if.hold_for(p)]
        answers = {YES, *_candidates(self.complaint, question)}
        for patient in asked:
            worst = max(level(patient, {question.id: said}) for said in answers)
            # Every sort of doubt is tried on the first, the plain one on all.
            for doubt in DOUBTS if patient is asked[0] else DOUBTS[:1]:
                if level(patient, {question.id: doubt}) < worst:
                    return True
        return False

    def _own(self, patient: Patient, but: Sheet) -> Level:
        return weigh(self.complaint, patient, {**self.calm, **but}).level

    def _whole(self, patient: Patient, but: Sheet) -> Level:
        return self._said(patient, but).level

    def _silence(self) -> Iterator[Fault]:
        for patient in (*self.everybody, Patient()):
            if assess(self.protocol, patient, [self.complaint.id], {}).level is not Level.CALL_15:
                yield self._fault(
                    "un questionnaire vide n'envoie pas au 15 ; donnez CALL_15 à un signe "
                    "de l'étape 1"
                )
                return


def _candidates(complaint: Complaint, question: Question) -> list[Answer]:
    """Return answers among which every condition on this question changes its mind."""
    if question.kind is Kind.YES_NO:
        return [NO, YES]
    if question.kind is Kind.CHOICE:
        return [choice for choice, _ in question.choices]
    named = [edge for when in _whens(complaint) for edge in _all_edges(_on(question.id, when))]
    limits = [each for each in (question.lowest, question.highest) if each is not None]
    return [*limits, *named]


def _whens(complaint: Complaint) -> list[When]:
    return [*(rule.when for rule in complaint.rules), *(route.when for route in complaint.routes)]


def _on(question: str, when: When) -> list[Heard]:
    return [heard for heard in when.answers if heard.question == question]


def _all_edges(conditions: Iterable[Heard]) -> list[float]:
    edges = ((h.at_least, None if h.below is None else h.below - 0.1) for h in conditions)
    return [edge for both in edges for edge in both if edge is not None]


def _weight(complaint: Complaint, question: Question, said: Answer) -> int:
    """Return the gravest level whose conditions this answer meets."""
    return max(
        (
            rule.level
            for rule in complaint.rules
            for heard in _on(question.id, rule.when)
            if heard.holds(said)
        ),
        default=Level.NOT_UNSCHEDULED,
    )
