"""From « demain 11 h, trois fois 20 minutes » to the moments of slots."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import PARIS, local_day
from schedules.openings import Opening, OpeningRefused, moments

NOW = datetime(2027, 10, 30, 10, 0, tzinfo=UTC)
TODAY = date(2027, 10, 30)
TWENTY = timedelta(minutes=20)


def test_three_times_twenty_minutes_from_eleven_end_at_noon():
    times = moments(Opening(date(2027, 11, 2), time(11), 3, TWENTY), PARIS, now=NOW)

    assert [s.astimezone(PARIS).time() for s, _ in times] == [time(11), time(11, 20), time(11, 40)]
    assert times[-1][1].astimezone(PARIS).time() == time(12)


def test_slots_across_the_repeated_hour_of_autumn_still_last_twenty_minutes():
    times = moments(Opening(date(2027, 10, 31), time(1, 40), 6, TWENTY), PARIS, now=NOW)

    assert all(end - start == TWENTY for start, end in times)
    assert times[-1][1].astimezone(PARIS).time() == time(2, 40)


def test_an_opening_in_the_hour_that_spring_skips_starts_when_clocks_go_on():
    spring = datetime(2027, 3, 27, 10, 0, tzinfo=UTC)

    times = moments(Opening(date(2027, 3, 28), time(2, 30), 1, TWENTY), PARIS, now=spring)

    assert times[0][0].astimezone(PARIS).time() == time(3, 30)


@pytest.mark.parametrize(
    ("opening", "why"),
    [
        (Opening(TODAY, time(9), 1, TWENTY), "past"),
        (Opening(TODAY, time(12), 1, TWENTY), "past"),
        (Opening(TODAY + timedelta(days=40), time(9), 1, TWENTY), "too_far"),
        (Opening(TODAY, time(23, 50), 1, TWENTY), "crosses_midnight"),
        (Opening(TODAY, time(15), 0, TWENTY), "count"),
        (Opening(TODAY, time(15), 25, TWENTY), "count"),
        (Opening(TODAY, time(15), 1, timedelta(minutes=4)), "length"),
        (Opening(TODAY, time(15), 1, timedelta(minutes=61)), "length"),
    ],
)
def test_what_cannot_be_meant_is_refused(opening, why):
    with pytest.raises(OpeningRefused) as refused:
        moments(opening, PARIS, now=NOW)

    assert refused.value.why == why


def test_a_slot_may_end_at_midnight():
    times = moments(Opening(TODAY, time(23, 40), 1, TWENTY), PARIS, now=NOW)

    assert times[0][1].astimezone(PARIS).time() == time(0)


@given(
    day=st.dates(min_value=TODAY, max_value=TODAY + timedelta(days=30)),
    starts=st.times(),
    count=st.integers(1, 24),
    minutes=st.integers(5, 60),
)
def test_slots_follow_each_other_and_stay_on_their_day(day, starts, count, minutes):
    length = timedelta(minutes=minutes)
    try:
        times = moments(Opening(day, starts, count, length), PARIS, now=NOW)
    except OpeningRefused:
        return

    assert len(times) == count
    assert all(end - start == length for start, end in times)
    assert all(times[i][1] == times[i + 1][0] for i in range(count - 1))
    assert {local_day(start, PARIS) for start, _ in times} == {day}
