"""Pure: one line of the audit as the bytes that its seal covers."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from config import sealed

QUARTER = timedelta(minutes=15)
"""What is looked at again and again is noted once in it."""

ONCE_BYTES = 16


class Line(NamedTuple):
    """What is noted of one thing that somebody did; nothing in it says who the patient is."""

    reference: UUID
    community_id: int | None
    at: datetime
    actor_kind: str
    actor: UUID | None
    action: str
    about_table: str | None
    about: UUID | None
    route: str
    trace: UUID | None
    how_many: int | None
    once: bytes | None


def said(line: Line) -> bytes:
    """Return a line as bytes: no two lines that differ have the same."""
    return json.dumps([_plain(each) for each in line], separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID) else value


def seal(line: Line) -> bytes:
    """Return what only this installation can have made of this line."""
    return sealed.authentic("audit line", said(line))


def once(at: datetime, *parts: object) -> bytes:
    """Return what is the same for the same parts within one quarter of an hour."""
    quarter = int(at.timestamp() // QUARTER.total_seconds())
    return sha256(":".join(map(str, (quarter, *parts))).encode()).digest()[:ONCE_BYTES]
