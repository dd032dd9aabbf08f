"""Erase what a patient typed, because they wish it; an appointment is cancelled by its own link."""

from datetime import datetime

from sqlalchemy.orm import Session

from booking.desk import ask, second_look
from booking.models import CareRequest
from notifications import outbox

TYPED: dict[str, object] = {
    "birth_date": None,
    "age_months": None,
    "sex": None,
    "pregnant": None,
    "commune_insee": None,
    "latitude": None,
    "longitude": None,
    "complaints": [],
    "note": None,
    "has_regular_doctor": None,
    "regular_doctor": None,
    "is_for_another": False,
    "family_name": None,
    "given_name": None,
    "phone": None,
    "current_address": None,
    "may_leave_message": None,
    "email": None,
    "call_back_hours": None,
    "caller": None,
    "reasked": [],
    "link_hash": None,
}
"""What a request is emptied to; without its link nobody can open it again."""


def erase(session: Session, request: CareRequest, *, now: datetime) -> None:
    """Empty a locked request, let go of what it held, and end it: nobody waits for it any more.

    What triage said stays in its own table: answers without a name, kept as evidence.

    Raises:
        ask.AlreadyBooked: if the request has its appointment.
    """
    ask.decline(session, request, now=now)
    second_look.overtake(session, request, now=now)
    outbox.erase(session, request.community_id, request.reference)
    ask.identify(session, request, {**TYPED, "answers": {}})
