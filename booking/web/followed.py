"""What humans do about a request: follow it to the 15, look again, decide otherwise, make sure."""

from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import (
    ask,
    board,
    decide,
    nothing_free,
    safety_net,
    second_look,
    staff,
    transfers,
)
from booking.desk import waiting as desk
from booking.desk.reach import Reach
from booking.desk.staff import Actor
from booking.extensions import db, equipment, now
from booking.models import CareRequest, Role, TransferState
from booking.triage.protocol import Level
from booking.web import call_page, follow_lists, staff_forms, transfer_page, wording
from booking.web.staff_access import CALL_TAKERS, reach_of
from config import logs
from config.database import transaction

followed = Blueprint("followed", __name__)

STATES = {
    "ligne-prise": TransferState.LINE_TAKEN,
    "rappel-fait": TransferState.CALLED_BACK,
    "pas-de-reponse": TransferState.NO_ANSWER,
    "clos": TransferState.CLOSED,
}
"""What the buttons of a transfer note."""


def found(session: Session, reference: UUID, *, lock: bool = False) -> CareRequest:
    """Return a request within this account's reach, or end the visit with 404."""
    try:
        return desk.find(session, reach_of(guards.identity()), reference, lock=lock)
    except ask.NoSuchRequest:
        abort(404)


def to_follow(session: Session, reference: UUID) -> CareRequest:
    """Return a request to follow to the 15, locked: also a form that a patient left with a sign."""
    try:
        return desk.find(session, reach_of(guards.identity()), reference, lock=True)
    except ask.NoSuchRequest:
        pass
    reach, signs = (
        reach_of(guards.identity()),
        transfers.signs_of(equipment().protocol("fr", guards.identity().community_id)),
    )
    listed = transfers.waiting(session, reach, signs=signs, now=now())
    if reference not in {each.reference for each in listed}:
        abort(404)
    return ask.by_reference(session, reach.community_id, reference)


def actor(session: Session) -> Actor:
    """Return who acts, as the database knows them."""
    somebody = guards.identity()
    return staff.actor(session, somebody.community_id, somebody.account)


@followed.get("/console/demandes/<uuid:reference>/15")
@guards.open_to(*CALL_TAKERS)
def transfer(reference: UUID) -> ResponseReturnValue:
    """Show what to dictate to the 15, what was done since, and what is left to make sure of."""
    with transaction(db.session) as session:
        asked = to_follow(session, reference)
        return transfer_page.render(
            session, asked, now(), is_ended=not _is_listed(session, reference), errors={}
        )


def _is_listed(session: Session, reference: UUID) -> bool:
    signs = transfers.signs_of(equipment().protocol("fr", guards.identity().community_id))
    reach = reach_of(guards.identity())
    listed = transfers.waiting(session, reach, signs=signs, now=now())
    return reference in {each.reference for each in listed}


@followed.post("/console/demandes/<uuid:reference>/15")
@guards.open_to(*CALL_TAKERS)
def note(reference: UUID) -> ResponseReturnValue:
    """Keep where the person is, and note what somebody did: only closing takes it off the list.

    An address that cannot be kept never keeps a note from being taken.
    """
    form, state = request.form, STATES.get(request.form.get("etat", ""))
    if state is None and ("etat" in form or transfer_page.ADDRESS not in form):
        abort(400)
    back = redirect(url_for("console.followed.transfer", reference=reference), 303)
    with transaction(db.session) as session:
        asked, by = to_follow(session, reference), actor(session)
        try:
            errors = transfer_page.keep_address(session, asked, form, by=by, now=now())
            if state is not None:
                transfers.note(session, asked, state, by=by, now=now())
        except transfers.NoTransfer:
            return back
        if errors:
            typed = staff_forms.typed(form)[transfer_page.ADDRESS]
            is_ended = not _is_listed(session, reference)
            page = transfer_page.render(
                session, asked, now(), is_ended=is_ended, typed=typed, errors=errors
            )
            return page, 422
    return redirect(url_for("console.waiting"), 303) if state is TransferState.CLOSED else back


@followed.post("/console/demandes/<uuid:reference>/relire")
@guards.open_to(*CALL_TAKERS)
def confirm(reference: UUID) -> ResponseReturnValue:
    """Note that a second person agrees that no appointment is needed."""
    with transaction(db.session) as session:
        asked = found(session, reference, lock=True)
        try:
            second_look.confirm(session, asked, by=actor(session), now=now())
        except second_look.SamePerson:
            errors = {"relire": str(_("Une autre personne doit relire cet avis."))}
            return call_page.render(session, asked, {}, errors, now()), 422
        except second_look.NothingToCheck:
            pass
    return redirect(url_for("console.waiting"), 303)


@followed.post("/console/demandes/<uuid:reference>/niveau")
@guards.open_to(*CALL_TAKERS)
def raise_level(reference: UUID) -> ResponseReturnValue:
    """Raise how urgent a need is, with a reason: an operator never lowers it."""
    with transaction(db.session) as session:
        asked = found(session, reference, lock=True)
        errors = _decided(session, asked, actor(session))
        if errors:
            typed = staff_forms.typed(request.form)
            return call_page.render(session, asked, typed, errors, now()), 422
        is_emergency = asked.level is not None and asked.level.is_emergency
    where = "console.followed.transfer" if is_emergency else "console.show"
    return redirect(url_for(where, reference=reference), 303)


def _decided(session: Session, asked: CareRequest, by: Actor) -> dict[str, str]:
    """Let somebody decide; return what was wrong with it, by field."""
    community = board.community_of(session, asked.community_id)
    try:
        to = Level[request.form.get("niveau", "")]
    except KeyError:
        return {"niveau": str(_("Choisissez un niveau"))}
    try:
        decide.level(
            session,
            asked,
            to,
            reason=staff_forms.clean(request.form.get("raison", "")),
            by=by,
            protocol=equipment().protocol(wording.language(), guards.identity().community_id),
            community=community,
            now=now(),
        )
    except decide.ReasonMissing:
        return {"raison": str(_("Écrivez pourquoi, en quelques mots"))}
    except (decide.NotAllowed, decide.SameLevel, ask.NotAssessed, ask.AlreadyBooked):
        return {"niveau": str(_("Ce niveau ne peut pas être décidé ici."))}
    logs.event("level_decided", request=asked.reference, actor=by.account, triage_level=to.name)
    return {}


@followed.post("/console/demandes/<uuid:reference>/compris")
@guards.open_to(*CALL_TAKERS)
def understood(reference: UUID) -> ResponseReturnValue:
    """Keep who said what to do if it gets worse, and was understood (SR-15)."""
    back = redirect(url_for("console.show", reference=reference), 303)
    judgement = staff_forms.a_reference(request.form.get("evaluation"))
    with transaction(db.session) as session:
        asked = found(session, reference, lock=True)
        try:
            safety_net.note(session, asked, judgement, by=actor(session), now=now())
        except (ask.NotAssessed, safety_net.Overtaken):
            # The page shows what has to be said now.
            return back
    logs.event("safety_net_understood", request=asked.reference, actor=guards.identity().account)
    return back


def _of_clinicians(session: Session) -> tuple[Actor, Reach]:
    by = actor(session)
    if not by.is_clinician:
        abort(404)
    return by, Reach(guards.identity().community_id, is_whole=True)


@followed.get("/console/decisions")
@guards.open_to(Role.PROFESSIONAL)
def decisions() -> ResponseReturnValue:
    """Show a doctor or midwife what waits for a clinician: nothing free today, the 15, advice."""
    moment = now()
    with transaction(db.session) as session:
        by, reach = _of_clinicians(session)
        community = board.community_of(session, reach.community_id)
        return render_template(
            "console/decisions.html",
            errors={},
            community=community,
            for_doctors=follow_lists.for_doctors(session, reach, community, moment),
            transfers=follow_lists.to_recheck(session, reach, community, moment),
            looks=follow_lists.looks(session, reach, community, by.account, moment),
        )


def _waits_for_clinician(session: Session, reach: Reach, reference: UUID) -> CareRequest:
    """Return a request of the three lists, locked; any other is not there for a clinician."""
    signs = transfers.signs_of(equipment().protocol("fr", guards.identity().community_id))
    listed = {
        *(each.reference for each in nothing_free.for_doctors(session, reach, now=now())),
        *(e.reference for e in transfers.waiting(session, reach, signs=signs, now=now())),
        *(each.reference for each in second_look.waiting(session, reach, now=now())),
    }
    if reference not in listed:
        abort(404)
    return ask.by_reference(session, reach.community_id, reference)


@followed.get("/console/decisions/<uuid:reference>")
@guards.open_to(Role.PROFESSIONAL)
def decision(reference: UUID) -> ResponseReturnValue:
    """Show a clinician what was answered, and which levels they may decide."""
    with transaction(db.session) as session:
        by, reach = _of_clinicians(session)
        asked = _waits_for_clinician(session, reach, reference)
        return _decision(session, asked, by, {})


def _decision(session: Session, asked: CareRequest, by: Actor, errors: dict[str, str]) -> str:
    community = board.community_of(session, asked.community_id)
    return render_template(
        "console/decision.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        typed=staff_forms.typed(request.form),
        **call_page.facts(session, asked, community, now()),
        **call_page.deciding(session, asked, by, community, now()),
    )


@followed.post("/console/decisions/<uuid:reference>")
@guards.open_to(Role.PROFESSIONAL)
def decide_it(reference: UUID) -> ResponseReturnValue:
    """Let a clinician decide, up or down, by their own account and with a reason; or agree."""
    with transaction(db.session) as session:
        by, reach = _of_clinicians(session)
        asked = _waits_for_clinician(session, reach, reference)
        if "relu" in request.form:
            try:
                second_look.confirm(session, asked, by=by, now=now())
            except (second_look.SamePerson, second_look.NothingToCheck):
                abort(409)
        elif errors := _decided(session, asked, by):
            return _decision(session, asked, by, errors), 422
    return redirect(url_for("console.followed.decisions"), 303)
