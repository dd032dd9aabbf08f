"""One page that explains one judgement, to be printed: what was said, why, by which version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import ask, board, decide, safety_net, waiting
from booking.extensions import db, equipment
from booking.governance import explaining, serving
from booking.governance.explaining import Explained
from booking.models import (
    Account,
    ApiClient,
    Assessment,
    Booking,
    CareRequest,
    LevelDecision,
    Role,
    SafetyNetSaid,
)
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Level, Protocol
from booking.web import staff_forms, staff_words, wording
from booking.web.day import scope_of
from booking.web.protocol import preview, words
from booking.web.protocol.door import protocol
from booking.web.staff_access import reach_of
from config.clock import local_day
from config.database import transaction
from schedules.models import Community, Slot

WHO = (Role.OPERATOR, Role.SECRETARY, Role.COORDINATOR, Role.PROFESSIONAL)


@protocol.get("/console/demandes/<uuid:reference>/explication")
@guards.open_to(*WHO)
def explanation(reference: UUID) -> ResponseReturnValue:
    """Explain the judgement of a request that this account may see, or a former one of it."""
    with transaction(db.session) as session:
        asked = _theirs(session, reference)
        community = board.community_of(session, asked.community_id)
        every = _judgements(session, asked)
        wanted = staff_forms.a_reference(request.args.get("evaluation"))
        kept = _chosen(every, asked, wanted)
        told = explaining.explained(asked, kept, _version(session, kept), wording.language())
        humans = {
            "by": _by_whom(session, asked),
            "decisions": [_decided(e, community) for e in decide.history(session, asked)],
            "understood": _understood(safety_net.of(session, kept), community),
        }
        return _page(told, every, community, humans)


def _theirs(session: Session, reference: UUID) -> CareRequest:
    """Return a request that this account may see: on its lists, or coming to its own slots."""
    somebody = guards.identity()
    if somebody.role is not Role.PROFESSIONAL:
        try:
            return waiting.find(session, reach_of(somebody), reference)
        except ask.NoSuchRequest:
            abort(404)
    scope = scope_of(somebody)
    rows = session.execute(
        select(CareRequest, Slot)
        .join(
            Booking,
            (Booking.community_id == CareRequest.community_id)
            & (Booking.request_id == CareRequest.id),
        )
        .join(Slot, (Slot.community_id == Booking.community_id) & (Slot.id == Booking.slot_id))
        .where(
            CareRequest.community_id == somebody.community_id, CareRequest.reference == reference
        )
    )
    theirs = [asked for asked, slot in rows if scope.holds(slot)]
    if not theirs:
        abort(404)
    return theirs[0]


def _judgements(session: Session, asked: CareRequest) -> list[Assessment]:
    return list(
        session.scalars(
            select(Assessment)
            .where(Assessment.community_id == asked.community_id, Assessment.request_id == asked.id)
            .order_by(Assessment.id)
        )
    )


def _chosen(every: list[Assessment], asked: CareRequest, wanted: UUID | None) -> Assessment:
    """Return the judgement that was asked for; else the one that counts, else the last one."""
    for each in every:
        if each.reference == wanted:
            return each
    if wanted is not None or not every:
        abort(404)
    counts = [each for each in every if each.id == asked.assessment_id]
    return counts[0] if counts else every[-1]


def _version(session: Session, kept: Assessment) -> Any:
    try:
        return serving.former(session, kept.community_id, kept.digest, equipment().versions)
    except ProtocolInvalid:
        return None


def _by_whom(session: Session, asked: CareRequest) -> str:
    """Return who answered: the patient, an account by its name, or a partner's software."""
    if asked.opened_by is None:
        return str(_("La personne elle-même, sur internet"))
    for table, name in ((Account, Account.display_name), (ApiClient, ApiClient.name)):
        found = session.scalar(
            select(name).where(
                table.community_id == asked.community_id, table.reference == asked.opened_by
            )
        )
        if found:
            return str(found)
    return "–"


def _page(
    told: Explained,
    every: list[Assessment],
    community: Community,
    humans: Mapping[str, Any],
) -> str:
    asked, kept = told.request, told.kept
    at = kept.assessed_at.astimezone(community.zone)
    local = f"{wording.birth_day(at.date())}, {wording.wall(at.time())}"
    return render_template(
        "protocol/explanation.html",
        errors={},
        community=community,
        reference=asked.reference,
        kept=kept,
        level=words.level(kept.level),
        at_local=f"{local} ({community.zone_name})",
        at_utc=f"{kept.assessed_at:%Y-%m-%d %H:%M:%S} UTC",
        deadline=asked.deadline
        and asked.assessment_id == kept.id
        and wording.short_day_and_hour(asked.deadline, community.zone, now=kept.assessed_at),
        channel=staff_words.CHANNELS[asked.channel],
        spoken=_("anglais") if asked.language == wording.ENGLISH else _("français"),
        others=[
            {
                "reference": each.reference,
                "at": _on(each.assessed_at, community),
                "is_this": each is kept,
            }
            for each in every
        ],
        is_forgotten=told.is_forgotten,
        version=told.version,
        signed_from=told.version
        and told.version.approved_at
        and wording.birth_day(local_day(told.version.approved_at, community.zone)),
        reasons=[
            {"rule": r["rule"], "level": _level_of(r), "because": r["because"]}
            for r in kept.reasons
        ],
        **humans,
        **_of_protocol(told),
    )


def _understood(said: SafetyNetSaid | None, community: Community) -> str:
    """Return who said what to do if it gets worse after this judgement, and when."""
    return f"{said.name}, {_on(said.said_at, community)}" if said else ""


def _decided(each: LevelDecision, community: Community) -> dict[str, str]:
    return {
        "at": wording.hour(each.decided_at, community.zone),
        "to": words.level(each.to_level),
        "before": words.level(each.from_level),
        "name": each.name,
        "reason": each.reason,
    }


def _on(moment: datetime, community: Community) -> str:
    day = wording.birth_day(local_day(moment, community.zone))
    return f"{day}, {wording.hour(moment, community.zone)}"


def _level_of(reason: dict[str, Any]) -> str:
    return str(staff_words.LEVELS[Level[reason["level"]]])


def _of_protocol(told: Explained) -> dict[str, Any]:
    """Return what only the version itself can tell: texts of questions, what did not hold."""
    read, replay = told.protocol, told.replay
    if read is None:
        return {"protocol_is_here": False, "replay": None, "patient": [], "complaints": ""}
    return {
        "protocol_is_here": True,
        "patient": _patient(told, read),
        "complaints": staff_words.complaints(told.kept.complaints, read),
        "replay": replay
        and {
            "is_same": replay.is_same,
            "level": words.level(replay.said.level),
            "held": preview.steps(replay.held, read),
            "not_held": preview.steps(replay.not_held, read),
        },
        "answers": preview.heard(told.kept.answers, read),
        "routes": [words.discipline(each["discipline"]) for each in told.kept.routes],
    }


def _patient(told: Explained, read: Protocol) -> list[str]:
    del read
    if told.is_forgotten:
        return []
    somebody = explaining.patient_of(told.kept.patient)
    age = (
        _("âge inconnu")
        if somebody.age_months is None
        else staff_words.age(None, somebody.age_months, told.kept.assessed_at.date())
    )
    pregnancies = {
        "yes": _("enceinte"),
        "maybe": _("peut-être enceinte"),
        "no": _("pas enceinte"),
    }
    said = [age, staff_words.SEXES.get(somebody.sex, _("sexe inconnu"))]
    return [str(each) for each in (*said, pregnancies.get(somebody.pregnant, "")) if each]
