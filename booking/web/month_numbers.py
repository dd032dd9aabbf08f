"""A past month in numbers, for those to whom the community reports; small ones are hidden."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import sample, statistics
from booking.desk.masking import Row
from booking.desk.sample import Month
from booking.desk.statistics import Ending
from booking.extensions import db, now
from booking.models import Role
from booking.web import staff_words
from booking.web.review import named_month, wanted_month
from config.database import transaction

month_numbers = Blueprint("numbers", __name__)

ENDINGS = {
    Ending.SEEN: lazy("Rendez-vous"),
    Ending.MISSED: lazy("Absent"),
    Ending.HANDED_OVER: lazy("Confiée à d’autres"),
    Ending.CLOSED: lazy("Close sans rendez-vous"),
    Ending.WITHOUT: lazy("Sans réponse"),
}


@month_numbers.get("/coordination/chiffres")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show a whole month by level and ending; the last one where none is asked."""
    moment = now()
    with transaction(db.session) as session:
        community, wanted = wanted_month(session, moment)
        current = sample.this_month(community.zone, now=moment)
        if wanted.first == current:
            wanted = sample.month_of(community, sample.before(current))
        rows = _rows(session, wanted)
    return render_template(
        "coordination/numbers.html",
        errors={},
        community=community,
        **named_month(wanted.first),
        before=sample.before(wanted.first) if wanted.first > sample.FIRST_MONTH else None,
        after=sample.after(wanted.first) if sample.after(wanted.first) < current else None,
        head=[_("Niveau"), *ENDINGS.values(), _("Total")],
        rows=rows,
    )


def _rows(session: Session, wanted: Month) -> list[list[str]]:
    numbers = statistics.of_month(session, wanted)
    return [[str(staff_words.LEVELS[each]), *_cells(row)] for each, row in numbers.by_level.items()]


def _cells(row: Row) -> list[str]:
    """Return counts as they are shown; one that is hidden looks the same, small or not."""
    return [str(_("masqué")) if cell is None else str(cell) for cell in (*row.cells, row.total)]
