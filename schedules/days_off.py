"""Public and school holidays of a territory: the only reader of the `holidays` library."""

from datetime import date
from functools import cache

import holidays

_PARTS = {"67": "6AE", "68": "6AE"}
"""Départements that the library knows under another name: both of Alsace are one territory."""

SCHOOL_ZONES = ("A", "B", "C")
"""Those whose dates are known. Corsica and overseas decide each year for themselves."""

SCHOOL_KNOWN_UNTIL = date(2028, 8, 31)
"""The end of the last school year that a ministry's order fixes (21 July 2026, for 2027-2028).

Later the library would guess. Move it on with the library, once a new order is in it.
"""


def is_public_holiday(day: date, territory: str) -> bool:
    """Return whether it is a public holiday in `FR`, or a part of it as `FR-57` or `FR-974`.

    A part that has no days of its own has those of all France.
    """
    return day in _public(territory, day.year)


def is_school_holiday(day: date, zone: str | None) -> bool:
    """Return whether schools are closed by the calendar of zone `A`, `B` or `C`.

    What is not known counts as a holiday: somebody who wanted none then is not made to work.
    """
    if zone not in SCHOOL_ZONES or day > SCHOOL_KNOWN_UNTIL:
        return True
    return day in _school(zone, day.year)


@cache
def _public(territory: str, year: int) -> frozenset[date]:
    part = territory.removeprefix("FR").removeprefix("-")
    part = _PARTS.get(part, part)
    known = part in holidays.country_holidays("FR").subdivisions
    return frozenset(holidays.country_holidays("FR", subdiv=part if known else None, years=year))


@cache
def _school(zone: str, year: int) -> frozenset[date]:
    found = holidays.country_holidays(
        "FR", subdiv=f"Zone {zone}", categories=(holidays.SCHOOL,), years=year
    )
    return frozenset(found)
