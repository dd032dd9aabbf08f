"""Days that repeat, and hours that stay on the wall when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import PARIS, day_bounds
from schedules.patterns import Pattern, cut, hours, overlap
from schedules.planned import slots_of

REUNION, MARTINIQUE = ZoneInfo("Indian/Reunion"), ZoneInfo("America/Martinique")
SPRINGS = (date(2026, 3, 29), date(2027, 3, 28))
AUTUMN = date(2026, 10, 25)
MONDAY = date(2026, 11, 23)


def opening(from_time, until_time, **but):
    said = {"slot_minutes": 20, "pause_minutes": 0, "most_slots": None}
    return SimpleNamespace(from_time=from_time, until_time=until_time, **said | but)


def walls(slots, zone=PARIS):
    return [start.astimezone(zone).strftime("%H:%M") for start, _ in slots]


def test_mondays_and_thursdays_until_a_last_day_that_counts():
    both = Pattern(MONDAY, date(2026, 12, 3), frozenset({1, 4}))

    assert [d.day for d in both.days(date(2026, 11, 1), date(2027, 1, 1))] == [23, 26, 30, 3]


def test_alternate_weeks_count_from_the_week_it_begins_in_on_whichever_day():
    # Begun on a Thursday: the Monday of that week is past, the one eleven days later is its turn.
    both = Pattern(MONDAY + timedelta(days=3), None, frozenset({1, 4}), every_weeks=2)

    found = list(both.days(MONDAY, MONDAY + timedelta(days=31)))

    assert found == [MONDAY + timedelta(days=d) for d in (3, 14, 17, 28, 31)]


def test_alternate_weeks_go_on_across_a_year_of_53_weeks():
    mondays = Pattern(date(2026, 12, 14), None, frozenset({1}), every_weeks=2)

    found = list(mondays.days(date(2026, 12, 14), date(2027, 1, 31)))

    assert found == [date(2026, 12, 14), date(2026, 12, 28), date(2027, 1, 11), date(2027, 1, 25)]


def test_what_happens_once_happens_once():
    once = Pattern(MONDAY, MONDAY, frozenset({1}))

    assert list(once.days(date(2020, 1, 1), date(2030, 1, 1))) == [MONDAY]


@pytest.mark.parametrize(
    ("zone", "day", "utc"),
    [
        (PARIS, date(2026, 3, 28), 8),
        (PARIS, SPRINGS[0], 7),
        (PARIS, date(2026, 10, 24), 7),
        (PARIS, AUTUMN, 8),
        (PARIS, date(2027, 3, 27), 8),
        (PARIS, SPRINGS[1], 7),
        (REUNION, SPRINGS[1], 5),
        (REUNION, AUTUMN, 5),
        (MARTINIQUE, SPRINGS[1], 13),
        (MARTINIQUE, AUTUMN, 13),
    ],
)
def test_nine_oclock_stays_nine_oclock_when_clocks_change(zone, day, utc):
    first, *_ = slots_of(opening(time(9), time(10)), day, zone)

    assert first[0] == datetime(day.year, day.month, day.day, utc, tzinfo=UTC)


@pytest.mark.parametrize("day", SPRINGS)
def test_a_night_that_spring_shortens_has_fewer_slots(day):
    slots = slots_of(opening(time(1), time(4), slot_minutes=30), day, PARIS)

    assert walls(slots) == ["01:00", "01:30", "03:00", "03:30"]


@pytest.mark.parametrize("day", SPRINGS)
def test_an_hour_that_does_not_exist_has_no_slots(day):
    assert slots_of(opening(time(2), time(3)), day, PARIS) == []
    assert slots_of(opening(time(2, 30), time(3, 15)), day, PARIS) == []


def test_a_night_that_autumn_lengthens_has_more_slots_each_of_real_minutes():
    slots = slots_of(opening(time(1), time(4), slot_minutes=30), AUTUMN, PARIS)

    assert walls(slots) == ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30"]
    assert {end - start for start, end in slots} == {timedelta(minutes=30)}


def test_pauses_lie_between_slots_and_none_is_needed_after_the_last():
    slots = slots_of(opening(time(9), time(10), pause_minutes=20), MONDAY, PARIS)

    assert walls(slots) == ["09:00", "09:40"]


def test_no_more_slots_than_wanted_and_the_first_ones():
    slots = slots_of(opening(time(9), time(12), most_slots=2), MONDAY, PARIS)

    assert walls(slots) == ["09:00", "09:20"]


def test_nothing_ends_after_the_last_hour():
    slots = slots_of(opening(time(9), time(9, 50)), MONDAY, PARIS)

    assert walls(slots) == ["09:00", "09:20"]


def test_without_hours_it_is_the_whole_day_of_25_hours_too():
    assert hours(AUTUMN, None, None, PARIS) == day_bounds(AUTUMN, PARIS)
    start, end = hours(AUTUMN, None, None, PARIS)
    assert end - start == timedelta(hours=25)


ZONES = st.sampled_from([PARIS, REUNION, MARTINIQUE])
DAYS = st.dates(date(2026, 3, 1), date(2027, 4, 30)) | st.sampled_from([*SPRINGS, AUTUMN])
WALL = st.integers(0, 24 * 12 - 1).map(lambda n: time(n // 12, n % 12 * 5))


@given(
    day=DAYS,
    zone=ZONES,
    walls=st.tuples(WALL, WALL).filter(lambda w: w[0] < w[1]),
    shape=st.tuples(st.integers(5, 60), st.integers(0, 60), st.none() | st.integers(1, 5)),
)
def test_slots_lie_in_their_hours_in_order_with_their_pauses(day, zone, walls, shape):
    length, pause, most = shape
    row = opening(*walls, slot_minutes=length, pause_minutes=pause, most_slots=most)
    start, end = hours(day, *walls, zone)

    slots = slots_of(row, day, zone)

    assert all(start <= one and other <= end for one, other in slots)
    assert all(b - a == timedelta(minutes=length) for a, b in slots)
    assert all(
        later[0] - sooner[1] == timedelta(minutes=pause) for sooner, later in pairwise(slots)
    )
    every = list(cut(start, end, timedelta(minutes=length), timedelta(minutes=pause)))
    assert slots == every[:most]
    # As many as fit: one more would end too late.
    after = every[-1][1] + timedelta(minutes=pause) if every else start
    assert after + timedelta(minutes=length) > end


@given(
    starts_on=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    lasts=st.none() | st.integers(0, 400),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    every=st.integers(1, 4),
    window=st.tuples(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 120)),
)
def test_days_are_those_of_an_independent_count(starts_on, lasts, weekdays, every, window):
    ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
    pattern = Pattern(starts_on, ends_on, weekdays, every)
    first, last = window[0], window[0] + timedelta(days=window[1])

    # Walk from its own week on, so many weeks at a time, and keep what lies in the window.
    week = starts_on - timedelta(days=starts_on.isoweekday() - 1)
    walked = []
    while week <= last:
        walked += [week + timedelta(days=n - 1) for n in sorted(weekdays)]
        week += timedelta(weeks=every)
    expected = [
        d
        for d in walked
        if max(first, starts_on) <= d <= (last if ends_on is None else min(last, ends_on))
    ]

    assert list(pattern.days(first, last)) == expected


def test_one_that_ends_as_the_other_starts_does_not_overlap():
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    hour = timedelta(hours=1)

    assert not overlap((noon, noon + hour), (noon + hour, noon + 2 * hour))
    assert overlap((noon, noon + hour), (noon + hour / 2, noon + 2 * hour))
