"""The day of a professional, or of a practice: who comes, when, and what became of them."""

from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import (
    acts,
    blocking,
    board,
    elsewhere,
    lately,
    news,
    outcomes,
    supply,
    undelivered,
)
from booking.desk.board import Scope
from booking.desk.news import What
from booking.extensions import db, now
from booking.web import (
    day_end,
    day_moves,
    day_sheet,
    day_slots,
    day_table,
    staff_forms,
    staff_words,
    wording,
)
from booking.web.day_table import Day
from booking.web.staff_access import CARERS, scope_of
from config.clock import day_bounds, local_day
from config.database import transaction
from schedules.models import ActKind, Community

__all__ = ["CARERS", "day", "scope_of"]

day = Blueprint("day", __name__)
for pages in (day_sheet.sheet, day_slots.slots, day_moves.moves, day_end.end):
    day.register_blueprint(pages)

ONE_DAY = date.resolution

SEAL = "X-Vu"
"""The header by which a page that looks again says what it shows."""

LOOKED_AT = ("counted", "lines", "columns", "idle", "news", "done", "without_outcome")
"""What may have changed on a page that is open."""

HAPPENED = {
    What.TAKEN: lazy("Nouveau"),
    What.MOVED: lazy("Déplacé"),
    What.CANCELLED: lazy("Annulé"),
}


@day.get("/journee")
@guards.open_to(*CARERS)
def show() -> ResponseReturnValue:
    """Show one day: a table with a column for each professional; what is new; what can be undone.

    A page that looks again and shows all of it already is answered 204.
    """
    moment = now()
    with transaction(db.session) as session:
        shown, errors = _shown(session, moment)
    seal = sha256(repr([shown[name] for name in LOOKED_AT]).encode()).hexdigest()[:16]
    if request.headers.get(SEAL) == seal:
        return "", 204
    return render_template("day/show.html", errors=errors, seal=seal, **shown), (
        422 if errors else 200
    )


def _shown(session: Session, moment: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    today = local_day(moment, community.zone)
    chosen, errors = _day_asked_for(today)
    places, sites = supply.places(session, scope), board.sites(session, scope)
    site = _one_of("lieu", {s.reference for s in sites})
    whose = _one_of("pro", {p.professional for p in places})
    bounds = day_bounds(chosen, community.zone)
    reasons = blocking.reasons(session, scope, now=moment)
    entries = board.day(session, scope, bounds, site=site, blocked=reasons, now=moment)
    bookings = [e.coming.booking for e in entries if e.coming]
    told = _news(session, scope, community, moment)
    of_day = Day(
        community=community,
        entries=entries,
        reasons=reasons,
        new={each["booking"] for each in told},
        untold=undelivered.of_bookings(session, scope.community_id, bookings),
        now=moment,
    )
    due = outcomes.without(session, scope, bounds, now=moment)
    return {
        "title": _titled(chosen, today),
        "community": community,
        "shown": chosen,
        "today": today,
        "previous": chosen - ONE_DAY,
        "following": chosen + ONE_DAY,
        "kept": {k: v for k, v in (("lieu", site), ("pro", whose)) if v},
        "sites": sites,
        "site": site,
        "whose": whose,
        "counted": day_table.counted(of_day),
        "news": told,
        "news_until": moment.isoformat() if told else "",
        "without_outcome": len(due),
        "done": _done(session, scope, community, moment),
        "lost": staff_forms.a_count(request.args.get("perdus")),
        "too_late": "trop_tard" in request.args,
        "moved": request.args.get("deplace"),
        "may_relocate": bool(elsewhere.relocatable(session, scope)),
        **day_table.laid_out(of_day, places, whose),
    }, errors


def _day_asked_for(today: date) -> tuple[date, dict[str, str]]:
    asked = request.args.get("jour", "")
    try:
        return (staff_forms.a_day(staff_forms.clean(asked), today) if asked else today), {}
    except ValueError:
        return today, {"jour": _("Cette date n’existe pas, ou elle est trop loin")}


def _one_of(name: str, theirs: set[UUID]) -> UUID | None:
    """Return what the address asks for, if it is this account's own; else the visit ends."""
    asked = request.args.get(name)
    found = staff_forms.a_reference(asked)
    if asked and found not in theirs:
        abort(404)
    return found


def _titled(shown: date, today: date) -> str:
    said = wording.weekday_and_day(shown)
    if shown == today:
        return str(_("Aujourd’hui, %(day)s", day=said))
    return said[0].upper() + said[1:]


def _news(
    session: Session, scope: Scope, community: Community, moment: datetime
) -> list[dict[str, Any]]:
    since_day = day_bounds(local_day(moment, community.zone), community.zone)[0]
    account = guards.identity().account
    return [
        {
            "booking": each.booking,
            "word": HAPPENED[each.what],
            "is_gone": each.what is What.CANCELLED,
            "name": staff_words.person(each.family_name, each.given_name),
            "when": wording.short_day_and_hour(each.starts_at, community.zone, now=moment),
            "who": each.professional_name,
        }
        for each in news.news(session, scope, account, since_day=since_day, now=moment)
    ]


def _done(
    session: Session, scope: Scope, community: Community, moment: datetime
) -> list[dict[str, Any]]:
    """Return what this account did in the last minutes, the last first, and how to undo each."""
    account = guards.identity().account
    to_slots: list[dict[str, Any]] = [
        {
            "at": each.at,
            "what": _act(each, community),
            "url": url_for("day.slots.take_back", reference=each.act),
            "fields": {},
        }
        for each in blocking.recent(session, scope, by=account, now=moment)
    ]
    to_patients = [
        {"at": each.at, **_to_patient(each, community, moment)}
        for each in lately.noted(session, scope, account, now=moment)
        if each.left or each.before in day_sheet.WORD_OF
    ]
    done = sorted([*to_slots, *to_patients], key=lambda each: each["at"], reverse=True)
    return [each | {"hour": wording.hour(each["at"], community.zone)} for each in done]


def _to_patient(note: lately.Note, community: Community, moment: datetime) -> dict[str, Any]:
    """Say what was done to an appointment; a move is undone by a move, told like any other."""
    name = staff_words.person(note.family_name, note.given_name)
    if note.left:
        former = wording.short_day_and_hour(note.left.starts_at, community.zone, now=moment)
        return {
            "what": _("%(name)s : déplacé, avant : %(when)s", name=name, when=former),
            "url": url_for("day.moves.move", reference=note.booking),
            "fields": {"creneau": note.left.reference},
        }
    return {
        "what": f"{name} : {staff_words.BOOKINGS[note.status]}",
        "url": url_for("day.sheet.note", reference=note.booking),
        "fields": {"state": day_sheet.WORD_OF[note.before]},
    }


def _act(done: acts.Done, community: Community) -> str:
    """Return « 11 h 00 – 11 h 40 : retiré, Dr Bernard »."""
    said = {
        ActKind.PUBLISHED: _("ouvert"),
        ActKind.WITHDRAWN: _("retiré"),
        ActKind.RELOCATED: _("lieu changé"),
    }.get(done.kind)
    if said is None or not done.slots:
        return str(_("Plages de %(who)s", who=done.professional_name))
    begins = wording.hour(done.slots[0].starts_at, community.zone)
    ends = wording.hour(done.slots[-1].ends_at, community.zone)
    return f"{begins} – {ends} : {said}, {done.professional_name}"
