"""A write that is sent twice is done once: the second gets the first one's answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.api.problems import Kind, Problem
from booking.clients import Client
from booking.models import IdempotencyKey
from config import sealed

KEPT = timedelta(hours=24)
"""How long an answer can be asked for again. Older rows count for nothing, deleted or not."""

KEPT_ANSWERS = cast("Table", IdempotencyKey.__table__)
"""The table itself: going by the mapped class costs each write a quarter more."""

NOT_YET = 0
"""The status of a row whose work is being done; no other transaction ever sees it."""


@dataclass(frozen=True)
class Answer:
    """What a write is answered: plain JSON, without the links, which are never stored."""

    status: int
    body: dict[str, Any]
    is_replayed: bool = False


def once(
    session: Session,
    client: Client,
    key: str,
    fingerprint: bytes,
    act: Callable[[], Answer],
    *,
    now: datetime,
) -> Answer:
    """Do the work and keep its answer, or return the answer that was kept.

    Of two at once the second waits at the row that the first has written. A refusal undoes the
    row with everything else, so it can be tried again with the same key.

    Raises:
        Problem: KEY_REUSED, if the key was given to another request.
    """
    # The content is somebody's name and phone: a plain hash could be tried until one fits.
    keyed = sealed.blind("partner's write", fingerprint.hex())
    reference = _first(session, client, key, keyed, now)
    if reference is None:
        return _kept(session, client, key, keyed)
    answer = act()
    session.execute(
        update(KEPT_ANSWERS)
        .where(*_row(client, key))
        .values(
            status=answer.status,
            **sealed.written(IdempotencyKey, reference, {"body": answer.body}),
        )
    )
    return answer


def _row(client: Client, key: str) -> tuple[Any, ...]:
    return (
        KEPT_ANSWERS.c.community_id == client.community.id,
        KEPT_ANSWERS.c.client_id == client.id,
        KEPT_ANSWERS.c.key == key,
    )


def _first(
    session: Session, client: Client, key: str, fingerprint: bytes, now: datetime
) -> UUID | None:
    """Write the row and return its reference; None if this write is known."""
    fresh = {
        "reference": uuid4(),
        "fingerprint": fingerprint,
        "status": NOT_YET,
        "body": None,
        "created_at": now,
    }
    written = (
        insert(KEPT_ANSWERS)
        .values(community_id=client.community.id, client_id=client.id, key=key, **fresh)
        .on_conflict_do_update(
            constraint="pk_idempotency_key",
            set_=fresh,
            where=KEPT_ANSWERS.c.created_at <= now - KEPT,
        )
        .returning(KEPT_ANSWERS.c.reference)
    )
    reference: UUID | None = session.scalar(written)
    return reference


def _kept(session: Session, client: Client, key: str, fingerprint: bytes) -> Answer:
    before = session.execute(
        select(
            KEPT_ANSWERS.c.reference,
            KEPT_ANSWERS.c.fingerprint,
            KEPT_ANSWERS.c.status,
            KEPT_ANSWERS.c.body,
        ).where(*_row(client, key))
    ).one()
    if before.fingerprint != fingerprint:
        raise Problem(Kind.KEY_REUSED)
    said = sealed.read(IdempotencyKey, before, "body")
    return Answer(before.status, said["body"], is_replayed=True)
