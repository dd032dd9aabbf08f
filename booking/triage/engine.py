"""The evaluator: the gravest of all that holds or might hold, with its trace. Total and pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from booking.triage.facts import (
    ANYBODY,
    NO,
    SURELY,
    SURELY_NOT,
    UNKNOWN,
    Answer,
    Answers,
    Patient,
    Truth,
)
from booking.triage.protocol import (
    FALLBACK,
    GENERAL_PRACTICE,
    Complaint,
    Level,
    Protocol,
    Question,
    Route,
    Rule,
)


class ComplaintUnknown(KeyError):
    """A complaint that this protocol does not have."""


@dataclass(frozen=True)
class Step:
    """One rule, floor or default that was looked at: what it heard, and whether it held."""

    rule: str
    complaint: str | None
    level: Level
    held: Truth
    because: str
    source: str
    heard: tuple[tuple[str, Answer], ...] = ()


@dataclass(frozen=True)
class Reason:
    """A step that counted. `answer` is what was heard to its first question, if it has one."""

    rule: str
    question: str | None
    answer: Answer | None
    level: Level
    because: str


@dataclass(frozen=True)
class Weighed:
    """One list of rules, gone through for one patient: what was heard, and whether each held.

    `complaint` is None for the rules that are looked at whatever the complaint. `counted` are
    those that hold or might hold, `level` is the gravest of them.
    """

    complaint: str | None
    rules: tuple[Rule, ...]
    held: tuple[Truth, ...]
    heard: Mapping[str, Answer]
    counted: tuple[Rule, ...]
    level: Level

    def heard_by(self, rule: Rule) -> tuple[tuple[str, Answer], ...]:
        """Return what was heard to the questions that this rule stands on."""
        asked = (condition.question for condition in rule.when.answers)
        return tuple((each, self.heard[each]) for each in asked if each in self.heard)

    def steps(self) -> Iterator[Step]:
        """Yield every rule with what it heard, and whether it held."""
        for rule, held in zip(self.rules, self.held, strict=True):
            yield Step(
                rule.id,
                self.complaint,
                rule.level,
                held,
                rule.because,
                rule.source,
                self.heard_by(rule),
            )


@dataclass(frozen=True)
class Assessment:
    """What triage says, and why: enough to show, to print, to log and to replay years later.

    `reasons` come gravest first. `routes` are empty when the 15 must be called.
    """

    protocol: str
    version: int
    digest: str
    level: Level
    deadline_hours: int | None
    reasons: tuple[Reason, ...]
    routes: tuple[Route, ...]
    safety_net: str
    weighed: tuple[Weighed, ...] = field(repr=False)

    @cached_property
    def trace(self) -> tuple[Step, ...]:
        """Return all that was looked at, also what did not hold; built when somebody reads it."""
        return tuple(step for each in self.weighed for step in each.steps())


@dataclass(frozen=True)
class Asked:
    """The questions that exist for one patient, in the order to ask them, none twice."""

    universal: tuple[Question, ...]
    stage2: tuple[Question, ...]
    complaint: tuple[Question, ...]

    def all(self) -> tuple[Question, ...]:
        """Return them all, in order."""
        return (*self.universal, *self.stage2, *self.complaint)


def assess(
    protocol: Protocol, patient: Patient, complaints: Sequence[str], answers: Answers
) -> Assessment:
    """Return the gravest of: each complaint's own level, every sign, rule and floor that may hold.

    Total over patients and answers: an answer that is missing, unknown, out of range or
    of another type is a doubt, and a doubt meets every condition. Nothing lowers a level
    once reached. A question that surely does not concern this patient does not exist. A
    patient who is not surely in a complaint's scope contradicts it: its rules then take
    age, sex and pregnancy for unknown. Answers to questions that were not to be asked are ignored.

    Raises:
        ComplaintUnknown: the protocol has no such complaint.
    """
    chosen = _chosen(protocol, complaints)
    general = _weigh(None, protocol.general_rules, protocol.general_questions, patient, answers)
    own = [weigh(complaint, patient, answers) for complaint in chosen]
    weighed = (general, *own)
    level = max([each.level for each in weighed])
    return Assessment(
        protocol=protocol.id,
        version=protocol.version,
        digest=protocol.digest,
        level=level,
        deadline_hours=protocol.hours(level),
        reasons=_reasons(weighed),
        routes=_routes(chosen, own, level, patient),
        safety_net=_safety_net(protocol, chosen, own, level),
        weighed=weighed,
    )


def weigh(complaint: Complaint, patient: Patient, answers: Answers) -> Weighed:
    """Return what one complaint's own level and rules say, without the signs asked of all."""
    who = as_scoped(complaint, patient)
    return _weigh(complaint.id, complaint.weighed, complaint.questions, who, answers)


def questions_for(protocol: Protocol, patient: Patient, complaints: Sequence[str]) -> Asked:
    """Return what to ask this patient. Who names no complaint is asked the questions of «autre».

    Raises:
        ComplaintUnknown: the protocol has no such complaint.
    """
    universal = existing(protocol.universal, patient)
    stage2 = existing(protocol.stage2, patient)
    own: dict[str, Question] = {}
    for complaint in _chosen(protocol, complaints):
        who = as_scoped(complaint, patient)
        own |= {question.id: question for question in existing(complaint.questions, who)}
    before = {question.id for question in (*universal, *stage2)}
    return Asked(universal, stage2, tuple(q for q in own.values() if q.id not in before))


def routes_in_force(
    routes: Iterable[Route], on: date, switched_on: Collection[str] | None = None
) -> tuple[Route, ...]:
    """Return the routes that the law allows on that day, in the same order.

    `switched_on` are the legal rules that a community uses; None is all of them.
    """
    return tuple(
        route
        for route in routes
        if (route.valid_from is None or route.valid_from <= on)
        and (route.valid_until is None or on <= route.valid_until)
        and (route.law is None or switched_on is None or route.law in switched_on)
    )


def existing(questions: Iterable[Question], patient: Patient) -> tuple[Question, ...]:
    """Return the questions that may concern this patient."""
    return tuple([q for q in questions if q.asked_if.is_empty or q.asked_if.hold_for(patient)])


def as_scoped(complaint: Complaint, patient: Patient) -> Patient:
    """Return the patient, or somebody unknown unless the complaint is surely for them."""
    return patient if complaint.scope.hold_for(patient) is SURELY else ANYBODY


def _chosen(protocol: Protocol, complaints: Sequence[str]) -> list[Complaint]:
    """Return them in the order of the file: the order in which they are named means nothing."""
    known = protocol.by_complaint
    for each in complaints:
        if each not in known:
            raise ComplaintUnknown(each)
    named = set(complaints) or {FALLBACK}
    return [known[each] for each in sorted(named, key=protocol.order.__getitem__)]


def _weigh(
    complaint: str | None,
    rules: tuple[Rule, ...],
    questions: tuple[Question, ...],
    patient: Patient,
    answers: Answers,
) -> Weighed:
    heard = {q.id: q.hear(answers.get(q.id, UNKNOWN)) for q in existing(questions, patient)}
    held = tuple(
        [
            # Nearly every rule of a caller with little to report ends here, at one «no».
            SURELY_NOT if heard.get(rule.silenced_by) == NO else rule.when.holds(patient, heard)
            for rule in rules
        ]
    )
    counted = tuple([rule for rule, truth in zip(rules, held, strict=True) if truth])
    level = max([rule.level for rule in counted], default=Level.NOT_UNSCHEDULED)
    return Weighed(complaint, rules, held, heard, counted, level)


def _reasons(weighed: Iterable[Weighed]) -> tuple[Reason, ...]:
    counted = {}
    for each in weighed:
        for rule in each.counted:
            heard = each.heard_by(rule)
            question, answer = heard[0] if heard else (None, None)
            counted[rule.id] = Reason(rule.id, question, answer, rule.level, rule.because)
    return tuple(sorted(counted.values(), key=lambda reason: -reason.level))


def _routes(
    chosen: Sequence[Complaint], own: Sequence[Weighed], level: Level, patient: Patient
) -> tuple[Route, ...]:
    """Return who may receive the gravest complaints; those who can take all of them first."""
    if level.is_emergency:
        return ()
    worst = max([each.level for each in own])
    offers = [
        _offers(complaint, each.heard, level, patient)
        for complaint, each in zip(chosen, own, strict=True)
        if each.level is worst
    ]
    if len(offers) == 1:
        return tuple(dict.fromkeys(offers[0]))
    shared = set.intersection(*({route.discipline for route in offer} for offer in offers))
    every = dict.fromkeys(route for offer in offers for route in offer)
    return tuple(sorted(every, key=lambda route: route.discipline not in shared))


def _offers(
    complaint: Complaint, heard: Mapping[str, Answer], level: Level, patient: Patient
) -> list[Route]:
    sure = [
        route
        for route in complaint.routes
        if level <= route.at_most and route.when.holds(patient, heard) is SURELY
    ]
    has_general_practice = any(r.discipline == "MG" and not r.needs for r in sure)
    return sure if has_general_practice else [*sure, GENERAL_PRACTICE]


def _safety_net(
    protocol: Protocol, chosen: Sequence[Complaint], own: Sequence[Weighed], level: Level
) -> str:
    if level.is_emergency:
        return protocol.emergency_advice
    both = sorted(zip(chosen, own, strict=True), key=lambda each: -each[1].level)
    return "\n".join(dict.fromkeys(complaint.safety_net for complaint, _ in both))
