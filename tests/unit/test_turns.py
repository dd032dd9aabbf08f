"""Who is offered which slot: everybody at most one, each slot once, in an order that is total."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from booking.desk.turns import Match, rank, turns
from booking.triage.protocol import Level
from tests.clockwork import NOON

HOUR = timedelta(hours=1)
ME = Match(
    community_id=1,
    request=UUID(int=1),
    slot=UUID(int=9),
    has_none=True,
    level=Level.WITHIN_24H,
    left=4 * HOUR,
    since=NOON,
    starts_at=NOON + HOUR,
    distance_km=3.0,
)


def other(**but):
    return replace(ME, request=UUID(int=2), **but)


def first(*matches):
    [given] = turns(matches)
    return given


def test_a_need_of_today_comes_before_one_of_24_hours():
    assert first(ME, today := other(level=Level.SAME_DAY, left=9 * HOUR)) == today


def test_who_has_less_time_left_comes_first_at_the_same_level():
    assert first(ME, pressed := other(left=HOUR, distance_km=9.0)) == pressed


def test_who_is_nearer_comes_first_when_both_have_as_much_time():
    assert first(ME, near := other(left=4 * HOUR + HOUR / 4, distance_km=0.5)) == near
    assert first(near, replace(ME, distance_km=None)) == near


def test_who_has_no_appointment_comes_before_who_wants_theirs_sooner():
    assert first(other(has_none=False, level=Level.SAME_DAY), ME) == ME


def test_who_waits_longer_comes_first_when_nothing_else_tells():
    assert first(ME, earlier := other(since=NOON - HOUR)) == earlier


def test_who_lost_the_first_slot_gets_the_second():
    later = other(slot=UUID(int=8), starts_at=NOON + 2 * HOUR)

    assert turns([ME, other(), later]) == [ME, later]


@st.composite
def many_matches(draw):
    """Some who wait, some slots, and who suits what: a slot has one hour, somebody one need."""
    starts = {UUID(int=100 + n): NOON + n // 2 * HOUR for n in range(draw(st.integers(1, 5)))}
    needs = [
        {
            "request": UUID(int=1 + n),
            "has_none": draw(st.booleans()),
            "level": draw(st.sampled_from([Level.SAME_DAY, Level.WITHIN_24H])),
            "left": draw(st.integers(-3, 6)) * HOUR / 4,
            "since": NOON - draw(st.integers(0, 2)) * HOUR,
        }
        for n in range(draw(st.integers(1, 6)))
    ]
    return [
        replace(
            ME,
            slot=slot,
            starts_at=start,
            distance_km=draw(st.none() | st.floats(0, 40)),
            **need,
        )
        for need in needs
        for slot, start in starts.items()
        if draw(st.booleans())
    ]


@given(many_matches(), st.randoms(use_true_random=False))
def test_each_gets_one_slot_and_the_order_of_the_input_means_nothing(matches, random):
    given = turns(matches)

    assert len({m.request for m in given}) == len({m.slot for m in given}) == len(given)
    mixed = list(matches)
    random.shuffle(mixed)
    assert turns(mixed) == given


@given(many_matches())
def test_nobody_is_passed_over_for_somebody_who_comes_later(matches):
    given = turns(matches)
    served = {m.request: m for m in given}
    holder = {m.slot: m for m in given}

    for match in matches:
        mine = served.get(match.request)
        got = holder.get(match.slot)
        # A slot is left only by who has another, or to somebody who comes first.
        assert got is not None or mine is not None
        if mine is None:
            assert rank(got) <= rank(match)


@given(many_matches())
def test_no_two_have_the_same_place_for_one_slot(matches):
    places = [(m.slot, rank(m)) for m in matches]

    assert len(set(places)) == len(places)
