"""Twilio's reports as they come in production: TLS ends at nginx, gunicorn stands behind it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
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
from tests.twilio_server import ACCOUNT, TOKEN

pytestmark = pytest.mark.slow

PUBLIC = "https://rdv.example"
ENCODED = "?lieu=Saint-%C3%89tienne%20%26%20c%c3%b4t%c3%a9%2Fnord&mot=%7eprudent+%E2%82%AC"
"""A name in UTF-8, both spellings of a percent sign's digits, and signs that need no quoting."""

FORM = {"MessageSid": f"SM{'0' * 32}", "MessageStatus": "delivered", "AccountSid": ACCOUNT}

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return found or pytest.skip("nginx is not on this machine")


@pytest.fixture(scope="module")
def proxy(nginx, database, tmp_path_factory) -> Iterator[int]:
    """The port of nginx before gunicorn."""
    folder = tmp_path_factory.mktemp("nginx")
    port, behind = a_free_port(), a_free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, behind=behind))
    environment = os.environ | {  # noqa: TID251 - handed on
        "DATABASE_URL": address_of(database),
        "PORT": str(behind),
        "PUBLIC_BASE_URL": PUBLIC,
        "TRUSTED_PROXIES": "1",
        "SECRET_KEY": "not a secret, and long enough for the checks",
        "WEB_WORKERS": "1",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": "RDVCPTS",
        "TWILIO_API_BASE_URL": "http://127.0.0.1:9",
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "wsgi:app"]
    with (
        running(gunicorn, behind, folder / "gunicorn.log", environment),
        running([nginx, "-e", folder / "error.log", "-c", configuration], port, folder / "log"),
    ):
        yield port


@contextmanager
def running(command: list, port: int, said: Path, environment=None) -> Iterator[None]:
    """Run a server until it is not needed any more; it answers when this begins."""
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None:
                    raise RuntimeError(said.read_text()[-2000:])
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(40)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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


def reported(proxy: int, path: str, signature: str, **headers: str) -> int:
    """Post a report to nginx as Twilio does; return the answer's status."""
    connection = HTTPConnection("127.0.0.1", proxy, timeout=30)
    said = {
        "Host": "rdv.example",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": signature,
    }
    connection.request("POST", path, urlencode(FORM), said | headers)
    answer = connection.getresponse().status
    connection.close()
    return answer


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
    assert reported(proxy, path, theirs, Host="evil.example") == 403
    assert status() is Status.SENT
