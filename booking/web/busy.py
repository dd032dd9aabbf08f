"""A professional's own calendar: given once, read for ever, and what it contradicts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import fresh_calendars, guards
from booking.desk import board, calendars, contradicted, supply
from booking.desk.board import Scope
from booking.desk.calendars import Conflict, Kept
from booking.extensions import db, now
from booking.web import staff_forms, staff_words, wording
from booking.web.day import CARERS, scope_of
from config import logs
from config.database import transaction
from schedules.calendars.guard import Failure
from schedules.calendars.keeping import Applied
from schedules.calendars.reading import Read
from schedules.models import Community

busy = Blueprint("busy", __name__)

LONGEST_ADDRESS = 2000

FAILURES = {
    Failure.REFUSED_ADDRESS: lazy(
        "Cette adresse ne s’ouvre pas depuis Internet. Copiez l’adresse secrète au format iCal :"
        " elle commence par https://"
    ),
    Failure.UNREACHABLE: lazy(
        "Le serveur de cet agenda ne répond pas. Vérifiez l’adresse, ou réessayez plus tard."
    ),
    Failure.TOO_MANY_REDIRECTS: lazy(
        "Cette adresse renvoie sans fin vers d’autres. Copiez-la de nouveau dans votre agenda."
    ),
    Failure.NEEDS_SIGN_IN: lazy(
        "Cet agenda demande un mot de passe. Donnez son adresse secrète, qui s’ouvre sans compte."
    ),
    Failure.GONE: lazy(
        "Il n’y a pas d’agenda à cette adresse, ou il n’y en a plus. Créez un nouveau lien dans"
        " votre agenda, et donnez-le ici."
    ),
    Failure.NOT_A_CALENDAR: lazy(
        "Cette adresse mène à une page, pas à un agenda. Cherchez l’adresse au format iCal :"
        " elle finit souvent par .ics"
    ),
    Failure.NOT_UNDERSTOOD: lazy(
        "Cet agenda est abîmé : nous n’arrivons pas à le lire. Créez un nouveau lien, ou donnez"
        " un autre agenda."
    ),
    Failure.TOO_LARGE: lazy(
        "Cet agenda est trop gros : plus de 5 Mo. Donnez un agenda qui contient moins d’années."
    ),
    Failure.TOO_MANY_EVENTS: lazy(
        "Cet agenda contient trop de rendez-vous : plus de 5 000. Donnez un agenda qui contient"
        " moins d’années."
    ),
    Failure.REPEATS_TOO_MUCH: lazy(
        "Un rendez-vous de cet agenda se répète sans arrêt, ou depuis toujours. Corrigez sa"
        " répétition dans votre agenda."
    ),
    Failure.TOO_SLOW: lazy(
        "Cet agenda met trop de temps à répondre. Réessayez dans quelques minutes."
    ),
}
"""What is wrong, and what mends it."""


def section(
    session: Session, scope: Scope, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return what `agendas/busy.html` shows: calendars that are read, and their conflicts."""
    return {
        "calendars": [_told(each, moment) for each in calendars.kept(session, scope, now=moment)],
        "conflicts": [
            _contradicted(each, community, moment)
            for each in calendars.conflicts(session, scope, now=moment)
        ],
        "read": _just_read(),
    }


def _just_read() -> dict[str, int] | None:
    if "lus" not in request.args:
        return None
    return {
        name: staff_forms.a_count(request.args.get(name)) for name in ("lus", "fermes", "ignores")
    }


def _told(calendar: Kept, moment: datetime) -> dict[str, Any]:
    read = calendar.read_at
    return {
        "reference": calendar.reference,
        "who": calendar.professional_name,
        "site": calendar.site_name,
        "host": calendar.host,
        "age": staff_words.span(moment - read) if read else "",
        "failure": FAILURES[calendar.failure] if calendar.failure else "",
        "is_distrusted": calendar.is_distrusted,
        "always": calendar.offers_when_unreadable,
    }


def _contradicted(conflict: Conflict, community: Community, moment: datetime) -> dict[str, Any]:
    return {
        "slot": conflict.slot,
        "booking": conflict.booking,
        "when": wording.capital(
            wording.day_and_hour(conflict.starts_at, community.zone, now=moment)
        ),
        "who": staff_words.person(conflict.family_name, conflict.given_name),
        "professional": conflict.professional_name,
        "site": conflict.site_name,
    }


@busy.get("/agendas/occupe")
@guards.open_to(*CARERS)
def form() -> ResponseReturnValue:
    """Show where the secret address of a calendar is found, and the field for it."""
    with transaction(db.session) as session:
        return _form(session, {})


def _form(session: Session, errors: dict[str, str]) -> str:
    scope = scope_of(guards.identity())
    return render_template(
        "agendas/give.html",
        errors=errors,
        community=board.community_of(session, scope.community_id),
        places=[
            {
                "value": f"{place.professional}~{place.site}",
                "text": f"{place.professional_name}, {place.site_name}",
            }
            for place in supply.places(session, scope)
        ],
        place=request.form.get("place", ""),
    )


@busy.post("/agendas/occupe")
@guards.open_to(*CARERS)
def give() -> ResponseReturnValue:
    """Read a calendar at this very moment, say what is in it, and keep its address."""
    try:
        applied = _read_and_kept(now())
    except supply.NotTheirs:
        abort(404)
    except calendars.TooMany:
        return _refused({"address": _("Cinq agendas sont déjà lus. Arrêtez d’abord l’un d’eux.")})
    except staff_forms.FormRefused as wrong:
        return _refused(wrong.errors)
    logs.event("calendar_given", actor=guards.identity().account, count=applied.events)
    shown = url_for(
        "agendas.show",
        lus=applied.events,
        fermes=applied.closed,
        ignores=applied.unreadable,
        _anchor="busy",
    )
    return redirect(shown, 303)


def _read_and_kept(moment: datetime) -> Applied:
    """Read what the form names; keep it if that worked, else raise FormRefused with the reason."""
    somebody = guards.identity()
    scope = scope_of(somebody)
    place, url = _given()
    with transaction(db.session) as session:
        community = board.community_of(session, scope.community_id)
        order = calendars.to_try(session, scope, community, place, url, now=moment)
    # Between two transactions: nobody keeps a connection while a stranger's server answers.
    outcome = fresh_calendars.tried(order)
    if not isinstance(outcome, Read):
        raise staff_forms.FormRefused({"address": _why(outcome)})
    with transaction(db.session) as session:
        return calendars.give(session, scope, place, url, outcome, by=somebody.account, now=moment)


def _refused(errors: dict[str, str]) -> ResponseReturnValue:
    with transaction(db.session) as session:
        return _form(session, errors), 422


def _why(outcome: object) -> str:
    failure = getattr(outcome, "failure", Failure.NOT_UNDERSTOOD)
    return str(FAILURES[failure])


def _given() -> tuple[calendars.Place, str]:
    """Read the form.

    Raises:
        FormRefused: with a sentence for each field that is wrong.
    """
    errors: dict[str, str] = {}
    said = staff_forms.clean(request.form.get("address", "")[: LONGEST_ADDRESS + 1])
    place = [staff_forms.a_reference(part) for part in request.form.get("place", "").split("~")]
    if not said:
        errors["address"] = _("Collez l’adresse secrète de votre agenda")
    elif len(said) > LONGEST_ADDRESS:
        errors["address"] = str(FAILURES[Failure.REFUSED_ADDRESS])
    match place:
        case [UUID() as professional, UUID() as site] if not errors:
            return (professional, site), said
        case [UUID(), UUID()]:
            pass
        case _:
            errors["place"] = _("Choisissez à qui est cet agenda")
    raise staff_forms.FormRefused(errors)


@busy.post("/agendas/occupe/<uuid:reference>/illisible")
@guards.open_to(*CARERS)
def trust(reference: UUID) -> ResponseReturnValue:
    """Offer slots even while this calendar cannot be read, or not any more."""
    always = request.form.get("always") == "yes"
    try:
        with transaction(db.session) as session:
            scope = scope_of(guards.identity())
            calendars.trust(session, scope, reference, always=always, now=now())
    except supply.NotTheirs:
        abort(404)
    return _back()


@busy.post("/agendas/occupe/<uuid:reference>/arreter")
@guards.open_to(*CARERS)
def stop(reference: UUID) -> ResponseReturnValue:
    """Read this calendar no more; what it closed is open again."""
    somebody = guards.identity()
    try:
        with transaction(db.session) as session:
            calendars.stop(session, scope_of(somebody), reference, now=now())
    except supply.NotTheirs:
        abort(404)
    logs.event("calendar_stopped", about=reference, actor=somebody.account)
    return _back()


@busy.post("/agendas/conflits/<uuid:slot>/garder")
@guards.open_to(*CARERS)
def keep(slot: UUID) -> ResponseReturnValue:
    """Keep an appointment although the calendar says busy: nobody is asked again."""
    somebody = guards.identity()
    try:
        with transaction(db.session) as session:
            contradicted.keep(session, scope_of(somebody), slot, now=now())
    except supply.NotTheirs:
        abort(404)
    logs.event("conflict_kept", slot=slot, actor=somebody.account)
    return _back()


def _back() -> ResponseReturnValue:
    return redirect(url_for("agendas.show", _anchor="busy"), 303)
