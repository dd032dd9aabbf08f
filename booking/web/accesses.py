"""The coordinator's journal: who has opened or changed whose file, and what is unusual in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.audit import reading, unit
from booking.audit.reading import Wanted
from booking.desk import board
from booking.extensions import db, equipment, now
from booking.models import Action, Role
from booking.retention import Kind
from booking.web import access_words, staff_forms, wording
from booking.web.staff_forms import FormRefused
from config import logs
from config.clock import local_day
from config.database import transaction
from notifications.phones import PhoneInvalid, parse
from schedules.models import Community

accesses = Blueprint("accesses", __name__)

DAY, MEMBER, PHONE = "jour", "membre", "telephone"
"""Fields. They are posted: a number stands in no address, and so in no history of a browser."""


@dataclass(frozen=True)
class Asked:
    """Whose journal is asked for, and what was typed."""

    session: Session
    community: Community
    typed: Mapping[str, str]


@accesses.get("/coordination/acces")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show what was done today, and what was unusual this week."""
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        today = str(local_day(now(), community.zone))
        return _page(Asked(session, community, {DAY: today}))


@accesses.post("/coordination/acces")
@guards.open_to(Role.COORDINATOR)
def search() -> ResponseReturnValue:
    """Show what was done on a day, by a member, to the requests of a phone number."""
    with transaction(db.session) as session:
        return _page(_asked(session))


@accesses.post("/coordination/acces.csv")
@guards.open_to(Role.COORDINATOR)
def export() -> ResponseReturnValue:
    """Return the same lines, all of them, as a file; taking it away is a line itself."""
    with transaction(db.session) as session:
        asked = _asked(session)
        try:
            found = reading.accesses(session, asked.community, _wanted(asked), most=None)
        except FormRefused:
            return _page(asked)
        content = access_words.table(access_words.cells(each, asked.community) for each in found)
        unit.note(Action.EXPORT, community_id=asked.community.id, count=len(found))
    logs.event("accesses_exported", actor=guards.identity().account, count=len(found))
    answer = Response(content, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = "attachment; filename=acces.csv"
    return answer


def _asked(session: Session) -> Asked:
    community = board.community_of(session, guards.identity().community_id)
    return Asked(session, community, staff_forms.typed(request.form))


def _wanted(asked: Asked) -> Wanted:
    """Return which lines are wanted.

    Raises:
        FormRefused: for a day that is none, or a number that is none.
    """
    said, errors = asked.typed, dict[str, str]()
    day, about = None, None
    try:
        today = local_day(now(), asked.community.zone)
        day = staff_forms.a_day(said[DAY], today) if said.get(DAY) else None
    except ValueError:
        errors[DAY] = str(_("Écrivez le jour ainsi : 27/11/2026"))
    try:
        if said.get(PHONE):
            phone = parse(said[PHONE]).e164
            about = reading.of_phone(asked.session, asked.community.id, phone)
    except PhoneInvalid:
        errors[PHONE] = str(_("Ce numéro n’est pas compris. Exemple : 06 12 34 56 78"))
    if errors:
        raise FormRefused(errors)
    return Wanted(day, staff_forms.a_reference(said.get(MEMBER)), about)


def _page(asked: Asked) -> ResponseReturnValue:
    session, community, errors = asked.session, asked.community, dict[str, str]()
    try:
        found = reading.accesses(session, community, _wanted(asked), most=reading.MOST + 1)
    except FormRefused as wrong:
        found, errors = [], dict(wrong.errors)
    page = render_template(
        "coordination/accesses.html",
        errors=errors,
        community=community,
        typed=asked.typed,
        head=access_words.head(),
        lines=[access_words.cells(each, community) for each in found[: reading.MOST]],
        is_cut=len(found) > reading.MOST,
        most=reading.MOST,
        kept=equipment().terms[Kind.AUDIT].days,
        members=[
            {"value": str(each.reference), "text": each.display_name}
            for each in reading.members(session, community.id)
        ],
        unusual=_unusual(session, community),
    )
    return page, 422 if errors else 200


def _unusual(session: Session, community: Community) -> list[dict[str, Any]]:
    return [
        {
            "day": wording.weekday_and_day(each.day),
            "name": each.name,
            "count": each.count,
            "why": access_words.WHY[each.why],
        }
        for each in reading.unusual(session, community, now=now())
    ]
