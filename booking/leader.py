"""Which of several workers leads: the one that holds a lock of the database."""

from contextlib import suppress
from threading import Lock

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from config import logs

LEADERS_LOCK = 73_731
"""The advisory lock that the leader holds; config.schema uses the number before it."""

UNLOCK = text("SELECT pg_advisory_unlock(:n)")

NOTICE_A_LOST_HOST = text(
    "SELECT set_config('tcp_keepalives_idle', '2', false),"
    " set_config('tcp_keepalives_interval', '1', false),"
    " set_config('tcp_keepalives_count', '2', false)"
)
"""A process that is killed closes its connection; a machine that is unplugged does not. On a
Unix socket PostgreSQL ignores them."""


class Leader:
    """Holds a lock that PostgreSQL gives to one connection and takes back when that ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._asked = Lock()

    def leads(self) -> bool:
        """Whether this process is the one that leads; it tries to be, each time it is asked.

        Several threads may ask at once.
        """
        with self._asked:
            try:
                if self._connection is None:
                    self._connection = self._elected()
                if self._connection is None:
                    return False
                # The lock lives as long as this connection: a dead one must be noticed.
                self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self._let_go()
                return False
            return True

    def resign(self) -> None:
        """Let another lead, from this moment on."""
        with self._asked:
            if self._connection is not None:
                # Closing alone frees the lock only once the server has noticed.
                with suppress(SQLAlchemyError):
                    self._connection.execute(UNLOCK, {"n": LEADERS_LOCK})
            self._let_go()

    def _elected(self) -> Connection | None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": LEADERS_LOCK}):
            connection.execute(NOTICE_A_LOST_HOST)
            logs.event("worker_leads")
            return connection
        connection.close()
        return None

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Not back to the pool, where the lock would live on: really closed.
            connection.invalidate()
            connection.close()
