"""The column beside the caller: what is missing, the 15, what is free, or whom to ask."""

from typing import Any

from flask_babel import gettext as _

from booking.desk import (
    ask,
    choose,
    decide,
    nothing_free,
    outlook,
    proposals,
    safety_net,
    second_look,
)
from booking.links import code_of
from booking.models import RequestStatus
from booking.routing import Proposal
from booking.triage.facts import UNKNOWN, YES
from booking.web import offers, staff_words, wording
from booking.web.calls.call import Call
from config.clock import local_day
from schedules import directory, nomenclature
from schedules.geography import Place

SHOWN = 6
"""Slots in sight at once: a key leads to each, Alt+1 to Alt+6, and the button stays in sight."""

Shown = dict[str, Any]


def shown(call: Call, *, only_wheelchair: bool) -> Shown:
    """Return what stands in this column now, with `kind` naming its form."""
    request = call.request
    if call.is_ended:
        return {"kind": "ended", "ended": staff_words.ENDED.get(request.status, "")}
    if call.is_emergency:
        return {"kind": "emergency", **emergency(call)}
    if request.level is None or call.is_asked_again:
        kind = "again" if call.is_asked_again else "before"
        return {"kind": kind, "missing": call.missing}
    if not request.level.is_bookable:
        return {"kind": "advice", **_advice(call)}
    return _offered(call, only_wheelchair=only_wheelchair)


def _offered(call: Call, *, only_wheelchair: bool) -> Shown:
    """Return what is free in time; or, when nothing is, whom to ask and what to promise."""
    found = proposals.propose(
        call.session,
        call.request,
        call.community,
        only_wheelchair=only_wheelchair,
        limit=SHOWN,
        now=call.now,
    )
    slots = [proposed(each, call) for each in found]
    offered = {
        **_judged(call),
        "only_wheelchair": only_wheelchair,
        "slots": slots,
        "held": _held(call, slots),
    }
    if found or offered["held"]:
        return {"kind": "choose", **offered}
    return {"kind": "none", **offered, **_nothing_free(call)}


def soonest(call: Call) -> list[Shown]:
    """Return what is free soon, before triage has said for whom."""
    found = outlook.soonest(call.session, call.community, home=_home(call), now=call.now)
    return [proposed(each, call) for each in found]


def _home(call: Call) -> Place | None:
    request = call.request
    if request.latitude is None or request.longitude is None:
        return None
    return Place(request.latitude, request.longitude)


def proposed(proposal: Proposal, call: Call) -> Shown:
    """Return a slot as one line: hour, who, place, how far."""
    slot = proposal.slot
    distance = proposal.distance_km
    return {
        "slot": str(slot.reference),
        "when": wording.short_day_and_hour(slot.starts_at, call.zone, now=call.now),
        "who": offers.who(slot.professional_name, slot.discipline),
        "where": slot.site_name,
        "address": slot.site_address,
        "distance": "" if distance is None else wording.distance(distance),
        "is_wheelchair_accessible": slot.is_wheelchair_accessible,
        "is_regular_doctor": proposal.is_regular_doctor,
    }


def _judged(call: Call) -> Shown:
    request = call.request
    judged = ask.assessment_of(call.session, request)
    shown: Shown = {
        "level": staff_words.LEVELS[judged.level],
        "reasons": list(dict.fromkeys(r["because"] for r in judged.reasons))[:4],
        "safety_net": judged.safety_net,
        "whom": offers.whom(judged.routes),
        "judgement": judged.reference,
        "is_understood": safety_net.of(call.session, judged) is not None,
        "may_raise": bool(decide.may(call.by, request)),
        "clock": "",
    }
    if request.deadline is not None:
        shown["clock"] = staff_words.clock(request.deadline, call.now)
        shown["before"] = wording.short_day_and_hour(request.deadline, call.zone, now=call.now)
        shown["is_late"] = request.deadline <= call.now
    return shown


def _held(call: Call, offered: list[Shown]) -> Shown | None:
    """Return the slot that is kept, as it is read out."""
    held = choose.held(call.session, call.request, now=call.now)
    if held is None or held.held_until is None:
        return None
    who, where = directory.whereabouts(call.session, held)
    return {
        "slot": str(held.reference),
        "until": wording.hour(held.held_until, call.zone),
        "when": wording.capital(wording.day_and_hour(held.starts_at, call.zone, now=call.now)),
        "who": offers.who(who.name, who.discipline),
        "where": f"{where.name}, {where.address}",
        "is_listed": any(each["slot"] == str(held.reference) for each in offered),
    }


def emergency(call: Call) -> Shown:
    """Return what is dictated to the 15: number first, then where, who, and what was said."""
    request = call.request
    commune = next((c for c in call.around.communes if c.insee == request.commune_insee), None)
    signs = [
        question.text
        for question in call.asked.all()
        if question.is_red_flag and request.answers.get(question.id) in (YES, UNKNOWN)
    ]
    age = staff_words.age(request.birth_date, request.age_months, call.today)
    sex = str(staff_words.SEXES.get(request.sex or "", "")).lower()
    return {
        "phone": request.phone and wording.spaced(request.phone),
        "commune": commune and f"{commune.name} ({commune.postal_code})",
        "address": request.current_address,
        "person": ", ".join(str(each) for each in (_name(call), age, sex) if each),
        "signs": signs,
        "is_elsewhere": request.caller == "ELSEWHERE",
        "opened_at": wording.hour(call.now, call.zone),
    }


def _name(call: Call) -> str:
    request = call.request
    known = request.family_name or request.given_name
    return staff_words.person(request.family_name, request.given_name) if known else ""


def _advice(call: Call) -> Shown:
    look = second_look.of(call.session, call.request)
    return {
        **_judged(call),
        "checked_by": look and wording.short_day_and_hour(look.due_at, call.zone, now=call.now),
        "code": code_of(call.request.reference),
    }


def _nothing_free(call: Call) -> Shown:
    """Return who was looked for, whom to telephone, and what can honestly be promised."""
    request, language = call.request, wording.language()
    promised = request.level is not None and nothing_free.promise(
        call.community, request.level, request.deadline, now=call.now
    )
    today = local_day(call.now, call.zone)
    tried = nothing_free.looked_for(call.session, request, today=today)
    return {
        "tried": [
            {
                "discipline": nomenclature.label(each.discipline, language),
                "professionals": each.professionals,
            }
            for each in tried
        ],
        "promise": promised
        and {
            "by": wording.short_day_and_hour(promised.by, call.zone, now=call.now),
            "after": wording.short_day_and_hour(promised.after, call.zone, now=call.now),
            "is_now": promised.after <= call.now,
        },
        "needs_doctor": request.doctor_asked_at is not None,
        "because": [{"value": k, "text": t} for k, t in staff_words.DECLINED_BECAUSE.items()],
        "code": code_of(request.reference),
        "is_promised": request.call_back_asked_at is not None
        and request.status is RequestStatus.OPEN,
    }


def what_to_say(promise: Shown | None) -> str:
    """Return the sentence for the patient when nothing is free: when somebody calls, or the 15."""
    if not promise:
        return str(
            _(
                "« Personne ne peut vous rappeler à temps. "
                "Je vous passe le 15 : un médecin vous répond. »"
            )
        )
    if promise["is_now"]:
        return str(_("« Nous vous rappelons avant %(hour)s. »", hour=promise["by"]))
    return str(
        _(
            "« Nous vous rappelons entre %(after)s et %(hour)s. »",
            after=promise["after"],
            hour=promise["by"],
        )
    )
