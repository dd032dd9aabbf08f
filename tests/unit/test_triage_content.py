"""The protocol that is published, complaint by complaint."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.triage import cases, proofs, translation
from booking.triage.documents import ProtocolInvalid
from booking.triage.engine import assess, questions_for, routes_in_force
from booking.triage.facts import Patient, Pregnant, Sex, Truth
from booking.triage.people import conditions_of, general_conditions, people
from booking.triage.protocol import Kind, Level
from tests.unit import triage_reference
from tests.unit.triage_builders import DISCIPLINES, patients, said, shipped, shipped_file

OURS = shipped()
FILE = shipped_file()
CASES = cases.load_cases(FILE.with_name(f"{OURS.id}.cases.yaml"), OURS)
ENGLISH = translation.load_translation(FILE.with_suffix(".en.yaml"))
COMPLAINTS = sorted(OURS.by_complaint)

every_complaint = pytest.mark.parametrize("named", COMPLAINTS)
a_few_each = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)

chosen = st.lists(st.sampled_from(COMPLAINTS), min_size=1, max_size=3, unique=True)
answers = st.one_of(st.just("no"), st.sampled_from(["yes", "unknown", "oui", "rien"]), said)


def sheets_for(named):
    """Return sheets of answers to what is asked with this complaint."""
    asked = [*OURS.general_questions, *OURS.by_complaint[named].questions]
    return st.dictionaries(st.sampled_from([q.id for q in asked]), answers, max_size=30)


def everything_calm(who, named):
    return {q.id: cases.calmly(q) for q in questions_for(OURS, who, named).all()}


@pytest.mark.slow  # tries every rule on people of every age: about five seconds
def test_every_property_of_the_published_protocol_is_proven():
    assert proofs.prove(OURS, DISCIPLINES) == []


@pytest.mark.slow  # like the proofs
def test_the_calm_are_sent_to_the_15_only_where_the_committee_is_told():
    told = [each for each in proofs.warnings(OURS) if "réponses sont calmes" in each]
    warned = {each.split("« ")[1].split(" »")[0] for each in told}

    assert warned == {
        "otherwise:intoxication",
        "bob_bebe",
        "da_grossesse",
        "dt_age",
        "dt_grossesse",
        "fa_grossesse",
        "inc_bebe",
        "ipc_nourrisson",
        "sad_tout_petit",
        "tcc_agee",
        "tcc_bebe",
        "vid_bebe_avis",
        "vta_bebe",
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_caller_of_the_acceptance_examples_is_judged_as_expected(case):
    assert cases.failures(OURS, [case]) == []


def test_there_are_enough_callers_three_for_every_complaint_and_none_twice():
    assert cases.missing(OURS, CASES) == []
    assert {
        name for name, times in Counter(case.id for case in CASES).items() if times > 1
    } == set()


def test_the_callers_reach_every_level_and_eight_disciplines_first():
    assert {case.level for case in CASES} == set(Level)
    assert len({case.first for case in CASES if case.first}) >= 8


@every_complaint
def test_an_ordinary_adult_with_no_sign_never_ends_at_the_15(named):
    complaint = OURS.by_complaint[named]
    if complaint.otherwise.is_emergency:
        pytest.skip("the complaint itself is one")
    tried = people([*general_conditions(OURS), *conditions_of(complaint)])
    who = next(p for p in tried if complaint.scope.hold_for(p) is Truth.YES)

    assessment = assess(OURS, who, [named], everything_calm(who, [named]))

    assert not assessment.level.is_emergency


@every_complaint
@a_few_each
@given(data=st.data(), who=patients)
def test_no_answer_weighs_more_than_not_knowing(named, data, who):
    sheet = data.draw(sheets_for(named))
    asked = data.draw(st.sampled_from([q.id for q in OURS.by_complaint[named].questions]))
    certain = assess(OURS, who, [named], sheet).level

    for doubt in ("unknown", "peut-être", None, float("nan"), 1e9):
        assert assess(OURS, who, [named], {**sheet, asked: doubt}).level >= certain


@every_complaint
@a_few_each
@given(data=st.data(), who=patients)
def test_not_knowing_is_as_grave_as_the_gravest_answer_and_no_graver(named, data, who):
    question = data.draw(st.sampled_from(OURS.by_complaint[named].questions))
    sheet = everything_calm(who, [named])
    if question.kind is Kind.NUMBER:
        limits = [question.lowest, question.highest]
        whens = [rule.when for rule in OURS.by_complaint[named].rules]
        edges = [h for when in whens for h in when.answers if h.question == question.id]
        known = [*limits, *(h.at_least for h in edges), *(h.below and h.below - 0.1 for h in edges)]
    else:
        known = question.words_known
    worst = max(
        assess(OURS, who, [named], {**sheet, question.id: each}).level
        for each in known
        if each is not None
    )

    assert assess(OURS, who, [named], {**sheet, question.id: "unknown"}).level is worst


@every_complaint
@a_few_each
@given(data=st.data(), who=patients)
def test_another_complaint_or_another_order_never_lowers_a_level(named, data, who):
    others = data.draw(chosen)
    sheet = data.draw(sheets_for(named))
    alone = assess(OURS, who, [named], sheet).level

    together = assess(OURS, who, [named, *others], sheet)

    assert together.level >= alone
    assert together == assess(OURS, who, [*others[::-1], named], dict(reversed(sheet.items())))


@every_complaint
@a_few_each
@given(data=st.data(), who=patients)
def test_an_age_that_cannot_be_counts_as_the_worst_age(named, data, who):
    sheet = data.draw(sheets_for(named))
    impossible = Patient.aged(years=data.draw(st.sampled_from([-1, 131, float("inf")])))
    nobody = replace(who, age_months=impossible.age_months)

    level = assess(OURS, nobody, [named], sheet).level

    if who.is_pregnant() is Truth.YES or who.pregnant is not Pregnant.YES:
        assert level >= assess(OURS, who, [named], sheet).level


@every_complaint
@a_few_each
@given(data=st.data(), who=patients)
def test_the_engine_says_what_the_plainest_triage_says(named, data, who):
    complaints = [named, *data.draw(chosen)]
    sheet = data.draw(sheets_for(named))
    plainly = triage_reference.assessed(OURS, who, complaints, sheet)

    assessment = assess(OURS, who, complaints, sheet)

    assert {part: getattr(assessment, part) for part in plainly} == plainly


@every_complaint
def test_an_unanswered_form_is_sent_to_the_15(named):
    tried = people([*general_conditions(OURS), *conditions_of(OURS.by_complaint[named])])

    assert {assess(OURS, who, [named], {}).level for who in tried} == {Level.CALL_15}


def test_every_sign_of_the_list_is_asked_of_somebody_unknown():
    asked = questions_for(OURS, Patient(), COMPLAINTS).all()

    assert {question.id for question in asked} == set(OURS.questions)


@pytest.mark.parametrize("complaint", ["urinaire_femme", "mal_gorge"])
def test_the_pharmacist_is_not_offered_while_a_pregnancy_is_not_excluded(complaint):
    calm = {q.id: cases.calmly(q) for q in OURS.questions.values()}
    woman = Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.UNKNOWN)

    routes = assess(OURS, woman, [complaint], calm).routes

    assert "PH" not in {route.discipline for route in routes}


def test_the_pharmacists_antibiotics_begin_with_the_decree():
    calm = {q.id: cases.calmly(q) for q in OURS.questions.values()}
    woman = Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.NO)
    routes = assess(OURS, woman, ["urinaire_femme"], calm).routes

    before = {route.law for route in routes_in_force(routes, date(2024, 6, 1))}
    after = {route.law for route in routes_in_force(routes, date(2026, 11, 21))}

    assert "antibio-cystite-pharmacien" not in before
    assert {"antibio-cystite-pharmacien", "protocole-cystite"} <= after


def test_a_legal_rule_counts_only_where_the_community_switched_it_on():
    calm = {q.id: cases.calmly(q) for q in OURS.questions.values()}
    woman = Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.NO)
    routes = assess(OURS, woman, ["urinaire_femme"], calm).routes

    used = routes_in_force(routes, date(2026, 11, 21), ["protocole-cystite"])

    assert {route.law for route in used} == {"protocole-cystite", None}


def test_the_english_words_leave_nothing_out_and_keep_the_rules():
    english = translation.translated(OURS, ENGLISH)

    assert english.by_complaint["dent"].title == "Toothache, abscess, broken tooth"
    assert english.digest == OURS.digest
    for case in CASES:
        assert cases.assessed(english, case).level is case.level


def test_a_protocol_is_in_force_between_its_days():
    assert OURS.is_in_force(date(2026, 11, 1))
    assert not OURS.is_in_force(date(2027, 11, 1))


@pytest.mark.parametrize("part", ["questions", "complaints", "choices", "groups", "danger_words"])
def test_a_translation_that_leaves_something_out_is_refused(part):
    words = dict(getattr(ENGLISH, part))
    left_out, _ = words.popitem()

    with pytest.raises(ProtocolInvalid, match=rf"{part} : « {left_out} » n'est pas traduit"):
        translation.translated(OURS, replace(ENGLISH, **{part: words}))
