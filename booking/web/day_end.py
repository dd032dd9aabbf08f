"""The two ends of a day: the sheet that is printed in the morning, the outcomes of the evening."""

from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import blocking, board, news, outcomes
from booking.desk.outcomes import Outcome
from booking.extensions import db, equipment, now
from booking.web import day_table, staff_forms, wording
from booking.web.day_table import Day
from booking.web.staff_access import CARERS, scope_of
from config.clock import day_bounds, local_day
from config.database import transaction

end = Blueprint("end", __name__)

FIELD = "issue-"
"""What the name of an appointment's field begins with; its reference follows."""


def _day(said: str | None, today: date) -> date:
    try:
        return staff_forms.a_day(staff_forms.clean(said or ""), today)
    except ValueError:
        return today


def _of_day(session: Session, moment: datetime) -> tuple[date, Day]:
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    shown = _day(request.args.get("jour"), local_day(moment, community.zone))
    reasons = blocking.reasons(session, scope, now=moment)
    bounds = day_bounds(shown, community.zone)
    entries = board.day(session, scope, bounds, blocked=reasons, now=moment)
    return shown, Day(community, entries, reasons, (), (), moment)


@end.get("/journee/feuille")
@guards.open_to(*CARERS)
def paper() -> ResponseReturnValue:
    """Show the day as it is printed or saved each morning: a page for each professional.

    With it a practice goes on when neither power nor network does: who comes, whom to call, and
    the signs without which nobody is given a free place.
    """
    moment = now()
    with transaction(db.session) as session:
        shown, of_day = _of_day(session, moment)
        protocol = equipment().protocol(wording.language(), of_day.community.id)
        return render_template(
            "day/paper.html",
            errors={},
            community=of_day.community,
            day=shown,
            title=wording.capital(wording.weekday_and_day(shown)),
            printed_at=wording.hour(moment, of_day.community.zone),
            sheets=_sheets(of_day),
            signs=[question.text for question in protocol.universal],
        )


def _sheets(of_day: Day) -> list[dict[str, Any]]:
    by_professional = groupby(of_day.entries, key=lambda entry: entry.professional)
    columns = [list(group) for _who, group in by_professional]
    return [
        {
            "name": column[0].professional_name,
            "sites": list(dict.fromkeys(entry.site_name for entry in column)),
            "entries": [day_table.told(entry, of_day) for entry in column],
        }
        for column in columns
    ]


@end.get("/journee/fin")
@guards.open_to(*CARERS)
def outcomes_form() -> ResponseReturnValue:
    """Show every appointment of a day that began and has no outcome, on one form: « venu »."""
    moment = now()
    with transaction(db.session) as session:
        scope = scope_of(guards.identity())
        community = board.community_of(session, scope.community_id)
        today = local_day(moment, community.zone)
        shown = _day(request.args.get("jour"), today)
        bounds = day_bounds(shown, community.zone)
        due = outcomes.without(session, scope, bounds, now=moment)
        of_day = Day(community, due, {}, (), (), moment)
        return render_template(
            "day/end.html",
            errors={},
            community=community,
            day=shown,
            title=wording.capital(wording.weekday_and_day(shown)),
            field=FIELD,
            due=[day_table.told(entry, of_day) for entry in due],
            noted=staff_forms.a_count(request.args.get("notes")),
        )


@end.post("/journee/fin")
@guards.open_to(*CARERS)
def conclude() -> ResponseReturnValue:
    """Note what became of everybody on the form; who was concluded meanwhile stays as noted."""
    somebody, said = guards.identity(), dict[UUID, Outcome]()
    for name, value in request.form.items():
        booking = staff_forms.a_reference(name.removeprefix(FIELD))
        if name.startswith(FIELD) and booking and value in set(Outcome):
            said[booking] = Outcome(value)
    with transaction(db.session) as session:
        count = outcomes.conclude(
            session, scope_of(somebody), said, by=str(somebody.account), now=now()
        )
    day = staff_forms.clean(request.form.get("jour", "")[:10])
    return redirect(url_for("day.end.outcomes_form", jour=day or None, notes=count), 303)


@end.post("/journee/nouveaux")
@guards.open_to(*CARERS)
def seen() -> ResponseReturnValue:
    """Note that what is new was read: up to what the page showed, nothing that came after."""
    moment, somebody = now(), guards.identity()
    try:
        until = datetime.fromisoformat(request.form.get("jusqua", ""))
    except ValueError:
        until = moment
    if until.tzinfo is None or until > moment:
        until = moment
    with transaction(db.session) as session:
        news.seen(session, scope_of(somebody), somebody.account, until=until)
    day = staff_forms.clean(request.form.get("jour", "")[:10])
    return redirect(url_for("day.show", jour=day or None), 303)
