"""The page of calendars: links by which a calendar of one's own shows when patients come."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board, feeds
from booking.desk.supply import NotTheirs
from booking.extensions import db, equipment, now
from booking.models import Role
from booking.web import busy, own_help, staff_forms, wording
from booking.web.day import CARERS, scope_of
from booking.web.staff_forms import FormRefused
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules.models import Community

agendas = Blueprint("agendas", __name__)


@agendas.get("/agendas")
@guards.open_to(*CARERS)
def show() -> ResponseReturnValue:
    """Show the links in use, and the form that makes another."""
    with transaction(db.session) as session:
        return _page(session, now())


@agendas.post("/agendas")
@guards.open_to(*CARERS)
def make() -> ResponseReturnValue:
    """Make a link and answer with it, here and nowhere else, once."""
    moment, somebody = now(), guards.identity()
    whose = staff_forms.clean(request.form.get("whose", ""))
    try:
        with transaction(db.session) as session:
            token = feeds.make(session, scope_of(somebody), whose, by=somebody.account, now=moment)
            page = _page(session, moment, address=equipment().links.feed(token))
    except NotTheirs:
        abort(404)
    logs.event("feed_made", actor=somebody.account)
    # The POST itself answers: an address that is kept for a redirect would be kept somewhere.
    return page, 201


@agendas.post("/agendas/<uuid:reference>/arreter")
@guards.open_to(*CARERS)
def end(reference: UUID) -> ResponseReturnValue:
    """End a link at once: the next calendar that asks is told that it is gone."""
    somebody = guards.identity()
    try:
        with transaction(db.session) as session:
            feeds.end(session, scope_of(somebody), reference, now=now())
    except NotTheirs:
        abort(404)
    logs.event("feed_ended", about=reference, actor=somebody.account)
    return redirect(url_for("agendas.show"), 303)


@agendas.post("/agendas/sollicitations")
@guards.open_to(Role.PROFESSIONAL)
def keep_help() -> ResponseReturnValue:
    """Keep whether one wants to be asked when nothing is free, and on which mobile."""
    typed = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        try:
            own_help.keep(session, typed)
        except FormRefused as wrong:
            return _page(session, now(), typed=typed, errors=wrong.errors), 422
    logs.event("help_wish_changed", actor=guards.identity().account)
    return redirect(url_for("agendas.show", sollicite=1, _anchor="sollicitations"), 303)


def _page(
    session: Session,
    moment: datetime,
    *,
    address: str | None = None,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    return render_template(
        "agendas/show.html",
        errors=errors or {},
        community=community,
        address=address,
        choices=[
            {"value": whose.key, "text": ", ".join(whose.names)}
            for whose in feeds.choices(session, scope)
        ],
        links=[_told(each, community, moment) for each in feeds.listed(session, scope)],
        busy=busy.section(session, scope, community, moment),
        helps=own_help.section(session, community, moment, typed, errors),
    )


def _told(link: feeds.Listed, community: Community, moment: datetime) -> dict[str, Any]:
    zone, read = community.zone, link.last_read_at
    return {
        "reference": link.reference,
        "whose": ", ".join(link.whose.names),
        "since": wording.birth_day(local_day(link.created_at, zone)),
        "read": wording.day_and_hour(read, zone, now=moment) if read else _("jamais"),
    }
