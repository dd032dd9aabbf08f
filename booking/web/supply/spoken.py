"""A typed phrase → the slots that it asks for, or a sentence that says what was understood."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from werkzeug.datastructures import MultiDict

from booking.web import staff_forms, staff_words, wording
from booking.web.staff_forms import FormRefused, Wished
from booking.web.supply.door import Room, place_in
from schedules import phrases
from schedules.models import Visibility
from schedules.openings import Opening
from schedules.phrases import Heard, PhraseRefused

WHY = {
    "empty": lazy("Écrivez une phrase, par exemple « demain 11h-12h 3x20 »"),
    "twice": lazy("Cette phrase dit deux fois la même chose : gardez une heure et un nombre"),
    "no_day": lazy("Il manque le jour, par exemple « demain » ou « lundi »"),
    "no_such_day": lazy("Ce jour n’existe pas"),
    "days_disagree": lazy("Ces deux jours ne sont pas le même : gardez-en un"),
    "no_hour": lazy("Il manque l’heure, par exemple « 11h » ou « 11h-12h »"),
    "no_such_hour": lazy("Cette heure n’existe pas"),
    "ends_before": lazy("La fin est avant le début"),
    "does_not_fit": lazy("Ces créneaux ne tiennent pas entre ces deux heures"),
    "count": lazy("Ouvrez de 1 à 24 créneaux à la fois"),
    "length": lazy("Un créneau dure de 5 à 60 minutes"),
}


def is_to_confirm(form: MultiDict[str, str]) -> bool:
    """Return whether a phrase was typed that nobody has seen in other words yet."""
    return bool(form.get("phrase", "").strip()) and "sure" not in form


def wished(form: MultiDict[str, str], here: Room, usual: Opening | None) -> Wished:
    """Read the phrase, and for whom.

    Raises:
        FormRefused: with a sentence beside the phrase, that says what was understood all the same.
    """
    said = staff_forms.typed(form)
    place = place_in(said.get("place", ""))
    if place is None:
        raise FormRefused({"place": _("Choisissez pour qui ouvrir ces créneaux")})
    visibility = tuple(v for v in Visibility if v.value in form.getlist("visibility"))
    if not visibility:
        raise FormRefused({"visibility": _("Choisissez au moins un public")})
    try:
        opening = phrases.understood(said["phrase"], today=here.today, usual=usual)
    except PhraseRefused as refused:
        raise FormRefused({"phrase": _sentence(refused)}) from None
    return Wished(opening, *place, visibility, field="phrase")


def _sentence(refused: PhraseRefused) -> str:
    why = (
        _("Je ne comprends pas « %(word)s »", word=refused.word)
        if refused.why == "unknown"
        else str(WHY[refused.why])
    )
    heard = _heard(refused.heard)
    return str(_("%(why)s. Compris : %(heard)s", why=why, heard=heard)) if heard else why


def _heard(heard: Heard) -> str:
    """Return what was understood of a phrase, part by part."""
    parts = []
    if heard.day is not None:
        parts.append(wording.weekday_and_day(heard.day))
    for said, marked in ((heard.starts, "%(hour)s"), (heard.ends, _("jusqu’à %(hour)s"))):
        if said is not None:
            parts.append(marked % {"hour": wording.wall(phrases.clock(said))})
    if heard.count is not None:
        parts.append(staff_words.counted(heard.count, _("créneau"), _("créneaux")))
    if heard.minutes is not None:
        parts.append(f"{heard.minutes}\u00a0min")
    return ", ".join(parts)
