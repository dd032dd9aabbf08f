"""The warning signs are asked once more, because too much time has passed since the judgement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from booking.desk import ask
from booking.models import CareRequest, RequestStatus
from booking.triage import engine
from booking.triage.facts import UNKNOWN
from booking.triage.protocol import Protocol, Question
from schedules.models import Community


def questions(protocol: Protocol, request: CareRequest) -> tuple[Question, ...]:
    """Return the signs to answer again: those for everybody, and those of this patient's age."""
    asked = engine.questions_for(protocol, ask.patient_of(request), _known(protocol, request))
    return (*asked.universal, *asked.stage2)


def answer(
    session: Session,
    request: CareRequest,
    protocol: Protocol,
    community: Community,
    heard: Mapping[str, Any],
    *,
    now: datetime,
) -> engine.Assessment:
    """Judge a locked request again with these answers to its signs; the others stay.

    A sign that is not answered counts as yes. What is held stays held, unless it ends at the 15;
    what a human has decided still counts, unless a sign is there now.

    Raises:
        ask.AlreadyBooked: if the request has its appointment.
        ask.ProtocolNotInForce: if the protocol's dates do not cover this day.
    """
    if request.status is RequestStatus.BOOKED:
        raise ask.AlreadyBooked
    said = {sign.id: heard.get(sign.id, UNKNOWN) for sign in questions(protocol, request)}
    request.answers = request.answers | said
    return ask.assess(session, request, protocol, community, now=now)


def _known(protocol: Protocol, request: CareRequest) -> list[str]:
    return [c for c in request.complaints if c in protocol.by_complaint]
