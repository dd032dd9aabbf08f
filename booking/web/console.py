"""The operators' page: who waits, with a clock; book for a caller; whom no message reached."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board, choose, wishes
from booking.desk import offered as places
from booking.desk import waiting as desk
from booking.extensions import db, equipment, now
from booking.fresh_calendars import before_booking
from booking.models import CareRequest, RequestStatus
from booking.web import call_page, follow_lists, staff_forms, staff_words
from booking.web.called import called
from booking.web.called import lines as called_lines
from booking.web.calls.views import call
from booking.web.followed import followed
from booking.web.incidents import incidents
from booking.web.kept_appointments import kept_appointments
from booking.web.replies import limit_reached, replies, stopped, unread
from booking.web.staff_access import CALL_TAKERS, reach_of
from config import logs
from config.database import transaction
from schedules import slots

console = Blueprint("console", __name__)
for within in (call, called, followed, incidents, kept_appointments, replies):
    console.register_blueprint(within)


@console.get("/console")
@guards.open_to(*CALL_TAKERS)
def waiting() -> ResponseReturnValue:
    """Show who waits and what somebody has to make sure of; `?tel=` goes to a new call instead."""
    if "tel" in request.args:
        tel, origin = (request.args.get(name) for name in ("tel", "origine"))
        return redirect(url_for("console.call.new", tel=tel, origine=origin), 303)
    moment, somebody = now(), guards.identity()
    reach, text = reach_of(somebody), staff_forms.clean(request.args.get("q", ""))[:80]
    with transaction(db.session) as session:
        community = board.community_of(session, reach.community_id)
        page = request.args.get("page", 1, type=int)
        shown = desk.open_requests(session, reach, page=page, now=moment)
        untold = desk.untold(session, reach, now=moment)
        unnoticed = desk.unnoticed(session, reach, now=moment)
        choosing = desk.choosing(session, reach, now=moment)
        common = (session, reach, community)
        lists = {
            "transfers": follow_lists.to_recheck(*common, moment),
            "interrupted": follow_lists.interrupted(*common, somebody.account, moment),
            "replies": unread(*common, moment),
            "stopped": stopped(session, community, moment),
            "limit": limit_reached(session, community, moment),
            "looks": follow_lists.looks(*common, somebody.account, moment),
            "offered": follow_lists.places(*common, moment),
            "on_waiting_list": places.waiting(session, reach),
            "called": called_lines(session, community, moment),
            "found": follow_lists.search(*common, text, moment) if text else [],
        }
    lines = [call_page.line(r, community, moment) for r in shown.requests]
    return render_template(
        "console/waiting.html",
        errors={},
        community=community,
        title=_titled(shown.total),
        page=shown,
        requests=[line for line in lines if line["phone"]],
        without_phone=[line for line in lines if not line["phone"]],
        choosing=[call_page.line(r, community, moment) for r in choosing],
        untold=call_page.not_arrived(untold, unnoticed, community, moment),
        closed="close" in request.args,
        suspended="suspendu" in request.args,
        searched=text,
        **lists,
    )


def _titled(count: int) -> str:
    if not count:
        return str(_("Personne n’attend"))
    return staff_words.counted(count, _("demande ouverte"), _("demandes ouvertes"))


@console.get("/console/demandes/<uuid:reference>")
@guards.open_to(*CALL_TAKERS)
def show(reference: UUID) -> ResponseReturnValue:
    """Show one request: answers, why this level, what is free in time; or its appointment."""
    with transaction(db.session) as session:
        asked = _found(session, reference)
        return call_page.render(session, asked, {}, {}, now())


def _found(session: Session, reference: UUID, *, lock: bool = False) -> CareRequest:
    try:
        return desk.find(session, reach_of(guards.identity()), reference, lock=lock)
    except ask.NoSuchRequest:
        abort(404)


@console.post("/console/demandes/<uuid:reference>/garder")
@guards.open_to(*CALL_TAKERS)
@before_booking
def hold(reference: UUID) -> ResponseReturnValue:
    """Keep a slot while the caller spells their name; what was kept before is free again."""
    try:
        slot = staff_forms.a_slot(request.form)
        with transaction(db.session) as session:
            asked = _found(session, reference, lock=True)
            if asked.status is RequestStatus.OPEN:
                choose.hold(session, asked, slot, now=now())
    except staff_forms.FormRefused as wrong:
        return _again(reference, wrong.errors, 422)
    except slots.SlotTaken:
        return _again(reference, _taken(), 409)
    except choose.LevelForbids:
        return _again(reference, _too_old(), 422)
    return redirect(url_for("console.show", reference=reference), 303)


@console.post("/console/demandes/<uuid:reference>/reserver")
@guards.open_to(*CALL_TAKERS)
@before_booking
def book(reference: UUID) -> ResponseReturnValue:
    """Give the slot that is kept to whoever is on the telephone, in their name."""
    try:
        slot, caller = staff_forms.a_slot(request.form), staff_forms.caller(request.form)
        with transaction(db.session) as session:
            asked = _found(session, reference, lock=True)
            if asked.status is RequestStatus.OPEN:
                _book(session, asked, slot, caller, now())
    except staff_forms.FormRefused as wrong:
        return _again(reference, wrong.errors, 422)
    except slots.SlotTaken:
        return _again(reference, _taken(), 409)
    except choose.LevelForbids:
        return _again(reference, _too_old(), 422)
    return redirect(url_for("console.show", reference=reference), 303)


def _again(reference: UUID, errors: dict[str, str], status: int) -> ResponseReturnValue:
    """Show the request once more, with what was typed and what is free by now."""
    typed = staff_forms.typed(request.form)
    if "family_name" in typed:
        typed.setdefault("wants_sms", "")
    with transaction(db.session) as session:
        asked = _found(session, reference)
        return call_page.render(session, asked, typed, errors, now()), status


def _taken() -> dict[str, str]:
    return {"slot": _("Ce rendez-vous vient d’être pris. En voici d’autres.")}


def _too_old() -> dict[str, str]:
    return {
        "slot": _(
            "Les réponses sont trop anciennes : refaites les questions avec « Nouvel appel »."
        )
    }


def _book(
    session: Session,
    asked: CareRequest,
    slot: UUID,
    caller: staff_forms.Caller,
    moment: datetime,
) -> None:
    choose.book(
        session,
        asked,
        board.community_of(session, asked.community_id),
        slot,
        person={
            "family_name": caller.family_name,
            "given_name": caller.given_name,
            "phone": caller.phone.e164,
            "wants_sms": request.form.get("wants_sms") == "yes" and caller.phone.is_mobile,
        },
        by=str(guards.identity().account),
        links=equipment().links,
        now=moment,
    )


@console.post("/console/demandes/<uuid:reference>/attente")
@guards.open_to(*CALL_TAKERS)
def wish(reference: UUID) -> ResponseReturnValue:
    """Put somebody on the waiting list of slots that free up, or take them off it."""
    with transaction(db.session) as session:
        asked = _found(session, reference, lock=True)
        if asked.status is RequestStatus.OPEN and asked.phone:
            note = wishes.want if "oui" in request.form else wishes.end
            note(session, asked, now=now())
    return redirect(url_for("console.show", reference=reference), 303)


@console.post("/console/demandes/<uuid:reference>/clore")
@guards.open_to(*CALL_TAKERS)
def decline(reference: UUID) -> ResponseReturnValue:
    """End a request without an appointment, for a reason that is said."""
    because = request.form.get("because", "")
    if because not in staff_words.DECLINED_BECAUSE:
        return _again(reference, {"because": _("Choisissez pourquoi")}, 422)
    with transaction(db.session) as session:
        asked = _found(session, reference, lock=True)
        by = str(guards.identity().account)
        ask.decline(session, asked, because=because, by=by, now=now())
        became = asked.status
    if became is not RequestStatus.DECLINED:
        return _again(reference, {"because": _not_declined(became)}, 422)
    logs.event(
        "request_declined", request=reference, actor=guards.identity().account, reason=because
    )
    return redirect(url_for("console.waiting", close=""), 303)


def _not_declined(status: RequestStatus) -> str:
    if status is RequestStatus.BOOKED:
        return str(_("Cette demande a un rendez-vous : annulez-le d’abord."))
    return str(_("Cette demande n’attend plus rien : il n’y a rien à clore."))
