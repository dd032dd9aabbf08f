"""What an operator has typed so far → what the call says, with a hint beside what is not yet clear.

Nothing here refuses a form: it is read while somebody types. What is understood is kept, what is
not stays in its field and keeps nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _

from booking.models import LONGEST_ADDRESS, CallerIs
from booking.triage.facts import NO, UNKNOWN, Pregnant, Sex
from booking.triage.protocol import Question
from booking.web import answers
from booking.web.answers import Form, one
from booking.web.booking_pages import UNAVAILABLE
from booking.web.calls import births, finding
from booking.web.persons import LONGEST_NAME
from booking.web.staff_forms import PHONE_REFUSED, FormRefused
from notifications import phones
from schedules.models import Commune, Professional

NOBODY = ("aucun", "aucune", "non", "pas", "sans", "none", "no")
"""What an operator types where there is no regular doctor."""

MOST_COMPLAINTS = 3
QUESTION = "q-"
"""Before the id of a question, in the name of its field."""


@dataclass(frozen=True)
class Around:
    """What the territory offers to understand a form with, and which day it is there."""

    communes: Sequence[Commune]
    doctors: Sequence[Professional]
    today: date


@dataclass
class Entered:
    """What was understood, as `calls.save` takes it, and what was not, by field."""

    changes: dict[str, Any] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)


def read(form: Form, around: Around, complaints: Iterable[str]) -> Entered:
    """Read everything but the answers: those depend on what is read here.

    A field that the form does not have changes nothing: a page may show only some of them.
    """
    entered = Entered()
    for name, reader in _READERS.items():
        if name not in form:
            continue
        try:
            entered.changes |= reader(form, around)
        except FormRefused as refused:
            entered.hints |= refused.errors
    if "motif-lu" in form:
        known = set(complaints)
        chosen = [each for each in form.getlist("motif") if each in known]
        entered.changes["complaints"] = list(dict.fromkeys(chosen))[:MOST_COMPLAINTS]
    return entered


def questions(form: Form, asked: Iterable[Question]) -> dict[str, str | float | None]:
    """Return the answers to the questions that are read one by one, None where there is none."""
    heard: dict[str, str | float | None] = {}
    for question in asked:
        name = f"{QUESTION}{question.id}"
        if f"{name}-lu" in form:
            heard[question.id] = _answer(question, one(form, name), one(form, f"{name}-inconnu"))
    return heard


def _answer(question: Question, said: str, is_unknown: str) -> str | float | None:
    if said == UNKNOWN or is_unknown:
        return UNKNOWN
    heard = question.hear(said)
    return None if heard == UNKNOWN else heard


def _phone(form: Form, around: Around) -> dict[str, Any]:
    del around
    said = one(form, "telephone")
    if not said:
        return {"phone": None}
    try:
        return {"phone": phones.parse(said).e164}
    except phones.PhoneInvalid as refused:
        raise FormRefused({"telephone": str(PHONE_REFUSED[refused.reason])}) from None


def _commune(form: Form, around: Around) -> dict[str, Any]:
    said = one(form, "commune")
    if not said:
        return {"commune_insee": None, "latitude": None, "longitude": None}
    names = [(t.insee, each) for t in around.communes for each in (t.name, t.postal_code)]
    found = finding.named(said, names)
    if not found:
        raise FormRefused({"commune": _("Hors du territoire : le 15, ou la CPTS de sa commune")})
    towns = [town for town in around.communes if town.insee in found]
    if len(towns) > 1:
        among = ", ".join(town.name for town in towns[:4])
        raise FormRefused({"commune": _("Laquelle ? %(names)s", names=among)})
    return {
        "commune_insee": towns[0].insee,
        "latitude": towns[0].latitude,
        "longitude": towns[0].longitude,
    }


def _birth(form: Form, around: Around) -> dict[str, Any]:
    born = births.read(one(form, births.FIELD), around.today)
    if born is None:
        return {"birth_date": None, "age_months": None, "older_by_months": 0}
    return {
        "birth_date": born.birth_date,
        "age_months": born.age_months,
        "older_by_months": born.older_by_months,
    }


def _choice(name: str, column: str, known: Iterable[str]) -> "Reader":
    allowed = frozenset(known)

    def read_choice(form: Form, around: Around) -> dict[str, Any]:
        del around
        said = one(form, name)
        return {column: said if said in allowed else None}

    return read_choice


def _caller(form: Form, around: Around) -> dict[str, Any]:
    del around
    said = one(form, "qui")
    return {"caller": CallerIs(said) if said in set(CallerIs) else None}


def _text(name: str, column: str, longest: int) -> "Reader":
    def read_text(form: Form, around: Around) -> dict[str, Any]:
        del around
        said = one(form, name)
        if len(said) > longest:
            raise FormRefused({name: _("Écrivez %(count)d lettres au plus", count=longest)})
        return {column: said or None}

    return read_text


def _doctor(form: Form, around: Around) -> dict[str, Any]:
    said = one(form, "medecin")
    if not said:
        return {"has_regular_doctor": None, "regular_doctor": None}
    if finding.folded(said) in NOBODY:
        return {"has_regular_doctor": NO, "regular_doctor": None}
    bare = said.removeprefix("Dr ").removeprefix("dr ")
    names = [
        (str(d.reference), name)
        for d in around.doctors
        for name in (
            d.family_name,
            f"{d.family_name} {d.given_name}",
            f"{d.given_name} {d.family_name}",
        )
    ]
    found = finding.named(bare, names)
    if len(found) > 1:
        among = ", ".join(d.name for d in around.doctors if str(d.reference) in found[:4])
        raise FormRefused({"medecin": _("Lequel ? %(names)s", names=among)})
    theirs = next((d.reference for d in around.doctors if str(d.reference) in found), None)
    return {"has_regular_doctor": UNAVAILABLE, "regular_doctor": theirs}


def _sms(form: Form, around: Around) -> dict[str, Any]:
    del around
    return {"wants_sms": "oui" in form.getlist("sms")}


Reader = Callable[[Form, Around], Mapping[str, Any]]

_READERS: dict[str, Reader] = {
    "telephone": _phone,
    "commune": _commune,
    "qui": _caller,
    births.FIELD: _birth,
    "sexe": _choice("sexe", "sex", Sex),
    "enceinte": _choice("enceinte", "pregnant", Pregnant),
    "adresse": _text("adresse", "current_address", LONGEST_ADDRESS),
    "precision": _text("precision", "note", answers.LONGEST_NOTE),
    "medecin": _doctor,
    "nom": _text("nom", "family_name", LONGEST_NAME),
    "prenom": _text("prenom", "given_name", LONGEST_NAME),
    "sms": _sms,
}
