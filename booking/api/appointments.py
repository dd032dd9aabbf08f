"""Keep a slot for a patient, give it to them for good, take it back."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from flask_babel import lazy_gettext as _

from booking.api import answered, asked, showing
from booking.api.door import Call
from booking.api.idempotency import Answer
from booking.api.problems import Kind, Problem, invalid
from booking.api.requests import to_change
from booking.desk import ask, change, choose
from booking.extensions import equipment
from booking.models import CancelledBy, CareRequest, RequestStatus, Scope
from booking.triage import engine
from booking.triage.facts import OLDEST_MONTHS
from config.clock import local_day
from schedules import beside
from schedules.slots import SlotTaken

BY = "API"
"""Who changed a booking, in its history."""


def hold(call: Call, reference: UUID, wish: asked.Wish) -> Answer:
    """Keep a slot for a few minutes: 200, and until when. Asking again renews it.

    Raises:
        Problem: NOT_FOUND, LEVEL_FORBIDS, SIGNS_AGAIN, ALREADY_BOOKED; SLOT_TAKEN with three
            others.
    """
    request = to_change(call, reference)
    try:
        until = choose.hold(call.session, request, wish.slot, now=call.now)
    except choose.SignsAgain:
        raise _too_old() from None
    except choose.LevelForbids:
        raise _forbidden(call, request) from None
    except ask.AlreadyBooked:
        raise Problem(Kind.ALREADY_BOOKED) from None
    except SlotTaken:
        raise _taken(call, request) from None
    return Answer(200, answered.Held(held_until=call.local(until)).as_json())


def book(call: Call, reference: UUID, wanted: asked.Appointment) -> Answer:
    """Give the patient a slot for good: 201. The same slot again gets the same answer.

    Raises:
        Problem: NOT_FOUND, LEVEL_FORBIDS, SIGNS_AGAIN, TRIAGE_AGAIN, ALREADY_BOOKED with another
            slot; SLOT_TAKEN with three others, and nothing of who was faster.
    """
    request = to_change(call, reference)
    if request.status is RequestStatus.BOOKED:
        return _as_before(call, request, wanted.slot)
    if request.level is None or not request.level.is_bookable:
        raise _forbidden(call, request)
    _refuse_if_another_age(call, request, wanted.person.birth_date)
    try:
        made = choose.book(
            call.session,
            request,
            call.client.community,
            wanted.slot,
            person={**wanted.person.model_dump(), "wants_sms": wanted.consent_sms},
            by=BY,
            links=equipment().links,
            now=call.now,
        )
    except SlotTaken:
        raise _taken(call, request) from None
    except choose.SignsAgain:
        raise _too_old() from None
    except choose.LevelForbids:
        raise _forbidden(call, request) from None
    return Answer(201, {"booking": showing.booked(call, made)})


def cancel(call: Call, reference: UUID) -> Answer:
    """End the patient's appointment, if there is one: 204. Twice is the same as once.

    Raises:
        Problem: NOT_FOUND; TOO_LATE, if the appointment has begun.
    """
    request = to_change(call, reference)
    try:
        kept = change.of_request(call.session, request)
        change.cancel(
            call.session,
            kept,
            cancelled_by=CancelledBy.PATIENT,
            by=BY,
            links=equipment().links,
            now=call.now,
        )
    except change.NoSuchBooking:
        pass
    except change.TooLate:
        raise Problem(Kind.TOO_LATE) from None
    return Answer(204, {})


def _as_before(call: Call, request: CareRequest, slot: UUID) -> Answer:
    before = showing.live(call, request)
    # Of an hour with several places they may have got another than they asked for.
    asked_for = (slot, *beside.places(call.session, request.community_id, slot))
    if before is None or UUID(before["slot"]) not in asked_for:
        raise Problem(Kind.ALREADY_BOOKED)
    return Answer(201, {"booking": before})


def _forbidden(call: Call, request: CareRequest) -> Problem:
    danger = showing.emergency(call, request)
    detail = (
        _("Il faut d’abord appeler le 15.")
        if danger
        else _("Le tri de cette demande ne conduit pas à un rendez-vous.")
    )
    return Problem(Kind.LEVEL_FORBIDS, detail, more={"emergency": danger} if danger else {})


def _too_old() -> Problem:
    return Problem(
        Kind.SIGNS_AGAIN,
        _("Trop de temps a passé. Reposez les signes, et envoyez les réponses à « signs »."),
    )


def _taken(call: Call, request: CareRequest) -> Problem:
    if not call.may(Scope.SLOTS_READ):
        return Problem(Kind.SLOT_TAKEN)
    others = showing.proposals(call, request, choose.ALTERNATIVES)
    return Problem(Kind.SLOT_TAKEN, more={"alternatives": others})


def _refuse_if_another_age(call: Call, request: CareRequest, born: date) -> None:
    """Refuse a birth date with which triage would have ended more gravely, or elsewhere.

    An age said by telephone may be a year off; what counts is whether it changes the level.
    """
    age = ask.age_in_months(born, local_day(call.now, call.client.community.zone))
    if not 0 <= age <= OLDEST_MONTHS:
        raise invalid("person.birth_date", _("Cette date de naissance n’est pas possible."))
    judged = ask.patient_of(request)
    if judged.age_months is None or 0 <= age - judged.age_months <= judged.older_by_months:
        return
    there = replace(judged, age_months=age, older_by_months=0)
    protocol = equipment().protocol(call.language, call.client.community.id)
    again = engine.assess(protocol, there, request.complaints, request.answers)
    if _is_graver_or_elsewhere(call, request, again):
        raise Problem(
            Kind.TRIAGE_AGAIN,
            errors=[
                {
                    "field": "person.birth_date",
                    "detail": _("Cette date ne va pas avec l’âge qui a été dit au tri."),
                }
            ],
        )


def _is_graver_or_elsewhere(call: Call, request: CareRequest, again: engine.Assessment) -> bool:
    """Return whether triage would now say something graver, or close a route that it had opened."""
    before = ask.assessment_of(call.session, request)
    opened = {route["discipline"] for route in before.routes}
    return again.level > before.level or not opened <= {r.discipline for r in again.routes}
