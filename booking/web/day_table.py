"""The table of a day in words: its columns, its lines, and what each cell says and leads to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.desk import board
from booking.desk.blocking import Because
from booking.desk.board import Entry, State
from booking.desk.supply import Place
from booking.extensions import equipment
from booking.web import day_grid, staff_words, wording
from config.clock import local_day
from schedules.models import Community

BECAUSE = {
    Because.VISIT: lazy("Visite"),
    Because.BREAK: lazy("Pause"),
    Because.MEETING: lazy("Réunion"),
    Because.OTHER: lazy("Autre"),
}

ROUND = timedelta(minutes=5)
"""Where time that has begun is opened: from the next five minutes on."""


@dataclass(frozen=True)
class Day:
    """What is shown of one day, and at which moment."""

    community: Community
    entries: Sequence[Entry]
    reasons: Mapping[UUID, Because]
    """Why slots were taken back."""
    new: Collection[UUID]
    """Appointments that this account has not read about yet."""
    untold: Collection[UUID]
    """Appointments whose patient did not get the message about them."""
    now: datetime


def counted(day: Day) -> str:
    """Return « 5 rendez-vous · 14 libres · 1 à rappeler »."""
    states = [entry.state for entry in day.entries]
    booked = len([s for s in states if s in board.OF_BOOKING.values()])
    missed = states.count(State.MISSED)
    parts = [
        ngettext("%(num)d rendez-vous", "%(num)d rendez-vous", booked),
        staff_words.counted(states.count(State.FREE), _("libre"), _("libres")),
    ]
    if day.untold:
        parts.append(_("%(count)s à rappeler", count=len(day.untold)))
    if missed:
        parts.append(staff_words.counted(missed, _("absent"), _("absents")))
    return " · ".join(parts)


def laid_out(day: Day, places: Sequence[Place], chosen: UUID | None) -> dict[str, Any]:
    """Return the columns of the table and its lines; and who has nothing on that day.

    `on` is the column that a narrow screen shows: the chosen one, or the first.
    """
    columns = [list(column) for _, column in groupby(day.entries, key=lambda e: e.professional)]
    shown = [c for c in columns if chosen is None or c[0].professional == chosen]
    there = {column[0].professional for column in columns}
    return {
        "columns": [
            {"name": c[0].professional_name, "professional": c[0].professional} for c in shown
        ],
        "lines": _lines(day, shown),
        "people": _people(places),
        "idle": [p for p in _people(places) if p["professional"] not in there],
    }


def _people(places: Sequence[Place]) -> list[dict[str, Any]]:
    names = {p.professional: (p.professional_name, p.site) for p in reversed(places)}
    return [
        {"professional": who, "name": name, "site": site}
        for who, (name, site) in reversed(names.items())
    ]


def _lines(day: Day, columns: Sequence[Sequence[Entry]]) -> list[dict[str, Any]]:
    is_next = _next_free(day)
    drawn = []
    for line in day_grid.lines(columns):
        cells = [
            cell and _cell(day, cell, columns[number], is_next)
            for number, cell in enumerate(line.cells)
        ]
        drawn.append(
            {
                "hour": wording.hour(line.starts_at, day.community.zone),
                "is_hour": line.starts_at.astimezone(day.community.zone).minute == 0,
                "is_now": line.starts_at <= day.now < line.ends_at,
                "is_past": line.ends_at <= day.now,
                "cells": cells,
            }
        )
    return drawn


def _next_free(day: Day) -> UUID | None:
    """Return the first slot that is free: where the keyboard begins."""
    free = [entry for entry in day.entries if entry.state is State.FREE]
    return min(free, key=lambda entry: entry.starts_at).slot if free else None


def _cell(
    day: Day, cell: day_grid.Cell[Entry], column: Sequence[Entry], first_free: UUID | None
) -> dict[str, Any]:
    return {
        "lines": cell.lines,
        "entries": [
            told(each, day) | {"is_next": each.slot == first_free} for each in cell.entries
        ],
        "open_url": None if cell.entries else _open_url(day, cell, column[0]),
    }


def _open_url(day: Day, cell: day_grid.Cell[Entry], whose: Entry) -> str | None:
    """Return where time in which nothing is can be opened, if it is still to come."""
    begins = max(cell.starts_at, _rounded(day.now))
    if begins >= cell.ends_at:
        return None
    local = begins.astimezone(day.community.zone)
    return url_for(
        "day.slots.opening",
        qui=whose.professional,
        lieu=whose.site,
        jour=local.date(),
        heure=f"{local:%H:%M}",
    )


def _rounded(moment: datetime) -> datetime:
    whole = moment.replace(second=0, microsecond=0)
    return whole + ROUND - timedelta(minutes=whole.minute % 5)


def told(entry: Entry, day: Day) -> dict[str, Any]:
    """Return a moment of the day as its cell shows it: words, and nothing to look up."""
    zone, coming = day.community.zone, entry.coming
    said: dict[str, Any] = {
        "slot": entry.slot,
        "state": entry.state.value,
        "word": staff_words.STATES[entry.state],
        "from": wording.hour(entry.starts_at, zone),
        "until": wording.hour(entry.ends_at, zone),
        "professional": entry.professional_name,
        "site": entry.site_name,
        "url": url_for("day.slots.show", reference=entry.slot),
    }
    if entry.state is State.HELD and entry.kept_until:
        ends = wording.hour(entry.kept_until, zone)
        said["word"] = _("En cours de réservation jusqu’à %(hour)s", hour=ends)
    if entry.state is State.BLOCKED and entry.slot in day.reasons:
        said["word"] = _("Bloqué : %(why)s", why=BECAUSE[day.reasons[entry.slot]])
    if coming and coming.has_said_so and entry.state is State.BOOKED:
        said["word"] = _("Confirmé")
    if coming:
        said |= {
            "booking": coming.booking,
            "url": url_for("day.sheet.show", reference=coming.booking),
            "name": staff_words.person(coming.family_name, coming.given_name),
            "age": staff_words.age(coming.birth_date, coming.age_months, local_day(day.now, zone)),
            "complaints": staff_words.complaints(
                coming.complaints,
                equipment().protocol(wording.language(), day.community.id),
            ),
            "phone": coming.phone and wording.spaced(coming.phone),
            "note": coming.note,
            "level": staff_words.LEVELS[coming.level],
            "is_new": coming.booking in day.new,
            "is_untold": coming.booking in day.untold,
        }
    return said
