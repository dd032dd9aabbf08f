"""One request, or one message, as an operator sees it: plain values for the page, from the desk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import (
    ask,
    board,
    change,
    choose,
    decide,
    proposals,
    safety_net,
    second_look,
    staff,
    wishes,
)
from booking.desk import waiting as desk
from booking.desk.waiting import Unnoticed, Untold, Waiting
from booking.extensions import equipment
from booking.links import code_of
from booking.models import CallerIs, CareRequest, LookReason, RequestStatus
from booking.routing import Proposal
from booking.web import called, offers, staff_words, wording
from config.clock import local_day
from notifications import opt_outs
from notifications.messages import Change
from notifications.models import Kind
from schedules.models import Community


def line(asked: Waiting, community: Community, moment: datetime) -> dict[str, Any]:
    """Return a request that is owed an answer as one line of the operators' list."""
    protocol = equipment().protocol(wording.language(), community.id)
    today = local_day(moment, community.zone)
    return {
        "reference": asked.reference,
        **_clock(asked.deadline, community, moment),
        "wants_call": asked.call_back_asked_at is not None,
        "call_back_hours": asked.call_back_hours,
        "call_by": asked.call_by
        and wording.short_day_and_hour(asked.call_by, community.zone, now=moment),
        "needs_doctor": asked.needs_doctor,
        "was_cancelled": asked.was_cancelled,
        "kept_until": asked.kept_until and wording.hour(asked.kept_until, community.zone),
        "is_alarming": asked.escalated_to is not None,
        "is_elsewhere": asked.caller is CallerIs.ELSEWHERE,
        "name": staff_words.person(asked.family_name, asked.given_name),
        "age": staff_words.age(asked.birth_date, asked.age_months, today),
        "phone": asked.phone and wording.spaced(asked.phone),
        "level": staff_words.LEVELS[asked.level] if asked.level is not None else _changing(),
        "complaints": staff_words.complaints(asked.complaints, protocol),
        "commune": asked.commune,
        "channel": staff_words.CHANNELS[asked.channel],
    }


def _clock(deadline: datetime | None, community: Community, moment: datetime) -> dict[str, Any]:
    if deadline is None:
        return {"clock": "", "is_late": False, "before": ""}
    return {
        "clock": staff_words.clock(deadline, moment),
        "is_late": deadline <= moment,
        "before": wording.short_day_and_hour(deadline, community.zone, now=moment),
    }


def _changing() -> str:
    return str(_("Change ses réponses"))


def not_arrived(
    untold: Sequence[Untold],
    unnoticed: Sequence[Unnoticed],
    community: Community,
    moment: datetime,
) -> list[dict[str, Any]]:
    """Return the telephone calls that are left to make: patients first, then professionals."""
    return [
        *(_patient_untold(message, community, moment) for message in untold),
        *(_professional_unnoticed(message, community, moment) for message in unnoticed),
    ]


def _patient_untold(message: Untold, community: Community, moment: datetime) -> dict[str, Any]:
    """Return a message that did not arrive as a task: whom to call, and what to read to them."""
    return {
        "what": staff_words.MESSAGES[message.kind],
        "status": staff_words.NOT_ARRIVED[message.status],
        "when": wording.short_day_and_hour(message.promised_at, community.zone, now=moment),
        "to_say": _("À dire à la personne :") + " " + _to_say(message, community, moment),
        "name": staff_words.person(message.family_name, message.given_name),
        "phone": message.phone and wording.spaced(message.phone),
    }


def _professional_unnoticed(
    message: Unnoticed, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return a mail to a professional that did not arrive as a task, without the patient."""
    said = {
        "who": message.professional,
        "when": wording.day_and_hour(message.starts_at, community.zone, now=moment),
    }
    to_say = {
        Change.BOOKED: _("Prévenir %(who)s : nouveau rendez-vous, %(when)s.", **said),
        Change.MOVED: _("Prévenir %(who)s : rendez-vous déplacé, maintenant %(when)s.", **said),
        Change.CANCELLED: _("Prévenir %(who)s : rendez-vous annulé, %(when)s.", **said),
    }
    return {
        "what": _("Avis au professionnel"),
        "status": staff_words.NOT_ARRIVED[message.status],
        "when": wording.short_day_and_hour(message.promised_at, community.zone, now=moment),
        "to_say": to_say[message.change],
        "name": message.professional,
        "phone": message.phone and wording.spaced(message.phone),
    }


def _to_say(message: Untold, community: Community, moment: datetime) -> str:
    if message.starts_at is None:
        before = message.deadline or moment
        hour = wording.short_day_and_hour(before, community.zone, now=moment)
        return str(_("Nous rappelons avant %(hour)s.", hour=hour))
    when = wording.day_and_hour(message.starts_at, community.zone, now=moment)
    said = {
        Kind.CONFIRMATION: _("Le rendez-vous est confirmé : %(when)s.", when=when),
        Kind.MOVED: _("Le rendez-vous a changé : il est maintenant %(when)s.", when=when),
        Kind.CANCELLED: _("Le rendez-vous est annulé : %(when)s.", when=when),
    }.get(message.kind, when)
    return f"{said} {message.site_name}, {message.site_address}."


def render(
    session: Session,
    asked: CareRequest,
    typed: Mapping[str, str],
    errors: dict[str, str],
    moment: datetime,
) -> str:
    """Return the page of one request, with what was typed and what was wrong with it."""
    community = board.community_of(session, asked.community_id)
    by = staff.actor(session, asked.community_id, guards.identity().account)
    if asked.status is RequestStatus.BOOKED:
        return _read_back(session, asked, community, errors, moment)
    known = {
        "family_name": asked.family_name,
        "given_name": asked.given_name,
        "phone": asked.phone and wording.spaced(asked.phone),
        "wants_sms": "yes" if asked.wants_sms else "",
    }
    return render_template(
        "console/request.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        typed=known | dict(typed),
        is_open=asked.status is RequestStatus.OPEN,
        is_changing=asked.status is RequestStatus.DRAFT,
        is_emergency=asked.status is RequestStatus.EMERGENCY,
        ended=staff_words.ENDED.get(asked.status),
        because=[{"value": k, "text": t} for k, t in staff_words.DECLINED_BECAUSE.items()],
        **facts(session, asked, community, moment),
        **_offer(session, asked, community, moment),
        **deciding(session, asked, by, community, moment),
        called=called.section(session, asked, community, moment),
        needs_signs=_needs_signs(asked, moment),
    )


def _needs_signs(asked: CareRequest, moment: datetime) -> bool:
    """Return whether so much time has passed that the signs are asked again first."""
    return asked.status is RequestStatus.OPEN and choose.is_too_old(asked, moment)


def _read_back(
    session: Session,
    asked: CareRequest,
    community: Community,
    errors: dict[str, str],
    moment: datetime,
) -> str:
    """Return screen O4: what is read to the person, large; what they note; what comes next."""
    return render_template(
        "console/read_back.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        line=wording.spaced(asked.phone) if asked.phone else "",
        **facts(session, asked, community, moment),
        **_appointment(session, asked, moment),
    )


def deciding(
    session: Session,
    asked: CareRequest,
    by: staff.Actor,
    community: Community,
    moment: datetime,
) -> dict[str, Any]:
    """Return which levels this account may decide, what was decided before, and who must look."""
    look = second_look.of(session, asked)
    return {
        "levels": [
            {"value": level.name, "text": staff_words.LEVELS[level]}
            for level in decide.may(by, asked)
        ],
        "decided": [
            {
                "what": staff_words.LEVELS[each.to_level],
                "was": staff_words.LEVELS[each.from_level],
                "who": each.name,
                "why": each.reason,
                "when": wording.short_day_and_hour(each.decided_at, community.zone, now=moment),
            }
            for each in decide.history(session, asked)
        ],
        "look": look
        and {
            "clock": staff_words.clock(look.due_at, moment),
            "is_late": look.due_at <= moment,
            "may_be_mine": look.opened_by != by.account,
            "why": ", ".join(str(staff_words.LOOKS[LookReason(why)]) for why in look.why),
        },
    }


def facts(
    session: Session, asked: CareRequest, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return who asks, what they answered, and why triage says what it says."""
    protocol = equipment().protocol(wording.language(), community.id)
    today = local_day(moment, community.zone)
    return {
        "name": staff_words.person(asked.family_name, asked.given_name),
        "age": staff_words.age(asked.birth_date, asked.age_months, today),
        "sex": staff_words.SEXES.get(asked.sex or "", ""),
        "commune": desk.commune_of(session, asked),
        "current_address": asked.current_address,
        "complaints": staff_words.complaints(asked.complaints, protocol),
        "note": asked.note,
        "channel": staff_words.CHANNELS[asked.channel],
        "phone": asked.phone and wording.spaced(asked.phone),
        "may_leave_message": asked.may_leave_message,
        "refuses_sms": bool(asked.phone and opt_outs.among(session, [asked.phone])),
        "call_back_hours": asked.call_back_hours,
        "wants_call": asked.call_back_asked_at is not None,
        "call_by": asked.call_by
        and wording.short_day_and_hour(asked.call_by, community.zone, now=moment),
        "caller": staff_words.CALLERS[asked.caller] if asked.caller else "",
        "is_elsewhere": asked.caller is CallerIs.ELSEWHERE,
        "short_code": code_of(asked.reference),
        **_clock(asked.deadline, community, moment),
        **_judgement(session, asked, community, moment),
        "answers": staff_words.answers(asked.answers, protocol),
    }


def _judgement(
    session: Session, asked: CareRequest, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return what triage says, and who said what to do; nothing while an answer is changed."""
    try:
        judged = ask.assessment_of(session, asked)
    except ask.NotAssessed:
        return {"level": _changing(), "safety_net": "", "reasons": []}
    said = safety_net.of(session, judged)
    return {
        "judgement": judged.reference,
        "understood": said
        and {
            "who": said.name,
            "when": wording.short_day_and_hour(said.said_at, community.zone, now=moment),
        },
        "level": staff_words.LEVELS[judged.level],
        "safety_net": judged.safety_net,
        "reasons": list(dict.fromkeys(reason["because"] for reason in judged.reasons)),
    }


def _offer(
    session: Session, asked: CareRequest, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return the appointment that is kept for this request, if any, and those it could have."""
    if asked.status is not RequestStatus.OPEN:
        return {"held": None, "proposals": [], "wishes": False}
    held = choose.held(session, asked, now=moment)
    found = proposals.propose(session, asked, community, now=moment)
    return {
        "held": held
        and held.held_until
        and {
            "slot": held.reference,
            "until": wording.hour(held.held_until, community.zone),
            "when": wording.day_and_hour(held.starts_at, community.zone, now=moment),
        },
        "proposals": [_proposed(p, community, moment) for p in found],
        "wishes": wishes.is_waiting(session, asked),
    }


def _proposed(proposal: Proposal, community: Community, moment: datetime) -> dict[str, Any]:
    slot = proposal.slot
    return {
        "slot": slot.reference,
        "when": wording.short_day_and_hour(slot.starts_at, community.zone, now=moment),
        "who": offers.who(slot.professional_name, slot.discipline),
        "where": slot.site_name,
        "address": slot.site_address,
        "distance": "" if proposal.distance_km is None else wording.distance(proposal.distance_km),
        "is_wheelchair_accessible": slot.is_wheelchair_accessible,
        "is_regular_doctor": proposal.is_regular_doctor,
    }


def _appointment(session: Session, asked: CareRequest, moment: datetime) -> dict[str, Any]:
    """Return what the operator reads out once it is booked, big enough to be read at a glance."""
    kept = change.of_request(session, asked)
    return {
        "when": wording.day_and_hour(kept.slot.starts_at, kept.community.zone, now=moment),
        "who": offers.who(kept.professional.name, kept.professional.discipline),
        "where": kept.site.name,
        "address": kept.site.address,
        "site_phone": kept.site.phone,
        "code": kept.booking.code,
        "booking": kept.booking.reference,
        "is_told_by_message": board.is_told_by_message(kept),
    }
