"""What a coordinator types about a member → values, or sentences beside the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking.desk.membership import Member
from booking.web import member_words, staff_forms, wording
from booking.web.staff_forms import FormRefused
from schedules import enabling, nomenclature, rostering
from schedules.members import Person

REFUSED = {
    ("rpps", "taken"): lazy("Un membre a déjà ce numéro"),
    ("code", "unknown"): lazy("Choisissez une habilitation de la liste"),
    ("starts_on", "overlaps"): lazy("Ces dates chevauchent une habilitation déjà notée"),
    ("ends_on", "before_start"): lazy("Le dernier jour vient avant le premier"),
    ("ends_on", "overlaps"): lazy("Ces dates chevauchent une habilitation déjà notée"),
    ("email", "active"): lazy("Ce membre a déjà un compte qui s’ouvre"),
    ("email", "suspended"): lazy("Ce membre est suspendu : reprenez-le d’abord"),
    ("email", "invalid"): lazy("Indiquez une adresse électronique, par exemple nom@exemple.fr"),
    ("name", "invalid"): lazy("Indiquez un nom de 80 caractères au plus"),
}


@dataclass(frozen=True)
class Days:
    """What somebody is enabled for, between two days."""

    code: str
    starts_on: date
    ends_on: date | None


def as_kept(member: Member) -> dict[str, str]:
    """Return what the form shows of a member whom nobody changes yet."""
    who = member.who
    return {
        "civility": who.civility,
        "family_name": who.family_name,
        "given_name": who.given_name,
        "discipline": who.discipline,
        "languages": ", ".join(member_words.languages(who.languages)),
        "contact": who.email or "",
    }


def civilities() -> list[dict[str, str]]:
    """Return what can stand before a name."""
    return [{"value": each, "text": each or _("Aucune")} for each in rostering.CIVILITIES]


def disciplines() -> list[dict[str, str]]:
    """Return the disciplines that somebody can be of."""
    language = wording.language()
    return [
        {"value": each.code, "text": wording.capital(each.label(language))}
        for each in nomenclature.disciplines().values()
        if each.profession is not None
    ]


def rpps(said: Mapping[str, str]) -> str:
    """Read the national number.

    Raises:
        FormRefused: if it has not eleven digits.
    """
    number = said.get("rpps", "").replace(" ", "")
    if not rostering.RPPS.fullmatch(number):
        raise FormRefused({"rpps": _("Indiquez les 11 chiffres du numéro RPPS")})
    return number


def person(said: Mapping[str, str], before: Member | None) -> Person:
    """Read who a member is; their speciality stays while the discipline does.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    errors = _wrong_names(said)
    codes, unknown = member_words.language_codes(said.get("languages", ""))
    if unknown:
        errors["languages"] = _("Langue inconnue : %(said)s", said=", ".join(unknown))
    elif not codes:
        errors["languages"] = _("Indiquez au moins une langue")
    discipline = nomenclature.disciplines().get(said.get("discipline", ""))
    if discipline is None or discipline.profession is None:
        raise FormRefused({**errors, "discipline": _("Choisissez une profession de la liste")})
    if errors:
        raise FormRefused(errors)
    is_same = before is not None and before.who.discipline == discipline.code
    return Person(
        civility=said.get("civility", ""),
        family_name=said["family_name"],
        given_name=said["given_name"],
        profession=discipline.profession,
        speciality=before.who.speciality
        if before is not None and is_same
        else next(iter(discipline.specialities), None),
        discipline=discipline.code,
        languages=tuple(codes),
        email=said.get("contact") or None,
    )


def _wrong_names(said: Mapping[str, str]) -> dict[str, str]:
    errors = {}
    for name, missing in (
        ("family_name", _("Indiquez le nom de famille")),
        ("given_name", _("Indiquez le prénom")),
    ):
        if not any(sign.isalpha() for sign in said.get(name, "")):
            errors[name] = missing
        elif len(said[name]) > staff_forms.LONGEST_TEXT:
            errors[name] = _("Écrivez 80 caractères au plus")
    if said.get("civility", "") not in rostering.CIVILITIES:
        errors["civility"] = _("Choisissez une civilité de la liste")
    contact = said.get("contact", "")
    if contact and not rostering.is_email(contact):
        errors["contact"] = str(REFUSED["email", "invalid"])
    return errors


def days(said: Mapping[str, str]) -> Days:
    """Read what somebody is enabled for, from when, until when.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    errors: dict[str, str] = {}
    starts_on = _day(said, "starts_on", errors)
    ends_on = last_day(said) if said.get("ends_on") else None
    if starts_on is None and not errors:
        errors["starts_on"] = _("Indiquez le premier jour")
    if errors or starts_on is None:
        raise FormRefused(errors)
    return Days(said.get("code", ""), starts_on, ends_on)


def last_day(said: Mapping[str, str]) -> date | None:
    """Read a last day; none where the field is empty.

    Raises:
        FormRefused: if there is no such day.
    """
    errors: dict[str, str] = {}
    ends_on = _day(said, "ends_on", errors)
    if errors:
        raise FormRefused(errors)
    return ends_on


def _day(said: Mapping[str, str], name: str, errors: dict[str, str]) -> date | None:
    text = said.get(name, "")
    try:
        day = staff_forms.any_day(text) if text else None
    except ValueError:
        errors[name] = _("Cette date n’existe pas. Par exemple, 27/11/2026")
        return None
    if day is not None and day.year not in enabling.LIKELY_YEARS:
        errors[name] = _("Vérifiez l’année. Par exemple, 27/11/2026")
    return day
