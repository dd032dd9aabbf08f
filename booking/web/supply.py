"""Open reserved slots in two taps, see what was made, take free ones back."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board
from booking.desk import supply as desk
from booking.desk.board import Entry, State
from booking.extensions import db, now
from booking.web import staff_forms, staff_words, wording
from booking.web.day import CARERS, scope_of
from config.clock import local_day
from config.database import transaction
from schedules import slots
from schedules.models import Community
from schedules.openings import MOST_AT_ONCE, OpeningRefused

supply = Blueprint("supply", __name__)

DEFAULTS = {"day": "tomorrow", "date": "", "hour": "11:00", "count": "3", "length": "20"}
"""What two taps open. The rest of the form is for those who want something else."""

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
    """Show the form with its defaults, what was just done, and the slots to come."""
    with transaction(db.session) as session:
        return _page(session, DEFAULTS | {"visibility": slots.RESERVED}, {}, now())


def _page(session: Session, typed: dict[str, Any], errors: dict[str, str], moment: datetime) -> str:
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    places = desk.places(session, scope)
    entries = desk.coming(session, scope, now=moment)
    made = set(staff_forms.references(request.args.getlist("fait"), most=MOST_AT_ONCE))
    today = local_day(moment, community.zone)
    return render_template(
        "supply/show.html",
        errors=errors,
        typed=typed,
        community=community,
        places=_options(places),
        today=wording.weekday_and_day(today),
        tomorrow=wording.weekday_and_day(today + date.resolution),
        visibilities=[{"value": v.value, "text": w} for v, w in staff_words.VISIBILITIES.items()],
        made=_made([e for e in entries if e.slot in made and e.state is State.FREE], community),
        withdrawn=staff_forms.a_count(request.args.get("retires")),
        kept=staff_forms.a_count(request.args.get("gardes")),
        days=_days(entries, community, moment),
    )


def _options(places: Sequence[desk.Place]) -> list[dict[str, str]]:
    return [
        {
            "value": f"{place.professional}~{place.site}",
            "text": f"{place.professional_name}, {place.site_name}",
        }
        for place in places
    ]


def _made(entries: Sequence[Entry], community: Community) -> dict[str, Any] | None:
    """Return in words what was just opened: nobody publishes without seeing what was understood."""
    if not entries:
        return None
    first = entries[0]
    minutes = int((first.ends_at - first.starts_at).total_seconds()) // 60
    hours = ", ".join(wording.hour(e.starts_at, community.zone) for e in entries)
    count = staff_words.counted(len(entries), _("créneau"), _("créneaux"))
    return {
        "what": _("%(count)s de %(minutes)s min", count=count, minutes=minutes),
        "when": wording.weekday_and_day(local_day(first.starts_at, community.zone)),
        "hours": hours,
        "who": first.professional_name,
        "where": first.site_name,
        "slots": [e.slot for e in entries],
    }


def _days(entries: Sequence[Entry], community: Community, moment: datetime) -> list[dict[str, Any]]:
    def its_day(entry: Entry) -> date:
        return local_day(entry.starts_at, community.zone)

    return [
        {
            "title": wording.day(in_day[0].starts_at, community.zone, now=moment),
            "slots": [_told(entry, community) for entry in in_day],
        }
        for in_day in (
            list(group) for _, group in groupby(sorted(entries, key=its_day), key=its_day)
        )
    ]


def _told(entry: Entry, community: Community) -> dict[str, Any]:
    return {
        "slot": entry.slot,
        "from": wording.hour(entry.starts_at, community.zone),
        "until": wording.hour(entry.ends_at, community.zone),
        "professional": entry.professional_name,
        "site": entry.site_name,
        "word": staff_words.STATES[entry.state],
        "state": entry.state.value,
        "is_free": entry.state is State.FREE,
    }


@supply.post("/creneaux")
@guards.open_to(*CARERS)
def publish() -> ResponseReturnValue:
    """Open the slots that the form asks for, all or none; then show them, with « Annuler »."""
    moment = now()
    try:
        made = _opened(moment)
    except staff_forms.FormRefused as wrong:
        typed = DEFAULTS | staff_forms.typed(request.form)
        typed["visibility"] = request.form.getlist("visibility")  # type: ignore[assignment]  # a list beside words
        with transaction(db.session) as session:
            return _page(session, typed, wrong.errors, moment), 422
    return redirect(url_for("supply.show", fait=made), 303)


def _opened(moment: datetime) -> list[UUID]:
    """Open the slots of the posted form, or raise FormRefused with a sentence for the field."""
    scope = scope_of(guards.identity())
    with transaction(db.session) as session:
        community = board.community_of(session, scope.community_id)
        wished = staff_forms.wished(request.form, local_day(moment, community.zone))
        try:
            return desk.open_slots(
                session,
                scope,
                community,
                wished.opening,
                professional=wished.professional,
                site=wished.site,
                visibility=wished.visibility,
                now=moment,
            )
        except desk.NotTheirs:
            abort(404)
        except OpeningRefused as refused:
            field, sentence = REFUSED[refused.why]
            raise staff_forms.FormRefused({field: str(sentence)}) from None
        except slots.SlotsOverlap:
            sentence = _("Des créneaux sont déjà ouverts à cette heure")
            raise staff_forms.FormRefused({"hour": sentence}) from None


@supply.post("/creneaux/retirer")
@guards.open_to(*CARERS)
def withdraw() -> ResponseReturnValue:
    """Take these slots back; one that a patient holds or has booked in the meantime stays."""
    wanted = staff_forms.references(request.form.getlist("slot"), most=MOST_AT_ONCE)
    try:
        with transaction(db.session) as session:
            gone = desk.withdraw(session, scope_of(guards.identity()), wanted, now=now())
    except desk.NotTheirs:
        abort(404)
    return redirect(url_for("supply.show", retires=gone, gardes=len(wanted) - gone), 303)
