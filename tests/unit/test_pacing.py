"""How long a message waits, in the time that is left."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import pacing

lengths = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=2))


@given(left=lengths, tries=st.integers(1, 20))
def test_no_pause_uses_more_than_a_small_part_of_what_is_left(left, tries):
    pause = pacing.pause(tries, left)

    assert pause is None or pause <= left / 8


@given(left=lengths)
def test_however_much_time_is_left_somebody_else_is_asked_soon(left):
    waited = timedelta()
    for tries in range(1, pacing.MOST_CALLS + 1):
        pause = pacing.pause(tries, left - waited)
        if pause is None:
            break
        waited += pause

    assert pacing.pause(pacing.MOST_CALLS, left) is None
    assert waited <= min(timedelta(minutes=7), left)


@given(left=lengths)
def test_pauses_grow(left):
    pauses = [pacing.pause(tries, left) for tries in range(1, pacing.MOST_CALLS)]
    taken = [pause for pause in pauses if pause is not None]

    assert taken == sorted(taken)
    assert pauses == taken + [None] * (len(pauses) - len(taken))


@pytest.mark.parametrize(
    ("minutes", "pauses"), [(5, [20]), (40, [20, 60, 300]), (30, [20, 60]), (2, [])]
)
def test_an_appointment_that_is_near_waits_for_no_long_pause(minutes, pauses):
    left = timedelta(minutes=minutes)

    found = [pacing.pause(tries, left) for tries in (1, 2, 3)]

    assert [each.total_seconds() for each in found if each] == pauses


@given(left=lengths)
def test_a_report_is_awaited_half_a_minute_to_three(left):
    assert timedelta(seconds=30) <= pacing.report_wait(left) <= timedelta(minutes=3)


@given(left=lengths, more=lengths)
def test_less_time_left_never_means_waiting_longer(left, more):
    assert pacing.report_wait(left) <= pacing.report_wait(left + more)
