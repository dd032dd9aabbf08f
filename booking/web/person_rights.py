"""The coordinator gives somebody a copy of all that is kept of them, or erases them for good."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.accounts import enrolling
from booking.audit import unit
from booking.desk import board, callers
from booking.extensions import db, equipment, now
from booking.models import Action, CareRequest, ProvedBy, Role
from booking.persons import erasing, exporting, finding, french, tombstones
from booking.persons.finding import Whose
from booking.web import entry, staff_words, wording
from booking.web.own import ask_first
from config import logs
from config.database import transaction
from schedules.models import Community

person_rights = Blueprint("person", __name__)

EVERYBODY = "tous"
ONE = 2
"""Choices where only one person is known behind a number: them, and everybody."""
PROOFS = {
    ProvedBy.CALL: lazy("Rappelée à ce numéro : elle a dit son nom et sa date de naissance"),
    ProvedBy.DOCUMENT: lazy("Pièce d’identité vue"),
}
KINDS = {"html": "text/html; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True)
class Asked:
    """What was posted: whose data, and how it is known that it is their wish."""

    whose: Whose
    proved_by: ProvedBy


class Refused(Exception):
    """What was posted cannot be done; sentences by field."""

    def __init__(self, errors: Mapping[str, str], status: int = 422) -> None:
        super().__init__()
        self.errors, self.status = errors, status


@person_rights.get("/coordination/personne")
@guards.open_to(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Show the form that finds somebody; say so after they were erased.

    The proof is asked for here already: nothing that was typed is lost on the way to it.
    """
    with transaction(db.session) as session:
        if "fait" not in request.args and _has_to_prove(session):
            return ask_first(url_for("coordination.person.show"))
        community = board.community_of(session, guards.identity().community_id)
    return render_template(
        "coordination/person_find.html",
        errors={},
        community=community,
        phone="",
        is_erased="fait" in request.args,
    )


def _has_to_prove(session: Session) -> bool:
    """Whether the second factor comes first: a screen left open hands out nobody's file.

    Where none is demanded, whoever has none is not asked for it.
    """
    if entry.is_proved_lately():
        return False
    is_demanded = equipment().settings.demands_second_factor
    return is_demanded or enrolling.secured(session, entry.member()).is_enrolled


@person_rights.post("/coordination/personne")
@guards.open_to(Role.COORDINATOR)
def find() -> ResponseReturnValue:
    """Show who is behind a number, what would go and what would stay. Nothing is in the address."""
    with transaction(db.session) as session:
        return _page(session, {})


@person_rights.post("/coordination/personne/copie")
@guards.open_to(Role.COORDINATOR)
def copy() -> ResponseReturnValue:
    """Hand out all that is kept of somebody, as a page or for other software."""
    kind = request.form.get("forme", "")
    moment = now()
    with transaction(db.session) as session:
        if _has_to_prove(session):
            return ask_first(url_for("coordination.person.show"))
        try:
            asked = _asked()
        except Refused as refused:
            return _page(session, refused.errors, refused.status)
        community = board.community_of(session, guards.identity().community_id)
        file = exporting.collect(session, asked.whose, now=moment)
        count = len(file.get("care_request", ()))
        unit.note(Action.EXPORT, community_id=community.id, count=count)
    logs.event("person_exported", actor=guards.identity().account, count=count)
    if kind == "json":
        content = json.dumps(file, ensure_ascii=False, indent=1)
    else:
        words = french.said_by(equipment().protocol("fr", community.id))
        kind, content = "html", exporting.readable(file, community.zone, words)
    answer = Response(content, content_type=KINDS[kind])
    answer.headers["Content-Disposition"] = f"attachment; filename=vos-donnees.{kind}"
    return answer


@person_rights.post("/coordination/personne/effacer")
@guards.open_to(Role.COORDINATOR)
def erase() -> ResponseReturnValue:
    """Erase somebody for good; their appointments to come are cancelled if that is ticked."""
    somebody = guards.identity()
    try:
        asked = _asked()
        order = tombstones.Order(now(), somebody.account, asked.proved_by)
        with transaction(db.session) as session:
            if _has_to_prove(session):
                return ask_first(url_for("coordination.person.show"))
            done = _erased(session, asked.whose, order)
    except Refused as refused:
        with transaction(db.session) as session:
            return _page(session, refused.errors, refused.status)
    logs.event("person_erased", actor=somebody.account, count=done.requests)
    return redirect(url_for("coordination.person.show", fait=1), 303)


def _erased(session: Session, whose: Whose, order: tombstones.Order) -> erasing.Erased:
    """Erase whoever is meant.

    Raises:
        Refused: with what has to be done first.
    """
    kit = equipment()
    try:
        return erasing.erase(
            session,
            whose,
            cancels="annuler" in request.form,
            order=order,
            links=kit.links,
            file=kit.settings.tombstones_file,
        )
    except erasing.StillExpected:
        sentence = _("Cette personne a un rendez-vous à venir : cochez pour l’annuler aussi")
        raise Refused({"annuler": sentence}, 409) from None
    except erasing.CareGoesOn:
        sentence = _("Cette personne est en rendez-vous : effacez ses données après")
        raise Refused({"annuler": sentence}, 409) from None
    except tombstones.NotNoted:
        logs.event("erasure_not_noted", actor=order.by)
        sentence = _("Rien n’est effacé : prévenez la personne qui tient ce logiciel")
        raise Refused({"preuve": sentence}, 503) from None


def _asked() -> Asked:
    """Return what was posted.

    Raises:
        Refused: if the number is none, or nobody or no proof is chosen.
    """
    phone = callers.normalised(request.form.get("telephone", ""))
    if phone is None:
        raise Refused({"telephone": _("Indiquez un numéro français")})
    errors = {}
    who = request.form.get("qui", "")
    born = None if who == EVERYBODY else _day(who)
    if born is None and who != EVERYBODY:
        errors["qui"] = _("Choisissez de qui il s’agit")
    proof = request.form.get("preuve", "")
    if proof not in PROOFS:
        errors["preuve"] = _("Vérifiez d’abord l’identité, puis dites comment")
    if errors:
        raise Refused(errors)
    return Asked(Whose(phone, born, guards.identity().community_id), ProvedBy(proof))


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _page(session: Session, errors: Mapping[str, str], status: int = 200) -> tuple[str, int]:
    typed = request.form.get("telephone", "")
    community = board.community_of(session, guards.identity().community_id)
    phone = callers.normalised(typed)
    if phone is None:
        errors = {"telephone": _("Indiquez un numéro français")}
        page = {"errors": errors, "community": community, "phone": typed, "is_erased": False}
        return render_template("coordination/person_find.html", **page), 422
    found = finding.requests(session, Whose(phone, None, community.id))
    people, moment = _people(found), now()
    ahead = [each for each in finding.visits(session, found) if each.is_ahead(moment)]
    shown = render_template(
        "coordination/person.html",
        errors=errors,
        community=community,
        phone=phone,
        spaced=wording.spaced(phone),
        people=people,
        count=len(found),
        chosen=request.form.get("qui") or (EVERYBODY if len(people) <= ONE else ""),
        proofs=[{"value": k.value, "text": t} for k, t in PROOFS.items()],
        proof=request.form.get("preuve", ""),
        ahead=[_visit(each, community, moment) for each in ahead],
        cancels="annuler" in request.form,
    )
    return shown, status


def _people(found: Sequence[CareRequest]) -> list[dict[str, Any]]:
    """Return whom to choose from: by birth date, and all of them."""
    by_day: dict[date, list[CareRequest]] = {}
    for each in found:
        if each.birth_date is not None:
            by_day.setdefault(each.birth_date, []).append(each)
    people = [
        {
            "value": born.isoformat(),
            "text": f"{staff_words.person(theirs[-1].family_name, theirs[-1].given_name)}, "
            f"{wording.birth_day(born)}",
        }
        for born, theirs in sorted(by_day.items())
    ]
    everybody = {
        "value": EVERYBODY,
        "text": _("Toutes les demandes de ce numéro"),
        "hint": _("Aussi celles dont on ne sait pas la date de naissance."),
    }
    return [*people, everybody]


def _visit(visit: finding.Visit, community: Community, moment: datetime) -> str:
    when = wording.short_day_and_hour(visit.slot.starts_at, community.zone, now=moment)
    return f"{when}, {visit.professional.name}, {visit.site.name}"
