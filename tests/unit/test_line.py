"""When somebody answers the line, and what may be promised: pure, against plain arithmetic."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.desk import line, nothing_free
from booking.triage.protocol import Level
from config.clock import PARIS
from schedules.models import Community

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(tzinfo=UTC)
)
LENGTHS = st.timedeltas(timedelta(minutes=1), timedelta(hours=10))


def a_line(opens: time = time(8), closes: time = time(20), zone: str = "Europe/Paris") -> Community:
    return Community(opens_at=opens, closes_at=closes, zone_name=zone)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2027-03-26T07:59", False),
        ("2027-03-26T08:00", True),
        ("2027-03-26T19:59", True),
        ("2027-03-26T20:00", False),
        ("2027-03-27T12:00", True),
        ("2027-03-28T12:00", False),
    ],
)
def test_the_line_is_open_from_monday_to_saturday(moment, is_open):
    assert line.is_open(a_line(), paris(moment)) is is_open


def test_a_line_that_closes_at_midnight_is_open_until_then():
    late = a_line(time(8), time(0))

    assert line.is_open(late, paris("2027-03-26T23:59"))
    assert not line.is_open(late, paris("2027-03-27T00:00"))


def test_on_saturday_evening_it_opens_on_monday():
    assert line.next_open(a_line(), paris("2027-03-27T21:00")) == paris("2027-03-29T08:00")


@given(MOMENTS, LENGTHS)
def test_a_call_is_promised_for_an_hour_at_which_somebody_is_there(now, length):
    promised = line.call_within(a_line(), length, before=now + timedelta(days=5), now=now)

    assert promised is not None
    assert promised.by - promised.after == length
    assert promised.after >= now
    assert line.is_open(a_line(), promised.after)
    assert line.is_open(a_line(), promised.by - timedelta(microseconds=1))


@given(MOMENTS, LENGTHS, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_no_call_is_promised_beyond_the_deadline(now, length, left):
    promised = line.call_within(a_line(), length, before=now + left, now=now)

    assert promised is None or promised.by <= now + left


@given(MOMENTS, LENGTHS)
def test_working_time_ends_while_the_line_is_open_and_never_sooner(now, length):
    due = line.after_working(a_line(), length, now=now)

    assert due is not None
    assert due >= now + length
    assert line.is_open(a_line(), due - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("now", "level", "deadline", "promised"),
    [
        ("2027-03-26T10:00", Level.SAME_DAY, "2027-03-26T22:00", ("10:00", "10:30")),
        ("2027-03-26T19:30", Level.SAME_DAY, "2027-03-27T00:00", ("19:30", "20:00")),
        ("2027-03-26T19:31", Level.SAME_DAY, "2027-03-27T00:00", None),
        ("2027-03-26T23:00", Level.SAME_DAY, "2027-03-27T00:00", None),
        ("2027-03-26T06:00", Level.SAME_DAY, "2027-03-26T18:00", ("08:00", "08:30")),
        ("2027-03-25T21:00", Level.WITHIN_24H, "2027-03-26T21:00", ("08:00", "10:00")),
        ("2027-03-25T19:00", Level.WITHIN_24H, "2027-03-26T19:00", ("08:00", "10:00")),
        ("2027-03-27T19:00", Level.WITHIN_24H, "2027-03-28T19:00", None),
        ("2027-03-26T10:00", Level.NOT_UNSCHEDULED, "2027-03-27T10:00", None),
        ("2027-03-26T10:00", Level.CALL_15, "2027-03-27T10:00", None),
    ],
)
def test_only_what_somebody_can_keep_is_promised(now, level, deadline, promised):
    said = nothing_free.promise(a_line(), level, paris(deadline), now=paris(now))

    heard = said and tuple(f"{m.astimezone(PARIS):%H:%M}" for m in (said.after, said.by))
    assert heard == promised


def test_overseas_has_its_own_hours():
    reunion = a_line(zone="Indian/Reunion")

    assert line.is_open(reunion, datetime(2027, 3, 26, 5, tzinfo=UTC))
    assert not line.is_open(reunion, datetime(2027, 3, 26, 17, tzinfo=UTC))
