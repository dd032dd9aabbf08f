"""« Je serai absent »: from one day to another, and back again."""

from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from booking import guards
from booking.desk import openings as desk
from booking.desk.supply import NotTheirs
from booking.extensions import db, now
from booking.web import staff_forms
from booking.web.staff_access import CARERS
from booking.web.staff_forms import FormRefused
from booking.web.supply import opening_form
from booking.web.supply.door import Room, room, supply
from booking.web.supply.openings import listed
from config.database import transaction
from schedules import reserving
from schedules.openings import OpeningRefused

FIELDS = {
    "weekdays": "away_from",
    "starts_on": "away_from",
    "ends_on": "away_until",
    "until_time": "away_ends",
}
"""From the fields of an opening to those of an absence: what is refused is the same."""


@supply.post("/creneaux/absences")
@guards.open_to(*CARERS)
def absent() -> ResponseReturnValue:
    """Close a professional's time while they are away; what is booked then stays and is listed."""
    moment = now()
    try:
        with transaction(db.session) as session:
            act = _absent(room(session, moment))
    except NotTheirs:
        abort(404)
    except FormRefused as wrong:
        with transaction(db.session) as session:
            typed = staff_forms.typed(request.form)
            return listed(room(session, moment), typed, wrong.errors), 422
    return redirect(url_for("supply.openings", acte=act), 303)


def _absent(here: Room) -> UUID:
    away, place = opening_form.away(request.form, here.today)
    try:
        done = desk.absent(
            here.session,
            here.scope,
            here.community,
            place,
            away,
            by=here.account,
            now=here.now,
        )
    except OpeningRefused as refused:
        field, sentence = opening_form.REFUSED[refused.why]
        raise FormRefused({FIELDS.get(field, field): str(sentence)}) from None
    return done.act


@supply.post("/creneaux/absences/<uuid:reference>/retirer")
@guards.open_to(*CARERS)
def end_absence(reference: UUID) -> ResponseReturnValue:
    """End an absence: the slots that it closed come back."""
    try:
        with transaction(db.session) as session:
            here = room(session, now())
            row = desk.absence_of(session, here.scope, reference)
            done = reserving.end_absence(
                session, here.community, row, by=here.account, now=here.now
            )
    except (NotTheirs, OpeningRefused):
        abort(404)
    return redirect(url_for("supply.openings", acte=done.act), 303)
