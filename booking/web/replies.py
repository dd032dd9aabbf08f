"""What patients wrote back, on the operators' page, and the button of whoever has read it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import replies as desk
from booking.desk.reach import Reach
from booking.extensions import db, now
from booking.web import staff_words, wording
from booking.web.staff_access import CALL_TAKERS, reach_of
from config import logs
from config.database import transaction
from notifications import limits, senders_stopped
from schedules.models import Community

replies = Blueprint("replies", __name__)


def unread(
    session: Session, reach: Reach, community: Community, moment: datetime
) -> list[dict[str, Any]]:
    """Return what nobody has read yet, those who got worse first."""
    return [
        {
            "reference": said.reference,
            "text": said.text,
            "phone": wording.spaced(said.phone),
            "when": wording.short_day_and_hour(said.came_at, community.zone, now=moment),
            "is_worse": said.is_worse,
            "request": said.request,
        }
        for said in desk.unread(session, reach)
    ]


def limit_reached(session: Session, community: Community, moment: datetime) -> int | None:
    """Return how many SMS and calls may leave in a day, if all of them have."""
    left = limits.left(session, [community.id], now=moment)[community.id]
    return limits.most(session, [community.id])[community.id] if left <= 0 else None


def stopped(session: Session, community: Community, moment: datetime) -> list[dict[str, str]]:
    """Return which messages do not leave at the moment, and since when."""
    return [
        {
            "what": str(staff_words.MEANS[pause.channel]),
            "since": wording.short_day_and_hour(pause.since, community.zone, now=moment),
        }
        for pause in senders_stopped.stopped(session, now=moment)
    ]


@replies.post("/console/reponses/<uuid:reference>/lue")
@guards.open_to(*CALL_TAKERS)
def note_read(reference: UUID) -> ResponseReturnValue:
    """Take a reply off the list: whoever presses has read it, and does what is needed."""
    somebody = guards.identity()
    with transaction(db.session) as session:
        is_noted = desk.note_read(
            session, reach_of(somebody), reference, by=somebody.account, now=now()
        )
    if not is_noted:
        abort(404)
    logs.event("reply_read", message=reference, actor=somebody.account)
    return redirect(url_for("console.waiting"), 303)
