"""What happens without anybody asking: messages leave, what is past its term is forgotten.

A process of its own, never a part of gunicorn. Any number may run: all of them send, one of them
leads and does the rest, and when it dies another leads within seconds.
"""

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from apscheduler.schedulers.blocking import BlockingScheduler
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from booking import heartbeats, privacy
from booking.audit import keeping, unit
from booking.audit.writing import Who
from booking.desk import (
    alarms,
    alternatives,
    nightly,
    orphans,
    outcome_letters,
    waiting_list,
)
from booking.desk.cascade import asking as cascade
from booking.leader import Leader
from booking.links import Links
from booking.models import Action, ActorKind
from booking.persons import tombstones
from booking.retention import TERMS, Kind, Terms
from config import logs
from config.clock import Clock, local_day
from config.database import engine_options, transaction
from notifications import delivery
from notifications.models import Channel
from notifications.senders import Sender
from schedules import making, releasing, settling
from schedules.calendars import rounds
from schedules.calendars.reading import Reader
from schedules.models import Community

MOST_MESSAGES = 500
"""Sent in one go; then the others get their turn."""

CONNECTIONS = delivery.CALLS_AT_ONCE + 6
"""One for each call that is recorded, for the jobs beside it, and for the leader's lock."""

BEAT = timedelta(seconds=5)


@dataclass
class Bench:
    """What jobs work with: each opens short transactions of its own."""

    engine: Engine
    leader: Leader
    clock: Clock
    senders: Mapping[Channel, Sender]
    reader: Reader
    links: Links
    terms: Terms = field(default_factory=lambda: TERMS)
    """How long what is kept."""
    tombstones: Path | None = None
    """The file in which erasures are noted beside the database, if there is one."""
    beaten_at: datetime | None = field(default=None, init=False)
    noted_at: dict[str, datetime] = field(default_factory=dict, init=False)
    """When this process last wrote that a job ended well."""
    has_checked: bool = field(default=False, init=False)
    """Whether this process has checked the promises: each does when it begins to lead."""

    @contextmanager
    def open_transaction(self) -> Iterator[Session]:
        """Open a transaction on a session that nobody else has."""
        with Session(self.engine, expire_on_commit=False) as session, transaction(session):
            yield session


@dataclass(frozen=True)
class Job:
    """Something that is done again and again, and whether only the leader does it."""

    name: str
    every: timedelta
    work: Callable[[Bench], None]
    is_for_leader: bool = True


def drain_outbox(bench: Bench) -> None:
    """Send what is due. All workers may at once: leases keep them apart."""
    delivery.drain(bench.open_transaction, bench.senders, clock=bench.clock, limit=MOST_MESSAGES)


def pass_on(bench: Bench) -> None:
    """Give what did not arrive, or is not reported, its next way: a call, a mail, a person."""
    passed = delivery.pass_on(bench.open_transaction, clock=bench.clock)
    if passed:
        logs.event("messages_passed_on", count=passed)


def beat(bench: Bench) -> None:
    """Note, every five seconds, that somebody leads: what /readyz looks at."""
    now = bench.clock()
    if bench.beaten_at is not None and now - bench.beaten_at < BEAT:
        return
    with bench.open_transaction() as session:
        heartbeats.note(session, heartbeats.LEADER, now=now)
    bench.beaten_at = now


def forget(bench: Bench) -> None:
    """Forget once a night what is past its term, and say how much it was."""
    now = bench.clock()
    with bench.open_transaction() as session:
        if not nightly.is_due(heartbeats.noted(session, heartbeats.PURGE), now=now):
            return
    done = privacy.forget_all(bench.open_transaction, now=now, terms=bench.terms)
    if bench.tombstones is not None:
        tombstones.forget(bench.tombstones, past=now - bench.terms[Kind.TOMBSTONES])
    with bench.open_transaction() as session:
        heartbeats.note(session, heartbeats.PURGE, now=now)
        unit.note(Action.FORGET, count=done.total)
    logs.event("forgotten", count=done.total)


def forget_keys(bench: Bench) -> None:
    """Delete answers to partners' writes as soon as they may not be repeated any more."""
    with bench.open_transaction() as session:
        privacy.forget_keys(session, now=bench.clock(), terms=bench.terms)


def release_slots(bench: Bench) -> None:
    """Offer to more people what nobody used of reserved time, and give it back at last."""
    with bench.open_transaction() as session:
        moved = releasing.release(session, now=bench.clock())
    if moved:
        logs.event("slots_released", count=moved)


def offer_slots(bench: Bench) -> None:
    """Offer what frees up to those who wait; before, note which offers have ended.

    Each offer in a short transaction of its own, with its hold and its message.
    """
    now = bench.clock()
    with bench.open_transaction() as session:
        ended = alternatives.end(session, now=now)
    with bench.open_transaction() as session:
        due = waiting_list.due(session, now=now)
    made = 0
    for match in due:
        with bench.open_transaction() as session:
            made += waiting_list.offer(session, match, links=bench.links, now=now)
    for name, count in (("offers_ended", ended), ("slots_offered", made)):
        if count:
            logs.event(name, count=count)


def ask_professionals(bench: Bench) -> None:
    """Ask professionals, wave after wave, to take those for whom nothing is free.

    Each request in a short transaction of its own, with whom it asks and their messages.
    """
    now = bench.clock()
    with bench.open_transaction() as session:
        due = cascade.due(session, now=now)
    count = 0
    for community, request in due:
        with bench.open_transaction() as session:
            count += cascade.attend(session, community, request, links=bench.links, now=now)
    if count:
        logs.event("professionals_asked", count=count)


def sound_alarms(bench: Bench) -> None:
    """Make one more person look at each promise whose time passes."""
    with bench.open_transaction() as session:
        told = alarms.sound(session, links=bench.links, now=bench.clock())
    if told:
        logs.event("promises_escalated", count=told.total())


def check_promises(bench: Bench) -> None:
    """Check every promise once a night, and when this process begins to lead."""
    is_first, bench.has_checked = not bench.has_checked, True
    orphans.check_due(bench.open_transaction, is_due=is_first, now=bench.clock())


def ask_outcomes(bench: Bench) -> None:
    """Ask professionals, at the end of their day, what became of whom nobody has noted."""
    now = bench.clock()
    with bench.open_transaction() as session:
        due = outcome_letters.due(session, now=now)
    asked = 0
    for day in due:
        with bench.open_transaction() as session:
            asked += outcome_letters.ask(session, day, links=bench.links, now=now)
    if asked:
        logs.event("outcomes_asked", count=asked)


def read_calendars(bench: Bench) -> None:
    """Read professionals' own calendars that are due, and close what they are busy in."""
    read = rounds.read_due(bench.open_transaction, bench.reader.read, clock=bench.clock)
    if read[0]:
        logs.event("calendars_read", count=read[0], failed=read[1])


def make_slots(bench: Bench) -> None:
    """Make the slots of reserved time, some weeks ahead; withdraw those that nobody has any more.

    Each in a short transaction of its own, so that what one community did wrong is only its own.
    """
    now = bench.clock()
    with bench.open_transaction() as session:
        left = settling.left_behind(session, now=now)
        due = making.communities_due(session, now=now)
    for community, professional_id in left:
        with bench.open_transaction() as session:
            settling.settle(session, community, professional_id, now=now)
    made = 0
    for community in due:
        try:
            made += _made_for(bench, community, now)
        except Exception as failed:  # noqa: BLE001 - the others' slots must be made
            logs.event(
                "slots_not_made", level=logging.ERROR, community=community.reference, error=failed
            )
    if made:
        logs.event("slots_made", count=made)


def _made_for(bench: Bench, community: Community, now: datetime) -> int:
    until = local_day(now, community.zone) + making.AHEAD
    made = 0
    while True:
        with bench.open_transaction() as session:
            done = making.make(session, community, until, now=now)
        made += done.slots
        if not done.openings:
            return made


JOBS = (
    Job("drain_outbox", timedelta(seconds=1), drain_outbox, is_for_leader=False),
    Job("pass_on", timedelta(seconds=5), pass_on),
    Job("beat", timedelta(seconds=1), beat),
    Job("sound_alarms", timedelta(seconds=30), sound_alarms),
    Job("release_slots", timedelta(seconds=30), release_slots),
    Job("offer_slots", timedelta(seconds=15), offer_slots),
    Job("ask_professionals", timedelta(seconds=20), ask_professionals),
    Job("read_calendars", timedelta(minutes=1), read_calendars),
    Job("check_promises", timedelta(minutes=1), check_promises),
    Job("ask_outcomes", timedelta(minutes=5), ask_outcomes),
    Job("audit", timedelta(minutes=1), keeping.number),
    Job("check_audit", timedelta(minutes=10), keeping.check),
    Job("make_slots", timedelta(minutes=10), make_slots),
    Job("forget", timedelta(minutes=5), forget),
    Job("forget_keys", timedelta(minutes=10), forget_keys),
)
"""All of it, at intervals: a job of a certain hour would run twice, or never, in two nights."""


def _note_end(job: Job, bench: Bench) -> None:
    """Write that a job ended well, for those who watch; not every second, for those that may."""
    now = bench.clock()
    last = bench.noted_at.get(job.name)
    if last is None or now - last >= BEAT:
        with bench.open_transaction() as session:
            heartbeats.note(session, heartbeats.row_of(job.name), now=now)
        bench.noted_at[job.name] = now


def run(
    address: Callable[[], str],
    senders: Mapping[Channel, Sender],
    *,
    reader: Reader,
    links: Links,
    clock: Clock,
    terms: Terms = TERMS,
    tombstones_file: Path | None = None,
) -> None:
    """Work until SIGTERM or SIGINT comes; then end what was begun, and return."""
    engine = create_engine(
        "postgresql+psycopg://", **engine_options(address, pool_size=CONNECTIONS)
    )
    bench = Bench(engine, Leader(engine), clock, senders, reader, links, terms, tombstones_file)
    scheduler = scheduler_of(bench)

    def stop(*_: object) -> None:
        if not scheduler.running:
            raise SystemExit(0)
        scheduler.shutdown(wait=False)

    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, stop)
    logs.event("worker_starts")
    scheduler.start()
    # What a job has begun goes on: the process ends when its threads do.
    bench.leader.resign()
    logs.event("worker_ends")


def scheduler_of(bench: Bench) -> BlockingScheduler:
    """Return a scheduler of all JOBS. A run that is late is done; several late ones, once."""
    # One warning a second, while a provider is slow, would say nothing that the metrics do not.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = BlockingScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for job in JOBS:
        scheduler.add_job(
            once, "interval", args=[job, bench], seconds=job.every.total_seconds(), id=job.name
        )
    return scheduler


def once(job: Job, bench: Bench) -> None:
    """Do one job once, if it is this process's to do; a failure ends neither it nor the others."""
    try:
        if not job.is_for_leader or bench.leader.leads():
            noted = unit.Unit(job.name, lambda: Who(ActorKind.WORKER), bench.clock)
            with unit.working(noted, bench.open_transaction):
                job.work(bench)
            _note_end(job, bench)
    except Exception as failed:  # noqa: BLE001 - the worker's loop: tomorrow's messages must leave
        logs.event("job_failed", level=logging.ERROR, job=job.name, error=failed)
