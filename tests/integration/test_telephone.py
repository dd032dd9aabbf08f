"""Calls that say an appointment, and what their keys do; how calls end is reported like an SMS."""

from datetime import timedelta
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from twilio.request_validator import RequestValidator

from booking.desk import change, choose
from booking.models import Booking, BookingStatus
from config.database import transaction
from config.settings import Settings
from notifications import outbox
from notifications.models import Channel, Kind, OutboxMessage, Status
from schedules.models import Community
from tests.builders import LINKS, a_slot, a_triaged_request
from tests.clockwork import NOON

TOKEN = "a token of the tests"
ACCOUNT = "AC" + "1" * 32
CALL = "CA" + "a" * 32
PUBLIC = "https://rdv.example"
LANDLINE = "+33199000042"


@pytest.fixture
def app_settings(engine):
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url=PUBLIC,
        secret_key=SecretStr("s" * 40),
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from="RDVCPTS",
        twilio_voice_from="+33939980099",
    )


@pytest.fixture
def called(session, protocol):
    """A call about an appointment to somebody who has a landline."""
    with transaction(session):
        slot = a_slot(session)
        community = session.get_one(Community, slot.community_id)
        request = a_triaged_request(session, community, protocol, phone=LANDLINE)
        choose.book(
            session, request, community, slot.reference, by="PATIENT", links=LINKS, now=NOON
        )
    return message_of(session)


def message_of(session, channel=Channel.VOICE, kind=Kind.CONFIRMATION):
    session.rollback()
    found = select(OutboxMessage).where(
        OutboxMessage.channel == channel, OutboxMessage.kind == kind
    )
    return session.scalars(found.execution_options(populate_existing=True)).one()


def booking_of(session):
    session.rollback()
    return session.scalars(select(Booking).execution_options(populate_existing=True)).one()


def post(client, path, *, token=TOKEN, **said):
    said = {"AccountSid": ACCOUNT, "CallSid": CALL} | said
    signature = RequestValidator(token).compute_signature(PUBLIC + path, said)
    return client.post(path, data=said, headers={"X-Twilio-Signature": signature})


def press(client, message, digits, step=""):
    return post(client, f"/webhooks/twilio/voice/{message.reference}{step}", Digits=digits)


def words(answer):
    assert answer.status_code == 200
    assert answer.mimetype == "text/xml"
    return " ".join(ET.fromstring(answer.text).itertext())


def test_a_landline_is_called_and_gets_no_sms(session, called):
    assert called.recipient == LANDLINE
    assert "Votre rendez-vous est confirmé" in called.text
    assert "samedi 27 mars 2027 à 14" in called.text
    assert "12 rue des Lilas" in called.text
    assert called.text.endswith("Pour annuler ce rendez-vous, tapez 9.")
    sms = select(OutboxMessage).where(OutboxMessage.channel == Channel.SMS)
    assert session.scalars(sms).all() == []


def test_what_is_said_names_nobody_and_no_reason(called):
    said = called.text.lower()

    assert not any(word in said for word in ("morel", "lucie", "bernard", "cheville", "médecin"))


@pytest.mark.parametrize("digits", ["1", "5", "#", ""])
def test_any_other_key_says_it_again(client, called, digits):
    said = words(press(client, called, digits))

    assert said.count("Votre rendez-vous est confirmé") == 2
    assert said.endswith("Au revoir.")


def test_nine_asks_before_it_cancels(session, client, called):
    answer = press(client, called, "9")

    assert "Pour confirmer l’annulation, tapez 3" in words(answer)
    assert f"/webhooks/twilio/voice/{called.reference}/annuler" in answer.text
    assert booking_of(session).status is BookingStatus.CONFIRMED


def test_the_second_key_cancels_and_twice_is_once(session, client, called):
    for _ in range(2):
        assert "est annulé" in words(press(client, called, "3", "/annuler"))

    booking = booking_of(session)
    assert (booking.status, booking.version) == (BookingStatus.CANCELLED, 1)


@pytest.mark.parametrize("digits", ["9", "1", ""])
def test_another_second_key_changes_nothing(session, client, called, digits):
    assert "Rien n’est changé" in words(press(client, called, digits, "/annuler"))
    assert booking_of(session).status is BookingStatus.CONFIRMED


def test_a_key_about_an_hour_that_is_no_more_does_not_cancel_the_new_one(session, client, called):
    with transaction(session):
        session.execute(update(Booking).values(version=1))

    assert "a changé depuis" in words(press(client, called, "3", "/annuler"))
    assert booking_of(session).status is BookingStatus.CONFIRMED


def test_an_appointment_that_has_begun_is_not_cancelled_by_a_key(session, client, called, hands):
    hands.now = NOON + timedelta(hours=3)

    assert "ne peut plus être annulé" in words(press(client, called, "3", "/annuler"))
    assert booking_of(session).status is BookingStatus.CONFIRMED


@pytest.mark.parametrize("step", ["", "/annuler"])
def test_a_key_that_twilio_did_not_sign_is_refused(session, client, called, step):
    path = f"/webhooks/twilio/voice/{called.reference}{step}"

    assert post(client, path, token="another", Digits="3").status_code == 403
    assert client.post(path, data={"Digits": "3"}).status_code == 403
    assert booking_of(session).status is BookingStatus.CONFIRMED


@pytest.mark.parametrize("step", ["", "/annuler"])
def test_a_call_that_nobody_knows_ends(client, step):
    said = words(post(client, f"/webhooks/twilio/voice/{uuid4()}{step}", Digits="3"))

    assert said == "Au revoir."


def test_the_practice_that_cancels_has_a_landline_called_without_asking_for_sms(
    session, client, called
):
    with transaction(session):
        kept = change.by_reference(session, called.community_id, called.about, lock=True)
        kept.request.wants_sms = False
        session.flush()
        change.cancel(
            session,
            kept,
            cancelled_by=change.CancelledBy.PRACTICE,
            by="staff",
            links=LINKS,
            now=NOON,
        )

    gone = message_of(session, kind=Kind.CANCELLED)
    assert gone.recipient == LANDLINE
    assert "tapez 9" not in gone.text
    assert "Le cabinet a dû annuler" in words(press(client, gone, "9"))


def test_in_english_it_is_said_by_an_english_voice(session, client, called):
    with transaction(session):
        session.execute(update(OutboxMessage).values(language="en"))

    assert 'language="en-GB"' in press(client, called, "1").text


# How calls end


@pytest.fixture
def ringing(session, called):
    with transaction(session):
        for letter in outbox.lease(session, now=NOON, limit=10):
            if letter.channel is Channel.VOICE:
                outbox.begin_call(session, letter, now=NOON)
                outbox.record_sent(session, letter, provider_id=CALL)
    return called


def ended(client, message, **said):
    answer = post(client, f"/webhooks/twilio/call/{message.reference}", **said)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"CallStatus": "ringing"}, Status.SENT),
        ({"CallStatus": "in-progress"}, Status.SENT),
        ({"CallStatus": "completed"}, Status.DELIVERED),
        ({"CallStatus": "completed", "AnsweredBy": "human"}, Status.DELIVERED),
        ({"CallStatus": "completed", "AnsweredBy": "unknown"}, Status.DELIVERED),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, Status.UNDELIVERED),
        ({"CallStatus": "failed"}, Status.FAILED),
        ({"CallStatus": "canceled"}, Status.FAILED),
        ({"CallStatus": "busy"}, Status.WAITING),
        ({"CallStatus": "no-answer"}, Status.WAITING),
        ({"CallStatus": "completed", "AccountSid": "AC" + "2" * 32}, Status.SENT),
        ({"CallStatus": "completed", "CallSid": "x"}, Status.SENT),
        ({}, Status.SENT),
    ],
)
def test_how_a_call_ended_moves_it(session, client, ringing, said, status):
    ended(client, ringing, **said)

    assert message_of(session).status is status


def test_who_does_not_pick_up_is_called_once_more(session, client, ringing):
    ended(client, ringing, CallStatus="no-answer")
    with transaction(session):
        [again] = [
            letter
            for letter in outbox.lease(session, now=NOON + timedelta(minutes=1), limit=10)
            if letter.channel is Channel.VOICE
        ]
        outbox.begin_call(session, again, now=NOON)
        outbox.record_sent(session, again, provider_id="CA" + "b" * 32)
    ended(client, ringing, CallStatus="no-answer", CallSid="CA" + "b" * 32)

    message = message_of(session)
    assert (message.status, message.failure) == (Status.UNDELIVERED, "call_no-answer")


def test_a_report_of_a_call_that_twilio_did_not_sign_is_refused(session, client, ringing):
    path = f"/webhooks/twilio/call/{ringing.reference}"

    assert post(client, path, token="another", CallStatus="completed").status_code == 403
    assert message_of(session).status is Status.SENT
