"""The coordinator says how far the patients' form is open: watched, open in a rush, or closed."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import board, hoarding
from booking.extensions import db, now
from booking.models import FormMode, Role
from config.database import transaction

form_switch = Blueprint("form", __name__)

MODE = "formulaire"


@form_switch.get("/coordination/formulaire")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show how far the form is open."""
    return _page({})


@form_switch.post("/coordination/formulaire")
@guards.open_to(Role.COORDINATOR)
def save() -> ResponseReturnValue:
    """Open, watch or close it, from this moment on."""
    said = request.form.get(MODE, "")
    if said not in set(FormMode):
        return _page({MODE: _("Choisissez une réponse")}), 422
    somebody = guards.identity()
    with transaction(db.session) as session:
        hoarding.switch(
            session, somebody.community_id, FormMode(said), by=somebody.account, now=now()
        )
    return redirect(url_for("coordination.form.show", fait=1), 303)


def _page(errors: dict[str, str]) -> str:
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        mode = hoarding.mode_of(session, community.id)
    return render_template(
        "coordination/form.html",
        errors=errors,
        community=community,
        mode=mode,
        is_saved="fait" in request.args,
    )
