"""The database restarts in the middle of work: nothing is lost, the worker comes back by itself.

A server of its own, stopped as `pg_ctl -m fast` stops it: every connection ends, in the middle of
whatever it was doing.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from booking import heartbeats, worker
from booking.desk import outcome_letters, tell_offers, wishes
from booking.models import EscalatedTo, Offer, OutcomeAsked, OutcomeLetter, PromiseEvent
from config import embedded, schema
from config.database import as_owner, engine_options, transaction
from config.settings import Settings
from notifications import calls, delivery, outbox
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.twilio_sms import TwilioSms
from schedules.calendars.reading import Reader
from schedules.models import Slot
from tests.builders import LINKS, a_booking, a_community, a_slot, a_triaged_request
from tests.clockwork import NOON, Hands
from tests.integration.patient_walk import a_town
from tests.integration.test_killed_workers import a_draft
from tests.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer

MESSAGES = 80
AFTER = 20
"""So many had left when the server went."""

IN_FLIGHT, IN_HAND = delivery.CALLS_AT_ONCE, delivery.LEASED_AT_ONCE
"""The bound: of so many messages nobody knows whether they left."""


class Server:
    """A PostgreSQL of its own, and a worker's engine on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = embedded.start(folder)
        self.engine = create_engine(
            "postgresql+psycopg://",
            **engine_options(lambda: self.url, pool_size=worker.CONNECTIONS),
        )

    def restart(self) -> None:
        """Stop it, whoever is connected, and start it again at the same address."""
        embedded.stop(self.folder)
        self.url = embedded.start(self.folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("restarted") / "data")
    with as_owner(lambda: server.url) as owner:
        schema.upgrade(owner)
    yield server
    server.engine.dispose()
    embedded.stop(server.folder)


@pytest.fixture
def engine(server) -> Engine:
    return server.engine


@pytest.fixture
def session(engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


class Twilio(TwilioServer):
    """A Twilio that takes its time, so that calls are under way at any moment."""

    def take(self, form):
        said = super().take(form)
        time.sleep(0.1)
        return said


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with Twilio() as server:
        yield server


@pytest.fixture
def bench(engine, twilio, hands) -> Iterator[worker.Bench]:
    settings = Settings(
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_messaging_service_sid=SERVICE,
        twilio_api_base_url=twilio.url,
        public_base_url="https://rdv.example",
    )
    leader = worker.Leader(engine)
    yield worker.Bench(
        engine, leader, hands, {Channel.SMS: TwilioSms(settings)}, Reader("localhost"), LINKS
    )
    leader.resign()


def until(holds, seconds: float = 30) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)


@contextmanager
def working(bench: worker.Bench) -> Iterator[None]:
    """Let the whole worker run, with all its jobs at their intervals."""
    scheduler = worker.scheduler_of(bench)
    begun = Event()
    scheduler.add_listener(lambda _: begun.set())
    thread = Thread(target=scheduler.start)
    thread.start()
    assert begun.wait(10)
    yield
    scheduler.shutdown()
    thread.join()


def statuses(engine: Engine) -> Counter[Status]:
    with Session(engine) as session:
        return Counter(session.scalars(select(OutboxMessage.status)))


def beaten_at(engine: Engine):
    with Session(engine) as session:
        return heartbeats.noted(session, heartbeats.LEADER)


def test_a_restart_in_the_middle_of_sending_loses_nothing_and_the_same_worker_goes_on(
    server, session, bench, twilio, hands: Hands
):
    hands.wait(timedelta(seconds=1))
    with transaction(session):
        community = a_community(session).id
        outbox.promise(session, *(a_draft(community, number) for number in range(MESSAGES)))
    session.close()

    with working(bench):
        until(lambda: len(twilio.messages) >= AFTER)
        server.restart()
        left = len(twilio.messages)
        until(lambda: statuses(server.engine)[Status.WAITING] == 0)
        until(lambda: statuses(server.engine)[Status.SENDING] <= IN_FLIGHT + IN_HAND)
        hands.wait(calls.LEASE + timedelta(seconds=1))
        until(lambda: statuses(server.engine)[Status.SENDING] == 0)
        hands.wait(worker.BEAT)
        until(lambda: beaten_at(server.engine) == hands())

    assert AFTER <= left < MESSAGES  # it was in the middle
    arrived = Counter(form["StatusCallback"].rpartition("/")[2] for form in twilio.messages)
    messages = session.scalars(select(OutboxMessage)).all()
    reminders = [m for m in messages if m.kind is Kind.REMINDER]
    confirmations = [m for m in messages if m.kind is Kind.CONFIRMATION]
    unsure = [m for m in reminders if m.status is Status.UNKNOWN]
    assert len(messages) == MESSAGES
    assert {m.status for m in confirmations} == {Status.SENT}
    assert all(arrived[str(m.reference)] >= 1 for m in confirmations)
    assert all(arrived[str(m.reference)] <= 1 for m in reminders)
    assert all(arrived[str(m.reference)] == 1 for m in reminders if m.status is Status.SENT)
    assert {m.status for m in reminders} <= {Status.SENT, Status.UNKNOWN}
    assert sum(arrived[str(m.reference)] - 1 for m in confirmations) + len(unsure) <= IN_FLIGHT


def somebody_waits(session, protocol):
    """Return how many offers there are, each with its hold and its SMS."""
    town = a_town(session, slots=1)
    request = a_triaged_request(session, town.community, protocol)
    wishes.want(session, request, now=NOON)
    return lambda: (
        of(session, Offer, Offer.community_id == town.community.id),
        of(session, Slot, Slot.held_by == request.reference),
        told(session, town.community, Kind.OFFER),
    )


def a_promise_is_half_gone(session, protocol):
    """Return how often somebody on call was made to look, and told of it."""
    community = a_community(session, on_call_phone="+33639980099")
    late = NOON - timedelta(hours=23)
    a_triaged_request(session, community, protocol, now=late)
    return lambda: (
        of(
            session,
            PromiseEvent,
            PromiseEvent.community_id == community.id,
            PromiseEvent.escalated_to == EscalatedTo.ON_CALL,
        ),
        told(session, community, Kind.ESCALATION),
    )


def a_day_is_over(session, protocol):
    """Return how many letters there are, what they ask about, and their mails."""
    yesterday = NOON - timedelta(days=1)
    slot = a_slot(session, starts_at=yesterday + timedelta(hours=1))
    community = session.get_one(type(a_community(session)), slot.community_id)
    a_booking(session, community, protocol, slot, now=yesterday)
    return lambda: (
        of(session, OutcomeLetter, OutcomeLetter.community_id == community.id),
        of(session, OutcomeAsked, OutcomeAsked.community_id == community.id),
        told(session, community, Kind.OUTCOME),
    )


def of(session, what, *which) -> int:
    return session.scalar(select(func.count()).select_from(what).where(*which))


def told(session, community, kind) -> int:
    theirs = (OutboxMessage.community_id == community.id, OutboxMessage.kind == kind)
    return of(session, OutboxMessage, *theirs)


@pytest.mark.parametrize(
    ("name", "given", "where", "last_step"),
    [
        ("offer_slots", somebody_waits, tell_offers.outbox, "promise"),
        ("sound_alarms", a_promise_is_half_gone, outbox, "promise"),
        ("ask_outcomes", a_day_is_over, outcome_letters.outbox, "promise"),
    ],
)
def test_a_restart_in_the_middle_of_a_job_leaves_nothing_half_done_and_it_is_done_once(  # noqa: PLR0917 - a table
    server, session, bench, protocol, monkeypatch, name, given, where, last_step
):
    job = next(job for job in worker.JOBS if job.name == name)
    with transaction(session):
        counted = given(session, protocol)
    session.close()
    deed = getattr(where, last_step)

    def done_and_gone(*args, **kwargs):
        done = deed(*args, **kwargs)
        server.restart()
        return done

    with monkeypatch.context() as planted:
        planted.setattr(where, last_step, done_and_gone)
        worker.once(job, bench)
    assert not any(counted())
    session.close()

    for _ in range(3):
        # The first notices that it leads no more, the second leads, the third finds nothing to do.
        worker.once(job, bench)

    assert set(counted()) == {1}
