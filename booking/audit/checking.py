"""The audit as the tables have it is verified, from its beginning to its end."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from booking.audit import chain
from booking.audit.lines import Line
from booking.audit.verifying import Anchor, Kept, Sound, verify
from config.database import OpenTransaction

BATCH = 5_000

LINE = ", ".join(f"l.{name}" for name in Line._fields)
_LINKED = text(f"""
    SELECT k.number, k.hash, l.id, l.mac, {LINE}
      FROM audit_link k LEFT JOIN audit_line l ON l.reference = k.line
     WHERE (k.number, coalesce(l.id, 0)) > (:number, :id) ORDER BY k.number, l.id LIMIT {BATCH}
""")  # noqa: S608 - names of our own columns
_LOOSE = text(f"""
    SELECT NULL AS number, NULL AS hash, l.id, l.mac, {LINE} FROM audit_line l
     WHERE NOT EXISTS (SELECT 1 FROM audit_link k WHERE k.line = l.reference) ORDER BY l.id
""")  # noqa: S608 - as above
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
