"""From the outbox to the provider: real database, real clients, providers of our own."""

import io
import logging
import os
import signal
import threading
import traceback
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from config import logs
from config.database import transaction
from config.settings import Settings
from notifications import delivery, outbox
from notifications.letters import Draft
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.senders import LocalSender, NotSent
from notifications.smtp_email import SmtpEmail
from notifications.twilio_sms import TwilioSms
from schedules import ics as calendars
from schedules.models import Community
from tests.smtp_server import SmtpServer
from tests.twilio_server import ACCOUNT, SERVICE, TOKEN, Refusal, TwilioServer

NOW = datetime(2027, 10, 30, 10, 0, tzinfo=UTC)


class Hands:
    """A clock whose hands only tests move."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def wait(self, **time):
        self.now += timedelta(**time)


class Recorder:
    """Keeps what it is given, and breaks at the recipients it is told of."""

    taken = Status.SENT

    def __init__(self, breaks_at=()):
        self.texts, self.breaks_at, self.during = [], dict(breaks_at), lambda: None

    def send(self, letter, *, now):
        del now
        self.during()
        if letter.recipient in self.breaks_at:
            raise self.breaks_at[letter.recipient]
        self.texts.append(letter.text)
        return f"id-{letter.reference}"


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def community(session):
    community = Community(
        name="CPTS des Tilleuls",
        slug="tilleuls",
        phone="01 99 00 00 15",
        email="rdv@tilleuls.example",
        opens_at=time(8),
        closes_at=time(20),
    )
    with transaction(session):
        session.add(community)
    return community.id


@pytest.fixture
def promise(session, community):
    def promise(text="RDV", **but):
        said = {
            "community_id": community,
            "about": uuid4(),
            "version": 0,
            "kind": Kind.CONFIRMATION,
            "channel": Channel.SMS,
            "recipient": "+33639981234",
            "text": text,
            "send_at": NOW,
            "expires_at": NOW + timedelta(hours=4),
        }
        with transaction(session):
            outbox.promise(session, Draft(**said | but))

    return promise


@pytest.fixture
def drain(engine, hands):
    def drain(sender, limit=100):
        senders = {Channel.SMS: sender, Channel.EMAIL: sender}
        return delivery.drain(opener(engine), senders, clock=hands, limit=limit)

    return drain


@pytest.fixture
def twilio():
    with TwilioServer() as server:
        yield server


@pytest.fixture
def statuses(session):
    def statuses():
        session.rollback()
        by_age = select(OutboxMessage.status).order_by(OutboxMessage.id)
        return list(session.scalars(by_age))

    return statuses


def opener(engine):
    return lambda: transaction(Session(engine))


def through(twilio):
    return TwilioSms(
        Settings(
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_messaging_service_sid=SERVICE,
            twilio_api_base_url=twilio.url,
            public_base_url="https://rdv.example",
        )
    )


def test_what_is_due_is_sent_and_recorded(promise, drain, statuses):
    promise("one")
    promise("later", send_at=NOW + timedelta(minutes=1))
    sender = Recorder()

    assert drain(sender) == 1
    assert (sender.texts, statuses()) == (["one"], [Status.SENT, Status.WAITING])


def test_more_messages_than_threads_all_leave_in_one_drain(promise, drain):
    for number in range(3 * delivery.CALLS_AT_ONCE + 1):
        promise(str(number), recipient=f"+3363998{number:04}")
    sender = Recorder()

    assert drain(sender) == 3 * delivery.CALLS_AT_ONCE + 1
    assert sorted(sender.texts, key=int) == [str(n) for n in range(3 * delivery.CALLS_AT_ONCE + 1)]


def test_a_drain_stops_at_its_limit(promise, drain):
    for _ in range(5):
        promise()

    assert drain(Recorder(), limit=3) == 3


def test_two_drains_at_once_send_each_message_once(promise, drain):
    for number in range(40):
        promise(str(number), recipient=f"+3363998{number:04}")
    sender, start = Recorder(), threading.Barrier(3)

    def one_worker():
        start.wait()
        drain(sender)

    workers = [threading.Thread(target=one_worker) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.wait()
    for worker in workers:
        worker.join()

    assert sorted(sender.texts, key=int) == [str(number) for number in range(40)]


def test_no_connection_is_held_during_a_call(engine, promise, drain):
    promise()
    sender, held = Recorder(), []
    sender.during = lambda: held.append(engine.pool.checkedout())

    drain(sender)

    assert held == [0]


def test_calls_are_made_side_by_side(promise, drain):
    for _ in range(delivery.CALLS_AT_ONCE):
        promise()
    sender, together = Recorder(), threading.Barrier(delivery.CALLS_AT_ONCE)
    sender.during = lambda: together.wait(5)

    assert drain(sender) == delivery.CALLS_AT_ONCE


def test_a_slow_call_keeps_no_other_message_waiting(promise, drain, statuses):
    for number in range(3 * delivery.CALLS_AT_ONCE):
        promise(str(number), recipient=f"+3363998{number:04}")
    sender = Recorder()
    first, others_left = threading.Lock(), threading.Event()

    def during():
        if first.acquire(blocking=False):
            assert others_left.wait(20)
        elif len(sender.texts) == 3 * delivery.CALLS_AT_ONCE - 2:
            others_left.set()

    sender.during = during

    assert drain(sender) == 3 * delivery.CALLS_AT_ONCE
    assert set(statuses()) == {Status.SENT}


def test_no_more_messages_are_in_doubt_than_calls_are_made_at_once(engine, promise, drain):
    for number in range(5 * delivery.CALLS_AT_ONCE):
        promise(str(number), recipient=f"+3363998{number:04}")
    sender, in_hand, in_doubt = Recorder(), [], []

    def during():
        with Session(engine) as other:
            sending = select(OutboxMessage.call_started_at).where(
                OutboxMessage.status == Status.SENDING
            )
            begun = other.scalars(sending).all()
        in_hand.append(len(begun))
        in_doubt.append(len([each for each in begun if each]))

    sender.during = during
    drain(sender)

    assert max(in_doubt) <= delivery.CALLS_AT_ONCE
    assert max(in_hand) <= delivery.CALLS_AT_ONCE + delivery.LEASED_AT_ONCE


def test_a_sender_that_breaks_does_not_stop_the_others(promise, drain, statuses, hands):
    promise("broken", recipient="+33639980001")
    promise("refused", recipient="+33639980002")
    promise("well")
    sender = Recorder(
        {"+33639980001": ZeroDivisionError(), "+33639980002": NotSent("no", permanent=True)}
    )

    drain(sender)

    assert sender.texts == ["well"]
    # Nobody knows whether the broken one left: it is repeated, as an unclear call is.
    assert statuses() == [Status.SENDING, Status.FAILED, Status.SENT]
    sender.breaks_at.clear()
    hands.wait(seconds=31)
    drain(sender)
    assert sender.texts == ["well", "broken"]


def test_a_database_that_fails_at_one_record_does_not_stop_the_others(
    engine, promise, hands, statuses
):
    promise("one")
    promise("two")
    opened = []

    def open_transaction():
        opened.append(None)
        if len(opened) == 2:
            raise ConnectionError
        return transaction(Session(engine))

    sender = Recorder()
    delivery.drain(open_transaction, {Channel.SMS: sender}, clock=hands, limit=9)
    hands.wait(minutes=3)
    delivery.drain(opener(engine), {Channel.SMS: sender}, clock=hands, limit=9)

    assert sorted(sender.texts) == ["one", "two"]
    assert statuses() == [Status.SENT] * 2


def test_a_channel_without_a_sender_is_not_marked_as_sent(engine, promise, hands, statuses):
    promise()

    assert delivery.drain(opener(engine), {}, clock=hands, limit=9) == 0
    assert statuses() == [Status.SENDING]


def test_a_message_that_expires_in_a_slow_batch_does_not_leave(
    promise, drain, statuses, hands, monkeypatch
):
    monkeypatch.setattr(delivery, "CALLS_AT_ONCE", 1)
    promise("slow")
    promise("late", expires_at=NOW + timedelta(seconds=5))
    sender = Recorder()
    sender.during = lambda: hands.wait(seconds=10)

    drain(sender)

    assert (sender.texts, statuses()) == (["slow"], [Status.SENT, Status.EXPIRED])


def test_an_sms_reaches_twilio_through_its_own_client(promise, drain, session, twilio):
    promise("RDV confirmé samedi 30 oct. à 14h20")

    assert drain(through(twilio)) == 1

    [arrived] = twilio.messages
    message = session.scalars(select(OutboxMessage)).one()
    assert (message.status, message.provider_id) == (Status.SENT, arrived["sid"])
    assert arrived["StatusCallback"].endswith(f"/webhooks/twilio/status/{message.reference}")
    assert arrived["ValidityPeriod"] == str(4 * 3600)


@pytest.mark.parametrize(
    ("answer", "at_once", "after_a_minute", "arrived"),
    [
        (Refusal(400, 21614), Status.FAILED, Status.FAILED, 0),
        (Refusal(429, 20429), Status.WAITING, Status.SENT, 1),
        (Refusal(500), Status.SENDING, Status.SENT, 1),
        (Refusal(500, takes_it=True), Status.SENDING, Status.SENT, 2),
    ],
)
def test_what_twilio_refuses_for_good_is_left_and_all_else_is_repeated(  # noqa: PLR0917 - fixtures
    promise, drain, statuses, hands, twilio, answer, at_once, after_a_minute, arrived
):
    promise()
    twilio.will(answer)
    sender = through(twilio)

    drain(sender)
    assert statuses() == [at_once]
    hands.wait(minutes=1)
    drain(sender)

    assert statuses() == [after_a_minute]
    assert len(twilio.messages) == arrived


def test_a_twilio_that_is_down_for_a_minute_gets_every_message_after_it(
    promise, drain, statuses, hands
):
    promise()
    with TwilioServer() as down:
        sender = through(down)
        port = down._http.server_address[1]
    drain(sender)
    assert statuses() == [Status.WAITING]

    with TwilioServer(port=port) as up:
        hands.wait(seconds=20)
        drain(sender)

    assert (len(up.messages), statuses()) == (1, [Status.SENT])


def drain_and_die(engine, twilio_url, *, before_the_call):
    """Drain in a process of its own that is killed just before or just after its call."""
    url = engine.url
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        own = create_engine(url)
        sender = through(type("There", (), {"url": twilio_url}))
        call = sender.send

        def killed(letter, *, now):
            if not before_the_call:
                call(letter, now=now)
            os.kill(os.getpid(), signal.SIGKILL)

        sender.send = killed
        delivery.drain(opener(own), {Channel.SMS: sender}, clock=Hands(), limit=9)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("kind", "before_the_call", "arrived", "status"),
    [
        (Kind.CONFIRMATION, True, 1, Status.SENT),
        (Kind.CONFIRMATION, False, 2, Status.SENT),
        (Kind.REMINDER, True, 0, Status.UNKNOWN),
        (Kind.REMINDER, False, 1, Status.UNKNOWN),
    ],
)
def test_a_worker_killed_around_its_call_loses_no_confirmation_and_repeats_no_reminder(  # noqa: PLR0917 - fixtures
    engine, promise, drain, statuses, hands, twilio, kind, before_the_call, arrived, status
):
    promise(kind=kind)

    end = drain_and_die(engine, twilio.url, before_the_call=before_the_call)
    hands.wait(minutes=3)
    drain(through(twilio))

    assert os.WTERMSIG(end) == signal.SIGKILL
    assert (len(twilio.messages), statuses()) == (arrived, [status])


def test_an_email_arrives_with_its_calendar_byte_for_byte(promise, drain, statuses):
    ics = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:\xc3\xa9\r\nEND:VCALENDAR\r\n"
    promise(
        channel=Channel.EMAIL,
        recipient="patient@mail.example",
        subject="Rendez-vous confirmé",
        invitation="all",
    )
    with SmtpServer() as smtp:
        settings = Settings(smtp_url=smtp.url, mail_from="rdv@cpts.example")
        drain(SmtpEmail(settings, {"all": (ics, "REQUEST")}.__getitem__))

    parts = [
        p for p in smtp.mails[0].message.walk() if p.get_content_subtype() in ("calendar", "ics")
    ]
    assert [part.get_payload(decode=True) for part in parts] == [ics, ics]
    assert statuses() == [Status.SENT]


def test_without_settings_messages_stay_here_and_count_as_delivered(engine, promise, statuses):
    promise()
    promise(channel=Channel.EMAIL, recipient="a@b.example", subject="Rendez-vous")
    senders = delivery.build_senders(Settings(), calendars.drawn)

    assert delivery.drain(opener(engine), senders, clock=Hands(), limit=9) == 2
    assert statuses() == [Status.DELIVERED] * 2


def test_with_settings_messages_leave_through_the_providers():
    settings = Settings(
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_from="RDVCPTS",
        smtp_url="smtp://127.0.0.1:25",
    )

    senders = delivery.build_senders(settings, calendars.drawn)

    assert isinstance(senders[Channel.SMS], TwilioSms)
    assert isinstance(senders[Channel.EMAIL], SmtpEmail)
    assert senders.keys() == set(Channel)


@pytest.fixture
def lines():
    root, ours = logging.getLogger(), logging.getLogger("jourmeme")
    before = root.handlers[:], root.level, ours.level
    written = io.StringIO()
    logs.configure(written)
    yield written
    root.handlers[:], root.level, ours.level = before[0], before[1], before[2]
    logging.getLogger("werkzeug").disabled = False


def test_no_number_address_or_text_is_logged_whatever_happens(promise, drain, twilio, lines):
    promise("SECRETTEXT")
    promise("SECRETTEXT", recipient="+33639984321")
    promise("SECRETTEXT", recipient="+33639985678")
    twilio.will(Refusal(400, 21614), Refusal(500))

    drain(through(twilio))
    drain(Recorder({"+33639981234": ValueError("+33639981234 SECRETTEXT")}))
    drain(LocalSender())

    said = lines.getvalue()
    assert "message_not_sent" in said
    assert '"reason": "twilio_21614"' in said
    assert "SECRET" not in said
    assert "3963998" not in said
    assert "33639" not in said
