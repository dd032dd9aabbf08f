from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.triage import cases, loading, proofs, translation
from booking.triage.documents import ProtocolInvalid
from booking.triage.engine import assess, questions_for, routes_in_force
from booking.triage.facts import Patient, Pregnant, Sex
from booking.triage.protocol import Level
from tests.unit.triage_builders import DISCIPLINES, PROTOCOLS, patients, said

OURS = loading.load(PROTOCOLS / "soins-non-programmes.v1.yaml")
CASES = cases.load_cases(PROTOCOLS / "soins-non-programmes.cases.yaml", OURS)
ENGLISH = translation.load_translation(PROTOCOLS / "soins-non-programmes.v1.en.yaml")

chosen = st.lists(st.sampled_from(sorted(OURS.by_complaint)), min_size=1, max_size=3, unique=True)
sheets = st.dictionaries(
    st.sampled_from(sorted(OURS.questions)),
    st.one_of(st.just("no"), st.sampled_from(["yes", "unknown", "oui", "rien"]), said),
    max_size=60,
)


@pytest.mark.slow  # tries every rule on people of every age: about ten seconds
def test_every_property_of_the_published_protocol_is_proven():
    assert proofs.prove(OURS, DISCIPLINES) == []


@pytest.mark.slow  # like the proofs
def test_the_calm_are_sent_to_the_15_only_where_the_committee_is_told():
    warned = {each.split("«")[-1].split("»")[0] for each in proofs.warnings(OURS)}

    assert warned == {
        "autre: 9 red flags for one patient, 5 wished",
        "otherwise:fievre_nourrisson_0_3_mois",
        "oe_nouveau_ne",
        "ea_nouveau_ne",
        "dt_age",
        "dt_grossesse",
        "da_grossesse",
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_caller_of_the_acceptance_examples_is_judged_as_expected(case):
    assert cases.failures(OURS, [case]) == []


def test_there_are_enough_callers_and_three_for_every_complaint():
    told = Counter(complaint for case in CASES for complaint in case.complaints)

    assert len(CASES) >= 80
    assert {complaint for complaint in OURS.by_complaint if told[complaint] < 3} == set()
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_callers_reach_every_level_and_eight_disciplines_first():
    assert {case.level for case in CASES} == set(Level)
    assert len({case.first for case in CASES if case.first}) >= 8


def test_a_caller_who_is_judged_otherwise_is_said():
    wrong = replace(CASES[0], level=Level.CALL_15, first="CD", rule="u_choc", answers={"x": "no"})

    assert len(cases.failures(OURS, [wrong])) == 4


def test_cases_of_another_version_are_refused():
    with pytest.raises(ProtocolInvalid, match="another version"):
        cases.load_cases(PROTOCOLS / "soins-non-programmes.cases.yaml", replace(OURS, version=2))


@pytest.mark.parametrize(
    "complaint", sorted(set(OURS.by_complaint) - {"fievre_nourrisson_0_3_mois"})
)
@pytest.mark.parametrize("sex", [Sex.FEMALE, Sex.MALE])
def test_an_ordinary_adult_with_no_sign_never_ends_at_the_15(complaint, sex):
    scope = OURS.by_complaint[complaint].scope
    years = 10 if scope.age.below else 35
    is_pregnant = Pregnant.YES if scope.pregnant else Pregnant.NO
    who = Patient.aged(years=years, sex=scope.sex or sex, pregnant=is_pregnant)

    asked = questions_for(OURS, who, [complaint]).all()
    assessment = assess(OURS, who, [complaint], {q.id: cases.calmly(q) for q in asked})

    assert not assessment.level.is_emergency


@settings(max_examples=300)
@given(patients, chosen, sheets, st.data())
def test_in_our_protocol_no_answer_weighs_more_than_not_knowing(who, complaints, sheet, data):
    asked = data.draw(st.sampled_from(sorted(OURS.questions)))

    certain = assess(OURS, who, complaints, sheet).level

    assert assess(OURS, who, complaints, {**sheet, asked: "unknown"}).level >= certain


@given(patients, chosen)
def test_in_our_protocol_an_empty_form_is_sent_to_the_15(who, complaints):
    assert assess(OURS, who, complaints, {}).level is Level.CALL_15


def test_every_sign_of_the_list_is_asked_of_somebody_unknown():
    asked = questions_for(OURS, Patient(), sorted(OURS.by_complaint)).all()

    assert {question.id for question in asked} == set(OURS.questions)


@pytest.mark.parametrize("complaint", ["urinaire_femme", "mal_gorge", "toux_rhume_grippe"])
def test_the_pharmacist_is_not_offered_while_a_pregnancy_is_not_excluded(complaint):
    calm = {q.id: cases.calmly(q) for q in OURS.questions.values()}
    woman = Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.UNKNOWN)

    routes = assess(OURS, woman, [complaint], calm).routes

    assert "PH" not in {route.discipline for route in routes}


def test_the_pharmacists_antibiotics_begin_with_the_decree():
    calm = {q.id: cases.calmly(q) for q in OURS.questions.values()}
    woman = Patient.aged(years=30, sex=Sex.FEMALE, pregnant=Pregnant.NO)
    routes = assess(OURS, woman, ["urinaire_femme"], calm).routes

    before = routes_in_force(routes, date(2024, 6, 1))
    after = routes_in_force(routes, date(2026, 11, 21))

    assert [r.requires for r in before][:1] == ["protocole-cystite"]
    assert [r.requires for r in after][:1] == ["antibio-cystite-pharmacien"]


def test_the_english_words_leave_nothing_out_and_keep_the_rules():
    english = translation.translated(OURS, ENGLISH)

    assert english.by_complaint["dent"].title == "Toothache, abscess, broken tooth"
    assert english.digest == OURS.digest
    for case in CASES:
        assert cases.assessed(english, case).level is case.level


def test_english_words_for_another_version_are_refused():
    with pytest.raises(ProtocolInvalid, match="another version"):
        translation.translated(OURS, replace(ENGLISH, version=2))


@pytest.mark.parametrize("part", ["questions", "complaints", "choices"])
def test_a_translation_that_leaves_something_out_is_refused(part):
    words = dict(getattr(ENGLISH, part))
    words.popitem()

    with pytest.raises(ProtocolInvalid, match="one side of the translation"):
        translation.translated(OURS, replace(ENGLISH, **{part: words}))


def test_a_protocol_is_in_force_between_its_days():
    assert OURS.is_in_force(date(2026, 11, 1))
    assert not OURS.is_in_force(date(2027, 11, 1))
