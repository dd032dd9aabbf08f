"""The coordinator takes a promise over, hands it over, or ends it, each with a reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board, owed, waiting
from booking.desk.owed import Event, Owed
from booking.extensions import db, now
from booking.models import CareRequest, EscalatedTo, PromiseChange, Role
from booking.web import call_page, staff_words, wording
from booking.web.staff_access import reach_of
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules.models import Community

owed_pages = Blueprint("owed", __name__)

ESCALATED = {
    EscalatedTo.OPERATOR: lazy("Alerte aux opérateurs"),
    EscalatedTo.COORDINATOR: lazy("Alerte à la coordination"),
    EscalatedTo.ON_CALL: lazy("Alerte à l’astreinte"),
}
CHANGES = {
    PromiseChange.BEGAN: lazy("Délai commencé"),
    PromiseChange.SOONER: lazy("Délai raccourci"),
    PromiseChange.LATER: lazy("Délai allongé par un soignant"),
    PromiseChange.TAKEN: lazy("Prise en charge"),
    PromiseChange.ENDED: lazy("Terminée"),
    PromiseChange.RESUMED: lazy("Rouverte, même délai"),
}
HAND_OVER = {
    "called_15": lazy("Au 15"),
    "sas": lazy("Au SAS"),
    "emergency_room": lazy("Aux urgences d’un hôpital"),
    "regular_doctor": lazy("À son médecin traitant"),
    "outside": lazy("À une autre équipe, hors de la CPTS"),
}
DECLINE = {
    code: text for code, text in staff_words.DECLINED_BECAUSE.items() if code not in HAND_OVER
}


def line(each: Owed, community: Community, moment: datetime) -> dict[str, Any]:
    """Return a promise as one line of the coordinator's page."""
    asked = each.call_back_asked_at
    return {
        "reference": each.reference,
        "clock": staff_words.clock(each.due_at, moment),
        "is_late": each.due_at <= moment,
        "before": wording.short_day_and_hour(each.due_at, community.zone, now=moment),
        "level": staff_words.LEVELS[each.level],
        "name": staff_words.person(each.family_name, each.given_name),
        "age": staff_words.age(each.birth_date, each.age_months, local_day(moment, community.zone)),
        "phone": each.phone and wording.spaced(each.phone),
        "commune": each.commune,
        "alarm": each.escalated_to and ESCALATED[each.escalated_to],
        "taken_by": each.taken_by,
        "is_mine": each.taken_by_account == guards.identity().account,
        "chooses": each.chooses,
        "called_since": asked and staff_words.span(moment - asked),
    }


def title(promises: list[Owed], moment: datetime) -> str:
    """Return in one sentence how many wait, and how many of them too long."""
    late = sum(each.due_at <= moment for each in promises)
    if not promises:
        return str(_("Personne n’attend"))
    waits = ngettext("%(num)d demande attend", "%(num)d demandes attendent", len(promises))
    return f"{waits}, {ngettext('%(num)d en retard', '%(num)d en retard', late)}" if late else waits


@owed_pages.get("/coordination/demandes/<uuid:reference>")
@guards.open_to(Role.COORDINATOR)
def show(reference: UUID) -> ResponseReturnValue:
    """Show what one request is owed, what happened to it, and what can be done."""
    with transaction(db.session) as session:
        return _page(session, _found(session, reference), {})


def _found(session: Session, reference: UUID, *, lock: bool = False) -> CareRequest:
    """Return a request of this community that was promised something, or end the visit with 404."""
    try:
        return waiting.find(session, reach_of(guards.identity()), reference, lock=lock)
    except ask.NoSuchRequest:
        abort(404)


def _page(session: Session, asked: CareRequest, errors: Mapping[str, str]) -> str:
    moment = now()
    community = board.community_of(session, asked.community_id)
    theirs = [
        each
        for each in owed.open_promises(session, community.id, now=moment)
        if each.reference == asked.reference
    ]
    return render_template(
        "coordination/owed.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        promise=line(theirs[0], community, moment) if theirs else None,
        ended=staff_words.ENDED.get(asked.status, staff_words.OPEN_NOW),
        events=[_event(each, community, moment) for each in owed.history(session, asked)],
        hand_over=[{"value": k, "text": t} for k, t in HAND_OVER.items()],
        decline=[{"value": k, "text": t} for k, t in DECLINE.items()],
        **call_page.facts(session, asked, community, moment),
    )


def _event(event: Event, community: Community, moment: datetime) -> dict[str, Any]:
    what = ESCALATED[event.escalated_to] if event.escalated_to else CHANGES[event.what]
    return {
        "when": wording.short_day_and_hour(event.at, community.zone, now=moment),
        "what": what,
        "who": event.by,
        "before": wording.short_day_and_hour(event.due_at, community.zone, now=moment),
    }


@owed_pages.post("/coordination/demandes/<uuid:reference>/prendre")
@guards.open_to(Role.COORDINATOR)
def take(reference: UUID) -> ResponseReturnValue:
    """Note that this coordinator sees to it: everybody else sees who does."""
    with transaction(db.session) as session:
        asked = _found(session, reference, lock=True)
        try:
            owed.take(session, asked, by=guards.identity().account, now=now())
        except owed.NothingOwed:
            return _page(session, asked, _too_late()), 409
    return redirect(url_for("coordination.owed.show", reference=reference), 303)


@owed_pages.post("/coordination/demandes/<uuid:reference>/transmettre")
@guards.open_to(Role.COORDINATOR)
def hand_over(reference: UUID) -> ResponseReturnValue:
    """End the promise because somebody else answers for the person now."""
    return _end(reference, "a_qui", HAND_OVER, str(_("Choisissez à qui")))


@owed_pages.post("/coordination/demandes/<uuid:reference>/clore")
@guards.open_to(Role.COORDINATOR)
def decline(reference: UUID) -> ResponseReturnValue:
    """End the promise because the person wants no more, or cannot be reached."""
    return _end(reference, "pourquoi", DECLINE, str(_("Choisissez pourquoi")))


def _end(
    reference: UUID, name: str, reasons: Mapping[str, Any], missing: str
) -> ResponseReturnValue:
    reason = request.form.get(name, "")
    with transaction(db.session) as session:
        asked = _found(session, reference, lock=reason in reasons)
        if reason not in reasons:
            return _page(session, asked, {name: missing}), 422
        try:
            owed.close(session, asked, reason, by=guards.identity().account, now=now())
        except owed.NothingOwed:
            return _page(session, asked, _too_late()), 409
    logs.event(
        "request_declined", request=reference, actor=guards.identity().account, reason=reason
    )
    return redirect(url_for("coordination.today"), 303)


def _too_late() -> dict[str, str]:
    return {"demande": str(_("Cette demande n’attend plus rien : quelqu’un a été plus rapide."))}
