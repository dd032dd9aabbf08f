"""Workers really killed at every step of fifty messages: nothing is lost, little arrives twice.

Half are confirmations (at least once), half reminders (at most once). Three workers are killed at
one step, one after the other, when it has given a thread its next message; a fourth finishes what
they left.
"""

import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from queue import Queue
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from config.database import transaction
from config.settings import Settings
from notifications import calls, delivery, outbox
from notifications.letters import Draft
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.twilio_sms import TwilioSms
from tests.builders import a_community
from tests.clockwork import NOON, Hands
from tests.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer

MESSAGES, KILLS = 50, 3
AT_ONCE = delivery.CALLS_AT_ONCE
WITH_A_THREAD_USED_AGAIN = AT_ONCE + 3
UNTIL_A_LEASE_ENDS = calls.LEASE + timedelta(seconds=1)

Step = Callable[[TwilioSms, Callable[[], None]], None]
"""Plants `die` at one step of a worker; it kills when the step is taken often enough."""


class DiesAt:
    """Kills its own process without a last word when it is called for the nth time."""

    def __init__(self, nth: int) -> None:
        self._nth, self._passed = nth, count(1)

    def __call__(self) -> None:
        if next(self._passed) == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)


def before_the_turn_is_committed(_: TwilioSms, die: Callable[[], None]) -> None:
    lease = outbox.lease

    def leased(*args, **kwargs):
        letters = lease(*args, **kwargs)
        die()
        return letters

    outbox.lease = leased


def after_the_lease(_: TwilioSms, die: Callable[[], None]) -> None:
    call = delivery._call

    def called(*args):
        die()
        return call(*args)

    delivery._call = called


def before_the_call(sender: TwilioSms, die: Callable[[], None]) -> None:
    send = sender.send

    def sent(letter, *, now):
        die()
        return send(letter, now=now)

    sender.send = sent


def during_the_call(_: TwilioSms, die: Callable[[], None]) -> None:
    """Leave the killing to the provider, which has the message and has not answered."""


def after_the_call(sender: TwilioSms, die: Callable[[], None]) -> None:
    send = sender.send

    def sent(letter, *, now):
        sid = send(letter, now=now)
        die()
        return sid

    sender.send = sent


def after_the_turn(_: TwilioSms, die: Callable[[], None]) -> None:
    turn = delivery._Hands.turn

    def turned(*args, **kwargs):
        begun = turn(*args, **kwargs)
        die()
        return begun

    delivery._Hands.turn = turned


STEPS: list[Step] = [
    before_the_turn_is_committed,
    after_the_lease,
    before_the_call,
    during_the_call,
    after_the_call,
    after_the_turn,
]

OF_ALL_MESSAGES_AT_ONCE = (before_the_turn_is_committed, after_the_turn)
"""Steps that are taken for several messages: the second time, others are being called."""


class Twilio(TwilioServer):
    """A Twilio that can kill who calls it, between taking a message and answering."""

    def __init__(self) -> None:
        super().__init__()
        self.victims: Queue[int] = Queue()
        self._kills_at: int | None = None

    def kill_at(self, nth: int) -> None:
        """Kill the victim when so many more messages were taken."""
        self._kills_at = len(self.messages) + nth

    def take(self, form):
        said = super().take(form)
        if self._kills_at is not None and len(self.messages) >= self._kills_at:
            self._kills_at = None
            os.kill(self.victims.get(timeout=5), signal.SIGKILL)
        return said


@pytest.fixture
def twilio():
    with Twilio() as server:
        yield server


@pytest.fixture
def promised(session):
    """Fifty messages, due in the order in which they were promised."""
    with transaction(session):
        community = a_community(session)
        for number in range(MESSAGES):
            outbox.promise(session, a_draft(community.id, number))


def a_draft(community_id: int, number: int) -> Draft:
    return Draft(
        community_id=community_id,
        about=uuid4(),
        version=0,
        kind=Kind.REMINDER if number % 2 else Kind.CONFIRMATION,
        channel=Channel.SMS,
        recipient=f"+3363998{number:04}",
        text="RDV",
        send_at=NOON + timedelta(milliseconds=number),
        expires_at=NOON + timedelta(hours=4),
    )


def work(engine, twilio, clock, plant=lambda _: None) -> None:
    """Be one worker, as long as anything is due."""
    settings = Settings(
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_messaging_service_sid=SERVICE,
        twilio_api_base_url=twilio.url,
        public_base_url="https://rdv.example",
    )
    sender = TwilioSms(settings)
    plant(sender)
    while delivery.drain(
        lambda: transaction(Session(engine)), {Channel.SMS: sender}, clock=clock, limit=100
    ):
        pass


def killed(engine, twilio, clock, step: Step) -> bool:
    """Work in a process of its own until the step kills it; whether it was killed."""
    nth = 2 if step in OF_ALL_MESSAGES_AT_ONCE else WITH_A_THREAD_USED_AGAIN
    if step is during_the_call:
        twilio.kill_at(nth)
    child = os.fork()
    if not child:
        try:
            own = create_engine(engine.url)
            work(own, twilio, clock, partial(step, die=DiesAt(nth)))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(1)
    twilio.victims.put(child)
    _, end = os.waitpid(child, 0)
    while not twilio.victims.empty():
        twilio.victims.get()
    return os.WIFSIGNALED(end) and os.WTERMSIG(end) == signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_of_fifty_messages_none_is_lost_and_no_reminder_arrives_twice(
    engine, session, promised, twilio, step
):
    clock = Hands()
    deaths = []
    for _ in range(KILLS):
        clock.wait(UNTIL_A_LEASE_ENDS)
        deaths.append(killed(engine, twilio, clock, step))
    for _ in range(3):
        clock.wait(UNTIL_A_LEASE_ENDS)
        work(engine, twilio, clock)

    arrived = Counter(form["StatusCallback"].rpartition("/")[2] for form in twilio.messages)
    messages = session.scalars(select(OutboxMessage)).all()
    confirmations = [m for m in messages if m.kind is Kind.CONFIRMATION]
    reminders = [m for m in messages if m.kind is Kind.REMINDER]
    unsure = [m for m in reminders if m.status is Status.UNKNOWN]

    assert deaths == [True] * KILLS
    assert len(confirmations) == len(reminders) == MESSAGES // 2
    assert {m.status for m in confirmations} == {Status.SENT}
    assert all(arrived[str(m.reference)] >= 1 for m in confirmations)
    assert all(arrived[str(m.reference)] == 1 for m in reminders if m.status is Status.SENT)
    assert all(arrived[str(m.reference)] <= 1 for m in reminders)
    assert {m.status for m in reminders} <= {Status.SENT, Status.UNKNOWN}
    twice = sum(arrived[str(m.reference)] - 1 for m in confirmations)
    assert twice + len(unsure) <= KILLS * AT_ONCE, "a death leaves more in doubt than were called"
