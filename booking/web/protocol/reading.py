"""Read a version: the list of all, one as a whole, one complaint; print it, take its files home."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.extensions import db
from booking.governance import blocks, journal, serving, states
from booking.models import ProtocolVersion, Role, VersionStatus
from booking.triage.protocol import Protocol
from booking.web import wording
from booking.web.protocol import words
from booking.web.protocol.door import (
    READERS,
    Room,
    delivered,
    protocol,
    readable,
    room,
    shown,
)
from config.database import transaction

TITLE = re.compile(r"""^ +title: *["']?(.+?)["']? *$""", re.MULTILINE)
"""What people call a complaint, in the block that says it."""

FILES = {"protocole": "document", "cas": "cases", "anglais": "english"}


@protocol.get("/protocole")
@guards.open_to(*READERS)
def listing() -> ResponseReturnValue:
    """Show every version with where it stands, and which one triages today."""
    with transaction(db.session) as session:
        return listing_page(room(session), {})


def listing_page(here: Room, errors: Mapping[str, str]) -> str:
    """Return the list of versions, with what was wrong with a form of it."""
    counts = states.current(here.versions, here.today)
    return render_template(
        "protocol/listing.html",
        errors=errors,
        community=here.community,
        versions=[shown(each, here) for each in here.versions],
        counts=counts and shown(counts, here),
        delivered=delivered()["fr"],
        may_write=may_write(),
    )


def may_write() -> bool:
    """Return whether who is signed in writes and signs protocols."""
    return guards.identity().role is Role.COORDINATOR


@protocol.get("/protocole/versions/<uuid:reference>")
@guards.open_to(*READERS)
def version(reference: UUID) -> ResponseReturnValue:
    """Show one version: its signatures, its signs, its complaints, and what can be done."""
    with transaction(db.session) as session:
        here = room(session)
        return version_page(here, here.find(reference), {}, {})


def version_page(
    here: Room, found: ProtocolVersion, typed: Mapping[str, str], errors: Mapping[str, str]
) -> str:
    """Return the page of one version, with what was typed into its forms and was wrong."""
    read = readable(found)
    is_open = found.status in (VersionStatus.DRAFT, VersionStatus.TESTED)
    about = shown(found, here)
    return render_template(
        "protocol/version.html",
        errors=errors,
        typed=typed,
        community=here.community,
        version=about,
        read=read,
        trial=found.trial,
        counted=words.counted(found.trial["counted"]) if found.trial else "",
        journal=_done(here, found),
        blocks=_blocks(found) if is_open else [],
        may_write=may_write(),
        may_edit=may_write() and is_open and about["is_mine"],
        **(_contents(read) if read else {}),
    )


def _contents(read: Protocol) -> dict[str, Any]:
    return {
        "universal": [words.question(each, read) for each in read.universal],
        "stage2": [words.question(each, read) for each in read.stage2],
        "floors": [words.rule(each, read) for each in read.floors],
        "grouped": [
            (heading, [{"id": c.id, "title": c.title} for c in under])
            for heading, under in read.grouped(read.complaints)
        ],
        "sources": read.sources,
        "reading": _aloud(read),
    }


def _aloud(read: Protocol) -> dict[str, Any]:
    """Return what reading it aloud takes: the signs, each whole call, and the median of calls."""
    paths = serving.reading_time(read)
    return {
        "universal": words.signs_aloud(paths.universal),
        "stage2": words.signs_aloud(paths.stage2_longest),
        "complaints": {each.complaint: words.aloud(each.typical) for each in paths.each},
        "longest": {each.complaint: words.aloud(each.longest) for each in paths.each},
        "median": round(paths.median_seconds),
    }


def _blocks(found: ProtocolVersion) -> list[dict[str, str]]:
    """Return the parts that may be edited by themselves; none while the text cannot be cut."""
    try:
        known = blocks.blocks(found.document)
    except blocks.NotBlocks:
        return []
    return [{"name": name, "text": block_title(name, each.text)} for name, each in known.items()]


def block_title(name: str, text: str = "") -> str:
    """Return what a part of the text is called on screens: a complaint by the title it says."""
    if name.startswith(blocks.COMPLAINT):
        said = TITLE.search(text)
        called = said[1] if said else name.removeprefix(blocks.COMPLAINT)
        return str(_("Motif « %(name)s »", name=called))
    return str(words.BLOCKS.get(name, name))


def _done(here: Room, found: ProtocolVersion) -> list[list[str]]:
    return [
        [here.moment(act.at), str(words.ACTS[act.act]), act.by_name, _detail(act.detail)]
        for act in journal.acts(here.session, found)
    ]


def _detail(detail: Mapping[str, Any]) -> str:
    if "what" in detail:
        return block_title(detail["what"])
    if "is_sound" in detail:
        return str(_("conforme") if detail["is_sound"] else _("des défauts"))
    return ""


@protocol.get("/protocole/versions/<uuid:reference>/motifs/<complaint>")
@guards.open_to(*READERS)
def complaint(reference: UUID, complaint: str) -> ResponseReturnValue:
    """Show one complaint whole: questions, rules in words, professions, what to say."""
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference)
        read = readable(found)
        if read is None or complaint not in read.by_complaint:
            abort(404)
        about = shown(found, here)
        is_open = found.status in (VersionStatus.DRAFT, VersionStatus.TESTED)
        return render_template(
            "protocol/complaint.html",
            errors={},
            community=here.community,
            version=about,
            complaint=words.complaint(read.by_complaint[complaint], read),
            block=blocks.COMPLAINT + complaint,
            reading=_aloud(read),
            may_edit=may_write() and is_open and about["is_mine"],
        )


@protocol.get("/protocole/versions/<uuid:reference>/complet")
@guards.open_to(*READERS)
def whole(reference: UUID) -> ResponseReturnValue:
    """Show all of a version on one page, to be printed and signed on paper if need be."""
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference)
        read = readable(found)
        if read is None:
            abort(404)
        return render_template(
            "protocol/whole.html",
            errors={},
            community=here.community,
            version=shown(found, here),
            read=read,
            emergency_advice=read.emergency_advice,
            every=[
                (heading, [words.complaint(each, read) for each in under])
                for heading, under in read.grouped(read.complaints)
            ],
            printed=wording.birth_day(here.today),
            **_contents(read),
        )


@protocol.get("/protocole/versions/<uuid:reference>/<any(protocole, cas, anglais):part>.yaml")
@guards.open_to(*READERS)
def file(reference: UUID, part: str) -> ResponseReturnValue:
    """Answer with one of the texts of a version, letter for letter: its digest is that of this."""
    with transaction(db.session) as session:
        found = room(session).find(reference)
        text = getattr(found, FILES[part])
    if text is None:
        abort(404)
    answer = Response(text.encode(), mimetype="application/yaml")
    name = f"{found.protocol}.v{found.number}.{part}.yaml"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
