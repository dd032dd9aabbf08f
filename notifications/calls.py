"""Calls to providers as the outbox knows them: taken, begun, ended well; several in a statement.

A worker does each of these for all the messages that it has in hand, so that what one message
costs the database is a part of a statement and of a commit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BigInteger, Integer, String, Table, Uuid, column, func, select, update
from sqlalchemy import bindparam as given
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql import FromClause
from sqlalchemy.types import TypeEngine

from notifications import senders_stopped
from notifications.letters import Letter, Sent
from notifications.models import OutboxMessage, Status

TABLE = cast("Table", OutboxMessage.__table__)

LEASE = timedelta(minutes=2)
"""How long a worker may hold a message: longer than the slowest call to a provider. After it, a
message whose worker died is somebody else's."""

_VALUES: Mapping[str, TypeEngine[Any]] = {
    "community": BigInteger(),
    "number": BigInteger(),
    "token": Uuid(),
    "attempt": Integer(),
    "state": String(),
    "name": String(),
}
"""What may be said of each of several messages, and as what."""


def _each(*names: str) -> FromClause:
    """Return a table of what is said of several messages, a row each, from one array a column."""
    arrays = [as_type(given(f"{name}s"), ARRAY(_VALUES[name])) for name in names]
    columns = [column(name, _VALUES[name]) for name in names]
    return func.unnest(*arrays).table_valued(*columns, name="each").render_derived()


_TAKEN = _each("community", "number")
_TAKES = (
    update(TABLE)
    .where(TABLE.c.community_id == _TAKEN.c.community, TABLE.c.id == _TAKEN.c.number)
    .values(status=Status.SENDING, lease=given("lease"), lease_until=given("until"))
)

_BEGUN = _each("community", "number", "token", "attempt")
_BEGINS = (
    update(TABLE)
    .where(
        TABLE.c.community_id == _BEGUN.c.community,
        TABLE.c.id == _BEGUN.c.number,
        TABLE.c.lease == _BEGUN.c.token,
        TABLE.c.attempts < _BEGUN.c.attempt,
        TABLE.c.expires_at > given("moment"),
    )
    .values(call_started_at=given("moment"), lease_until=given("until"), attempts=_BEGUN.c.attempt)
    .returning(TABLE.c.id)
)

_GIVEN_BACK = _each("community", "number", "token")
_GIVES_BACK = (
    update(TABLE)
    .where(
        TABLE.c.community_id == _GIVEN_BACK.c.community,
        TABLE.c.id == _GIVEN_BACK.c.number,
        TABLE.c.lease == _GIVEN_BACK.c.token,
    )
    .values(status=Status.WAITING, lease=None, lease_until=None)
)

_SENT = _each("community", "number", "token", "state", "name")
_OURS = (
    select(TABLE.c.community_id, TABLE.c.id, _SENT.c.state, _SENT.c.name)
    .join(
        _SENT,
        (TABLE.c.community_id == _SENT.c.community)
        & (TABLE.c.id == _SENT.c.number)
        & (TABLE.c.lease == _SENT.c.token),
    )
    .with_for_update(of=TABLE, skip_locked=True)
    .cte("ours")
)
_ENDED_WELL = (
    update(TABLE)
    .where(TABLE.c.community_id == _OURS.c.community_id, TABLE.c.id == _OURS.c.id)
    .values(
        lease=None,
        lease_until=None,
        failure=None,
        status=_OURS.c.state,
        provider_id=_OURS.c.name,
    )
    .returning(TABLE.c.id)
    .add_cte(senders_stopped.RESUMES.cte("resumed"))
)
"""Who holds one of them (a withdrawal, a report) may wait for another: we wait for nobody."""


def take(session: Session, letters: Sequence[Letter], *, now: datetime) -> None:
    """Note that these messages, which are locked, are in a worker's hands."""
    if letters:
        until = {"lease": letters[0].lease, "until": now + LEASE}
        session.execute(_TAKES, _columns(letters, "community", "number") | until)


def begin(session: Session, letters: Sequence[Letter], *, now: datetime) -> list[Letter]:
    """Note that the provider is called now; return those that are still ours to send.

    The last look before the calls: a message withdrawn, too late by now, or leased by another
    worker because this one was slow, is dropped here; and one lease is good for one call.
    """
    if not letters:
        return []
    said = _columns(letters, "community", "number", "token", "attempt")
    begun = set(session.scalars(_BEGINS, said | {"moment": now, "until": now + LEASE}))
    return [letter for letter in letters if letter.id in begun]


def give_back(session: Session, letters: Sequence[Letter]) -> None:
    """Give up what is still ours and did not begin: whoever leases next looks at it at once."""
    if letters:
        session.execute(_GIVES_BACK, _columns(letters, "community", "number", "token"))


def ended_well(session: Session, sent: Sequence[Sent]) -> list[Sent]:
    """Note what the provider took, and return the rest: somebody else has its row, or its lease."""
    if not sent:
        return []
    said = _columns([each.letter for each in sent], "community", "number", "token")
    said |= {
        "states": [each.status.name for each in sent],
        "names": [each.provider_id for each in sent],
        "ways": sorted({each.letter.channel.name for each in sent}),
    }
    noted = set(session.scalars(_ENDED_WELL, said))
    return [each for each in sent if each.letter.id not in noted]


def _columns(letters: Sequence[Letter], *names: str) -> dict[str, Any]:
    known = {
        "community": [letter.community_id for letter in letters],
        "number": [letter.id for letter in letters],
        "token": [letter.lease for letter in letters],
        "attempt": [letter.attempts for letter in letters],
    }
    return {f"{name}s": known[name] for name in names}
