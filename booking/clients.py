"""Other software that may ask and book: its key is shown once and kept as a hash. No HTTP."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from uuid import UUID, uuid4

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from booking.audit import unit
from booking.audit.writing import About
from booking.links import hashed
from booking.models import Action, ApiClient, Scope
from schedules.models import Community

PREFIX = "jm_"
"""What every key begins with, so that tools that look for leaked secrets know one."""

KEY_BYTES = 32
"""256 bits, written as 43 characters."""

EVERYTHING = frozenset(Scope)


class NoSuchClient(LookupError):
    """This community has no such client, or its key was revoked before."""


@dataclass(frozen=True)
class Client:
    """Whoever holds a live key, the one community that the key is for, and what it is for."""

    id: int
    reference: UUID
    community: Community
    scopes: frozenset[str]


_OF_KEY = (
    select(ApiClient.id, ApiClient.reference, Community, ApiClient.scopes)
    .join(Community, Community.id == ApiClient.community_id)
    .where(ApiClient.key_hash == bindparam("key"), ApiClient.revoked_at.is_(None))
)
"""Built once: every call of every client begins with it."""


def issue_key(
    session: Session,
    community_id: int,
    name: str,
    *,
    scopes: Collection[Scope] = EVERYTHING,
    now: datetime,
) -> str:
    """Let a new client in and return its key, which nobody can read again afterwards.

    What a key is for stays as it is: another purpose has another key.
    """
    key, reference = PREFIX + token_urlsafe(KEY_BYTES), uuid4()
    session.execute(
        insert(ApiClient).values(
            community_id=community_id,
            reference=reference,
            name=name,
            key_hash=hashed(key),
            scopes=sorted(scopes),
            created_at=now,
        )
    )
    unit.note(Action.KEY, About("api_client", reference), community_id=community_id)
    return key


def client_of(session: Session, key: str) -> Client | None:
    """Return whom this key belongs to, or None. Looked up by its hash, so time tells nothing."""
    found = session.execute(_OF_KEY, {"key": hashed(key)}).one_or_none()
    if found is None:
        return None
    number, reference, community, scopes = found
    return Client(number, reference, community, frozenset(scopes))


def revoke(session: Session, community_id: int, client: UUID, *, now: datetime) -> None:
    """End a client's key at once; what it asked and booked stays.

    Raises:
        NoSuchClient: if this community has none of that name with a live key.
    """
    ended = session.scalar(
        update(ApiClient)
        .where(
            ApiClient.community_id == community_id,
            ApiClient.reference == client,
            ApiClient.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(ApiClient.id)
    )
    if ended is None:
        raise NoSuchClient
    unit.note(Action.KEY, About("api_client", client), community_id=community_id)
