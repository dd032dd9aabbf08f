"""The patient's own words, read for signs of danger: they can make us ask again, and nothing else.

SR-07: free text is only used to raise. What it raises is asked; what is not answered is unknown.
"""

from typing import Any

from booking.desk.judge import patient_of
from booking.models import CareRequest
from booking.triage import danger, engine
from booking.triage.facts import UNKNOWN
from booking.triage.protocol import Protocol, Question


def signs_in(protocol: Protocol, request: CareRequest) -> tuple[Question, ...]:
    """Return the warning signs that these words may mean, for this patient to answer."""
    found = danger.raised(protocol, request.note) if request.note else ()
    return engine.existing(found, patient_of(request))


def still_to_ask(protocol: Protocol, request: CareRequest) -> tuple[Question, ...]:
    """Return those of them that were not asked again since these words were written."""
    return tuple(sign for sign in signs_in(protocol, request) if sign.id not in request.reasked)


def heard(protocol: Protocol, request: CareRequest) -> dict[str, Any]:
    """Return all answers, as triage must hear them.

    What the words raise and nobody answered since is unknown, whatever was ticked before.
    """
    return request.answers | {sign.id: UNKNOWN for sign in still_to_ask(protocol, request)}
