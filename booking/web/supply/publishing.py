"""Screen D1: slots in two taps, by a phrase, or as last week; seen before they count, undone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking import guards
from booking.desk import copying
from booking.desk import supply as desk
from booking.extensions import db, now
from booking.web import staff_forms, staff_words, wording
from booking.web.staff_access import CARERS
from booking.web.staff_forms import FormRefused, Wished
from booking.web.supply import spoken, words
from booking.web.supply.door import Room, options, place_in, room, supply
from config.database import transaction
from schedules import phrases, slots
from schedules.openings import OpeningRefused, moments

DEFAULTS: Mapping[str, Any] = {
    "day": "tomorrow",
    "date": "",
    "hour": "11:00",
    "count": "3",
    "length": "20",
    "visibility": slots.RESERVED,
}
"""What two taps open the first time; later it is what was opened last."""

HOURS, COUNTS, LENGTHS = ("08:30", "11:00", "14:00", "17:00"), ("2", "3", "4", "6"), ("15", "20")
"""What thumbs are offered beside what was opened last. The rest is typed."""

REFUSED = {
    "length": ("length", lazy("Un créneau dure de 5 à 60 minutes")),
    "count": ("count", lazy("Ouvrez de 1 à 24 créneaux à la fois")),
    "past": ("hour", lazy("Cette heure est déjà passée")),
    "too_far": ("day", lazy("Ouvrez des créneaux pour les 31 jours à venir")),
    "crosses_midnight": ("count", lazy("Ces créneaux finiraient après minuit")),
}
"""From what schedules.openings refuses to the field and the sentence."""


@supply.get("/creneaux")
@guards.open_to(*CARERS)
def show() -> ResponseReturnValue:
    """Show the form with its defaults: what this account opened last."""
    with transaction(db.session) as session:
        return _page(room(session, now()), {}, {})


def _page(
    here: Room, typed: Mapping[str, Any], errors: Mapping[str, str], understood: object = None
) -> str:
    habit = desk.habit(here.session, here.scope, here.community, by=here.account)
    usual = dict(DEFAULTS) | (_usual(habit) if habit else {})
    said = {**usual, **typed}
    places = desk.places(here.session, here.scope)
    return here.shown(
        "supply/show.html",
        errors=errors,
        typed=said | _others(said, usual),
        understood=understood,
        places=options(places),
        today=wording.weekday_and_day(here.today),
        tomorrow=wording.weekday_and_day(here.today + here.today.resolution),
        hours=_chips(HOURS, usual["hour"], lambda each: wording.wall(staff_forms.an_hour(each))),
        counts=_chips(COUNTS, usual["count"], str),
        lengths=_chips(LENGTHS, usual["length"], lambda each: f"{each}\u00a0min"),
        visibilities=[{"value": v.value, "text": w} for v, w in staff_words.VISIBILITIES.items()],
    )


def _usual(habit: desk.Habit) -> dict[str, str]:
    opening = habit.opening
    return {
        "place": f"{habit.professional}~{habit.site}",
        "hour": f"{opening.starts:%H:%M}",
        "count": str(opening.count),
        "length": str(words.minutes(opening.length)),
    }


def _chips(offered: tuple[str, ...], usual: str, text: Any) -> list[dict[str, str]]:
    """Return what can be tapped, what was opened last among it."""
    found = sorted({*offered, usual}, key=lambda each: (len(each), each))
    return [{"value": each, "text": text(each)} for each in found]


def _others(said: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed where no chip says it, to stand in its field."""
    chips = {"hour": HOURS, "count": COUNTS, "length": LENGTHS}
    return {
        f"other_{name}": said[name]
        for name, offered in chips.items()
        if said[name] not in (*offered, usual[name])
    }


@supply.post("/creneaux")
@guards.open_to(*CARERS)
def publish() -> ResponseReturnValue:
    """Open the slots that the form asks for, all or none; a phrase is first shown as understood."""
    moment = now()
    try:
        with transaction(db.session) as session:
            here = room(session, moment)
            wished = _wished(here)
            if spoken.is_to_confirm(request.form):
                return _page(here, _typed(), {}, _understood(here, wished))
            act = _opened(here, wished)
    except FormRefused as wrong:
        with transaction(db.session) as session:
            return _page(room(session, moment), _typed(), wrong.errors), 422
    return redirect(url_for("supply.show", acte=act), 303)


def _typed() -> dict[str, Any]:
    typed: dict[str, Any] = dict(staff_forms.with_others(staff_forms.typed(request.form)))
    return typed | {"visibility": request.form.getlist("visibility")}


def _wished(here: Room) -> Wished:
    """Read what is wanted, or raise FormRefused with a sentence for each field."""
    if not request.form.get("phrase", "").strip():
        return staff_forms.wished(request.form, here.today)
    habit = desk.habit(here.session, here.scope, here.community, by=here.account)
    return spoken.wished(request.form, here, habit.opening if habit else None)


def _understood(here: Room, wished: Wished) -> dict[str, Any]:
    """Return in words what would be opened; the button beside it says just that, on any day."""
    try:
        who, where = desk.place_of(here.session, here.scope, wished.professional, wished.site)
        times = moments(wished.opening, here.community.zone, now=here.now)
    except desk.NotTheirs:
        abort(404)
    except OpeningRefused as refused:
        raise FormRefused({"phrase": str(REFUSED[refused.why][1])}) from None
    return {
        "what": words.run(times, here.community),
        "when": wording.day(times[0][0], here.community.zone, now=here.now),
        "who": who.name,
        "where": where.name,
        "phrase": phrases.written(wished.opening),
        "place": f"{who.reference}~{where.reference}",
        "visibility": [each.value for each in wished.visibility],
    }


def _opened(here: Room, wished: Wished) -> UUID:
    """Open the slots that are wanted, or raise FormRefused with a sentence for the field."""
    try:
        return desk.open_slots(
            here.session,
            here.scope,
            here.community,
            wished.opening,
            professional=wished.professional,
            site=wished.site,
            visibility=wished.visibility,
            by=here.account,
            now=here.now,
        )
    except desk.NotTheirs:
        abort(404)
    except OpeningRefused as refused:
        field, sentence = REFUSED[refused.why]
        raise FormRefused({wished.field or field: str(sentence)}) from None
    except slots.SlotsOverlap:
        sentence = _("Des créneaux sont déjà ouverts à cette heure")
        raise FormRefused({wished.field or "hour": sentence}) from None


@supply.post("/creneaux/recopier")
@guards.open_to(*CARERS)
def copy() -> ResponseReturnValue:
    """Open again what was opened by hand last week; what cannot be is listed with its reason."""
    moment = now()
    place = place_in(request.form.get("place", ""))
    if place is None:
        with transaction(db.session) as session:
            errors = {"place": _("Choisissez pour qui ouvrir ces créneaux")}
            return _page(room(session, moment), {}, errors), 422
    try:
        with transaction(db.session) as session:
            here = room(session, moment)
            who, _where = desk.place_of(session, here.scope, *place)
            act = copying.last_week(
                session, here.scope, here.community, who, by=here.account, now=moment
            )
    except desk.NotTheirs:
        abort(404)
    return redirect(url_for("supply.show", acte=act), 303)
