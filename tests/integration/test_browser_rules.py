"""What browsers are told of every answer, and what no address ever gives."""

import re
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from flask import Flask, Response, request, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from booking.accounts import sessions
from booking.app import create_app
from booking.extensions import equipment
from booking.models import Role
from booking.triage.protocol import Protocol
from booking.web import entry
from tests.builders import a_community
from tests.clockwork import NOON
from tests.integration.test_hostile_input import addresses
from tests.integration.test_who_may import cases
from tests.staffing import an_account, signed_in
from tests.two_communities import a_world
from tests.unit.test_app import production

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "booking/web/templates"
NGINX = ROOT / "config/deploy/nginx.conf"


def test_every_answer_says_what_it_is_and_none_lets_another_site_read_it(
    app: Flask, session: Session
):
    client = app.test_client()
    for endpoint, method, path in addresses(app):
        answer = client.open(path, method=method, headers={"Origin": "https://evil.example"})
        assert not [name for name, _ in answer.headers if "Access-Control" in name], endpoint
        if answer.data:
            assert answer.content_type, endpoint
        if answer.data and answer.mimetype.startswith("text/"):
            assert answer.mimetype_params.get("charset") == "utf-8", endpoint


def test_what_is_no_method_of_a_page_is_refused(app: Flask, session: Session):
    client = app.test_client()
    for path in {path for _, _, path in addresses(app)}:
        assert client.open(path, method="TRACE").status_code in (404, 405), path


def test_every_cookie_of_production_can_be_set_by_this_host_alone(tmp_path):
    app = create_app(production(tmp_path), clock=lambda: NOON, senders={})
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()

    given = client.post("/langue", data={"lang": "en"}, base_url="https://rdv.example").headers
    cookies = given.getlist("Set-Cookie")
    cookies += client.get("/connexion", base_url="https://rdv.example").headers.getlist(
        "Set-Cookie"
    )
    with app.test_request_context(base_url="https://rdv.example"):
        kept = Response()
        entry.keep_device(kept, "a" * 43)
        cookies += kept.headers.getlist("Set-Cookie")

    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-lang",
        "__Host-session",
        "__Host-device",
    }
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")), cookie
        assert "Domain" not in cookie
        assert len(cookie) < 4096


def test_a_cookie_that_somebody_else_signed_is_nobodys(app: Flask, session: Session):
    account = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    client = signed_in(app, account)
    mine = client.get_cookie("session").value
    with app.test_request_context():
        held = app.session_interface.get_signing_serializer(app).loads(mine)
        by_sha1 = SecureCookieSessionInterface().get_signing_serializer(app).dumps(held)
        app.secret_key, right = "another secret", app.secret_key
        by_another = app.session_interface.get_signing_serializer(app).dumps(held)
        app.secret_key = right
    body, _, seal = mine.rpartition(".")

    for forged in (by_sha1, by_another, body, f"{body}.", f"{body}.{seal[::-1]}", f"x{mine}"):
        thief = app.test_client()
        thief.set_cookie("session", forged)
        assert thief.get("/console").status_code == 303, forged
    assert client.get("/console").status_code == 200


def test_a_session_token_has_256_bits():
    tokens = {sessions.a_token() for _ in range(100)}

    assert len(tokens) == 100
    assert {len(urlsafe_b64decode(f"{token}=")) for token in tokens} == {32}


def test_every_page_of_staff_lets_them_sign_out(app: Flask, session: Session, protocol: Protocol):
    with app.app_context():
        world = a_world(session, protocol, equipment().links)
    for role in Role:
        client = signed_in(app, world.staff["own", role])
        with app.test_request_context():
            doors = [url_for(name) for name in (*entry.DOORS[role], "own.show")]
        for door in doors:
            assert 'action="/deconnexion"' in client.get(door).text, door


def test_every_download_has_a_name_of_ours(app: Flask, session: Session, protocol: Protocol):
    with app.app_context():
        world = a_world(session, protocol, equipment().links)
    client = signed_in(app, world.staff["own", Role.COORDINATOR])
    named = []

    for case in cases(app, world):
        if case.method == "GET" and case.endpoint != "static":
            found = client.get(case.path).headers.get("Content-Disposition", "")
            named += [found] if found else []

    ours = (
        r'attachment; filename="?(rendez-vous\.ics|membres-[\d-]+\.csv|[\w-]+\.v\d+\.\w+\.yaml)"?'
    )
    assert len(named) >= 3
    assert [name for name in named if not re.fullmatch(ours, name)] == []


@pytest.mark.parametrize("made_up", ["1.1.1.1", "1.1.1.1, 2.2.2.2", "127.0.0.1", "a, b", ""])
def test_whoever_makes_up_an_address_is_counted_at_the_true_one(tmp_path, made_up: str):
    # nginx replaces what a client says by what it saw (nginx.conf); beyond it one hop is believed.
    app = create_app(production(tmp_path), clock=lambda: NOON, senders={})
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))
    said = {"X-Forwarded-For": f"{made_up}, 192.0.2.7", "X-Real-IP": made_up, "Client-IP": made_up}

    app.test_client().get("/connexion", base_url="https://rdv.example", headers=said)

    assert seen == ["192.0.2.7"]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX.read_text()


def test_passwords_are_hidden_while_typed_and_may_be_pasted():
    fields = [
        field
        for page in TEMPLATES.rglob("*.html")
        for field in re.findall(r"field\('(?:password|present|wanted)'.*?\) }}", page.read_text())
    ]

    assert len(fields) >= 7
    for field in fields:
        assert "type='password'" in field
        assert re.search(r"autocomplete='(current|new)-password'", field)
        assert "maxlength" not in field
    scripts = "".join(path.read_text() for path in (TEMPLATES.parent / "static").glob("*.js"))
    assert "paste" not in scripts


OUTSIDE = [
    *(
        "/.git/config",
        "/.env",
        "/wsgi.py",
        "/requirements.txt",
        "/config/settings.py",
        "/var/demo.json",
    ),
    *("/static/", "/static", "/static/vendor", "/static/vendor/", "/server-status"),
    *(
        f"/{door}/{up}{end}"
        for door in ("static", "static/vendor", "api", "calendrier")
        for up in (
            "../",
            "..%2f",
            "%2e%2e/",
            "%2e%2e%2f",
            "..\\",
            "..%5c",
            "....//",
            "%252e%252e%252f",
        )
        for end in ("security_headers.py", "../../wsgi.py", "../../../../../../etc/passwd")
    ),
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_address_leads_to_a_file_that_is_not_for_everybody(client: FlaskClient, path: str):
    answer = client.get(path)

    assert answer.status_code in (301, 308, 404), path
    for word in ("root:", "import ", "SECRET", "[core]", "flask==", "htmx.org"):
        assert word not in answer.text, path
