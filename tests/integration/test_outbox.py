"""Messages from the promise to the last report: what the three fences keep apart."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.database import transaction
from notifications import calls, outbox, pacing, receipts
from notifications.letters import Draft, Sent
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.receipts import Report
from schedules.models import Community

NOW = datetime(2027, 10, 30, 10, 0, tzinfo=UTC)
BOOKING = UUID("00000000-0000-4000-8000-00000000000b")
OURS = "AC" + "0" * 32


def a_community(session, slug="tilleuls"):
    community = Community(
        name="CPTS des Tilleuls",
        slug=slug,
        phone="01 99 00 00 15",
        email="rdv@tilleuls.example",
        opens_at=time(8),
        closes_at=time(20),
    )
    session.add(community)
    session.flush()
    return community.id


@pytest.fixture
def community(session):
    with transaction(session):
        return a_community(session)


def a_draft(community_id, **but):
    said = {
        "community_id": community_id,
        "about": BOOKING,
        "version": 0,
        "kind": Kind.CONFIRMATION,
        "channel": Channel.SMS,
        "recipient": "+33639981234",
        "text": "RDV confirmé samedi 30 oct. à 14h20",
        "send_at": NOW,
        "expires_at": NOW + timedelta(hours=4),
    }
    return Draft(**said | but)


def promised(session, community_id, **but):
    with transaction(session):
        outbox.promise(session, a_draft(community_id, **but))


def leased(session, now=NOW, limit=10):
    with transaction(session):
        return outbox.lease(session, now=now, limit=limit)


def begun(session, letter, now=NOW):
    with transaction(session):
        return outbox.begin_call(session, letter, now=now)


def row(session, about=BOOKING):
    session.rollback()
    return session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.about == about)
        .execution_options(populate_existing=True)
    ).one()


def a_report(session, said, *, sid="SM1", account=OURS, error=None, message=None):
    report = Report(
        message=message or row(session).reference, said=said, sid=sid, account=account, error=error
    )
    with transaction(session):
        return receipts.record(session, report, our_account=OURS, now=NOW)


# The promise


def test_a_message_is_promised_with_the_change_it_tells_of_or_not_at_all(session, community):
    outbox.promise(session, a_draft(community))
    session.rollback()

    assert leased(session) == []


def test_the_same_message_promised_twice_is_refused(session, community):
    promised(session, community)

    with pytest.raises(IntegrityError, match="uq_outbox_message_promised_once"):
        promised(session, community)


def test_another_version_channel_recipient_or_kind_is_another_message(session, community):
    one = a_draft(community)

    with transaction(session):
        outbox.promise(
            session,
            one,
            replace(one, version=1),
            replace(one, recipient="+33639981235"),
            replace(one, kind=Kind.NOTICE),
            replace(one, channel=Channel.EMAIL, subject="Rendez-vous", recipient="a@b.example"),
        )

    assert len(leased(session)) == 5


def test_promising_nothing_is_nothing(session, community):
    outbox.promise(session)

    assert leased(session) == []


def test_a_letter_is_what_was_promised(session, community):
    promised(
        session,
        community,
        channel=Channel.EMAIL,
        recipient="a@b.example",
        subject="Rendez-vous",
        invitation={"entry": "as it was written"},
    )

    [letter] = leased(session)

    assert (letter.channel, letter.recipient, letter.subject) == (
        Channel.EMAIL,
        "a@b.example",
        "Rendez-vous",
    )
    assert letter.invitation == {"entry": "as it was written"}
    assert (letter.reference, letter.attempts) == (row(session).reference, 1)


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ("status = 'SENDING', lease = gen_random_uuid()", "ck_outbox_message_lease_is_whole"),
        ("status = 'SENDING'", "ck_outbox_message_lease_is_for_sending"),
        ("channel = 'EMAIL'", "ck_outbox_message_email_has_subject"),
        ("attempts = -1", "ck_outbox_message_attempts_are_counted"),
        ("status = 'LOST'", "ck_outbox_message_status"),
    ],
)
def test_no_message_is_half_of_something(session, community, change, guard):
    promised(session, community)

    with pytest.raises(IntegrityError, match=guard), transaction(session):
        session.execute(text(f"UPDATE outbox_message SET {change}"))


# The lease


def test_a_message_is_not_due_before_its_moment(session, community):
    promised(session, community, send_at=NOW + timedelta(seconds=1))

    assert leased(session) == []
    assert len(leased(session, NOW + timedelta(seconds=1))) == 1


def test_the_oldest_messages_go_first(session, community):
    for minutes in (3, 1, 2):
        promised(session, community, version=minutes, send_at=NOW - timedelta(minutes=minutes))

    taken = [leased(session, limit=1)[0].reference for _ in range(3)]

    by_age = select(OutboxMessage.reference).order_by(OutboxMessage.send_at)
    assert taken == session.scalars(by_age).all()


def test_two_workers_never_take_the_same_message(engine, session, community):
    for version in range(4):
        promised(session, community, version=version)

    with Session(engine) as one, Session(engine) as other:
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        first = outbox.lease(one, now=NOW, limit=2)
        second = outbox.lease(other, now=NOW, limit=9)

    assert len({letter.id for letter in first + second}) == len(first + second) == 4


def test_a_leased_message_is_nobody_elses_until_the_lease_ends(session, community):
    promised(session, community)
    leased(session)

    assert leased(session, NOW + calls.LEASE) == []
    assert len(leased(session, NOW + calls.LEASE + timedelta(seconds=1))) == 1


def test_a_worker_that_lost_its_lease_is_refused_at_the_call_and_at_the_record(session, community):
    promised(session, community)
    [slow] = leased(session)
    later = NOW + calls.LEASE + timedelta(seconds=1)
    [quick] = leased(session, later)

    assert not begun(session, slow, later)
    assert begun(session, quick, later)
    with transaction(session):
        outbox.record_failed(session, slow, why="late", permanent=True, now=later)
        outbox.record_unclear(session, slow, why="late", now=later)
        outbox.record_sent(session, slow, provider_id="SMlate")
    assert (row(session).status, row(session).lease) == (Status.SENDING, quick.lease)


def test_a_record_of_several_waits_for_nobody_and_returns_what_somebody_else_has(
    engine, session, community
):
    for recipient in ("+33639980001", "+33639980002"):
        promised(session, community, recipient=recipient)
    sent = [Sent(letter, "SM", Status.SENT) for letter in leased(session)]
    with Session(engine) as other, transaction(other):
        other.execute(
            select(OutboxMessage).where(OutboxMessage.id == sent[0].letter.id).with_for_update()
        )
        with transaction(session):
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            left = calls.ended_well(session, sent)

    by_age = select(OutboxMessage.status).order_by(OutboxMessage.id)
    assert left == sent[:1]
    assert session.scalars(by_age).all() == [Status.SENDING, Status.SENT]


def test_a_message_whose_moment_has_passed_never_leaves(session, community):
    promised(session, community, expires_at=NOW)

    assert leased(session) == []
    assert row(session).status is Status.EXPIRED


def test_a_message_that_expires_in_a_worker_s_hand_never_leaves(session, community):
    promised(session, community, expires_at=NOW + timedelta(seconds=30))
    [letter] = leased(session)

    assert not begun(session, letter, NOW + timedelta(seconds=30))


def test_one_lease_is_good_for_one_call(session, community):
    promised(session, community)
    [letter] = leased(session)

    assert [begun(session, letter), begun(session, letter)] == [True, False]


def test_what_a_dead_worker_held_without_a_call_is_sent_by_the_next(session, community):
    promised(session, community, kind=Kind.REMINDER)
    leased(session)

    [letter] = leased(session, NOW + timedelta(minutes=3))

    assert letter.attempts == 1


def test_due_messages_are_found_by_their_index(session, community):
    session.execute(
        text("""
        INSERT INTO outbox_message (community_id, reference, about, version, kind, channel,
            recipient_key, text, send_at, expires_at, status, attempts)
        SELECT :community, gen_random_uuid(), gen_random_uuid(), 0, 'CONFIRMATION', 'SMS',
            '\x39', '', :now, :now, 'DELIVERED', 1 FROM generate_series(1, 5000)"""),
        {"community": community, "now": NOW},
    )
    session.execute(text("ANALYZE outbox_message"))
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    session.execute(
        text(f"""PREPARE due(timestamptz, varchar) AS SELECT * FROM outbox_message
        WHERE {outbox.STILL_TO_SEND} AND send_at <= $1
        AND (status = $2 OR lease_until < $1) ORDER BY send_at LIMIT 8""")
    )

    plan = session.scalars(text(f"EXPLAIN EXECUTE due('{NOW}', 'WAITING')")).all()

    assert "ix_outbox_message_due" in "\n".join(plan)


# Withdrawing


def test_a_message_withdrawn_before_its_lease_is_not_sent(session, community):
    promised(session, community)
    with transaction(session):
        outbox.withdraw(session, community, BOOKING, now=NOW)

    assert leased(session) == []
    assert row(session).status is Status.WITHDRAWN


def test_a_message_withdrawn_while_a_worker_holds_it_is_not_sent(session, community):
    promised(session, community)
    [letter] = leased(session)
    with transaction(session):
        outbox.withdraw(session, community, BOOKING, now=NOW)

    assert not begun(session, letter)
    assert row(session).status is Status.WITHDRAWN


def test_a_message_withdrawn_during_its_call_is_never_repeated(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.withdraw(session, community, BOOKING, now=NOW)
        outbox.record_unclear(session, letter, why="hang", now=NOW)

    assert leased(session, NOW + timedelta(minutes=3)) == []
    assert row(session).status is Status.UNKNOWN


def test_a_message_withdrawn_during_its_call_and_refused_does_not_leave_later(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.withdraw(session, community, BOOKING, now=NOW)
        outbox.record_failed(session, letter, why="429", permanent=False, now=NOW)

    assert leased(session, NOW + timedelta(minutes=3)) == []
    assert row(session).status is Status.EXPIRED


def test_the_call_waits_for_a_withdrawal_that_is_being_written(engine, session, community):
    promised(session, community)
    [letter] = leased(session)
    answers = []
    with Session(engine) as cancelling, Session(engine) as worker:
        outbox.withdraw(cancelling, community, BOOKING, now=NOW)
        calling = Thread(target=lambda: answers.append(begun(worker, letter)))
        calling.start()
        calling.join(0.2)
        assert not answers

        cancelling.commit()
        calling.join(5)

    assert answers == [False]


def test_withdrawing_reaches_no_other_subject_and_no_other_community(session, community):
    with transaction(session):
        elsewhere = a_community(session, slug="ailleurs")
    promised(session, community, about=uuid4())
    promised(session, elsewhere)

    with transaction(session):
        outbox.withdraw(session, community, BOOKING, now=NOW)

    assert len(leased(session)) == 2


# What is recorded


def test_failed_attempts_are_repeated_with_growing_waits_then_left_to_a_person(session, community):
    promised(session, community, expires_at=NOW + timedelta(days=1))
    now, tries = NOW, []
    while letters := leased(session, now):
        begun(session, letters[0], now)
        with transaction(session):
            outbox.record_failed(session, letters[0], why="429", permanent=False, now=now)
        tries.append(now - NOW)
        now = max(now, row(session).send_at)

    assert tries == [timedelta(seconds=s) for s in (0, 20, 80, 380)]
    assert (row(session).status, row(session).failure) == (Status.FAILED, "429")


def test_a_permanent_failure_is_not_repeated(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.record_failed(session, letter, why="twilio_21614", permanent=True, now=NOW)

    assert leased(session, NOW + timedelta(hours=1)) == []
    assert row(session).status is Status.FAILED


def test_an_unclear_call_waits_for_its_report_before_it_is_repeated(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.record_unclear(session, letter, why="hang", now=NOW)

    assert leased(session, NOW + outbox.REPORT_TIME) == []
    assert len(leased(session, NOW + outbox.REPORT_TIME + timedelta(seconds=1))) == 1


def test_a_report_settles_an_unclear_call(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.record_unclear(session, letter, why="hang", now=NOW)

    assert a_report(session, "sent")
    assert leased(session, NOW + timedelta(minutes=3)) == []
    assert (row(session).status, row(session).provider_id) == (Status.SENT, "SM1")


def test_a_reminder_whose_call_nobody_saw_end_is_not_repeated(session, community):
    promised(session, community, kind=Kind.REMINDER)
    begun(session, leased(session)[0])

    assert leased(session, NOW + timedelta(minutes=3)) == []
    assert row(session).status is Status.UNKNOWN


def test_an_unclear_call_is_repeated_a_few_times_then_left_to_a_person(session, community):
    promised(session, community, expires_at=NOW + timedelta(days=1))
    now, calls = NOW, 0
    while letters := leased(session, now):
        calls += 1
        begun(session, letters[0], now)
        with transaction(session):
            outbox.record_unclear(session, letters[0], why="hang", now=now)
        now += timedelta(minutes=6)

    assert calls == pacing.MOST_CALLS
    assert row(session).status is Status.UNKNOWN


# Reports


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("accepted", Status.WAITING),
        ("queued", Status.WAITING),
        ("sending", Status.WAITING),
        ("nonsense", Status.WAITING),
        ("sent", Status.SENT),
        ("delivered", Status.DELIVERED),
        ("read", Status.DELIVERED),
        ("undelivered", Status.UNDELIVERED),
        ("failed", Status.FAILED),
        ("canceled", Status.FAILED),
    ],
)
def test_each_word_of_twilio_means_one_status(session, community, said, status):
    promised(session, community)

    a_report(session, said, error="30003")

    assert row(session).status is status


def test_a_report_for_another_account_or_message_changes_nothing(session, community):
    promised(session, community)

    assert not a_report(session, "delivered", account="AC" + "1" * 32)
    assert not a_report(session, "delivered", message=uuid4())
    assert row(session).status is Status.WAITING


def test_a_report_that_overtakes_our_own_record_stands(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    a_report(session, "delivered")
    with transaction(session):
        outbox.record_sent(session, letter, provider_id="SM1")

    assert row(session).status is Status.DELIVERED


def test_bad_news_of_a_lost_copy_does_not_undo_the_one_that_left(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.record_sent(session, letter, provider_id="SM2")

    assert not a_report(session, "undelivered", sid="SM1")
    assert a_report(session, "delivered", sid="SM1")


@pytest.fixture
def sent(session, community):
    promised(session, community)
    [letter] = leased(session)
    begun(session, letter)
    with transaction(session):
        outbox.record_sent(session, letter, provider_id="SM1")
    return letter


FINAL = {
    "delivered": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
}


@given(
    final=st.sampled_from(sorted(FINAL)),
    before=st.lists(st.sampled_from(["accepted", "queued", "sending", "sent"]), max_size=4),
    after=st.lists(
        st.sampled_from(["queued", "sent", "delivered", "failed", "undelivered", "read"]),
        max_size=5,
    ),
)
def test_in_any_order_and_repetition_the_first_final_report_decides(
    session, sent, final, before, after
):
    with transaction(session):
        session.execute(update(OutboxMessage).values(status=Status.SENT))

    for said in (*before, final, *after):
        a_report(session, said)

    assert row(session).status is FINAL[final]


# Everything in any order


class Post(RuleBasedStateMachine):
    """Promises, withdrawals, workers that die or lose answers, reports, time: in any order."""

    engine = None
    promises = Bundle("promises")
    letters = Bundle("letters")

    def __init__(self):
        super().__init__()
        self.session = Session(self.engine, expire_on_commit=False)
        self.session.execute(text("TRUNCATE outbox_message"))
        self.community = self.session.scalar(select(Community.id))
        self.session.commit()
        self.now = NOW
        self.called = Counter()
        self.refused_since = Counter()
        self.gone = {}
        self.ends = {}

    def teardown(self):
        self.session.close()

    @rule(target=promises, kind=st.sampled_from(Kind), minutes=st.sampled_from([2, 30, 600]))
    def promise(self, kind, minutes):
        about = uuid4()
        self.ends[about] = self.now + timedelta(minutes=minutes)
        draft = a_draft(
            self.community, about=about, kind=kind, send_at=self.now, expires_at=self.ends[about]
        )
        with transaction(self.session):
            outbox.promise(self.session, draft)
        return about

    @rule(about=promises)
    def withdraw(self, about):
        with transaction(self.session):
            outbox.withdraw(self.session, self.community, about, now=self.now)
        self.gone.setdefault(about, self.now)

    @rule(seconds=st.sampled_from([1, 31, 61, 121, 400]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(target=letters, limit=st.integers(1, 3))
    def lease(self, limit):
        return leased(self.session, self.now, limit)

    @rule(taken=letters, end=st.sampled_from(["sent", "429", "400", "unclear", "dies"]))
    def call(self, taken, end):
        for letter in taken:
            message = self.session.scalars(
                select(OutboxMessage)
                .where(OutboxMessage.id == letter.id)
                .execution_options(populate_existing=True)
            ).one()
            about, kind = message.about, message.kind
            if not begun(self.session, letter, self.now):
                continue
            self.called[about] += 1
            assert about not in self.gone
            assert self.now < self.ends[about]
            if kind is Kind.REMINDER:
                assert self.called[about] - self.refused_since[about] == 1
            with transaction(self.session):
                if end == "sent":
                    outbox.record_sent(self.session, letter, provider_id="SM")
                elif end == "unclear":
                    outbox.record_unclear(self.session, letter, why="hang", now=self.now)
                elif end != "dies":
                    outbox.record_failed(
                        self.session, letter, why=end, permanent=end == "400", now=self.now
                    )
                    self.refused_since[about] += 1

    @rule(about=promises, said=st.sampled_from(["sent", "delivered", "failed"]))
    def report(self, about, said):
        message = row(self.session, about)
        if message.call_started_at:
            report = Report(message=message.reference, said=said, sid="SM", account=OURS)
            with transaction(self.session):
                receipts.record(self.session, report, our_account=OURS, now=self.now)

    @invariant()
    def nothing_is_called_about_more_than_a_few_times(self):
        assert all(count <= pacing.MOST_CALLS for count in self.called.values())

    @invariant()
    def nothing_is_lost(self):
        count = select(func.count()).select_from(OutboxMessage)
        assert self.session.scalar(count) == len(self.ends)
        self.session.rollback()


@pytest.mark.slow  # some seconds: a few thousand transactions
def test_no_order_of_events_sends_what_it_should_not(engine, community):
    Post.engine = engine
    machine = Post.TestCase
    machine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)

    machine().runTest()
