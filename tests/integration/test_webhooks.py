"""What Twilio reports of an SMS moves it forward; what anybody else reports moves nothing."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select, update
from twilio.request_validator import RequestValidator

from config.database import transaction
from config.settings import Settings
from notifications import outbox
from notifications.letters import Draft
from notifications.models import Channel, Kind, OutboxMessage, Status
from tests.builders import MOBILE, a_community
from tests.clockwork import NOON

TOKEN = "a token of the tests"
ACCOUNT = "AC" + "1" * 32
SID = "SM" + "a" * 32
PUBLIC = "https://rdv.example"


@pytest.fixture
def app_settings(engine):
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url=PUBLIC,
        secret_key=SecretStr("s" * 40),
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from="+33639980099",
    )


@pytest.fixture
def message(session) -> UUID:
    """An SMS whose call to Twilio has begun."""
    with transaction(session):
        community = a_community(session)
        draft = Draft(
            community_id=community.id,
            about=uuid4(),
            version=0,
            kind=Kind.CONFIRMATION,
            channel=Channel.SMS,
            recipient=MOBILE,
            text="Rendez-vous",
            send_at=NOON,
            expires_at=NOON + timedelta(hours=2),
        )
        outbox.promise(session, draft)
        session.execute(update(OutboxMessage).values(status=Status.SENT, provider_id=SID))
        return session.scalars(select(OutboxMessage.reference)).one()


def form(**but: str) -> dict[str, str]:
    return {
        "MessageSid": SID,
        "MessageStatus": "delivered",
        "AccountSid": ACCOUNT,
        "To": MOBILE,
    } | but


def report(client, message, said, *, query="", signed_for=None, token=TOKEN, **headers):
    path = f"/webhooks/twilio/status/{message}{query}"
    address = signed_for or PUBLIC + path
    signature = RequestValidator(token).compute_signature(address, said)
    return client.post(path, data=said, headers={"X-Twilio-Signature": signature, **headers})


def status_of(session, message):
    session.rollback()
    return session.scalars(
        select(OutboxMessage.status).where(OutboxMessage.reference == message)
    ).one()


def test_a_signed_report_moves_the_message(session, client, message):
    answer = report(client, message, form())

    assert (answer.status_code, answer.data) == (204, b"")
    assert status_of(session, message) is Status.DELIVERED


def test_the_signature_counts_for_the_address_as_it_was_received(session, client, message):
    answer = report(client, message, form(), query="?t=%C3%A9&u=a%2Bb%20c")

    assert answer.status_code == 204
    assert status_of(session, message) is Status.DELIVERED


@pytest.mark.parametrize(
    "signed",
    [
        {"token": "another token"},
        {"signed_for": "http://localhost/webhooks/twilio/status/other"},
    ],
)
def test_a_report_that_twilio_did_not_sign_is_refused(session, client, message, signed):
    answer = report(client, message, form(), **signed)

    assert answer.status_code == 403
    assert status_of(session, message) is Status.SENT


def test_a_forwarded_host_does_not_make_a_signature_good(session, client, message):
    answer = report(
        client,
        message,
        form(),
        signed_for=f"https://evil.example/webhooks/twilio/status/{message}",
        **{"X-Forwarded-Host": "evil.example", "Host": "evil.example"},
    )

    assert answer.status_code == 403


def test_a_report_that_was_changed_on_its_way_is_refused(session, client, message):
    path = f"/webhooks/twilio/status/{message}"
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form())

    answers = [
        client.post(path, data=changed, headers={"X-Twilio-Signature": signature})
        for changed in (form(MessageStatus="failed"), form(Extra="x"), {})
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert status_of(session, message) is Status.SENT


def test_a_report_without_a_signature_is_refused(session, client, message):
    answer = client.post(f"/webhooks/twilio/status/{message}", data=form())

    assert answer.status_code == 403
    assert status_of(session, message) is Status.SENT


def test_a_report_for_another_account_is_heard_and_changes_nothing(session, client, message):
    answer = report(client, message, form(AccountSid="AC" + "2" * 32))

    assert answer.status_code == 204
    assert status_of(session, message) is Status.SENT


def test_a_report_about_nothing_of_ours_is_heard(client):
    assert report(client, uuid4(), form()).status_code == 204


@pytest.mark.parametrize(
    "but", [{"MessageSid": "x"}, {"MessageSid": "SM\0"}, {"MessageStatus": ""}]
)
def test_a_report_that_says_nothing_we_know_changes_nothing(session, client, message, but):
    assert report(client, message, form(**but)).status_code == 204
    assert status_of(session, message) is Status.SENT


def test_why_it_failed_is_kept_as_a_code_alone(session, client, message):
    report(client, message, form(MessageStatus="undelivered", ErrorCode="30005"))

    assert status_of(session, message) is Status.UNDELIVERED
    assert session.scalars(select(OutboxMessage.failure)).one() == "twilio_30005"


def test_words_in_place_of_a_code_are_not_kept(session, client, message):
    report(client, message, form(MessageStatus="failed", ErrorCode="to +33639980001"))

    assert session.scalars(select(OutboxMessage.failure)).one() is None


def test_looking_at_the_address_is_not_reporting(client, message):
    assert client.get(f"/webhooks/twilio/status/{message}").status_code == 405


def test_what_is_no_name_of_a_message_leads_nowhere(client):
    assert client.post("/webhooks/twilio/status/1", data=form()).status_code == 404


def test_without_a_token_nothing_is_believed(app, session, message, monkeypatch):
    equipped = app.extensions["jourmeme"]
    bare = equipped.settings.model_copy(update={"twilio_auth_token": None})
    monkeypatch.setitem(app.extensions, "jourmeme", replace(equipped, settings=bare))

    answer = report(app.test_client(), message, form(), token="")

    assert answer.status_code == 403
    assert status_of(session, message) is Status.SENT


def test_in_whatever_order_and_number_reports_come_the_end_is_the_same(session, client, message):
    @settings(max_examples=25)
    @given(st.permutations(["sent", "sent", "queued", "delivered", "delivered", "sending"]))
    def arrive(words):
        with transaction(session):
            session.execute(
                update(OutboxMessage).values(
                    status=Status.SENDING, lease=uuid4(), lease_until=NOON, provider_id=None
                )
            )
        for said in words:
            assert report(client, message, form(MessageStatus=said)).status_code == 204
        assert status_of(session, message) is Status.DELIVERED

    arrive()


def test_unsigned_reports_never_get_in(session, client, message):
    @settings(max_examples=200)
    @given(st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=4), st.text())
    def knock(said, signature):
        header = signature.encode("ascii", "ignore").decode().translate({10: "", 13: "", 0: ""})
        answer = client.post(
            f"/webhooks/twilio/status/{message}",
            data=form() | said,
            headers={"X-Twilio-Signature": header},
        )
        assert answer.status_code == 403

    knock()
    assert status_of(session, message) is Status.SENT
