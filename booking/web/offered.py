"""The page of a slot that is offered to somebody who waits: take it, or leave it to the next."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import answering, change, choose
from booking.desk.answering import Offered
from booking.desk.validity import is_too_old
from booking.extensions import db, equipment, now
from booking.models import RequestStatus
from booking.web import offers, signs_again, wording
from booking.web.errors import remember
from booking.web.journey import Step
from booking.web.opened import BY_PATIENT
from booking.web.patient import JUST_CONFIRMED
from config.database import transaction
from schedules.slots import SlotTaken

offered = Blueprint("offered", __name__)


def _opened(session: Session, token: str, *, lock: bool = False) -> Offered:
    """Return the offer, or end this request with 404."""
    try:
        found = answering.by_link(session, token, lock=lock)
    except answering.NoSuchOffer:
        abort(404)
    remember(found.community)
    return found


@offered.get("/offre/<token>")
@guards.open_to(guards.PATIENT)
def show(token: str) -> ResponseReturnValue:
    """Show when, where and until when; or that it is over."""
    with transaction(db.session) as session:
        return _page(_opened(session, token), token)


def _page(found: Offered, token: str) -> str:
    asked, moment, zone = found.request, now(), found.community.zone
    if signs_again.is_emergency(asked):
        return render_template("patient/emergency.html", community=found.community)
    return render_template(
        "appointment/offered.html",
        community=found.community,
        is_live=found.is_live(moment),
        is_open=asked.status is RequestStatus.OPEN,
        is_sooner=asked.status is RequestStatus.BOOKED,
        when=wording.capital(wording.day_and_hour(found.slot.starts_at, zone, now=moment)),
        until=wording.hour(found.offer.until, zone),
        who=offers.who(found.professional.name, found.professional.discipline),
        site=found.site,
        is_too_old=_must_be_asked(found),
        urls={name: url_for(f"offered.{name}", token=token) for name in ("take", "leave")},
    )


@offered.post("/offre/<token>/prendre")
@guards.open_to(guards.PATIENT)
def take(token: str) -> ResponseReturnValue:
    """Give them the slot: booked, or kept while their form asks who they are; twice is once."""
    links = equipment().links
    try:
        with transaction(db.session) as session:
            found = _opened(session, token, lock=True)
            booked = answering.take(session, found, by=BY_PATIENT, links=links, now=now())
            form = links.request_token(found.request.reference)
    except choose.SignsAgain:
        return redirect(url_for("offered.signs", token=token), 303)
    except (answering.OfferOver, SlotTaken, choose.LevelForbids, change.TooLate):
        return redirect(url_for("offered.show", token=token), 303)
    if booked is None:
        # To the first of its pages that is still open: the last one says which.
        return redirect(url_for("patient.show", token=form, step=Step.CHECK.value), 303)
    flash(JUST_CONFIRMED)
    return redirect(url_for("appointment.show", token=booked), 303)


@offered.post("/offre/<token>/laisser")
@guards.open_to(guards.PATIENT)
def leave(token: str) -> ResponseReturnValue:
    """Let the slot go at once, for the next who waits."""
    with transaction(db.session) as session:
        answering.refuse(session, _opened(session, token, lock=True), now=now())
    return redirect(url_for("offered.show", token=token), 303)


@offered.get("/offre/<token>/signes")
@guards.open_to(guards.PATIENT)
def signs(token: str) -> ResponseReturnValue:
    """Ask the warning signs once more, where too much time has passed since the judgement."""
    with transaction(db.session) as session:
        found = _opened(session, token)
        if not _must_be_asked(found):
            return redirect(url_for("offered.show", token=token), 303)
        return _signs(found, token, {})


@offered.post("/offre/<token>/signes")
@guards.open_to(guards.PATIENT)
def answer_signs(token: str) -> ResponseReturnValue:
    """Judge once more; what is kept stays kept, unless it ends at the 15."""
    with transaction(db.session) as session:
        found = _opened(session, token, lock=True)
        if not _must_be_asked(found):
            return redirect(url_for("offered.show", token=token), 303)
        errors = signs_again.keep(session, found.request, found.community)
        if errors:
            return _signs(found, token, errors), 422
        if signs_again.is_emergency(found.request):
            # Not a redirect: on a bad network the second round trip would double the wait.
            return _page(found, token)
    return redirect(url_for("offered.show", token=token), 303)


def _must_be_asked(found: Offered) -> bool:
    is_open = found.request.status is RequestStatus.OPEN
    return is_open and found.is_live(now()) and is_too_old(found.request, now())


def _signs(found: Offered, token: str, errors: dict[str, str]) -> str:
    return signs_again.page(
        found.request,
        found.community,
        action=url_for("offered.answer_signs", token=token),
        back=url_for("offered.show", token=token),
        errors=errors,
    )
