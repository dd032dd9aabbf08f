"""Cases and translations of a small protocol: what is wrong with them is said with its line."""

from dataclasses import replace

import pytest
import yaml

from booking.triage import cases, translation
from booking.triage.documents import ProtocolInvalid
from tests.unit.triage_builders import a_document, written

SMALL = written(a_document())

CALLER = {
    "id": "angine",
    "says": "J'ai mal à la gorge depuis hier.",
    "patient": {"age_years": 30, "sex": "female", "pregnant": "no"},
    "complaints": ["gorge"],
    "answers": {"degres": 37},
    "level": "NOT_UNSCHEDULED",
    "first": "PH",
    "rule": "otherwise:gorge",
}
WORDS = {
    "protocol": "essai",
    "version": 1,
    "language": "en",
    "title": "Trial",
    "emergency_advice": "Call 15.",
    "groups": {"tete": "Head", "divers": "Other"},
    "questions": {
        "u_mal": "Very ill",
        "s_bebe": "Floppy baby",
        "salive": "Spit?",
        "fievre": "Fever?",
        "duree": "Since?",
        "degres": "How hot?",
        "douleur": "Pain?",
    },
    "choices": {"duree": {"court": "Short", "long": "Long"}},
    "complaints": {
        "gorge": {"title": "Throat", "safety_net": "Call 15."},
        "autre": {"title": "Other", "safety_net": "Call 15."},
    },
}


def file_of(folder, said, name="essai.yaml"):
    path = folder / name
    path.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def told(folder, *callers, **header):
    said = {"protocol": "essai", "version": 1} | header | {"cases": list(callers)}
    return cases.load_cases(file_of(folder, said), SMALL)


def test_a_caller_who_is_judged_as_expected_is_no_failure(tmp_path):
    assert cases.failures(SMALL, told(tmp_path, CALLER)) == []


WRONG = {
    "another level": (
        {"level": "SAME_DAY"},
        "NOT_UNSCHEDULED (otherwise:gorge) au lieu de SAME_DAY",
    ),
    "another profession": ({"first": "MG"}, "PH en premier au lieu de MG"),
    "nobody expected": ({"first": None}, "PH en premier au lieu de personne"),
    "another rule": ({"rule": "chaud"}, "« chaud » n'est pas parmi les raisons"),
    "an answer that was not asked": (
        {"answers": {"degres": 37, "douleur": "yes"}},
        "« douleur » a une réponse mais n'est pas posée",
    ),
}


@pytest.mark.parametrize("difference", WRONG)
def test_a_caller_who_is_judged_otherwise_is_said_with_its_line(tmp_path, difference):
    change, words = WRONG[difference]

    [failure] = cases.failures(SMALL, told(tmp_path, CALLER | {"id": "un"} | change))

    assert failure.startswith("essai.yaml, ligne 4 : cas « un » : ")
    assert words in failure


def test_two_cases_of_one_name_are_said(tmp_path):
    failures = cases.failures(SMALL, told(tmp_path, CALLER, CALLER))

    assert len(failures) == 2
    assert "défini deux fois" in failures[0]


UNREADABLE = {
    "an unknown complaint": (
        {"complaints": ["gorges"]},
        "le motif « gorges » n'existe pas ; vouliez-vous dire « gorge » ?",
    ),
    "an unknown rule": ({"rule": "chauds"}, "la règle « chauds » n'existe pas"),
    "an unknown level": ({"level": "SOON"}, "« SOON » n'est pas un niveau"),
    "an unknown key": ({"expect": 1}, "« expect » n'existe pas ici"),
}


@pytest.mark.parametrize("mistake", UNREADABLE)
def test_cases_that_cannot_be_read_are_refused_with_their_line(tmp_path, mistake):
    change, words = UNREADABLE[mistake]

    with pytest.raises(ProtocolInvalid) as refused:
        told(tmp_path, CALLER, CALLER | {"id": "deux"} | change)

    [fault] = refused.value.faults
    assert words in fault
    assert fault.line > 13


def test_cases_of_another_version_are_refused(tmp_path):
    with pytest.raises(ProtocolInvalid, match="ligne 2 : ces cas sont pour une autre version"):
        told(tmp_path, CALLER, version=2)


def test_too_few_cases_are_said_of_a_complaint_and_of_all(tmp_path):
    few = cases.missing(SMALL, told(tmp_path, *[CALLER] * 3))

    assert [fault.text for fault in few] == [
        "le motif « autre » a 0 cas ; écrivez-en au moins 3",
        "il y a 3 cas en tout ; écrivez-en au moins 250",
    ]


def test_enough_cases_miss_nothing(tmp_path):
    [caller] = told(tmp_path, CALLER)
    other = replace(caller, complaints=("autre",))

    assert cases.missing(SMALL, [caller] * 247 + [other] * 3) == []


def test_a_calm_caller_answers_no_the_first_choice_and_no_number():
    assert [cases.calmly(q) for q in SMALL.by_complaint["gorge"].questions] == [
        "no",
        "no",
        "court",
        "unknown",
    ]


def in_english(folder, words):
    return translation.translated(SMALL, translation.load_translation(file_of(folder, words)))


def test_a_translation_changes_words_only(tmp_path):
    english = in_english(tmp_path, WORDS)

    assert english.by_complaint["gorge"].title == "Throat"
    assert english.groups == (("tete", "Head"), ("divers", "Other"))
    assert english.floors == SMALL.floors


def without(part, name):
    return {**WORDS, part: {k: v for k, v in WORDS[part].items() if k != name}}


MISTRANSLATED = {
    "a question left out": (without("questions", "fievre"), 9, "questions : « fievre »", "ajoutez"),
    "a complaint left out": (
        without("complaints", "gorge"),
        21,
        "complaints : « gorge »",
        "ajoutez",
    ),
    "a group left out": (without("groups", "tete"), 6, "groups : « tete »", "ajoutez"),
    "choices left out": (without("choices", "duree"), 17, "choices : « duree »", "ajoutez"),
    "a choice left out": (
        {**WORDS, "choices": {"duree": {"court": "Short"}}},
        18,
        "choices/duree : « long »",
        "ajoutez",
    ),
    "a question that is none": (
        {**WORDS, "questions": WORDS["questions"] | {"fievr": "Fever"}},
        17,
        "questions : « fievr » n'est pas dans le protocole",
        "« fievre »",
    ),
    "another version": ({**WORDS, "version": 2}, 2, "pour une autre version", "version: 1"),
}


@pytest.mark.parametrize("mistake", MISTRANSLATED)
def test_a_translation_that_does_not_fit_is_refused_with_its_line(tmp_path, mistake):
    words, line, said, remedy = MISTRANSLATED[mistake]

    with pytest.raises(ProtocolInvalid) as refused:
        in_english(tmp_path, words)

    [fault] = refused.value.faults
    assert fault.startswith(f"essai.yaml, ligne {line} : ")
    assert said in fault
    assert remedy in fault


def test_a_file_that_is_no_translation_is_refused(tmp_path):
    with pytest.raises(ProtocolInvalid, match="il manque ici la ligne « title: … »"):
        in_english(tmp_path, {k: v for k, v in WORDS.items() if k != "title"})
