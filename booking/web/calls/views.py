"""The addresses of a call: one form, posted at every field by a script, or whole by a button."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board, calls, staff
from booking.desk import waiting as desk
from booking.extensions import db, equipment, now
from booking.fresh_calendars import before_booking
from booking.models import CareRequest, Channel, RequestStatus, Role
from booking.web import staff_forms, wording
from booking.web.answers import Form, one
from booking.web.calls import acting, keeping, screen, wished
from booking.web.calls.call import Call, stale_since
from booking.web.calls.entered import Around
from booking.web.calls.keeping import Done
from booking.web.staff_access import CALL_TAKERS, reach_of
from config.clock import local_day
from config.database import transaction
from notifications import phones
from schedules import directory

call = Blueprint("call", __name__)

LOOK = "voir"
"""What the page sends by itself now and then: nothing is kept, nothing is held longer."""

ORIGINS = {
    "sas": Channel.SAS,
    "pharmacie": Channel.PHARMACIST,
    "cabinet": Channel.PRACTICE,
    "telephone": Channel.PHONE,
}


@call.get("/console/appel")
@guards.open_to(*CALL_TAKERS)
def new() -> ResponseReturnValue:
    """Show an empty call; `?tel=` fills the number in, as telephones can. Nothing is written."""
    with transaction(db.session) as session:
        blank = _blank(session, request.args.get("tel", ""), request.args.get("origine", ""))
        return _page(Done(blank))


def _blank(session: Session, phone: str, origin: str) -> Call:
    somebody = guards.identity()
    usual = Channel.PRACTICE if somebody.role is Role.SECRETARY else Channel.PHONE
    empty = CareRequest(
        community_id=somebody.community_id,
        channel=_origin(origin) or usual,
        status=RequestStatus.DRAFT,
        language=wording.language(),
        complaints=[],
        answers={},
        reasked=[],
        older_by_months=0,
        version=0,
        wants_sms=True,
        phone=_number(phone),
    )
    made = _call(session, empty, is_new=True)
    return replace(made, typed={"telephone": staff_forms.clean(phone)[:40]}) if phone else made


def _origin(said: str) -> Channel | None:
    known = ORIGINS | {channel.lower(): channel for channel in ORIGINS.values()}
    return known.get(said)


def _number(text: str) -> str | None:
    try:
        return phones.parse(staff_forms.clean(text)).e164
    except phones.PhoneInvalid:
        return None


def _call(session: Session, asked: CareRequest, *, is_new: bool = False) -> Call:
    somebody, moment = guards.identity(), now()
    community = board.community_of(session, somebody.community_id)
    return Call(
        session=session,
        request=asked,
        community=community,
        protocol=equipment().protocol(wording.language(), community.id),
        by=staff.actor(session, somebody.community_id, somebody.account),
        reach=reach_of(somebody),
        now=moment,
        around=Around(
            communes=directory.communes(session, community.id),
            doctors=directory.doctors(session, community.id),
            today=local_day(moment, community.zone),
        ),
        is_new=is_new,
        stale_since=None if is_new else stale_since(asked, moment),
    )


@call.get("/console/appels/<uuid:reference>")
@guards.open_to(*CALL_TAKERS)
def show(reference: UUID) -> ResponseReturnValue:
    """Show a call as it was left; one that has its appointment is read back instead."""
    with transaction(db.session) as session:
        found = _call(session, _found(session, reference))
        if found.is_ended:
            return redirect(url_for("console.show", reference=reference), 303)
        return _page(Done(found))


def _found(session: Session, reference: UUID) -> CareRequest:
    try:
        return desk.find(session, reach_of(guards.identity()), reference, lock=True)
    except ask.NoSuchRequest:
        abort(404)


@call.post("/console/appels/<uuid:reference>/reprendre")
@guards.open_to(*CALL_TAKERS)
def resume(reference: UUID) -> ResponseReturnValue:
    """Go on with a call, one's own or a colleague's: it belongs to whoever goes on."""
    with transaction(db.session) as session:
        found = _call(session, _found(session, reference))
        if not found.is_ended:
            keeping.forget_stale(found)
            calls.take_over(session, found.request, by=found.by, now=found.now)
    return redirect(url_for("console.call.show", reference=reference), 303)


@call.post("/console/appel")
@guards.open_to(*CALL_TAKERS)
@before_booking
def save() -> ResponseReturnValue:
    """Keep what was typed so far, do what the button says, and answer with what has changed.

    A script is answered with the pieces of the page that are others now; a browser alone with
    the whole page. What was not understood stays in its field.
    """
    form, button = request.form, one(request.form, "faire")
    reference = staff_forms.a_reference(form.get("reference"))
    with transaction(db.session) as session:
        if reference is None:
            mine = _picked_up(session, form)
        else:
            mine = _call(session, _found(session, reference))
        done = _kept(mine, form, button)
        if done.leave_to:
            return _leave(done.leave_to)
        return _pieces(done) if _is_by_script() else _whole(done)


def _picked_up(session: Session, form: Form) -> Call:
    blank = _blank(session, "", one(form, "origine"))
    made = calls.pick_up(
        session,
        blank.community,
        by=blank.by,
        channel=blank.request.channel,
        language=wording.language(),
        links=equipment().links,
        now=blank.now,
    )
    return replace(blank, request=made, is_new=False)


def _kept(mine: Call, form: Form, button: str) -> Done:
    """Keep and act; a colleague's changes are shown, never overwritten."""
    if mine.is_ended:
        return Done(mine, leave_to=url_for("console.show", reference=mine.request.reference))
    if button == LOOK:
        return Done(mine, searched=one(form, "cherche"), is_elsewhere_now=True)
    version, is_insisting = _version(mine, form, button)
    if mine.is_anothers:
        return _not_mine(mine, form)
    was_at = mine.request.commune_insee
    try:
        kept = keeping.keep(mine, form, version=version)
    except calls.Stale as stale:
        return _stale(mine, form, stale)
    moved = was_at != mine.request.commune_insee
    if protocol := kept.hints.get("protocole"):
        return Done(kept, alert={"kind": "wrong", "errors": {"suite": protocol}})
    done = acting.press(kept, form, "" if is_insisting else button)
    return replace(done, is_elsewhere_now=moved or done.person_changed)


def _version(mine: Call, form: Form, button: str) -> tuple[int, bool]:
    """Return which version the page showed; or which one its author has seen and replaces."""
    what, _colon, version = button.partition(":")
    is_insisting = what == "garder-mien"
    said = version if is_insisting else one(form, "version")
    if not one(form, "reference"):
        return mine.request.version, False
    is_number = said.isascii() and said.isdecimal() and len(said) < LONGEST_NUMBER
    return int(said) if is_number else NEVER, is_insisting


NEVER = -1
"""A version that no call has."""

LONGEST_NUMBER = 10


def _not_mine(mine: Call, form: Form) -> Done:
    said = {"who": _name_of(mine), "differences": _differences(mine, form)}
    mine = replace(mine, typed=staff_forms.typed(form))
    return Done(mine, alert={"kind": "owner", **said})


def _name_of(mine: Call) -> str:
    owner = mine.request.owner
    if owner is None:
        return ""
    try:
        return staff.actor(mine.session, mine.community.id, owner).name
    except staff.NoSuchActor:
        return str(_("une autre personne"))


def _stale(mine: Call, form: Form, stale: calls.Stale) -> Done:
    return Done(
        replace(mine, typed=staff_forms.typed(form)),
        alert={
            "kind": "stale",
            "who": stale.by or _("La personne, sur Internet"),
            "at": wording.hour(stale.at, mine.zone) if stale.at else "",
            "version": stale.version,
            "differences": _differences(mine, form),
        },
    )


FIELDS = {
    "telephone": lazy("Téléphone"),
    "commune": lazy("Commune"),
    "naissance": lazy("Naissance"),
    "adresse": lazy("Adresse"),
    "nom": lazy("Nom"),
    "prenom": lazy("Prénom"),
    "precision": lazy("Précision"),
    "medecin": lazy("Médecin traitant"),
}
"""The fields of which a difference is shown, as they are called on the page."""


def _differences(mine: Call, form: Form) -> list[dict[str, str]]:
    """Return, field by field, what was typed here and what the other person has kept."""
    theirs = screen.typed(mine)
    return [
        {"field": str(label), "mine": one(form, name), "theirs": theirs.get(name, "")}
        for name, label in FIELDS.items()
        if name in form and one(form, name) != " ".join(theirs.get(name, "").split())
    ]


def _is_by_script() -> bool:
    return request.headers.get("HX-Request") == "true"


def _leave(url: str) -> ResponseReturnValue:
    if not _is_by_script():
        return redirect(url, 303)
    answer = make_response("")
    answer.headers["HX-Redirect"] = url
    answer.headers["X-Kept"] = "1"
    return answer


def _drawn(done: Done) -> tuple[dict[str, screen.Piece], dict[str, Any]]:
    wheelchair = "fauteuil" in request.values
    shown = screen.values(
        done.call,
        searched=done.searched,
        only_wheelchair=wheelchair,
        has_soonest=not _is_by_script() or done.is_elsewhere_now,
    )
    shown |= {
        "pieces_only": _is_by_script(),
        "wished": wished.told(done.call),
        "alert": done.alert,
        "is_anothers": done.call.is_anothers and not done.call.is_new,
        "owner": _name_of(done.call) if done.call.is_anothers else "",
    }
    return screen.pieces(done.call, shown), shown


def _pieces(done: Done) -> ResponseReturnValue:
    drawn, _shown = _drawn(done)
    seen = set(request.form.getlist("vu"))
    answer = make_response(screen.changed(drawn, seen, person=done.person_changed))
    answer.headers["X-Kept"] = "0" if done.alert and done.alert["kind"] in REFUSED else "1"
    if done.focus:
        answer.headers["HX-Trigger-After-Settle"] = json.dumps({"va": {"a": done.focus}})
    return answer


REFUSED = ("stale", "owner")
"""What says that nothing of this was kept."""


def _whole(done: Done) -> ResponseReturnValue:
    """Answer a browser without scripts: with the page itself where something is to be said."""
    refused = done.alert is not None and done.alert["kind"] in REFUSED
    if done.alert or done.call.hints or done.searched:
        status = 409 if refused else 422 if done.alert else 200
        return _page(done), status
    slot = None if done.call.is_judged else wished.reference()
    where = url_for("console.call.show", reference=done.call.request.reference, creneau=slot)
    return redirect(where + (f"#{done.focus}" if done.focus else ""), 303)


def _page(done: Done) -> str:
    drawn, shown = _drawn(done)
    others = [
        each
        for each in calls.interrupted(
            done.call.session, done.call.reach, account=done.call.by.account, now=done.call.now
        )
        if each.reference != done.call.request.reference and (each.is_own or each.is_suspended)
    ]
    return render_template(
        "console/call.html",
        **shown,
        pieces=drawn,
        errors=_errors(done),
        interrupted=len(others),
        to_call=next((_to_call(each.phone) for each in others if each.phone), None),
    )


def _to_call(phone: str) -> dict[str, str]:
    return {"phone": phone, "shown": wording.spaced(phone)}


def _errors(done: Done) -> dict[str, str]:
    wrong = done.alert if done.alert and done.alert["kind"] == "wrong" else None
    return dict(wrong["errors"]) if wrong else {}
