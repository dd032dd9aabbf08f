"""Calls through the real Twilio client, to a Twilio of our own on the loopback."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import pytest

from config.settings import Settings
from notifications import delivery
from notifications.letters import Letter
from notifications.models import Channel
from notifications.senders import LocalSender, NoSender, NotSent, Unclear
from notifications.twilio_voice import TwilioVoice
from schedules import ics
from tests.twilio_server import ACCOUNT, RESET, TOKEN, Refusal, TwilioServer

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REFERENCE = UUID("00000000-0000-4000-8000-000000000001")
CALLER = "+33939980099"
TEXT = "Bonjour. Votre rendez-vous est confirmé : samedi à 14 h 20. Pour annuler, tapez 9."


@pytest.fixture
def twilio():
    with TwilioServer() as server:
        yield server


def settings(url="https://api.twilio.com", **but):
    said = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_from": "RDVCPTS",
        "twilio_voice_from": CALLER,
        "twilio_api_base_url": url,
        "public_base_url": "https://rdv.example",
    }
    return Settings(**said | but)


def a_letter(recipient="+33199001234", language="fr"):
    return Letter(
        community_id=1,
        id=1,
        lease=uuid4(),
        reference=REFERENCE,
        channel=Channel.VOICE,
        recipient=recipient,
        subject=None,
        text=TEXT,
        invitation=None,
        expires_at=NOW + timedelta(hours=2),
        attempts=1,
        language=language,
    )


def call(twilio, **but):
    return TwilioVoice(settings(twilio.url)).send(a_letter(**but), now=NOW)


def test_a_call_brings_what_it_says_and_where_its_keys_and_its_end_are_told(twilio):
    sid = call(twilio)

    [made] = twilio.calls
    assert made["sid"] == sid
    assert (made["To"], made["From"]) == ("+33199001234", CALLER)
    assert made["StatusCallback"] == f"https://rdv.example/webhooks/twilio/call/{REFERENCE}"
    assert made["MachineDetection"] == "Enable"
    said = ET.fromstring(made["Twiml"])
    gathers = said.findall("Gather")
    assert [each.get("action") for each in gathers] == [
        f"https://rdv.example/webhooks/twilio/voice/{REFERENCE}"
    ] * 2
    assert all("".join(each.itertext()) == TEXT for each in gathers)


def test_it_is_said_slowly_by_a_voice_of_the_language(twilio):
    call(twilio)
    call(twilio, language="en")

    french, english = (ET.fromstring(each["Twiml"]) for each in twilio.calls)
    assert [each.get("language") for each in french.iter("Say")] == ["fr-FR"] * 3
    assert [each.get("language") for each in english.iter("Say")] == ["en-GB"] * 3
    assert {each.get("rate") for each in french.iter("prosody")} == {"80%"}


@pytest.mark.parametrize(
    ("recipient", "why"),
    [("+447700900001", "phone_foreign"), ("+33899123456", "phone_not_reachable"), ("15", "phone_")],
)
def test_nobody_abroad_and_no_dear_number_is_called(twilio, recipient, why):
    with pytest.raises(NotSent) as refused:
        call(twilio, recipient=recipient)

    assert refused.value.permanent
    assert refused.value.why.startswith(why)
    assert twilio.calls == []


def test_an_invented_number_is_never_called_through_the_real_provider():
    with pytest.raises(NotSent, match="phone_fictitious"):
        TwilioVoice(settings()).send(a_letter(), now=NOW)


@pytest.mark.parametrize(
    ("answer", "permanent", "is_everyones"),
    [
        (Refusal(400, 21211), True, False),
        (Refusal(429, 20429), False, False),
        (Refusal(401, 20003), False, True),
    ],
)
def test_refusals_mean_what_they_mean_for_an_sms(twilio, answer, permanent, is_everyones):
    twilio.will(answer)

    with pytest.raises(NotSent) as refused:
        call(twilio)

    assert (refused.value.permanent, refused.value.is_everyones) == (permanent, is_everyones)


@pytest.mark.parametrize("answer", [Refusal(500), RESET])
def test_an_answer_that_is_lost_is_unclear(twilio, answer):
    twilio.will(answer)

    with pytest.raises(Unclear):
        call(twilio)


@pytest.mark.parametrize(
    ("but", "sender"),
    [
        ({}, TwilioVoice),
        ({"twilio_voice_from": None}, NoSender),
        ({"twilio_from": None}, LocalSender),
    ],
)
def test_who_calls_is_a_matter_of_settings(but, sender):
    senders = delivery.build_senders(settings(**but), ics.drawn)

    assert isinstance(senders[Channel.VOICE], sender)


def test_without_a_number_to_call_from_the_next_way_is_taken_at_once():
    with pytest.raises(NotSent, match="no_voice_sender") as refused:
        NoSender().send(a_letter(), now=NOW)

    assert refused.value.permanent
