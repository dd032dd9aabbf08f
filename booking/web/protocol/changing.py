"""Change a protocol: a draft from any version or file, block by block; nothing typed is lost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.extensions import db
from booking.governance import blocks, serving, texts, trial, versions
from booking.governance.blocks import Block, NotBlocks
from booking.governance.texts import Fault, Part, Texts
from booking.models import ProtocolVersion
from booking.triage import shape
from booking.triage.documents import ProtocolInvalid
from booking.web.protocol import reading, words
from booking.web.protocol.door import (
    COMMITTEE,
    Room,
    delivered,
    protocol,
    readable,
    room,
    shown,
    signatory,
)
from config import logs
from config.database import transaction
from schedules import nomenclature

CASES = "cases"
ENGLISH = "english"


@protocol.post("/protocole/importer")
@guards.open_to(*COMMITTEE)
def import_delivered() -> ResponseReturnValue:
    """Begin a draft with the version that is delivered with the product."""
    with transaction(db.session) as session:
        made = _draft(room(session), texts.delivered(), None)
    return redirect(url_for("protocol.version", reference=made), 303)


@protocol.post("/protocole/fichier")
@guards.open_to(*COMMITTEE)
def upload() -> ResponseReturnValue:
    """Begin a draft with files that somebody has written elsewhere."""
    errors: dict[str, str] = {}
    document = _file("document", errors)
    own = {name: _file(name, errors) for name in (CASES, ENGLISH)}
    if not document and "document" not in errors:
        errors["document"] = _("Choisissez le fichier du protocole")
    with transaction(db.session) as session:
        here = room(session)
        if errors or not document:
            return reading.listing_page(here, errors), 422
        latest = versions.texts_of(here.find(here.versions[0].reference)) if here.versions else None
        cases = own[CASES] or (latest or texts.delivered()).cases
        try:
            made = _draft(here, Texts(document, cases, own[ENGLISH]), None)
        except NotBlocks as wrong:
            return reading.listing_page(here, {"document": _not_yaml(wrong)}), 422
    return redirect(url_for("protocol.version", reference=made), 303)


def _file(name: str, errors: dict[str, str]) -> str | None:
    """Return the text of a file that was sent; None where there is none, or it is no text."""
    sent = request.files.get(name)
    raw = sent.read(texts.LARGEST + 1) if sent else b""
    if len(raw) > texts.LARGEST:
        errors[name] = _("Ce fichier est trop grand : 1 Mo au plus")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        errors[name] = _("Ce fichier n’est pas un texte en UTF-8")
        return None
    if "\0" in text:
        errors[name] = _("Ce fichier n’est pas un texte en UTF-8")
        return None
    return text.replace("\r\n", "\n") or None


@protocol.post("/protocole/versions/<uuid:reference>/brouillon")
@guards.open_to(*COMMITTEE)
def draft(reference: UUID) -> ResponseReturnValue:
    """Begin a draft with what this version says."""
    with transaction(db.session) as session:
        here = room(session)
        source = here.find(reference)
        made = _draft(here, versions.texts_of(source), source)
    return redirect(url_for("protocol.version", reference=made), 303)


def _draft(here: Room, said: Texts, based_on: ProtocolVersion | None) -> UUID:
    made = versions.draft(
        here.session,
        here.community.id,
        said,
        protocol=delivered()["fr"].id,
        based_on=based_on,
        by=signatory(),
        now=here.now,
    )
    logs.event("protocol_drafted", about=made.reference, actor=guards.identity().account)
    return made.reference


@protocol.get("/protocole/versions/<uuid:reference>/modifier/<path:name>")
@guards.open_to(*COMMITTEE)
def edit(reference: UUID, name: str) -> ResponseReturnValue:
    """Show one block of a draft in a field, with everything that is wrong with the draft now."""
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference)
        return _edit_page(here, found, _written(found, name), faults_of(found), {})


@protocol.post("/protocole/versions/<uuid:reference>/modifier/<path:name>")
@guards.open_to(*COMMITTEE)
def keep(reference: UUID, name: str) -> ResponseReturnValue:
    """Keep what was typed, and say what is wrong with it; what cannot be cut again is not kept."""
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference, lock=True)
        before = _written(found, name)
        typed = {field: request.form.get(field, "") for field in before}
        refused = _refused(before)
        if not refused:
            try:
                wanted = _changed(found, name, typed)
                versions.edit(session, found, wanted, what=name, by=signatory(), now=here.now)
            except versions.NotYours:
                refused = {name: _("Seule la personne qui a écrit ce brouillon le modifie")}
            except versions.NotADraft:
                refused = {name: _("Cette version est signée : faites-en un nouveau brouillon")}
            except NotBlocks as wrong:
                refused = {name: _not_yaml(wrong, _block(found, name))}
        if refused:
            page = _edit_page(here, found, typed, (), {"text": next(iter(refused.values()))})
            return page, 409 if "changed" in refused else 422
        faults = faults_of(found)
        if faults:
            still = _edit_page(here, found, _written_if(found, name, typed), faults, {}, kept=True)
            return still, 422
    return redirect(url_for("protocol.version", reference=reference, garde=""), 303)


def _refused(before: dict[str, str]) -> dict[str, str]:
    """Return why nothing is kept: somebody, in another tab perhaps, has changed the same block."""
    seen = request.form.get("seen", "")
    if seen and seen != _seen(before):
        changed = _(
            "Ce bloc a été modifié entre-temps, dans un autre onglet peut-être. Copiez votre "
            "texte, rouvrez la page, puis recommencez."
        )
        return {"changed": changed}
    return {}


def _seen(written: dict[str, str]) -> str:
    return texts.fingerprint("\0".join(written.values()))


def _block(found: ProtocolVersion, name: str) -> Block | None:
    """Return the block of a draft; None for the texts that are edited whole."""
    if name in (CASES, ENGLISH):
        return None
    try:
        return blocks.blocks(found.document)[name]
    except (KeyError, NotBlocks):
        abort(404)


def _written(found: ProtocolVersion, name: str) -> dict[str, str]:
    """Return what the fields of a block hold: the block, and a complaint's own cases."""
    block = _block(found, name)
    if block is None:
        return {"text": getattr(found, name) or ""}
    if not name.startswith(blocks.COMPLAINT):
        return {"text": block.text}
    complaint = name.removeprefix(blocks.COMPLAINT)
    try:
        return {"text": block.text, "cases": blocks.cases_of(found.cases, complaint)}
    except NotBlocks:
        return {"text": block.text}


def _written_if(found: ProtocolVersion, name: str, typed: dict[str, str]) -> dict[str, str]:
    """Return what a block holds now; what was typed where it has got another name, or is gone."""
    known = blocks.blocks(found.document)
    return _written(found, name) if name in (*known, CASES, ENGLISH) else typed


def _changed(found: ProtocolVersion, name: str, typed: dict[str, str]) -> Texts:
    """Return the texts with what was typed.

    Raises:
        NotBlocks: if they could not be cut again.
    """
    now, block = versions.texts_of(found), _block(found, name)
    if block is None:
        text = blocks.tidy(typed["text"])
        blocks.check(text)
        if name == CASES:
            return replace(now, cases=f"{text}\n")
        return replace(now, english=f"{text}\n" if text else None)
    document = blocks.replaced(now.document, block, typed["text"])
    blocks.blocks(document)
    if "cases" not in typed:
        return replace(now, document=document)
    complaint = name.removeprefix(blocks.COMPLAINT)
    cases = blocks.with_cases(now.cases, complaint, typed["cases"])
    blocks.check(cases)
    return replace(now, document=document, cases=cases)


def _not_yaml(wrong: NotBlocks, block: Block | None = None) -> str:
    line = wrong.line
    if line and block:
        line = max(1, line - block.first + 1)
    if not line:
        return str(_("Ce texte n’est pas du YAML (%(why)s).", why=wrong.message))
    told = _(
        "Ligne %(line)s : ce texte n’est pas du YAML (%(why)s). Vérifiez les retraits, les "
        "deux-points et les guillemets.",
        line=line,
        why=wrong.message,
    )
    return str(told)


def faults_of(found: ProtocolVersion) -> Sequence[Fault]:
    """Return what keeps a draft from being read, or breaks its shape: what is seen at once.

    Proofs and cases take seconds: they are tried apart.
    """
    try:
        french = serving.whole(found)["fr"]
    except ProtocolInvalid:
        return tuple(versions.texts_of(found).faults())
    wrong = shape.failures(french, nomenclature.disciplines())
    return tuple(trial.told(Part.DOCUMENT, each) for each in wrong)


def _edit_page(
    here: Room,
    found: ProtocolVersion,
    typed: dict[str, str],
    faults: Sequence[Fault],
    errors: dict[str, str],
    *,
    kept: bool = False,
) -> str:
    name = request.view_args["name"] if request.view_args else ""
    block = _block(found, name) if not kept else blocks.blocks(found.document).get(name)
    told: list[dict[str, Any]] = [told_fault(fault, block) for fault in faults]
    return render_template(
        "protocol/edit.html",
        errors=errors or ({"text": told[0]["text"]} if told and kept else {}),
        community=here.community,
        version=shown(found, here),
        name=name,
        title=reading.block_title(name, block.text) if block else _whole_title(name),
        typed=typed,
        seen=request.form.get("seen") if errors else _seen(typed),
        rows=min(40, max(8, typed["text"].count("\n") + 3)),
        rows_of_cases=min(20, max(4, typed.get("cases", "").count("\n") + 2)),
        faults=told,
        kept=kept,
        first=block.first if block else 1,
        may_add=name.startswith(blocks.COMPLAINT),
        aloud=_aloud(found, name),
    )


def _aloud(found: ProtocolVersion, name: str) -> str:
    """Return what reading the block aloud costs a caller; nothing where that means nothing."""
    read = readable(found)
    if read is None:
        return ""
    paths = serving.reading_time(read)
    calls = {blocks.COMPLAINT + each.complaint: words.aloud(each.typical) for each in paths.each}
    signs = {"universal": paths.universal, "stage2": paths.stage2_longest}
    return words.signs_aloud(signs[name]) if name in signs else calls.get(name, "")


def _whole_title(name: str) -> str:
    return {CASES: str(_("Tous les cas")), ENGLISH: str(_("Textes anglais"))}.get(name, name)


def told_fault(fault: Fault, block: Block | None) -> dict[str, Any]:
    """Return a fault as a page tells it: which line, of the field where it is in the field."""
    here = block.line_here(fault.line) if block and fault.line else None
    parts = {
        Part.DOCUMENT: _("protocole"),
        Part.CASES: _("cas"),
        Part.ENGLISH: _("textes anglais"),
    }
    where = parts[fault.part]
    if here:
        where = _("ligne %(line)s de ce bloc", line=here)
    elif fault.line:
        where = _("%(part)s, ligne %(line)s", part=where, line=fault.line)
    return {"where": where, "text": fault.text, "is_here": here is not None}
