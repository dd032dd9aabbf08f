"""A day of birth from three text fields, written as people write it."""

import unicodedata
from calendar import monthrange
from datetime import date

from flask_babel import gettext as _

from booking.web.answers import Form, one
from booking.web.staff_forms import FormRefused

OLDEST_YEARS = 130
YEAR_DIGITS = 4
SHORTEST_MONTH = 3

MONTHS = (
    ("janvier", "january"),
    ("fevrier", "february"),
    ("mars", "march"),
    ("avril", "april"),
    ("mai", "may"),
    ("juin", "june"),
    ("juillet", "july"),
    ("aout", "august"),
    ("septembre", "september"),
    ("octobre", "october"),
    ("novembre", "november"),
    ("decembre", "december"),
)
"""As people write them, without accents: in full, or their first three letters or more."""


def birth_date(form: Form, today: date) -> date:
    """Return the day of birth from three text fields: « 3 », « 03 », « mars » and « mar. » do.

    Raises:
        FormRefused: with one sentence, what is missing before what is impossible.
    """
    day, month, year = (one(form, name) for name in ("jour", "mois", "annee"))
    missing = {
        "jour": (day, _("La date de naissance doit comporter un jour")),
        "mois": (month, _("La date de naissance doit comporter un mois")),
        "annee": (year, _("La date de naissance doit comporter une année")),
    }
    if not (day or month or year):
        raise FormRefused({"jour": _("Indiquez la date de naissance")})
    for field, (said, sentence) in missing.items():
        if not said:
            raise FormRefused({field: sentence})
    if not _is_number(year) or len(year) != YEAR_DIGITS:
        raise FormRefused({"annee": _("L’année doit comporter 4 chiffres")})
    born = _in_calendar(day, month_number(month), int(year))
    if born > today:
        raise FormRefused({"annee": _("La date de naissance doit être dans le passé")})
    if today.year - born.year > OLDEST_YEARS:
        raise FormRefused({"annee": _("Vérifiez l’année de naissance")})
    return born


def _in_calendar(day: str, month: int | None, year: int) -> date:
    if not month:
        raise FormRefused({"mois": _("Vérifiez le mois, par exemple 3 ou mars")})
    number = int(day) if _is_number(day) else 0
    if not year or not 1 <= number <= monthrange(year, month)[1]:
        raise FormRefused({"jour": _("La date de naissance doit exister dans le calendrier")})
    return date(year, month, number)


def month_number(said: str) -> int | None:
    """Return 1 to 12 for a month in figures or in letters, in French or English; else None."""
    if _is_number(said):
        return int(said) if 1 <= int(said) <= len(MONTHS) else None
    letters = unicodedata.normalize("NFD", said.lower()).rstrip(".")
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    if len(bare) < SHORTEST_MONTH:
        return None
    fitting = [n for n, names in enumerate(MONTHS, 1) if any(x.startswith(bare) for x in names)]
    return fitting[0] if len(fitting) == 1 else None


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) <= YEAR_DIGITS
