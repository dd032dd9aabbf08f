"""An appointment of the day goes elsewhere: to another hour of the practice, or to another site."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import acts, board, change, elsewhere
from booking.desk.board import Entry, State
from booking.desk.change import Kept
from booking.desk.elsewhere import Relocated
from booking.desk.supply import NotTheirs, Place
from booking.extensions import db, equipment, now
from booking.models import Role
from booking.web import day_sheet, staff_forms, staff_words, wording
from booking.web.staff_access import CARERS, scope_of
from config.clock import day_bounds, local_day
from config.database import transaction
from schedules.models import Community
from schedules.slots import SlotTaken

moves = Blueprint("moves", __name__)


# Another hour


@moves.get("/journee/rendez-vous/<uuid:reference>/deplacer")
@guards.open_to(*CARERS)
def show(reference: UUID) -> ResponseReturnValue:
    """Show the free hours of one's own days to which this appointment can move."""
    with transaction(db.session) as session:
        return _page(session, reference, {}, now())


def _page(session: Session, reference: UUID, errors: dict[str, str], moment: datetime) -> str:
    kept = day_sheet.theirs(session, reference)
    zone, somebody = kept.community.zone, guards.identity()
    may_move = kept.booking.status.value == "CONFIRMED" and kept.slot.starts_at > moment
    found = elsewhere.hours(session, scope_of(somebody), kept, now=moment) if may_move else []
    return render_template(
        "day/move.html",
        errors=errors,
        community=kept.community,
        reference=reference,
        name=staff_words.person(kept.request.family_name, kept.request.given_name),
        when=wording.day_and_hour(kept.slot.starts_at, zone, now=moment),
        professional=kept.professional.name,
        may_move=may_move,
        hours=[
            {
                "value": each.slot,
                "text": wording.capital(wording.day_and_hour(each.starts_at, zone, now=moment)),
                "hint": f"{each.professional_name}, {each.site_name}",
            }
            for each in found
        ],
        may_look_farther=somebody.role is Role.SECRETARY,
        **_told_how(kept),
    )


def _told_how(kept: Kept) -> dict[str, Any]:
    return {
        "is_told_by_message": board.is_told_by_message(kept),
        "phone": kept.request.phone and wording.spaced(kept.request.phone),
    }


@moves.post("/journee/rendez-vous/<uuid:reference>/deplacer")
@guards.open_to(*CARERS)
def move(reference: UUID) -> ResponseReturnValue:
    """Give the appointment another hour of one's own days: its patient is told at once."""
    moment, somebody = now(), guards.identity()
    slot = staff_forms.a_reference(request.form.get("creneau"))
    if slot is None:
        return _refused(reference, _("Choisissez une heure"), 422)
    try:
        with transaction(db.session) as session:
            kept = day_sheet.theirs(session, reference, lock=True)
            elsewhere.move(
                session,
                scope_of(somebody),
                kept,
                slot,
                by=str(somebody.account),
                links=equipment().links,
                now=moment,
            )
            moved = change.by_reference(session, somebody.community_id, reference)
            day = local_day(moved.slot.starts_at, moved.community.zone)
            back = url_for(
                "day.show",
                jour=day,
                deplace="dit" if board.is_told_by_message(moved) else "appeler",
                _anchor=f"c-{moved.slot.reference}",
            )
    except NotTheirs:
        abort(404)
    except SlotTaken:
        taken = _("Cette heure vient d’être prise, ou ne convient pas à cette demande")
        return _refused(reference, taken, 409)
    except change.TooLate:
        return _refused(reference, _("Ce rendez-vous a commencé : il ne change plus."), 409)
    return redirect(back, 303)


def _refused(reference: UUID, sentence: str, status: int) -> ResponseReturnValue:
    with transaction(db.session) as session:
        return _page(session, reference, {"creneau": sentence}, now()), status


# Another site


@dataclass(frozen=True)
class Asked:
    """Whose time goes to another site: what is left of a day, or one appointment of it."""

    community: Community
    places: list[Place]
    day: datetime
    entries: list[Entry]
    booking: UUID | None


def _asked(session: Session, said: Mapping[str, str], moment: datetime) -> Asked | None:
    """Read whom and when, or end the visit; None where nobody was named yet."""
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    able = elsewhere.relocatable(session, scope)
    if booking := staff_forms.a_reference(said.get("rdv")):
        kept = day_sheet.theirs(session, booking)
        entries = elsewhere.of_booking(session, scope, kept, now=moment)
        who = kept.professional.reference
        return Asked(community, able.get(who, []), kept.slot.starts_at, entries, booking)
    who_asked = staff_forms.a_reference(said.get("qui"))
    if who_asked is None and len(able) != 1:
        return None
    who = who_asked or next(iter(able))
    if who not in able:
        abort(404)
    day = day_bounds(_day(said, community, moment), community.zone)[0]
    entries = elsewhere.coming(session, scope, who, day, now=moment)
    return Asked(community, able[who], day, entries, None)


def _day(said: Mapping[str, str], community: Community, moment: datetime) -> Any:
    today = local_day(moment, community.zone)
    try:
        return staff_forms.a_day(said["jour"], today) if said.get("jour") else today
    except ValueError:
        return today


@moves.get("/journee/lieu")
@guards.open_to(*CARERS)
def place() -> ResponseReturnValue:
    """Show whose day, or which appointment, goes to another site, and who is told how."""
    with transaction(db.session) as session:
        return _place_page(session, staff_forms.typed(request.args), {}, now())


def _place_page(
    session: Session,
    said: Mapping[str, str],
    errors: dict[str, str],
    moment: datetime,
    done: Relocated | None = None,
) -> str:
    asked = _asked(session, said, moment)
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    day = local_day(asked.day, community.zone) if asked else _day(said, community, moment)
    return render_template(
        "day/place.html",
        errors=errors,
        community=community,
        day=day,
        title=wording.capital(wording.weekday_and_day(day)),
        people=[
            {"professional": who, "name": places[0].professional_name}
            for who, places in elsewhere.relocatable(session, scope).items()
        ],
        asked=asked and _told(session, asked),
        done=done and _said_of(done),
    )


def _told(session: Session, asked: Asked) -> dict[str, Any]:
    zone = asked.community.zone
    booked = [each for each in asked.entries if each.state is State.BOOKED and each.coming]
    silent = [
        kept
        for each in booked
        if each.coming
        and not board.is_told_by_message(kept := _kept_of(session, each.coming.booking))
    ]
    return {
        "professional": asked.places[0].professional if asked.places else None,
        "name": asked.entries[0].professional_name if asked.entries else "",
        "booking": asked.booking,
        "booked": [
            {
                "from": wording.hour(each.starts_at, zone),
                "name": staff_words.person(each.coming.family_name, each.coming.given_name),
                "site": each.site_name,
            }
            for each in booked
            if each.coming
        ],
        "free": len(asked.entries) - len(booked),
        "silent": [_to_call(kept) for kept in silent],
        "sites": [
            {"value": place.site, "text": place.site_name}
            for place in asked.places
            if any(each.site != place.site for each in asked.entries)
        ],
    }


def _kept_of(session: Session, booking: UUID) -> Kept:
    return change.by_reference(session, guards.identity().community_id, booking)


def _to_call(kept: Kept) -> dict[str, Any]:
    asked = kept.request
    return {
        "name": staff_words.person(asked.family_name, asked.given_name),
        "phone": asked.phone and wording.spaced(asked.phone),
    }


def _said_of(done: Relocated) -> dict[str, Any]:
    return {
        "slots": done.slots,
        "stayed": done.stayed,
        "to_call": [_to_call(kept) for kept in done.to_call],
    }


@moves.post("/journee/lieu")
@guards.open_to(*CARERS)
def relocate() -> ResponseReturnValue:
    """Take what is left of a day, or one appointment, to another site: patients are told at once.

    The answer says whom to telephone: a page of its own would have to keep that somewhere.
    """
    moment, somebody = now(), guards.identity()
    said = staff_forms.typed(request.form)
    site = staff_forms.a_reference(said.get("lieu"))
    try:
        with transaction(db.session) as session:
            asked = _asked(session, said, moment)
            if asked is None or site is None:
                wrong = {"lieu": _("Choisissez le nouveau lieu")}
                return _place_page(session, said, wrong, moment), 422
            done = elsewhere.relocate(
                session,
                scope_of(somebody),
                asked.entries,
                site,
                by=somebody.account,
                links=equipment().links,
                now=moment,
            )
            return _place_page(session, said, {}, moment, done)
    except NotTheirs:
        abort(404)
    except elsewhere.NotSuited as refused:
        name = staff_words.person(refused.kept.request.family_name, refused.kept.request.given_name)
        sentence = _(
            "Ce lieu n’a pas ce qu’il faut pour %(name)s : déplacez d’abord ce rendez-vous",
            name=name,
        )
    except change.TooLate:
        sentence = _("Un de ces rendez-vous vient de changer. Regardez, puis recommencez.")
    with transaction(db.session) as session:
        return _place_page(session, said, {"lieu": sentence}, moment), 409


@moves.get("/journee/lieu/<uuid:reference>")
@guards.open_to(*CARERS)
def brought_back(reference: UUID) -> ResponseReturnValue:
    """Show whom to telephone after a change of site was taken back: no message reaches them."""
    with transaction(db.session) as session:
        try:
            to_call = acts.to_call(session, scope_of(guards.identity()), reference)
        except acts.NoSuchAct:
            abort(404)
        return render_template(
            "day/brought_back.html",
            to_call=[_to_call(kept) for kept in to_call],
            lost=staff_forms.a_count(request.args.get("perdus")),
        )
