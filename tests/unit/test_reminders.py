"""When somebody is reminded: never at night, never of what they have just been told."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.reminders import SPARED, is_quiet, reminder_at

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from(
    [PARIS, *map(ZoneInfo, ("Indian/Reunion", "America/Miquelon", "America/Guadeloupe"))]
)
FIRST = datetime(2027, 1, 1, tzinfo=UTC)
moments = st.integers(0, 366 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))


@given(booked=moments, minutes=st.integers(1, 3 * 24 * 60), zone=ZONES)
def test_nobody_is_reminded_at_night_at_once_or_after_the_hour(booked, minutes, zone):
    starts = booked + timedelta(minutes=minutes)

    moment = reminder_at(starts, booked_at=booked, zone=zone)

    if moment is not None:
        assert not is_quiet(moment, zone)
        assert booked + SPARED <= moment <= starts - timedelta(hours=2)
        assert starts.astimezone(zone).date() > booked.astimezone(zone).date()


@pytest.mark.parametrize(
    ("booked", "starts", "reminded"),
    [
        ("27 11:00", "28 09:00", "27 18:00"),
        ("27 16:30", "28 14:00", "28 12:00"),
        ("27 16:30", "28 09:00", None),
        ("27 22:30", "28 10:30", "28 08:30"),
        ("27 09:00", "27 20:00", None),
        ("26 11:00", "28 14:00", "27 18:00"),
    ],
)
def test_the_evening_before_or_two_hours_before_on_the_night_the_clocks_change(
    booked, starts, reminded
):
    def at(said):
        return datetime.strptime(f"2027-03-{said}", "%Y-%m-%d %H:%M").replace(tzinfo=PARIS)

    found = reminder_at(
        at(starts).astimezone(UTC), booked_at=at(booked).astimezone(UTC), zone=PARIS
    )

    assert found == (reminded and at(reminded))
