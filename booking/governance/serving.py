"""Which version triages a community at a moment: one cheap query, and a parse that is done once.

Doors are handed a protocol in every case, for its words; one whose dates do not cover the day
judges nobody (`ask.assess` refuses it), so that no door needs to know why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, cast, func, select
from sqlalchemy.orm import Session

from booking import protocols
from booking.governance.texts import Texts
from booking.models import ProtocolVersion, VersionStatus
from booking.triage import reading
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Protocol
from booking.triage.reading import Paths
from config import logs
from schedules.models import Community

MOST_KEPT = 64
"""Versions that a process keeps in memory, read and checked: as many communities, about."""

WARNED = timedelta(days=30)
"""How long before its last day staff are told that a version ends."""

NEVER: dict[str, Any] = {"valid_from": date.max, "valid_until": date.min}


class Standing(StrEnum):
    """What staff must know of the protocol that triages their community."""

    SIGNED = "SIGNED"
    ENDS_SOON = "ENDS_SOON"
    UNSIGNED = "UNSIGNED"
    """The delivered file serves: a demonstration, no real patient."""
    CLOSED = "CLOSED"
    """Nothing is in force: whoever asks is sent to the 15 or to their doctor."""


@dataclass(frozen=True)
class Chosen:
    """The signed version that counts for a community, without its texts.

    `is_usable` is False when it was taken back, is not yet in force or has expired: it then only
    lends its words.
    """

    id: int
    reference: UUID
    number: int
    digest: str
    english_digest: str | None
    in_force_from: date
    valid_until: date
    signed_by: tuple[str, str]
    is_usable: bool
    today: date


_parsed: dict[tuple[object, ...], protocols.Version] = {}
_parsing = Lock()
_aloud: dict[str, Paths] = {}


def chosen(session: Session, community_id: int, *, now: datetime) -> Chosen | None:
    """Return the version that counts now, where the community is; None if none was ever signed."""
    today = cast(func.timezone(Community.zone_name, now), Date)
    table = ProtocolVersion
    counts = and_(table.status == VersionStatus.APPROVED, table.in_force_from <= today)
    row = session.execute(
        select(
            table.id,
            table.reference,
            table.number,
            table.digest,
            table.english_digest,
            table.in_force_from,
            table.valid_until,
            table.written_by_name,
            table.approved_by_name,
            and_(counts, table.valid_until >= today).label("is_usable"),
            today.label("today"),
        )
        .join(Community, Community.id == table.community_id)
        .where(table.community_id == community_id, table.approved_at.is_not(None))
        .order_by(counts.desc(), table.in_force_from.desc(), table.approved_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Chosen(
        id=row.id,
        reference=row.reference,
        number=row.number,
        digest=row.digest,
        english_digest=row.english_digest,
        in_force_from=row.in_force_from,
        valid_until=row.valid_until,
        signed_by=(row.written_by_name, row.approved_by_name),
        is_usable=row.is_usable,
        today=row.today,
    )


def version(
    session: Session,
    community_id: int,
    *,
    delivered: protocols.Version,
    may_be_unsigned: bool,
    now: datetime,
) -> protocols.Version:
    """Return the version that triages a community now, in each of its languages.

    Where none was ever signed it is the delivered one: with its own dates where it may be used
    unsigned, else with dates that cover no day. A version that this program cannot read serves
    nobody either.
    """
    counts = chosen(session, community_id, now=now)
    if counts is None:
        return delivered if may_be_unsigned else closed(delivered)
    try:
        return _read(session, community_id, counts)
    except ProtocolInvalid:
        logs.event("protocol_unreadable", about=counts.reference)
        return closed(delivered)


def reading_time(protocol: Protocol) -> Paths:
    """Return what a protocol takes to read aloud, computed once for each text."""
    if protocol.digest not in _aloud:
        if len(_aloud) >= MOST_KEPT:
            _aloud.clear()
        _aloud[protocol.digest] = reading.paths(protocol)
    return _aloud[protocol.digest]


def closed(version: protocols.Version) -> protocols.Version:
    """Return a version that has its words and judges nobody."""
    french = version["fr"]
    return _kept(
        ("closed", french.id, french.version, french.digest, *version),
        lambda: {language: replace(each, **NEVER) for language, each in version.items()},
    )


def standing(
    session: Session,
    community_id: int,
    *,
    delivered: protocols.Version,
    may_be_unsigned: bool,
    today: date,
    now: datetime,
) -> Standing:
    """Return what staff must know of their protocol at this moment."""
    counts = chosen(session, community_id, now=now)
    if counts is None:
        may_serve = may_be_unsigned and delivered["fr"].is_in_force(today)
        return Standing.UNSIGNED if may_serve else Standing.CLOSED
    if not counts.is_usable:
        return Standing.CLOSED
    ends_soon = counts.valid_until - counts.today < WARNED
    return Standing.ENDS_SOON if ends_soon else Standing.SIGNED


def former(
    session: Session, community_id: int, digest: str, published: Sequence[protocols.Version]
) -> tuple[protocols.Version, ProtocolVersion | None] | None:
    """Return the version of that digest, whatever became of it, with its row if it has one.

    None when neither the community nor the product has it.

    Raises:
        ProtocolInvalid: if this program can no longer read it.
    """
    row = session.scalar(
        select(ProtocolVersion)
        .where(ProtocolVersion.community_id == community_id, ProtocolVersion.digest == digest)
        .order_by(ProtocolVersion.approved_at.is_(None), ProtocolVersion.id)
        .limit(1)
    )
    if row is not None:
        return read(row), row
    for each in published:
        if each["fr"].digest == digest:
            return each, None
    return None


def read(row: ProtocolVersion) -> protocols.Version:
    """Return what a version says, as it was written: to show it, not to triage by it.

    Where its English words do not fit it, French alone.

    Raises:
        ProtocolInvalid: if it is no protocol, or this program can no longer read it.
    """
    try:
        return whole(row)
    except ProtocolInvalid:
        texts = Texts(row.document, "")
        return _kept((row.digest, None), lambda: texts.version)


def whole(row: ProtocolVersion) -> protocols.Version:
    """Return what a version says in each of its languages.

    Raises:
        ProtocolInvalid: if one of them cannot be read, or does not fit.
    """
    texts = Texts(row.document, "", row.english)
    return _kept((row.digest, row.english_digest), lambda: texts.version)


def _read(session: Session, community_id: int, counts: Chosen) -> protocols.Version:
    dates = (counts.in_force_from, counts.valid_until) if counts.is_usable else ()
    return _kept(
        (counts.digest, counts.english_digest, counts.signed_by, *dates),
        lambda: _signed(session, community_id, counts),
    )


def _kept(key: tuple[object, ...], make: Callable[[], protocols.Version]) -> protocols.Version:
    """Return what was made before under this key, or make it: one thread does, others wait."""
    found = _parsed.get(key)
    if found is not None:
        return found
    with _parsing:
        if key not in _parsed:
            made = make()
            for oldest in list(_parsed)[: max(0, len(_parsed) + 1 - MOST_KEPT)]:
                del _parsed[oldest]
            _parsed[key] = made
        return _parsed[key]


def _signed(session: Session, community_id: int, counts: Chosen) -> protocols.Version:
    document, english = session.execute(
        select(ProtocolVersion.document, ProtocolVersion.english).where(
            ProtocolVersion.community_id == community_id, ProtocolVersion.id == counts.id
        )
    ).one()
    dates = {"valid_from": counts.in_force_from, "valid_until": counts.valid_until}
    said = (dates if counts.is_usable else NEVER) | {"reviewed_by": counts.signed_by}
    return {
        language: replace(each, **said)
        for language, each in Texts(document, "", english).version.items()
    }
