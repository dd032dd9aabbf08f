"""The coordinator says whether professionals are asked when nothing is free, and how often."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import board
from booking.desk.cascade import terms
from booking.desk.cascade.terms import LIMITS, Terms
from booking.extensions import db
from booking.models import Role
from booking.web import staff_forms
from booking.web.staff_forms import FormRefused
from config.database import transaction
from schedules.models import Community

cascade_settings = Blueprint("cascade", __name__)

FIELDS = {
    "personnes": "wave_size",
    "minutes": "minutes",
    "par_jour": "most_a_day",
    "distance": "farthest_km",
}
"""Fields of the form, by what they set."""

ON, GROUP = "sollicite", "groupe"


@cascade_settings.get("/coordination/sollicitations")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show what counts now."""
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        return _page(community, _as_kept(terms.of(community.cascade)), {})


def _as_kept(chosen: Terms) -> dict[str, Any]:
    numbers = {field: str(getattr(chosen, name)) for field, name in FIELDS.items()}
    return {ON: chosen.is_on, GROUP: chosen.says_group, **numbers}


def _page(community: Community, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_template(
        "coordination/cascade.html",
        errors=errors,
        community=community,
        typed=typed,
        is_saved="fait" in request.args,
    )


@cascade_settings.post("/coordination/sollicitations")
@guards.open_to(Role.COORDINATOR)
def save() -> ResponseReturnValue:
    """Keep it for the waves to come, or say beside the field what is wrong."""
    typed = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        try:
            numbers = _numbers(typed)
        except FormRefused as wrong:
            return _page(community, typed, wrong.errors), 422
        chosen = Terms(is_on=ON in typed, says_group=GROUP in typed, **numbers)
        community.cascade = terms.kept(chosen)
    return redirect(url_for("coordination.cascade.show", fait=1), 303)


def _numbers(typed: Mapping[str, str]) -> dict[str, int]:
    numbers, errors = dict[str, int](), dict[str, str]()
    for field, name in FIELDS.items():
        least, most = LIMITS[name]
        said = typed.get(field, "").strip()
        number = int(said) if said.isascii() and said.isdigit() and len(said) < len("1000") else 0
        if not least <= number <= most:
            errors[field] = _("Un nombre de %(least)d à %(most)d", least=least, most=most)
        numbers[name] = number
    if errors:
        raise FormRefused(errors)
    return numbers
