"""Screen D6: usual reserved time, in words; tried before it counts, changed, left out for a day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import contradicted
from booking.desk import openings as desk
from booking.desk import supply as supply_desk
from booking.desk.openings import Kept
from booking.desk.supply import NotTheirs
from booking.extensions import db, equipment, now
from booking.triage.protocol import Protocol
from booking.web import ladder_lines, staff_forms, staff_words, wording
from booking.web.staff_access import CARERS
from booking.web.staff_forms import FormRefused
from booking.web.supply import opening_form, opening_words, words
from booking.web.supply.door import Room, options, room, supply
from booking.web.supply.opening_form import REFUSED, Asked
from config.clock import local_day
from config.database import transaction
from schedules import ladder, reserving
from schedules.models import Slot
from schedules.openings import OpeningRefused
from schedules.plans import Overlaps


def protocol_of(here: Room) -> Protocol:
    """Return the protocol by which this community's reasons are called."""
    return equipment().protocol(wording.language(), here.community.id)


@supply.get("/creneaux/plages")
@guards.open_to(*CARERS)
def openings() -> ResponseReturnValue:
    """Show reserved time that repeats, absences, and what is booked outside of both."""
    with transaction(db.session) as session:
        return listed(room(session, now()), {}, {})


def listed(here: Room, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    """Return the page of openings, with what was typed for an absence."""
    protocol = protocol_of(here)
    return here.shown(
        "supply/openings.html",
        errors=errors,
        typed=typed,
        page="plages",
        openings=[
            _told(each, here, protocol)
            for each in desk.live(here.session, here.scope, here.community, now=here.now)
        ],
        absences=[
            {
                "reference": row.reference,
                "text": opening_words.absence(row),
                "who": who.name,
            }
            for row, who in desk.absences(here.session, here.scope, here.community, now=here.now)
        ],
        stays=[
            {
                "slot": each.slot,
                "booking": each.booking,
                "when": wording.day_and_hour(each.starts_at, here.community.zone, now=here.now),
                "who": each.professional_name,
            }
            for each in desk.conflicts(here.session, here.scope, now=here.now)
        ],
        is_own=here.scope.professional_id is not None,
        places=options(supply_desk.places(here.session, here.scope)),
    )


def _told(kept: Kept, here: Room, protocol: Protocol) -> dict[str, Any]:
    return {
        "reference": kept.opening.reference,
        "text": opening_words.sentence(kept),
        "more": opening_words.more(kept, protocol, here.today),
        "ladder": ladder_lines.sentence(kept.steps),
        "who": kept.professional.name,
    }


@supply.get("/creneaux/plages/nouvelle")
@guards.open_to(*CARERS)
def before_reserving() -> ResponseReturnValue:
    """Show the form of an opening, as most are."""
    with transaction(db.session) as session:
        here = room(session, now())
        return _form(here, {"starts_on": here.today.isoformat()}, {})


def _form(
    here: Room,
    typed: Mapping[str, Any],
    errors: Mapping[str, str],
    *,
    kept: Kept | None = None,
    tried: Mapping[str, Any] | None = None,
) -> str:
    protocol = protocol_of(here)
    steps = kept.steps if kept else ladder.ladder_of(here.community.ladder)
    places = supply_desk.places(here.session, here.scope)
    if kept:
        places = [p for p in places if p.professional == kept.professional.reference]
    return here.shown(
        "supply/opening_form.html",
        errors=errors,
        typed={**opening_form.DEFAULTS, **typed},
        tried=tried,
        opening=kept and _told(kept, here, protocol),
        places=options(places),
        weekdays=opening_words.choices(opening_words.SHORT),
        rhythms=opening_words.choices(opening_words.EVERY),
        modes=opening_words.choices(opening_words.MODES),
        types=opening_words.choices(opening_words.TYPES),
        visibilities=opening_words.choices(staff_words.VISIBILITIES),
        reasons=[{"value": c.id, "text": c.title} for c in protocol.complaints],
        lines=ladder_lines.lines(steps, typed if typed.get("ladder") == "own" else None),
        usual_ladder=ladder_lines.sentence(ladder.ladder_of(here.community.ladder)),
    )


@supply.post("/creneaux/plages/nouvelle")
@guards.open_to(*CARERS)
def reserve() -> ResponseReturnValue:
    """Show what an opening would make; once that was seen, reserve it."""
    return _take(None)


@supply.get("/creneaux/plages/<uuid:reference>/modifier")
@guards.open_to(*CARERS)
def before_changing(reference: UUID) -> ResponseReturnValue:
    """Show the form of an opening as it is."""
    with transaction(db.session) as session:
        here = room(session, now())
        kept = _kept(here, reference)
        return _form(here, opening_form.as_typed(kept), {}, kept=kept)


@supply.post("/creneaux/plages/<uuid:reference>/modifier")
@guards.open_to(*CARERS)
def change(reference: UUID) -> ResponseReturnValue:
    """Show what the change would make; once that was seen, let it take the opening's place."""
    return _take(reference)


def _take(reference: UUID | None) -> ResponseReturnValue:
    moment = now()
    typed = opening_form.typed(request.form)
    try:
        with transaction(db.session) as session:
            here = room(session, moment)
            kept = _kept(here, reference) if reference else None
            known = protocol_of(here).by_complaint
            asked = opening_form.asked(request.form, here.today, known)
            if "sure" not in request.form:
                return _form(here, typed, {}, kept=kept, tried=_tried(here, asked, kept))
            act = _reserved(here, asked, kept)
    except FormRefused as wrong:
        with transaction(db.session) as session:
            here = room(session, moment)
            kept = _kept(here, reference) if reference else None
            return _form(here, typed, wrong.errors, kept=kept), 422
    except NotTheirs:
        abort(404)
    return redirect(url_for("supply.openings", acte=act), 303)


def _tried(here: Room, asked: Asked, kept: Kept | None) -> dict[str, Any]:
    """Return what a plan would be in words, and its first slots."""
    try:
        would, coming = desk.tried(
            here.session,
            here.scope,
            here.community,
            asked.place,
            asked.plan,
            instead_of=kept.opening if kept else None,
            now=here.now,
        )
    except OpeningRefused as refused:
        raise _in_words(here, refused) from None
    return _told(would, here, protocol_of(here)) | {
        "days": words.by_day(coming, here.community, here.now),
    }


def _reserved(here: Room, asked: Asked, kept: Kept | None) -> UUID:
    where = (here.session, here.scope, here.community)
    try:
        if kept is None:
            done = desk.reserve(*where, asked.place, asked.plan, by=here.account, now=here.now)
        else:
            done = desk.change(
                *where, kept, place=asked.place, plan=asked.plan, by=here.account, now=here.now
            )
    except OpeningRefused as refused:
        raise _in_words(here, refused) from None
    return done.act


def _in_words(here: Room, refused: OpeningRefused) -> FormRefused:
    """Return the field that a refusal is about, and the sentence with its mend."""
    if isinstance(refused, Overlaps):
        try:
            other = desk.one(here.session, here.scope, here.community, refused.other, now=here.now)
            said = opening_words.sentence(other)
        except NotTheirs:
            said = _("dans un autre lieu")
        sentence = _(
            "Une autre plage a déjà ces heures : %(other)s. Changez l’une des deux", other=said
        )
        return FormRefused({"from_time": sentence})
    field, text = REFUSED[refused.why]
    return FormRefused({field: str(text)})


def _kept(here: Room, reference: UUID) -> Kept:
    try:
        return desk.one(here.session, here.scope, here.community, reference, now=here.now)
    except NotTheirs:
        abort(404)


@supply.get("/creneaux/plages/<uuid:reference>")
@guards.open_to(*CARERS)
def opening(reference: UUID) -> ResponseReturnValue:
    """Show one opening: what it makes in the days to come, and to whom each slot goes, when."""
    with transaction(db.session) as session:
        here = room(session, now())
        return _shown(here, _kept(here, reference), {})


def _shown(here: Room, kept: Kept, errors: Mapping[str, str]) -> str:
    coming = desk.ahead(here.session, kept, here.community, now=here.now)
    days = dict.fromkeys(local_day(slot.starts_at, here.community.zone) for slot in coming)
    return here.shown(
        "supply/opening.html",
        errors=errors,
        page="plages",
        opening=_told(kept, here, protocol_of(here)),
        days=[_day(here, kept, day, coming) for day in days],
    )


def _day(here: Room, kept: Kept, day: date, coming: Sequence[Slot]) -> dict[str, Any]:
    zone = here.community.zone
    return {
        "value": day.isoformat(),
        "title": wording.capital(wording.weekday_and_day(day)),
        "slots": [
            {
                "hour": wording.hour(slot.starts_at, zone),
                "word": _state(here, slot, len(kept.steps)),
                "steps": ladder_lines.happened(
                    kept.steps, slot.release_step, slot.starts_at, zone, here.now
                ),
            }
            for slot in coming
            if local_day(slot.starts_at, zone) == day
        ],
    }


def _state(here: Room, slot: Slot, steps: int) -> str:
    if slot.claimed_by is not None:
        return str(_("Réservé"))
    if slot.withdrawn_at is not None:
        was_released = steps and slot.release_step == steps
        return str(_("Rendu") if was_released else _("Retiré"))
    if slot.busy_since is not None:
        return str(_("Fermé : votre agenda est occupé"))
    if slot.held_until is not None and slot.held_until > here.now:
        return str(_("En cours de réservation"))
    return str(_("Libre"))


@supply.post("/creneaux/plages/<uuid:reference>/arreter")
@guards.open_to(*CARERS)
def end(reference: UUID) -> ResponseReturnValue:
    """End an opening: what is free of it goes, what is booked stays and is listed."""
    with transaction(db.session) as session:
        here = room(session, now())
        kept = _kept(here, reference)
        try:
            done = reserving.end(
                session, here.community, kept.opening, by=here.account, now=here.now
            )
        except OpeningRefused:
            abort(404)
    return redirect(url_for("supply.openings", acte=done.act), 303)


@supply.post("/creneaux/plages/<uuid:reference>/sauter")
@guards.open_to(*CARERS)
def skip(reference: UUID) -> ResponseReturnValue:
    """Leave one day of an opening out."""
    with transaction(db.session) as session:
        here = room(session, now())
        kept = _kept(here, reference)
        try:
            day = staff_forms.a_day(staff_forms.clean(request.form.get("jour", "")), here.today)
            done = reserving.skip(
                session, here.community, kept.opening, day, by=here.account, now=here.now
            )
        except (ValueError, OpeningRefused):
            sentence = _("Ce jour est passé, déjà sauté, ou n’est pas un jour de cette plage")
            return _shown(here, kept, {"jour": sentence}), 422
    return redirect(url_for("supply.opening", reference=reference, acte=done.act), 303)


@supply.post("/creneaux/conflits/<uuid:slot>/garder")
@guards.open_to(*CARERS)
def keep(slot: UUID) -> ResponseReturnValue:
    """Let an appointment stay outside of what is reserved."""
    try:
        with transaction(db.session) as session:
            here = room(session, now())
            contradicted.keep(session, here.scope, slot, now=here.now)
    except NotTheirs:
        abort(404)
    return redirect(url_for("supply.openings"), 303)
