"""The page of an appointment that the practice cancelled: what is kept instead, and to take it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import alternatives, ask, change, choose
from booking.desk.alternatives import Alternative
from booking.desk.change import Kept
from booking.desk.validity import is_too_old
from booking.extensions import db, equipment, now
from booking.fresh_calendars import before_booking
from booking.models import CancelledBy, RequestStatus
from booking.web import answers, offers, signs_again, wording
from booking.web.opened import BY_PATIENT, opened
from booking.web.patient import JUST_CONFIRMED
from config.database import transaction
from schedules.slots import SlotTaken

lost = Blueprint("lost", __name__)


def is_lost(kept: Kept) -> bool:
    """Return whether the practice cancelled this one, and its patient still needs another."""
    is_cancelled = kept.booking.cancelled_by is CancelledBy.PRACTICE
    return is_cancelled and kept.request.status is not RequestStatus.DECLINED


def page(
    session: Session, kept: Kept, token: str, *, is_taken: bool = False, has_looked: bool = False
) -> str:
    """Return what is kept for whom the practice cancelled, or who looks for them, or the 15."""
    asked, moment = kept.request, now()
    if signs_again.is_emergency(asked):
        return render_template("patient/emergency.html", community=kept.community)
    found = alternatives.of(session, asked, now=moment)
    zone = kept.community.zone
    return render_template(
        "appointment/lost.html",
        community=kept.community,
        when=wording.day_and_hour(kept.slot.starts_at, zone, now=moment),
        site=kept.site,
        new_url=_new_url(session, kept),
        kept=[_line(each, kept) for each in found],
        until=wording.hour(found[0].until, zone) if found else "",
        is_too_old=is_too_old(asked, moment),
        deadline=asked.deadline and wording.short_day_and_hour(asked.deadline, zone, now=moment),
        is_late=asked.deadline is not None and asked.deadline <= moment,
        is_taken=is_taken,
        has_looked=has_looked,
        may_look=alternatives.may_keep_more(session, asked),
        urls={name: url_for(f"lost.{name}", token=token) for name in ("signs", *POSTED)},
    )


POSTED = ("choose_one", "look_again", "decline")


def _line(each: Alternative, kept: Kept) -> dict[str, Any]:
    where = each.site.name
    if each.distance_km is not None:
        where = f"{where}, {wording.distance(each.distance_km)}"
    hour = wording.short_day_and_hour(each.slot.starts_at, kept.community.zone, now=now())
    return {
        "value": str(each.slot.reference),
        "hour": wording.capital(hour),
        "who": offers.who(each.professional.name, each.professional.discipline),
        "where": where,
    }


def _new_url(session: Session, kept: Kept) -> str | None:
    """Return the page of the appointment that took this one's place, if there is one."""
    try:
        booking = change.of_request(session, kept.request).booking
    except change.NoSuchBooking:
        return None
    return _address(equipment().links.booking_token(booking.reference))


def _address(token: str) -> str:
    return url_for("appointment.show", token=token)


@lost.post("/r/<token>/choisir")
@guards.open_to(guards.PATIENT)
@before_booking
def choose_one(token: str) -> ResponseReturnValue:
    """Give whom the practice cancelled the appointment that they chose; done twice it is once."""
    slot = answers.reference(answers.one(request.form, "rendez-vous"))
    try:
        with transaction(db.session) as session:
            kept = opened(session, token, lock=True)
            if slot is None or not is_lost(kept):
                return redirect(_address(token), 303)
            said = (session, kept.request, kept.community, slot)
            booked = choose.book(*said, by=BY_PATIENT, links=equipment().links, now=now())
    except SlotTaken:
        return _others(token)
    except choose.SignsAgain:
        return redirect(url_for("lost.signs", token=token), 303)
    except choose.LevelForbids:
        return redirect(_address(token), 303)
    flash(JUST_CONFIRMED)
    return redirect(_address(equipment().links.booking_token(booked.reference)), 303)


def _others(token: str) -> ResponseReturnValue:
    """Show others to whoever was too slow."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        _keep(session, kept)
        return page(session, kept, token, is_taken=True), 409


def _keep(session: Session, kept: Kept) -> None:
    """Keep what is free now, unless something is kept already."""
    asked, moment = kept.request, now()
    if not is_lost(kept) or asked.status is not RequestStatus.OPEN:
        return
    # An operator may be keeping one for them at this moment.
    is_kept = alternatives.of(session, asked, now=moment) or choose.held(session, asked, now=moment)
    if not is_kept:
        alternatives.keep(session, asked, kept.community, instead_of=kept.slot, now=moment)


@lost.post("/r/<token>/autres")
@guards.open_to(guards.PATIENT)
def look_again(token: str) -> ResponseReturnValue:
    """Keep what is free by now, after those that were kept have gone; or say that nothing is."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        _keep(session, kept)
        if is_lost(kept) and not alternatives.of(session, kept.request, now=now()):
            return page(session, kept, token, has_looked=True)
    return redirect(_address(token), 303)


@lost.post("/r/<token>/fin")
@guards.open_to(guards.PATIENT)
def decline(token: str) -> ResponseReturnValue:
    """End the request of whom the practice cancelled, and who needs no other appointment."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        if is_lost(kept):
            ask.decline(session, kept.request, now=now())
    return redirect(_address(token), 303)


@lost.get("/r/<token>/signes")
@guards.open_to(guards.PATIENT)
def signs(token: str) -> ResponseReturnValue:
    """Ask the warning signs once more, where too much time has passed since the judgement."""
    with transaction(db.session) as session:
        kept = opened(session, token)
        if not _must_be_asked(kept):
            return redirect(_address(token), 303)
        return _signs(kept, token, {})


@lost.post("/r/<token>/signes")
@guards.open_to(guards.PATIENT)
def answer_signs(token: str) -> ResponseReturnValue:
    """Judge once more; what is kept stays kept, unless it ends at the 15."""
    with transaction(db.session) as session:
        kept = opened(session, token, lock=True)
        if not _must_be_asked(kept):
            return redirect(_address(token), 303)
        errors = signs_again.keep(session, kept.request, kept.community)
        if errors:
            return _signs(kept, token, errors), 422
        if signs_again.is_emergency(kept.request):
            # Not a redirect: on a bad network the second round trip would double the wait.
            return page(session, kept, token)
    return redirect(_address(token), 303)


def _must_be_asked(kept: Kept) -> bool:
    is_open = kept.request.status is RequestStatus.OPEN
    return is_lost(kept) and is_open and is_too_old(kept.request, now())


def _signs(kept: Kept, token: str, errors: dict[str, str]) -> str:
    return signs_again.page(
        kept.request,
        kept.community,
        action=url_for("lost.answer_signs", token=token),
        back=_address(token),
        errors=errors,
    )
