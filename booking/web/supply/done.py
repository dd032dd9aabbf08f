"""What was just done, and « Annuler » for ten minutes."""

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from booking import guards
from booking.desk import acts
from booking.extensions import db, equipment, now
from booking.web import staff_forms
from booking.web.staff_access import CARERS
from booking.web.supply.door import room, supply
from config.database import transaction
from schedules.undo import CannotUndo

PAGES = {"semaine": "supply.week", "plages": "supply.openings"}
"""Where somebody stood when they pressed « Annuler »; else the first page."""


@supply.post("/creneaux/annuler")
@guards.open_to(*CARERS)
def undo() -> ResponseReturnValue:
    """Take back one thing that was done; what patients took in the meantime stays, and is told."""
    act = staff_forms.a_reference(request.form.get("acte"))
    if act is None:
        abort(404)
    page = PAGES.get(request.form.get("page", ""), "supply.show")
    try:
        with transaction(db.session) as session:
            here = room(session, now())
            undone = acts.undo(
                session,
                here.scope,
                act,
                by=here.account,
                links=equipment().links,
                now=here.now,
            )
            has_calls = bool(acts.to_call(session, here.scope, act))
    except acts.NoSuchAct:
        abort(404)
    except CannotUndo as refused:
        return redirect(url_for(page, refus=refused.why), 303)
    if has_calls:
        return redirect(
            url_for("day.moves.brought_back", reference=act, perdus=undone.could_not), 303
        )
    return redirect(url_for(page, repris=1, restes=undone.could_not), 303)
