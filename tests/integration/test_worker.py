"""The process that works alone: one leads, all send, and a dead one is replaced within seconds."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from time import monotonic, sleep
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text

from booking import heartbeats, worker
from booking.desk import nightly
from booking.models import ApiClient, IdempotencyKey, SignInFailure
from config.clock import PARIS, local_day, utc_now
from config.database import engine_options
from notifications.delivery import build_senders
from notifications.models import Channel, Kind, OutboxMessage, Status
from schedules import ics
from schedules.calendars.reading import Reader
from tests import builders
from tests.clockwork import NOON
from tests.conftest import address_of

ROOT = Path(__file__).parent.parent.parent
TAKES_OVER_IN = 5.0
END_THE_LEADER = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 73731")


@pytest.fixture
def new_engine(engine):
    """Make engines such as a worker has: connections of their own, with our limits."""
    made = []

    def new():
        options = engine_options(lambda: address_of(engine), pool_size=worker.CONNECTIONS)
        made.append(create_engine("postgresql+psycopg://", **options))
        return made[-1]

    yield new
    for each in made:
        each.dispose()


@pytest.fixture
def new_leader(new_engine):
    made = []

    def new(engine=None):
        made.append(worker.Leader(engine or new_engine()))
        return made[-1]

    yield new
    # Whatever a test found: the next one begins with nobody leading.
    for each in made:
        each.resign()


@pytest.fixture
def bench(new_engine, new_leader, app_settings, hands):
    own = new_engine()
    senders = build_senders(app_settings, ics.drawn)
    return worker.Bench(own, new_leader(own), hands, senders, Reader("localhost"), builders.LINKS)


@pytest.fixture
def job():
    return {job.name: job for job in worker.JOBS}


def a_message(session, community, **but):
    said = {
        "about": uuid4(),
        "version": 0,
        "kind": Kind.CONFIRMATION,
        "channel": Channel.SMS,
        "recipient": "+33639980012",
        "text": "RDV confirmé",
        "send_at": NOON,
        "expires_at": NOON + timedelta(days=3650),
    }
    message = OutboxMessage(community_id=community.id, **said | but)
    session.add(message)
    session.commit()
    return message


def beaten_at(session):
    session.rollback()
    return heartbeats.noted(session, heartbeats.LEADER)


def test_only_one_leads(new_leader):
    one, other = new_leader(), new_leader()

    assert [one.leads(), other.leads(), one.leads()] == [True, False, True]
    one.resign()
    assert [other.leads(), one.leads()] == [True, False]


def test_of_four_candidates_that_ask_at_once_exactly_one_leads_whoever_died(new_leader, engine):
    candidates = [new_leader() for _ in range(4)]
    together = Barrier(4)

    def ask(candidate):
        together.wait()
        return candidate.leads()

    with ThreadPoolExecutor(4) as threads:
        for _ in range(25):
            assert sum(threads.map(ask, candidates)) == 1
            with engine.connect() as owner:
                owner.execute(END_THE_LEADER)
            assert until(lambda: nobody_leads(engine), 10) < TAKES_OVER_IN


def nobody_leads(engine):
    with engine.connect() as owner:
        return not owner.scalar(text("SELECT count(*) FROM pg_locks WHERE objid = 73731"))


def test_a_leader_that_lost_its_connection_no_longer_leads(new_leader, engine):
    one, other = new_leader(), new_leader()
    assert one.leads()

    with engine.connect() as owner:
        owner.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 73731"))
        sleep(0.2)

    assert not one.leads()
    assert other.leads()


def test_many_threads_may_ask_whether_they_lead(new_leader):
    leader = new_leader()

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: leader.leads(), range(40)))

    assert said == [True] * 40


def test_without_a_database_nobody_leads(tmp_path):
    options = engine_options(lambda: f"postgresql:///nobody?host={tmp_path}", pool_size=1)
    leader = worker.Leader(create_engine("postgresql+psycopg://", **options))

    assert not leader.leads()


def test_due_messages_are_sent_by_leaders_and_others_alike(session, bench, job, new_leader):
    first = new_leader()
    assert first.leads()
    message = a_message(session, builders.a_community(session))

    worker.once(job["drain_outbox"], bench)

    session.refresh(message)
    assert message.status is Status.DELIVERED


def test_the_leader_says_every_five_seconds_that_it_lives(session, bench, job, hands):
    worker.once(job["beat"], bench)
    assert beaten_at(session) == NOON

    hands.wait(timedelta(seconds=4))
    worker.once(job["beat"], bench)
    assert beaten_at(session) == NOON

    hands.wait(timedelta(seconds=1))
    worker.once(job["beat"], bench)
    assert beaten_at(session) == NOON + timedelta(seconds=5)


def test_who_does_not_lead_does_not_say_so(session, bench, job, new_leader):
    first = new_leader()
    assert first.leads()

    worker.once(job["beat"], bench)

    assert beaten_at(session) is None


def test_what_is_past_its_term_is_forgotten_once_a_day(session, bench, job, hands):
    session.add(SignInFailure(who_hash=b"w", at=NOON - timedelta(days=2)))
    session.commit()

    worker.once(job["forget"], bench)

    assert session.scalars(select(SignInFailure)).all() == []
    assert heartbeats.noted(session, heartbeats.PURGE) == NOON
    hands.wait(timedelta(hours=2))
    worker.once(job["forget"], bench)
    session.rollback()
    assert heartbeats.noted(session, heartbeats.PURGE) == NOON


def test_answers_to_partners_are_forgotten_after_a_day(session, bench, job):
    community = builders.a_community(session)
    partner = ApiClient(community_id=community.id, name="P", key_hash=b"k", created_at=NOON)
    session.add(partner)
    session.flush()
    for key, age in (("old", timedelta(hours=24)), ("young", timedelta(hours=23))):
        session.add(
            IdempotencyKey(
                community_id=community.id,
                client_id=partner.id,
                key=key,
                fingerprint=b"f",
                status=201,
                body={},
                created_at=NOON - age,
            )
        )
    session.commit()

    worker.once(job["forget_keys"], bench)

    assert session.scalars(select(IdempotencyKey.key)).all() == ["young"]


def test_a_job_that_fails_is_told_without_its_text_and_ends_nothing(bench, capfd):
    def fail(_):
        raise RuntimeError("Lucie Morel +33639980012")

    worker.once(worker.Job("fail", timedelta(seconds=1), fail, is_for_leader=False), bench)

    assert "Morel" not in capfd.readouterr().err


def test_every_job_runs_at_an_interval_and_late_runs_become_one(bench):
    options = worker.scheduler_of(bench)._job_defaults

    assert options["coalesce"] is True
    assert options["max_instances"] == 1
    assert options["misfire_grace_time"] is None
    assert all(job.every <= timedelta(minutes=10) for job in worker.JOBS)


def in_paris(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("last", "now", "is_time"),
    [
        (None, "2027-10-30 12:00", True),
        ("2027-10-29 01:00", "2027-10-30 00:59", False),
        ("2027-10-29 01:00", "2027-10-30 01:00", True),
        ("2027-10-30 01:00", "2027-10-30 23:59", False),
        ("2027-10-29 01:00", "2027-10-31 02:00", False),
        ("2027-10-29 01:00", "2027-10-31 02:59", False),
        ("2027-10-29 01:00", "2027-10-31 03:00", True),
        ("2027-03-27 01:00", "2027-03-28 03:00", True),
    ],
)
def test_the_purge_is_nightly_and_keeps_clear_of_the_hour_of_clock_changes(last, now, is_time):
    before = None if last is None else in_paris(last)

    assert nightly.is_due(before, now=in_paris(now)) is is_time


@given(st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-01-01")))
def test_a_worker_that_looks_every_five_minutes_purges_each_day_exactly_once(start):
    now, done, last = start.replace(tzinfo=UTC), [], None
    end = now + timedelta(days=3)
    while now < end:
        if nightly.is_due(last, now=now):
            last = now
            done.append(local_day(now, PARIS))
        now += timedelta(minutes=5)

    assert len(done) == len(set(done)) in {3, 4}


class Process:
    """A worker of flesh and blood."""

    def __init__(self, engine, folder, number):
        self.log = folder / f"worker{number}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
                cwd=ROOT,
                env={
                    **os.environ,  # noqa: TID251 - handed on
                    "DATABASE_URL": address_of(engine),
                    "JOURMEME_VAR": str(folder),
                },
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def events(self):
        return [json.loads(line).get("event") for line in self.log.read_text().splitlines()]

    def wait_for(self, event, seconds=60):
        until(lambda: event in self.events(), seconds, self.log.read_text)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def until(holds, seconds, why=lambda: ""):
    """Wait until something holds; return how long it took."""
    begun = monotonic()
    while not holds():
        assert monotonic() - begun < seconds, why()
        sleep(0.05)
    return monotonic() - begun


@pytest.fixture
def workers(engine, tmp_path):
    """Start workers as processes of their own, one after the other."""
    started = []

    def start():
        started.append(Process(engine, tmp_path, len(started)))
        started[-1].wait_for("worker_starts")
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.mark.slow  # real processes: each takes seconds to begin
def test_when_the_leader_is_killed_another_leads_within_five_seconds(workers, session):
    leader = workers()
    leader.wait_for("worker_leads")
    standby = workers()
    sleep(1.5)
    assert "worker_leads" not in standby.events()

    leader.process.send_signal(signal.SIGKILL)
    took = until(lambda: "worker_leads" in standby.events(), 20)

    assert took <= TAKES_OVER_IN
    before = beaten_at(session)
    until(lambda: beaten_at(session) > before, 15)


@pytest.mark.slow  # real processes: each takes seconds to begin
def test_when_the_leader_hangs_the_others_go_on_sending(workers, session):
    leader = workers()
    leader.wait_for("worker_leads")
    workers()
    leader.process.send_signal(signal.SIGSTOP)

    message = a_message(session, builders.a_community(session), send_at=utc_now())

    def is_sent():
        session.rollback()
        session.refresh(message)
        return message.status is Status.DELIVERED

    assert until(is_sent, 20) <= TAKES_OVER_IN


@pytest.mark.slow  # real processes: each takes seconds to begin
def test_a_worker_that_is_asked_to_end_ends_well_and_gives_the_lead_away(workers):
    leader = workers()
    leader.wait_for("worker_leads")
    standby = workers()

    leader.process.send_signal(signal.SIGTERM)

    assert leader.process.wait(timeout=20) == 0
    assert leader.events()[-1] == "worker_ends"
    assert until(lambda: "worker_leads" in standby.events(), 20) <= TAKES_OVER_IN
