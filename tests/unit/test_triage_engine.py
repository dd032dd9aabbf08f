from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from booking.triage import engine
from booking.triage.engine import ComplaintUnknown, assess, questions_for
from booking.triage.facts import NO, Patient, Pregnant, Sex, Truth
from booking.triage.protocol import Level, Rule
from tests.unit import triage_reference
from tests.unit.triage_builders import (
    a_document,
    levels,
    names,
    patients,
    protocols,
    said,
    sheets,
    whens,
    written,
)

ADULT = Patient.aged(years=40, sex=Sex.MALE)
CALM = {"u_mal": "no", "salive": "no", "fievre": "no", "duree": "court", "degres": 37}


def small():
    return written(a_document())


@given(protocols(), patients, names, sheets, st.booleans())
def test_the_engine_says_what_the_plainest_triage_says(protocol, who, chosen, sheet, is_calm):
    if is_calm:  # otherwise nearly everybody is sent to the 15, whom nobody receives
        sheet = {**sheet, "u": "no"}
    plainly = triage_reference.assessed(protocol, who, chosen, sheet)

    assessment = assess(protocol, who, chosen, sheet)

    assert {said: getattr(assessment, said) for said in plainly} == plainly


@given(protocols(), patients, names, sheets, st.data())
def test_in_no_protocol_does_an_answer_weigh_more_than_not_knowing(
    protocol, who, chosen, sheet, data
):
    asked = data.draw(st.sampled_from(sorted(protocol.questions)))
    doubt = data.draw(st.sampled_from(["unknown", None, "perhaps", float("inf"), []]))

    certain = assess(protocol, who, chosen, sheet).level
    doubtful = assess(protocol, who, chosen, {**sheet, asked: doubt}).level
    silent = assess(protocol, who, chosen, {k: v for k, v in sheet.items() if k != asked}).level

    assert doubtful >= certain
    assert silent >= certain


@given(protocols(), patients, names, sheets, st.sampled_from(["age_months", "sex", "pregnant"]))
def test_in_no_protocol_does_a_fact_weigh_more_than_not_knowing_it(
    protocol, who, chosen, sheet, fact
):
    is_contradictory = who.pregnant is Pregnant.YES and who.is_pregnant() is not Truth.YES
    assume(not is_contradictory)
    unknown = {"age_months": None, "sex": Sex.UNKNOWN, "pregnant": Pregnant.UNKNOWN}[fact]

    certain = assess(protocol, who, chosen, sheet).level
    doubtful = assess(protocol, replace(who, **{fact: unknown}), chosen, sheet).level

    assert doubtful >= certain


@given(protocols(), patients, names, sheets, st.sampled_from(["un", "deux", "autre"]))
def test_a_second_complaint_never_lowers_the_level(protocol, who, chosen, sheet, added):
    before = assess(protocol, who, chosen, sheet).level

    after = assess(protocol, who, [*chosen, added], sheet).level

    assert after >= before


@given(protocols(), patients, names, sheets, st.data())
def test_a_rule_more_never_lowers_the_level(protocol, who, chosen, sheet, data):
    first, *others = protocol.complaints
    rule = Rule(
        "de_plus", data.draw(levels), data.draw(whens(list(first.questions))), "parce que", "s"
    )
    longer = replace(protocol, complaints=(replace(first, rules=(*first.rules, rule)), *others))

    assert assess(longer, who, chosen, sheet).level >= assess(protocol, who, chosen, sheet).level


@given(protocols(), patients, names)
def test_an_empty_form_is_sent_to_the_15(protocol, who, chosen):
    assert assess(protocol, who, chosen, {}).level is Level.CALL_15


@given(protocols(), patients, names, sheets)
def test_the_order_in_which_things_are_said_means_nothing(protocol, who, chosen, sheet):
    backwards = dict(reversed(sheet.items()))

    assert assess(protocol, who, chosen, sheet) == assess(protocol, who, chosen[::-1], backwards)


@given(protocols(), patients, names, st.dictionaries(st.text(), said))
def test_any_sheet_of_answers_gets_an_assessment_with_its_reasons(protocol, who, chosen, sheet):
    assessment = assess(protocol, who, chosen, sheet)

    assert assessment.reasons[0].level is assessment.level
    assert {reason.rule for reason in assessment.reasons} == {
        step.rule for step in assessment.trace if step.held
    }


@given(protocols(), patients, names, sheets)
def test_an_emergency_has_no_route_and_everybody_else_has_a_doctor(protocol, who, chosen, sheet):
    assessment = assess(protocol, who, chosen, sheet)

    disciplines = {route.discipline for route in assessment.routes}
    assert ("MG" in disciplines) is not assessment.level.is_emergency


@given(protocols(), patients, names, sheets, st.data())
def test_a_doubt_never_opens_a_route(protocol, who, chosen, sheet, data):
    asked = data.draw(st.sampled_from([q for q in protocol.questions if q != "u"]))
    sheet = {**sheet, "u": "no"}

    doubtful = assess(protocol, who, chosen[:1], {**sheet, asked: "unknown"}).routes
    certain = assess(protocol, who, chosen[:1], sheet).routes

    assert {route.discipline for route in doubtful} <= {route.discipline for route in certain}


@given(protocols(), patients, names)
def test_no_question_is_asked_twice(protocol, who, chosen):
    asked = [question.id for question in questions_for(protocol, who, chosen).all()]

    assert len(asked) == len(set(asked))


def test_calm_answers_give_the_level_of_the_complaint_itself():
    assessment = assess(small(), ADULT, ["gorge"], CALM)

    assert assessment.level is Level.NOT_UNSCHEDULED
    assert [route.discipline for route in assessment.routes] == ["PH", "MG"]
    assert assessment.safety_net == "Rappelez le 15 si c'est pire."


def test_only_who_can_take_the_gravest_complaint_is_offered():
    document = a_document()
    document["complaints"][1]["routes"].append(
        {"discipline": "SF", "because": "Femme.", "source": "comite"}
    )

    both = assess(written(document), ADULT, ["gorge", "autre"], {**CALM, "douleur": "no"})

    assert both.level is Level.SAME_DAY
    assert [route.discipline for route in both.routes] == ["MG", "SF"]


def test_of_two_equally_grave_complaints_who_can_take_both_comes_first():
    document = a_document()
    document["complaints"][0]["otherwise"] = "SAME_DAY"
    document["complaints"][0]["rules"] = []
    document["complaints"][0]["routes"].insert(
        0, {"discipline": "ORL", "because": "Gorge.", "source": "comite"}
    )

    both = assess(written(document), ADULT, ["gorge", "autre"], {**CALM, "douleur": "no"})

    assert [route.discipline for route in both.routes] == ["MG", "ORL", "PH"]


def test_one_sign_is_enough_and_says_why():
    assessment = assess(small(), ADULT, ["gorge"], {**CALM, "salive": "yes"})

    assert assessment.level is Level.CALL_15
    assert assessment.reasons[0] == engine.Reason(
        "salive", "salive", "yes", Level.CALL_15, "Grave."
    )
    assert assessment.routes == ()
    assert assessment.safety_net == "Appelez le 15."


def test_a_rule_of_two_conditions_needs_both():
    one = assess(small(), ADULT, ["gorge"], {**CALM, "duree": "long"})
    both = assess(small(), ADULT, ["gorge"], {**CALM, "duree": "long", "fievre": "yes"})

    assert (one.level, both.level) == (Level.NOT_UNSCHEDULED, Level.SAME_DAY)
    assert both.deadline_hours == 12


def test_the_trace_keeps_what_did_not_hold():
    trace = assess(small(), ADULT, ["gorge"], CALM).trace

    assert ("salive", Truth.NO, (("salive", NO),)) in [(s.rule, s.held, s.heard) for s in trace]


@pytest.mark.parametrize("degrees", [29.9, 45.1, float("nan"), float("inf"), "chaud", None, True])
def test_an_impossible_number_counts_as_the_worst_one(degrees):
    assert assess(small(), ADULT, ["gorge"], {**CALM, "degres": degrees}).level is Level.SAME_DAY


def test_a_number_may_be_written_with_a_french_comma():
    assert (
        assess(small(), ADULT, ["gorge"], {**CALM, "degres": "39,9"}).level is Level.NOT_UNSCHEDULED
    )


def test_a_sign_for_babies_is_not_asked_of_an_adult_but_of_somebody_without_age():
    adult, unknown = (questions_for(small(), who, ["gorge"]) for who in (ADULT, Patient()))

    assert [sign.id for sign in adult.stage2] == []
    assert [sign.id for sign in unknown.stage2] == ["s_bebe"]


@pytest.mark.parametrize(
    ("who", "changed"), [(ADULT, {"duree": "unknown"}), (Patient(), {"s_bebe": "no"})]
)
def test_a_profession_is_not_offered_while_one_of_its_conditions_is_in_doubt(who, changed):
    assessment = assess(small(), who, ["gorge"], CALM | changed)

    assert [route.discipline for route in assessment.routes] == ["MG"]


def test_a_floor_holds_whatever_the_answers():
    newborn = Patient.aged(months=0, sex=Sex.MALE)

    assessment = assess(small(), newborn, ["gorge"], {**CALM, "s_bebe": "no"})

    assert assessment.level is Level.WITHIN_24H


def test_who_names_no_complaint_is_asked_and_judged_as_something_else():
    asked = questions_for(small(), ADULT, [])
    assessment = assess(small(), ADULT, [], {"u_mal": "no", "douleur": "no"})

    assert [question.id for question in asked.complaint] == ["douleur"]
    assert assessment.level is Level.SAME_DAY


def test_a_complaint_that_the_protocol_does_not_have_is_refused_by_name():
    with pytest.raises(ComplaintUnknown, match="genou"):
        assess(small(), ADULT, ["genou"], CALM)


def test_who_is_outside_the_scope_of_a_complaint_is_judged_as_somebody_unknown():
    document = a_document()
    document["complaints"][0]["scope"] = {"sex": "female"}
    document["complaints"][0]["rules"][1]["when"] = {"age_years": {"from": 75}}

    assessment = assess(written(document), ADULT, ["gorge"], CALM)

    assert assessment.level is Level.SAME_DAY


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Patient.aged(years=30, sex=Sex.FEMALE), Truth.MAYBE),
        (Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.MAYBE), Truth.YES),
        (Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.NO), Truth.NO),
        (Patient.aged(years=30, sex=Sex.MALE, pregnant=Pregnant.MAYBE), Truth.NO),
        (Patient.aged(years=30, sex=Sex.MALE, pregnant=Pregnant.YES), Truth.MAYBE),
        (Patient.aged(years=9, sex=Sex.FEMALE), Truth.NO),
        (Patient.aged(years=61, sex=Sex.FEMALE), Truth.NO),
        (Patient.aged(years=60, sex=Sex.FEMALE), Truth.MAYBE),
        (Patient(), Truth.MAYBE),
    ],
)
def test_a_pregnancy_is_doubted_only_where_one_is_possible(who, expected):
    assert who.is_pregnant() is expected


@pytest.mark.parametrize(
    ("said_age", "first", "older_by"),
    [
        ({"years": 0}, 0, 11),
        ({"years": 40}, 480, 11),
        ({"months": 2}, 2, 0),
        ({"years": 0, "months": 2}, 2, 0),
        ({"years": 0.5}, 6, 0),
        ({"years": 131}, None, 0),
        ({"years": -1}, None, 0),
        ({"months": float("nan")}, None, 0),
        ({"years": 2, "months": 3}, None, 0),
        ({}, None, 0),
    ],
)
def test_an_age_that_cannot_be_is_no_age(said_age, first, older_by):
    who = Patient.aged(**said_age)

    assert (who.age_months, who.older_by_months) == (first, older_by)


def test_a_child_of_whom_only_years_are_known_may_be_a_newborn():
    assert Patient.aged(years=0).is_aged(None, 3) is Truth.MAYBE
    assert Patient.aged(months=7).is_aged(None, 3) is Truth.NO
