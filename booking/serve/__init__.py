"""Everything on one machine, for trying it out or for a small practice: what `make run` starts.

This process owns the embedded database and two children, the pages and the worker. It brings back
a child that dies, and takes all of them down with it, in order.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

import click

from booking.extensions import db, equipment
from booking.serve.family import LOOK_EVERY, Child, Family
from booking.serve.welcome import prepare_demo, seed_demo, sign_ins, welcome
from config import address, embedded, logs, schema
from config.database import as_owner
from config.settings import Settings

__all__ = ["PortTaken", "refuse_taken_port", "run", "seed_demo", "sign_ins"]

HOST = "127.0.0.1"

PORT_MAY_BE_LEFT_IN = 3.0
"""Seconds: the pages of a `make run` that was killed a moment ago may still be ending."""

READY_IN = 60.0
"""Seconds until somebody should be told that the pages do not come up."""

NOT_UP = ("Les pages ne répondent pas encore : voir les lignes ci-dessus.",)


class PortTaken(Exception):
    """Something else answers at the port where the pages should be."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port


def run() -> None:
    """Bring the database up, migrate and fill it, start pages and worker, until asked to end.

    Raises:
        PortTaken: if the pages' port is not free.
    """
    settings = equipment().settings
    # Until the children are there, an end is an end; the database is stopped on the way out.
    signal.signal(signal.SIGTERM, _leave)
    refuse_taken_port(settings.port)
    where = address.of_database(settings)()
    with as_owner(lambda: where) as engine:
        schema.upgrade(engine)
    told = prepare_demo(settings)
    # From here on the children have the connections; and none of ours may be forked.
    db.engine.dispose()
    family = Family(
        (
            Child("web", _python("gunicorn", "--config", "config/gunicorn.py", "wsgi:app")),
            Child("worker", _python("flask", "--app", "wsgi", "worker")),
        ),
        _environment(settings, where),
    )
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, family.end_soon)
    try:
        _keep(family, settings, told)
    finally:
        family.end()
        if settings.database_url is None:
            embedded.stop(address.folder(settings))
    click.echo("JourMême est arrêté.")


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _keep(family: Family, settings: Settings, told: Mapping[str, Any] | None) -> None:
    """Watch the children until the end is asked for; say once that the pages are there."""
    begun, is_said = monotonic(), False
    while not family.is_ending:
        family.watch()
        _bring_database_back(settings)
        if not is_said and (is_up := _answers(settings.port) or monotonic() > begun + READY_IN):
            for sentence in welcome(settings, told) if _answers(settings.port) else NOT_UP:
                click.echo(sentence)
            is_said = is_up
        sleep(LOOK_EVERY)


def _bring_database_back(settings: Settings) -> None:
    """Start the embedded server again if it died: its address stays the same."""
    home = address.folder(settings)
    if settings.database_url is None and not embedded.runs(home):
        logs.event("database_died")
        embedded.start(home)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _environment(settings: Settings, where: str) -> dict[str, str]:
    handed_on = {"DATABASE_URL": where, "JOURMEME_VAR": str(settings.var.resolve())}
    return {**os.environ, **handed_on}  # noqa: TID251 - handed on to the children, not read


def refuse_taken_port(port: int) -> None:
    """Let pass if the pages can have this port, after waiting a moment for it.

    Raises:
        PortTaken: if they cannot.
    """
    give_up_at = monotonic() + PORT_MAY_BE_LEFT_IN
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as refused:
                if monotonic() > give_up_at:
                    raise PortTaken(port) from refused
            else:
                return
        sleep(LOOK_EVERY)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
