"""Moments, ages and distances in words, in the zone of the territory."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from booking.web import wording
from booking.web.births import month_number
from booking.web.security_headers import compact
from config.clock import PARIS
from notifications.phones import parse

REUNION = ZoneInfo("Indian/Reunion")
SATURDAY = datetime(2026, 11, 21, 9, 40, tzinfo=UTC)
NB = "\u00a0"


@pytest.fixture
def english() -> Iterator[None]:
    app = Flask(__name__)
    Babel(app, locale_selector=wording.language)
    with app.test_request_context("/?lang=en"):
        yield


def test_an_hour_is_that_of_the_territory():
    assert wording.hour(SATURDAY, PARIS) == f"10{NB}h{NB}40"
    assert wording.hour(SATURDAY, REUNION) == f"13{NB}h{NB}40"


def test_today_and_tomorrow_are_named():
    assert (
        wording.day_and_hour(SATURDAY, PARIS, now=SATURDAY)
        == f"aujourd’hui, samedi 21{NB}novembre, à 10{NB}h{NB}40"
    )
    assert wording.day(SATURDAY + timedelta(days=1), PARIS, now=SATURDAY).startswith("demain, ")
    assert wording.day(SATURDAY - timedelta(days=1), PARIS, now=SATURDAY).startswith("hier, ")
    assert wording.day(SATURDAY + timedelta(days=2), PARIS, now=SATURDAY).startswith("lundi ")


def test_the_same_moment_is_tomorrow_in_another_territory():
    late = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)

    assert wording.day(late, PARIS, now=SATURDAY).startswith("aujourd’hui")
    assert wording.day(late, REUNION, now=SATURDAY).startswith("demain")


def test_tomorrow_after_the_clocks_change_is_tomorrow():
    eve = datetime(2027, 10, 30, 22, 30, tzinfo=UTC)

    said = wording.short_day_and_hour(eve + timedelta(hours=24), PARIS, now=eve)

    assert said == f"23{NB}h{NB}30"


def test_the_end_of_the_day_is_midnight():
    midnight = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)

    assert wording.short_day_and_hour(midnight, PARIS, now=SATURDAY) == "minuit"


def test_full_hours_need_no_minutes():
    assert wording.round_hour(time(8)) == f"8{NB}h"
    assert wording.round_hour(time(19, 30)) == f"19{NB}h{NB}30"


@pytest.mark.parametrize(
    ("born", "said"),
    [
        (date(2026, 11, 21), "moins d’un jour"),
        (date(2026, 11, 20), "1 jour"),
        (date(2026, 10, 1), "7 semaines"),
        (date(2025, 9, 1), "14 mois"),
        (date(2024, 11, 22), "23 mois"),
        (date(2024, 11, 21), "2 ans"),
        (date(1948, 3, 27), "78 ans"),
    ],
)
def test_an_age_is_said_as_people_say_it(born: date, said: str):
    assert wording.age(born, date(2026, 11, 21)) == said


def test_a_distance_is_said_with_a_comma():
    assert wording.distance(2.1) == "à 2,1 km"
    assert wording.distance(0.4) == "à moins de 1 km"


def test_in_english_hours_have_a_colon(english: None):
    assert wording.hour(SATURDAY, PARIS) == "10:40"
    assert wording.weekday_and_day(date(2026, 11, 21)) == f"Saturday 21{NB}November"


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_hour_breaks_across_lines(moment: datetime):
    assert " " not in wording.hour(moment, PARIS)


@pytest.mark.parametrize("number", ["06 39 98 00 01", "01 99 00 00 15", "0262 12 34 56"])
def test_a_number_shown_again_is_the_same_number(number: str):
    kept = parse(number).e164

    assert parse(wording.spaced(kept)).e164 == kept


@pytest.mark.parametrize(
    ("said", "month"),
    [
        ("3", 3),
        ("03", 3),
        ("mars", 3),
        ("mar.", 3),
        ("MARS", 3),
        ("août", 8),
        ("Aout", 8),
        ("déc.", 12),
        ("fév", 2),
        ("may", 5),
        ("jui", None),
        ("juil", 7),
        ("juin", 6),
        ("13", None),
        ("0", None),
        ("ma", None),
        ("x", None),
        ("٣", None),
    ],
)
def test_a_month_is_understood_as_people_write_it(said: str, month: int | None):
    assert month_number(said) == month


def test_a_stylesheet_is_made_small_without_changing_what_it_says():
    css = '/* why */\na > b { color: red; }\n.x::before { content: "\\2190\\00a0"; }\n'

    assert compact(css) == 'a>b{color:red}.x::before{content:"\\2190\\00a0"}'
