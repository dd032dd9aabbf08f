"""Every row that hangs on a request, whatever table it is in: read from the keys of the tables.

A table that is added tomorrow with a key to a request is in a person's file without a word here.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Table, inspect, select, tuple_
from sqlalchemy.orm import Session

from booking.models import CareRequest
from booking.persons import finding
from booking.persons.finding import Whose
from config.database import Base
from notifications.models import InboundMessage, Kind, OptOut, OutboxMessage, recipient_key

TO_STAFF = (Kind.NOTICE, Kind.HELP, Kind.OUTCOME, Kind.ESCALATION)
"""What is written to professionals about somebody: it names nobody, and has to leave."""

Rows = dict[type[Base], list[Base]]


def rows(session: Session, asked: Sequence[CareRequest]) -> Rows:
    """Return these requests and all that points to them, through other tables too."""
    found: Rows = {CareRequest: list(asked)}
    todo: list[type[Base]] = [CareRequest]
    while todo:
        parent = todo.pop(0)
        for child, key in _children(parent):
            if child not in found and (theirs := _pointing(session, child, key, found[parent])):
                found[child] = theirs
                todo.append(child)
    return found


def references(found: Rows) -> list[UUID]:
    """Return the public names of these rows: what messages are about."""
    return [row.reference for each in found.values() for row in each if hasattr(row, "reference")]


def messages(session: Session, found: Rows) -> Sequence[OutboxMessage]:
    """Return what was written to anybody about these rows, in order."""
    return session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.about.in_(references(found)))
        .order_by(OutboxMessage.send_at, OutboxMessage.id)
    ).all()


def replies(
    session: Session, phone_key: bytes, community_id: int | None
) -> Sequence[InboundMessage]:
    """Return what was written to us from a number."""
    query = select(InboundMessage).where(InboundMessage.phone_key == phone_key)
    if community_id is not None:
        query = query.where(InboundMessage.community_id == community_id)
    return session.scalars(query.order_by(InboundMessage.came_at)).all()


def stopped(session: Session, phone: str) -> Sequence[OptOut]:
    """Return that a number (E.164) wants no SMS of any community, if it said so."""
    return session.scalars(select(OptOut).where(OptOut.phone_key == recipient_key(phone))).all()


def is_shared(session: Session, asked: Sequence[CareRequest], whose: Whose) -> bool:
    """Whether others have this number too: then nobody knows who wrote from it."""
    return len(finding.requests(session, replace(whose, born=None))) > len(asked)


def _children(parent: type[Base]) -> list[tuple[type[Base], ForeignKeyConstraint]]:
    classes = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    return [
        (classes[table], key)
        for table in Base.metadata.sorted_tables
        for key in table.foreign_key_constraints
        if key.referred_table is _table(parent) and table in classes
    ]


def _pointing(
    session: Session, child: type[Base], key: ForeignKeyConstraint, to: Sequence[Base]
) -> list[Base]:
    names = [inspect(child).get_property_by_column(column).key for column in key.columns]
    meant = [element.column.name for element in key.elements]
    values = {tuple(getattr(row, name) for name in meant) for row in to}
    columns = tuple_(*(getattr(child, name) for name in names))
    found = select(child).where(columns.in_(values)).order_by(*inspect(child).primary_key)
    return list(session.scalars(found))


def _table(of: type[Base]) -> Table:
    return inspect(of).local_table  # type: ignore[return-value]  # typed FromClause
