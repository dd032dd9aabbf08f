"""Bodies that no browser sends, at doors that strangers reach: an answer of ours, never a 5xx."""

import html
import re
import unicodedata
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from booking.models import Booking, CareRequest
from config.settings import Settings
from notifications.models import InboundMessage
from tests.integration.patient_walk import CALM, Walk, a_town

FEW = settings(
    max_examples=max(20, settings.default.max_examples // 2),  # type: ignore[union-attr]
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""`--hypothesis-profile=long` tries more, in `make audit`."""

TOKEN, PUBLIC = "a token of the tests", "https://rdv.example"
KINDS = (
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
    "text/plain",
    "é/\x80",
    "",
)
PIECES = (
    *(b"&", b"=", b"%", b"%00", b"%ff%fe", b"%ED%A0%80", b"+", b";", b"[]", b"\r\n"),
    *(b"--x\r\n", b"--x--"),
    *(b"Content-Disposition: form-data; name=", b'"nom"; filename="../x"', b"csrf_token=", b"\x00"),
)  # fmt: skip
NAMES = sorted(
    {name for fields in CALM.values() for name in fields} | {"montre", "slot", "go", "x"}
)

bodies = st.binary(max_size=200) | st.lists(
    st.sampled_from(PIECES)
    | st.sampled_from([name.encode() for name in NAMES])
    | st.binary(max_size=6),
    max_size=25,
).map(b"".join)
fields = st.dictionaries(
    st.sampled_from(["MessageSid", "From", "Body", "AccountSid", "Digits", "CallStatus"])
    | st.text(st.characters(codec="utf-8"), max_size=8),
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from(["SM" + "a" * 32, "AC" + "1" * 32, "+33639980001", "STOP", "9", "3", "NON"]),
    max_size=6,
)


@pytest.fixture
def app_settings(engine: Any) -> Settings:
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url=PUBLIC,
        secret_key=SecretStr("s" * 40),
        twilio_account_sid="AC" + "1" * 32,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from="+33639980099",
    )


def posted(client: FlaskClient, path: str, body: bytes, kind: str, **headers: str) -> TestResponse:
    return client.post(
        path,
        data=body,
        content_type=kind.encode("latin-1", "replace").decode("latin-1"),
        headers=headers,
    )


WEBHOOKS = [
    "/webhooks/twilio/inbound",
    *(
        f"/webhooks/twilio/{door}/00000000-0000-4000-8000-000000000001"
        for door in ("status", "call", "voice")
    ),
    "/webhooks/twilio/voice/00000000-0000-4000-8000-000000000001/annuler",
]


def test_nothing_unsigned_is_heard_whatever_it_looks_like(client: FlaskClient, session: Session):
    @FEW
    @given(
        st.sampled_from(WEBHOOKS), bodies, st.sampled_from(KINDS), st.text("aZ0+/= ", max_size=40)
    )
    def knock(path: str, body: bytes, kind: str, signature: str) -> None:
        answer = posted(client, path, body, kind, **{"X-Twilio-Signature": signature})
        assert answer.status_code in (400, 403, 413), (path, answer.status_code)

    knock()
    assert session.scalar(select(func.count()).select_from(InboundMessage)) == 0


def test_nothing_that_is_signed_makes_us_fail(client: FlaskClient):
    @FEW
    @given(st.sampled_from(WEBHOOKS), fields)
    def knock(path: str, said: dict[str, str]) -> None:
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, said)
        answer = client.post(path, data=said, headers={"X-Twilio-Signature": signature})
        assert answer.status_code in (200, 204), (path, answer.status_code)

    knock()


@pytest.fixture
def walk(client: FlaskClient, session: Session) -> Walk:
    return Walk(client, a_town(session)).to("telephone")


STEPS = [*CALM, "rendez-vous", "verifier", "rappel", "effacer", "motif"]


def test_no_body_of_a_patients_form_makes_us_fail(walk: Walk, session: Session):
    @FEW
    @given(st.sampled_from(STEPS), bodies, st.sampled_from(KINDS))
    def post(step: str, body: bytes, kind: str) -> None:
        answer = posted(walk.client, walk.url(step), body, kind)
        assert answer.status_code < 500, (step, answer.status_code)

    post()
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


def test_what_is_typed_as_a_name_is_kept_or_shown_again(walk: Walk, session: Session):
    asked = session.scalars(select(CareRequest)).one()

    @FEW
    @given(
        st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1, max_size=60)
    )
    def post(typed: str) -> None:
        answer = walk.post("nom", nom=typed, prenom="Camille")
        session.expire_all()
        kept = asked.family_name if answer.status_code == 303 else shown(answer)
        assert letters(kept or "") == letters(typed)

    post()


def shown(answer: TestResponse) -> str:
    [value] = re.findall(r'id="nom" name="nom" value="([^"]*)"', answer.text)
    return html.unescape(value)


def letters(text: str) -> str:
    """Return what a reader sees of a text: blanks and how accents are written do not count."""
    return "".join(unicodedata.normalize("NFC", text).split())
