"""Somebody reports what went wrong with a request, or nearly: an incident, or a near miss."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board
from booking.desk import incidents as desk
from booking.extensions import db, now
from booking.links import code_of
from booking.models import CareRequest, EventKind, SafetyEvent
from booking.web import staff_forms, wording
from booking.web.followed import actor, to_follow
from booking.web.staff_access import CALL_TAKERS
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules.models import Community

incidents = Blueprint("incidents", __name__)

KINDS = {EventKind.INCIDENT: lazy("Incident"), EventKind.NEAR_MISS: lazy("Presque-accident")}
HINTS = {
    EventKind.INCIDENT: lazy("La personne a subi un dommage, ou un retard de soin."),
    EventKind.NEAR_MISS: lazy("Cela aurait pu mal finir : quelqu’un l’a vu à temps."),
}


@incidents.get("/console/demandes/<uuid:reference>/evenement")
@guards.open_to(*CALL_TAKERS)
def ask(reference: UUID) -> ResponseReturnValue:
    """Show what was reported about a request, and ask what happened."""
    with transaction(db.session) as session:
        return _page(session, to_follow(session, reference), {})


@incidents.post("/console/demandes/<uuid:reference>/evenement")
@guards.open_to(*CALL_TAKERS)
def report(reference: UUID) -> ResponseReturnValue:
    """Keep what somebody reports, under their name, for ever."""
    with transaction(db.session) as session:
        asked = to_follow(session, reference)
        errors = _reported(session, asked)
        if errors:
            return _page(session, asked, errors), 422
    return redirect(url_for("console.incidents.ask", reference=reference, signale=""), 303)


def _reported(session: Session, asked: CareRequest) -> dict[str, str]:
    """Keep a report as it was posted; return what was wrong with it, by field."""
    said = staff_forms.clean(request.form.get("recit", ""))
    try:
        kind = EventKind(request.form.get("genre", ""))
    except ValueError:
        return {"genre": str(_("Choisissez : incident, ou presque-accident"))}
    by = actor(session)
    try:
        event = desk.report(session, asked, kind, said, by=by, now=now())
    except desk.NothingSaid:
        return {"recit": str(_("Écrivez ce qui s’est passé"))}
    except desk.TooLong:
        return {"recit": str(_("Écrivez 1000 caractères au plus"))}
    logs.event("event_reported", request=asked.reference, actor=by.account, kind=event.kind.value)
    return {}


def _page(session: Session, asked: CareRequest, errors: dict[str, str]) -> str:
    community = board.community_of(session, asked.community_id)
    return render_template(
        "console/incident.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        short_code=code_of(asked.reference),
        is_kept="signale" in request.args,
        kinds=[{"value": k.value, "text": t, "hint": HINTS[k]} for k, t in KINDS.items()],
        typed={
            "genre": request.form.get("genre", ""),
            "recit": staff_forms.clean(request.form.get("recit", "")),
        },
        events=[told(event, community) for event in desk.reported(session, asked)],
    )


def told(event: SafetyEvent, community: Community) -> dict[str, Any]:
    """Return a report as lists show it: what, in whose words, when."""
    day = wording.birth_day(local_day(event.at, community.zone))
    return {
        "kind": KINDS[event.kind],
        "what": event.what,
        "who": event.name,
        "when": f"{day}, {wording.hour(event.at, community.zone)}",
    }
