"""The patient's form: one question a page, kept as it is answered, from first sign to last."""

import logging
from contextlib import suppress

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from booking import guards, scope
from booking.desk import ask, change
from booking.extensions import db, equipment, now
from booking.fresh_calendars import before_booking
from booking.models import Channel, ProvedBy
from booking.persons import erasing, tombstones
from booking.web import answers, gate, offers, triage_pages, wording
from booking.web.errors import remember
from booking.web.form_pages import NEEDS_SLOT, PAGES
from booking.web.journey import Step
from booking.web.staff_forms import FormRefused
from booking.web.visit import Visit, arrive
from config import logs
from config.database import transaction
from schedules import directory
from schedules.slots import SlotTaken

logger = logging.getLogger(__name__)

patient = Blueprint("patient", __name__)

JUST_CONFIRMED = "confirmed"
"""Told once to the appointment's own page: it says so in green."""


@patient.get("/")
@guards.open_to(guards.PUBLIC)
def home() -> ResponseReturnValue:
    """Show what the service is; first ask which territory, where there are several."""
    with transaction(db.session) as session:
        found = directory.communities(session)
        wanted = answers.one(request.args, "cpts")
        chosen = [c for c in found if c.slug == wanted] or (found if len(found) == 1 else [])
        if not chosen:
            return render_template("patient/territories.html", communities=found)
        remember(chosen[0])
        scope.enter(session, chosen[0].id)
        return render_template(
            "patient/home.html",
            community=chosen[0],
            wall=wording.round_hour,
            is_closed=gate.is_closed(session, chosen[0]),
        )


@patient.post("/demande")
@guards.open_to(guards.PUBLIC)
def start() -> ResponseReturnValue:
    """Open a request, and lead to its first page."""
    links = equipment().links
    with transaction(db.session) as session:
        try:
            community = directory.community(session, answers.one(request.form, "community"))
        except directory.NoSuchCommunity:
            return redirect(url_for("patient.home"), 303)
        scope.enter(session, community.id)
        if refused := gate.at_the_start(session, community):
            return refused
        opened = ask.start(
            session,
            community,
            channel=Channel.WEB,
            language=wording.language(),
            links=links,
            now=now(),
        )
        token = links.request_token(opened.reference)
    return redirect(url_for("patient.show", token=token, step=Step.SIGNS.value), 303)


@patient.get("/demande/<token>")
@guards.open_to(guards.PATIENT)
def resume(token: str) -> ResponseReturnValue:
    """Lead to where this form stands: after a call was promised, to that promise."""
    with transaction(db.session) as session:
        visit = _arrive(session, token)
        wanted = Step.CALL_BACK if visit.request.call_back_asked_at else visit.state.next_step
        if not visit.state.may_see(wanted):
            wanted = visit.state.next_step
        return redirect(_address(visit, wanted), 303)


@patient.get("/demande/<token>/<step>")
@guards.open_to(guards.PATIENT)
def show(token: str, step: str) -> ResponseReturnValue:
    """Show one page, if its turn has come; else lead to the first question still open."""
    wanted = _step(step)
    with transaction(db.session) as session:
        visit = _arrive(session, token)
        if not visit.state.may_see(wanted) or wanted not in PAGES:
            return redirect(_address(visit, visit.state.next_step, wanted), 303)
        return _page(visit, wanted)


@patient.post("/demande/<token>/<step>")
@guards.open_to(guards.PATIENT)
@before_booking
def answer(token: str, step: str) -> ResponseReturnValue:
    """Keep what was answered, then lead to the next page; a warning sign is answered at once."""
    wanted = _step(step)
    with transaction(db.session) as session:
        visit = _arrive(session, token)
        if refused := gate.before_holding(visit, wanted):
            return refused
        if wanted in NEEDS_SLOT and visit.state.may_see(Step.APPOINTMENT):
            held = answers.reference(answers.one(request.form, "slot"))
            if not visit.hold(visit.slot.reference if visit.slot else held):
                return _taken(visit, wanted)
            visit = visit.again()
        if not visit.state.may_see(wanted) or wanted not in PAGES:
            return _elsewhere(visit, wanted)
        if triage_pages.is_search(request.form):
            return _page(visit, wanted)
        return _kept(visit, wanted)


def _elsewhere(visit: Visit, step: Step) -> ResponseReturnValue:
    """Answer a post to a page whose turn it is not."""
    if _ticks_a_red_flag(visit):
        # Whatever became of the form since: who ticks this is told to call the 15.
        return _page(visit, Step.EMERGENCY)
    if visit.state.next_step is Step.AGAIN:
        _keep_who(visit, step)
    return redirect(_address(visit, visit.state.next_step), 303)


def _keep_who(visit: Visit, step: Step) -> None:
    """Keep what was typed of who comes, though another page comes first.

    What is refused is asked again, with its error, when it is this page's turn.
    """
    if step in (Step.NAME, Step.PHONE):
        with suppress(FormRefused):
            PAGES[step].keep(visit, step, request.form)


def _ticks_a_red_flag(visit: Visit) -> bool:
    known = visit.protocol.questions
    ticked = request.form.getlist("signes")
    return any(sign in known and known[sign].is_red_flag for sign in ticked)


def _kept(visit: Visit, step: Step) -> ResponseReturnValue:
    """Keep what was posted, and say where it leads."""
    try:
        elsewhere = PAGES[step].keep(visit, step, request.form)
    except FormRefused as refused:
        if step is Step.CHECK:
            # Only its number can be refused there: it is another page's, as it was given.
            return _page(visit, Step.PHONE, errors=refused.errors), 422
        return _page(visit, step, **answers.shown_again(request.form, refused)), 422
    except SlotTaken:
        return _taken(visit, step)
    if step is Step.CHECK:
        flash(JUST_CONFIRMED)
        return redirect(url_for("appointment.show", token=elsewhere), 303)
    _judge(visit)
    visit = visit.again()
    if visit.state.next_step is Step.EMERGENCY:
        # Not a redirect: on a bad network the second round trip would double the wait.
        return _page(visit, Step.EMERGENCY)
    return redirect(elsewhere or _address(visit, visit.state.next_step), 303)


def _judge(visit: Visit) -> None:
    """Let triage judge what was answered, once all is or a sign was ticked.

    A ticked sign needs no judgement to lead to the 15: nothing that breaks here may hide it.
    """
    state = visit.state
    if state.level is not None or not (state.has_sign or state.is_triage_due):
        return
    try:
        with visit.session.begin_nested():
            visit.assess()
    except Exception:
        if not state.has_sign:
            raise
        logger.exception("sign_not_judged")


def _taken(visit: Visit, step: Step) -> ResponseReturnValue:
    """Show other appointments to whoever lost theirs; what they typed on this page is kept."""
    _keep_who(visit, step)
    return _page(visit.again(), Step.APPOINTMENT, is_taken=True, most=offers.FEW), 409


@patient.post("/demande/<token>/urgence/erreur")
@guards.open_to(guards.PATIENT)
def ticked_by_mistake(token: str) -> ResponseReturnValue:
    """Lead back to the question whose answer led to the 15; that it did stays on record."""
    with transaction(db.session) as session:
        visit = _arrive(session, token)
        if visit.state.next_step is Step.EMERGENCY:
            page = visit.state.to_correct()
            again = {question.id: None for question in visit.state.questions_of(page)}
            visit.amend({"answers": again})
        return redirect(_address(visit, visit.state.next_step), 303)


@patient.post("/demande/<token>/fin")
@guards.open_to(guards.PATIENT)
def decline(token: str) -> ResponseReturnValue:
    """End a request that its patient no longer wants."""
    with transaction(db.session) as session:
        visit = _arrive(session, token)
        ask.decline(session, visit.request, now=visit.now)
        return redirect(_address(visit, visit.state.next_step), 303)


@patient.post("/demande/<token>/effacer")
@guards.open_to(guards.PATIENT)
def erase(token: str) -> ResponseReturnValue:
    """Erase what was typed, for devices that others use too; no restore brings it back."""
    kit = equipment()
    file = kit.settings.tombstones_file
    try:
        with transaction(db.session) as session:
            visit = _arrive(session, token)
            if visit.state.is_booked:
                return redirect(_address(visit, Step.BOOKED), 303)
            order = tombstones.Order(visit.now, None, ProvedBy.PATIENT)
            erasing.erase_own(session, visit.request, order=order, links=kit.links, file=file)
    except tombstones.NotNoted:
        logs.event("erasure_not_noted", level=logging.ERROR)
        abort(503)
    return redirect(url_for("pages.erased"), 303)


def _arrive(session: object, token: str) -> Visit:
    try:
        return arrive(session, token, now=now())  # type: ignore[arg-type]
    except ask.NoSuchRequest:
        abort(404)


def _step(name: str) -> Step:
    try:
        return Step(name)
    except ValueError:
        abort(404)


def _address(visit: Visit, step: Step, instead_of: Step | None = None) -> str:
    """Return the address of a page; whoever was past it because a hold has ended is told so."""
    if step is Step.BOOKED:
        return url_for("appointment.show", token=booking_token(visit))
    if step is Step.APPOINTMENT and instead_of in NEEDS_SLOT:
        return visit.url(step, expire=1)
    return visit.url(step)


def booking_token(visit: Visit) -> str:
    """Return what opens the appointment that this request has."""
    reference = change.of_request(visit.session, visit.request).booking.reference
    return equipment().links.booking_token(reference)


def _page(visit: Visit, step: Step, **more: object) -> str:
    """Return a page of the form; `more` stands in the place of what it would show by itself."""
    page = PAGES[step]
    before = visit.state.before(step)
    return render_template(
        f"patient/{page.template}.html",
        **{
            "community": visit.community,
            "step": step,
            "action": visit.url(step),
            "back_url": visit.url(before) if before else None,
            "about": triage_pages.about(visit),
            "erase_url": url_for("patient.erase", token=visit.token),
            "mistake_url": url_for("patient.ticked_by_mistake", token=visit.token),
            "decline_url": url_for("patient.decline", token=visit.token),
            **page.show(visit, step),
            **more,
        },
    )
