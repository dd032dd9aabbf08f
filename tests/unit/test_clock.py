"""Days and hours in a territory's zone, both clock changes included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import clock
from config.clock import PARIS, at, day_bounds, local_day

ZONES = [
    ZoneInfo(name)
    for name in ("Europe/Paris", "Indian/Reunion", "America/Martinique", "America/Cayenne")
]
DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2030, 12, 31))


def test_the_clock_gives_an_aware_moment():
    assert clock.utc_now().utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2027, 3, 28), 23), (date(2027, 10, 31), 25), (date(2027, 6, 1), 24)],
)
def test_a_day_has_23_24_or_25_hours(day, hours):
    first, last = day_bounds(day, PARIS)

    assert last - first == timedelta(hours=hours)


@given(DAYS, st.times(), st.sampled_from(ZONES))
def test_a_moment_of_a_day_is_on_that_day(day, wall, zone):
    first, last = day_bounds(day, zone)

    assert first <= at(day, wall.replace(tzinfo=None), zone) < last


def test_an_hour_that_spring_skips_is_one_hour_later_on_the_wall():
    skipped = at(date(2027, 3, 28), time(2, 30), PARIS)

    assert skipped.astimezone(PARIS).time() == time(3, 30)


def test_an_hour_that_autumn_repeats_is_the_first_of_the_two():
    assert at(date(2027, 10, 31), time(2, 30), PARIS) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_at_the_same_moment_it_is_another_day_overseas():
    moment = datetime(2027, 10, 30, 21, 0, tzinfo=UTC)

    assert local_day(moment, PARIS) == date(2027, 10, 30)
    assert local_day(moment, ZoneInfo("Indian/Reunion")) == date(2027, 10, 31)
