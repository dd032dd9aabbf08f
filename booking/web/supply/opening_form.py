"""What somebody asks for when they reserve time week after week: read, checked, shown again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from werkzeug.datastructures import MultiDict

from booking.desk.openings import Kept
from booking.web import ladder_lines, staff_forms
from booking.web.staff_forms import FormRefused
from booking.web.supply.door import place_in
from schedules.models import AppointmentType, Mode, Visibility
from schedules.plans import Away, Plan
from schedules.slots import RESERVED

E = TypeVar("E", Mode, AppointmentType)

LISTS = ("weekdays", "complaints", "visibility")
"""Fields of which several values may be chosen."""

DEFAULTS: Mapping[str, Any] = {
    "weekdays": [],
    "from_time": "11:00",
    "until_time": "12:00",
    "slot_minutes": "20",
    "pause_minutes": "0",
    "most_slots": "",
    "capacity": "1",
    "ends_on": "",
    "every_weeks": "1",
    "mode": Mode.AMB.value,
    "appointment_type": AppointmentType.ROUTINE.value,
    "visibility": [v.value for v in RESERVED],
    "complaints": [],
    "ladder": "community",
}
REFUSED = {
    "weekdays": ("weekdays", lazy("Choisissez au moins un jour")),
    "weeks": ("every_weeks", lazy("Choisissez de toutes les semaines à une semaine sur quatre")),
    "last_day": ("ends_on", lazy("Le dernier jour est avant le premier")),
    "past": ("starts_on", lazy("C’est déjà passé : choisissez un jour à venir")),
    "too_far": ("starts_on", lazy("Commencez dans l’année qui vient")),
    "ends_before_starts": ("until_time", lazy("La fin est avant le début")),
    "hours": ("until_time", lazy("Donnez les deux heures, ou aucune pour la journée entière")),
    "length": ("slot_minutes", lazy("Un créneau dure de 5 à 60 minutes")),
    "pause": ("pause_minutes", lazy("Une pause dure de 0 à 60 minutes")),
    "count": ("most_slots", lazy("Ouvrez de 1 à 200 créneaux par jour, ou laissez vide")),
    "capacity": ("capacity", lazy("De 1 à 12 patients en même temps")),
    "no_slot": ("until_time", lazy("Aucun créneau ne tient entre ces deux heures")),
    "visibility": ("visibility", lazy("Choisissez au moins un public")),
    "ladder": ("ladder", lazy("Ces étapes ne se suivent pas")),
    "no_school_zone": (
        "in_school_holidays",
        lazy("La zone scolaire n’est pas réglée. Demandez-le au coordinateur de votre CPTS."),
    ),
    "no_day": ("weekdays", lazy("Aucun de ces jours ne tombe entre les deux dates")),
    "ended": ("weekdays", lazy("Cette plage vient d’être arrêtée. Enregistrez-en une autre.")),
}
"""From what schedules.plans refuses to the field, and the sentence with the mend."""


@dataclass(frozen=True)
class Asked:
    """A plan, and for whom and where."""

    plan: Plan
    place: tuple[UUID, UUID]


def typed(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return what was typed, to show it again or to hand it on unseen."""
    said: dict[str, Any] = dict(staff_forms.typed(form))
    return said | {name: form.getlist(name)[:200] for name in LISTS}


def as_typed(kept: Kept) -> dict[str, Any]:
    """Return an opening as its form would have been filled in."""
    row = kept.opening
    return {
        "place": f"{kept.professional.reference}~{kept.site.reference}",
        "weekdays": [str(day) for day in row.weekdays],
        "from_time": f"{row.from_time:%H:%M}",
        "until_time": f"{row.until_time:%H:%M}",
        "slot_minutes": str(row.slot_minutes),
        "pause_minutes": str(row.pause_minutes),
        "most_slots": str(row.most_slots or ""),
        "capacity": str(row.capacity),
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat() if row.ends_on else "",
        "every_weeks": str(row.every_weeks),
        "mode": row.mode.value,
        "appointment_type": row.appointment_type.value,
        "visibility": list(row.visibility),
        "complaints": list(row.complaints),
        "ladder": "community" if row.ladder is None else "own" if row.ladder else "none",
    } | {
        name: "1"
        for name, is_on in (
            ("only_own_patients", row.only_own_patients),
            ("on_public_holidays", row.on_public_holidays),
            ("not_in_school_holidays", not row.in_school_holidays),
        )
        if is_on
    }


def asked(form: MultiDict[str, str], today: date, known: Collection[str]) -> Asked:
    """Read the form of an opening; `known` are the reasons that the protocol has.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    reading = _Reading(form, today)
    place = place_in(reading.said.get("place", ""))
    if place is None:
        reading.errors["place"] = _("Choisissez pour qui, et où")
    weekdays = sorted({int(d) for d in form.getlist("weekdays") if d in {*"1234567"}})
    from_time, until_time = reading.an_hour("from_time"), reading.an_hour("until_time")
    length, pause = reading.a_number("slot_minutes"), reading.a_number("pause_minutes", 0)
    most, capacity = reading.a_number("most_slots", 0), reading.a_number("capacity", 1)
    starts_on = reading.a_day("starts_on", today)
    ends_on = reading.a_day("ends_on", None)
    ladder = reading.a_ladder(form)
    if reading.errors or place is None or not (from_time and until_time and starts_on):
        raise FormRefused(reading.errors)
    return Asked(
        Plan(
            starts_on=starts_on,
            ends_on=ends_on,
            weekdays=weekdays,
            from_time=from_time,
            until_time=until_time,
            slot_minutes=length,
            pause_minutes=pause,
            most_slots=most or None,
            capacity=capacity,
            every_weeks=reading.a_number("every_weeks", 1),
            mode=_one_of(Mode, reading.said.get("mode")) or Mode.AMB,
            appointment_type=_one_of(AppointmentType, reading.said.get("appointment_type"))
            or AppointmentType.ROUTINE,
            visibility=[v for v in Visibility if v.value in form.getlist("visibility")],
            complaints=sorted(set(form.getlist("complaints")) & set(known)),
            only_own_patients="only_own_patients" in form,
            on_public_holidays="on_public_holidays" in form,
            in_school_holidays="not_in_school_holidays" not in form,
            ladder=ladder,
        ),
        place,
    )


def away(form: MultiDict[str, str], today: date) -> tuple[Away, tuple[UUID, UUID]]:
    """Read the form of an absence.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    reading = _Reading(form, today)
    place = place_in(reading.said.get("place", ""))
    if place is None:
        reading.errors["place"] = _("Choisissez pour qui")
    first = reading.a_day("away_from", None)
    if first is None and "away_from" not in reading.errors:
        reading.errors["away_from"] = _("Indiquez le premier jour")
    last = reading.a_day("away_until", first)
    hours = [
        reading.an_hour(name) if reading.said.get(name) else None
        for name in ("away_starts", "away_ends")
    ]
    if reading.errors or place is None or first is None:
        raise FormRefused(reading.errors)
    return Away(starts_on=first, ends_on=last, from_time=hours[0], until_time=hours[1]), place


def _one_of(kind: type[E], text: str | None) -> E | None:
    return kind(text) if text in {each.value for each in kind} else None


class _Reading:
    """One form while it is read: what was typed, and what is wrong with it."""

    def __init__(self, form: MultiDict[str, str], today: date) -> None:
        self.said, self.today = staff_forms.typed(form), today
        self.errors = dict[str, str]()

    def an_hour(self, name: str) -> Any:
        try:
            return staff_forms.an_hour(self.said.get(name, ""))
        except ValueError:
            self.errors[name] = _("Indiquez une heure, par exemple 11:00")
            return None

    def a_number(self, name: str, usual: int | None = None) -> int:
        said = self.said.get(name, "")
        if not said and usual is not None:
            return usual
        found = staff_forms.a_count(said)
        if not found and said.strip("0"):
            self.errors[name] = _("Indiquez un nombre")
        return found

    def a_day(self, name: str, usual: date | None) -> date | None:
        said = self.said.get(name, "")
        if not said:
            return usual
        try:
            return staff_forms.a_day(said, self.today)
        except ValueError:
            self.errors[name] = _("Cette date n’existe pas, ou elle est trop loin")
            return None

    def a_ladder(self, form: MultiDict[str, str]) -> list[dict[str, Any]] | None:
        match self.said.get("ladder"):
            case "own":
                try:
                    return ladder_lines.read(form)
                except FormRefused as wrong:
                    self.errors |= wrong.errors
                    return None
            case "none":
                return []
            case _:
                return None
