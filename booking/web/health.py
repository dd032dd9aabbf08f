"""Is it alive, may it be sent patients, and how is it doing: for machines and those who keep them.

Counts and moments only: nothing here is about anybody.
"""

import shutil
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import cast

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from booking import heartbeats, scope
from booking.extensions import db, equipment, now
from booking.guards import PUBLIC, open_to
from booking.web import figures, traffic
from config import schema
from config.clock import utc_now
from config.database import transaction

health = Blueprint("health", __name__)

SLOWEST_ANSWER = timedelta(milliseconds=500)
"""A database that needs longer for nothing at all would keep patients waiting."""

WORKER_SILENT = timedelta(seconds=90)
"""After this long without a heartbeat messages no longer leave; booking goes on."""

CLOCKS_MAY_DIFFER = timedelta(seconds=2)
"""Beyond it a deadline passes for some who ask, and not for others."""

LEAST_FREE_SHARE, LEAST_FREE_BYTES = 0.05, 200 * 1024 * 1024
"""Of the disk that this installation writes to: a database that cannot write books nobody."""

JOBS = "jourmeme.jobs"
"""Under this name the app keeps what the worker does, and how often."""


@health.get("/healthz")
@open_to(PUBLIC)
def alive() -> ResponseReturnValue:
    """Answer that this process answers; asks nobody else."""
    return _unkept(Response("ok\n", mimetype="text/plain"))


@health.get("/readyz")
@open_to(PUBLIC)
def ready() -> ResponseReturnValue:
    """Answer 200 if patients may be sent here, 503 if not; and what is amiss.

    A silent worker is `degraded`, and still 200: appointments can be given without it, and the
    messages that tell of them wait. So is a disk that is nearly full: until it is, they can too.
    """
    database = _database_state()
    migrations = _migrations_state() if database == "ok" else "unknown"
    clock = _clock_state() if database == "ok" else "unknown"
    worker = _worker_state(now()) if migrations == "ok" else "unknown"
    disk = _disk_state(equipment().settings.var)
    is_ready = database == migrations == clock == "ok"
    said = jsonify(
        ready=is_ready,
        degraded=is_ready and not worker == disk == "ok",
        database=database,
        migrations=migrations,
        clock=clock,
        worker=worker,
        disk=disk,
    )
    return _unkept(said), 200 if is_ready else 503


@health.get("/metrics")
@open_to(PUBLIC)
def metrics() -> ResponseReturnValue:
    """Answer the figures in Prometheus' text format, to this machine only."""
    if not _asks_from_this_machine():
        abort(404)
    scope.widen()
    jobs = cast("figures.Jobs", current_app.extensions.get(JOBS, {}))
    with transaction(db.session) as session:
        vitals = figures.measure(session, jobs, now=now())
    registry = CollectorRegistry()
    registry.register(figures.Figures(vitals, jobs))
    registry.register(traffic.counted())
    return _unkept(Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def _asks_from_this_machine() -> bool:
    """Whether nobody stands between: a proxy on this machine passes on what comes from afar."""
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "Via")):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _unkept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _database_state() -> str:
    begun = monotonic()
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '500ms'"))
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "unreachable"
    return "ok" if monotonic() - begun <= SLOWEST_ANSWER.total_seconds() else "slow"


def _migrations_state() -> str:
    with db.engine.connect() as connection:
        return "ok" if schema.is_current(connection) else "pending"


def _clock_state() -> str:
    """Compare this machine's own clock with the database's; neither is the app's, which tests set.

    Half the way there and back counts for the network.
    """
    begun = utc_now()
    with db.engine.connect() as connection:
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    ours = begun + (utc_now() - begun) / 2
    return "ok" if abs(theirs - ours) <= CLOCKS_MAY_DIFFER else "differs"


def _disk_state(folder: Path) -> str:
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    space = shutil.disk_usage(there)
    is_enough = space.free >= max(LEAST_FREE_BYTES, LEAST_FREE_SHARE * space.total)
    return "ok" if is_enough else "low"


def _worker_state(moment: datetime) -> str:
    with transaction(db.session) as session:
        beaten = heartbeats.noted(session, heartbeats.LEADER)
    if beaten is None:
        return "never seen"
    return "ok" if moment - beaten <= WORKER_SILENT else "silent"
