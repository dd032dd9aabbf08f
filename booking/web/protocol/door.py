"""The door of the protocol's pages: who may enter, and what every page of it needs."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request, url_for
from sqlalchemy.orm import Session

from booking import guards, protocols
from booking.desk import board
from booking.extensions import db, equipment, now
from booking.governance import serving, states, versions
from booking.governance.journal import Signatory
from booking.governance.serving import Standing
from booking.governance.states import State
from booking.models import ProtocolVersion, Role
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Protocol
from booking.web import wording
from booking.web.protocol import words
from booking.web.security_headers import STATIC
from config.clock import local_day
from config.database import transaction
from schedules.models import Community

protocol = Blueprint("protocol", __name__)

READERS = (Role.COORDINATOR, Role.PROFESSIONAL)
"""Those who answer for it, and those who receive whom it sends: they may know why."""

COMMITTEE = (Role.COORDINATOR,)
"""Who writes, tries, signs and takes back."""

LARGEST_FORM = 3 * 1024 * 1024 + 64 * 1024
"""Three files of a megabyte at most, and the fields beside them."""


@dataclass(frozen=True)
class Room:
    """What every page knows: the community, the day it is there, and every version."""

    session: Session
    community: Community
    versions: list[ProtocolVersion]
    states: dict[UUID, State]
    today: date
    now: datetime

    def find(self, reference: UUID, *, lock: bool = False) -> ProtocolVersion:
        """Return a version with its texts; 404 for any other community's."""
        try:
            return versions.by_reference(self.session, self.community.id, reference, lock=lock)
        except versions.NoSuchVersion:
            abort(404)

    def moment(self, at: datetime | None) -> str:
        """Return a moment in words, with its year: « 27 mars 2027 à 12 h 00 »."""
        if at is None:
            return ""
        day = wording.birth_day(local_day(at, self.community.zone))
        return f"{day}, {wording.hour(at, self.community.zone)}"


def room(session: Session) -> Room:
    """Return what every page of the protocol knows."""
    moment = now()
    community = board.community_of(session, guards.identity().community_id)
    today = local_day(moment, community.zone)
    every = versions.listed(session, community.id)
    return Room(session, community, every, states.of(every, today), today, moment)


def signatory() -> Signatory:
    """Return who is signed in, as they write and sign."""
    somebody = guards.identity()
    return Signatory(somebody.account_id, somebody.name)


def readable(version: ProtocolVersion) -> Protocol | None:
    """Return what a version says in the language of the page; None while it cannot be read."""
    try:
        read = serving.read(version)
    except ProtocolInvalid:
        return None
    return read.get(wording.language(), read["fr"])


def in_french(version: ProtocolVersion) -> Protocol:
    """Return what is signed.

    Raises:
        ProtocolInvalid: if it cannot be read.
    """
    return serving.read(version)["fr"]


def shown(version: ProtocolVersion, here: Room) -> dict[str, Any]:
    """Return a version as lists and headings show it."""
    state = here.states[version.reference]
    return {
        "reference": version.reference,
        "number": version.number,
        "state": state.value,
        "word": words.STATES[state],
        "digest": version.digest,
        "written_by": version.written_by_name,
        "written_at": here.moment(version.written_at),
        "changed_at": here.moment(version.changed_at),
        "tested_by": version.tested_by_name,
        "tested_at": here.moment(version.tested_at),
        "approved_by": version.approved_by_name,
        "approved_at": here.moment(version.approved_at),
        "from": version.in_force_from and wording.birth_day(version.in_force_from),
        "until": version.valid_until and wording.birth_day(version.valid_until),
        "withdrawn_by": version.withdrawn_by_name,
        "withdrawn_at": here.moment(version.withdrawn_at),
        "because": version.withdrawn_because,
        "is_mine": version.written_by_id == guards.identity().account_id,
    }


def large_forms() -> None:
    """Let the forms that carry whole files be longer than all others."""
    view = request.endpoint or ""
    if request.method == "POST" and view.startswith("protocol."):
        request.max_content_length = LARGEST_FORM
        request.max_form_memory_size = LARGEST_FORM


@cache
def _css_version() -> str:
    return sha256((STATIC / "protocol.css").read_bytes()).hexdigest()[:12]


@protocol.app_context_processor
def for_layout() -> dict[str, Any]:
    """Tell staff pages what they must warn of, and where the stylesheet of these pages is."""
    return {
        "protocol_warning": _warning,
        "protocol_css_url": lambda: url_for("static", filename="protocol.css", v=_css_version()),
    }


def _warning() -> str | None:
    """Return which warning about the protocol stands on every staff page, if any."""
    somebody = guards.identity_or_none()
    if somebody is None:
        return None
    kit, moment = equipment(), now()
    with transaction(db.session) as session:
        community = board.community_of(session, somebody.community_id)
        standing = serving.standing(
            session,
            community.id,
            delivered=kit.delivered,
            may_be_unsigned=not kit.settings.is_production,
            today=local_day(moment, community.zone),
            now=moment,
        )
    return None if standing is Standing.SIGNED else standing.value


def delivered() -> protocols.Version:
    """Return the protocol that is delivered with the product."""
    return equipment().delivered
