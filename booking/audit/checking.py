"""The audit as the tables have it is verified, from its beginning to its end."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import bindparam, column, exists, func, null, select, table, text, tuple_
from sqlalchemy.orm import Session

from booking.audit import chain
from booking.audit.lines import Line
from booking.audit.verifying import Anchor, Kept, Sound, verify
from config.database import OpenTransaction

BATCH = 5_000

# Without types: what somebody wrote past the application is read as it stands.
_LINES = table("audit_line", column("id"), column("mac"), *map(column, Line._fields))
_LINKS = table("audit_link", column("number"), column("hash"), column("line"))
_ITS_LINE = _LINES.c.reference == _LINKS.c.line
_OF_LINE = [_LINES.c.id, _LINES.c.mac, *(_LINES.c[name] for name in Line._fields)]
_PLACE = tuple_(_LINKS.c.number, func.coalesce(_LINES.c.id, 0))
_LINKED = (
    select(_LINKS.c.number, _LINKS.c.hash, *_OF_LINE)
    .select_from(_LINKS.outerjoin(_LINES, _ITS_LINE))
    .where(tuple_(bindparam("number"), bindparam("id")) < _PLACE)
    .order_by(_LINKS.c.number, _LINES.c.id)
    .limit(BATCH)
)
_LOOSE = (
    select(null(), null(), *_OF_LINE)
    .where(~exists(_LINKS.select().where(_ITS_LINE)))
    .order_by(_LINES.c.id)
)
_PATIENCE = text("SET LOCAL statement_timeout = '60s'")


def check(open_transaction: OpenTransaction, anchors: Iterable[Anchor] = ()) -> Sound:
    """Verify everything, in short transactions; pages go on meanwhile.

    Raises:
        verifying.Broken: at the first number that is not as it was.
    """
    with open_transaction() as session:
        start = chain.start(session)
        # What begins the chain must be read with its beginning: a purge moves both.
        first = _linked(session, start.number, 0)
    return verify(start, _all(open_transaction, first), anchors, late=chain.LATE)


def _all(open_transaction: OpenTransaction, rows: list[Kept]) -> Iterator[Kept]:
    while rows:
        yield from rows
        last, is_more = rows[-1], len(rows) == BATCH
        with open_transaction() as session:
            rows = _linked(session, last.number or 0, last.id or 0) if is_more else []
    with open_transaction() as session:
        session.execute(_PATIENCE)
        yield from [_kept(row) for row in session.execute(_LOOSE)]


def _linked(session: Session, number: int, id_: int) -> list[Kept]:
    return [_kept(row) for row in session.execute(_LINKED, {"number": number, "id": id_})]


def _kept(row: Any) -> Kept:
    number, hashed, id_, mac, *rest = row
    line = None if id_ is None else Line(*rest)
    return Kept(number, _bytes(hashed), id_, _bytes(mac), _as_written(line))


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _as_written(line: Line | None) -> Line | None:
    return None if line is None else line._replace(once=_bytes(line.once))
