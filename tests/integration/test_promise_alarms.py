# ruff: noqa: PLR0917 - fixtures are asked for by name
"""As the time of a promise passes one more person is made to look, once each; and the check."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, text, update

from booking import worker
from booking.desk import alarms, ask, change, choose, waiting
from booking.desk.reach import Reach
from booking.models import (
    CancelledBy,
    EscalatedTo,
    Promise,
    PromiseChange,
    PromiseEnd,
    PromiseEvent,
)
from config.database import engine_options
from notifications.models import Kind, OutboxMessage
from schedules.models import Community
from tests.builders import LINKS, MOBILE, a_community, a_slot, a_triaged_request
from tests.clockwork import NOON
from tests.conftest import address_of

ON_CALL = "+33639980088"
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def community(session):
    return a_community(session, on_call_phone=ON_CALL)


@pytest.fixture
def request_(session, community, protocol):
    """Somebody who left a number and closed the page, with 24 hours promised."""
    return a_triaged_request(session, community, protocol)


def sounded(session, hours):
    return dict(alarms.sound(session, links=LINKS, now=NOON + timedelta(hours=hours)))


def escalations(session):
    query = select(PromiseEvent).where(PromiseEvent.what == PromiseChange.ESCALATED)
    return [event.escalated_to for event in session.scalars(query.order_by(PromiseEvent.id))]


def texts(session):
    return session.scalars(select(OutboxMessage).where(OutboxMessage.kind == Kind.ESCALATION)).all()


def test_each_step_is_taken_once_at_its_moment(session, request_):
    assert sounded(session, 11.99) == {}
    assert sounded(session, 12) == {EscalatedTo.OPERATOR: 1}
    assert sounded(session, 17.99) == {}
    assert sounded(session, 18) == {EscalatedTo.COORDINATOR: 1}
    assert sounded(session, 21.6) == {EscalatedTo.ON_CALL: 1}
    assert sounded(session, 30) == {}

    assert escalations(session) == list(EscalatedTo)
    assert request_.deadline == NOON + timedelta(hours=24)


def test_who_is_on_call_gets_one_sms_that_names_nobody(session, request_):
    sounded(session, 21.6)
    sounded(session, 22)

    [message] = texts(session)

    assert message.recipient == ON_CALL
    assert "échéance dimanche 28 mars à 13h00" in message.text
    assert message.text.endswith("/console")
    assert str(request_.reference) not in message.text
    assert "Morel" not in message.text


def test_without_a_number_on_call_the_step_is_written_all_the_same(session, community, request_):
    community.on_call_phone = None
    sounded(session, 23)

    assert escalations(session) == [EscalatedTo.ON_CALL]
    assert texts(session) == []
    assert request_.phone == MOBILE


def test_a_worker_that_slept_tells_the_last_who_has_to_know(session, request_):
    assert sounded(session, 20) == {EscalatedTo.COORDINATOR: 1}
    assert escalations(session) == [EscalatedTo.COORDINATOR]
    assert request_.phone == MOBILE


def test_it_is_quiet_once_it_has_ended(session, request_):
    sounded(session, 12)
    ask.decline(session, request_, now=NOON + timedelta(hours=13))

    assert sounded(session, 23) == {}


def test_a_practice_that_cancels_late_wakes_whoever_is_on_call_at_once(session, protocol):
    slot = a_slot(session, starts_at=NOON + timedelta(hours=23.9))
    community = session.get_one(Community, slot.community_id)
    community.on_call_phone = ON_CALL
    request = a_triaged_request(session, community, protocol)
    made = choose.book(
        session, request, community, slot.reference, by="PATIENT", links=LINKS, now=NOON
    )
    kept = change.by_reference(session, community.id, made.reference, lock=True)
    late = NOON + timedelta(hours=23)
    change.cancel(session, kept, cancelled_by=CancelledBy.PRACTICE, by="X", links=LINKS, now=late)

    assert sounded(session, 23) == {EscalatedTo.ON_CALL: 1}
    assert len(texts(session)) == 1


def test_nobody_is_alarmed_about_who_left_no_number_until_they_leave_one(session, request_):
    request_.phone = None
    assert sounded(session, 13) == {}
    request_.phone = MOBILE
    assert sounded(session, 13) == {}

    assert sounded(session, 13.1) == {EscalatedTo.OPERATOR: 1}


def test_a_number_that_can_never_come_is_not_waited_for(session, request_):
    request_.phone = None
    sounded(session, 25)

    assert session.scalars(select(Promise.next_step_at)).one() is None


def test_nobody_is_alarmed_about_who_is_choosing_at_this_moment(session, community, protocol):
    today = a_triaged_request(session, community, protocol)
    today.deadline = NOON + timedelta(minutes=20)
    session.execute(
        update(Promise).values(due_at=today.deadline, next_step_at=NOON + timedelta(minutes=10))
    )

    assert sounded(session, 11 / 60) == {}
    assert sounded(session, 16.1 / 60) == {EscalatedTo.COORDINATOR: 1}


def test_a_community_has_its_own_percents(session, community, request_):
    community.alarm_percents = [10, 60, 80]
    session.execute(update(Promise).values(next_step_at=NOON + timedelta(hours=2.4)))

    assert sounded(session, 2.5) == {EscalatedTo.OPERATOR: 1}
    community.alarm_percents = [20, 80, 90]
    assert sounded(session, 14.5) == {}, "the coordinator's moment has moved"
    assert sounded(session, 19.3) == {EscalatedTo.COORDINATOR: 1}
    assert request_.phone == MOBILE


def test_two_workers_tell_nobody_twice(engine, session, request_):
    session.commit()
    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM promise FOR UPDATE"))

        assert sounded(session, 23) == {}
    session.commit()
    assert sounded(session, 23) == {EscalatedTo.ON_CALL: 1}
    assert request_.phone == MOBILE


def test_who_alarms_is_on_top_of_the_operators_list(session, community, protocol, request_):
    calls = a_triaged_request(session, community, protocol)
    ask.ask_for_call(session, calls, phone=MOBILE, hours=None, now=NOON)
    sounded(session, 12)
    session.execute(
        update(Promise)
        .where(Promise.request_id == calls.id)
        .values(escalated_to=None, escalated_at=None)
    )

    page = waiting.open_requests(
        session, Reach(community.id, is_whole=True), now=NOON + timedelta(hours=12)
    )

    assert [line.reference for line in page.requests] == [request_.reference, calls.reference]
    assert [line.escalated_to for line in page.requests] == [EscalatedTo.OPERATOR, None]


@pytest.fixture
def bench(engine, hands):
    options = engine_options(lambda: address_of(engine), pool_size=3)
    own = create_engine("postgresql+psycopg://", **options)
    leader = worker.Leader(own)
    yield worker.Bench(own, leader, hands, {}, None, LINKS)
    leader.resign()
    own.dispose()


@pytest.fixture
def job():
    return {job.name: job for job in worker.JOBS}


def test_the_worker_sounds_the_alarms_every_half_minute(session, bench, job, hands, request_):
    session.commit()
    hands.wait(timedelta(hours=12))

    worker.once(job["sound_alarms"], bench)

    assert job["sound_alarms"].every == timedelta(seconds=30)
    session.rollback()
    assert escalations(session) == [EscalatedTo.OPERATOR]
    assert request_.phone == MOBILE


def test_the_promises_are_checked_when_a_worker_begins_to_lead_and_every_night(
    session, community, bench, job, hands, request_
):
    session.commit()
    worker.once(job["check_promises"], bench)
    session.refresh(community)
    assert community.promises_checked_at == NOON

    hands.wait(timedelta(hours=5))
    worker.once(job["check_promises"], bench)
    session.refresh(community)
    assert community.promises_checked_at == NOON

    hurt(session)
    hands.wait(timedelta(hours=12))
    worker.once(job["check_promises"], bench)
    session.refresh(community)
    assert (community.promises_checked_at, community.promises_wrong) == (hands(), 1)
    assert request_.phone == MOBILE


def hurt(session):
    session.execute(text("ALTER TABLE promise DISABLE TRIGGER USER"))
    session.execute(
        update(Promise).values(ended_at=NOON, ended_as=PromiseEnd.KEPT, next_step_at=None)
    )
    session.commit()
    session.execute(text("ALTER TABLE promise ENABLE TRIGGER USER"))
    session.commit()


def test_the_command_names_what_is_wrong_and_fails(app, session, request_):
    session.commit()
    run = app.test_cli_runner().invoke
    assert run(args=["check-promises"]).exit_code == 0
    hurt(session)

    answer = run(args=["check-promises"])

    assert answer.exit_code == 1
    assert str(request_.reference) in answer.output


def test_how_many_were_told_is_what_the_worker_writes(session, community, protocol, request_):
    a_triaged_request(session, community, protocol, phone=request_.phone)

    told = alarms.sound(session, links=LINKS, now=NOON + timedelta(hours=12) + A_SECOND)

    assert told == Counter({EscalatedTo.OPERATOR: 2})
