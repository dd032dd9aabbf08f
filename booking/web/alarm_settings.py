"""The coordinator says when others are made to look at a promise, and whom to call last."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import board
from booking.extensions import db
from booking.models import Role
from booking.web import staff_forms, wording
from booking.web.staff_forms import FormRefused
from config.database import transaction
from notifications.phones import PhoneInvalid, parse
from schedules.models import Community

alarm_settings = Blueprint("alarms", __name__)

STEPS = ("operateurs", "coordination", "astreinte")
"""Fields of the three percents, in the order in which they come."""

PHONE = "telephone"
LEAST, MOST = 1, 99


@alarm_settings.get("/coordination/alertes")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show after how much of the time each of three is made to look."""
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        return _page(community, _as_kept(community), {})


def _as_kept(community: Community) -> dict[str, str]:
    percents = map(str, community.alarm_percents)
    phone = community.on_call_phone
    return {**dict(zip(STEPS, percents, strict=True)), PHONE: wording.spaced(phone or "")}


def _page(community: Community, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_template(
        "coordination/alarms.html",
        errors=errors,
        community=community,
        typed=typed,
        is_saved="fait" in request.args,
    )


@alarm_settings.post("/coordination/alertes")
@guards.open_to(Role.COORDINATOR)
def save() -> ResponseReturnValue:
    """Keep them for the steps to come, or say beside the field what is wrong."""
    typed = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        try:
            percents, phone = _percents(typed), _phone(typed.get(PHONE, ""))
        except FormRefused as wrong:
            return _page(community, typed, wrong.errors), 422
        community.alarm_percents, community.on_call_phone = percents, phone
    return redirect(url_for("coordination.alarms.show", fait=1), 303)


def _percents(typed: Mapping[str, str]) -> list[int]:
    """Return the three percents, each after the one before."""
    read: list[int] = []
    for name in STEPS:
        said = typed.get(name, "").strip().removesuffix("%").strip()
        number = int(said) if said.isascii() and said.isdigit() and len(said) < len("100") else 0
        if not LEAST <= number <= MOST:
            raise FormRefused({name: _("Un nombre de 1 à 99")})
        if read and number <= read[-1]:
            raise FormRefused({name: _("Un nombre plus grand que le précédent")})
        read.append(number)
    return read


def _phone(said: str) -> str | None:
    if not said.strip():
        return None
    try:
        read = parse(said)
    except PhoneInvalid:
        raise FormRefused({PHONE: _("Un numéro de mobile français")}) from None
    if not read.is_mobile:
        raise FormRefused({PHONE: _("Un numéro de mobile français")})
    return read.e164
