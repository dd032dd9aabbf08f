"""Is it alive, may it be sent patients, and how is it doing: for machines and those who keep them.

Counts and moments only: nothing here is about anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from time import monotonic

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from booking.desk import asked_sms, orphans
from booking.extensions import db, now
from booking.guards import PUBLIC, open_to
from booking.models import Booking, BookingStatus, CareRequest, RequestStatus, WorkerHeartbeat
from config import schema
from config.database import transaction
from notifications import outbox, senders_stopped
from notifications.models import STILL_TO_SEND, Channel, OutboxMessage, Status
from schedules.models import Community, Slot

health = Blueprint("health", __name__)

SLOWEST_ANSWER = timedelta(milliseconds=500)
"""A database that needs longer for nothing at all would keep patients waiting."""

WORKER_SILENT = timedelta(seconds=90)
"""After this long without a heartbeat messages no longer leave; booking goes on."""

A_DAY = timedelta(days=1)

TOO_MANY = (outbox.TOO_MANY_TODAY, outbox.OVER_DAILY_LIMIT, asked_sms.TOO_OFTEN)
"""Why a message did not leave: to one number, by one community, from one address."""

LEADER = 1
"""The row of `worker_heartbeat` in which the leading worker says that it lives."""


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
    messages that tell of them wait.
    """
    database = _database_state()
    migrations = _migrations_state() if database == "ok" else "unknown"
    worker = _worker_state(now()) if migrations == "ok" else "unknown"
    is_ready = database == migrations == "ok"
    said = jsonify(
        ready=is_ready,
        degraded=is_ready and worker != "ok",
        database=database,
        migrations=migrations,
        worker=worker,
    )
    return _unkept(said), 200 if is_ready else 503


@health.get("/metrics")
@open_to(PUBLIC)
def metrics() -> ResponseReturnValue:
    """Answer the figures in Prometheus' text format, to this machine only."""
    if not _asks_from_this_machine():
        abort(404)
    with transaction(db.session) as session:
        vitals = measure(session, now=now())
    registry = CollectorRegistry()
    registry.register(_Figures(vitals))
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


def _worker_state(moment: datetime) -> str:
    with transaction(db.session) as session:
        beaten = session.scalar(select(WorkerHeartbeat.at).where(WorkerHeartbeat.id == LEADER))
    if beaten is None:
        return "never seen"
    return "ok" if moment - beaten <= WORKER_SILENT else "silent"


@dataclass(frozen=True)
class Vitals:
    """How the installation is doing, over all communities."""

    bookings: dict[BookingStatus, int]
    slots_free: int
    requests_open: int
    requests_late: int
    """Open, and past the deadline that was promised."""
    outbox_waiting: int
    outbox_oldest_seconds: float
    """How long the oldest message that is due has waited; 0 if none is."""
    senders_stopped: frozenset[Channel]
    """Channels whose provider refuses everything."""
    messages_lost: int
    """Of a day, without a way left: each is on the list of those to telephone."""
    messages_refused: int
    """Of a day, that did not leave because too much was sent or asked for."""
    sms_most: int
    """Of a day, of the community that sent the most: what a runaway sender costs."""
    heartbeat_age_seconds: float | None
    """None if no worker ever led."""
    promises_wrong: int
    """Requests whose promise was not as it should be, when all were last checked."""
    promises_checked_age_seconds: float | None
    """Since the community that was checked longest ago; None if one never was."""


def measure(session: Session, *, now: datetime) -> Vitals:
    """Count what an operator watches."""
    is_open = CareRequest.status == RequestStatus.OPEN
    oldest = session.scalar(
        select(func.min(OutboxMessage.send_at)).where(STILL_TO_SEND, OutboxMessage.send_at <= now)
    )
    beaten = session.scalar(select(WorkerHeartbeat.at).where(WorkerHeartbeat.id == LEADER))
    counted = session.execute(select(Booking.status, func.count()).group_by(Booking.status))
    return Vitals(
        bookings=dict.fromkeys(BookingStatus, 0) | {row[0]: row[1] for row in counted},
        slots_free=_count(
            session, Slot.claimed_by.is_(None), Slot.withdrawn_at.is_(None), Slot.starts_at > now
        ),
        requests_open=_count(session, is_open),
        requests_late=_count(session, is_open, CareRequest.deadline < now),
        outbox_waiting=_count(session, STILL_TO_SEND, OutboxMessage.send_at <= now),
        outbox_oldest_seconds=_seconds(oldest, now) or 0.0,
        senders_stopped=frozenset(
            pause.channel for pause in senders_stopped.stopped(session, now=now)
        ),
        messages_lost=_count(
            session,
            OutboxMessage.status.in_((Status.FAILED, Status.UNDELIVERED)),
            OutboxMessage.send_at > now - A_DAY,
        ),
        messages_refused=_count(
            session,
            OutboxMessage.failure.in_(TOO_MANY),
            OutboxMessage.send_at > now - A_DAY,
        ),
        sms_most=_sms_most(session, now),
        heartbeat_age_seconds=_seconds(beaten, now),
        promises_wrong=session.scalar(select(func.sum(Community.promises_wrong))) or 0,
        promises_checked_age_seconds=_seconds(orphans.last_check(session), now),
    )


def _sms_most(session: Session, now: datetime) -> int:
    each = (
        select(func.count().label("sent"))
        .where(
            OutboxMessage.channel == Channel.SMS,
            OutboxMessage.call_started_at > now - A_DAY,
        )
        .group_by(OutboxMessage.community_id)
        .subquery()
    )
    return session.scalar(select(func.max(each.c.sent))) or 0


def _count(session: Session, *which: object) -> int:
    return session.scalar(select(func.count()).where(*which)) or 0  # type: ignore[arg-type]  # conditions of one table


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max((now - since).total_seconds(), 0.0)


class _Figures(Collector):
    """Vitals in Prometheus' words. Read from the database: right whichever process is asked."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """Return each figure with what it means."""
        v = self._vitals
        bookings = GaugeMetricFamily(
            "jourmeme_bookings", "Appointments by where they stand", labels=["status"]
        )
        for status, count in v.bookings.items():
            bookings.add_metric([status.value.lower()], count)
        yield bookings
        yield GaugeMetricFamily("jourmeme_slots_free", "Slots to come that are free", v.slots_free)
        yield GaugeMetricFamily(
            "jourmeme_requests_open", "Requests without an answer yet", v.requests_open
        )
        yield GaugeMetricFamily(
            "jourmeme_requests_late", "Open requests past their deadline", v.requests_late
        )
        yield GaugeMetricFamily("jourmeme_outbox_waiting", "Messages due", v.outbox_waiting)
        yield GaugeMetricFamily(
            "jourmeme_outbox_oldest_seconds",
            "Age of the oldest message due",
            v.outbox_oldest_seconds,
        )
        stopped = GaugeMetricFamily(
            "jourmeme_sender_stopped", "Whether a provider refuses everything", labels=["channel"]
        )
        for channel in Channel:
            stopped.add_metric([channel.value], channel in v.senders_stopped)
        yield stopped
        yield GaugeMetricFamily(
            "jourmeme_messages_lost_day", "Messages of a day that did not arrive", v.messages_lost
        )
        yield GaugeMetricFamily(
            "jourmeme_messages_refused_day",
            "Messages of a day beyond what may be sent",
            v.messages_refused,
        )
        yield GaugeMetricFamily(
            "jourmeme_sms_day_most", "SMS of a day, of the community with the most", v.sms_most
        )
        yield from _promises(v)
        if v.heartbeat_age_seconds is not None:
            yield GaugeMetricFamily(
                "jourmeme_worker_heartbeat_age_seconds",
                "Time since a worker last led",
                v.heartbeat_age_seconds,
            )


def _promises(v: Vitals) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "jourmeme_promises_wrong",
        "Requests whose promise was not as it should be when last checked",
        v.promises_wrong,
    )
    if v.promises_checked_age_seconds is not None:
        yield GaugeMetricFamily(
            "jourmeme_promises_checked_age_seconds",
            "Time since every promise was checked",
            v.promises_checked_age_seconds,
        )
