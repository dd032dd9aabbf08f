"""The coordinator says for the community to whom unused slots go, and whose holidays count."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board
from booking.extensions import db, now
from booking.models import Role
from booking.web import ladder_lines, staff_forms
from booking.web.staff_forms import FormRefused
from config.database import transaction
from schedules import ladder, releasing
from schedules.days_off import SCHOOL_ZONES
from schedules.models import Community

settings = Blueprint("settings", __name__)

TERRITORIES = {
    "FR": lazy("France métropolitaine"),
    "FR-57": lazy("Moselle"),
    "FR-67": lazy("Bas-Rhin"),
    "FR-68": lazy("Haut-Rhin"),
    "FR-971": lazy("Guadeloupe"),
    "FR-972": lazy("Martinique"),
    "FR-973": lazy("Guyane"),
    "FR-974": lazy("La Réunion"),
    "FR-976": lazy("Mayotte"),
    "FR-977": lazy("Saint-Barthélemy"),
    "FR-978": lazy("Saint-Martin"),
}


@settings.get("/coordination/creneaux")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show what counts for every professional who has chosen nothing else."""
    with transaction(db.session) as session:
        community = _community(session)
        return _page(community, _as_kept(community), None, {})


def _community(session: Session) -> Community:
    return board.community_of(session, guards.identity().community_id)


def _as_kept(community: Community) -> dict[str, Any]:
    return {"holidays": community.holidays, "school_zone": community.school_zone or ""}


def _page(
    community: Community,
    said: Mapping[str, Any],
    lines: Mapping[str, str] | None,
    errors: Mapping[str, str],
) -> str:
    steps = ladder.ladder_of(community.ladder)
    return render_template(
        "coordination/settings.html",
        errors=errors,
        community=community,
        typed=said,
        sentence=ladder_lines.sentence(steps),
        lines=ladder_lines.lines(steps, lines),
        territories=[{"value": code, "text": text} for code, text in TERRITORIES.items()],
        zones=[{"value": "", "text": _("Aucune")}]
        + [{"value": zone, "text": f"Zone {zone}"} for zone in SCHOOL_ZONES],
        is_saved="fait" in request.args,
    )


@settings.post("/coordination/creneaux")
@guards.open_to(Role.COORDINATOR)
def save() -> ResponseReturnValue:
    """Keep the community's steps and holidays, or say beside the field what is wrong."""
    said = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        community = _community(session)
        try:
            steps, territory = ladder_lines.read(request.form), _territory(said)
        except FormRefused as wrong:
            return _page(community, said, said, wrong.errors), 422
        has_new_steps = community.ladder != steps
        community.ladder = steps
        community.holidays = territory
        zone = said.get("school_zone")
        community.school_zone = zone if zone in SCHOOL_ZONES else None
        if has_new_steps:
            releasing.follow(session, community, now=now())
    return redirect(url_for("coordination.settings.show", fait=1), 303)


def _territory(said: Mapping[str, str]) -> str:
    territory = said.get("holidays", "")
    if territory not in TERRITORIES:
        raise FormRefused({"holidays": _("Choisissez un territoire de la liste")})
    return territory
