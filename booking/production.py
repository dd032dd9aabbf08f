"""What no setting tells, and real patients must never meet: asked when a process begins."""

import psycopg
from flask import Flask

from booking.demo import territory
from config import walls
from config.database import with_driver
from config.settings import SettingMissing, Settings

PATIENCE_SECONDS = 3


def refuse_unsafe(app: Flask, settings: Settings) -> None:
    """Refuse to serve patients from a developer's process or a demonstration's database.

    A database that does not answer refuses nothing: the pages then say whom to call, and each
    process that begins asks again.

    Raises:
        SettingMissing: with one sentence.
    """
    if not settings.is_production:
        return
    if app.debug:
        raise SettingMissing("FLASK_DEBUG: a page of errors would show patients' answers")
    try:
        _refuse_database(with_driver(settings.database_url or ""))
    except psycopg.OperationalError:
        return


def _refuse_database(url: str) -> None:
    address = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(address, connect_timeout=PATIENCE_SECONDS, autocommit=True) as database:
        asked = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        if database.execute(asked).fetchone() == (True,):
            raise SettingMissing("DATABASE_URL: a role that is no superuser")
        walled = (
            "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s) AND pg_has_role(oid, 'MEMBER')"
        )
        roles = [walls.ONE, walls.ALL]
        may_make = "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user"
        is_walled = database.execute(walled, [roles]).fetchone() == (len(roles),)
        if not is_walled and database.execute(may_make).fetchone() != (True,):
            raise SettingMissing(
                f"DATABASE_URL: a role that may become {walls.ONE} and {walls.ALL}"
                " (docs/operations.md)"
            )
        there = database.execute("SELECT to_regclass('community') IS NOT NULL").fetchone()
        if there != (True,):
            return
        demonstration = territory.written().community.slug
        found = database.execute("SELECT FROM community WHERE slug = %s", [demonstration])
        if found.rowcount:
            raise SettingMissing(
                "DATABASE_URL: it holds the demonstration, whose passwords are in a file"
            )
