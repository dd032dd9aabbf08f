"""What an operator types while listening: a birth date in one field, names in a few letters."""

from datetime import date

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from booking.desk.ask import age_in_months
from booking.triage.engine import Asked
from booking.triage.facts import NO, YES
from booking.triage.protocol import Level, Question
from booking.web.calls import births, finding, stages
from booking.web.calls.stages import Stage
from booking.web.staff_forms import FormRefused

TODAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def sentences():
    """Sentences need a language."""
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    "text",
    [
        "27031948",
        "27/3/48",
        "27/03/1948",
        "27 mars 1948",
        "27.3.1948",
        "27-03-48",
        "270348",
        " 27  Mars 48 ",
    ],
)
def test_a_birth_date_is_understood_however_it_is_written(text):
    assert births.read(text, TODAY).birth_date == date(1948, 3, 27)


def test_the_first_of_a_month_may_be_written_as_it_is_said():
    assert births.read("1er mai 2003", TODAY).birth_date == date(2003, 5, 1)


def test_an_age_does_where_nobody_knows_the_date():
    assert births.read("78 ans", TODAY) == births.Born(None, 78 * 12, 11)
    assert births.read("14 mois", TODAY) == births.Born(None, 14, 0)
    assert births.read("", TODAY) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("12/5/20", "1920 ou 2020"),
        ("27/3/2027", "dans le passé"),
        ("31/2/1990", "exister dans le calendrier"),
        ("27/13/1990", "Vérifiez le mois"),
        ("1/1/1850", "Vérifiez l’année"),
        ("140 ans", "Vérifiez l’âge"),
        ("27", "Par exemple"),
        ("lundi", "Par exemple"),
        ("²²031948", "Par exemple"),
    ],
)
def test_what_cannot_be_a_birth_date_says_what_to_do(text, sentence):
    with pytest.raises(FormRefused) as refused:
        births.read(text, TODAY)

    assert sentence in refused.value.errors["naissance"]


@given(st.dates(date(1927, 1, 1), TODAY), st.sampled_from(["%d%m%Y", "%d/%m/%Y", "%d %m %Y"]))
def test_every_date_that_is_written_out_is_read_back(born, form):
    app = Flask(__name__)
    with app.test_request_context():
        assert births.read(born.strftime(form), TODAY) == births.Born(
            born, age_in_months(born, TODAY)
        )


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_the_field(text):
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        try:
            born = births.read(text, TODAY)
        except FormRefused:
            return
    assert born is None or born.age_months >= 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gorge", "mal_gorge"),
        ("gorj", "mal_gorge"),
        ("mal de gorge", "mal_gorge"),
        ("ANGINE", "mal_gorge"),
        ("cheville", "trauma_membre"),
        ("chev", "trauma_membre"),
        ("piqure tique", "piqure_tique"),
        ("vertiges", "vertige_malaise"),
        ("ordonance", "renouvellement"),
        ("sciatik", "lombalgie"),
    ],
)
def test_a_complaint_is_found_by_what_people_say(protocol, typed, meant):
    assert finding.complaints(typed, protocol.complaints)[0].id == meant


def test_words_that_mean_nothing_find_nothing(protocol):
    assert finding.complaints("zzzzzz", protocol.complaints) == []
    assert finding.complaints("", protocol.complaints) == []
    assert finding.complaints("’ !", protocol.complaints) == []


def test_every_complaint_is_found_by_its_title_and_by_each_of_its_synonyms(protocol):
    lost = [
        (each.id, said)
        for each in protocol.complaints
        for said in (each.title, *each.synonyms)
        if each not in finding.complaints(said, protocol.complaints)
    ]

    assert lost == []


def test_a_whole_name_wins_over_one_that_only_begins_so():
    towns = [("1", "Courvaux"), ("2", "Courvaux-le-Haut"), ("3", "Le Petit-Courvaux")]

    assert finding.named("courvaux", towns) == ["1"]
    assert finding.named("cour", towns) == ["1", "2"]
    assert finding.named("petit", towns) == ["3"]
    assert finding.named("", towns) == []


SIGNS = tuple(Question(f"s{n}", f"Signe {n}", level=Level.CALL_15) for n in range(3))
CRITERION = Question("c", "Depuis hier ?")


def test_none_of_a_list_answers_for_that_list_and_no_other():
    first = stages.signs(Stage.EVERYBODY, SIGNS[:2], {})
    second = stages.signs(Stage.AGE, SIGNS[2:], {})

    assert stages.heard([first, second], [], [first.seal]) == {"s0": NO, "s1": NO}
    assert stages.heard([first, second], [], []) == {}


def test_a_ticked_sign_beside_none_is_a_sign():
    first = stages.signs(Stage.EVERYBODY, SIGNS, {})

    assert stages.heard([first], ["s1"], [first.seal]) == {"s0": NO, "s1": YES, "s2": NO}


def test_a_list_that_is_asked_again_has_another_seal_and_no_answer():
    said = dict.fromkeys(("s0", "s1", "s2"), NO)
    before = stages.signs(Stage.EVERYBODY, SIGNS, said)
    again = stages.signs(Stage.EVERYBODY, SIGNS, said, drawn_for=TODAY, is_asked_again=True)

    assert before.is_heard
    assert not again.is_heard
    assert stages.heard([again], [], [before.seal]) == {}


@given(st.sets(st.sampled_from(["s0", "s1", "s2"])), st.booleans())
def test_no_answer_at_all_reassures_about_a_sign_that_was_not_read(ticked, is_none):
    listed = stages.signs(Stage.EVERYBODY, SIGNS, {})

    heard = stages.heard([listed], ticked, [listed.seal] if is_none else ["another"])

    assert {sign for sign, said in heard.items() if said == YES} == ticked
    assert is_none or NO not in heard.values()


def test_signs_of_a_complaint_are_a_list_and_its_other_questions_are_read_one_by_one():
    asked = Asked((), (), (SIGNS[0], CRITERION))

    assert stages.of_complaint(asked) == (SIGNS[0],)
    assert stages.criteria(asked) == (CRITERION,)
    assert stages.is_alarming(asked, {"s0": "unknown"})
    assert not stages.is_alarming(asked, {"s0": NO, "c": YES})
