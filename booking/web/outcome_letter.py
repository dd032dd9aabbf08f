"""The page of the mail that asks a professional who came: three buttons for each appointment."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import answered_outcomes
from booking.desk.answered_outcomes import Answer, Asked, LetterDied, Line, NoSuchLetter
from booking.extensions import db, now
from booking.models import BookingStatus
from booking.web import staff_forms, wording
from booking.web.errors import remember
from config.clock import local_day
from config.database import transaction

outcomes = Blueprint("outcomes", __name__)

BUTTONS: Mapping[Answer, Any] = {
    Answer.SEEN: lazy("Vu"),
    Answer.MISSED: lazy("Absent"),
    Answer.TO_EMERGENCY: lazy("Aux urgences"),
    Answer.TO_COLLEAGUE: lazy("À un autre soignant"),
    Answer.TO_EXAM: lazy("Pour un examen"),
}
NOTED: Mapping[Answer, Any] = {
    Answer.SEEN: lazy("Vu"),
    Answer.MISSED: lazy("Absent"),
    Answer.TO_EMERGENCY: lazy("Vu, adressé aux urgences"),
    Answer.TO_COLLEAGUE: lazy("Vu, adressé à un autre soignant"),
    Answer.TO_EXAM: lazy("Vu, adressé pour un examen"),
}
SENT_ON = (Answer.TO_EMERGENCY, Answer.TO_COLLEAGUE, Answer.TO_EXAM)


@outcomes.get("/issues/<token>")
@guards.open_to(guards.ASKED)
def show(token: str) -> ResponseReturnValue:
    """Show each appointment by its hour, and what is noted of it; nothing changes by looking."""
    try:
        with transaction(db.session) as session:
            return _page(_opened(session, token), token)
    except LetterDied:
        return _over()


def _opened(session: Session, token: str) -> Asked:
    """Return what the letter asks about, or end this request with 404."""
    try:
        found = answered_outcomes.by_link(session, token, now=now())
    except NoSuchLetter:
        abort(404)
    remember(found.community)
    return found


def _over() -> ResponseReturnValue:
    return render_template("outcomes/over.html", errors={}), 410


@outcomes.post("/issues/<token>")
@guards.open_to(guards.ASKED)
def answer(token: str) -> ResponseReturnValue:
    """Note one answer; a page that shows what is not so any more is shown again as it is."""
    booking = staff_forms.a_reference(request.form.get("rendez-vous"))
    said, shown = _an_answer("issue"), _an_answer("note")
    if booking is None or said is None:
        abort(400)
    try:
        with transaction(db.session) as session:
            found = _opened(session, token)
            is_noted = answered_outcomes.answer(
                session, found, booking, said, instead_of=shown, now=now()
            )
            if not is_noted:
                return _page(_opened(session, token), token, is_refused=True), 409
    except LetterDied:
        return _over()
    return redirect(url_for("outcomes.show", token=token, _anchor=f"rdv-{booking}"), 303)


def _an_answer(field: str) -> Answer | None:
    value = request.form.get(field, "")
    return Answer(value) if value in set(Answer) else None


def _page(found: Asked, token: str, *, is_refused: bool = False) -> str:
    zone = found.community.zone
    first = found.lines[0].starts_at
    return render_template(
        "outcomes/show.html",
        errors={},
        community=found.community,
        day=wording.capital(wording.weekday_and_day(local_day(first, zone))),
        lines=[_line(each, found) for each in found.lines],
        left=len([line for line in found.lines if _is_open(line)]),
        is_refused=is_refused,
        action=url_for("outcomes.answer", token=token),
        seen_or_not=[(each.value, BUTTONS[each]) for each in (Answer.SEEN, Answer.MISSED)],
        sent_on=[(each.value, BUTTONS[each]) for each in SENT_ON],
    )


def _is_open(line: Line) -> bool:
    return line.answer is None and line.status is not BookingStatus.CANCELLED


def _line(line: Line, found: Asked) -> dict[str, Any]:
    return {
        "booking": line.booking,
        "hour": wording.hour(line.starts_at, found.community.zone),
        "initial": f"{line.initial}." if line.initial else "",
        "noted": line.answer.value if line.answer else "",
        "said": NOTED[line.answer] if line.answer else "",
        "is_cancelled": line.status is BookingStatus.CANCELLED,
    }
