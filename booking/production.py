"""What no setting tells, and real patients must never meet: asked when a process begins."""

from ipaddress import ip_address

import psycopg
from flask import Flask
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from booking.demo import territory
from config import walls
from config.database import with_driver
from config.settings import SettingMissing, Settings

PATIENCE_SECONDS = 3
VERIFIED = "verify-full"


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
    address = with_driver(settings.database_url or "").replace("+psycopg", "", 1)
    _refuse_open_way(address)
    try:
        _refuse_database(address)
    except psycopg.OperationalError:
        return


def _refuse_open_way(address: str) -> None:
    """Refuse an address by which what patients said could be read, or another could answer."""
    try:
        asked = conninfo_to_dict(address)
    except psycopg.Error:
        # Its own words would quote the password.
        raise SettingMissing("DATABASE_URL: an address as postgresql:// has them") from None
    # What it does not say, PGHOST and its like do.
    said = {each.keyword.decode(): (each.val or b"").decode() for each in Conninfo.get_defaults()}
    said |= {word: str(value) for word, value in asked.items()}
    ways = [said.get(way, "").split(",") for way in ("host", "hostaddr")]
    # What a service of PostgreSQL's leads to stands in a file that we do not read.
    is_here = not said.get("service") and all(_is_here(one) for way in ways for one in way)
    if not is_here and said.get("sslmode") != VERIFIED:
        raise SettingMissing(
            f"DATABASE_URL: another machine's database needs sslmode={VERIFIED}"
            " (docs/operations.md)"
        )


def _is_here(host: str) -> bool:
    """Whether a host of libpq's is this machine: a folder of sockets, or loopback."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_database(address: str) -> None:
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
