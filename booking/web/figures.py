"""What an operator watches: counts and moments in Prometheus' words; nothing here is about anybody.

Nearly all of it is read from the database when it is asked for: right whichever process is asked,
and whatever was restarted since. What only processes know, they count in `traffic`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from booking import heartbeats
from booking.audit import keeping
from booking.desk import asked_sms, orphans
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    RequestStatus,
    SignInFailure,
)
from notifications import outbox, senders_stopped
from notifications.models import STILL_TO_SEND, Channel, OutboxMessage, Status
from schedules.models import BusyCalendar, Community, Slot

A_DAY = timedelta(days=1)
AN_HOUR = timedelta(hours=1)

TOO_MANY = (outbox.TOO_MANY_TODAY, outbox.OVER_DAILY_LIMIT, asked_sms.TOO_OFTEN)
"""Why a message did not leave: to one number, by one community, from one address."""

WHO_LEADS = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND objid = :lock AND granted AND datname = current_database()"
)

Jobs = Mapping[str, timedelta]
"""What the worker does again and again, and how often."""


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
    leaders: int
    """Workers that lead: one, or none for a moment."""
    job_ages: dict[str, float | None]
    """Seconds since each job last ended well; None if it never did."""
    calendar_age_seconds: float | None
    """Of the professionals' calendar that was read longest ago; None if there is none."""
    sms: dict[Status, int]
    """Of a day, by what became of them."""
    sign_in_failures: int
    """Of an hour."""
    backup_age_seconds: float | None
    """None if no backup was ever made by this installation."""
    audit_is_sound: bool
    """Whether the chain of the audit was not found broken when it was last looked through."""


def measure(session: Session, jobs: Jobs, *, now: datetime) -> Vitals:
    """Count what an operator watches."""
    is_open = CareRequest.status == RequestStatus.OPEN
    oldest = session.scalar(
        select(func.min(OutboxMessage.send_at)).where(STILL_TO_SEND, OutboxMessage.send_at <= now)
    )
    ends = heartbeats.last_ends(session, jobs)
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
        heartbeat_age_seconds=_seconds(heartbeats.noted(session, heartbeats.LEADER), now),
        promises_wrong=session.scalar(select(func.sum(Community.promises_wrong))) or 0,
        promises_checked_age_seconds=_seconds(orphans.last_check(session), now),
        leaders=session.scalar(WHO_LEADS, {"lock": heartbeats.LEADERS_LOCK}) or 0,
        job_ages={job: _seconds(ends.get(job), now) for job in jobs},
        calendar_age_seconds=_seconds(_oldest_reading(session), now),
        sms=_sms(session, now),
        sign_in_failures=_count(session, SignInFailure.at > now - AN_HOUR),
        backup_age_seconds=_seconds(heartbeats.noted(session, heartbeats.BACKUP), now),
        audit_is_sound=keeping.is_sound(session),
    )


def _oldest_reading(session: Session) -> datetime | None:
    """Return when the calendar that waits longest was last read; one never read, since it is."""
    since = func.coalesce(BusyCalendar.read_at, BusyCalendar.created_at)
    return session.scalar(select(func.min(since)).where(BusyCalendar.ended_at.is_(None)))


def _sms(session: Session, now: datetime) -> dict[Status, int]:
    rows = session.execute(
        select(OutboxMessage.status, func.count())
        .where(OutboxMessage.channel == Channel.SMS, OutboxMessage.send_at > now - A_DAY)
        .group_by(OutboxMessage.status)
    )
    return dict.fromkeys(Status, 0) | {row[0]: row[1] for row in rows}


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


class Figures(Collector):
    """Vitals in Prometheus' words."""

    def __init__(self, vitals: Vitals, jobs: Jobs) -> None:
        self._vitals, self._jobs = vitals, jobs

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
        yield from _outbox(v)
        yield from _promises(v)
        yield from _background(v, self._jobs)
        yield from _messages_and_doors(v)
        if v.heartbeat_age_seconds is not None:
            yield GaugeMetricFamily(
                "jourmeme_worker_heartbeat_age_seconds",
                "Time since a worker last led",
                v.heartbeat_age_seconds,
            )


def _outbox(v: Vitals) -> Iterator[Metric]:
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


def _background(v: Vitals, jobs: Jobs) -> Iterator[Metric]:
    yield GaugeMetricFamily("jourmeme_leaders", "Workers that lead: one", v.leaders)
    ages = GaugeMetricFamily(
        "jourmeme_job_age_seconds", "Time since a job last ended well", labels=["job"]
    )
    periods = GaugeMetricFamily(
        "jourmeme_job_period_seconds", "How often a job is done", labels=["job"]
    )
    for job, age in v.job_ages.items():
        periods.add_metric([job], jobs[job].total_seconds())
        if age is not None:
            ages.add_metric([job], age)
    yield ages
    yield periods
    if v.calendar_age_seconds is not None:
        yield GaugeMetricFamily(
            "jourmeme_calendar_age_seconds",
            "Age of the professionals' calendar that was read longest ago",
            v.calendar_age_seconds,
        )
    if v.backup_age_seconds is not None:
        yield GaugeMetricFamily(
            "jourmeme_backup_age_seconds", "Time since the last backup", v.backup_age_seconds
        )

    yield GaugeMetricFamily(
        "jourmeme_audit_chain_ok",
        "Whether the audit was as it was written when last verified",
        v.audit_is_sound,
    )


def _messages_and_doors(v: Vitals) -> Iterator[Metric]:
    sms = GaugeMetricFamily(
        "jourmeme_sms_day", "SMS of a day by what became of them", labels=["status"]
    )
    for status, count in v.sms.items():
        sms.add_metric([status.value.lower()], count)
    yield sms
    yield GaugeMetricFamily(
        "jourmeme_sign_in_failures_hour", "Sign-ins of an hour that failed", v.sign_in_failures
    )
