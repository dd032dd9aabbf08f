"""An appointment that somebody telephones about: an operator moves or cancels it for them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, change
from booking.desk import waiting as desk
from booking.desk.change import Kept
from booking.extensions import db, equipment, now
from booking.models import CancelledBy
from booking.web import offers, staff_forms, staff_words, wording
from booking.web.staff_access import CALL_TAKERS, reach_of
from config.database import transaction
from schedules import slots

kept_appointments = Blueprint("kept", __name__)

WHO = {"patient": CancelledBy.PATIENT, "cabinet": CancelledBy.PRACTICE}
"""Who ends an appointment, by the value of the form."""


def _kept(session: Session, booking: UUID, *, lock: bool = False) -> Kept:
    """Return an appointment within this account's reach, or end the visit with 404."""
    somebody = guards.identity()
    try:
        kept = change.by_reference(session, somebody.community_id, booking, lock=lock)
        desk.find(session, reach_of(somebody), kept.request.reference)
    except (change.NoSuchBooking, ask.NoSuchRequest):
        abort(404)
    return kept


@kept_appointments.get("/console/rendez-vous/<uuid:booking>")
@guards.open_to(*CALL_TAKERS)
def show(booking: UUID) -> ResponseReturnValue:
    """Show an appointment with the hours it could be moved to, and how to cancel it."""
    with transaction(db.session) as session:
        return _page(session, _kept(session, booking), {})


def _page(session: Session, kept: Kept, errors: dict[str, str]) -> str:
    moment, here = now(), url_for("console.kept.show", booking=kept.booking.reference)
    return render_template(
        "console/appointment.html",
        errors=errors,
        community=kept.community,
        booking=kept.booking.reference,
        reference=kept.request.reference,
        name=staff_words.person(kept.request.family_name, kept.request.given_name),
        when=wording.day_and_hour(kept.slot.starts_at, kept.community.zone, now=moment),
        who=offers.who(kept.professional.name, kept.professional.discipline),
        where=kept.site.name,
        address=kept.site.address,
        code=kept.booking.code,
        may_change=kept.is_live and kept.slot.starts_at > moment,
        **_others(session, kept, here),
    )


def _others(session: Session, kept: Kept, here: str) -> dict[str, Any]:
    leaf = offers.leaf(session, kept.request, kept.community, here, now())
    return {"offers": leaf["offers"], "later_url": leaf["later_url"]}


@kept_appointments.post("/console/rendez-vous/<uuid:booking>/changer")
@guards.open_to(*CALL_TAKERS)
def move(booking: UUID) -> ResponseReturnValue:
    """Give the appointment another slot; the one it leaves is free at once, both sides are told."""
    slot = staff_forms.a_reference(request.form.get("rendez-vous"))
    if slot is None:
        return _refused(booking, {"rendez-vous": _("Choisissez un rendez-vous")}, 422)
    try:
        with transaction(db.session) as session:
            kept = _kept(session, booking, lock=True)
            change.move(
                session,
                kept,
                slot,
                by=str(guards.identity().account),
                links=equipment().links,
                now=now(),
            )
    except slots.SlotTaken:
        taken = _("Ce rendez-vous vient d’être pris. En voici d’autres.")
        return _refused(booking, {"rendez-vous": taken}, 409)
    except change.TooLate:
        return _refused(booking, {"rendez-vous": _too_late()}, 409)
    return redirect(url_for("console.show", reference=kept.request.reference), 303)


@kept_appointments.post("/console/rendez-vous/<uuid:booking>/annuler")
@guards.open_to(*CALL_TAKERS)
def cancel(booking: UUID) -> ResponseReturnValue:
    """End the appointment for whoever telephones; its slot is free at once, both sides are told."""
    who = WHO.get(request.form.get("par", ""))
    if who is None:
        return _refused(booking, {"par": _("Choisissez qui annule")}, 422)
    try:
        with transaction(db.session) as session:
            kept = _kept(session, booking, lock=True)
            change.cancel(
                session,
                kept,
                cancelled_by=who,
                by=str(guards.identity().account),
                links=equipment().links,
                now=now(),
            )
    except change.TooLate:
        return _refused(booking, {"par": _too_late()}, 409)
    return redirect(url_for("console.show", reference=kept.request.reference), 303)


def _too_late() -> str:
    return str(_("Ce rendez-vous a commencé : il ne change plus."))


def _refused(booking: UUID, errors: dict[str, str], status: int) -> ResponseReturnValue:
    with transaction(db.session) as session:
        return _page(session, _kept(session, booking), errors), status
