"""Providers that fail: nothing is lost, little is said twice, and people take the rest.

Twilio's own client and smtplib against servers of our own, a worker that looks every half minute,
and a clock that only the test moves.
"""

import time
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.database import transaction
from config.settings import Settings
from notifications import delivery, outbox, pacing, twilio_sms
from notifications.letters import Draft, Way
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.smtp_email import SmtpEmail
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice
from tests.builders import a_community
from tests.clockwork import Hands
from tests.smtp_server import HANG_UP, SmtpServer
from tests.twilio_server import ACCOUNT, SERVICE, TOKEN, Refusal, TwilioServer

WITH_MAIL, WITHOUT_MAIL, REMINDED = range(1, 5), range(5, 8), range(8, 11)
PATIENTS = [*WITH_MAIL, *WITHOUT_MAIL]
LOOKS_EVERY = timedelta(seconds=30)
LONG_ENOUGH_FOR_EVERY_WAY = timedelta(minutes=25)
TIMEOUT_SECONDS = 0.25
"""Of our client where Twilio is slow; elsewhere it has all its time, on a busy machine too."""

A_PERSONS = (Status.FAILED, Status.UNKNOWN)
"""How the last way of a message ends that somebody has to tell (booking.desk.undelivered)."""

TRIES = pacing.MOST_CALLS
DOWN, SLOW, NO_REPORT = "down", "slow", "never reports"

FAULTS = [
    # What fails; how many copies of each SMS, of each call and of each reminder are taken.
    pytest.param(DOWN, 0, 0, 0, id=DOWN),
    pytest.param(Refusal(429, 20429), 0, 0, 0, id="429"),
    pytest.param(Refusal(500), 0, 0, 0, id="500"),
    pytest.param(Refusal(500, takes_it=True), TRIES, TRIES, 1, id="500 and takes it"),
    pytest.param(Refusal(401, 20003), 0, 0, 0, id="account refused"),
    pytest.param(SLOW, TRIES, TRIES, 1, id=SLOW),
    pytest.param(NO_REPORT, 1, 1, 1, id=NO_REPORT),
]


class Twilio(TwilioServer):
    """A Twilio that suffers from one fault until it recovers. Of no message it reports anything."""

    fault: Refusal | str | None = None

    def suffer(self, fault: Refusal | str) -> None:
        self.fault = fault
        if fault == DOWN:
            self.__exit__()

    def recover(self) -> None:
        if self.fault == DOWN:
            super().__init__(port=self._http.server_address[1])
            self.__enter__()
        self.fault = None

    def next_answer(self):
        return self.fault if isinstance(self.fault, Refusal) else None

    def take(self, form):
        said = super().take(form)
        if self.fault == SLOW:
            time.sleep(3 * TIMEOUT_SECONDS)
        return said


@pytest.fixture
def twilio():
    with Twilio() as server:
        yield server


@pytest.fixture
def smtp():
    with SmtpServer() as server:
        yield server


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def community(session):
    with transaction(session):
        return a_community(session).id


@pytest.fixture
def promise(session, community, hands):
    def promise(number, *fallbacks, **but):
        said = {
            "community_id": community,
            "about": UUID(int=number),
            "version": 0,
            "kind": Kind.CONFIRMATION,
            "channel": Channel.SMS,
            "recipient": phone_of(number),
            "text": "RDV",
            "send_at": hands.now,
            "expires_at": hands.now + timedelta(hours=4),
            "fallbacks": fallbacks,
        }
        with transaction(session):
            outbox.promise(session, Draft(**said | but))

    return promise


@pytest.fixture
def work(engine, hands, twilio, smtp):
    """Let a worker look at the outbox every half minute, for so long."""
    settings = Settings(
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_messaging_service_sid=SERVICE,
        twilio_voice_from="+33939980001",
        twilio_api_base_url=twilio.url,
        public_base_url="https://rdv.example",
        smtp_url=smtp.url,
    )

    def open_transaction():
        return transaction(Session(engine))

    def work(for_so_long):
        with pytest.MonkeyPatch.context() as patched:
            if twilio.fault == SLOW:
                patched.setattr(twilio_sms, "TIMEOUT_SECONDS", TIMEOUT_SECONDS)
            senders = {
                Channel.SMS: TwilioSms(settings),
                Channel.VOICE: TwilioVoice(settings),
                Channel.EMAIL: SmtpEmail(settings, lambda _: (b"", "")),
            }
        until = hands.now + for_so_long
        while hands.now < until:
            delivery.drain(open_transaction, senders, clock=hands, limit=100)
            delivery.pass_on(open_transaction, clock=hands)
            hands.wait(LOOKS_EVERY)

    return work


def phone_of(number: int) -> str:
    return f"+3363998{number:04}"


def mail_of(number: int) -> str:
    return f"{number:02}@b.example"


def promise_all(promise) -> None:
    for number in PATIENTS:
        call = Way(channel=Channel.VOICE, recipient=phone_of(number), text="Bonjour.")
        mail = Way(channel=Channel.EMAIL, recipient=mail_of(number), subject="RDV", text="Bonjour,")
        promise(number, call, *([mail] if number in WITH_MAIL else []))
    for number in REMINDED:
        promise(number, kind=Kind.REMINDER)


def all_of(session) -> list[OutboxMessage]:
    session.rollback()
    ordered = select(OutboxMessage).order_by(OutboxMessage.id)
    return list(session.scalars(ordered.execution_options(populate_existing=True)))


@pytest.mark.parametrize(("fault", "sms", "calls", "reminders"), FAULTS)
def test_an_outage_of_twilio_loses_nobody(  # noqa: PLR0917 - fixtures
    session, promise, work, twilio, smtp, fault, sms, calls, reminders
):
    twilio.suffer(fault)
    promise_all(promise)

    work(LONG_ENOUGH_FOR_EVERY_WAY)

    texts = Counter(form["To"] for form in twilio.messages)
    rung = Counter(form["To"] for form in twilio.calls)
    assert [texts[phone_of(number)] for number in PATIENTS] == [sms] * len(PATIENTS)
    assert [rung[phone_of(number)] for number in PATIENTS] == [calls] * len(PATIENTS)
    assert [texts[phone_of(number)] for number in REMINDED] == [reminders] * len(REMINDED)
    assert not rung.keys() - {phone_of(number) for number in PATIENTS}
    assert sorted(mail.recipients for mail in smtp.mails) == [[mail_of(n)] for n in WITH_MAIL]
    last_words = {message.about.int: message for message in all_of(session)}
    assert all(last_words[number].status is Status.SENT for number in WITH_MAIL)
    for number in WITHOUT_MAIL:
        assert last_words[number].channel is Channel.VOICE
        assert last_words[number].status in A_PERSONS
    assert not {message.status for message in all_of(session)} & {Status.WAITING, Status.SENDING}


@pytest.mark.parametrize("fault", [fault.values[0] for fault in FAULTS if fault.id != NO_REPORT])
def test_after_an_outage_everything_leaves_once(promise, work, twilio, fault):
    twilio.suffer(fault)
    promise(1)
    work(timedelta(minutes=2))
    twilio.recover()
    before = len(twilio.messages)
    promise(2)

    work(timedelta(minutes=7))

    after = Counter(form["To"] for form in twilio.messages[before:])
    assert after == {phone_of(1): 1, phone_of(2): 1}


# Mail


@pytest.mark.parametrize(
    ("reply", "tries"),
    [("451 later", TRIES), ("550 unknown", 1)],
)
def test_a_mail_that_is_refused_for_long_is_a_persons(  # noqa: PLR0917 - fixtures
    session, promise, work, smtp, reply, tries
):
    smtp.at_recipient.extend([reply] * 100)
    promise(1, channel=Channel.EMAIL, recipient="1@b.example", subject="RDV")

    work(LONG_ENOUGH_FOR_EVERY_WAY)

    [mail] = all_of(session)
    assert (mail.status, mail.attempts, smtp.mails) == (Status.FAILED, tries, [])


@pytest.mark.parametrize("replies", [["451 later"] * 2, ["421 busy"]])
def test_a_mail_leaves_once_when_its_server_takes_mail_again(session, promise, work, smtp, replies):
    smtp.at_data.extend(replies)
    promise(1, channel=Channel.EMAIL, recipient="1@b.example", subject="RDV")

    work(timedelta(minutes=5))

    assert [mail.recipients for mail in smtp.mails] == [["1@b.example"]]
    assert [m.status for m in all_of(session)] == [Status.SENT]


def test_a_mail_whose_server_hangs_up_comes_again_with_the_same_name(session, promise, work, smtp):
    smtp.at_data.extend([HANG_UP])
    promise(1, channel=Channel.EMAIL, recipient="1@b.example", subject="RDV")

    work(timedelta(minutes=5))

    [sent] = all_of(session)
    [mail] = smtp.mails
    assert str(mail.message["Message-ID"]) == sent.provider_id
    assert str(sent.reference) in str(mail.message["Message-ID"])
