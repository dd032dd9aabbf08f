"""Time of the day that nobody has booked: blocked for an hour, opened, offered again, undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import acts, blocking, board, supply
from booking.desk.blocking import Because
from booking.desk.board import Entry, State
from booking.desk.supply import Place
from booking.extensions import db, equipment, now
from booking.models import Role
from booking.web import day_table, staff_forms, wording
from booking.web.staff_access import CARERS, scope_of
from config.clock import local_day
from config.database import transaction
from schedules.models import Community
from schedules.openings import LONGEST, SHORTEST, Opening, OpeningRefused
from schedules.slots import RESERVED, SlotsOverlap
from schedules.undo import CannotUndo

slots = Blueprint("slots", __name__)

MOST_TOGETHER = 12
"""So many slots in a row are offered to be blocked at once; for more there is the whole day."""

AT_ONCE = (2, 1, 3)
"""How many slots one press opens, the usual number first."""

USUAL_LENGTH = 20

LETTERS = {Because.VISIT: "V", Because.BREAK: "P", Because.MEETING: "U", Because.OTHER: "A"}
"""The key of each reason: R is for booking."""

REFUSED = {
    "length": ("duree", lazy("Un créneau dure de 5 à 60 minutes")),
    "count": ("heure", lazy("Ouvrez de 1 à 24 créneaux à la fois")),
    "past": ("heure", lazy("Cette heure est déjà passée")),
    "too_far": ("heure", lazy("Ouvrez des créneaux pour les 31 jours à venir")),
    "crosses_midnight": ("heure", lazy("Ces créneaux finiraient après minuit")),
}
"""From what schedules.openings refuses to the field of this form and the sentence."""


@slots.get("/journee/creneaux/<uuid:reference>")
@guards.open_to(*CARERS)
def show(reference: UUID) -> ResponseReturnValue:
    """Show a moment that nobody has booked, with what can be done with it."""
    with transaction(db.session) as session:
        return _page(session, reference, now())


def _page(
    session: Session, reference: UUID, moment: datetime, errors: dict[str, str] | None = None
) -> ResponseReturnValue:
    community, run = _run(session, reference, moment)
    first = run[0]
    if first.coming:
        return redirect(url_for("day.sheet.show", reference=first.coming.booking), 303)
    zone = community.zone
    last = _last(run, staff_forms.a_reference(request.values.get("jusqua")))
    reason = blocking.reasons(session, scope_of(guards.identity()), now=moment).get(reference)
    shown = render_template(
        "day/slot.html",
        errors=errors or {},
        community=community,
        slot=reference,
        day=local_day(first.starts_at, zone),
        state=first.state.value,
        word=day_table.BECAUSE[reason] if reason else "",
        hours=_span(first, first, community),
        professional=first.professional_name,
        site=first.site_name,
        when=wording.day(first.starts_at, zone, now=moment),
        may_block=first.state in (State.FREE, State.CLOSED),
        may_book=first.state is State.FREE and guards.identity().role is Role.SECRETARY,
        reasons=[(why, text, LETTERS[why]) for why, text in day_table.BECAUSE.items()],
        ends=_ends(run, community),
        last=run[last].slot,
    )
    return shown, 409 if errors else 200


def _run(session: Session, reference: UUID, moment: datetime) -> tuple[Community, list[Entry]]:
    """Return this moment and what follows it, or end the visit: another's is not there at all."""
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    try:
        run = blocking.run_from(session, scope, community, reference, now=moment)
    except supply.NotTheirs:
        abort(404)
    if not run:
        abort(404)
    return community, run


def _last(run: Sequence[Entry], until: UUID | None) -> int:
    return next((place for place, each in enumerate(run) if each.slot == until), 0)


def _span(first: Entry, last: Entry, community: Community) -> str:
    begins = wording.hour(first.starts_at, community.zone)
    return f"{begins} – {wording.hour(last.ends_at, community.zone)}"


def _ends(run: Sequence[Entry], community: Community) -> list[dict[str, Any]]:
    """Return until when time can be blocked at once: the end of each free slot that follows."""
    free = [each for each in run if each.state in (State.FREE, State.CLOSED)]
    numbered = list(enumerate(free, 1))
    # Of an hour with several places all that are free; and this place on its own.
    whole = {each.ends_at: (number, each) for number, each in numbered}
    ends = numbered[:1] + [last for last in whole.values() if last[0] > 1]
    return [
        {
            "slot": each.slot,
            "until": wording.hour(each.ends_at, community.zone),
            "count": number,
        }
        for number, each in ends[:MOST_TOGETHER]
    ]


@slots.post("/journee/creneaux/<uuid:reference>/bloquer")
@guards.open_to(*CARERS)
def block(reference: UUID) -> ResponseReturnValue:
    """Take back what is free from this slot to another, for one of four reasons."""
    moment, somebody = now(), guards.identity()
    try:
        because = Because(request.form.get("pourquoi", ""))
    except ValueError:
        abort(400)
    with transaction(db.session) as session:
        community, run = _run(session, reference, moment)
        last = _last(run, staff_forms.a_reference(request.form.get("jusqua")))
        try:
            blocking.block(
                session,
                scope_of(somebody),
                run[: last + 1],
                because,
                by=somebody.account,
                now=moment,
            )
        except blocking.NothingFree:
            sentence = _("Ce créneau vient d’être pris")
            return _page(session, reference, moment, {"creneau": sentence})
        return _back_to(local_day(run[0].starts_at, community.zone), reference)


def _back_to(day: date, slot: UUID | None = None) -> ResponseReturnValue:
    anchor = f"c-{slot}" if slot else None
    return redirect(url_for("day.show", jour=day, _anchor=anchor), 303)


@slots.post("/journee/creneaux/<uuid:reference>/debloquer")
@guards.open_to(*CARERS)
def unblock(reference: UUID) -> ResponseReturnValue:
    """Offer again what was blocked, with all that was blocked in the same press."""
    moment, scope = now(), scope_of(guards.identity())
    with transaction(db.session) as session:
        community, run = _run(session, reference, moment)
        try:
            lost = blocking.unblock(
                session, scope, community, reference, by=guards.identity().account, now=moment
            )
        except blocking.NotBlocked:
            abort(404)
        day = local_day(run[0].starts_at, community.zone)
    return redirect(url_for("day.show", jour=day, perdus=lost or None), 303)


@slots.post("/journee/actions/<uuid:reference>/annuler")
@guards.open_to(*CARERS)
def take_back(reference: UUID) -> ResponseReturnValue:
    """Undo what was done to slots in the last minutes, and say what could not be undone."""
    day = staff_forms.clean(request.form.get("jour", "")[:10]) or None
    try:
        with transaction(db.session) as session:
            somebody = guards.identity()
            scope = scope_of(somebody)
            lost = acts.undo(
                session,
                scope,
                reference,
                by=somebody.account,
                links=equipment().links,
                now=now(),
            ).could_not
            has_calls = bool(acts.to_call(session, scope, reference))
    except acts.NoSuchAct:
        abort(404)
    except CannotUndo:
        return redirect(url_for("day.show", jour=day, trop_tard=1), 303)
    if has_calls:
        return redirect(url_for("day.moves.brought_back", reference=reference, perdus=lost), 303)
    return redirect(url_for("day.show", jour=day, perdus=lost or None), 303)


@dataclass(frozen=True)
class Asked:
    """Where and when somebody wants to open slots: their own, and a day that exists."""

    community: Community
    place: Place
    day: date
    said: dict[str, str]


@slots.get("/journee/ouvrir")
@guards.open_to(*CARERS)
def opening() -> ResponseReturnValue:
    """Show where some slots can be opened for somebody, at an hour that nothing fills."""
    with transaction(db.session) as session:
        return _opening_page(_asked(session, staff_forms.typed(request.args), now()), {})


def _asked(session: Session, said: dict[str, str], moment: datetime) -> Asked:
    """Read who, where and on which day, or end the visit: others' are not there at all."""
    scope = scope_of(guards.identity())
    community = board.community_of(session, scope.community_id)
    wanted = staff_forms.a_reference(said.get("qui")), staff_forms.a_reference(said.get("lieu"))
    for place in supply.places(session, scope):
        if (place.professional, place.site) == wanted:
            break
    else:
        abort(404)
    try:
        day = staff_forms.a_day(said.get("jour", ""), local_day(moment, community.zone))
    except ValueError:
        abort(404)
    return Asked(community, place, day, said)


def _opening_page(asked: Asked, errors: dict[str, str]) -> str:
    return render_template(
        "day/open.html",
        errors=errors,
        community=asked.community,
        place=asked.place,
        day=asked.day,
        said={"duree": str(USUAL_LENGTH), "heure": "", **asked.said},
        when=wording.weekday_and_day(asked.day),
        counts=AT_ONCE,
    )


@slots.post("/journee/ouvrir")
@guards.open_to(*CARERS)
def open_() -> ResponseReturnValue:
    """Open some slots where nothing is; they can be undone for some minutes."""
    moment = now()
    with transaction(db.session) as session:
        asked = _asked(session, staff_forms.typed(request.form), moment)
        try:
            first = _opened(session, asked, moment)
        except staff_forms.FormRefused as wrong:
            return _opening_page(asked, wrong.errors), 422
    return _back_to(asked.day, first)


def _opened(session: Session, asked: Asked, moment: datetime) -> UUID | None:
    """Open them, and return the first."""
    somebody = guards.identity()
    scope = scope_of(somebody)
    try:
        act = supply.open_slots(
            session,
            scope,
            asked.community,
            _wished(asked),
            professional=asked.place.professional,
            site=asked.place.site,
            visibility=RESERVED,
            by=somebody.account,
            now=moment,
        )
    except OpeningRefused as refused:
        field, sentence = REFUSED[refused.why]
        raise staff_forms.FormRefused({field: str(sentence)}) from None
    except SlotsOverlap:
        taken = _("Des créneaux sont déjà ouverts à cette heure")
        raise staff_forms.FormRefused({"heure": taken}) from None
    done = acts.one(session, scope, act, now=moment)
    return done.slots[0].reference if done and done.slots else None


def _wished(asked: Asked) -> Opening:
    said = asked.said
    try:
        starts = staff_forms.an_hour(said.get("heure", ""))
    except ValueError:
        wrong = _("Écrivez une heure, par exemple 11 h 20")
        raise staff_forms.FormRefused({"heure": wrong}) from None
    length, count = staff_forms.a_count(said.get("duree")), staff_forms.a_count(said.get("nombre"))
    if not SHORTEST <= timedelta(minutes=length) <= LONGEST:
        raise staff_forms.FormRefused({"duree": str(REFUSED["length"][1])})
    return Opening(day=asked.day, starts=starts, count=count, length=timedelta(minutes=length))
