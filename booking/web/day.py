"""The day of a professional, or of a practice: who comes, when, and what became of them."""

from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board, change
from booking.desk.board import Entry, Scope, State
from booking.extensions import db, equipment, now
from booking.guards import Identity
from booking.models import BookingStatus, CancelledBy, Role
from booking.web import day_grid, staff_forms, staff_words, wording
from config.clock import day_bounds, local_day
from config.database import transaction
from schedules.models import Community

day = Blueprint("day", __name__)

CARERS = (Role.PROFESSIONAL, Role.SECRETARY)
"""Who sees patients by name: those who give the care, and those who keep their day."""

NOTED = {
    "arrived": BookingStatus.ARRIVED,
    "seen": BookingStatus.HONOURED,
    "missed": BookingStatus.NO_SHOW,
    "expected": BookingStatus.CONFIRMED,
}

ONE_DAY = date.resolution


def scope_of(somebody: Identity) -> Scope:
    """Return whose slots and appointments this account may see and change."""
    return Scope(somebody.community_id, somebody.professional_id, somebody.site_ids)


@day.get("/journee")
@guards.open_to(*CARERS)
def show() -> ResponseReturnValue:
    """Show one day: a table with a column each for several professionals, a list for one."""
    moment = now()
    scope = scope_of(guards.identity())
    with transaction(db.session) as session:
        community = board.community_of(session, scope.community_id)
        today = local_day(moment, community.zone)
        shown, errors = _day_asked_for(today)
        sites = board.sites(session, scope)
        site = staff_forms.a_reference(request.args.get("lieu"))
        if request.args.get("lieu") and site not in {s.reference for s in sites}:
            abort(404)
        entries = board.day(
            session, scope, day_bounds(shown, community.zone), site=site, now=moment
        )
    page = render_template(
        "day/show.html",
        errors=errors,
        community=community,
        title=_titled(shown, today),
        shown=shown,
        today=today,
        previous=shown - ONE_DAY,
        following=shown + ONE_DAY,
        sites=sites,
        site=site,
        counted=_counted(entries),
        **_laid_out(entries, community, moment),
    )
    return page, 422 if errors else 200


def _day_asked_for(today: date) -> tuple[date, dict[str, str]]:
    asked = request.args.get("jour", "")
    try:
        return (staff_forms.a_day(staff_forms.clean(asked), today) if asked else today), {}
    except ValueError:
        return today, {"jour": _("Cette date n’existe pas, ou elle est trop loin")}


def _titled(shown: date, today: date) -> str:
    said = wording.weekday_and_day(shown)
    if shown == today:
        return str(_("Aujourd’hui, %(day)s", day=said))
    return said[0].upper() + said[1:]


def _counted(entries: list[Entry]) -> str:
    states = [entry.state for entry in entries]
    booked = len([s for s in states if s in board.OF_BOOKING.values()])
    free = states.count(State.FREE)
    missed = states.count(State.MISSED)
    parts = [
        ngettext("%(num)d rendez-vous", "%(num)d rendez-vous", booked),
        staff_words.counted(free, _("libre"), _("libres")),
    ]
    if missed:
        parts.append(staff_words.counted(missed, _("absent"), _("absents")))
    return " · ".join(parts)


def _laid_out(entries: list[Entry], community: Community, moment: datetime) -> dict[str, Any]:
    """Return the columns, and the lines of the table unless a list was asked for."""
    columns = [list(column) for _, column in groupby(entries, key=lambda e: e.professional)]
    as_list = request.args.get("vue", "table" if len(columns) > 1 else "list") != "table"
    return {
        "as_list": as_list,
        "columns": [
            {
                "name": column[0].professional_name,
                "entries": [_told(e, community, moment) for e in column],
            }
            for column in columns
        ],
        "lines": [
            {
                "hour": wording.hour(line.starts_at, community.zone),
                "is_hour": line.starts_at.astimezone(community.zone).minute == 0,
                "cells": [
                    cell
                    and {
                        "lines": cell.lines,
                        "entries": [_told(e, community, moment) for e in cell.entries],
                    }
                    for cell in line.cells
                ],
            }
            for line in ([] if as_list else day_grid.lines(columns))
        ],
    }


def _told(entry: Entry, community: Community, moment: datetime) -> dict[str, Any]:
    """Return a moment of the day as its cell shows it: words, and nothing to look up."""
    zone, coming = community.zone, entry.coming
    told: dict[str, Any] = {
        "state": entry.state.value,
        "word": staff_words.STATES[entry.state],
        "from": wording.hour(entry.starts_at, zone),
        "until": wording.hour(entry.ends_at, zone),
        "professional": entry.professional_name,
        "site": entry.site_name,
    }
    if entry.state is State.HELD and entry.kept_until:
        ends = wording.hour(entry.kept_until, zone)
        told["word"] = _("En cours de réservation jusqu’à %(hour)s", hour=ends)
    if coming:
        protocol = equipment().protocol(wording.language(), community.id)
        told |= {
            "booking": coming.booking,
            "name": staff_words.person(coming.family_name, coming.given_name),
            "age": staff_words.age(coming.birth_date, coming.age_months, local_day(moment, zone)),
            "complaints": staff_words.complaints(coming.complaints, protocol),
            "phone": coming.phone and wording.spaced(coming.phone),
            "note": coming.note,
            "level": staff_words.LEVELS[coming.level],
        }
    return told


@day.get("/journee/rendez-vous/<uuid:reference>")
@guards.open_to(*CARERS)
def sheet(reference: UUID) -> ResponseReturnValue:
    """Show one appointment: who comes and why, and what can be noted of it."""
    with transaction(db.session) as session:
        return _sheet(_theirs(session, reference), {}, now())


def _theirs(session: Session, reference: UUID, *, lock: bool = False) -> change.Kept:
    """Return an appointment of this account's own scope; any other is not there at all."""
    scope = scope_of(guards.identity())
    try:
        kept = change.by_reference(session, scope.community_id, reference, lock=lock)
    except change.NoSuchBooking:
        abort(404)
    if not scope.holds(kept.slot):
        abort(404)
    return kept


def _sheet(kept: change.Kept, errors: dict[str, str], moment: datetime) -> str:
    zone, request_ = kept.community.zone, kept.request
    has_begun = kept.slot.starts_at <= moment
    status = kept.booking.status
    return render_template(
        "day/sheet.html",
        errors=errors,
        community=kept.community,
        reference=kept.booking.reference,
        name=staff_words.person(request_.family_name, request_.given_name),
        age=staff_words.age(request_.birth_date, request_.age_months, local_day(moment, zone)),
        when=wording.day_and_hour(kept.slot.starts_at, zone, now=moment),
        day=local_day(kept.slot.starts_at, zone),
        professional=kept.professional.name,
        site=kept.site.name,
        status=status.value,
        word=staff_words.BOOKINGS[status],
        level=staff_words.LEVELS[kept.booking.level],
        complaints=staff_words.complaints(
            request_.complaints, equipment().protocol(wording.language(), kept.community.id)
        ),
        note=request_.note,
        phone=request_.phone and wording.spaced(request_.phone),
        may_leave_message=request_.may_leave_message,
        code=kept.booking.code,
        is_told_by_message=board.is_told_by_message(kept),
        may_note=status is not BookingStatus.CANCELLED,
        may_miss=has_begun,
        may_cancel=status is BookingStatus.CONFIRMED and not has_begun,
    )


@day.post("/journee/rendez-vous/<uuid:reference>/etat")
@guards.open_to(*CARERS)
def note(reference: UUID) -> ResponseReturnValue:
    """Note that the patient arrived, was seen or did not come, or correct what was noted."""
    moment = now()
    status = NOTED.get(request.form.get("state", ""))
    if status is None:
        abort(400)
    with transaction(db.session) as session:
        kept = _theirs(session, reference, lock=True)
        if status is BookingStatus.NO_SHOW and kept.slot.starts_at > moment:
            sentence = _("L’heure du rendez-vous n’est pas encore passée")
            return _sheet(kept, {"state": sentence}, moment), 422
        try:
            change.note(session, kept, status, by=str(guards.identity().account), now=moment)
        except change.TooLate:
            return _sheet(kept, {"state": _("Ce rendez-vous a été annulé")}, moment), 422
    return redirect(url_for("day.sheet", reference=reference), 303)


@day.get("/journee/rendez-vous/<uuid:reference>/annuler")
@guards.open_to(*CARERS)
def before_cancelling(reference: UUID) -> ResponseReturnValue:
    """Ask before an appointment is cancelled: the patient is told at once."""
    with transaction(db.session) as session:
        kept = _theirs(session, reference)
        if kept.booking.status is not BookingStatus.CONFIRMED:
            return redirect(url_for("day.sheet", reference=reference), 303)
        return render_template(
            "day/cancel.html",
            errors={},
            community=kept.community,
            reference=reference,
            name=staff_words.person(kept.request.family_name, kept.request.given_name),
            when=wording.day_and_hour(kept.slot.starts_at, kept.community.zone, now=now()),
            is_told_by_message=board.is_told_by_message(kept),
            phone=kept.request.phone and wording.spaced(kept.request.phone),
        )


@day.post("/journee/rendez-vous/<uuid:reference>/annuler")
@guards.open_to(*CARERS)
def cancel(reference: UUID) -> ResponseReturnValue:
    """Cancel an appointment for the practice: the slot is free, the request open again."""
    moment = now()
    with transaction(db.session) as session:
        kept = _theirs(session, reference, lock=True)
        try:
            change.cancel(
                session,
                kept,
                cancelled_by=CancelledBy.PRACTICE,
                by=str(guards.identity().account),
                links=equipment().links,
                now=moment,
            )
        except change.TooLate:
            sentence = _("L’heure du rendez-vous est passée, ou la personne est arrivée")
            return _sheet(kept, {"state": sentence}, moment), 422
    return redirect(url_for("day.sheet", reference=reference), 303)
