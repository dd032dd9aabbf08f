"""The pages after triage: the patient's own doctor, the appointment, the name, the phone."""

from datetime import datetime

from flask import request
from flask_babel import gettext as _

from booking.desk import line, nothing_free
from booking.triage.facts import NO, UNKNOWN, YES
from booking.triage.protocol import Level
from booking.web import answers, gate, offers, persons, wording
from booking.web.answers import Form
from booking.web.journey import Step
from booking.web.staff_forms import FormRefused
from booking.web.triage_pages import Elsewhere, Shown
from booking.web.visit import NOT_CALLED, Visit
from schedules import directory, slots

UNAVAILABLE = "unavailable"
GOES_ON = "not_called_goes_on"
"""The patient was told to call their own doctor first, and prefers to go on."""

DOCTOR_ANSWERS = (UNAVAILABLE, NOT_CALLED, NO, UNKNOWN)


def show_doctor(visit: Visit, step: Step) -> Shown:
    """Return the doctors of the community; or, once, that one's own doctor comes first."""
    del step
    asked = visit.request
    doctors = directory.doctors(visit.session, visit.community.id)
    mine = next((d for d in doctors if d.reference == asked.regular_doctor), None)
    must_call = asked.has_regular_doctor == NOT_CALLED and "changer" not in request.args
    return {
        "doctors": [{"value": str(d.reference), "text": d.name} for d in doctors],
        "chosen": UNAVAILABLE if asked.has_regular_doctor == GOES_ON else asked.has_regular_doctor,
        "typed": {"lequel": str(asked.regular_doctor or "")},
        "must_call": must_call,
        "mine": mine,
        "phone": directory.phone_of(visit.session, mine) if mine and must_call else None,
    }


def keep_doctor(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep whether there is a regular doctor, and who, if they belong to the community."""
    del step
    doctors = [str(d.reference) for d in directory.doctors(visit.session, visit.community.id)]
    known = (*DOCTOR_ANSWERS, GOES_ON)
    said = answers.choice(form, "medecin", known, _("Choisissez une réponse"))
    if said == GOES_ON:
        visit.identify({"has_regular_doctor": said})
        return None
    which = answers.one(form, "lequel")
    has_one = said in (UNAVAILABLE, NOT_CALLED)
    if has_one and which and which not in doctors:
        raise FormRefused({"lequel": _("Choisissez un médecin de la liste, ou laissez vide")})
    own = answers.reference(which) if has_one and which else None
    visit.identify({"has_regular_doctor": said, "regular_doctor": own})
    return None


def show_appointments(visit: Visit, step: Step) -> Shown:
    """Return a handful of proposals with their reasons, and where to see others."""
    offered = offers.leaf(visit.session, visit.request, visit.community, visit.url(step), visit.now)
    return {
        **offered,
        "chosen": str(visit.slot.reference) if visit.slot else "",
        "call_back_url": visit.url(Step.CALL_BACK),
        "deadline": deadline(visit),
        "is_late": "expire" in request.args,
        **fallback(visit),
    }


def fallback(visit: Visit) -> Shown:
    """Return what can honestly be said where nothing is free: who calls and when, or the 15.

    A call is promised for hours at which somebody is there, and for no others.
    """
    asked = visit.request
    level = asked.level or Level.NOT_UNSCHEDULED
    promised = nothing_free.promise(visit.community, level, asked.deadline, now=visit.now)
    opens = line.next_open(visit.community, visit.now)
    is_open = line.is_open(visit.community, visit.now)
    return {
        "call_after": _said(visit, promised.after) if promised and not is_open else "",
        "call_by": _said(visit, promised.by) if promised else "",
        "line_opens": _said(visit, opens) if opens else "",
        "is_line_open": is_open,
        "is_for_today": level is Level.SAME_DAY,
    }


def _said(visit: Visit, moment: datetime) -> str:
    return wording.short_day_and_hour(moment, visit.zone, now=visit.now)


def keep_appointment(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the chosen slot for the patient.

    Raises:
        slots.SlotTaken: if somebody else was faster.
    """
    del step
    said = answers.reference(answers.one(form, "rendez-vous"))
    if said is None:
        raise FormRefused({"rendez-vous": _("Choisissez un rendez-vous")})
    if not visit.hold(said):
        raise slots.SlotTaken(said)
    return None


def show_name(visit: Visit, step: Step) -> Shown:
    """Return the name given before."""
    del step
    asked = visit.request
    typed = {"nom": asked.family_name, "prenom": asked.given_name}
    return {"typed": typed, "is_for_another": asked.is_for_another, **held(visit)}


def keep_name(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep who the patient is."""
    del step
    visit.identify(vars(persons.person(form)))
    return None


def show_phone(visit: Visit, step: Step) -> Shown:
    """Return the phone given before, as people write it."""
    del step
    asked = visit.request
    has_answered = asked.may_leave_message is not None
    typed = {
        "telephone": wording.spaced(asked.phone) if asked.phone else "",
        "message": (YES if asked.may_leave_message else NO) if has_answered else "",
        "sms": (YES if asked.wants_sms else NO) if has_answered else "",
        "courriel": asked.email,
    }
    return {"typed": typed, **held(visit)}


def keep_phone(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep how to reach the patient."""
    del step
    said = persons.contact(form, visit.community.phone)
    gate.refuse_phone(visit, said.phone)
    visit.identify(vars(said))
    return None


def held(visit: Visit) -> Shown:
    """Return the slot that is kept for the patient, and until when, as pages show it."""
    slot = visit.slot
    if slot is None or slot.held_until is None:
        return {"slot": "", "held_until": "", "slot_when": ""}
    return {
        "slot": str(slot.reference),
        "held_until": wording.hour(slot.held_until, visit.zone),
        "slot_when": wording.capital(
            wording.day_and_hour(slot.starts_at, visit.zone, now=visit.now)
        ),
    }


def deadline(visit: Visit) -> str:
    """Return the moment before which care is owed, in words."""
    if visit.request.deadline is None:
        return ""
    return wording.short_day_and_hour(visit.request.deadline, visit.zone, now=visit.now)
