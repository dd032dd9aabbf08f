"""Who has to look at a promise by now: once each, in order, whatever the clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.desk import escalation
from booking.models import EscalatedTo
from notifications.gsm7 import segments
from notifications.messages import DeadlineNear
from tests.clockwork import NOON

PARIS = ZoneInfo("Europe/Paris")
PERCENTS = (50, 75, 90)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(tzinfo=UTC)
)
lengths = st.timedeltas(timedelta(minutes=1), timedelta(hours=25))
percents = st.sets(st.integers(1, 99), min_size=3, max_size=3).map(sorted)


def looked(all_steps, times):
    """Everybody who was made to look, asked again and again at these moments, in order."""
    reached, told = None, []
    for now in sorted(times):
        to = escalation.due_step(all_steps, reached, now=now)
        if to is not None:
            told.append((to, now))
            reached = to
    return told


def test_the_default_is_half_three_quarters_and_nine_tenths():
    every = escalation.steps(NOON, NOON + timedelta(hours=10), PERCENTS)

    assert [(step.to, step.at - NOON) for step in every] == [
        (EscalatedTo.OPERATOR, timedelta(hours=5)),
        (EscalatedTo.COORDINATOR, timedelta(hours=7.5)),
        (EscalatedTo.ON_CALL, timedelta(hours=9)),
    ]


@given(moments, lengths, percents, st.lists(st.floats(0, 2), max_size=20))
def test_nobody_is_told_twice_too_early_or_after_somebody_graver(began, length, at, fractions):
    every = escalation.steps(began, began + length, at)
    due = {step.to: step.at for step in every}

    told = looked(every, [began + length * fraction for fraction in fractions])

    order = [escalation.STEPS.index(to) for to, _ in told]
    assert order == sorted(set(order))
    assert all(due[to] <= now for to, now in told)


@given(moments, lengths, percents, st.floats(1, 3))
def test_whoever_looks_late_finds_the_last_who_has_to(began, length, at, fraction):
    every = escalation.steps(began, began + length, at)

    assert escalation.due_step(every, None, now=began + length * fraction) is EscalatedTo.ON_CALL


@given(moments, lengths, percents, st.sampled_from([None, *EscalatedTo]))
def test_the_next_moment_is_the_first_at_which_somebody_has_to(began, length, at, reached):
    every = escalation.steps(began, began + length, at)

    moment = escalation.next_moment(every, reached)

    if moment is None:
        assert reached is EscalatedTo.ON_CALL
        assert escalation.due_step(every, reached, now=began + length * 9) is None
    else:
        assert escalation.due_step(every, reached, now=moment) is not None
        just_before = moment - timedelta(microseconds=1)
        assert escalation.due_step(every, reached, now=just_before) is None


@pytest.mark.parametrize("day", [(2027, 3, 28), (2027, 10, 31)])
def test_on_the_days_on_which_clocks_change_half_the_time_is_half_the_hours(day):
    # From 0 h 30 for four hours: the wall shows 5 h 30 in spring, 3 h 30 in autumn.
    began = datetime(*day, 0, 30, tzinfo=PARIS).astimezone(UTC)
    every = escalation.steps(began, began + timedelta(hours=4), PERCENTS)

    assert every[0].at - began == timedelta(hours=2)
    assert every[0].at.utcoffset() == timedelta()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_who_is_on_call_reads_one_sms_without_anybody_in_it(language):
    link = "https://rendez-vous.cpts-des-vallees-de-l-orbe-et-du-lunain.fr/console"
    said = DeadlineNear(
        starts_at=datetime(2026, 11, 25, 15, 40, tzinfo=UTC),
        place="",
        link=link,
        zone=PARIS,
        language=language,
    ).sms()

    print(said)
    assert segments(said) == 1
    assert said.endswith(link)
    if language == "fr":
        words = "JourMeme : une demande n'a pas de rendez-vous, échéance mercredi 25 nov. à 16h40."
        assert said == f"{words} {link}"
