"""The app as it is put together: which protocol holds, who may call it, what it writes of it."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from booking import protocols
from booking.app import create_app
from booking.extensions import equipment
from config import logs
from config.settings import SettingMissing, Settings
from tests.clockwork import NOON, Hands

CANARY = "canary-0639981234-dupont"
CHANGE = date(2027, 2, 1)
"""The day on which version 2 of the tests follows version 1."""


def versions():
    """Return two delivered versions, one after the other."""
    [[_, first], *_rest] = [(v, v["fr"]) for v in protocols.published()]
    end = CHANGE - timedelta(days=1)
    one = replace(first, valid_until=end)
    two = replace(first, version=2, valid_from=CHANGE)
    return [{"fr": one}, {"fr": two}]


def settings(tmp_path, **but):
    said = {"database_url": f"postgresql:///nobody?host={tmp_path}"}
    return Settings(**said | but)


def production(tmp_path):
    return settings(
        tmp_path,
        jourmeme_env="production",
        secret_key=SecretStr("s" * 40),
        encryption_keys=SecretStr("2027:a2V5LWNhbmFyeS1vZi10aGlydHktdHdvLWJ5dGVzISE="),
        public_base_url="https://rdv.example",
        trusted_proxies=1,
        twilio_account_sid="AC0",
        twilio_auth_token=SecretStr("token"),
        twilio_from="RDVCPTS",
        smtp_url=SecretStr("smtps://user:word@mail.example"),
        mail_from="rdv@cpts.example",
    )


@pytest.fixture
def served(tmp_path):
    """A client of a production whose database nobody listens at."""
    app = create_app(production(tmp_path), clock=lambda: NOON, senders={}, versions=versions())
    return app.test_client()


def test_at_midnight_in_paris_a_running_process_goes_over_to_the_new_version(tmp_path):
    hands = Hands()
    app = create_app(settings(tmp_path), clock=hands, senders={}, versions=versions())

    used = []
    with app.app_context():
        for utc in (
            datetime(2027, 1, 31, 22, 59, tzinfo=UTC),
            datetime(2027, 1, 31, 23, 0, tzinfo=UTC),
        ):
            hands.now = utc
            used.append(equipment().delivered["fr"])

    assert [each.version for each in used] == [1, 2]
    assert all(
        each.is_in_force(day) for each, day in zip(used, (date(2027, 1, 31), CHANGE), strict=True)
    )


@pytest.mark.parametrize("path", ["/", "/nowhere", "/healthz", "/api/openapi.json"])
def test_another_host_is_refused_in_plain_text(served, path):
    answer = served.get(path, base_url="https://elsewhere.example")

    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert "elsewhere" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost"])
def test_probes_of_this_machine_reach_the_health_pages_and_nothing_else(served, host):
    assert served.get("/healthz", base_url=f"http://{host}").text == "ok\n"
    assert served.get("/readyz", base_url=f"http://{host}").json["database"] == "unreachable"
    for path in ("/", "/connexion", "/api/openapi.json", "/nowhere"):
        answer = served.get(path, base_url=f"http://{host}")
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")


def test_its_own_host_is_served(served):
    assert served.get("/api/openapi.json", base_url="https://rdv.example").status_code == 200


def test_a_public_address_with_the_secret_that_everybody_knows_does_not_start(tmp_path):
    with pytest.raises(SettingMissing, match="SECRET_KEY"):
        create_app(settings(tmp_path, public_base_url="https://rdv.example"))


@pytest.mark.parametrize(
    ("but", "is_open"),
    [
        ({}, True),
        ({"public_base_url": "http://localhost:8000"}, True),
        ({"public_base_url": "http://192.0.2.7:8000"}, False),
        ({"public_base_url": "https://rdv.example", "secret_key": SecretStr("s" * 40)}, False),
        ({"twilio_account_sid": "AC0"}, True),
        ({"twilio_account_sid": "AC0", "twilio_from": "RDVCPTS"}, False),
        (
            {
                "twilio_account_sid": "AC0",
                "twilio_from": "RDVCPTS",
                "twilio_api_base_url": "http://127.0.0.1:9",
            },
            True,
        ),
    ],
)
def test_messages_are_shown_only_where_none_leaves_and_only_a_developer_looks(
    tmp_path, but, is_open
):
    said = settings(tmp_path, **but, twilio_auth_token=SecretStr("token"))

    app = create_app(said, senders={})

    assert ("dev" in app.blueprints) is is_open


@pytest.fixture
def lines(tmp_path):
    """Call an app and return the lines that were written meanwhile."""
    app = create_app(settings(tmp_path), clock=lambda: NOON, senders={})
    written = io.StringIO()
    logs.configure(written)
    client = app.test_client()

    def calling(path, **how):
        client.open(path, **how)
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        assert CANARY not in written.getvalue()
        written.seek(0)
        written.truncate()
        return [line for line in found if line["event"] == "request"]

    yield calling
    logs.configure()


def test_each_request_leaves_one_line_with_its_route_and_no_address(lines):
    [line] = lines("/healthz", query_string={"q": CANARY})

    assert line["route"] == "health.alive"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["ms"] >= 0
    assert set(line) == {"ts", "level", "event", "route", "method", "status", "ms", "request_id"}


def test_a_token_in_the_path_and_a_made_up_method_are_not_written(lines):
    [there] = lines(f"/r/{CANARY}")
    [nowhere] = lines(f"/nowhere/{CANARY}")
    [odd] = lines("/healthz", method="DUPONT")

    assert there["route"] == "appointment.show"
    assert (nowhere["route"], nowhere["status"]) == ("none", 404)
    assert (odd["method"], odd["status"]) == ("OTHER", 405)


def test_each_request_has_a_name_of_its_own_that_ends_with_it(lines):
    [first], [second] = lines("/healthz"), lines("/healthz")

    assert first["request_id"] != second["request_id"]
    assert logs.REQUEST_ID.get() is None
