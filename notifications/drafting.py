"""All messages of one change as rows, in one statement: every booking runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Enum, String, Table, bindparam, column, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from config import sealed
from notifications.letters import Draft
from notifications.models import OutboxMessage, Status, recipient_key

TABLE = cast("Table", OutboxMessage.__table__)

_DRAFT = (
    func.jsonb_to_recordset(bindparam("drafts", type_=JSONB()))
    .table_valued(
        *(
            column(name, String() if isinstance(TABLE.c[name].type, Enum) else TABLE.c[name].type)
            for name in ("reference", "recipient_key", *(field.name for field in fields(Draft)))
        ),
        name="draft",
    )
    .render_derived(with_types=True)
)
_PROMISES = insert(TABLE).from_select(
    [*_DRAFT.c.keys(), "status", "attempts"],
    select(*_DRAFT.c, literal(Status.WAITING.name), literal(0)),
    include_defaults=False,
)
"""Built once."""


def write(session: Session, drafts: Sequence[Draft]) -> None:
    """Write these messages, to be sent once what they tell of is committed."""
    session.execute(_PROMISES, {"drafts": [_row(draft) for draft in drafts]})


def sealed_as(reference: UUID, said: Mapping[str, Any]) -> dict[str, bytes | None]:
    """Return what a message of this name says, and to whom, as columns."""
    key = {"recipient_key": recipient_key(said["recipient"])}
    return key | sealed.written(OutboxMessage, reference, said)


def _row(draft: Draft) -> dict[str, Any]:
    reference = uuid4()
    said = vars(draft) | {"fallbacks": [asdict(way) for way in draft.fallbacks]}
    columns = sealed_as(reference, said).items()
    return vars(draft) | {
        **{name: kept and f"\\x{kept.hex()}" for name, kept in columns},
        "reference": str(reference),
        "about": str(draft.about),
        "kind": draft.kind.name,
        "channel": draft.channel.name,
        "send_at": _written(draft.send_at),
        "expires_at": _written(draft.expires_at),
    }


def _written(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: say which zone it is in")
    return moment.isoformat()
