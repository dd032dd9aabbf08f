"""Triage written as plainly as it can be: nothing kept, nothing skipped, nothing looked up twice.

The engine must say the same; when the two differ, one of them is wrong.
"""

import math

from booking.triage.engine import Reason, Step
from booking.triage.facts import OLDEST_MONTHS, Facts, Patient, Pregnant, Sex, Truth
from booking.triage.protocol import GENERAL_PRACTICE, Kind, Level, Rule, signs_of


def assessed(protocol, patient, complaints, answers):
    """Return level, trace, reasons, routes and safety net."""
    named = set(complaints) or {"autre"}
    chosen = [complaint for complaint in protocol.complaints if complaint.id in named]
    general = [*protocol.universal, *protocol.stage2]
    heard = hear(general, patient, answers)
    trace = [
        step(rule, None, patient, heard) for rule in (*signs_of(tuple(general)), *protocol.floors)
    ]
    levels = {}
    for complaint in chosen:
        steps = steps_of(complaint, patient, answers)
        levels[complaint.id] = max(each.level for each in steps if each.held)
        trace += steps
    level = max(each.level for each in trace if each.held)
    return {
        "level": level,
        "trace": tuple(trace),
        "reasons": reasons(trace),
        "routes": routes(chosen, levels, level, patient, answers),
        "safety_net": safety_net(protocol, chosen, levels, level),
    }


def steps_of(complaint, patient, answers):
    who = scoped(complaint, patient)
    heard = hear(complaint.questions, who, answers)
    default = Step(
        f"otherwise:{complaint.id}",
        complaint.id,
        complaint.otherwise,
        Truth.YES,
        complaint.title,
        complaint.source,
    )
    rules = (*signs_of(complaint.questions), *complaint.rules)
    return [default, *(step(rule, complaint.id, who, heard) for rule in rules)]


def scoped(complaint, patient):
    return patient if facts_hold(complaint.scope, patient) == Truth.YES else Patient()


def hear(questions, patient, answers):
    return {
        question.id: answer_to(question, answers.get(question.id, "unknown"))
        for question in questions
        if facts_hold(question.asked_if, patient) != Truth.NO
    }


def answer_to(question, said):
    if question.kind is Kind.NUMBER:
        if isinstance(said, bool) or not isinstance(said, int | float | str):
            return "unknown"
        try:
            number = float(said.replace(",", ".") if isinstance(said, str) else said)
        except (ValueError, OverflowError):
            return "unknown"
        low = -math.inf if question.lowest is None else question.lowest
        high = math.inf if question.highest is None else question.highest
        return number if low <= number <= high and math.isfinite(number) else "unknown"
    known = ["yes", "no"] if question.kind is Kind.YES_NO else [c for c, _ in question.choices]
    return said if isinstance(said, str) and said in known else "unknown"


def step(rule: Rule, complaint, patient, heard):
    said = tuple(
        (each.question, heard[each.question])
        for each in rule.when.answers
        if each.question in heard
    )
    return Step(
        rule.id,
        complaint,
        rule.level,
        when_holds(rule.when, patient, heard),
        rule.because,
        rule.source,
        said,
    )


def when_holds(when, patient, heard):
    met = [
        answer_meets(each, heard[each.question]) if each.question in heard else Truth.NO
        for each in when.answers
    ]
    return min([facts_hold(when.facts, patient), *met])


def answer_meets(condition, answer):
    if answer == "unknown":
        return Truth.MAYBE
    if isinstance(answer, str):
        return Truth.of(answer in condition.accepted)
    low = -math.inf if condition.at_least is None else condition.at_least
    high = math.inf if condition.below is None else condition.below
    return Truth.of(not condition.accepted and low <= answer < high)


def facts_hold(facts: Facts, patient: Patient):
    wanted = [age_is(patient, facts.age.first or 0, facts.age.below or math.inf)]
    if facts.sex is not None:
        wanted.append(sex_is(patient, facts.sex))
    if facts.pregnant is not None:
        said = pregnancy(patient)
        wanted.append(said if facts.pregnant else Truth(Truth.YES - said))
    return min(wanted)


def age_is(patient, low, high):
    if patient.age_months is None or not 0 <= patient.age_months <= OLDEST_MONTHS:
        return Truth.YES if low == 0 and high > OLDEST_MONTHS else Truth.MAYBE
    ages = range(patient.age_months, patient.age_months + patient.older_by_months + 1)
    within = [low <= age < high for age in ages]
    return Truth.YES if all(within) else Truth.MAYBE if any(within) else Truth.NO


def sex_is(patient, sex):
    return Truth.MAYBE if patient.sex is Sex.UNKNOWN else Truth.of(patient.sex is sex)


def pregnancy(patient):
    if Truth.NO in (age_is(patient, 120, 61 * 12), sex_is(patient, Sex.FEMALE)):
        return Truth.MAYBE if patient.pregnant is Pregnant.YES else Truth.NO
    if patient.pregnant is Pregnant.UNKNOWN:
        return Truth.MAYBE
    return Truth.of(patient.pregnant is not Pregnant.NO)


def reasons(trace):
    counted = {}
    for each in trace:
        if each.held:
            question, answer = each.heard[0] if each.heard else (None, None)
            counted[each.rule] = Reason(each.rule, question, answer, each.level, each.because)
    return tuple(sorted(counted.values(), key=lambda reason: -reason.level))


def routes(chosen, levels, level, patient, answers):
    if level >= Level.CALL_15_ADVICE:
        return ()
    gravest = [each for each in chosen if levels[each.id] == max(levels.values())]
    offers = [offered(complaint, level, patient, answers) for complaint in gravest]
    shared = set.intersection(*({route.discipline for route in offer} for offer in offers))
    every = list(dict.fromkeys(route for offer in offers for route in offer))
    return tuple(sorted(every, key=lambda route: route.discipline not in shared))


def offered(complaint, level, patient, answers):
    heard = hear(complaint.questions, scoped(complaint, patient), answers)
    sure = [
        route
        for route in complaint.routes
        if level <= route.at_most and when_holds(route.when, patient, heard) == Truth.YES
    ]
    has_general_practice = any(r.discipline == "MG" and not r.needs for r in sure)
    return sure if has_general_practice else [*sure, GENERAL_PRACTICE]


def safety_net(protocol, chosen, levels, level):
    if level >= Level.CALL_15_ADVICE:
        return protocol.emergency_advice
    gravest_first = sorted(chosen, key=lambda complaint: -levels[complaint.id])
    return "\n".join(dict.fromkeys(complaint.safety_net for complaint in gravest_first))
