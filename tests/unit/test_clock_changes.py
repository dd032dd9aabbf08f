"""Both nights on which clocks change, in Paris and where they never do: what is due when.

Tables of moments in UTC, each worked out by hand: on 25 October 2026 at 01:00 UTC Paris goes from
+02 to +01, on 28 March 2027 at 01:00 UTC from +01 to +02. La Réunion stays at +04.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.desk import escalation, line, nightly, outcome_letters, validity, waiting_list
from booking.models import CareRequest
from booking.triage.protocol import Level
from config.clock import PARIS, day_bounds
from notifications import pacing
from notifications.reminders import is_quiet, reminder_at
from schedules.models import Community
from tests.builders import MOBILE

REUNION = ZoneInfo("Indian/Reunion")
MINUTE = timedelta(minutes=1)


def utc(said: str) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


def on_the_wall(said: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=zone).astimezone(UTC)


# Reminders

REMINDED = [
    # The Sunday of the change at nine, booked on Saturday morning: Saturday at 18:00.
    (PARIS, "2026-10-24T09:00", "2026-10-25T09:00", "2026-10-24T16:00"),
    (PARIS, "2027-03-27T09:00", "2027-03-28T09:00", "2027-03-27T17:00"),
    (REUNION, "2026-10-24T09:00", "2026-10-25T09:00", "2026-10-24T14:00"),
    (REUNION, "2027-03-27T09:00", "2027-03-28T09:00", "2027-03-27T14:00"),
    # Booked on Saturday too late for that: two hours before.
    (PARIS, "2026-10-24T16:30", "2026-10-25T14:00", "2026-10-25T11:00"),
    (PARIS, "2027-03-27T16:30", "2027-03-28T14:00", "2027-03-28T10:00"),
    (REUNION, "2026-10-24T16:30", "2026-10-25T14:00", "2026-10-25T08:00"),
    # The Monday after: Sunday at 18:00, by the new time.
    (PARIS, "2026-10-24T16:30", "2026-10-26T09:00", "2026-10-25T17:00"),
    (PARIS, "2027-03-27T16:30", "2027-03-29T09:00", "2027-03-28T16:00"),
    (REUNION, "2027-03-27T16:30", "2027-03-29T09:00", "2027-03-28T14:00"),
    # Two hours before would be before eight: nobody is reminded.
    (PARIS, "2026-10-24T16:30", "2026-10-25T09:30", None),
    (PARIS, "2027-03-27T16:30", "2027-03-28T09:30", None),
]


@pytest.mark.parametrize(("zone", "booked", "starts", "reminded"), REMINDED)
def test_a_reminder_leaves_at_its_hour_of_the_wall(zone, booked, starts, reminded):
    moment = reminder_at(on_the_wall(starts, zone), booked_at=on_the_wall(booked, zone), zone=zone)

    assert moment == (reminded and utc(reminded))


# Quiet hours, and the offers of the waiting list

QUIET = [
    # Last moment awake, first moment awake again; the night lasts 12 hours, 10, or 11.
    (PARIS, "2026-10-24T19:00", "2026-10-25T07:00", 12),
    (PARIS, "2027-03-27T20:00", "2027-03-28T06:00", 10),
    (REUNION, "2026-10-24T17:00", "2026-10-25T04:00", 11),
    (REUNION, "2027-03-27T17:00", "2027-03-28T04:00", 11),
]


@pytest.mark.parametrize(("zone", "falls_asleep", "wakes", "hours"), QUIET)
def test_quiet_hours_are_those_of_the_wall_through_the_whole_night(
    zone, falls_asleep, wakes, hours
):
    begins, ends = utc(falls_asleep), utc(wakes)

    assert ends - begins == timedelta(hours=hours)
    assert not is_quiet(begins - MINUTE, zone)
    assert all(is_quiet(begins + n * MINUTE, zone) for n in range(hours * 60))
    assert not is_quiet(ends, zone)


OFFERED = [
    # A need of today is written of until nine in the evening, one of 24 hours until eight.
    (PARIS, Level.SAME_DAY, "2026-10-24T19:00", "2026-10-25T07:00"),
    (PARIS, Level.SAME_DAY, "2027-03-27T20:00", "2027-03-28T06:00"),
    (PARIS, Level.WITHIN_24H, "2026-10-24T18:00", "2026-10-25T07:00"),
    (PARIS, Level.WITHIN_24H, "2027-03-27T19:00", "2027-03-28T06:00"),
    (REUNION, Level.WITHIN_24H, "2026-10-24T16:00", "2026-10-25T04:00"),
]


@pytest.mark.parametrize(("zone", "level", "last", "first"), OFFERED)
def test_slots_are_offered_until_the_evening_and_from_the_morning_of_the_wall(
    zone, level, last, first
):
    community = a_community(zone, closes=time(9))
    somebody = CareRequest(level=level, phone=MOBILE, wants_sms=True)

    def may_be_told(moment):
        return waiting_list.how(somebody, community, now=moment) is not None

    assert may_be_told(utc(last) - MINUTE)
    minutes = (utc(first) - utc(last)) // MINUTE
    assert not any(may_be_told(utc(last) + n * MINUTE) for n in range(minutes))
    assert may_be_told(utc(first))


def a_community(zone: ZoneInfo, closes: time) -> Community:
    return Community(zone_name=zone.key, opens_at=time(8), closes_at=closes)


LINES = [
    # A line that is answered until half past two on the night from Saturday to Sunday.
    (PARIS, "2026-10-25T00:30"),  # the first of two half past twos
    (PARIS, "2027-03-28T01:30"),  # no half past two: half past three
    (REUNION, "2026-10-24T22:30"),
]


@pytest.mark.parametrize(("zone", "closes"), LINES)
def test_a_line_that_closes_in_the_changing_hour_closes_once(zone, closes):
    community = a_community(zone, closes=time(2, 30))
    shut = utc(closes)

    assert line.is_open(community, shut - MINUTE)
    assert not any(line.is_open(community, shut + n * MINUTE) for n in range(5 * 60))


# Deadlines, and who has to look at them

DEADLINES = [
    # « Today » ends with its day; « within 24 hours » is 24 hours, whatever clocks show then.
    (PARIS, Level.SAME_DAY, "2026-10-24T22:30", "2026-10-25T23:00"),
    (PARIS, Level.SAME_DAY, "2026-10-25T12:00", "2026-10-25T23:00"),
    (PARIS, Level.SAME_DAY, "2027-03-27T23:30", "2027-03-28T22:00"),
    (PARIS, Level.SAME_DAY, "2027-03-28T12:00", "2027-03-28T22:00"),
    (REUNION, Level.SAME_DAY, "2026-10-25T12:00", "2026-10-25T20:00"),
    (PARIS, Level.WITHIN_24H, "2026-10-24T12:00", "2026-10-25T12:00"),
    (PARIS, Level.WITHIN_24H, "2027-03-27T12:00", "2027-03-28T12:00"),
]


@pytest.mark.parametrize(("zone", "level", "asked", "due"), DEADLINES)
def test_what_is_owed_is_due_at_one_moment(zone, level, asked, due):
    # More hours than any day has: it is the day's end that counts for « today ».
    hours = 24 if level is Level.WITHIN_24H else 30

    assert validity.deadline_of(level, hours, zone, now=utc(asked)) == utc(due)


FRACTIONS = [
    # Half, three quarters and nine tenths of the time there really is: 25 hours, 23, 24.
    (PARIS, "2026-10-25", ("2026-10-25T10:30", "2026-10-25T16:45", "2026-10-25T20:30")),
    (PARIS, "2027-03-28", ("2027-03-28T10:30", "2027-03-28T16:15", "2027-03-28T19:42")),
    (REUNION, "2026-10-25", ("2026-10-25T08:00", "2026-10-25T14:00", "2026-10-25T17:36")),
]


@pytest.mark.parametrize(("zone", "day", "looked"), FRACTIONS)
def test_who_has_to_look_is_told_after_parts_of_the_time_there_really_is(zone, day, looked):
    began = on_the_wall(f"{day}T00:00", zone)
    due = validity.end_of_day(zone, began)

    steps = escalation.steps(began, due, (50, 75, 90))

    assert [step.at for step in steps] == [utc(each) for each in looked]


# Pauses and short times are lengths: no wall has a say

CHANGES = [utc("2026-10-25T01:00"), utc("2027-03-28T01:00")]


@given(st.sampled_from(CHANGES), st.timedeltas(-10 * MINUTE, 10 * MINUTE), st.integers(1, 3))
def test_a_pause_that_passes_the_change_is_as_long_as_any(change, beside, tries):
    now = change + beside
    expires = now + timedelta(hours=3)

    wait = pacing.pause(tries, expires - now)

    assert wait == pacing.RETRY_AFTER[tries - 1]
    in_paris = (now + wait).astimezone(PARIS)
    assert in_paris.astimezone(UTC) - now == wait


@pytest.mark.parametrize("change", CHANGES)
def test_a_judgement_counts_for_as_long_as_on_any_night(change):
    asked = CareRequest(level=Level.SAME_DAY, assessed_at=change - 10 * MINUTE)

    assert not validity.is_too_old(asked, change + 19 * MINUTE)
    assert validity.is_too_old(asked, change + 20 * MINUTE)


# What is asked in the evening, and done at night

ASKED = [
    # The last appointment ends at 20:40 on Saturday: on Sunday at eight.
    (PARIS, "2026-10-24T20:40", "2026-10-25T07:00"),
    (PARIS, "2027-03-27T20:40", "2027-03-28T06:00"),
    (REUNION, "2026-10-24T20:40", "2026-10-25T04:00"),
    # At noon on the Sunday itself: at six in the evening.
    (PARIS, "2026-10-25T12:00", "2026-10-25T17:00"),
    (PARIS, "2027-03-28T12:00", "2027-03-28T16:00"),
    # In the hour that autumn repeats: a night call, asked about in the evening.
    (PARIS, "2026-10-25T02:30", "2026-10-25T17:00"),
]


@pytest.mark.parametrize(("zone", "ends", "asked"), ASKED)
def test_professionals_are_asked_in_the_evening_or_the_next_morning(zone, ends, asked):
    assert outcome_letters.asked_at(on_the_wall(ends, zone), zone) == utc(asked)


@pytest.mark.parametrize("night", ["2026-10-25", "2027-03-28"])
def test_what_is_done_once_a_night_is_done_once_and_outside_the_changing_hour(night):
    begins, ends = day_bounds(date.fromisoformat(night), PARIS)
    last, done = begins - MINUTE, []
    for n in range((ends - begins) // MINUTE):
        now = begins + n * MINUTE
        if nightly.is_due(last, now=now):
            last = now
            done.append(now)

    assert done == [on_the_wall(f"{night}T01:00", PARIS)]
