"""One appointment of the day: who comes and why, what is noted of it, and its cancellation."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board, change, elsewhere, running_late
from booking.extensions import db, equipment, now
from booking.models import BookingStatus, CancelledBy
from booking.web import staff_forms, staff_words, wording
from booking.web.staff_access import CARERS, scope_of
from config.clock import local_day
from config.database import transaction

sheet = Blueprint("sheet", __name__)

NOTED = {
    "arrived": BookingStatus.ARRIVED,
    "seen": BookingStatus.HONOURED,
    "missed": BookingStatus.NO_SHOW,
    "expected": BookingStatus.CONFIRMED,
}
NOT_TOLD = {
    running_late.Enough: lazy("Cette personne a déjà reçu trois messages de retard"),
    running_late.Unreachable: lazy("Cette personne ne reçoit pas de message. Appelez-la."),
    change.TooLate: lazy("Il est trop tard pour prévenir d’un retard"),
}
"""Why nobody was told that they will wait."""

WORD_OF = {status: word for word, status in NOTED.items()}
"""By what is noted, the word that a form says for it."""


@sheet.get("/journee/rendez-vous/<uuid:reference>")
@guards.open_to(*CARERS)
def show(reference: UUID) -> ResponseReturnValue:
    """Show one appointment: who comes and why, and what can be noted of it."""
    with transaction(db.session) as session:
        return page(session, theirs(session, reference), {}, now())


def theirs(session: Session, reference: UUID, *, lock: bool = False) -> change.Kept:
    """Return an appointment of this account's own scope; any other is not there at all."""
    scope = scope_of(guards.identity())
    try:
        kept = change.by_reference(session, scope.community_id, reference, lock=lock)
    except change.NoSuchBooking:
        abort(404)
    if not scope.holds(kept.slot):
        abort(404)
    return kept


def page(session: Session, kept: change.Kept, errors: dict[str, str], moment: datetime) -> str:
    """Return the page of an appointment, with what went wrong said on it."""
    zone, asked = kept.community.zone, kept.request
    has_begun = kept.slot.starts_at <= moment
    status = kept.booking.status
    able = elsewhere.relocatable(session, scope_of(guards.identity()))
    may_change = status is BookingStatus.CONFIRMED and not has_begun
    return render_template(
        "day/sheet.html",
        errors=errors,
        community=kept.community,
        reference=kept.booking.reference,
        slot=kept.slot.reference,
        name=staff_words.person(asked.family_name, asked.given_name),
        age=staff_words.age(asked.birth_date, asked.age_months, local_day(moment, zone)),
        when=wording.day_and_hour(kept.slot.starts_at, zone, now=moment),
        day=local_day(kept.slot.starts_at, zone),
        professional=kept.professional.name,
        site=kept.site.name,
        status=status.value,
        word=staff_words.BOOKINGS[status],
        level=staff_words.LEVELS[kept.booking.level],
        complaints=staff_words.complaints(
            asked.complaints, equipment().protocol(wording.language(), kept.community.id)
        ),
        note=asked.note,
        source=staff_words.CHANNELS[asked.channel],
        phone=asked.phone and wording.spaced(asked.phone),
        may_leave_message=asked.may_leave_message,
        code=kept.booking.code,
        is_told_by_message=board.is_told_by_message(kept),
        may_note=status is not BookingStatus.CANCELLED,
        may_miss=has_begun,
        may_cancel=may_change,
        delays=running_late.MINUTES if running_late.may_tell(kept, moment) else (),
        told=staff_forms.a_count(request.args.get("dit")),
        may_move=may_change,
        may_relocate=may_change and kept.professional.reference in able,
    )


@sheet.post("/journee/rendez-vous/<uuid:reference>/etat")
@guards.open_to(*CARERS)
def note(reference: UUID) -> ResponseReturnValue:
    """Note that the patient arrived, was seen or did not come, or correct what was noted.

    Then the day is shown again, at this appointment.
    """
    moment = now()
    status = NOTED.get(request.form.get("state", ""))
    if status is None:
        abort(400)
    with transaction(db.session) as session:
        kept = theirs(session, reference, lock=True)
        if early := _too_early(kept, status, moment):
            return page(session, kept, {"state": early}, moment), 422
        try:
            change.note(session, kept, status, by=str(guards.identity().account), now=moment)
        except change.TooLate:
            return page(session, kept, {"state": _("Ce rendez-vous a été annulé")}, moment), 422
        day, looked_at = local_day(kept.slot.starts_at, kept.community.zone), request.form
        back = url_for(
            "day.show",
            jour=day,
            lieu=staff_forms.a_reference(looked_at.get("lieu")),
            pro=staff_forms.a_reference(looked_at.get("pro")),
            _anchor=f"c-{kept.slot.reference}",
        )
        return redirect(back, 303)


def _too_early(kept: change.Kept, status: BookingStatus, moment: datetime) -> str | None:
    """Return why this cannot be noted yet; some come, and are seen, before their hour."""
    if status is BookingStatus.NO_SHOW and kept.slot.starts_at > moment:
        return str(_("L’heure du rendez-vous n’est pas encore passée"))
    zone = kept.community.zone
    is_another_day = local_day(kept.slot.starts_at, zone) > local_day(moment, zone)
    if is_another_day and status is not BookingStatus.CONFIRMED:
        return str(_("Ce rendez-vous n’est pas aujourd’hui"))
    return None


@sheet.post("/journee/rendez-vous/<uuid:reference>/retard")
@guards.open_to(*CARERS)
def late(reference: UUID) -> ResponseReturnValue:
    """Tell a patient by message that they will wait; the hour of the appointment stands."""
    moment = now()
    minutes = staff_forms.a_count(request.form.get("minutes"))
    if minutes not in running_late.MINUTES:
        abort(400)
    with transaction(db.session) as session:
        kept = theirs(session, reference, lock=True)
        try:
            running_late.tell_patient(session, kept, minutes, links=equipment().links, now=moment)
        except tuple(NOT_TOLD) as refused:
            return page(session, kept, {"message": str(NOT_TOLD[type(refused)])}, moment), 422
    return redirect(url_for("day.sheet.show", reference=reference, dit=minutes), 303)


@sheet.get("/journee/rendez-vous/<uuid:reference>/annuler")
@guards.open_to(*CARERS)
def before_cancelling(reference: UUID) -> ResponseReturnValue:
    """Ask before an appointment is cancelled: the patient is told at once."""
    with transaction(db.session) as session:
        kept = theirs(session, reference)
        if kept.booking.status is not BookingStatus.CONFIRMED:
            return redirect(url_for("day.sheet.show", reference=reference), 303)
        return render_template(
            "day/cancel.html",
            errors={},
            community=kept.community,
            reference=reference,
            name=staff_words.person(kept.request.family_name, kept.request.given_name),
            when=wording.day_and_hour(kept.slot.starts_at, kept.community.zone, now=now()),
            is_told_by_message=board.is_told_by_message(kept),
            phone=kept.request.phone and wording.spaced(kept.request.phone),
        )


@sheet.post("/journee/rendez-vous/<uuid:reference>/annuler")
@guards.open_to(*CARERS)
def cancel(reference: UUID) -> ResponseReturnValue:
    """Cancel an appointment for the practice: the slot is free, the request open again."""
    moment = now()
    with transaction(db.session) as session:
        kept = theirs(session, reference, lock=True)
        try:
            change.cancel(
                session,
                kept,
                cancelled_by=CancelledBy.PRACTICE,
                by=str(guards.identity().account),
                links=equipment().links,
                now=moment,
            )
        except change.TooLate:
            sentence = _("L’heure du rendez-vous est passée, ou la personne est arrivée")
            return page(session, kept, {"state": sentence}, moment), 422
    return redirect(url_for("day.sheet.show", reference=reference), 303)
