"""The second wall between communities: PostgreSQL itself shows a transaction only one of them.

The first wall is the condition that each query of ours has. Whoever forgets it reads nothing of
another community: pages run as a role whose rows are chosen by `jourmeme.community`, which every
transaction of theirs is given as it begins. Owners pass it: migrations and backups. ADR 0020.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

ONE, ALL = "jourmeme_community", "jourmeme_everywhere"
"""Roles without login: the pages' own, which sees one community; the worker's, which sees all."""

OPEN = {
    "alembic_version": "which migrations were run",
    "community": "names and lines that everybody reads; each changes its own (`_OWN`)",
    "national_proof": "for ten minutes somebody is known by their number, and not yet where",
    "opt_out": "one sender for all communities: who said STOP said it to all",
    "sender_pause": "one provider stops for all",
    "sign_in_failure": "keyed hashes, counted before anybody is known",
    "sms_asked": "keyed hashes, counted by address over all communities",
    "visitor_act": "keyed hashes, counted by address over all communities",
    "worker_heartbeat": "when the worker was last alive",
}
"""Tables that the wall leaves open, each with why."""

CLOSED = ("audit_link", "audit_start")
"""Of no community and of no page: the chain of the audit, which the worker forges and checks."""

SECRETS = (
    ("api_client", "key_hash"),
    ("staff_session", "token_hash"),
    ("care_request", "link_hash"),
    ("booking", "link_hash"),
    ("offer", "link_hash"),
    ("asked", "link_hash"),
    ("outcome_letter", "link_hash"),
    ("feed", "token_hash"),
    ("half_sign_in", "token_hash"),
    ("invitation", "token_hash"),
    ("password_reset", "token_hash"),
)
"""Where hashes of unguessable secrets stand: whoever holds one is let into its community."""


class NoRoles(Exception):
    """The roles of the wall are missing, and this user may not make them."""

    statements = "\n".join(
        [f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO jourmeme;" for role in (ONE, ALL)]
    )


@dataclass(frozen=True)
class Scope:
    """How much of the database a transaction sees, as the statement that begins it."""

    begin: bytes


NOWHERE = Scope(b"BEGIN")
"""No row of any community."""
EVERYWHERE = Scope(f"BEGIN; SET LOCAL ROLE {ALL}".encode())
"""For what is about all of them, or before anybody can know which."""


def of_community(community_id: int) -> Scope:
    """Return the scope that sees the rows of one community."""
    return Scope(b"BEGIN; SET LOCAL jourmeme.community = '%d'" % community_id)


def of_holder(secret: bytes) -> Scope:
    """Return the scope of whoever holds a secret: its hash says of which community they are."""
    found = f"coalesce(community_of('\\x{secret.hex()}')::text, '0')"
    return Scope(f"BEGIN; SELECT set_config('jourmeme.community', {found}, true)".encode())


def cursor_within(scope: Callable[[], Scope]) -> type[psycopg.RawCursor[Any]]:
    """Return a cursor whose transactions begin in what is then the scope.

    In the statement that begins them, so that the wall costs no round trip.
    """

    class Cursor(psycopg.RawCursor[Any]):
        def execute(self, *said: Any, **how: Any) -> "Cursor":
            self._begin()
            super().execute(*said, **how)
            return self

        def executemany(self, *said: Any, **how: Any) -> None:
            self._begin()
            super().executemany(*said, **how)

        def _begin(self) -> None:
            server = self.connection.pgconn
            if self.connection.autocommit or server.transaction_status != TransactionStatus.IDLE:
                return
            begun = server.exec_(scope().begin)
            if server.status == ConnStatus.BAD:
                # Without a code of its own: the server has gone, as any driver says it.
                raise psycopg.OperationalError(begun.get_error_message())
            if begun.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(begun)

    return Cursor


def provide_roles(connection: Connection) -> None:
    """Make the roles that the cluster lacks, and let this user become them.

    Raises:
        NoRoles: if it may not.
    """
    for role in (ONE, ALL):
        exists = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"
        member = "SELECT pg_has_role(:role, 'MEMBER')"
        try:
            if not connection.scalar(text(exists), {"role": role}):
                _create(connection, role)
            if not connection.scalar(text(member), {"role": role}):
                with connection.begin_nested():
                    _define(connection, f"GRANT {role} TO CURRENT_USER")
        except ProgrammingError as refused:
            raise NoRoles from refused


def _create(connection: Connection, role: str) -> None:
    """Make a role, unless the migration of another database does at this moment."""
    create = f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS"
    known = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
    with connection.begin_nested():
        _define(connection, f"DO $$ BEGIN {create}; {known}; END $$")


def _define(connection: Connection, statement: str) -> None:
    """Run what defines roles and tables by names of ours: PostgreSQL binds no value there."""
    connection.exec_driver_sql(statement)


def stand(connection: Connection) -> None:
    """Put the wall up where it is missing: after each migration, and after a restore.

    Here and not in the migrations, so that no table of a later one can be forgotten.

    Raises:
        NoRoles: as `provide_roles` does.
    """
    provide_roles(connection)
    _define(connection, _community_of())
    for table in connection.scalars(text(_WITHOUT), {"open": list(OPEN)}).all():
        _define(connection, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        for policy in _policies(table):
            _define(connection, policy)
    for right in _RIGHTS:
        _define(connection, right)


_CURRENT = "current_setting('jourmeme.community', true)::bigint"

_OWN = (
    f"CREATE POLICY community ON community FOR UPDATE TO {ONE} USING (id = {_CURRENT})",
    f"CREATE POLICY read ON community FOR SELECT TO {ONE} USING (true)",
)


def _policies(table: str) -> tuple[str, ...]:
    everywhere = f"CREATE POLICY everywhere ON {table} TO {ALL} USING (true)"
    if table == "community":
        return (*_OWN, everywhere)
    within = f"CREATE POLICY community ON {table} TO {ONE} USING (community_id = {_CURRENT})"
    if table == "audit_line":
        # Who is refused at another's door, or before anybody knows whose they are, is noted too.
        note = f"CREATE POLICY note ON {table} FOR INSERT TO {ONE} WITH CHECK (true)"
        return (within, note, everywhere)
    return (within, everywhere)


_WITHOUT = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
   AND (relname = 'community' OR (relname <> ALL (:open) AND EXISTS (
       SELECT FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attname = 'community_id' AND NOT attisdropped)))
   AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'community')
 ORDER BY relname
"""

_RIGHTS = (
    f"GRANT USAGE ON SCHEMA public TO {ONE}, {ALL}",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ONE}, {ALL}",
    f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ONE}, {ALL}",
    f"REVOKE ALL ON {', '.join(CLOSED)} FROM {ONE}",
    f"REVOKE UPDATE, DELETE ON audit_line FROM {ONE}",
    *(
        order
        for function in ("community_of(bytea)", "community_of_account(text)")
        for order in (
            f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {function} TO {ONE}, {ALL}",
        )
    ),
)


def _community_of() -> str:
    """Return what makes the two functions that look over the wall, and say one number each."""
    looks = ",\n".join(
        f"(SELECT community_id FROM {table} WHERE {column} = secret LIMIT 1)"  # noqa: S608 - ours
        for table, column in SECRETS
    )
    head = "LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp"
    return f"""
        CREATE OR REPLACE FUNCTION community_of(secret bytea) RETURNS bigint {head} AS
        $$ BEGIN RETURN coalesce({looks}); END $$;
        CREATE OR REPLACE FUNCTION community_of_account(wanted text) RETURNS bigint {head} AS
        $$ BEGIN RETURN (SELECT community_id FROM account WHERE email = wanted); END $$;
    """  # noqa: S608 - our own words
