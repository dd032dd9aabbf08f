"""A ladder widens step by step, whatever its steps; what makes no ladder is refused by name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import ladder
from schedules.ladder import Audience, Step

ELEVEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
USUAL = [
    {"to": "OWN", "before": None},
    {"to": "CPTS", "before": 1440},
    {"to": "SNP", "before": 240, "keep": 1},
    {"to": "PUBLIC", "before": 120},
    {"to": "BACK", "before": 30},
]


def ladders():
    def of(audiences, befores):
        chosen = sorted(audiences, key=list(Audience).index)
        hours = sorted(befores, reverse=True)[: len(chosen) - 1]
        return tuple(Step(to, before) for to, before in zip(chosen, [None, *hours], strict=False))

    return st.builds(
        of,
        st.sets(st.sampled_from(Audience), min_size=1),
        st.sets(st.integers(0, 5000).map(lambda m: timedelta(minutes=m)), min_size=5, max_size=5),
    )


def test_a_ladder_is_read_as_it_was_written():
    steps = ladder.ladder_of(USUAL)

    assert [step.to for step in steps] == list(Audience)
    assert steps[2] == Step(Audience.SNP, timedelta(hours=4), keep=1)
    assert ladder.written(steps) == USUAL


@given(ladders())
def test_any_ladder_can_be_written_and_read_again(steps):
    assert ladder.ladder_of(ladder.written(steps)) == steps


@pytest.mark.parametrize(
    ("steps", "why", "which"),
    [
        ([{"to": "NOBODY", "before": None}], "unreadable", 0),
        ([{"to": "CPTS", "before": None, "at": 1}], "unreadable", 0),
        ([{"to": "CPTS", "before": None}, {"to": "SNP", "before": -1}], "unreadable", 0),
        ([{"to": "CPTS", "before": 60}], "begins", 0),
        ([{"to": "CPTS", "before": None}, {"to": "SNP", "before": None}], "begins", 1),
        ([{"to": "SNP", "before": None}, {"to": "CPTS", "before": 60}], "widens", 1),
        (
            [
                {"to": "OWN", "before": None},
                {"to": "CPTS", "before": 60},
                {"to": "SNP", "before": 60},
            ],
            "comes_nearer",
            2,
        ),
    ],
)
def test_steps_that_make_no_ladder_are_refused_by_name(steps, why, which):
    with pytest.raises(ladder.LadderRefused) as refused:
        ladder.ladder_of(steps)

    assert (refused.value.why, refused.value.step) == (why, which)


def test_a_slot_stands_where_its_hour_says():
    steps = ladder.ladder_of(USUAL)

    def at(hours):
        there = ladder.standing(steps, ELEVEN, now=ELEVEN - timedelta(hours=hours))
        return there.audience, there.next_at and ELEVEN - there.next_at

    assert at(48) == (Audience.OWN, timedelta(hours=24))
    assert at(24) == (Audience.CPTS, timedelta(hours=4))
    assert at(3) == (Audience.SNP, timedelta(hours=2))
    assert at(2) == (Audience.PUBLIC, timedelta(minutes=30))
    assert at(0.25) == (Audience.BACK, None)


def test_without_a_ladder_a_slot_stays_as_it_was_published():
    assert ladder.standing((), ELEVEN, now=ELEVEN) is None


@given(ladders(), st.lists(st.integers(-6000, 60), min_size=2))
def test_as_its_hour_comes_nearer_a_slot_is_offered_to_no_fewer(steps, minutes):
    order = list(Audience)
    seen = [
        order.index(ladder.standing(steps, ELEVEN, now=ELEVEN + timedelta(minutes=m)).audience)
        for m in sorted(minutes)
    ]

    assert seen == sorted(seen)


@given(ladders(), st.integers(-6000, 60))
def test_the_next_step_is_always_still_to_come(steps, minutes):
    now = ELEVEN + timedelta(minutes=minutes)
    there = ladder.standing(steps, ELEVEN, now=now)

    assert there.next_at is None or now < there.next_at <= ELEVEN
    assert (there.next_at is None) == (there.taken == len(steps))


@given(ladders(), st.integers(0, 60 * 24 * 40))
def test_a_stretch_says_of_many_slots_what_is_said_of_each(steps, minutes):
    ahead = timedelta(minutes=minutes)
    within = [
        each
        for each in ladder.stretches(steps)
        if (each.later_than is None or ahead > each.later_than)
        and (each.until is None or ahead <= each.until)
    ]

    [stretch] = within
    there = ladder.standing(steps, ELEVEN, now=ELEVEN - ahead)
    assert (stretch.taken, stretch.to) == (there.taken, there.audience)
