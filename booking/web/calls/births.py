"""Pure: a birth date, or an age, from one field, as somebody types it who is listening."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from booking.desk.ask import age_in_months
from booking.web.births import OLDEST_YEARS, month_number
from booking.web.staff_forms import FormRefused

FIELD = "naissance"

TOGETHER = re.compile(r"(\d{2})(\d{2})(\d{4}|\d{2})")
APART = re.compile(r"(\d{1,2}|1er)[ ./-]+(\d{1,2}|[^\W\d_]{3,}\.?)[ ./-]+(\d{4}|\d{2})")
YEARS = re.compile(r"(\d{1,3}) ?(?:ans?|a|years?|y)(?: old)?")
MONTHS = re.compile(r"(\d{1,3}) ?(?:mois|m|months?)(?: old)?")

SHORT_YEAR = 2
A_YEAR = 12


@dataclass(frozen=True)
class Born:
    """What is known of an age: the day of birth, or months, and how much more it may be."""

    birth_date: date | None
    age_months: int
    older_by_months: int = 0


def read(text: str, today: date) -> Born | None:
    """Return what « 27031948 », « 27/3/48 », « 27 mars 1948 », « 78 ans » or « 14 mois » says.

    Nothing for an empty field. Two digits of a year never mean the future.

    Raises:
        FormRefused: with what is missing, or with the two years that it may be.
    """
    said = " ".join(text.casefold().split())
    if not said:
        return None
    if age := YEARS.fullmatch(said):
        return _aged(int(age[1]) * A_YEAR, A_YEAR - 1)
    if age := MONTHS.fullmatch(said):
        return _aged(int(age[1]), 0)
    found = TOGETHER.fullmatch(said) or APART.fullmatch(said)
    if not found:
        raise _refused(_("Par exemple 27031948, 27/3/48, ou « 78 ans »"))
    born = _in_calendar(found[1].removesuffix("er"), found[2], found[3], today)
    return Born(born, age_in_months(born, today))


def _aged(months: int, older_by: int) -> Born:
    if months > OLDEST_YEARS * A_YEAR:
        raise _refused(_("Vérifiez l’âge"))
    return Born(None, months, older_by)


def _in_calendar(day: str, month: str, year: str, today: date) -> date:
    number = month_number(month)
    if not number:
        raise _refused(_("Vérifiez le mois, par exemple 3 ou mars"))
    possible = [
        date(each, number, int(day))
        for each in _years(year)
        if each and 1 <= int(day) <= monthrange(each, number)[1]
    ]
    if not possible:
        raise _refused(_("La date de naissance doit exister dans le calendrier"))
    lived = [each for each in possible if each <= today and today.year - each.year <= OLDEST_YEARS]
    if not lived:
        raise _refused(
            _("La date de naissance doit être dans le passé")
            if min(possible) > today
            else _("Vérifiez l’année de naissance")
        )
    if len(lived) > 1:
        first, second = (each.year for each in lived)
        raise _refused(_("%(first)d ou %(second)d ?", first=first, second=second))
    return lived[0]


def _years(said: str) -> tuple[int, ...]:
    if len(said) != SHORT_YEAR:
        return (int(said),)
    return 1900 + int(said), 2000 + int(said)


def _refused(sentence: str) -> FormRefused:
    return FormRefused({FIELD: sentence})
