"""Bring a database to this code's tables: numbered steps, each in one transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text

from config import walls

FOLDER = Path(__file__).parent / "migrations"

ONE_AT_A_TIME = 73_730
"""Advisory lock: two hosts that start together migrate one after the other."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def upgrade(engine: Engine, *, to: str = "head") -> None:
    """Apply the steps that this database lacks. Safe to call again, and from several hosts."""
    _run(engine, "upgrade", to)


def downgrade(engine: Engine, *, to: str) -> None:
    """Undo steps down to a revision; `base` leaves an empty database."""
    _run(engine, "downgrade", to)


def _run(engine: Engine, direction: str, to: str) -> None:
    config = _config()
    with engine.begin() as connection:
        # A migration may wait longer than a page; not for ever for a lock.
        connection.execute(text("SET LOCAL statement_timeout = '10min'"))
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ONE_AT_A_TIME})
        config.attributes["connection"] = connection
        getattr(command, direction)(config, to)
        if to == "head":
            walls.stand(connection)


def is_current(connection: Connection) -> bool:
    """Return whether every step was applied to the database of this connection."""
    there = MigrationContext.configure(connection).get_current_revision()
    return there == ScriptDirectory.from_config(_config()).get_current_head()


def draft(engine: Engine, metadata: MetaData, name: str, number: str) -> None:
    """Write a new step from the difference between tables and code, to be read and mended."""
    config = _config()
    with engine.begin() as connection:
        config.attributes.update(connection=connection, metadata=metadata)
        command.revision(config, message=name, autogenerate=True, rev_id=number)
