"""Twilio's reports as they come in production: TLS ends at nginx, gunicorn stands behind it."""

from collections.abc import Iterator
from datetime import timedelta
from http.client import RemoteDisconnected
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator

from config.database import transaction
from notifications.models import Channel, Kind, OutboxMessage, Status
from tests.builders import MOBILE, a_community
from tests.clockwork import NOON
from tests.conftest import address_of
from tests.nginx import PUBLIC, Front
from tests.twilio_server import ACCOUNT, TOKEN

pytestmark = pytest.mark.slow

ENCODED = "?lieu=Saint-%C3%89tienne%20%26%20c%c3%b4t%c3%a9%2Fnord&mot=%7eprudent+%E2%82%AC"
"""A name in UTF-8, both spellings of a percent sign's digits, and signs that need no quoting."""

FORM = {"MessageSid": f"SM{'0' * 32}", "MessageStatus": "delivered", "AccountSid": ACCOUNT}


@pytest.fixture(scope="module")
def proxy(database, tmp_path_factory) -> Iterator[Front]:
    """The nginx that we ship, before gunicorn."""
    environment = {
        "DATABASE_URL": address_of(database),
        "WEB_WORKERS": "1",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": "RDVCPTS",
        "TWILIO_API_BASE_URL": "http://127.0.0.1:9",
    }
    with Front(tmp_path_factory.mktemp("nginx"), environment) as front:
        yield front


@pytest.fixture
def message(session, engine) -> OutboxMessage:
    with transaction(session):
        sent = OutboxMessage(
            community_id=a_community(session).id,
            reference=uuid4(),
            about=uuid4(),
            version=0,
            kind=Kind.CONFIRMATION,
            channel=Channel.SMS,
            recipient=MOBILE,
            text="RDV",
            send_at=NOON,
            expires_at=NOON + timedelta(hours=4),
            status=Status.SENT,
            attempts=1,
        )
        session.add(sent)
    return sent


@pytest.fixture
def status(engine, message):
    def status() -> Status:
        with Session(engine) as fresh:
            return fresh.scalars(select(OutboxMessage.status)).one()

    return status


def reported(proxy: Front, path: str, signature: str, **headers: str) -> int:
    """Post a report to nginx as Twilio does; return the answer's status."""
    said = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": signature,
    }
    answer, _ = proxy.ask("POST", path, urlencode(FORM), said | headers)
    return answer.status


def signed(address: str, token: str = TOKEN) -> str:
    return RequestValidator(token).compute_signature(address, FORM)


def path_of(message: OutboxMessage) -> str:
    return f"/webhooks/twilio/status/{message.reference}{ENCODED}"


def test_a_report_signed_for_the_public_address_is_believed_behind_a_proxy(proxy, message, status):
    path = path_of(message)

    assert reported(proxy, path, signed(PUBLIC + path)) == 204
    assert status() is Status.DELIVERED


@pytest.mark.parametrize(
    "wrong",
    [
        lambda path: signed(PUBLIC + path, token="of somebody else"),
        lambda path: signed(f"http://rdv.example{path}"),
        lambda path: signed(f"https://other.example{path}"),
        lambda path: signed(PUBLIC + path.replace("%c3", "%C3")),
        lambda path: signed(PUBLIC + path.partition("?")[0]),
        lambda _: "",
    ],
    ids=["token", "scheme", "host", "spelling", "query", "none"],
)
def test_a_report_signed_otherwise_is_refused_and_changes_nothing(proxy, message, status, wrong):
    path = path_of(message)

    assert reported(proxy, path, wrong(path)) == 403
    assert status() is Status.SENT


def test_a_sender_cannot_choose_the_address_that_was_signed(proxy, message, status):
    path = path_of(message)
    theirs = signed(f"https://evil.example{path}")

    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}

    assert reported(proxy, path, theirs, **forged) == 403
    with pytest.raises(RemoteDisconnected):
        reported(proxy, path, theirs, Host="evil.example")
    assert status() is Status.SENT
