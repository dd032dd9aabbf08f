"""Try a version, see what it changes for every case, sign it, take it back."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.extensions import db
from booking.governance import differences, states, trial, versions
from booking.governance.differences import Effect
from booking.models import ProtocolVersion, VersionStatus
from booking.triage.cases import Case
from booking.triage.documents import ProtocolInvalid
from booking.web import staff_forms, wording
from booking.web.protocol import change_words, reading, words
from booking.web.protocol.door import (
    COMMITTEE,
    READERS,
    Room,
    in_french,
    protocol,
    room,
    shown,
    signatory,
)
from config import logs
from config.database import transaction
from schedules import nomenclature


@protocol.post("/protocole/versions/<uuid:reference>/essayer")
@guards.open_to(*COMMITTEE)
def try_out(reference: UUID) -> ResponseReturnValue:
    """Run shape, proofs and all cases, and keep what they say. It takes some seconds.

    Nothing is locked meanwhile: if the text was changed in the end, the result is not kept.
    """
    with transaction(db.session) as session:
        found = room(session).find(reference)
        texts, name, number = versions.texts_of(found), found.protocol, found.number
    done = trial.run(texts, protocol=name, number=number, disciplines=nomenclature.disciplines())
    try:
        with transaction(db.session) as session:
            here = room(session)
            found = here.find(reference, lock=True)
            versions.record_trial(session, found, done, by=signatory(), now=here.now)
    except (versions.ChangedMeanwhile, versions.NotADraft):
        return _again(
            reference, {"essai": _("Le texte a changé pendant l’essai : recommencez")}, 409
        )
    logs.event(
        "protocol_tested",
        about=reference,
        actor=guards.identity().account,
        count=len(done.faults),
    )
    return redirect(url_for("protocol.version", reference=reference) + "#essai", 303)


def _again(reference: UUID, errors: dict[str, str], status: int) -> ResponseReturnValue:
    with transaction(db.session) as session:
        here = room(session)
        typed = staff_forms.typed(request.form)
        return reading.version_page(here, here.find(reference), typed, errors), status


@protocol.get("/protocole/versions/<uuid:reference>/differences")
@guards.open_to(*READERS)
def compare(reference: UUID) -> ResponseReturnValue:
    """Show what differs from another version, and how every case would end; sign below it."""
    with transaction(db.session) as session:
        here = room(session)
        return _compared(here, here.find(reference), {}, {})


def _compared(
    here: Room, found: ProtocolVersion, typed: dict[str, str], errors: dict[str, str]
) -> str:
    base = _base(here, found)
    about = shown(found, here)
    may_sign = reading.may_write() and found.status is VersionStatus.TESTED and not about["is_mine"]
    try:
        told = _told(found, base) if base else {"places": []}
    except ProtocolInvalid:
        abort(404)
    return render_template(
        "protocol/differences.html",
        errors=errors,
        typed={"in_force_from": here.today.isoformat()} | typed,
        community=here.community,
        version=about,
        base=base and shown(base, here),
        others=[
            {"value": str(v.reference), "text": _named(v, here)}
            for v in here.versions
            if v.reference != found.reference
        ],
        trial=found.trial,
        may_sign=may_sign,
        earliest=wording.birth_day(here.today),
        latest=wording.birth_day(here.today + versions.LONGEST_WAIT),
        **told,
    )


def _named(version: ProtocolVersion, here: Room) -> str:
    state = words.STATES[here.states[version.reference]]
    return str(_("version %(number)s, %(state)s", number=version.number, state=state))


def _base(here: Room, found: ProtocolVersion) -> ProtocolVersion | None:
    """Return the version to compare with: the one asked for, in force, or drawn from."""
    asked = staff_forms.a_reference(request.args.get("avec"))
    if asked is not None and asked != found.reference:
        return here.find(asked)
    counts = states.current(here.versions, here.today)
    if counts is not None and counts.reference != found.reference:
        return here.find(counts.reference)
    drawn_from = [v for v in here.versions if v.id == found.based_on_id]
    return here.find(drawn_from[0].reference) if drawn_from else None


def _told(found: ProtocolVersion, base: ProtocolVersion) -> dict[str, Any]:
    """Return the differences by place, and the cases that end otherwise."""
    before, after = in_french(base), in_french(found)
    changes = differences.between(before, after)
    old, new = _examples(base), _examples(found)
    effects, tried = differences.effects(before, after, (*old, *new))
    places = dict.fromkeys(change.place for change in changes)
    return {
        "places": [
            {
                "title": change_words.place(place, after, before),
                "changes": [
                    change_words.change(c, before, after) for c in changes if c.place == place
                ],
            }
            for place in places
        ],
        "effects": [_effect(effect) for effect in effects],
        "lowered": sum(effect.lowers for effect in effects),
        "raised": sum(effect.raises for effect in effects),
        "tried": tried,
        "retold": [_retold(*pair) for pair in differences.retold(old, new)],
    }


def _retold(one: Case | None, other: Case | None) -> dict[str, str]:
    """Return a case that was added, removed or told otherwise: a version is as good as these."""
    known = other or one
    assert known is not None
    sort = _("ajouté") if one is None else _("retiré") if other is None else ""
    return {
        "id": known.id,
        "says": known.says,
        "sort": str(sort),
        "before": change_words.expected(one),
        "after": change_words.expected(other),
    }


def _examples(version: ProtocolVersion) -> tuple[Case, ...]:
    """Return a version's cases; none where they cannot be read, as in a draft."""
    try:
        return versions.texts_of(version).examples
    except ProtocolInvalid:
        return ()


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "id": effect.case.id,
        "says": effect.case.says,
        "before": change_words.outcome(effect.before),
        "after": change_words.outcome(effect.after),
        "lowers": effect.lowers,
        "raises": effect.raises,
    }


@protocol.post("/protocole/versions/<uuid:reference>/signer")
@guards.open_to(*COMMITTEE)
def sign(reference: UUID) -> ResponseReturnValue:
    """Sign a version that somebody else wrote, in force from a day."""
    typed = staff_forms.typed(request.form)
    errors: dict[str, str] = {}
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference, lock=True)
        first = _first_day(typed, here.today, errors)
        if typed.get("read") != "yes":
            errors["read"] = _("Cochez que vous avez lu les différences et leurs effets")
        if not errors and first is not None:
            errors = _sign(here, found, first, typed.get("digest", ""))
        if errors:
            return _compared(here, found, typed, errors), 422
    logs.event("protocol_approved", about=reference, actor=guards.identity().account)
    return redirect(url_for("protocol.version", reference=reference), 303)


def _first_day(typed: dict[str, str], today: date, errors: dict[str, str]) -> date | None:
    try:
        return staff_forms.a_day(typed.get("in_force_from", ""), today)
    except ValueError:
        errors["in_force_from"] = _("Indiquez une date, par exemple 27/11/2026")
        return None


def _sign(here: Room, found: ProtocolVersion, first: date, digest: str) -> dict[str, str]:
    """Sign, or return why that cannot be."""
    try:
        versions.approve(
            here.session,
            found,
            digest=digest,
            in_force_from=first,
            today=here.today,
            by=signatory(),
            now=here.now,
        )
    except versions.SamePerson:
        return {"read": _("Une autre personne que l’auteur signe : c’est la règle des deux noms")}
    except versions.NotTested:
        return {"read": _("Essayez d’abord cette version : ses preuves et ses cas doivent passer")}
    except versions.ChangedMeanwhile:
        return {"read": _("Le texte a changé depuis que vous l’avez lu : relisez, puis signez")}
    except versions.WrongDay:
        return {"in_force_from": _("Choisissez un jour entre aujourd’hui et dans 90 jours")}
    except ProtocolInvalid:
        return {"read": _("Ce texte ne peut plus être lu : faites-en un nouveau brouillon")}
    return {}


@protocol.get("/protocole/versions/<uuid:reference>/retirer")
@guards.open_to(*COMMITTEE)
def leave(reference: UUID) -> ResponseReturnValue:
    """Say what happens when this version is taken back, before anybody does it."""
    with transaction(db.session) as session:
        here = room(session)
        return _leaving(here, here.find(reference), {}, {})


def _leaving(
    here: Room, found: ProtocolVersion, typed: dict[str, str], errors: dict[str, str]
) -> str:
    others = [v for v in here.versions if v.reference != found.reference]
    follows = states.current(others, here.today)
    is_over = follows is not None and (follows.valid_until or here.today) < here.today
    return render_template(
        "protocol/withdraw.html",
        errors=errors,
        typed=typed,
        community=here.community,
        version=shown(found, here),
        follows=follows and not is_over and shown(follows, here),
        is_signed=found.approved_at is not None,
        is_in_force=here.states[found.reference] is states.State.IN_FORCE,
        open_requests=versions.still_open(here.session, here.community.id, found.digest),
    )


@protocol.post("/protocole/versions/<uuid:reference>/retirer")
@guards.open_to(*COMMITTEE)
def withdraw(reference: UUID) -> ResponseReturnValue:
    """Take a version back at once, with the reason; the one before it counts again."""
    because = staff_forms.typed(request.form).get("because", "")
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference, lock=True)
        try:
            versions.withdraw(session, found, because=because, by=signatory(), now=here.now)
        except versions.ReasonMissing:
            errors = {"because": _("Dites pourquoi, en 500 caractères au plus")}
            return _leaving(here, found, {"because": because}, errors), 422
        except versions.NotADraft:
            pass
    logs.event("protocol_withdrawn", about=reference, actor=guards.identity().account)
    return redirect(url_for("protocol.listing"), 303)
