"""The release ladder: five lines of a form, and the sentence that says what will happen."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from werkzeug.datastructures import MultiDict

from booking.web import staff_forms, staff_words, wording
from schedules import ladder
from schedules.ladder import Audience, LadderRefused, Step

NAMES = {
    Audience.OWN: lazy("Mes patients"),
    Audience.CPTS: lazy("La CPTS"),
    Audience.SNP: lazy("Le SAS et les communautés voisines"),
    Audience.PUBLIC: lazy("Le public"),
    Audience.BACK: lazy("Rendus au professionnel"),
}
TO = {
    Audience.OWN: lazy("à mes patients"),
    Audience.CPTS: lazy("à la CPTS"),
    Audience.SNP: lazy("au SAS"),
    Audience.PUBLIC: lazy("au public"),
}
USUAL_HOURS = {
    Audience.CPTS: "24",
    Audience.SNP: "4",
    Audience.PUBLIC: "2",
    Audience.BACK: "0,5",
}
"""What stands in a line that nobody has filled in."""

MOST_HOURS = int(ladder.EARLIEST.total_seconds()) // 3600

WHY = {
    "comes_nearer": lazy("Chaque étape vient après celle d’avant : donnez-lui moins d’heures"),
    "begins": lazy("Donnez les heures de chaque étape, sauf de la première"),
    "widens": lazy("Chaque étape s’ouvre à plus de monde que celle d’avant"),
    "unreadable": lazy("Donnez des heures, par exemple 24 ou 0,5"),
}


def lines(steps: Sequence[Step], typed: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the five lines of the form: what was typed, else what these steps say."""
    by_audience = {step.to: step for step in steps}
    return [_line(audience, by_audience.get(audience), typed) for audience in Audience]


def _line(to: Audience, step: Step | None, typed: Mapping[str, str] | None) -> dict[str, Any]:
    before = "" if step is None or step.before is None else _hours(step)
    said = {
        "is_on": step is not None,
        "before": before or USUAL_HOURS.get(to, ""),
        "keep": str(step.keep) if step and step.keep else "",
    }
    if typed is not None:
        said = {
            "is_on": f"step_{to}" in typed,
            "before": typed.get(f"before_{to}", ""),
            "keep": typed.get(f"keep_{to}", ""),
        }
    return said | {"name": to.value, "text": NAMES[to], "has_hours": to is not Audience.OWN}


def _hours(step: Step) -> str:
    minutes = int(step.before.total_seconds()) // 60 if step.before is not None else 0
    return f"{minutes / 60:g}".replace(".", ",")


def read(form: MultiDict[str, str]) -> list[dict[str, Any]]:
    """Read the five lines: the steps that are ticked, as the database keeps them.

    Raises:
        FormRefused: with a sentence beside the line that is wrong.
    """
    said = staff_forms.typed(form)
    chosen = [to for to in Audience if f"step_{to}" in said]
    written = [
        {"to": to.value, "before": _minutes(said, to) if number else None}
        | ({"keep": keep} if (keep := staff_forms.a_count(said.get(f"keep_{to}"))) else {})
        for number, to in enumerate(chosen)
    ]
    try:
        return ladder.written(ladder.ladder_of(written))
    except LadderRefused as refused:
        to = chosen[min(refused.step, len(chosen) - 1)]
        raise staff_forms.FormRefused({f"before_{to}": str(WHY[refused.why])}) from None


def _minutes(said: Mapping[str, str], to: Audience) -> int:
    text = said.get(f"before_{to}", "").replace(",", ".").removesuffix("h").strip()
    try:
        hours = float(text) if text.isascii() else -1.0
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= MOST_HOURS:
        raise staff_forms.FormRefused({f"before_{to}": str(WHY["unreadable"])})
    return round(hours * 60)


def sentence(steps: Sequence[Step]) -> str:
    """Return « Réservés à mes patients, puis à la CPTS 24 h avant, … rendus 30 min avant. »."""
    if not steps:
        return str(_("Sans étapes : ils restent comme ils sont publiés."))
    first, *others = steps
    parts = [
        _("Rendus dès leur publication")
        if first.to is Audience.BACK
        else _("Réservés d’abord %(to)s", to=TO[first.to])
    ]
    for step in others:
        before = _length(step.before or timedelta())
        if step.to is Audience.BACK:
            parts.append(_("rendus %(length)s avant", length=before))
        else:
            parts.append(_("puis %(to)s %(length)s avant", to=TO[step.to], length=before))
        if step.keep:
            parts[-1] += " " + _("(%(count)d par jour exceptés)", count=step.keep)
    return ", ".join(map(str, parts)) + "."


def _length(before: timedelta) -> str:
    """Return « 24 h », « 1 h 30 », « 30 min »."""
    hours, minutes = divmod(int(before.total_seconds()) // 60, 60)
    return f"{hours}\u00a0h" if hours and not minutes else staff_words.span(before)


def happened(
    steps: Sequence[Step], taken: int, starts_at: datetime, zone: ZoneInfo, now: datetime
) -> list[dict[str, Any]]:
    """Return a slot's steps with their hours: those that it has taken, and those to come."""
    return [
        {
            "text": NAMES[step.to],
            "when": wording.short_day_and_hour(at, zone, now=now) if at else _("à la publication"),
            "is_done": number < taken,
        }
        for number, (step, at) in enumerate(ladder.moments(steps, starts_at))
    ]
