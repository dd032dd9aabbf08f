"""The pages at which a form ends: checked and booked, advised, or a call promised."""

from collections.abc import Collection
from contextlib import suppress

from flask import request
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from booking import guards
from booking.desk import ask, asked_sms, choose, hoarding, nothing_free, second_look, tell, wishes
from booking.extensions import equipment
from booking.models import CareRequest
from booking.triage.protocol import Level
from booking.web import answers, gate, offers, persons, wording
from booking.web.answers import Form
from booking.web.booking_pages import deadline, fallback, held
from booking.web.journey import Step
from booking.web.triage_pages import Elsewhere, Shown
from booking.web.visit import Visit
from notifications import outbox
from notifications.models import Kind, OutboxMessage, Status, recipient_key
from schedules import directory, slots

WISH = "attente"
"""The box of who wants to be told of a slot that frees up."""


def show_check(visit: Visit, step: Step) -> Shown:
    """Return all that was said, line by line, each with the page that changes it."""
    del step
    return {"rows": [*_what(visit), *_who(visit)], **held(visit)}


def _what(visit: Visit) -> list[dict[str, str]]:
    asked, slot = visit.request, visit.slot
    if slot is None:
        return []
    who, where = directory.whereabouts(visit.session, slot)
    titles = [visit.protocol.by_complaint[c].title for c in visit.state.complaints]
    reason = ", ".join(titles) + (f" – {asked.note}" if asked.note else "")
    return [
        {
            "key": _("Rendez-vous"),
            "value": wording.capital(
                wording.day_and_hour(slot.starts_at, visit.zone, now=visit.now)
            ),
            "more": f"{offers.who(who.name, who.discipline)}, {where.name}, {where.address}",
            "href": visit.url(Step.APPOINTMENT),
            "hidden": _("le rendez-vous"),
        },
        {
            "key": _("Motif"),
            "value": reason,
            "href": visit.url(Step.COMPLAINT),
            "hidden": _("le motif"),
        },
    ]


def _who(visit: Visit) -> list[dict[str, str]]:
    asked = visit.request
    rows = [
        {
            "key": _("Personne malade"),
            "value": f"{asked.given_name} {asked.family_name}",
            "href": visit.url(Step.NAME),
            "hidden": _("le nom"),
        }
    ]
    if asked.birth_date:
        born = wording.birth_day(asked.birth_date)
        rows.append(
            {
                "key": _("Date de naissance"),
                "value": f"{born} ({wording.age(asked.birth_date, visit.today)})",
                "href": visit.url(Step.BIRTH),
                "hidden": _("la date de naissance"),
            }
        )
    reached = [wording.spaced(asked.phone or "")]
    reached += [_sms_or_not(asked)]
    reached += [asked.email] if asked.email else []
    return [
        *rows,
        {
            "key": _("Téléphone"),
            "value": reached[0],
            "more": ", ".join(reached[1:]),
            "href": visit.url(Step.PHONE),
            "hidden": _("le téléphone"),
        },
    ]


def _sms_or_not(asked: CareRequest) -> str:
    """Return what this number will get: who waits for an SMS on a landline waits in vain."""
    said: str = _("SMS : oui")
    if not asked.wants_sms:
        said = _("SMS : non")
    elif not tell.takes_sms(asked.phone or ""):
        said = _("Numéro fixe, donc pas de SMS : notez l’heure")
    return said


def show_advice(visit: Visit, step: Step) -> Shown:
    """Return whom to turn to for what no urgent appointment answers, and when to call the 15."""
    del step
    assessment = ask.assessment_of(visit.session, visit.request)
    look = second_look.of(visit.session, visit.request)
    phone = visit.request.phone
    return {
        "whom": offers.whom(assessment.routes),
        "safety_net": assessment.safety_net,
        "is_checked_by": look
        and wording.short_day_and_hour(look.due_at, visit.zone, now=visit.now),
        "phone": wording.spaced(phone) if phone and "changer" not in request.args else "",
        "typed": {"telephone": wording.spaced(phone) if phone else ""},
    }


def keep_advice(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep where whoever looks a second time may call."""
    visit.identify({"phone": persons.phone(form, visit.community.phone)})
    return visit.url(step)


def keep_check(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Book what is held; return the address of the appointment's own page.

    Raises:
        slots.SlotTaken: if somebody else was faster after all.
        gate.PhoneRefused: if this number has an appointment to come.
    """
    del step, form
    if visit.slot is None:
        raise slots.SlotTaken
    gate.refuse_phone(visit, visit.request.phone or "")
    visit.identify({"language": wording.language()})
    somebody = guards.identity_or_none()
    booked = choose.book(
        visit.session,
        visit.request,
        visit.community,
        visit.slot.reference,
        by=str(somebody.account) if somebody else "PATIENT",
        links=equipment().links,
        now=visit.now,
    )
    hoarding.note_booked(visit.session, visit.request)
    return equipment().links.booking_token(booked.reference)


def show_call_back(visit: Visit, step: Step) -> Shown:
    """Return who calls back, at what number and by when; or the form to ask for it."""
    del step
    asked = visit.request
    phone = wording.spaced(asked.phone) if asked.phone else ""
    return {
        **fallback(visit),
        "is_promised": asked.call_back_asked_at is not None and "changer" not in request.args,
        "promised_by": _promised_by(visit),
        "is_broken": asked.call_by is not None and asked.call_by <= visit.now,
        "typed": {"telephone": phone, "heures": asked.call_back_hours},
        "phone": phone,
        "deadline": deadline(visit),
        "takes_sms": _key(asked.phone) in _told(visit, but=(Status.WITHDRAWN, Status.FAILED)),
        "wishes": asked.phone is None or wishes.is_waiting(visit.session, asked),
    }


def _promised_by(visit: Visit) -> str:
    """Return until when a call was promised, in words; the deadline where no hour was said."""
    by = visit.request.call_by
    if by is None:
        return deadline(visit)
    return wording.short_day_and_hour(by, visit.zone, now=visit.now)


def keep_call_back(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Note that somebody must call, and tell the patient so by SMS, once for each request.

    Where nobody can call in time nothing is promised: the page says so, and who answers instead.
    A call that was promised once stays promised, for the same hour.
    """
    asked = visit.request
    phone, hours = persons.call_back(form, visit.community.phone)
    level = asked.level or Level.NOT_UNSCHEDULED
    made = nothing_free.promise(visit.community, level, asked.deadline, now=visit.now)
    by = asked.call_by or (made.by if made else None)
    if by is None:
        return visit.url(step)
    ask.ask_for_call(visit.session, asked, phone=phone, hours=hours, by=by, now=visit.now)
    nothing_free.ask_a_doctor(visit.session, asked, visit.community, now=visit.now)
    note = wishes.want if answers.one(form, WISH) else wishes.end
    note(visit.session, asked, now=visit.now)
    _promise(visit)
    return visit.url(step)


def _promise(visit: Visit) -> None:
    """Send the one SMS of this request; to another number only if the first has not left.

    One for each number that is typed would let anybody send ours to whomever they like.
    """
    asked = visit.request
    if _key(asked.phone) in _told(visit):
        return
    outbox.withdraw(visit.session, asked.community_id, asked.reference, now=visit.now)
    if _told(visit):
        return
    may_ask = asked_sms.may_ask(
        visit.session,
        asked.community_id,
        address=request.remote_addr or "",
        secret=equipment().settings.secret_key.get_secret_value().encode(),
        now=visit.now,
    )
    # A number that was left and taken up again has its message already, which was withdrawn.
    with suppress(IntegrityError), visit.session.begin_nested():
        tell.call_back_promised(
            visit.session, visit.community, asked, links=equipment().links, now=visit.now
        )
    if not may_ask:
        # Kept as what did not arrive: its mail leaves, and somebody has it on their list.
        outbox.refuse(
            visit.session,
            asked.community_id,
            asked.reference,
            why=asked_sms.TOO_OFTEN,
            now=visit.now,
        )


def _key(phone: str | None) -> bytes | None:
    return recipient_key(phone) if phone else None


def _told(visit: Visit, but: Collection[Status] = (Status.WITHDRAWN,)) -> set[bytes]:
    """Return the key of the number to which the promise of a call left or is about to."""
    asked = visit.request
    return set(
        visit.session.scalars(
            select(OutboxMessage.recipient_key).where(
                OutboxMessage.community_id == asked.community_id,
                OutboxMessage.about == asked.reference,
                OutboxMessage.kind == Kind.CALL_BACK,
                OutboxMessage.status.not_in(but),
            )
        )
    )
