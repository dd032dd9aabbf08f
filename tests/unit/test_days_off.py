"""Public holidays of every part of France; school holidays as the ministry fixed them."""

from datetime import date, timedelta

import pytest

from schedules import days_off
from schedules.days_off import is_public_holiday, is_school_holiday

GOOD_FRIDAY = date(2027, 3, 26)


@pytest.mark.parametrize(
    ("day", "territory", "is_one"),
    [
        (date(2027, 3, 29), "FR", True),  # Easter Monday
        (date(2027, 5, 8), "FR", True),
        (date(2026, 11, 11), "FR-974", True),
        (GOOD_FRIDAY, "FR", False),
        (GOOD_FRIDAY, "FR-57", True),
        (GOOD_FRIDAY, "FR-67", True),
        (GOOD_FRIDAY, "FR-68", True),
        (date(2026, 12, 26), "FR-67", True),
        (date(2026, 12, 26), "FR-75", False),
        (date(2026, 12, 20), "FR-974", True),
        (date(2026, 12, 20), "FR", False),
        (date(2027, 5, 22), "FR-972", True),
        (date(2027, 5, 27), "FR-971", True),
        (date(2027, 6, 10), "FR-973", True),
        (date(2027, 4, 27), "FR-976", True),
        (date(2027, 5, 3), "FR", False),
    ],
)
def test_each_part_of_france_has_its_days(day, territory, is_one):
    assert is_public_holiday(day, territory) is is_one


def test_a_departement_without_days_of_its_own_has_those_of_all_france():
    assert is_public_holiday(date(2027, 7, 14), "FR-77")


def test_a_territory_that_is_none_has_those_of_all_france():
    assert is_public_holiday(date(2027, 7, 14), "FR-99")
    assert is_public_holiday(date(2027, 7, 14), "nowhere")


YEAR_2026_2027 = {
    "A": (("2026-10-17", "2026-11-01"), ("2026-12-19", "2027-01-03"),
          ("2027-02-13", "2027-02-28"), ("2027-04-10", "2027-04-25")),
    "B": (("2026-10-17", "2026-11-01"), ("2026-12-19", "2027-01-03"),
          ("2027-02-20", "2027-03-07"), ("2027-04-17", "2027-05-02")),
    "C": (("2026-10-17", "2026-11-01"), ("2026-12-19", "2027-01-03"),
          ("2027-02-06", "2027-02-21"), ("2027-04-03", "2027-04-18")),
}  # fmt: skip
"""Arrêté of 22 October 2025 (JORFTEXT000052416058), as two other data sets give it."""


@pytest.mark.parametrize("zone", YEAR_2026_2027)
def test_school_holidays_are_those_of_the_order(zone):
    expected = set()
    for first, last in YEAR_2026_2027[zone]:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            expected.add(day)
            day += timedelta(days=1)
    year = [date(2026, 9, 1) + timedelta(days=n) for n in range(246)]

    assert {day for day in year if is_school_holiday(day, zone)} == expected


def test_a_zone_or_year_that_nobody_has_fixed_counts_as_a_holiday():
    term = date(2026, 11, 23)

    assert not is_school_holiday(term, "A")
    assert is_school_holiday(term, None)
    assert is_school_holiday(term, "La Réunion")
    assert is_school_holiday(days_off.SCHOOL_KNOWN_UNTIL + timedelta(days=60), "A")
