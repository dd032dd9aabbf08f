"""The page of a professional who is asked to take somebody: an hour and yes, or no. No sign-in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk.cascade import answering, calls, telling
from booking.desk.cascade.answering import HourRefused, NobodyCanTell, NotOpen, Opened, State
from booking.desk.waiting import commune_of
from booking.extensions import db, equipment, now
from booking.web import staff_forms, staff_words, wording
from booking.web.errors import remember
from booking.web.staff_forms import FormRefused
from config import logs
from config.clock import at, local_day
from config.database import transaction
from schedules.models import Site
from schedules.slots import SlotsOverlap, SlotTaken

help_wanted = Blueprint("help_wanted", __name__)

HOUR, OTHER, PLACE = "heure", "autre", "lieu"


@help_wanted.get("/aide/<token>")
@guards.open_to(guards.ASKED)
def show(token: str) -> ResponseReturnValue:
    """Show who needs care, without a name, and hours to pick; or what became of it."""
    with transaction(db.session) as session:
        return _page(session, _opened(session, token), token, {}, {})


def _opened(session: Session, token: str, *, lock: bool = False) -> Opened:
    """Return what this link opens, or end the visit with 404."""
    try:
        found = answering.by_link(session, token, lock=lock)
    except answering.NoSuchLink:
        abort(404)
    remember(found.community)
    return found


def _page(
    session: Session,
    found: Opened,
    token: str,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
) -> str:
    moment = now()
    state = answering.state(session, found, now=moment)
    return render_template(
        "help/show.html",
        errors=errors,
        typed=typed,
        community=found.community,
        state=state.value,
        **(_patient(session, found, moment) if state is State.OPEN else {}),
        **_hour_given(found, moment),
        urls={name: url_for(f"help_wanted.{name}", token=token) for name in ("take", "refuse")},
    )


def _patient(session: Session, found: Opened, moment: datetime) -> dict[str, Any]:
    """Return what may be known of somebody before they are taken, and the hours to choose from."""
    asked, community, zone = found.request, found.community, found.community.zone
    places = answering.places(session, found, now=moment)
    before = calls.latest(session, asked, moment)
    discipline = found.professional.discipline
    says_sex = telling.says_sex(session, asked, community, discipline, now=moment)
    away = min((p.distance_km for p in places if p.distance_km is not None), default=None)
    return {
        "age": staff_words.age(asked.birth_date, asked.age_months, local_day(moment, zone)),
        "sex": staff_words.SEXES.get(asked.sex or "", "") if says_sex else "",
        "away": "" if away is None else wording.distance(away),
        "commune": commune_of(session, asked) or "",
        "group": ", ".join(telling.groups(session, asked, community, moment)),
        "level": staff_words.LEVELS[asked.level] if asked.level is not None else "",
        "before": wording.short_day_and_hour(before, zone, now=moment),
        "hours": [
            {
                "value": f"{hour.astimezone(zone):%H:%M}",
                "text": wording.capital(wording.short_day_and_hour(hour, zone, now=moment)),
            }
            for hour in answering.hours(session, found, now=moment)
        ],
        "places": [
            {
                "value": str(each.site.reference),
                "text": each.site.name,
                "hint": "" if each.distance_km is None else wording.distance(each.distance_km),
            }
            for each in places
        ],
    }


def _hour_given(found: Opened, moment: datetime) -> dict[str, Any]:
    slot, zone = found.slot, found.community.zone
    if slot is None:
        return {"when": "", "until": "", "is_withdrawn": False}
    return {
        "when": wording.capital(wording.day_and_hour(slot.starts_at, zone, now=moment)),
        "until": wording.hour(slot.held_until, zone) if slot.held_until else "",
        "is_withdrawn": slot.withdrawn_at is not None,
    }


@help_wanted.post("/aide/<token>/prendre")
@guards.open_to(guards.ASKED)
def take(token: str) -> ResponseReturnValue:
    """Make the slot and give it to the patient, or say beside the field why not; twice is once."""
    typed, moment = staff_forms.typed(request.form), now()
    try:
        with transaction(db.session) as session:
            found = _opened(session, token, lock=True)
            if answering.state(session, found, now=moment) is State.OPEN:
                starts_at, site = _wished(session, found, typed, moment)
                answering.take(session, found, starts_at, site, links=equipment().links, now=moment)
                logs.event("help_taken", about=found.asked.reference)
    except FormRefused as wrong:
        return _again(token, typed, wrong.errors)
    except HourRefused as wrong:
        return _again(token, typed, _why(wrong))
    except SlotsOverlap:
        return _again(token, typed, {OTHER: str(_("Vous avez déjà un créneau à cette heure"))})
    except SlotTaken:
        return _again(token, typed, {OTHER: str(_("Ce rendez-vous n’est pas possible ici"))})
    except NobodyCanTell:
        return _again(
            token,
            typed,
            {
                OTHER: str(
                    _("Personne ne peut prévenir le patient à cette heure. Appelez la ligne demain")
                )
            },
        )
    except NotOpen:
        pass  # The page says what it is now.
    return redirect(url_for("help_wanted.show", token=token), 303)


def _again(token: str, typed: Mapping[str, str], errors: Mapping[str, str]) -> ResponseReturnValue:
    """Show the page with what was wrong: the attempt itself has left nothing behind."""
    with transaction(db.session) as session:
        return _page(session, _opened(session, token), token, typed, errors), 422


def _why(wrong: HourRefused) -> dict[str, str]:
    sentences = {
        "too_soon": (OTHER, _("Trop tôt : laissez au patient 10 minutes au moins")),
        "too_late": (OTHER, _("Trop tard : cette personne doit être vue avant")),
        "place": (PLACE, _("Choisissez un lieu de la liste")),
    }
    field, sentence = sentences[wrong.why]
    return {field: str(sentence)}


def _wished(
    session: Session, found: Opened, typed: Mapping[str, str], moment: datetime
) -> tuple[datetime, Site]:
    """Return the hour that was ticked, or typed beside it, and the place.

    Raises:
        FormRefused: if there is no such hour, or no such place.
    """
    said = typed.get(OTHER) or typed.get(HOUR, "")
    if not said:
        raise FormRefused({HOUR: _("Choisissez une heure")})
    try:
        wall = staff_forms.an_hour(said)
    except ValueError:
        raise FormRefused({OTHER: _("Indiquez une heure, par exemple 11:00")}) from None
    places = answering.places(session, found, now=moment)
    wanted = staff_forms.a_reference(typed.get(PLACE))
    sites = [fit.site for fit in places if fit.site.reference == wanted or len(places) == 1]
    if not sites:
        raise FormRefused({PLACE: _("Choisissez un lieu de la liste")})
    zone = found.community.zone
    today = local_day(moment, zone)
    # There is one of each hour in the day to come: the next time that clocks show it.
    coming = (at(today + timedelta(days=ahead), wall, zone) for ahead in range(2))
    return next((hour for hour in coming if hour > moment), moment), sites[0]


@help_wanted.post("/aide/<token>/non")
@guards.open_to(guards.ASKED)
def refuse(token: str) -> ResponseReturnValue:
    """Note that this professional cannot, this time."""
    with transaction(db.session) as session:
        answering.refuse(session, _opened(session, token, lock=True), now=now())
    return redirect(url_for("help_wanted.show", token=token), 303)
