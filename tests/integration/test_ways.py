"""A message that does not arrive takes its next way, once; when none is left it is a person's."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from booking import privacy
from config.database import transaction
from notifications import (
    delivery,
    limits,
    opt_outs,
    outbox,
    pacing,
    receipts,
    senders_stopped,
    ways,
)
from notifications.letters import Draft, Way
from notifications.models import Channel, Kind, OptOut, OutboxMessage, Status
from notifications.receipts import Report
from notifications.senders import NotSent
from schedules.models import Community
from tests.builders import MOBILE, a_community
from tests.clockwork import NOON, Hands

OURS = "AC" + "0" * 32
CALL = Way(channel=Channel.VOICE, recipient=MOBILE, text="Bonjour.")
MAIL = Way(channel=Channel.EMAIL, recipient="a@b.example", subject="Rendez-vous", text="Bonjour,")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def community(session):
    with transaction(session):
        return a_community(session).id


@pytest.fixture
def promise(session, community):
    def promise(*fallbacks, **but):
        said = {
            "community_id": community,
            "about": uuid4(),
            "version": 0,
            "kind": Kind.CONFIRMATION,
            "channel": Channel.SMS,
            "recipient": MOBILE,
            "text": "RDV",
            "send_at": NOON,
            "expires_at": NOON + timedelta(hours=4),
            "fallbacks": fallbacks,
        }
        draft = Draft(**said | but)
        with transaction(session):
            outbox.promise(session, draft)
        return draft

    return promise


def all_of(session):
    session.rollback()
    ordered = select(OutboxMessage).order_by(OutboxMessage.id)
    return session.scalars(ordered.execution_options(populate_existing=True)).all()


def ways_of(session):
    return [(each.channel, each.status) for each in all_of(session)]


def leased(session, now=NOON):
    with transaction(session):
        return outbox.lease(session, now=now, limit=10)


def send(session, now=NOON, sid="SM1"):
    for letter in leased(session, now):
        with transaction(session):
            assert outbox.begin_call(session, letter, now=now)
        with transaction(session):
            outbox.record_sent(session, letter, provider_id=sid)


def refuse(session, now=NOON, *, why="twilio_21614", permanent=True):
    for letter in leased(session, now):
        with transaction(session):
            assert outbox.begin_call(session, letter, now=now)
        with transaction(session):
            outbox.record_failed(session, letter, why=why, permanent=permanent, now=now)


def report(session, message, said, *, sid="SM1", error=None, now=NOON):
    told = Report(message=message.reference, said=said, sid=sid, account=OURS, error=error)
    with transaction(session):
        return receipts.record(session, told, our_account=OURS, now=now)


def give_up(session, now):
    with transaction(session):
        return ways.give_up_on_the_silent(session, now=now)


def test_a_refusal_for_good_is_followed_by_each_way_and_then_by_none(session, promise):
    promise(CALL, MAIL)

    for _ in range(4):
        refuse(session)

    sms, call, mail = all_of(session)
    assert [each.channel for each in (sms, call, mail)] == [*Channel]
    assert {each.status for each in (sms, call, mail)} == {Status.FAILED}
    assert (call.follows, mail.follows) == (sms.id, call.id)
    assert (mail.subject, mail.text, mail.about) == ("Rendez-vous", "Bonjour,", sms.about)


def test_tries_that_are_used_up_are_followed_by_the_next_way(session, promise):
    promise(CALL)
    now = NOON
    for _ in range(pacing.MOST_CALLS):
        refuse(session, now, why="twilio_20429", permanent=False)
        now += 6 * MINUTE

    assert ways_of(session)[0] == (Channel.SMS, Status.FAILED)
    assert ways_of(session)[1][0] is Channel.VOICE


def test_an_appointment_that_is_near_takes_its_next_way_without_a_long_pause(session, promise):
    promise(CALL, expires_at=NOON + 30 * MINUTE)
    now = NOON
    for _ in range(3):
        refuse(session, now, why="twilio_20429", permanent=False)
        now = all_of(session)[0].send_at

    assert now <= NOON + 2 * MINUTE
    assert ways_of(session) == [
        (Channel.SMS, Status.FAILED),
        (Channel.VOICE, Status.WAITING),
    ]


@pytest.mark.parametrize("said", ["undelivered", "failed", "canceled"])
def test_a_report_that_it_did_not_arrive_is_followed_by_the_next_way(session, promise, said):
    promise(CALL)
    send(session)

    for _ in range(2):
        report(session, all_of(session)[0], said, error="twilio_30005")

    assert [channel for channel, _ in ways_of(session)] == [Channel.SMS, Channel.VOICE]


def test_a_mail_that_was_promised_beside_it_is_not_sent_again(session, promise):
    first = promise(MAIL)
    beside = {**vars(MAIL)}
    with transaction(session):
        outbox.promise(session, replace(first, fallbacks=(), **beside))

    refuse(session)

    assert len(all_of(session)) == 2


def test_what_is_not_reported_in_time_takes_its_next_way_and_is_unknown(session, promise):
    promise(CALL)
    send(session)

    assert give_up(session, NOON + 3 * MINUTE - timedelta(seconds=1)) == 0
    assert give_up(session, NOON + 3 * MINUTE) == 1
    assert give_up(session, NOON + 9 * MINUTE) == 0
    assert ways_of(session) == [
        (Channel.SMS, Status.UNKNOWN),
        (Channel.VOICE, Status.WAITING),
    ]


def test_bad_news_after_silence_takes_no_second_way(session, promise):
    promise(CALL, MAIL)
    send(session)
    give_up(session, NOON + 3 * MINUTE)

    assert report(session, all_of(session)[0], "failed", now=NOON + 4 * MINUTE)

    assert [channel for channel, _ in ways_of(session)] == [Channel.SMS, Channel.VOICE]


def test_for_an_appointment_that_is_near_silence_counts_sooner(session, promise):
    promise(CALL, expires_at=NOON + 8 * MINUTE)
    send(session)

    assert give_up(session, NOON + MINUTE) == 1


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.NOTICE])
def test_a_reminder_or_a_notice_that_may_have_arrived_is_not_said_again(session, promise, kind):
    promise(CALL, kind=kind)
    send(session)

    assert give_up(session, NOON + 9 * MINUTE) == 0


def test_a_mail_is_never_reported_and_never_missed(session, promise):
    promise(channel=Channel.EMAIL, recipient="a@b.example", subject="Rendez-vous")
    send(session)

    assert give_up(session, NOON + 9 * MINUTE) == 0


def test_a_message_that_arrives_after_all_calls_back_what_would_stand_in_for_it(session, promise):
    promise(CALL)
    send(session)
    give_up(session, NOON + 3 * MINUTE)

    report(session, all_of(session)[0], "delivered", now=NOON + 4 * MINUTE)

    assert ways_of(session) == [
        (Channel.SMS, Status.DELIVERED),
        (Channel.VOICE, Status.WITHDRAWN),
    ]


def test_what_is_withdrawn_takes_no_other_way(session, community, promise):
    first = promise(CALL)
    send(session)
    with transaction(session):
        outbox.withdraw(session, community, first.about, now=NOON)

    give_up(session, NOON + 3 * MINUTE)
    report(session, all_of(session)[0], "failed")

    assert len(all_of(session)) == 1


def test_a_way_that_is_being_written_while_it_is_withdrawn_never_leaves(engine, session, promise):
    first = promise(CALL)
    [letter] = leased(session)
    with transaction(session):
        outbox.begin_call(session, letter, now=NOON)

    def cancel():
        with Session(engine) as other, transaction(other):
            outbox.withdraw(other, first.community_id, first.about, now=NOON)

    with Session(engine) as worker, transaction(worker):
        outbox.record_failed(worker, letter, why="no", permanent=True, now=NOON)
        cancelling = Thread(target=cancel)
        cancelling.start()
        cancelling.join(0.3)
        assert cancelling.is_alive()
    cancelling.join(5)

    assert ways_of(session)[1] == (Channel.VOICE, Status.WITHDRAWN)
    assert leased(session) == []


def test_nothing_follows_once_the_appointment_has_begun(session, promise):
    promise(CALL)
    send(session)

    report(session, all_of(session)[0], "failed", now=NOON + timedelta(hours=4))

    assert len(all_of(session)) == 1


# A second copy


@pytest.mark.parametrize("error", ["twilio_30003", "twilio_30008"])
def test_a_handset_that_is_off_gets_one_more_copy_and_then_the_next_way(session, promise, error):
    promise(CALL)
    send(session)
    report(session, all_of(session)[0], "undelivered", error=error)
    assert ways_of(session) == [(Channel.SMS, Status.WAITING)]

    send(session, NOON + MINUTE, sid="SM2")
    report(session, all_of(session)[0], "undelivered", sid="SM2", error=error)

    assert ways_of(session) == [
        (Channel.SMS, Status.UNDELIVERED),
        (Channel.VOICE, Status.WAITING),
    ]


def test_bad_news_of_the_first_copy_that_repeats_says_nothing_of_the_second(session, promise):
    promise(CALL)
    send(session)
    for _ in range(3):
        report(session, all_of(session)[0], "undelivered", error="twilio_30003")
        report(session, all_of(session)[0], "sent")
    send(session, NOON + MINUTE, sid="SM2")
    report(session, all_of(session)[0], "undelivered", error="twilio_30003")

    assert ways_of(session) == [(Channel.SMS, Status.SENT)]


def test_the_first_copy_may_arrive_after_all(session, promise):
    promise(CALL)
    send(session)
    report(session, all_of(session)[0], "undelivered", error="twilio_30003")

    assert report(session, all_of(session)[0], "delivered")
    assert leased(session, NOON + 9 * MINUTE) == []


def test_without_time_for_a_second_copy_the_next_way_is_taken_at_once(session, promise):
    promise(CALL, expires_at=NOON + 5 * MINUTE)
    send(session)

    report(session, all_of(session)[0], "undelivered", error="twilio_30003")

    assert ways_of(session)[1] == (Channel.VOICE, Status.WAITING)


COPIES = [
    ("sent", "SM1"),
    ("sent", "SM2"),
    ("undelivered", "SM1"),
    ("undelivered", "SM2"),
    ("failed", "SM2"),
    ("queued", "SM1"),
]


@given(st.permutations(COPIES * 2))
@settings(max_examples=60, deadline=None)
def test_in_every_order_reports_of_two_copies_end_in_one_next_way(session, promise, said):
    with transaction(session):
        session.execute(text("TRUNCATE outbox_message"))
    promise(CALL)
    send(session)
    now = NOON
    for word, sid in said:
        report(session, all_of(session)[0], word, sid=sid, error="twilio_30003", now=now)
        now += MINUTE
        for letter in leased(session, now):
            if letter.channel is Channel.SMS:
                with transaction(session):
                    outbox.begin_call(session, letter, now=now)
                    outbox.record_sent(session, letter, provider_id="SM2")
    for sid in ("SM1", "SM2"):
        report(session, all_of(session)[0], "failed", sid=sid, now=now)

    sms, *after = all_of(session)
    assert sms.status in (Status.UNDELIVERED, Status.FAILED)
    assert [each.channel for each in after] == [Channel.VOICE]


# Who wants no SMS


def test_who_wants_no_sms_gets_the_next_way_and_no_sms(session, promise):
    promise(CALL)
    with transaction(session):
        opt_outs.add(session, MOBILE, now=NOON)
        opt_outs.add(session, MOBILE, now=NOON)

    assert leased(session) == []
    assert ways_of(session) == [
        (Channel.SMS, Status.FAILED),
        (Channel.VOICE, Status.WAITING),
    ]
    [call] = leased(session)
    assert call.recipient == MOBILE


def test_who_wants_them_again_gets_them(session, promise):
    with transaction(session):
        opt_outs.add(session, MOBILE, now=NOON)
        opt_outs.remove(session, MOBILE)
    promise(CALL)

    assert [letter.channel for letter in leased(session)] == [Channel.SMS]


def test_a_stop_that_only_the_provider_knew_of_is_noted(session, promise):
    promise(CALL)

    refuse(session, why="twilio_21610")

    assert [stopped.phone for stopped in session.scalars(select(OptOut))] == [MOBILE]
    assert ways_of(session)[1] == (Channel.VOICE, Status.WAITING)


def test_a_number_that_was_told_often_enough_today_is_left_to_the_next_way(session, promise):
    for _ in range(limits.MOST_A_DAY):
        promise()
    while leased(session):
        pass
    with transaction(session):
        session.execute(update(OutboxMessage).values(attempts=1))
    promise(MAIL)
    promise(MAIL, recipient="+33639980002")

    assert [letter.recipient for letter in leased(session)] == ["+33639980002"]
    assert [letter.channel for letter in leased(session)] == [Channel.EMAIL]
    day_after = NOON + timedelta(days=1)
    with transaction(session):
        session.execute(
            update(OutboxMessage).values(status=Status.DELIVERED, lease=None, lease_until=None)
        )
    promise(send_at=day_after, expires_at=day_after + 9 * MINUTE)
    assert len(leased(session, day_after)) == 1


# A provider that refuses everything


class Refusing:
    taken = Status.SENT

    def __init__(self):
        self.asked, self.is_mended = 0, False

    def send(self, letter, *, now):
        del letter, now
        self.asked += 1
        if self.is_mended:
            return f"SM{self.asked}"
        raise NotSent("twilio_20003", permanent=False, is_everyones=True)


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def drain(engine, hands):
    def drain(sender):
        senders = dict.fromkeys(Channel, sender)
        return delivery.drain(lambda: transaction(Session(engine)), senders, clock=hands, limit=100)

    return drain


def test_a_provider_that_refuses_everybody_is_left_alone_and_then_tried_again(
    session, promise, drain, hands
):
    sender = Refusing()
    promise()
    drain(sender)
    promise(send_at=NOON)
    drain(sender)
    assert sender.asked == 1
    [alarm] = senders_stopped.stopped(session, now=NOON)
    assert (alarm.channel, alarm.why) == (Channel.SMS, "twilio_20003")

    sender.is_mended = True
    session.rollback()
    hands.wait(MINUTE)
    drain(sender)

    assert {status for _, status in ways_of(session)} == {Status.SENT}
    assert not senders_stopped.stopped(session, now=hands.now)


def test_what_waits_behind_a_stopped_provider_takes_its_next_way_in_time(
    engine, session, promise, hands
):
    promise(MAIL)
    with transaction(session):
        senders_stopped.stop(session, Channel.SMS, why="twilio_20003", now=NOON + 2.5 * MINUTE)
    hands.wait(3 * MINUTE)

    passed = delivery.pass_on(lambda: transaction(Session(engine)), clock=hands)

    assert passed == 1
    assert ways_of(session) == [
        (Channel.SMS, Status.FAILED),
        (Channel.EMAIL, Status.WAITING),
    ]


def test_another_channel_goes_on_while_one_is_stopped(session, promise):
    promise()
    promise(channel=Channel.EMAIL, recipient="a@b.example", subject="Rendez-vous")
    with transaction(session):
        senders_stopped.stop(session, Channel.SMS, why="twilio_20003", now=NOON)

    assert [letter.channel for letter in leased(session)] == [Channel.EMAIL]


def test_an_alarm_says_since_when_it_lasts(session):
    for minutes in (0, 5, 10):
        with transaction(session):
            senders_stopped.stop(session, Channel.SMS, why="no", now=NOON + minutes * MINUTE)

    [alarm] = senders_stopped.stopped(session, now=NOON + 11 * MINUTE)
    assert alarm.since == NOON


# Everything in any order


class Chain(RuleBasedStateMachine):
    """One message with two ways after it: refusals, silence, reports, a withdrawal, time."""

    engine = None

    def __init__(self):
        super().__init__()
        self.session = Session(self.engine, expire_on_commit=False)
        self.session.execute(text("TRUNCATE outbox_message"))
        self.now, self.gone, self.heard = NOON, False, False
        self.calls = Counter()
        self.about = uuid4()
        with transaction(self.session):
            draft = Draft(
                community_id=self.session.scalar(select(Community.id)),
                about=self.about,
                version=0,
                kind=Kind.CONFIRMATION,
                channel=Channel.SMS,
                recipient=MOBILE,
                text="RDV",
                send_at=NOON,
                expires_at=NOON + timedelta(hours=1),
                fallbacks=(CALL, MAIL),
            )
            outbox.promise(self.session, draft)
            self.community = draft.community_id

    def teardown(self):
        self.session.close()

    @rule(seconds=st.sampled_from([5, 31, 200, 700]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(end=st.sampled_from(["sent", "later", "never", "dies", "unclear"]))
    def work(self, end):
        for letter in leased(self.session, self.now):
            with transaction(self.session):
                begun = outbox.begin_call(self.session, letter, now=self.now)
            if begun:
                assert not self.gone
                assert not self.heard
                self.calls[letter.channel] += 1
                self.end(letter, end)

    def end(self, letter, end):
        with transaction(self.session):
            if end == "sent":
                outbox.record_sent(self.session, letter, provider_id=f"SM{letter.channel}")
            elif end == "unclear":
                outbox.record_unclear(self.session, letter, why="hang", now=self.now)
            elif end != "dies":
                outbox.record_failed(
                    self.session, letter, why=end, permanent=end == "never", now=self.now
                )

    @rule()
    def sweep(self):
        give_up(self.session, self.now)

    @rule(
        which=st.integers(0, 2),
        said=st.sampled_from(["sent", "delivered", "undelivered", "failed"]),
        error=st.sampled_from([None, "twilio_30003"]),
    )
    def hear(self, which, said, error):
        messages = [m for m in all_of(self.session) if m.attempts]
        if which < len(messages):
            message = messages[which]
            report(
                self.session,
                message,
                said,
                sid=f"SM{message.channel}",
                error=error,
                now=self.now,
            )
            status = all_of(self.session)[which].status
            self.heard |= status is Status.DELIVERED and which == 0

    @rule()
    def withdraw(self):
        with transaction(self.session):
            outbox.withdraw(self.session, self.community, self.about, now=self.now)
        self.gone = True

    @invariant()
    def each_way_is_written_once_and_in_order(self):
        messages = all_of(self.session)
        assert [m.channel for m in messages] == [*Channel][: len(messages)]
        self.session.rollback()

    @invariant()
    def no_way_is_lost(self):
        """The last way written still has all those that follow it, unless it is over."""
        last = all_of(self.session)[-1]
        written = self.session.scalar(select(func.count()).select_from(OutboxMessage))
        is_over = self.gone or last.status is Status.DELIVERED or last.expires_at <= self.now
        if not is_over and not self.heard:
            failed = last.status in (Status.FAILED, Status.UNDELIVERED, Status.UNKNOWN)
            assert len(last.fallbacks) == len(Channel) - written
            assert not (failed and written < len(Channel))
        self.session.rollback()

    @invariant()
    def nobody_is_called_without_end(self):
        assert all(count <= pacing.MOST_CALLS for count in self.calls.values())


@pytest.mark.slow  # some seconds: a few thousand transactions
def test_in_no_order_of_events_a_way_is_lost_or_taken_twice(engine, session, community):
    Chain.engine = engine
    machine = Chain.TestCase
    machine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

    machine().runTest()


def test_what_is_emptied_leaves_nothing_in_what_would_have_followed(session, community, promise):
    promise(CALL)
    with transaction(session):
        session.execute(update(OutboxMessage).values(**privacy.NO_TEXT))

    [message] = all_of(session)
    assert (message.fallbacks, message.invitation, message.text) == ([], None, "")


def test_a_report_moves_nothing_of_another_message(session, promise):
    promise(CALL)
    promise(CALL)
    send(session)

    report(session, all_of(session)[0], "failed")

    with transaction(session):
        session.execute(update(OutboxMessage).values(failure="x"))
    assert Counter(channel for channel, _ in ways_of(session)) == {
        Channel.SMS: 2,
        Channel.VOICE: 1,
    }
