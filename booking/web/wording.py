"""Moments, ages, distances and reasons in the words of people, in the language of the page."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import has_request_context, request
from flask_babel import gettext as _
from flask_babel import ngettext

from booking.desk.ask import age_in_months
from booking.extensions import equipment
from booking.routing import Proposal, Why
from config.clock import day_bounds, local_day

FRENCH: Final = "fr"
ENGLISH: Final = "en"
LANGUAGES = (FRENCH, ENGLISH)
LOCALES = {FRENCH: "fr", ENGLISH: "en_GB"}

NB = "\u00a0"
"""A space at which no line breaks: « 10 h 40 » stays in one piece."""

WEEKS_UNTIL = 3
"""Below this many months an age is said in weeks."""

MONTHS_UNTIL = 24
"""Below this many months an age is said in months."""


def language() -> str:
    """Return the language of this page: the one asked for, else the one kept, else French."""
    if not has_request_context():
        return FRENCH
    wanted = request.args.get("lang") or request.cookies.get(language_cookie())
    return wanted if wanted in LANGUAGES else FRENCH


def language_cookie() -> str:
    """Return the name of the cookie that keeps the language: no other host can set it for us."""
    return "__Host-lang" if equipment().settings.is_production else "lang"


def hour(moment: datetime, zone: ZoneInfo) -> str:
    """Return what clocks show in `zone`: « 10 h 40 »."""
    return wall(moment.astimezone(zone).time())


def wall(shown: time) -> str:
    """Return a time of the wall clock: « 10 h 40 », in English « 10:40 »."""
    if language() == ENGLISH:
        return f"{shown:%H:%M}"
    return f"{shown.hour}{NB}h{NB}{shown:%M}"


def round_hour(shown: time) -> str:
    """Return a time of the wall clock, full hours without minutes: « 8 h »."""
    if shown.minute or language() == ENGLISH:
        return wall(shown)
    return f"{shown.hour}{NB}h"


def weekday_and_day(day: date) -> str:
    """Return « samedi 21 novembre »."""
    said = format_date(day, "EEEE d MMMM", locale=LOCALES[language()])
    weekday, number, month = said.split(" ", 2)
    return f"{weekday} {number}{NB}{month}"


def day(moment: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Return the day in `zone`: « aujourd’hui, samedi 21 novembre », « demain, … », or the day."""
    that_day, today = local_day(moment, zone), local_day(now, zone)
    named = {
        today: _("aujourd’hui"),
        today + timedelta(days=1): _("demain"),
        today - timedelta(days=1): _("hier"),
    }.get(that_day)
    said = weekday_and_day(that_day)
    return f"{named}, {said}" if named else said


def day_and_hour(moment: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Return « aujourd’hui, samedi 21 novembre, à 14 h 20 »."""
    return str(_("%(day)s, à %(hour)s", day=day(moment, zone, now=now), hour=hour(moment, zone)))


def short_day_and_hour(moment: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Return the hour alone today, « minuit », else with its day: « demain à 8 h 20 »."""
    that_day, today = local_day(moment, zone), local_day(now, zone)
    if moment == day_bounds(today, zone)[1]:
        return str(_("minuit"))
    if that_day == today:
        return hour(moment, zone)
    named = _("demain") if that_day == today + timedelta(days=1) else weekday_and_day(that_day)
    return str(_("%(day)s à %(hour)s", day=named, hour=hour(moment, zone)))


def birth_day(born: date) -> str:
    """Return a date with its year: « 27 mars 1948 »."""
    return str(format_date(born, "d MMMM y", locale=LOCALES[language()])).replace(" ", NB)


def age(born: date, today: date) -> str:
    """Return an age as people say it: « 78 ans », « 14 mois », « 7 semaines »."""
    months = age_in_months(born, today)
    if months < WEEKS_UNTIL:
        weeks, days = divmod((today - born).days, 7)
        if not weeks:
            if not days:
                return str(_("moins d’un jour"))
            return str(ngettext("%(num)d jour", "%(num)d jours", days))
        return str(ngettext("%(num)d semaine", "%(num)d semaines", weeks))
    if months < MONTHS_UNTIL:
        return str(ngettext("%(num)d mois", "%(num)d mois", months))
    return str(ngettext("%(num)d an", "%(num)d ans", months // 12))


def distance(kilometres: float) -> str:
    """Return how far: « à 2,1 km », « à moins de 1 km »."""
    if kilometres < 1:
        return str(_("à moins de 1 km"))
    number = format_decimal(kilometres, "0.#", locale=LOCALES[language()])
    return str(_("à %(number)s km", number=number))


def why(proposal: Proposal) -> str:
    """Return in words why a slot is proposed: « Votre médecin · Le plus tôt »."""
    words = {
        Why.REGULAR_DOCTOR: _("Votre médecin"),
        Why.PREFERRED: _("Indiqué pour votre besoin"),
        Why.ABLE: _("Peut répondre à votre besoin"),
        Why.SOONEST: _("Le plus tôt"),
        Why.NEAREST: _("Le plus proche"),
        Why.FEWER_BOOKED: _("A davantage de places"),
    }
    return f"{NB}· ".join(words[reason] for reason in proposal.reasons)


def capital(text: str) -> str:
    """Return a text that begins with a capital, as where it stands alone."""
    return text[:1].upper() + text[1:]


def dialled(phone: str) -> str:
    """Return a number as `tel:` wants it: digits, and a plus in front if there is one."""
    return "".join(c for c in phone if c.isdigit() or c == "+")


def spaced(phone: str) -> str:
    """Return an E.164 number as people of France read it: « 06 39 98 12 34 »."""
    digits = dialled(phone)
    for prefix in ("+33", "+262", "+590", "+594", "+596", "+508"):
        if digits.startswith(prefix):
            local = "0" + digits.removeprefix(prefix)
            return NB.join(local[i : i + 2] for i in range(0, len(local), 2))
    return phone
