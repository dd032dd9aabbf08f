"""What nobody honest sends: more fields than a form has, other hosts, other sites, no token."""

import csv
import io
import time
from collections.abc import Iterator
from itertools import cycle, product
from urllib.parse import urljoin, urlsplit
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers
from werkzeug.routing import BuildError

from booking.app import create_app
from booking.extensions import equipment
from booking.models import Account, Role
from booking.triage.protocol import Protocol
from booking.web.session import inside
from config.database import Base
from notifications.models import OutboxMessage
from schedules import roster
from tests.clockwork import NOON
from tests.integration.patient_walk import CALM, Walk, a_town
from tests.integration.test_who_may import FIELDS, cases
from tests.staffing import signed_in
from tests.two_communities import World, a_world
from tests.unit.test_app import production

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def addresses(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Return route, method and an address of every route, whatever it names."""
    urls = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        for value in (str(uuid4()), "protocole", "1"):
            try:
                path = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, value))
            except (BuildError, ValueError):
                continue
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule.endpoint, method, path
            break
        else:
            raise AssertionError(f"no address for {rule}")


# CSRF.


def test_every_form_needs_its_token_but_software_with_keys_and_seals(app: Flask, session: Session):
    app.config["WTF_CSRF_ENABLED"] = True
    client, open_to_all = app.test_client(), set()

    for endpoint, method, path in addresses(app):
        if method in UNSAFE and client.open(path, method=method).status_code != 400:
            open_to_all.add(endpoint.split(".")[0])

    assert open_to_all == {"api", "webhooks"}


# Headers.


def test_every_route_has_every_header(app: Flask, session: Session):
    keeps = {"static", "feeds.read"}
    for endpoint, method, path in addresses(app):
        headers = app.test_client().open(path, method=method).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), endpoint
        assert "frame-ancestors 'none'" in policy, endpoint
        assert not [word for word in ("unsafe", "data:", "*", "http") if word in policy], endpoint
        assert headers["X-Content-Type-Options"] == "nosniff", endpoint
        assert headers["Referrer-Policy"] == "no-referrer", endpoint
        assert headers["X-Frame-Options"] == "DENY", endpoint
        assert endpoint in keeps or headers["Cache-Control"] == "no-store", endpoint


def test_in_production_cookies_belong_to_the_host_and_https_is_for_a_year(tmp_path):
    app = create_app(production(tmp_path), clock=lambda: NOON, senders={})

    answer = app.test_client().get("/connexion", base_url="https://rdv.example")

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


# More fields than a form has.

MARK = "masse-1174"


@pytest.fixture
def world(app: Flask, session: Session, protocol: Protocol) -> World:
    with app.app_context():
        return a_world(session, protocol, equipment().links)


def columns() -> set[str]:
    return {column.name for table in Base.metadata.sorted_tables for column in table.columns}


def whole(engine: Engine) -> str:
    with engine.connect() as connection:
        return "\n".join(
            str(connection.scalar(text(f"SELECT string_agg(t::text, '|') FROM {table.name} t")))
            for table in Base.metadata.sorted_tables
        )


def standing(session: Session) -> set[tuple[int, UUID, Role, int | None]]:
    """Return who is what, and where."""
    session.expire_all()
    said = select(Account.community_id, Account.reference, Account.role, Account.professional_id)
    return {tuple(row) for row in session.execute(said)}  # type: ignore[misc]


TYPED = {"name", "email", "password", "text", "day", "reason", "note", "title", "url", "phone"}
"""Columns whose names forms have too: what is typed there is kept on purpose."""


@pytest.mark.parametrize("role", list(Role))
def test_fields_that_no_form_has_change_nothing(
    app: Flask, engine: Engine, session: Session, world: World, role: Role
):
    account = world.staff["own", role]
    client, before = signed_in(app, account), standing(session)
    more = dict.fromkeys(columns() - TYPED, MARK) | {"role": "ADMINISTRATOR"}
    more["community_id"] = str(world.staff["elsewhere", role].community_id)

    for case in cases(app, world):
        if (
            role in case.who
            and case.method == "POST"
            and not case.endpoint.startswith(("session.", "own.", "step."))
        ):
            answer = client.post(case.path, data=more | FIELDS.get(case.endpoint, {}))
            assert answer.status_code < 500, case

    assert MARK not in whole(engine)
    assert standing(session) == before


def test_software_is_told_of_each_field_that_it_should_not_send(app: Flask, world: World):
    said = app.test_client().post(
        "/api/v1/care-requests",
        json=dict.fromkeys(columns(), MARK),
        headers={"Authorization": f"Bearer {world.keys['own']}"},
    )

    assert said.status_code == 422
    assert MARK not in said.text


# Elsewhere.

SITES = ("evil.example", "//evil.example", "https://evil.example", "\\\\evil.example")
BEFORE = ("", "/", "//", "///", "/\\", "\\", "http:", "https:/", "javascript:", "data:")
WITHIN = ("{}", "/{}", "@{}", "%2f%2f{}", "\t//{}")
ELSEWHERE = sorted(
    {b + w.format(s) for s, b, w in product(SITES, BEFORE, WITHIN)} - {"evil.example"}
)


def test_two_hundred_ways_to_name_another_site_lead_to_ours(client: FlaskClient):
    assert len(ELSEWHERE) >= 150
    with client.application.app_context():
        for wanted in [*ELSEWHERE, "/\x00/evil", "/\r\nSet-Cookie: a=b", "/\u2028//evil.example"]:
            answer = client.post("/langue", data={"lang": "fr", "next": wanted})
            led = urljoin("http://localhost/langue", answer.location)
            assert answer.status_code == 303, wanted
            assert urlsplit(led).netloc == "localhost", wanted
            assert "\\" not in answer.location, wanted
            led = urljoin("http://localhost/connexion", inside(wanted) or "/")
            assert urlsplit(led).netloc == "localhost", wanted


HOSTS = [
    {"Host": host, **forwarded}
    for host, forwarded in product(
        (
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "evil.example#localhost",
            "[::1]",
        ),
        (
            {},
            {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Host": "localhost, evil.example"},
            {"Forwarded": "host=evil.example;proto=https"},
            {"X-Host": "evil.example"},
            {"X-Forwarded-Server": "evil.example"},
            {"X-Original-Host": "evil.example"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"},
            {"X-Forwarded-Prefix": "//evil.example"},
            {"X-Original-URL": "//evil.example/"},
        ),
    )
]


def test_links_in_messages_are_those_of_the_settings_whatever_host_is_named(
    client: FlaskClient, session: Session
):
    assert len(HOSTS) == 50
    turn = cycle(HOSTS)
    usual = client.open

    def poisoned(*args, headers=None, **how):
        more = Headers(headers or {})
        for name, value in next(turn).items():
            more.set(name, value)
        return usual(*args, headers=more, **how)

    client.open = poisoned  # type: ignore[method-assign]
    town = a_town(session, slots=3)
    Walk(client, town).book()

    texts = [each.text for each in session.scalars(select(OutboxMessage))]
    assert any("http://localhost/r/" in said for said in texts)
    assert not [said for said in texts if "evil" in said]


def test_production_answers_no_host_but_its_own(tmp_path):
    client = create_app(production(tmp_path), clock=lambda: NOON, senders={}).test_client()

    for headers in HOSTS:
        answer = client.get("/connexion", headers=headers, base_url="https://rdv.example")
        assert answer.status_code == 400, headers
        assert "evil" not in answer.text + str(answer.headers)


# Tables.

FORMULAS = [
    f"{sign}{rest}"
    for sign, rest in product(
        ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"),
        (
            "1+1",
            "cmd|' /C calc'!A0",
            'HYPERLINK("http://evil.example")',
            "SUM(A1:A9)",
            "=1;2\r\n=3",
            '"";=1',
        ),
    )
]


def test_no_cell_of_an_export_is_a_formula():
    assert len(FORMULAS) >= 60
    width = len(roster.COLUMNS) + len(roster.TOLD)

    table = roster.written([[said] * width for said in FORMULAS]).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(table, newline=""), delimiter=";"))[1:]

    assert len(read) == len(FORMULAS)
    assert not [cell for row in read for cell in row if cell.startswith(roster.FORMULA)]
    assert [row[0].removeprefix("'") for row in read] == FORMULAS


# Long text.

A_LONG_TEXT = "a" * 60_000
PATIENCE = 5
"""Seconds of computing that it may cost more: a pattern that goes back and forth takes minutes."""


@pytest.mark.parametrize("step", list(CALM))
def test_a_very_long_text_in_a_field_costs_next_to_nothing(
    client: FlaskClient, session: Session, step: str
):
    walk = Walk(client, a_town(session)).to(step)

    for name in CALM[step]:
        began = time.process_time()
        walk.post(step, **{**CALM[step], name: "?"})
        usual, began = time.process_time() - began, time.process_time()
        answer = walk.post(step, **{**CALM[step], name: A_LONG_TEXT})
        assert time.process_time() - began - usual < PATIENCE, name
        assert answer.status_code in (200, 303, 422), name
