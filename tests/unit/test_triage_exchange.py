import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.triage import exchange
from booking.triage.exchange import BadInput
from tests.unit.triage_builders import a_document, shipped, written

DAY = date(2026, 11, 21)
SMALL = written(a_document())
OURS = shipped()
LINE = {
    "id": "ligne-1",
    "patient": {"age_years": 40, "sex": "male", "pregnant": "unknown"},
    "complaints": ["gorge"],
    "answers": {"u_mal": "no", "salive": "no", "fievre": "no", "duree": "court", "degres": 37.5},
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def without(reasons):
    return [{k: v for k, v in reason.items() if k != "because"} for reason in reasons]


def test_a_line_is_answered_as_the_contract_says():
    said = exchange.answer(SMALL, LINE, DAY)

    assert without(said.pop("reasons")) == [
        {
            "rule": "otherwise:gorge",
            "question": None,
            "answer": None,
            "level": "NOT_UNSCHEDULED",
        }
    ]
    assert said == {
        "id": "ligne-1",
        "level": "NOT_UNSCHEDULED",
        "deadline_hours": None,
        "professions": ["PH", "MG"],
        "safety_net": "Rappelez le 15 si c'est pire.",
        "protocol": "essai",
        "version": 1,
        "digest": SMALL.digest,
    }


def test_a_route_is_offered_only_while_the_law_allows_it():
    said = exchange.answer(SMALL, LINE, date(2026, 2, 28))

    assert said["professions"] == ["MG"]


def test_a_line_without_a_name_is_answered_without_one():
    assert "id" not in exchange.answer(SMALL, {"complaints": ["gorge"]}, DAY)


def test_an_empty_line_is_sent_to_the_15():
    assert exchange.answer(OURS, {}, DAY)["level"] == "CALL_15"


def test_an_answer_to_an_unknown_question_changes_nothing():
    more = {**LINE, "answers": {**LINE["answers"], "inconnue": "no", "douleur": "yes"}}

    assert exchange.answer(SMALL, more, DAY) == exchange.answer(SMALL, LINE, DAY)


def test_an_answer_that_the_question_does_not_know_counts_as_the_worst():
    line = {**LINE, "answers": {**LINE["answers"], "salive": "un peu"}}

    assert exchange.answer(SMALL, line, DAY)["level"] == "CALL_15"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"patient": []}, "patient"),
        ({"patient": {"age_years": "40"}}, "patient.age_years"),
        ({"patient": {"age_years": True}}, "patient.age_years"),
        ({"patient": {"age_months": float("nan")}}, "patient.age_months"),
        ({"patient": {"age_years": 10**5000}}, "patient.age_years"),
        ({"patient": {"sex": "F"}}, "patient.sex"),
        ({"patient": {"sex": ["male"]}}, "patient.sex"),
        ({"patient": {"pregnant": False}}, "patient.pregnant"),
        ({"complaints": "gorge"}, "complaints"),
        ({"complaints": ["genou"]}, "complaints"),
        ({"complaints": [{}]}, "complaints"),
        ({"complaints": ["gorge"] * 501}, "complaints"),
        ({"answers": [["u_mal", "no"]]}, "answers"),
        ({"answers": {"u_mal": True}}, "answers.u_mal"),
        ({"answers": {"u_mal": ["no"]}}, "answers.u_mal"),
        ({"answers": {"u_mal": {"no": {}}}}, "answers.u_mal"),
        ({"answers": {"u_mal": "n" * 201}}, "answers.u_mal"),
        ({"answers": {"degres": float("inf")}}, "answers.degres"),
        ({"answers": {"k" * 201: "no"}}, "answers"),
        ({"answers": {str(n): "no" for n in range(501)}}, "answers"),
        ({"id": 1.5}, "id"),
        ({"id": ["a"]}, "id"),
        ({"text": 3}, "text"),
        ({"text": ["mal"]}, "text"),
        ({"text": "n" * 10_001}, "text"),
    ],
)
def test_what_is_no_questionnaire_is_refused_with_its_field(change, field):
    with pytest.raises(BadInput) as refusal:
        exchange.answer(SMALL, {**LINE, **change}, DAY)

    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field} : ")


WORDS = {"u_mal": ["étouffe"], "s_bebe": ["bébé mou"]}
LISTENING = written(a_document() | {"danger_words": WORDS})


def test_a_free_text_asks_again_the_signs_that_its_words_name():
    said = exchange.answer(LISTENING, LINE | {"text": "J'étouffe un peu"}, DAY)

    assert said["reask"] == ["u_mal"]


def test_a_free_text_changes_no_level():
    said = exchange.answer(LISTENING, LINE | {"text": "J'étouffe un peu"}, DAY)

    assert {k: v for k, v in said.items() if k != "reask"} == exchange.answer(LISTENING, LINE, DAY)


def test_a_sign_that_was_answered_yes_is_not_asked_again():
    answers = {**LINE["answers"], "u_mal": "yes"}

    said = exchange.answer(LISTENING, LINE | {"text": "J'étouffe", "answers": answers}, DAY)

    assert (said["reask"], said["level"]) == ([], "CALL_15")


def test_a_sign_that_a_text_names_and_nobody_answered_counts_as_unknown():
    answers = {k: v for k, v in LINE["answers"].items() if k != "u_mal"}

    said = exchange.answer(LISTENING, LINE | {"text": "J'étouffe", "answers": answers}, DAY)

    assert (said["reask"], said["level"]) == (["u_mal"], "CALL_15")


def test_a_sign_for_babies_is_not_asked_again_of_an_adult():
    text = {"text": "mon bébé mou"}

    assert exchange.answer(LISTENING, LINE | text, DAY)["reask"] == []
    assert exchange.answer(LISTENING, LINE | text | {"patient": {}}, DAY)["reask"] == ["s_bebe"]


@pytest.mark.parametrize("text", [{}, {"text": None}])
def test_a_line_without_text_asks_nothing_again(text):
    assert "reask" not in exchange.answer(LISTENING, LINE | text, DAY)


@pytest.mark.parametrize("line", [None, [], "x", 3, True])
def test_a_line_that_is_no_object_is_refused(line):
    with pytest.raises(BadInput):
        exchange.answer(SMALL, line, DAY)


@pytest.mark.parametrize("part", ["patient", "complaints", "answers", "id"])
def test_json_deeper_than_a_parser_would_go_is_refused(part):
    deep = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(BadInput):
        exchange.answer(SMALL, {**LINE, part: deep}, DAY)


@given(ANY_JSON, ANY_JSON, ANY_JSON)
def test_any_json_is_answered_or_refused_and_nothing_else(patient, complaints, answers):
    line = {"patient": patient, "complaints": complaints, "answers": answers}
    try:
        said = exchange.answer(SMALL, line, DAY)
    except BadInput:
        return
    json.dumps(said, allow_nan=False)


def test_the_questionnaire_has_all_that_a_form_needs():
    asked = exchange.questionnaire(OURS)

    assert json.loads(json.dumps(asked)) == asked
    assert [len(OURS.universal) + len(OURS.stage2), len(OURS.complaints)] == [
        len(asked["universal"]),
        len(asked["complaints"]),
    ]


def test_each_kind_of_question_says_how_to_answer_it():
    gorge = exchange.questionnaire(SMALL)["complaints"][0]["questions"]

    assert gorge[0] == {"id": "salive", "text": "Salive impossible à avaler ?", "kind": "yes_no"}
    assert gorge[2]["choices"] == ["court", "long"]
    assert (gorge[3]["lowest"], gorge[3]["highest"]) == (30, 45)


def test_a_sign_of_stage_2_says_whom_it_is_for():
    baby = exchange.questionnaire(SMALL)["universal"][1]

    assert baby["asked_if"] == {"below_months": 3}
