"""An opening and an absence as one says them: « Tous les lundis et jeudis, 11 h – 12 h, … »."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking.desk.openings import Kept
from booking.triage.protocol import Protocol
from booking.web import staff_words, wording
from schedules.models import Absence, AppointmentType, Mode, Opening

WEEKDAYS = {
    1: lazy("lundis"),
    2: lazy("mardis"),
    3: lazy("mercredis"),
    4: lazy("jeudis"),
    5: lazy("vendredis"),
    6: lazy("samedis"),
    7: lazy("dimanches"),
}
SHORT = {
    1: lazy("Lun."),
    2: lazy("Mar."),
    3: lazy("Mer."),
    4: lazy("Jeu."),
    5: lazy("Ven."),
    6: lazy("Sam."),
    7: lazy("Dim."),
}
EVERY = {
    1: lazy("toutes les semaines"),
    2: lazy("une semaine sur deux"),
    3: lazy("une semaine sur trois"),
    4: lazy("une semaine sur quatre"),
}
MODES = {
    Mode.AMB: lazy("au cabinet"),
    Mode.HH: lazy("à domicile"),
    Mode.VR: lazy("en vidéo"),
}
TYPES = {
    AppointmentType.ROUTINE: lazy("sur rendez-vous"),
    AppointmentType.WALKIN: lazy("sans rendez-vous"),
}


def sentence(kept: Kept) -> str:
    """Return an opening in one sentence, its place and its rhythm included."""
    row = kept.opening
    parts = [days(row), _hours(row), *_slots(kept), _place(kept)]
    if row.every_weeks > 1:
        parts.append(str(EVERY[row.every_weeks]))
    return ", ".join(parts)


def days(row: Opening) -> str:
    """Return « Tous les lundis et jeudis », or the one day of what happens once."""
    if row.ends_on == row.starts_on:
        return wording.capital(str(_("le %(day)s", day=wording.weekday_and_day(row.starts_on))))
    if len(row.weekdays) == len(WEEKDAYS):
        return str(_("Tous les jours"))
    return str(_("Tous les %(days)s", days=_listed([str(WEEKDAYS[d]) for d in row.weekdays])))


def _listed(texts: Sequence[str]) -> str:
    *first, last = texts
    return str(_("%(first)s et %(last)s", first=", ".join(first), last=last)) if first else last


def _hours(row: Opening) -> str:
    return f"{wording.round_hour(row.from_time)} – {wording.round_hour(row.until_time)}"


def _slots(kept: Kept) -> list[str]:
    count, row = len(kept.times), kept.opening
    if not count:
        return []
    number = staff_words.counted(count, _("créneau"), _("créneaux"))
    said = [str(_("%(count)s de %(minutes)s min", count=number, minutes=row.slot_minutes))]
    if row.capacity > 1:
        said.append(str(_("%(count)d patients en même temps", count=row.capacity)))
    if row.pause_minutes:
        said.append(str(_("pause de %(minutes)d min entre deux", minutes=row.pause_minutes)))
    return said


def _place(kept: Kept) -> str:
    if kept.opening.mode is Mode.AMB:
        return kept.site.name
    return f"{MODES[kept.opening.mode]} ({kept.site.name})"


def more(kept: Kept, protocol: Protocol, today: date) -> list[str]:
    """Return what else is to be known of an opening, a line each."""
    row, said = kept.opening, list[str]()
    if row.starts_on > today and row.ends_on != row.starts_on:
        said.append(str(_("À partir du %(day)s", day=wording.weekday_and_day(row.starts_on))))
    if row.ends_on is not None and row.ends_on != row.starts_on:
        said.append(str(_("Jusqu’au %(day)s", day=wording.weekday_and_day(row.ends_on))))
    if row.appointment_type is AppointmentType.WALKIN:
        said.append(wording.capital(str(TYPES[row.appointment_type])))
    if row.only_own_patients:
        said.append(str(_("Pour mes patients seulement")))
    if row.complaints:
        reasons = staff_words.complaints(row.complaints, protocol)
        said.append(str(_("Motifs acceptés : %(reasons)s", reasons=reasons)))
    if row.on_public_holidays:
        said.append(str(_("Jours fériés compris")))
    if not row.in_school_holidays:
        said.append(str(_("Pas pendant les vacances scolaires")))
    return said


def absence(row: Absence) -> str:
    """Return « du mercredi 2 décembre au vendredi 4 décembre, de 9 h à 12 h »."""
    first = wording.weekday_and_day(row.starts_on)
    if row.ends_on == row.starts_on:
        said = _("le %(day)s", day=first)
    elif row.ends_on is None:
        said = _("à partir du %(day)s", day=first)
    else:
        last = wording.weekday_and_day(row.ends_on)
        said = _("du %(first)s au %(last)s", first=first, last=last)
    if row.from_time is not None and row.until_time is not None:
        hours = wording.round_hour(row.from_time), wording.round_hour(row.until_time)
        said += ", " + _("de %(first)s à %(last)s", first=hours[0], last=hours[1])
    return wording.capital(str(said))


def choices(texts: dict[Any, Any]) -> list[dict[str, str]]:
    """Return names and their words as the choices of a form."""
    return [
        {"value": str(getattr(each, "value", each)), "text": wording.capital(str(text))}
        for each, text in texts.items()
    ]
