import pytest

from booking.triage import reading
from booking.triage.engine import ComplaintUnknown, questions_for
from booking.triage.facts import Patient, Pregnant, Sex, Truth
from booking.triage.reading import Aloud
from tests.unit.triage_builders import a_document, shipped, written

BABY = Patient.aged(months=1, sex=Sex.MALE)
ADULT = Patient.aged(years=40, sex=Sex.MALE)
OURS = shipped()
PATHS = reading.paths(OURS)


def small():
    return written(a_document())


def test_160_words_take_a_minute():
    assert (Aloud(20, 160).seconds, Aloud(0, 0).seconds, Aloud(1, 8).seconds) == (60, 0, 3)


def test_stage_1_is_the_same_for_everybody():
    assert reading.universal(small()) == Aloud(1, 2)


def test_stage_2_is_read_to_whom_it_concerns():
    assert reading.stage2(small(), BABY) == Aloud(1, 2)
    assert reading.stage2(small(), ADULT) == Aloud(0, 0)


def test_a_complaint_is_read_with_its_choices():
    # Salive impossible à avaler (4), Fièvre (1), Depuis quand (2) Peu Longtemps (2), Combien (1)
    assert reading.complaint(small(), ADULT, "gorge") == Aloud(4, 10)


def test_a_complaint_that_the_protocol_does_not_have_is_refused():
    with pytest.raises(ComplaintUnknown):
        reading.complaint(small(), ADULT, "genou")


def test_a_whole_path_is_both_stages_and_the_complaint():
    gorge, autre = reading.paths(small()).each

    assert (gorge.typical, gorge.longest) == (Aloud(5, 12), Aloud(6, 14))
    assert gorge.longest_for.age_months < 3
    assert (autre.complaint, autre.title) == ("autre", "Autre chose")


def test_the_median_and_the_longest_are_over_all_complaints():
    paths = reading.paths(small())

    assert paths.median_seconds == 3.0
    assert paths.longest.complaint == "gorge"


def test_a_childs_complaint_is_read_to_a_child():
    document = a_document()
    document["complaints"][0]["scope"] = {"age_months": {"below": 3}}

    gorge, _ = reading.paths(written(document)).each

    assert gorge.typical == gorge.longest == Aloud(6, 14)


def test_stage_1_of_our_protocol_is_read_in_25_seconds():
    assert reading.universal(OURS).seconds <= 25


@pytest.mark.parametrize("path", PATHS.each, ids=lambda path: path.complaint)
def test_nobody_hears_more_than_the_longest_path_says(path):
    scope = OURS.by_complaint[path.complaint].scope
    people = [
        Patient.aged(months=months, sex=sex, pregnant=pregnant)
        for months in (0, 2, 5, 30, 100, 170, 190, 420, 700, 790, 950)
        for sex in (Sex.FEMALE, Sex.MALE)
        for pregnant in (Pregnant.NO, Pregnant.YES)
    ]
    heard = [
        reading.aloud(questions_for(OURS, who, [path.complaint]).all()).words
        for who in people
        if scope.hold_for(who) is Truth.YES
    ]

    assert max(heard) <= path.longest.words
    assert path.typical.words <= path.longest.words
