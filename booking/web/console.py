"""The operators' page: who waits, with a clock; book for a caller; whom no message reached."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board, choose
from booking.desk import waiting as desk
from booking.desk.waiting import Reach
from booking.extensions import db, equipment, now
from booking.models import CareRequest, Channel, RequestStatus, Role
from booking.web import call_page, staff_forms, staff_words, wording
from config import logs
from config.database import transaction
from schedules import slots

console = Blueprint("console", __name__)

CALL_TAKERS = (Role.OPERATOR, Role.SECRETARY, Role.COORDINATOR)
FIRST_PAGE = "signes"
"""The form's first question: a caller is asked the same ones as a patient alone."""


def reach_of(somebody: guards.Identity) -> Reach:
    """Return whose requests this account sees: a practice's own for its secretaries, else all."""
    is_whole = somebody.role is not Role.SECRETARY
    return Reach(somebody.community_id, is_whole, somebody.account, somebody.site_ids)


@console.get("/console")
@guards.open_to(*CALL_TAKERS)
def waiting() -> ResponseReturnValue:
    """Show who waits, page by page, and what did not arrive; who left no phone comes last."""
    moment, reach = now(), reach_of(guards.identity())
    with transaction(db.session) as session:
        community = board.community_of(session, reach.community_id)
        page = request.args.get("page", 1, type=int)
        shown = desk.open_requests(session, reach, page=page, now=moment)
        untold = desk.untold(session, reach, now=moment)
        unnoticed = desk.unnoticed(session, reach, now=moment)
    lines = [call_page.line(r, community, moment) for r in shown.requests]
    return render_template(
        "console/waiting.html",
        errors={},
        community=community,
        title=_titled(shown.total),
        page=shown,
        requests=[line for line in lines if line["phone"]],
        without_phone=[line for line in lines if not line["phone"]],
        untold=call_page.not_arrived(untold, unnoticed, community, moment),
        closed="close" in request.args,
    )


def _titled(count: int) -> str:
    if not count:
        return str(_("Personne n’attend"))
    return staff_words.counted(count, _("demande ouverte"), _("demandes ouvertes"))


@console.post("/console/appel")
@guards.open_to(*CALL_TAKERS)
def new_call() -> ResponseReturnValue:
    """Open a request for somebody on the telephone, and go to its first question."""
    somebody, links = guards.identity(), equipment().links
    with transaction(db.session) as session:
        opened = ask.start(
            session,
            board.community_of(session, somebody.community_id),
            channel=Channel.PHONE,
            language=wording.language(),
            links=links,
            opened_by=somebody.account,
            now=now(),
        )
    return redirect(f"/demande/{links.request_token(opened.reference)}/{FIRST_PAGE}", 303)


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
            "Les réponses sont trop anciennes : refaites les questions avec « Nouvel appel »."
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


@console.post("/console/demandes/<uuid:reference>/clore")
@guards.open_to(*CALL_TAKERS)
def decline(reference: UUID) -> ResponseReturnValue:
    """End a request without an appointment, for a reason that is said."""
    because = request.form.get("because", "")
    if because not in staff_words.DECLINED_BECAUSE:
        return _again(reference, {"because": _("Choisissez pourquoi")}, 422)
    with transaction(db.session) as session:
        asked = _found(session, reference, lock=True)
        ask.decline(session, asked, because=because, now=now())
        became = asked.status
    if became is not RequestStatus.DECLINED:
        return _again(reference, {"because": _not_declined(became)}, 422)
    logs.event(
        "request_declined", request=reference, actor=guards.identity().account, reason=because
    )
    return redirect(url_for("console.waiting", close=""), 303)


def _not_declined(status: RequestStatus) -> str:
    if status is RequestStatus.BOOKED:
        return str(_("Cette demande a un rendez-vous : annulez-le d’abord."))
    return str(_("Cette demande n’attend plus rien : il n’y a rien à clore."))
