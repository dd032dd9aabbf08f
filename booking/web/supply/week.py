"""Screen D3: seven days of one's slots: free, taken, kept; one tap closes the rest of a day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from booking import guards
from booking.desk import supply as desk
from booking.desk.board import OF_BOOKING, Entry, State
from booking.extensions import db, now
from booking.web import staff_forms, staff_words, wording
from booking.web.staff_access import CARERS
from booking.web.supply.door import Room, room, supply
from config.clock import local_day
from config.database import transaction
from schedules.openings import MOST_AT_ONCE

ONE_DAY = date.resolution

LOOKS = {
    State.FREE: "free",
    State.HELD: "held",
    State.BOOKED: "booked",
    State.ARRIVED: "arrived",
    State.SEEN: "arrived",
    State.MISSED: "gone",
    State.UNUSED: "gone",
    State.CLOSED: "closed",
    State.BLOCKED: "closed",
}
"""The shape and colour of each; blocked ones are shown in the day."""


@supply.get("/creneaux/semaine")
@guards.open_to(*CARERS)
def week() -> ResponseReturnValue:
    """Show seven days from the one that was asked for: today, unless another was."""
    with transaction(db.session) as session:
        here = room(session, now())
        first, errors = _first_day(here)
        entries = desk.week(session, here.scope, here.community, first, now=here.now)
        page = here.shown(
            "supply/week.html",
            errors=errors,
            page="semaine",
            first=first,
            title=_("Ma semaine") if here.scope.professional_id else _("La semaine du cabinet"),
            previous=first - desk.WEEK,
            following=first + desk.WEEK,
            tally=_tally(entries),
            has_sites=len({entry.site for entry in entries}) > 1,
            days=[_day(here, first + n * ONE_DAY, entries) for n in range(desk.WEEK.days)],
            left=_left_today(here, entries),
        )
    return page, 422 if errors else 200


def _first_day(here: Room) -> tuple[date, dict[str, str]]:
    asked = staff_forms.clean(request.args.get("jour", ""))
    try:
        return (staff_forms.a_day(asked, here.today) if asked else here.today), {}
    except ValueError:
        return here.today, {"jour": _("Cette date n’existe pas, ou elle est trop loin")}


def _tally(entries: Sequence[Entry]) -> str:
    states = [entry.state for entry in entries]
    taken = len([s for s in states if s in OF_BOOKING.values()])
    parts = [
        ngettext("%(num)d rendez-vous", "%(num)d rendez-vous", taken),
        staff_words.counted(states.count(State.FREE), _("libre"), _("libres")),
    ]
    if held := states.count(State.HELD):
        parts.append(_("%(count)s en cours de réservation", count=held))
    if closed := states.count(State.CLOSED):
        parts.append(ngettext("%(num)d fermé", "%(num)d fermés", closed))
    return " · ".join(parts)


def _day(here: Room, day: date, entries: Sequence[Entry]) -> dict[str, Any]:
    zone = here.community.zone
    in_day = sorted(
        (e for e in entries if local_day(e.starts_at, zone) == day),
        key=lambda e: (e.starts_at, e.professional_name),
    )
    return {
        "title": wording.capital(wording.weekday_and_day(day)),
        "is_today": day == here.today,
        "is_past": day < here.today,
        "slots": [_told(here, entry) for entry in in_day],
    }


def _told(here: Room, entry: Entry) -> dict[str, Any]:
    zone = here.community.zone
    return {
        "slot": entry.slot,
        "from": wording.hour(entry.starts_at, zone),
        "until": wording.hour(entry.ends_at, zone),
        "word": staff_words.STATES[entry.state],
        "look": LOOKS[entry.state],
        "is_free": entry.state is State.FREE,
        "booking": entry.coming and entry.coming.booking,
        "who": entry.professional_name,
        "is_own": here.scope.professional_id is not None,
        "site": entry.site_name,
    }


def _left_today(here: Room, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return who still offers free slots today, with how many."""
    zone = here.community.zone
    free = [
        e for e in entries if e.state is State.FREE and local_day(e.starts_at, zone) == here.today
    ]
    people = dict.fromkeys((e.professional, e.professional_name) for e in free)
    return [
        {
            "professional": who,
            "name": name,
            "count": len([e for e in free if e.professional == who]),
        }
        for who, name in people
    ]


@supply.post("/creneaux/fermer")
@guards.open_to(*CARERS)
def close() -> ResponseReturnValue:
    """Take back what is still free today: a bad morning, in one tap, with « Annuler »."""
    who = staff_forms.a_reference(request.form.get("professional"))
    if who is None:
        abort(404)
    with transaction(db.session) as session:
        here = room(session, now())
        gone, stay = desk.close_rest(
            session, here.scope, here.community, who, by=here.account, now=here.now
        )
    return redirect(url_for("supply.week", retires=gone, restent=stay), 303)


@supply.post("/creneaux/retirer")
@guards.open_to(*CARERS)
def withdraw() -> ResponseReturnValue:
    """Take these slots back; one that a patient holds or has booked in the meantime stays."""
    wanted = staff_forms.references(request.form.getlist("slot"), most=MOST_AT_ONCE)
    try:
        with transaction(db.session) as session:
            here = room(session, now())
            gone = desk.withdraw(session, here.scope, wanted, by=here.account, now=here.now)
    except desk.NotTheirs:
        abort(404)
    back = staff_forms.clean(request.form.get("jour", ""))[:10] or None
    return redirect(url_for("supply.week", retires=gone, gardes=len(wanted) - gone, jour=back), 303)
