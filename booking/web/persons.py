"""Who the patient is and how to reach them: typed text → values, or a sentence beside the field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from booking.triage.facts import NO, YES
from booking.web.answers import Form, choice, one
from booking.web.staff_forms import PHONE_REFUSED, FormRefused
from notifications.phones import PhoneInvalid, Reason, parse

LONGEST_NAME = 80
LONGEST_EMAIL = 254
LONGEST_HOURS = 80


@dataclass(frozen=True)
class Person:
    """Who the patient is, and whether somebody else fills in the form."""

    family_name: str
    given_name: str
    is_for_another: bool


def person(form: Form) -> Person:
    """Return the patient's name.

    Raises:
        FormRefused: if a name is missing, has no letter, or is too long.
    """
    family, given = one(form, "nom"), one(form, "prenom")
    wrong = {
        field: sentence
        for field, said, empty in (
            ("nom", family, _("Indiquez le nom")),
            ("prenom", given, _("Indiquez le prénom")),
        )
        if (sentence := _wrong_name(said, empty))
    }
    if wrong:
        raise FormRefused(wrong)
    return Person(family, given, bool(one(form, "autre")))


def _wrong_name(said: str, empty: str) -> str | None:
    if not any(sign.isalpha() for sign in said):
        return empty
    return _("Écrivez 80 lettres au plus") if len(said) > LONGEST_NAME else None


@dataclass(frozen=True)
class Contact:
    """How to reach the patient, or whoever fills in the form for them. `phone` is E.164."""

    phone: str
    may_leave_message: bool
    wants_sms: bool
    email: str | None


def contact(form: Form, line: str) -> Contact:
    """Return the phone and the rest. `line` is whom to call for whoever has no French number.

    Raises:
        FormRefused: if the phone cannot be called, or something is not answered.
    """
    said = _each(
        form,
        {
            "telephone": lambda form: phone(form, line),
            "message": _message,
            "sms": _sms,
            "courriel": email,
        },
    )
    return Contact(
        said["telephone"], said["message"] == YES, said["sms"] == YES, said["courriel"] or None
    )


def _message(form: Form) -> str:
    return choice(form, "message", (YES, NO), _("Message : choisissez Oui ou Non"))


def _sms(form: Form) -> str:
    return choice(form, "sms", (YES, NO), _("SMS : choisissez Oui ou Non"))


def call_back(form: Form, line: str) -> tuple[str, str | None]:
    """Return the phone to call, in E.164, and when best, in the patient's words.

    `line` is whom to call for whoever has no French number.

    Raises:
        FormRefused: if the phone cannot be called, or the words fill more than a line.
    """
    said = _each(form, {"telephone": lambda form: phone(form, line), "heures": hours})
    return said["telephone"], said["heures"] or None


def _each(form: Form, readers: Mapping[str, Callable[[Form], str]]) -> dict[str, str]:
    """Read every field, so that all that is wrong is told at once."""
    wrong: dict[str, str] = {}
    said: dict[str, str] = {}
    for field, read in readers.items():
        try:
            said[field] = read(form)
        except FormRefused as refused:
            wrong |= refused.errors
    if wrong:
        raise FormRefused(wrong)
    return said


def phone(form: Form, line: str) -> str:
    """Return the phone in E.164, however it was spaced. `line` is whom to call without one.

    Raises:
        FormRefused: if it is no number at which a person in France can be called.
    """
    try:
        return parse(one(form, "telephone")).e164
    except PhoneInvalid as refused:
        wrong = {"telephone": _phone_refused(refused.reason, line)}
        raise FormRefused(wrong) from None


def _phone_refused(reason: Reason, line: str) -> str:
    """Return what to do about it: a foreign number is right, only not for us."""
    if reason is not Reason.FOREIGN:
        return str(PHONE_REFUSED[reason])
    return str(
        _(
            "Nous ne pouvons ni appeler un numéro étranger, ni lui envoyer un SMS. Indiquez un "
            "numéro français, le vôtre ou celui d’un proche. Sinon, appelez le %(line)s",
            line=line,
        )
    )


def email(form: Form) -> str:
    """Return the address, or nothing: it is optional.

    Raises:
        FormRefused: if it cannot be an address: one @ between two parts, a dot in the second.
    """
    said = one(form, "courriel")
    name, at, domain = said.partition("@")
    is_plausible = name and at and said.isascii() and "." in domain.strip(".") and "@" not in domain
    if said and (not is_plausible or " " in said or len(said) > LONGEST_EMAIL):
        raise FormRefused(
            {"courriel": _("Vérifiez l’adresse, par exemple nom@exemple.fr. Ou laissez vide")}
        )
    return said


def hours(form: Form) -> str:
    """Return when the patient can best be called, in their words, or nothing.

    Raises:
        FormRefused: if that is longer than one line.
    """
    said = one(form, "heures")
    if len(said) > LONGEST_HOURS:
        raise FormRefused({"heures": _("Écrivez 80 lettres au plus")})
    return said
