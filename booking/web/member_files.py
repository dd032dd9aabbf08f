"""Members as a file: what is there, to take away; what a file would change, shown, then done."""

from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking import guards
from booking.audit import unit
from booking.desk import board
from booking.desk import membership as desk
from booking.desk.membership import Member
from booking.extensions import db, now
from booking.models import Action, Role
from booking.web import member_words
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules import nomenclature, roster, rostering
from schedules.models import Community, Enablement
from schedules.roster import Enabled, RosterUnreadable
from schedules.rostering import Effect

files = Blueprint("files", __name__)

LARGEST_FILE = 2 * 1024 * 1024
LARGEST_FORM = 3 * LARGEST_FILE + 64 * 1024
"""The file shown again is UTF-8: what was one byte may be three."""

UNREADABLE = {
    "missing": lazy("Choisissez un fichier CSV"),
    "large": lazy("Ce fichier dépasse 2 Mo. Coupez-le en plusieurs"),
    "encoding": lazy("Ce fichier n’est pas un texte lisible. Enregistrez-le en CSV UTF-8"),
    "empty": lazy("Ce fichier est vide"),
    "long": lazy("Ce fichier a plus de 5 000 lignes. Coupez-le en plusieurs"),
    "cell": lazy("Une case de ce fichier dépasse 2 000 caractères"),
    "table": lazy("Ce fichier n’est pas un tableau CSV"),
}


def large_forms() -> None:
    """Let the forms that carry a file of members be longer than all others."""
    view = request.endpoint or ""
    if request.method == "POST" and view.startswith("coordination.members.files."):
        request.max_content_length = LARGEST_FORM
        request.max_form_memory_size = LARGEST_FORM


@files.get("/coordination/membres.csv")
@guards.open_to(Role.COORDINATOR)
def export() -> ResponseReturnValue:
    """Return every member as a table that spreadsheets open."""
    moment = now()
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        every = desk.listed(session, community.id, now=moment)
        unit.note(Action.EXPORT, community_id=community.id, count=len(every))
    today = local_day(moment, community.zone)
    content = roster.written(
        [
            *_cells(each),
            nomenclature.label(each.who.discipline),
            str(member_words.STANDINGS[each.standing]),
            member_words.last_offer(each, community, today),
        ]
        for each in every
    )
    logs.event("members_exported", actor=guards.identity().account, count=len(every))
    answer = Response(content, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename=membres-{today}.csv"
    return answer


def _cells(member: Member) -> list[str]:
    who = member.who
    return [
        who.rpps,
        who.civility,
        who.family_name,
        who.given_name,
        who.profession,
        who.speciality or "",
        who.email or "",
        roster.BETWEEN.join(who.languages),
        roster.BETWEEN.join(site.finess or site.name for site in member.sites),
        roster.BETWEEN.join(map(_enabled, member.enabled)),
    ]


def _enabled(each: Enablement) -> str:
    return str(Enabled(each.code, each.starts_on, each.ends_on))


@files.get("/coordination/membres/importer")
@guards.open_to(Role.COORDINATOR)
def choose() -> ResponseReturnValue:
    """Show the form that takes a file."""
    with transaction(db.session) as session:
        return _choice(board.community_of(session, guards.identity().community_id), {})


def _choice(community: Community, errors: dict[str, str]) -> str:
    return render_template(
        "members/import.html", errors=errors, community=community, columns=roster.COLUMNS
    )


@files.post("/coordination/membres/importer")
@guards.open_to(Role.COORDINATOR)
def try_out() -> ResponseReturnValue:
    """Show line by line what a file would do; nothing counts yet."""
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        try:
            text = roster.decoded(_sent())
            planned = rostering.plan(session, community, roster.read(text))
        except RosterUnreadable as wrong:
            return _choice(community, {"file": _why(wrong)}), 422
    return _shown(community, text, planned)


def _sent() -> bytes:
    sent = request.files.get("file")
    content = b""
    if sent:
        content = sent.stream.read(LARGEST_FILE + 1)
        sent.close()
    if not content:
        raise RosterUnreadable("missing")
    if len(content) > LARGEST_FILE:
        raise RosterUnreadable("large")
    return content


def _why(wrong: RosterUnreadable) -> str:
    if wrong.why == "column":
        return str(_("Il manque la colonne « %(column)s »", column=wrong.column))
    return str(UNREADABLE[wrong.why])


def _shown(
    community: Community, text: str, planned: Sequence[rostering.Planned], *, is_news: bool = False
) -> str:
    counts = Counter(it.effect for it in planned)
    return render_template(
        "members/tried.html",
        errors={},
        community=community,
        text=text,
        seal=rostering.seal(planned),
        is_news=is_news,
        lines=[member_words.line(it) for it in planned],
        counted=member_words.counted(counts),
        remarked=sum(bool(it.remarks) for it in planned),
        would_do=counts[Effect.NEW] + counts[Effect.CHANGED],
    )


@files.post("/coordination/membres/importer/appliquer")
@guards.open_to(Role.COORDINATOR)
def apply() -> ResponseReturnValue:
    """Do what was shown; if members have changed since, show it again instead."""
    text = request.form.get("text", "")
    by, moment = guards.identity().account, now()
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        try:
            planned = rostering.plan(session, community, roster.read(text))
        except RosterUnreadable as wrong:
            return _choice(community, {"file": _why(wrong)}), 422
        if rostering.seal(planned) != request.form.get("seal"):
            return _shown(community, text, planned, is_news=True), 409
        rostering.apply(session, community, planned, by=by, now=moment)
        done = sum(it.effect in (Effect.NEW, Effect.CHANGED) for it in planned)
        if done:
            unit.note(Action.MEMBER, community_id=community.id, count=done)
    logs.event("members_imported", actor=by, count=len(planned))
    return redirect(url_for("coordination.members.listing", importe=1), 303)
