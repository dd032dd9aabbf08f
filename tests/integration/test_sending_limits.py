"""Whoever asks for too much, or a community that sends too much, is told of by people instead."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from booking.desk import asked_sms, undelivered
from booking.models import Role, SmsAsked
from config.database import transaction
from notifications import limits, outbox
from notifications.letters import Draft, Way
from notifications.models import Channel, DailyLimit, Kind, OutboxMessage, Status
from tests.builders import MOBILE, a_community
from tests.clockwork import NOON
from tests.integration.patient_walk import Walk, a_town
from tests.staffing import an_account, signed_in, words

SECRET = b"a secret of the tests"
MAIL = Way(channel=Channel.EMAIL, recipient="a@b.example", subject="Rendez-vous", text="Bonjour,")


@pytest.fixture
def community(session):
    with transaction(session):
        return a_community(session)


def promise(session, community, count, **but):
    drafts = [
        Draft(
            **{
                "community_id": community.id,
                "about": uuid4(),
                "version": 0,
                "kind": Kind.CONFIRMATION,
                "channel": Channel.SMS,
                "recipient": f"+336399{number:05}",
                "text": "RDV",
                "send_at": NOON,
                "expires_at": NOON + timedelta(hours=48),
                "fallbacks": (MAIL,),
            }
            | but
        )
        for number in range(count)
    ]
    with transaction(session):
        outbox.promise(session, *drafts)


def a_limit(session, community, most):
    with transaction(session):
        session.add(DailyLimit(community_id=community.id, most=most))


def leave(session, now=NOON):
    """Send all that is due, some at a time; return how many went to each channel."""
    gone = []
    while True:
        with transaction(session):
            letters = outbox.lease(session, now=now, limit=3)
        if not letters:
            return {c: gone.count(c) for c in Channel if c in gone}
        for letter in letters:
            with transaction(session):
                assert outbox.begin_call(session, letter, now=now)
                outbox.record_sent(session, letter, provider_id=f"SM{letter.id}")
            gone.append(letter.channel)


def refused(session):
    session.rollback()
    return session.scalar(
        select(func.count()).where(OutboxMessage.failure == outbox.OVER_DAILY_LIMIT)
    )


def test_beyond_what_a_community_may_send_in_a_day_the_next_way_is_taken(session, community):
    a_limit(session, community, 5)
    promise(session, community, 8)

    assert leave(session) == {Channel.SMS: 5, Channel.EMAIL: 3}
    assert refused(session) == 3


def test_what_has_no_other_way_is_somebodys_to_telephone(session, community):
    a_limit(session, community, 1)
    promise(session, community, 2, fallbacks=())

    leave(session)

    session.rollback()
    kept = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [m.status for m in kept] == [Status.SENT, Status.FAILED]
    lost = select(OutboxMessage.id).where(undelivered._needs_somebody())
    assert kept[1].id in session.scalars(lost).all()


def test_a_call_counts_as_an_sms_and_a_mail_counts_for_nothing(session, community):
    a_limit(session, community, 2)
    promise(session, community, 1, channel=Channel.VOICE)
    promise(session, community, 3, channel=Channel.EMAIL, subject="RDV", fallbacks=())
    promise(session, community, 2)

    assert leave(session) == {Channel.SMS: 1, Channel.VOICE: 1, Channel.EMAIL: 4}


def test_a_day_later_messages_leave_again_and_others_were_never_held_up(session, community):
    with transaction(session):
        other = a_community(session)
    a_limit(session, community, 1)
    promise(session, community, 2, fallbacks=())
    promise(session, other, 2)
    assert leave(session) == {Channel.SMS: 3}

    later = NOON + limits.A_DAY + timedelta(minutes=1)
    promise(session, community, 1, send_at=later)
    assert leave(session, later) == {Channel.SMS: 1}


def test_a_further_try_of_what_has_begun_is_not_one_more(session, community):
    a_limit(session, community, 1)
    promise(session, community, 1)
    with transaction(session):
        [letter] = outbox.lease(session, now=NOON, limit=1)
        outbox.begin_call(session, letter, now=NOON)
        outbox.record_failed(session, letter, why="busy", permanent=False, now=NOON)

    assert leave(session, NOON + timedelta(minutes=1)) == {Channel.SMS: 1}


def test_whoever_is_on_call_is_told_whatever_was_sent(session, community):
    a_limit(session, community, 0)
    promise(session, community, 1, kind=Kind.ESCALATION)

    assert leave(session) == {Channel.SMS: 1}


def test_a_community_may_send_two_thousand_where_nothing_else_is_said(session, community):
    assert limits.most(session, [community.id]) == {community.id: 2000}
    assert limits.left(session, [community.id], now=NOON) == {community.id: 2000}


def test_a_command_says_how_many_a_community_may_send(app, session, community):
    command = ["limit-messages", "--community", community.slug]
    for count in ("5", "7"):
        told = app.test_cli_runner().invoke(args=[*command, count])
        assert told.exit_code == 0, told.output
        session.rollback()
        assert limits.most(session, [community.id]) == {community.id: int(count)}

    assert app.test_cli_runner().invoke(args=[*command, "-1"]).exit_code == 2
    assert app.test_cli_runner().invoke(args=[*command, "9" * 30]).exit_code == 2


def test_operators_and_figures_say_that_the_limit_is_reached(
    app, client, session, community, caplog
):
    operator = an_account(session, community, Role.OPERATOR)
    session.commit()
    assert "La limite" not in words(signed_in(app, operator).get("/console"))
    a_limit(session, community, 1)
    promise(session, community, 2, fallbacks=())
    leave(session)

    page = words(signed_in(app, operator).get("/console"))
    assert "La limite de 1 SMS et appels par jour est atteinte." in page
    assert "jourmeme_messages_refused_day 1.0" in client.get("/metrics").text
    assert "over_daily_limit" in caplog.text


def ask(session, community, address="203.0.113.7", now=NOON):
    return asked_sms.may_ask(session, community.id, address=address, secret=SECRET, now=now)


def test_one_address_may_ask_for_so_many_sms_in_an_hour(session, community, caplog):
    asked = [ask(session, community) for _ in range(asked_sms.MOST_OF_ADDRESS + 1)]

    assert asked == [True] * asked_sms.MOST_OF_ADDRESS + [False]
    assert ask(session, community, "203.0.113.8")
    assert ask(session, community, now=NOON + timedelta(hours=1))
    assert "sms_asked_too_often" in caplog.text
    assert "203.0.113" not in caplog.text
    kept = session.scalars(select(SmsAsked.who_hash)).all()
    assert not any(b"203.0" in each for each in kept)


def test_many_addresses_may_ask_for_so_many_of_one_community(session, community, monkeypatch):
    monkeypatch.setattr(asked_sms, "MOST_OF_COMMUNITY", 4)
    other = a_community(session)

    assert [ask(session, community, f"203.0.113.{n}") for n in range(5)] == [True] * 4 + [False]
    assert ask(session, other)


def test_other_processes_count_the_same(session, community, monkeypatch):
    monkeypatch.setattr(asked_sms, "MOST_OF_ADDRESS", 1)
    assert ask(session, community)
    session.commit()

    with Session(session.get_bind()) as elsewhere:
        assert not ask(elsewhere, community)


def test_a_call_asked_for_too_often_is_promised_without_an_sms(client, session, app, monkeypatch):
    monkeypatch.setattr(asked_sms, "MOST_OF_ADDRESS", 1)
    town = a_town(session, slots=0)
    for number in ("06 39 98 00 02", "06 39 98 00 03"):
        walk = Walk(client, town).to("rendez-vous")
        assert walk.post("rappel", telephone=number).status_code == 303
    page = words(walk.get("rappel"))

    session.expire_all()
    kept = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [(m.status, m.failure) for m in kept] == [
        (Status.WAITING, None),
        (Status.FAILED, asked_sms.TOO_OFTEN),
    ]
    assert "Nous vous rappelons" in page
    assert "un SMS" not in page
    operator = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    assert "Promesse de rappel" in words(signed_in(app, operator).get("/console"))


def test_who_is_over_is_still_told_by_mail(session, community):
    promise(session, community, 1, kind=Kind.CALL_BACK)
    [kept] = session.scalars(select(OutboxMessage)).all()
    with transaction(session):
        outbox.refuse(session, community.id, kept.about, why="asked_too_often", now=NOON)

    assert leave(session) == {Channel.EMAIL: 1}


def test_what_has_begun_to_leave_is_not_refused(session, community):
    promise(session, community, 1, recipient=MOBILE)
    with transaction(session):
        session.execute(update(OutboxMessage).values(status=Status.SENT))
        [kept] = session.scalars(select(OutboxMessage)).all()
        outbox.refuse(session, community.id, kept.about, why="asked_too_often", now=NOON)

    session.rollback()
    assert session.scalars(select(OutboxMessage.status)).all() == [Status.SENT]
