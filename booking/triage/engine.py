"""The evaluator: the gravest of all that holds or might hold, with its trace. Total and pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from booking.triage.facts import ANYBODY, UNKNOWN, Answer, Answers, Patient, Truth
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

OTHERWISE = "otherwise"
"""How the step of a complaint's own level begins: what it is when no rule holds."""


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
class Assessment:
    """What triage says, and why: enough to show, to print, to log and to replay years later.

    `reasons` come gravest first. `routes` are empty when the 15 must be called. `trace`
    also has what did not hold.
    """

    protocol: str
    version: int
    digest: str
    level: Level
    deadline_hours: int | None
    reasons: tuple[Reason, ...]
    routes: tuple[Route, ...]
    safety_net: str
    trace: tuple[Step, ...]


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
    trace = [*_general(protocol, patient, answers)]
    levels: dict[str, Level] = {}
    for complaint in chosen:
        steps = _looked_at(complaint, patient, answers)
        levels[complaint.id] = max(step.level for step in steps if step.held)
        trace += steps
    level = max(step.level for step in trace if step.held)
    return Assessment(
        protocol=protocol.id,
        version=protocol.version,
        digest=protocol.digest,
        level=level,
        deadline_hours=protocol.hours(level),
        reasons=_reasons(trace),
        routes=_routes(chosen, levels, level, patient, answers),
        safety_net=_safety_net(protocol, chosen, levels, level),
        trace=tuple(trace),
    )


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


def routes_in_force(routes: Iterable[Route], on: date) -> tuple[Route, ...]:
    """Return the routes that the law allows on that day, in the same order."""
    return tuple(
        route
        for route in routes
        if (route.valid_from is None or route.valid_from <= on)
        and (route.valid_until is None or on <= route.valid_until)
    )


def existing(questions: Iterable[Question], patient: Patient) -> tuple[Question, ...]:
    """Return the questions that may concern this patient."""
    return tuple(q for q in questions if q.asked_if.hold_for(patient) is not Truth.NO)


def as_scoped(complaint: Complaint, patient: Patient) -> Patient:
    """Return the patient, or somebody unknown unless the complaint is surely for them."""
    return patient if complaint.scope.hold_for(patient) is Truth.YES else ANYBODY


def _chosen(protocol: Protocol, complaints: Sequence[str]) -> list[Complaint]:
    known = protocol.by_complaint
    for each in complaints:
        if each not in known:
            raise ComplaintUnknown(each)
    named = set(complaints) or {FALLBACK}
    return [complaint for complaint in protocol.complaints if complaint.id in named]


def _hear(questions: Iterable[Question], patient: Patient, answers: Answers) -> dict[str, Answer]:
    return {q.id: q.hear(answers.get(q.id, UNKNOWN)) for q in existing(questions, patient)}


def _general(protocol: Protocol, patient: Patient, answers: Answers) -> list[Step]:
    heard = _hear((*protocol.universal, *protocol.stage2), patient, answers)
    return [_step(rule, None, patient, heard) for rule in protocol.general_rules]


def _looked_at(complaint: Complaint, patient: Patient, answers: Answers) -> list[Step]:
    who = as_scoped(complaint, patient)
    heard = _hear(complaint.questions, who, answers)
    default = Step(
        f"{OTHERWISE}:{complaint.id}",
        complaint.id,
        complaint.otherwise,
        Truth.YES,
        complaint.title,
        complaint.source,
    )
    return [default, *(_step(rule, complaint.id, who, heard) for rule in complaint.all_rules)]


def _step(rule: Rule, complaint: str | None, patient: Patient, heard: Mapping[str, Answer]) -> Step:
    return Step(
        rule.id,
        complaint,
        rule.level,
        rule.when.holds(patient, heard),
        rule.because,
        rule.source,
        tuple((e.question, heard[e.question]) for e in rule.when.answers if e.question in heard),
    )


def _reasons(trace: Iterable[Step]) -> tuple[Reason, ...]:
    counted = {}
    for step in trace:
        if step.held:
            question, answer = step.heard[0] if step.heard else (None, None)
            counted[step.rule] = Reason(step.rule, question, answer, step.level, step.because)
    return tuple(sorted(counted.values(), key=lambda reason: -reason.level))


def _routes(
    chosen: Sequence[Complaint],
    levels: Mapping[str, Level],
    level: Level,
    patient: Patient,
    answers: Answers,
) -> tuple[Route, ...]:
    """Return who may receive the gravest complaints; those who can take all of them first."""
    if level.is_emergency:
        return ()
    gravest = [each for each in chosen if levels[each.id] == max(levels.values())]
    offers = [_offers(complaint, level, patient, answers) for complaint in gravest]
    shared = set.intersection(*({route.discipline for route in offer} for offer in offers))
    every = list(dict.fromkeys(route for offer in offers for route in offer))
    return tuple(sorted(every, key=lambda route: route.discipline not in shared))


def _offers(complaint: Complaint, level: Level, patient: Patient, answers: Answers) -> list[Route]:
    heard = _hear(complaint.questions, as_scoped(complaint, patient), answers)
    sure = [
        route
        for route in complaint.routes
        if level <= route.at_most and route.when.holds(patient, heard) is Truth.YES
    ]
    has_general_practice = any(r.discipline == "MG" and not r.needs for r in sure)
    return sure if has_general_practice else [*sure, GENERAL_PRACTICE]


def _safety_net(
    protocol: Protocol, chosen: Sequence[Complaint], levels: Mapping[str, Level], level: Level
) -> str:
    if level.is_emergency:
        return protocol.emergency_advice
    gravest_first = sorted(chosen, key=lambda complaint: -levels[complaint.id])
    return "\n".join(dict.fromkeys(complaint.safety_net for complaint in gravest_first))
