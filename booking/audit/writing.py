"""Lines of the audit are written: however many, in one statement of the transaction at hand."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from booking.audit import lines
from booking.audit.lines import Line
from booking.models import Action, ActorKind, CareRequest
from config.database import OpenTransaction

__all__ = ["KNOWN", "About", "Deed", "OpenTransaction", "Who", "names", "write"]


class Who(NamedTuple):
    """Who acts: what kind, their public name, whose they are."""

    kind: ActorKind
    reference: UUID | None = None
    community_id: int | None = None


class About(NamedTuple):
    """The row that something was done to."""

    table: str | None
    reference: UUID


@dataclass(frozen=True)
class Deed:
    """One thing that was done."""

    action: Action
    about: About | None = None
    community_id: int | None = None
    by: Who | None = None
    count: int | None = None
    is_often: bool = False


INSERT = text("""
    INSERT INTO audit_line (reference, community_id, at, actor_kind, actor, action, about_table,
                            about, route, trace, how_many, once, mac)
    SELECT * FROM unnest(
        CAST(:reference AS uuid[]), CAST(:community_id AS bigint[]), CAST(:at AS timestamptz[]),
        CAST(:actor_kind AS varchar[]), CAST(:actor AS uuid[]), CAST(:action AS varchar[]),
        CAST(:about_table AS varchar[]), CAST(:about AS uuid[]), CAST(:route AS varchar[]),
        CAST(:trace AS uuid[]), CAST(:how_many AS integer[]), CAST(:once AS bytea[]),
        CAST(:mac AS bytea[]))
    ON CONFLICT DO NOTHING
""")
"""No conflict is named: to name `once` is to read, and nobody reads a line of another community."""

KNOWN: set[bytes] = set()
"""What this process has noted lately of what is noted once: pages that renew themselves ask nothing
of the database. Filled when a transaction has committed."""
MOST_KNOWN = 50_000

TO_KNOW = "jourmeme.audit_once"
"""Under this name a session keeps what is known once its transaction is committed."""


def write(
    session: Session,
    deeds: Iterable[Deed],
    who: Who,
    route: str,
    trace: UUID | None,
    *,
    now: datetime,
) -> None:
    """Write a line for each deed that is not there already; one statement, or none."""
    made = {}
    for each in _one_each(deeds, who):
        line = _line(each, who, route, trace, now)
        made[line.once or line.reference.bytes] = line
    # In one order, whoever writes: two who note the same wait for each other, and do not lock.
    new = [made[key] for key in sorted(made) if key not in KNOWN]
    if not new:
        return
    columns: dict[str, Any] = dict(
        zip(Line._fields, map(list, zip(*new, strict=True)), strict=True)
    )
    session.execute(INSERT, {**columns, "mac": [lines.seal(line) for line in new]})
    session.info.setdefault(TO_KNOW, set()).update(line.once for line in new if line.once)


def committed(session: Session) -> None:
    """Remember what need not be noted again soon."""
    if len(KNOWN) > MOST_KNOWN:
        KNOWN.clear()
    KNOWN.update(session.info.pop(TO_KNOW, ()))


def _one_each(deeds: Iterable[Deed], who: Who) -> Iterable[Deed]:
    """Return one deed for each row: who writes has read; what a worker reads, nobody is shown."""
    kept: dict[object, Deed] = {}
    unseen = 0
    for each in deeds:
        if each.action is Action.READ and who.kind is ActorKind.WORKER:
            unseen += 1
        elif each.action in (Action.READ, Action.WRITE):
            kept.setdefault(each.about, each)
        else:
            kept[id(each)] = each
    if unseen:
        yield Deed(Action.READ, count=unseen)
    yield from kept.values()


def _line(deed: Deed, who: Who, route: str, trace: UUID | None, now: datetime) -> Line:
    by = deed.by or who
    table, reference = deed.about or (None, None)
    once = None
    if deed.action is Action.READ or deed.is_often:
        place = route if deed.is_often or deed.about is None else ""
        once = lines.once(now, deed.action, by.kind, by.reference, table, reference, place)
    return Line(
        uuid4(),
        deed.community_id or by.community_id,
        now,
        by.kind.value,
        by.reference,
        deed.action.value,
        table,
        reference,
        route,
        trace,
        deed.count,
        once,
    )


def names(session: Session, numbers: Collection[tuple[int, int]]) -> dict[tuple[int, int], UUID]:
    """Return the public names of requests, by community and number."""
    rows = session.execute(
        select(CareRequest.community_id, CareRequest.id, CareRequest.reference).where(
            tuple_(CareRequest.community_id, CareRequest.id).in_(numbers)
        )
    )
    return {(row[0], row[1]): row[2] for row in rows}
