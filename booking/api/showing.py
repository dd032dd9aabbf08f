"""Our rows and values as the JSON that clients read."""

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from booking.api import answered
from booking.api.door import Call
from booking.desk import ask, change, choose, second_look, validity
from booking.models import BookingStatus, CareRequest
from booking.routing import Proposal, Why
from booking.triage.protocol import Level
from schedules import nomenclature

WORDS = {
    Why.REGULAR_DOCTOR: _("C’est le médecin traitant."),
    Why.PREFERRED: _("La profession qui convient le mieux à ce besoin."),
    Why.ABLE: _("Une profession qui peut répondre à ce besoin."),
    Why.SOONEST: _("Le plus tôt."),
    Why.NEAREST: _("Le plus proche."),
    Why.FEWER_BOOKED: _("Moins de rendez-vous déjà pris autour de cette heure."),
}


def standing(call: Call, request: CareRequest) -> dict[str, Any]:
    """Return where a request stands, and what triage said of it."""
    try:
        judged = ask.assessment_of(call.session, request)
    except ask.NotAssessed:  # somebody on the staff is changing its answers
        judged = None
    level = None if judged is None else judged.level
    look = second_look.of(call.session, request)
    return answered.Request.model_validate(
        {
            "reference": request.reference,
            "status": request.status,
            "level": None if level is None else level.name,
            "deadline": request.deadline and call.local(request.deadline),
            "valid_until": _local(call, validity.valid_until(request)),
            "needs_doctor": request.doctor_asked_at is not None,
            "second_check": _local(call, look.due_at if look else None),
            "reasons": [
                {"code": said["rule"], "text": said["because"], "level": said["level"]}
                for said in (judged.reasons if judged else ())
            ],
            "safety_net": judged and judged.safety_net,
            "emergency": _emergency(level, judged.safety_net if judged else ""),
        }
    ).as_json()


def _local(call: Call, moment: datetime | None) -> datetime | None:
    return None if moment is None else call.local(moment)


def emergency(call: Call, request: CareRequest) -> dict[str, Any] | None:
    """Return what to tell the patient at once, if triage says that the 15 must be called."""
    if request.level is None or not request.level.is_emergency:
        return None
    return _emergency(request.level, ask.assessment_of(call.session, request).safety_net)


def _emergency(level: Level | None, advice: str) -> dict[str, Any] | None:
    if level is None or not level.is_emergency:
        return None
    return answered.Emergency(text=advice).as_json()


def proposals(call: Call, request: CareRequest, limit: int) -> list[dict[str, Any]]:
    """Return at most so many free slots for a request; none if nothing may be booked for it."""
    if request.level is None or not request.level.is_bookable:
        return []
    found = choose.propose(call.session, request, call.client.community, limit=limit, now=call.now)
    return [_proposal(call, each) for each in found]


def _proposal(call: Call, proposed: Proposal) -> dict[str, Any]:
    slot = proposed.slot
    return answered.Proposal(
        slot=slot.reference,
        starts_at=call.local(slot.starts_at),
        ends_at=call.local(slot.ends_at),
        mode=slot.mode,
        professional=answered.Professional(
            reference=slot.professional,
            name=slot.professional_name,
            profession=slot.profession,
            speciality=slot.speciality,
            discipline=slot.discipline,
            label=nomenclature.label(slot.discipline, call.language),
        ),
        site=answered.Place(
            name=slot.site_name,
            address=slot.site_address,
            phone=slot.site_phone,
            is_wheelchair_accessible=slot.is_wheelchair_accessible,
        ),
        distance_km=proposed.distance_km,
        reasons=[answered.Reason(code=why, text=str(WORDS[why])) for why in proposed.reasons],
    ).as_json()


def booked(call: Call, made: choose.Booked) -> dict[str, Any]:
    """Return an appointment that was just made."""
    return answered.Booked(
        reference=made.reference,
        code=made.code,
        slot=made.slot,
        starts_at=call.local(made.starts_at),
        ends_at=call.local(made.ends_at),
        status=BookingStatus.CONFIRMED,
    ).as_json()


def live(call: Call, request: CareRequest) -> dict[str, Any] | None:
    """Return the appointment that a request has now, if any."""
    try:
        kept = change.of_request(call.session, request)
    except change.NoSuchBooking:
        return None
    return answered.Booked(
        reference=kept.booking.reference,
        code=kept.booking.code,
        slot=kept.slot.reference,
        starts_at=call.local(kept.slot.starts_at),
        ends_at=call.local(kept.slot.ends_at),
        status=kept.booking.status,
    ).as_json()
