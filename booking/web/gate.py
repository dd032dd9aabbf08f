"""Where the patients' form asks whether it may keep a slot, and what it says if it may not."""

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import hoarding
from booking.desk.hoarding import Verdict
from booking.desk.visitors import Visitor
from booking.extensions import equipment, now
from booking.models import FormMode
from booking.web import answers, patience
from booking.web.errors import remember
from booking.web.journey import Step
from booking.web.staff_forms import FormRefused
from booking.web.visit import Visit
from schedules.models import Community

HOLDS = {Step.APPOINTMENT: "rendez-vous", Step.NAME: "slot", Step.PHONE: "slot", Step.CHECK: "slot"}
"""Pages that keep a slot, or keep it longer; and the field that names it."""

PUZZLE, WORK = "patience", "travail"

OUR_OWN = (PUZZLE, WORK, "csrf_token")

A_MINUTE = "60"


class PhoneRefused(FormRefused):
    """This number has had its share of the form: the page of the phone says so."""


def visitor() -> Visitor:
    """Return whoever is at the other end, as those are counted who are not signed in."""
    return Visitor(request.remote_addr or "", _secret())


def _secret() -> bytes:
    return equipment().settings.secret_key.get_secret_value().encode()


def at_the_start(session: Session, community: Community) -> ResponseReturnValue | None:
    """Return the page for whoever may open no request now; None: they may."""
    if guards.identity_or_none() is not None:
        return None
    verdict = hoarding.may_begin(session, community.id, visitor(), now=now())
    remember(community)
    return None if verdict is Verdict.FREE else _line(community, verdict)


def is_closed(session: Session, community: Community) -> bool:
    """Return whether the coordinator has closed the form."""
    return hoarding.mode_of(session, community.id) is FormMode.CLOSED


def before_holding(visit: Visit, step: Step) -> ResponseReturnValue | None:
    """Return the page for whoever may have nothing kept now; None: they may, or ask for nothing.

    Who is signed in fills the form for somebody on the line: nothing is asked of them.
    """
    if step not in HOLDS or guards.identity_or_none() is not None:
        return None
    wanted = answers.reference(answers.one(request.form, HOLDS[step]))
    if (wanted is None and visit.slot is None) or not visit.state.may_see(Step.APPOINTMENT):
        return None
    puzzle = _puzzle(visit)
    verdict = hoarding.may_hold(
        visit.session,
        visit.request,
        visitor(),
        has_shown_patience=puzzle is not None and _is_solved(puzzle, visit),
        now=visit.now,
    )
    if verdict is Verdict.FREE:
        return None
    return _wait(visit, puzzle) if verdict is Verdict.PROVE else _line(visit.community, verdict)


def _puzzle(visit: Visit) -> patience.Puzzle | None:
    said = answers.one(request.form, PUZZLE)
    return patience.read(said, visit.request.reference, _secret(), now=visit.now)


def _is_solved(puzzle: patience.Puzzle, visit: Visit) -> bool:
    return patience.is_solved(puzzle, answers.one(request.form, WORK), now=visit.now)


def _wait(visit: Visit, puzzle: patience.Puzzle | None) -> ResponseReturnValue:
    """Return the page that waits, with all that was posted: it is sent again as it was."""
    given = puzzle or patience.begun(visit.request.reference, _secret(), now=visit.now)
    g.has_script = True
    page = render_template(
        "patient/patience.html",
        community=visit.community,
        action=request.path,
        fields=[(k, v) for k, v in request.form.items(multi=True) if k not in OUR_OWN],
        puzzle=given.text,
        bits=patience.BITS,
        seconds=given.left(visit.now),
        is_again=puzzle is not None,
    )
    return page, 429, {"Retry-After": str(max(1, given.left(visit.now)))}


def _line(community: Community, verdict: Verdict) -> ResponseReturnValue:
    page = render_template(
        "patient/by_phone.html", community=community, is_closed=verdict is Verdict.CLOSED
    )
    return page, 429, {"Retry-After": A_MINUTE}


def refuse_phone(visit: Visit, phone: str) -> None:
    """Let a number through that may have an appointment by the form, and count it.

    What a number has is told to nobody but by its own SMS: not when, not where, not with whom.

    Raises:
        PhoneRefused: if it has another to come, or held twice today without booking.
    """
    if guards.identity_or_none() is not None:
        return
    line, asked = visit.community.phone, visit.request
    said = (visit.session, asked, phone, visitor())
    if hoarding.has_another(*said, now=visit.now):
        raise PhoneRefused(
            {
                "telephone": _(
                    "Ce numéro a déjà un rendez-vous à venir : un seul à la fois par Internet. "
                    "Pour une autre personne de la famille, appelez le %(line)s. "
                    "Pour changer d’heure, ouvrez le lien reçu par SMS.",
                    line=line,
                )
            }
        )
    if hoarding.held_too_often(*said, now=visit.now):
        raise PhoneRefused(
            {
                "telephone": _(
                    "Ce numéro a déjà fait garder deux rendez-vous aujourd’hui, sans confirmer. "
                    "Appelez le %(line)s : nous prenons le rendez-vous avec vous.",
                    line=line,
                )
            }
        )
