"""The coordinator reads a month again: every case that must be, and what they say of each."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from babel.dates import format_date
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board, sample, staff
from booking.desk import review as desk
from booking.desk.review import Case
from booking.desk.sample import Month
from booking.extensions import db, equipment, now
from booking.models import CaseReview, LevelDecision, Role, Verdict, WhyRead
from booking.triage.protocol import Protocol
from booking.web import staff_forms, staff_words, wording
from booking.web.incidents import told
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules.models import Community

review = Blueprint("review", __name__)

WHY = {
    WhyRead.EVENT: lazy("Événement signalé"),
    WhyRead.DECISION: lazy("Niveau décidé par une personne"),
    WhyRead.ADVICE: lazy("Avis du 15"),
    WhyRead.ASKED_AGAIN: lazy("Nouvelle demande en moins de 72 h"),
    WhyRead.DRAWN: lazy("Tiré au hasard"),
}
VERDICTS = {Verdict.SOUND: lazy("Conforme"), Verdict.TO_DISCUSS: lazy("À discuter")}

A_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@review.get("/coordination/relecture")
@guards.open_to(Role.COORDINATOR)
def month() -> ResponseReturnValue:
    """Show every case of a month that is read again; the last whole month where none is asked."""
    moment = now()
    with transaction(db.session) as session:
        community, wanted = wanted_month(session, moment)
        cases = desk.cases(session, wanted)
    current = sample.this_month(community.zone, now=moment)
    return render_template(
        "coordination/review.html",
        errors={},
        community=community,
        **named_month(wanted.first),
        is_running=wanted.first == current,
        this_month=_written(current),
        before=_written(sample.before(wanted.first)) if wanted.first > sample.FIRST_MONTH else "",
        after=_written(sample.after(wanted.first)) if wanted.first < current else "",
        cases=[_line(case, community, _protocol(community)) for case in cases],
        left=_unread(cases),
        drawn=sum(WhyRead.DRAWN in case.why for case in cases),
    )


@review.get("/coordination/relecture/<uuid:reference>")
@guards.open_to(Role.COORDINATOR)
def case(reference: UUID) -> ResponseReturnValue:
    """Show one case of a month, what put it there, and what was said of it."""
    with transaction(db.session) as session:
        community, wanted = wanted_month(session, now())
        return _case_page(community, wanted, desk.cases(session, wanted), reference, {})


@review.post("/coordination/relecture/<uuid:reference>")
@guards.open_to(Role.COORDINATOR)
def note(reference: UUID) -> ResponseReturnValue:
    """Keep what the coordinator says of a case, and go on to the next that nobody has read."""
    with transaction(db.session) as session:
        community, wanted = wanted_month(session, now())
        cases = desk.cases(session, wanted)
        read = _one(cases, reference)
        errors = _noted(session, wanted, read)
        if errors:
            return _case_page(community, wanted, cases, reference, errors), 422
    left = [each for each in _unread(cases) if each is not read]
    if not left:
        return redirect(url_for("coordination.review.month", mois=_written(wanted.first)), 303)
    # Those after it, then those before it that were passed over.
    following = min(left, key=lambda each: each.at < read.at).reference
    return redirect(
        url_for(
            "coordination.review.case", reference=following, mois=_written(wanted.first), note=""
        ),
        303,
    )


def to_read(session: Session, community: Community, moment: datetime) -> dict[str, Any]:
    """Return how many cases of the last whole month nobody has read, and which month it is."""
    last = sample.before(sample.this_month(community.zone, now=moment))
    cases = desk.cases(session, sample.month_of(community, last))
    return {"count": len(_unread(cases)), **named_month(last)}


def wanted_month(session: Session, moment: datetime) -> tuple[Community, Month]:
    """Return the community, and the month that the address names; else the last whole one."""
    community = board.community_of(session, guards.identity().community_id)
    current = sample.this_month(community.zone, now=moment)
    typed = A_MONTH.fullmatch(request.values.get("mois", ""))
    if typed and typed[1] >= str(sample.FIRST_MONTH.year):
        first = date(int(typed[1]), int(typed[2]), 1)
        if first <= current:
            return community, sample.month_of(community, first)
    return community, sample.month_of(community, sample.before(current))


def _written(first: date) -> str:
    return f"{first:%Y-%m}"


def named_month(first: date) -> dict[str, str]:
    """Return a month as addresses write it and as people say it: « octobre 2026 »."""
    name = format_date(first, "MMMM y", locale=wording.LOCALES[wording.language()])
    return {"month": _written(first), "name": str(name)}


def _protocol(community: Community) -> Protocol:
    return equipment().protocol(wording.language(), community.id)


def _unread(cases: Iterable[Case]) -> list[Case]:
    return [each for each in cases if each.verdict is None]


def _one(cases: Iterable[Case], reference: UUID) -> Case:
    """Return the case of this request, or end the visit with 404."""
    found = next((each for each in cases if each.reference == reference), None)
    return found or abort(404)


def _noted(session: Session, wanted: Month, read: Case) -> dict[str, str]:
    """Keep what was posted about a case; return what was wrong with it, by field."""
    try:
        verdict = Verdict(request.form.get("avis", ""))
    except ValueError:
        return {"avis": str(_("Choisissez : conforme, ou à discuter"))}
    somebody, moment = guards.identity(), now()
    by = staff.actor(session, somebody.community_id, somebody.account)
    comment = staff_forms.clean(request.form.get("commentaire", ""))
    try:
        desk.note(session, read, wanted, verdict, comment, by=by, now=moment)
    except desk.CommentMissing:
        return {"commentaire": str(_("Écrivez ce qui est à discuter"))}
    except desk.TooLong:
        return {"commentaire": str(_("Écrivez 1000 caractères au plus"))}
    logs.event("case_reviewed", request=read.reference, actor=by.account, kind=verdict.value)
    return {}


def _case_page(
    community: Community,
    wanted: Month,
    cases: list[Case],
    reference: UUID,
    errors: dict[str, str],
) -> str:
    return render_template(
        "coordination/case.html",
        errors=errors,
        community=community,
        **named_month(wanted.first),
        case=_line(_one(cases, reference), community, _protocol(community)),
        left=_unread(cases),
        is_noted="note" in request.args,
        verdicts=[{"value": v.value, "text": t} for v, t in VERDICTS.items()],
        typed={
            "avis": request.form.get("avis", ""),
            "commentaire": staff_forms.clean(request.form.get("commentaire", "")),
        },
    )


def _line(each: Case, community: Community, protocol: Protocol) -> dict[str, Any]:
    return {
        "reference": each.reference,
        "when": _moment(each.at, community),
        "level": staff_words.LEVELS[each.level] if each.level is not None else _("pas évaluée"),
        "complaints": _complaints(each, protocol),
        "has_explanation": each.has_explanation,
        "why": [WHY[why] for why in each.why],
        "events": [told(event, community) for event in each.events],
        "decisions": [_decided(decision, community) for decision in each.decisions],
        "asked_again": each.asked_again
        and {
            "reference": each.asked_again.reference,
            "when": _moment(each.asked_again.at, community),
        },
        "verdict": VERDICTS[each.verdict] if each.verdict else "",
        "is_to_discuss": each.verdict is Verdict.TO_DISCUSS,
        "reviews": [_said(said, community) for said in each.reviews],
    }


def _complaints(each: Case, protocol: Protocol) -> str:
    if each.is_forgotten:
        return str(_("motif effacé au terme prévu"))
    return staff_words.complaints(each.complaints, protocol) or "–"


def _decided(decision: LevelDecision, community: Community) -> dict[str, Any]:
    return {
        "was": staff_words.LEVELS[decision.from_level],
        "what": staff_words.LEVELS[decision.to_level],
        "who": decision.name,
        "why": decision.reason,
        "when": _moment(decision.decided_at, community),
    }


def _said(said: CaseReview, community: Community) -> dict[str, Any]:
    return {
        "verdict": VERDICTS[said.verdict],
        "comment": said.comment,
        "who": said.name,
        "when": _moment(said.at, community),
    }


def _moment(at: datetime, community: Community) -> str:
    day = wording.birth_day(local_day(at, community.zone))
    return f"{day}, {wording.hour(at, community.zone)}"
