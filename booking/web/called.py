"""What operators see of the professionals who are asked, and the buttons that stop and start it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board
from booking.desk import waiting as desk
from booking.desk.cascade import calls, showing
from booking.desk.cascade.showing import Shown
from booking.extensions import db, now
from booking.models import CallEnd, CareRequest
from booking.web import wording
from booking.web.staff_access import CALL_TAKERS, reach_of
from config import logs
from config.database import transaction
from schedules.models import Community

called = Blueprint("called", __name__)

ENDED = {
    CallEnd.FILLED: lazy("Un rendez-vous a été trouvé."),
    CallEnd.GONE: lazy("La demande n’attendait plus."),
    CallEnd.EXHAUSTED: lazy("Personne n’a pu la prendre."),
    CallEnd.STOPPED: lazy("Arrêté."),
}


def lines(session: Session, community: Community, moment: datetime) -> Mapping[UUID, str]:
    """Return what the list says of each request for which professionals are being asked."""
    found = showing.live(session, community)
    return {reference: sentence(each, community, moment) for reference, each in found.items()}


def sentence(shown: Shown, community: Community, moment: datetime) -> str:
    """Return « 3 professionnels sollicités, 2ᵉ vague : 14 h 20 »."""
    said = []
    if shown.asked:
        count = ngettext(
            "%(num)d professionnel sollicité", "%(num)d professionnels sollicités", shown.asked
        )
        said.append(str(count))
    if shown.refused:
        said.append(str(ngettext("%(num)d refus", "%(num)d refus", shown.refused)))
    if shown.everybody_asked:
        said.append(str(_("plus personne à solliciter")))
    elif shown.next_wave_at is not None:
        hour = wording.short_day_and_hour(shown.next_wave_at, community.zone, now=moment)
        first = _("1ʳᵉ vague : %(hour)s", hour=hour)
        later = _("%(number)dᵉ vague : %(hour)s", number=shown.wave + 1, hour=hour)
        said.append(str(later if shown.wave else first))
    return ", ".join(said)


def section(
    session: Session, asked: CareRequest, community: Community, moment: datetime
) -> dict[str, Any] | None:
    """Return what the page of one request says of it; None where there is nothing to say or do."""
    last = showing.last(session, asked)
    may_start = showing.may_start(session, asked, community, now=moment)
    if last is None and not may_start:
        return None
    runs = last is not None and last.ended_as is None
    return {
        "sentence": sentence(last, community, moment) if last else "",
        "ended": ENDED[last.ended_as] if last and last.ended_as else "",
        "may_start": may_start,
        "may_stop": runs,
    }


@called.post("/console/demandes/<uuid:reference>/solliciter")
@guards.open_to(*CALL_TAKERS)
def ask_professionals(reference: UUID) -> ResponseReturnValue:
    """Let professionals be asked for a request, or stop it; twice is once."""
    somebody, starts = guards.identity(), "oui" in request.form
    back = redirect(url_for("console.show", reference=reference), 303)
    try:
        with transaction(db.session) as session:
            asked = desk.find(session, reach_of(somebody), reference, lock=True)
            if starts:
                community = board.community_of(session, somebody.community_id)
                calls.start(session, asked, community, by=somebody.account, now=now())
            else:
                calls.stop(session, asked, by=somebody.account, now=now())
    except ask.NoSuchRequest:
        abort(404)
    except calls.CannotBegin:
        return back
    event = "help_asked" if starts else "help_stopped"
    logs.event(event, request=reference, actor=somebody.account)
    return back
