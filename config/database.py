"""What every table and every use case stands on; knows SQLAlchemy and no Flask."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import Enum
from time import monotonic
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Identity,
    MetaData,
    create_engine,
    make_url,
)
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, scoped_session
from sqlalchemy.types import TypeDecorator

from config import walls

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name that says what it guards: doors turn names into sentences."""

Id = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
"""A row's own number, for keys and constraints. It never leaves the process."""

CommunityId = Annotated[
    int, mapped_column(BigInteger, ForeignKey("community.id"), primary_key=True)
]
"""The tenant. First in every key, so that a table can be partitioned by it, and no row of one
community can point to another's."""

SameCommunityId = Annotated[int, mapped_column(BigInteger, primary_key=True)]
"""The tenant of a row that belongs to another: the key to that one holds it, and that one's
community exists. Asking for it again would lock one row of `community` in every booking."""

Reference = Annotated[UUID, mapped_column(default=uuid4)]
"""A row's public name, random: in forms, logs, iCalendar UIDs and FHIR ids. It opens nothing."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored and returned in UTC. A naive one is a bug, and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a datetime without a zone; turn any other into UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: say which zone it is in")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored moment back in UTC, whatever the server's zone."""
        del dialect
        return None if value is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table: a plain class, so that mypy sees it and no Flask is needed."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Moment(),
        Enum: EnumColumn(Enum, native_enum=False, create_constraint=True, length=20),
    }


OpenTransaction = Callable[[], AbstractContextManager[Session]]
"""What a job is handed to open short transactions of its own."""


@contextmanager
def transaction(session: Session | scoped_session[Any]) -> Iterator[Session]:
    """Run one use case: commit when the block ends, roll back when it raises.

    Only a door opens one (a view, a CLI command, a job). What it calls may flush, never commit.
    """
    live: Session = session() if isinstance(session, scoped_session) else session
    try:
        yield live
        live.commit()
    except BaseException:
        live.rollback()
        raise


LIMITS = "-c statement_timeout=5s -c lock_timeout=2s -c idle_in_transaction_session_timeout=10s"
"""No page waits longer: a query without an end must not take the others with it."""


def with_driver(url: str) -> str:
    """Return a PostgreSQL address with the driver that we use, whatever form it was given in."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url)


RESTED = 2.0
"""Seconds after which a pooled connection is tried before use: the server may have gone."""


def _note_rest(connection: Any, record: Any) -> None:
    del connection
    record.info["rests_since"] = monotonic()


def _check_rested(connection: Any, record: Any, _proxy: Any) -> None:
    """Try a connection that nobody used for a while; the pool replaces one that is dead.

    SQLAlchemy's own pre-ping asks at every use: a tenth of what a booking costs.
    """
    if monotonic() - record.info.get("rests_since", monotonic()) < RESTED:
        return
    try:
        connection.execute("")
        # Not a rollback: psycopg would forget the statements that this connection has prepared.
        connection.commit()
    except psycopg.Error as gone:
        raise DisconnectionError from gone


@contextmanager
def as_owner(address: Callable[[], str]) -> Iterator[Engine]:
    """Yield an engine that may change tables and sees every row: for migrations alone."""
    engine = create_engine(with_driver(address()), hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


def engine_options(
    address: Callable[[], str],
    *,
    pool_size: int,
    scope: Callable[[], walls.Scope] | None = None,
) -> dict[str, Any]:
    """Return options for an engine that asks for its address at the first connection.

    So a command that needs no database starts none. Each transaction sees what is then its scope;
    without one, every community: for the worker.
    """
    cursor = walls.cursor_within(scope) if scope else psycopg.RawCursor
    role = walls.ONE if scope else walls.ALL

    def connect() -> psycopg.Connection[Any]:
        url = make_url(with_driver(address())).set(drivername="postgresql")
        return psycopg.connect(
            url.render_as_string(hide_password=False),
            options=f"{LIMITS} -c role={role} -c jourmeme.community=0",
            cursor_factory=cursor,
        )

    return {
        "creator": connect,
        # Statements are handed on as PostgreSQL reads them, $1: psycopg would take each apart to
        # find %(name)s, and long ones at every run, a fifth of what a booking costs us.
        "paramstyle": "numeric_dollar",
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": 5,
        "pool_recycle": 300,
        "pool_events": [(_note_rest, "checkin"), (_check_rested, "checkout")],
        # The values of a refused statement are people's names and phones.
        "hide_parameters": True,
    }
