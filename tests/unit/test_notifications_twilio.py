"""SMS through the real Twilio client, to a Twilio of our own on the loopback."""

import logging
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from hmac import new as hmac
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers, MultiDict

from config.settings import Settings
from notifications import twilio_sms
from notifications.letters import Letter
from notifications.models import Channel
from notifications.senders import NotSent, Unclear
from notifications.twilio_sms import TwilioSms, genuine
from tests.twilio_server import ACCOUNT, HANG, RESET, SERVICE, TOKEN, Refusal, TwilioServer

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REFERENCE = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def twilio():
    with TwilioServer() as server:
        yield server


def sender(url, **but):
    said = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_messaging_service_sid": SERVICE,
        "twilio_api_base_url": url,
        "public_base_url": "https://rdv.example",
    }
    return TwilioSms(Settings(**said | but))


def a_letter(recipient="+33639981234", expires_at=NOW + timedelta(hours=2)):
    return Letter(
        community_id=1,
        id=1,
        lease=uuid4(),
        reference=REFERENCE,
        channel=Channel.SMS,
        recipient=recipient,
        subject=None,
        text="RDV confirmé samedi 21 nov. à 14h20",
        invitation=None,
        expires_at=expires_at,
        attempts=1,
    )


def test_an_sms_arrives_with_its_report_address_and_its_last_moment(twilio):
    sid = sender(twilio.url).send(a_letter(), now=NOW)

    assert twilio.messages == [
        {
            "To": "+33639981234",
            "MessagingServiceSid": SERVICE,
            "Body": "RDV confirmé samedi 21 nov. à 14h20",
            "StatusCallback": f"https://rdv.example/webhooks/twilio/status/{REFERENCE}",
            "ValidityPeriod": "7200",
            "SmartEncoded": "true",
            "sid": sid,
        }
    ]


def test_a_sender_name_stands_in_for_a_messaging_service(twilio):
    named = sender(twilio.url, twilio_messaging_service_sid=None, twilio_from="RDVCPTS")

    named.send(a_letter(), now=NOW)

    assert twilio.messages[0]["From"] == "RDVCPTS"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "1"), (0.5, "1"), (36_000, "36000"), (10**6, "36000")]
)
def test_the_last_moment_stays_in_the_range_that_twilio_takes(twilio, seconds, said):
    sender(twilio.url).send(a_letter(expires_at=NOW + timedelta(seconds=seconds)), now=NOW)

    assert twilio.messages[0]["ValidityPeriod"] == said


def test_an_address_with_a_path_is_respected():
    there = "http://127.0.0.1:9/twilio/"
    asked = []
    elsewhere = twilio_sms.Elsewhere(twilio_sms.urlsplit(there))
    elsewhere._http.request = lambda method, url, **_: asked.append((method, url))

    elsewhere.request("POST", "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages.json")

    assert asked == [("POST", "http://127.0.0.1:9/twilio/2010-04-01/Accounts/AC0/Messages.json")]


@pytest.mark.parametrize("code", [21211, 21214, 21610, 21614, 21617, 21635, 30005, 30006])
def test_a_number_that_cannot_get_sms_is_a_final_refusal(twilio, code):
    twilio.will(Refusal(400, code))

    with pytest.raises(NotSent) as refused:
        sender(twilio.url).send(a_letter(), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (True, f"twilio_{code}")


@pytest.mark.parametrize(
    "answer",
    [
        Refusal(429, 20429),
        Refusal(429),
        Refusal(401, 20003),
        Refusal(400, 21212),
        Refusal(400, 21408),
        Refusal(400, 21606),
        Refusal(302),
    ],
)
def test_what_is_not_this_numbers_fault_is_tried_again(twilio, answer):
    twilio.will(answer)

    with pytest.raises(NotSent) as refused:
        sender(twilio.url).send(a_letter(), now=NOW)

    assert not refused.value.permanent


@pytest.mark.parametrize(
    "answer", [Refusal(500, 20500), Refusal(503), Refusal(502, takes_it=True), RESET]
)
def test_an_answer_that_says_nothing_is_unclear(twilio, answer):
    twilio.will(answer)

    with pytest.raises(Unclear):
        sender(twilio.url).send(a_letter(), now=NOW)


def test_a_silent_twilio_is_unclear_after_the_time_out(twilio, monkeypatch):
    monkeypatch.setattr(twilio_sms, "TIMEOUT_SECONDS", 0.2)
    twilio.will(HANG)

    with pytest.raises(Unclear) as lost:
        sender(twilio.url).send(a_letter(), now=NOW)

    assert lost.value.why == "twilio_readtimeout"


def test_a_twilio_that_nobody_reaches_surely_sent_nothing():
    with TwilioServer() as gone:
        url = gone.url

    with pytest.raises(NotSent) as refused:
        sender(url).send(a_letter(), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (False, "twilio_unreachable")


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        ("+33199001234", "phone_not_mobile"),
        ("+33161234567", "phone_not_mobile"),
        ("+33892123456", "phone_not_reachable"),
        ("+447700900001", "phone_foreign"),
    ],
)
def test_no_sms_goes_to_a_fixed_line_or_an_expensive_or_foreign_number(twilio, recipient, why):
    with pytest.raises(NotSent) as refused:
        sender(twilio.url).send(a_letter(recipient), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (True, why)
    assert not twilio.messages


def test_a_number_of_fiction_never_leaves_for_the_real_twilio():
    with pytest.raises(NotSent) as refused:
        sender("https://api.twilio.com").send(a_letter("+33639981234"), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (True, "phone_fictitious")


def test_no_number_stands_in_a_log_or_an_error(twilio, caplog):
    caplog.set_level(logging.DEBUG)
    twilio.will(Refusal(400, 21614))

    with pytest.raises(NotSent) as refused:
        sender(twilio.url).send(a_letter(), now=NOW)
    sender(twilio.url).send(a_letter(), now=NOW)

    assert "9981234" not in caplog.text + repr(refused.value)
    assert not [r for r in caplog.records if r.name.startswith("twilio")]


URI = f"/webhooks/twilio/status/{REFERENCE}?t=a%2Bb%20c&u=%C3%A9"
FORM = MultiDict({"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+33639981234"})


def signed(form, token=TOKEN, url="https://rdv.example" + URI):
    text = url + "".join(key + form[key] for key in sorted(form))
    signature = b64encode(hmac(token.encode(), text.encode(), sha1).digest()).decode()
    return Headers({"X-Twilio-Signature": signature})


def test_a_report_that_twilio_signed_is_genuine():
    assert genuine(TOKEN, "https://rdv.example", URI, FORM, signed(FORM))


@pytest.mark.parametrize(
    ("token", "base_url", "uri", "form", "headers"),
    [
        ("other", "https://rdv.example", URI, FORM, signed(FORM)),
        ("", "https://rdv.example", URI, FORM, signed(FORM, token="")),
        (TOKEN, "https://other.example", URI, FORM, signed(FORM)),
        (TOKEN, "https://rdv.example", URI + "&x=1", FORM, signed(FORM)),
        (TOKEN, "https://rdv.example", URI, MultiDict({**FORM, "x": "1"}), signed(FORM)),
        (TOKEN, "https://rdv.example", URI, MultiDict(), signed(FORM)),
        (TOKEN, "https://rdv.example", URI, FORM, Headers()),
        (TOKEN, "https://rdv.example", URI, FORM, Headers({"X-Twilio-Signature": ""})),
        (TOKEN, "https://rdv.example", ".evil.example" + URI, FORM, signed(FORM)),
        (TOKEN, "https://rdv.example", ":no-port/", FORM, signed(FORM)),
        (TOKEN, "https://rdv.example", "/\udc80", FORM, signed(FORM)),
    ],
)
def test_whatever_was_changed_on_the_way_is_not_genuine(token, base_url, uri, form, headers):
    assert not genuine(token, base_url, uri, form, headers)


def test_an_unknown_algorithm_is_not_genuine():
    headers = signed(FORM)
    headers["X-Twilio-Webhooks-Signature-Settings"] = "key=1,algorithm=NONE"

    assert not genuine(TOKEN, "https://rdv.example", URI, FORM, headers)


@given(st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_no_unsigned_request_is_genuine(form, uri, signature):
    headers = Headers({"X-Twilio-Signature": signature.translate({10: None, 13: None})})

    assert not genuine(TOKEN, "https://rdv.example", f"/{uri}", MultiDict(form), headers)
