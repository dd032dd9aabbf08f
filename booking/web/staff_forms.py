"""What staff type → values, or French sentences beside the fields. Nothing typed is lost."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from werkzeug.datastructures import MultiDict

from booking.models import Role
from notifications import phones
from notifications.phones import Phone, PhoneInvalid
from schedules import roster
from schedules.models import Visibility
from schedules.openings import Opening

LONGEST_TEXT = 80
LONGEST_ECHO = 500
"""Of what was typed, this much is read and shown again: nobody corrects more by hand."""

FURTHEST_DAY = timedelta(days=400)
"""How far from today a day can be looked at: beyond, it is a slip of the finger."""

HOUR = re.compile(r"([0-9]{1,2}) ?(?:[h:] ?([0-9]{2})?)?", re.IGNORECASE)
FRENCH_DAY = re.compile(r"([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})")

PHONE_REFUSED = {
    phones.Reason.EMPTY: lazy("Indiquez un numéro de téléphone"),
    phones.Reason.NOT_A_NUMBER: lazy("Un numéro de téléphone ne contient que des chiffres"),
    phones.Reason.TOO_SHORT: lazy(
        "Ce numéro ne semble pas complet. Vérifiez les 10 chiffres, par exemple 06 12 34 56 78"
    ),
    phones.Reason.TOO_LONG: lazy("Ce numéro a trop de chiffres"),
    phones.Reason.FOREIGN: lazy("Indiquez un numéro français"),
    phones.Reason.NOT_REACHABLE: lazy("Indiquez un numéro sur lequel on peut rappeler"),
    phones.Reason.UNASSIGNED: lazy("Ce numéro n’existe pas. Vérifiez les 10 chiffres"),
}


class FormRefused(ValueError):
    """What was typed cannot be used; `errors` says why, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


def clean(text: str) -> str:
    """Return what was typed on one line, without what no keyboard writes: controls, bidi marks."""
    kept = (" " if sign in "\t\r\n" else sign for sign in text)
    written = "".join(sign for sign in kept if unicodedata.category(sign)[0] != "C")
    return " ".join(unicodedata.normalize("NFC", written).split())


def plain(text: str) -> str:
    """Return letters as people compare them: no accents, no capitals."""
    bare = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in bare if not unicodedata.combining(sign)).casefold()


def typed(form: MultiDict[str, str]) -> dict[str, str]:
    """Return the first value of each field, cleaned and cut, to read and to show again."""
    return {name: clean(value[:LONGEST_ECHO])[:LONGEST_ECHO] for name, value in form.items()}


def a_day(text: str, today: date) -> date:
    """Return the day that was meant: « 2026-11-27 » or « 27/11/2026 », within 400 days.

    Raises:
        ValueError: if there is no such day, or it is too far away.
    """
    day = any_day(text)
    if abs(day - today) > FURTHEST_DAY:
        raise ValueError(text)
    return day


def any_day(text: str) -> date:
    """Return the day that was meant, as `a_day` understands it, however far away.

    Raises:
        ValueError: if there is no such day.
    """
    if french := FRENCH_DAY.fullmatch(text):
        return date(int(french[3]), int(french[2]), int(french[1]))
    if not roster.ISO_DAY.fullmatch(text):
        # Python would take « 2026-W48-1 » too.
        raise ValueError(text)
    return date.fromisoformat(text)


def an_hour(text: str) -> time:
    """Return the wall time that was meant: « 11:00 », « 11h », « 11 h 30 ».

    Raises:
        ValueError: if there is no such hour.
    """
    found = HOUR.fullmatch(text)
    if not found:
        raise ValueError(text)
    return time(int(found[1]), int(found[2] or 0))


def a_count(text: str | None) -> int:
    """Return a small number from an address; nought for anything else."""
    return _number(text or "") or 0


def a_reference(text: str | None) -> UUID | None:
    """Return the public name of a row, or None for what is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def a_slot(form: MultiDict[str, str]) -> UUID:
    """Read which slot was chosen.

    Raises:
        FormRefused: if none was.
    """
    slot = a_reference(form.get("slot"))
    if slot is None:
        raise FormRefused({"slot": _("Choisissez un rendez-vous")})
    return slot


def references(texts: Iterable[str], *, most: int) -> list[UUID]:
    """Return the public names among these texts, each once, `most` at most."""
    found = dict.fromkeys(filter(None, map(a_reference, texts)))
    return list(found)[:most]


@dataclass(frozen=True)
class Wished:
    """Slots that somebody wants to open, and for whom."""

    opening: Opening
    professional: UUID
    site: UUID
    visibility: tuple[Visibility, ...]
    field: str = ""
    """The one field that said it all, a phrase; none: each part has its own."""


def with_others(said: Mapping[str, str]) -> dict[str, str]:
    """Return what was tapped, or what was typed beside it: « ou une autre heure » wins."""
    typed_instead = {
        name: said[f"other_{name}"]
        for name in ("hour", "count", "length")
        if said.get(f"other_{name}")
    }
    return {**said, **typed_instead}


def wished(form: MultiDict[str, str], today: date) -> Wished:
    """Read the form that opens slots.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    said, errors = with_others(typed(form)), dict[str, str]()
    place = [a_reference(part) for part in said.get("place", "").split("~")]
    visibility = tuple(v for v in Visibility if v.value in form.getlist("visibility"))
    day = _wished_day(said, today)
    if day is None:
        field = "date" if said.get("day") == "other" else "day"
        errors[field] = _("Cette date n’existe pas, ou elle est trop loin")
    try:
        starts = an_hour(said.get("hour", ""))
    except ValueError:
        starts = time()
        errors["hour"] = _("Indiquez l’heure du premier créneau, par exemple 11:00")
    count, length = (_number(said.get(name, "")) for name in ("count", "length"))
    if count is None:
        errors["count"] = _("Indiquez un nombre de créneaux, de 1 à 24")
    if length is None:
        errors["length"] = _("Indiquez une durée en minutes, de 5 à 60")
    if len(place) != 2 or None in place:  # noqa: PLR2004 - a professional and a site
        errors["place"] = _("Choisissez pour qui ouvrir ces créneaux")
    if not visibility:
        errors["visibility"] = _("Choisissez au moins un public")
    if errors or day is None or count is None or length is None:
        raise FormRefused(errors)
    opening = Opening(day, starts, count, timedelta(minutes=length))
    professional, site = place
    assert professional is not None
    assert site is not None
    return Wished(opening, professional, site, visibility)


def _wished_day(said: Mapping[str, str], today: date) -> date | None:
    near = {"today": today, "tomorrow": today + timedelta(days=1)}
    choice = said.get("day", "")
    if choice in near:
        return near[choice]
    try:
        return a_day(said.get("date", ""), today) if choice == "other" else None
    except ValueError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else None  # noqa: PLR2004 - 999


@dataclass(frozen=True)
class Caller:
    """Who an appointment is for, as the operator heard it on the telephone."""

    family_name: str
    given_name: str
    phone: Phone


def caller(form: MultiDict[str, str]) -> Caller:
    """Read who an appointment is for.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    said, errors = typed(form), dict[str, str]()
    for name, missing in (
        ("family_name", _("Indiquez le nom de famille")),
        ("given_name", _("Indiquez le prénom")),
    ):
        if not any(sign.isalpha() for sign in said.get(name, "")):
            errors[name] = missing
        elif len(said[name]) > LONGEST_TEXT:
            errors[name] = _("Écrivez 80 caractères au plus")
    try:
        phone = phones.parse(said.get("phone", ""))
    except PhoneInvalid as wrong:
        errors["phone"] = str(PHONE_REFUSED[wrong.reason])
    if errors:
        raise FormRefused(errors)
    return Caller(said["family_name"], said["given_name"], phone)


def a_role(text: str) -> Role | None:
    """Return the role of that name, or None."""
    return Role(text) if text in set(Role) else None
