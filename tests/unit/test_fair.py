"""Whose turn it is to be asked: a total order, in which nobody who was asked more comes first."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from booking.desk.cascade.fair import RING_KM, Candidate, rank, wave
from tests.clockwork import NOON

ME = Candidate(
    professional_id=1,
    reference=UUID(int=1),
    is_regular_doctor=False,
    preference=0,
    distance_km=3.0,
    asked_lately=2,
    last_asked_at=NOON,
)


def other(**but):
    return replace(ME, professional_id=2, reference=UUID(int=2), **but)


def first(*candidates):
    [one] = wave(candidates, 1)
    return one


def test_the_patients_own_doctor_is_asked_first():
    assert first(ME, own := other(is_regular_doctor=True, distance_km=25.0, asked_lately=9)) == own


def test_the_profession_that_the_protocol_prefers_comes_before_a_nearer_one():
    assert first(other(preference=1, distance_km=0.1, asked_lately=0), ME) == ME


def test_who_is_of_a_nearer_ring_comes_before_who_was_asked_less():
    assert first(other(distance_km=RING_KM + 1, asked_lately=0), ME) == ME


def test_of_those_as_near_who_was_asked_less_comes_first():
    assert first(ME, less := other(asked_lately=1, distance_km=4.9)) == less


def test_asked_as_often_who_was_asked_longest_ago_comes_first_and_never_before_all():
    earlier = other(last_asked_at=NOON - timedelta(days=9))
    never = replace(earlier, reference=UUID(int=3), last_asked_at=None)

    assert wave([ME, earlier, never], 3) == [never, earlier, ME]


def test_where_nobody_knows_how_far_it_is_turns_alone_count():
    away = [replace(each, distance_km=None) for each in (ME, other(asked_lately=0))]

    assert wave(away, 2) == away[::-1]


@st.composite
def many(draw):
    return [
        Candidate(
            professional_id=number,
            reference=UUID(int=number + 1),
            is_regular_doctor=draw(st.booleans()),
            preference=draw(st.integers(0, 3)),
            distance_km=draw(st.none() | st.floats(0, 60)),
            asked_lately=draw(st.integers(0, 4)),
            last_asked_at=draw(st.none() | st.integers(0, 3).map(lambda d: NOON - timedelta(d))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(many(), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_wave_is_the_same_whatever_the_order_of_the_input(candidates, size, random):
    asked = wave(candidates, size)
    mixed = list(candidates)
    random.shuffle(mixed)

    assert wave(mixed, size) == asked
    assert len(asked) == min(size, len(candidates))


@given(many())
def test_no_two_have_the_same_place(candidates):
    assert len({rank(each) for each in candidates}) == len(candidates)


@given(many(), st.integers(1, 6))
def test_nobody_is_passed_over_for_a_like_who_was_asked_more_often(candidates, size):
    asked = wave(candidates, size)
    left = [each for each in candidates if each not in asked]

    def alike(one):
        far = 1000.0 if one.distance_km is None else one.distance_km
        return (one.is_regular_doctor, one.preference, int(far // RING_KM))

    for passed in left:
        for taken in asked:
            if alike(passed) == alike(taken):
                assert taken.asked_lately <= passed.asked_lately


@given(many(), st.integers(1, 6))
def test_wave_after_wave_everybody_is_asked_once(candidates, size):
    left, asked = list(candidates), []
    while left:
        now = wave(left, size)
        asked += now
        left = [each for each in left if each not in now]

    assert asked == sorted(candidates, key=rank)
