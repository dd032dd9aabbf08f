"""The patient's own appointment, by its unguessable link: see, add to a calendar, cancel, move."""

from contextlib import suppress
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    get_flashed_messages,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import alternatives, ask, change, coming, tell, waiting_list, wishes
from booking.desk.change import Kept
from booking.extensions import db, equipment, now
from booking.models import BookingStatus, CancelledBy
from booking.web import answers, lost, offers, wording
from booking.web.opened import BY_PATIENT, opened
from booking.web.patient import JUST_CONFIRMED
from config.database import transaction
from schedules import ics
from schedules.slots import SlotTaken

appointment = Blueprint("appointment", __name__)

JUST_MOVED = "moved"
"""Told once to the appointment's own page: the hour that it shows is the new one."""


@appointment.get("/r/<token>")
@guards.open_to(guards.PATIENT)
def show(token: str) -> ResponseReturnValue:
    """Show when and where; in green when it was confirmed or moved just now. No name is shown."""
    with transaction(db.session) as session:
        kept = opened(session, token)
        if lost.is_lost(kept):
            return lost.page(session, kept, token)
        more = {
            "is_new": JUST_CONFIRMED in get_flashed_messages(),
            "is_moved": JUST_MOVED in get_flashed_messages(),
            "safety_net": _safety_net(session, kept),
            "may_come_sooner": _may_come_sooner(kept),
            "wants_sooner": wishes.is_waiting(session, kept.request),
            "sooner_url": url_for("appointment.sooner", token=token),
            "is_asked": coming.is_asked(kept, now=now()),
            "is_coming": kept.booking.coming_at is not None,
            "coming_url": url_for("appointment.will_come", token=token),
        }
        return _page(kept, "show", token, **more)


@appointment.get("/r/<token>.ics")
@guards.open_to(guards.PATIENT)
def calendar(token: str) -> ResponseReturnValue:
    """Return a file to add to any calendar; its UID stays the same for life."""
    links = equipment().links
    with transaction(db.session) as session:
        kept = opened(session, token)
        entry = tell.patient_entry(kept.appointment(), is_cancelled=not kept.is_live, links=links)
        organizer = kept.community.email
    return Response(
        ics.published(entry, host=links.host, organizer=organizer),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="rendez-vous.ics"'},
    )


@appointment.post("/r/<token>/plus-tot")
@guards.open_to(guards.PATIENT)
def sooner(token: str) -> ResponseReturnValue:
    """Note that they want to be told of a sooner slot that frees up, or not any more."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        if _may_come_sooner(kept):
            note = wishes.want if "oui" in request.form else wishes.end
            note(session, kept.request, now=now())
    return redirect(url_for("appointment.show", token=token), 303)


@appointment.post("/r/<token>/je-viendrai")
@guards.open_to(guards.PATIENT)
def will_come(token: str) -> ResponseReturnValue:
    """Note that they come, as the reminder asks; said twice it is said once."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        # Whoever is not asked, or too late, reads on the page what is so.
        with suppress(change.TooLate):
            coming.will_come(session, kept, now=now())
    return redirect(url_for("appointment.show", token=token), 303)


@appointment.get("/r/<token>/annuler")
@guards.open_to(guards.PATIENT)
def ask_to_cancel(token: str) -> ResponseReturnValue:
    """Ask once more before the appointment is given to somebody else."""
    with transaction(db.session) as session:
        kept = opened(session, token)
        if not _may_change(kept):
            return redirect(url_for("appointment.show", token=token), 303)
        return _page(kept, "cancel", token)


@appointment.post("/r/<token>/annuler")
@guards.open_to(guards.PATIENT)
def cancel(token: str) -> ResponseReturnValue:
    """End the appointment; done twice it is done once."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        try:
            change.cancel(
                session,
                kept,
                cancelled_by=CancelledBy.PATIENT,
                by=BY_PATIENT,
                links=equipment().links,
                now=now(),
            )
        except change.TooLate:
            return _page(kept, "too_late", token), 409
    return redirect(url_for("appointment.show", token=token), 303)


@appointment.get("/r/<token>/changer")
@guards.open_to(guards.PATIENT)
def ask_to_move(token: str) -> ResponseReturnValue:
    """Show other hours."""
    with transaction(db.session) as session:
        kept = opened(session, token)
        if not _may_change(kept):
            return redirect(url_for("appointment.show", token=token), 303)
        return _others(session, kept, token)


@appointment.post("/r/<token>/changer")
@guards.open_to(guards.PATIENT)
def move(token: str) -> ResponseReturnValue:
    """Give the appointment another slot, of those proposed; the former one is free at once."""
    slot = answers.reference(answers.one(request.form, "rendez-vous"))
    if slot is None:
        return _not_chosen(token)
    try:
        with transaction(db.session) as session:
            kept = opened(session, token, lock=True)
            change.move(session, kept, slot, by=BY_PATIENT, links=equipment().links, now=now())
    except SlotTaken:
        return _taken(token)
    except change.TooLate:
        with transaction(db.session) as session:
            return _page(opened(session, token), "too_late", token), 409
    flash(JUST_MOVED)
    return redirect(url_for("appointment.show", token=token), 303)


def _not_chosen(token: str) -> ResponseReturnValue:
    with transaction(db.session) as session:
        kept = opened(session, token)
        errors = {"rendez-vous": _("Choisissez un rendez-vous")}
        return _others(session, kept, token, errors=errors), 422


def _taken(token: str) -> ResponseReturnValue:
    """Show three others to whoever was too slow; the appointment they have stays as it was."""
    with transaction(db.session) as session:
        return _others(session, opened(session, token), token, is_taken=True, most=offers.FEW), 409


def _others(session: Session, kept: Kept, token: str, **more: object) -> str:
    here = url_for("appointment.ask_to_move", token=token)
    leaf = offers.leaf(session, kept.request, kept.community, here, now())
    return _page(kept, "move", token, **leaf, **more)


def _may_change(kept: Kept) -> bool:
    return kept.booking.status is BookingStatus.CONFIRMED and kept.slot.starts_at > now()


def _may_come_sooner(kept: Kept) -> bool:
    """Return whether a sooner slot could be offered by SMS, with time to come."""
    far_enough = kept.slot.starts_at - now() > alternatives.TIME_TO_COME + waiting_list.SOONER
    return _may_change(kept) and far_enough and bool(kept.request.phone)


def _safety_net(session: Session, kept: Kept) -> str:
    try:
        return ask.assessment_of(session, kept.request).safety_net
    except ask.NotAssessed:
        return ""


def _page(kept: Kept, template: str, token: str, **more: object) -> str:
    zone, site = kept.community.zone, kept.site
    where = f"{site.latitude:.5f}", f"{site.longitude:.5f}"
    shown: dict[str, Any] = {
        "community": kept.community,
        "when": wording.day_and_hour(kept.slot.starts_at, zone, now=now()),
        "who": offers.who(kept.professional.name, kept.professional.discipline),
        "site": site,
        "code": kept.booking.code,
        "is_live": kept.is_live,
        "by_practice": kept.booking.cancelled_by is CancelledBy.PRACTICE,
        "may_change": _may_change(kept),
        "map_url": "https://www.openstreetmap.org/?mlat={}&mlon={}#map=17/{}/{}".format(
            *where, *where
        ),
        "here_url": url_for("appointment.show", token=token),
        "calendar_url": url_for("appointment.calendar", token=token),
        "cancel_url": url_for("appointment.ask_to_cancel", token=token),
        "move_url": url_for("appointment.ask_to_move", token=token),
    }
    return render_template(f"appointment/{template}.html", **shown | more)
