"""Every route, every role, three communities: what a policy allows, a 404, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from booking import guards
from booking.extensions import equipment
from booking.models import Role
from booking.triage.protocol import Protocol
from config.database import Base
from tests.staffing import signed_in
from tests.two_communities import CANARIES, PLACES, World, a_world

REFERENCES = {
    "administration.account": "account",
    "administration.close_account": "account",
    "administration.reset_password": "account",
    "administration.revoke_key": "client",
    "agendas.end": "feed",
    "api.": "api request",
    "busy.": "calendar",
    "console.call.": "request",
    "console.followed.": "request",
    "console.followed.deci": "decision",
    "console.incidents.": "request",
    "console.replies.": "reply",
    "console.": "request",
    "coordination.members.": "professional",
    "coordination.owed.": "request",
    "coordination.review.": "booked request",
    "day.moves.brought_back": "act",
    "day.moves.": "booking",
    "day.sheet.": "booking",
    "day.slots.": "slot",
    "day.slots.take_back": "act",
    "lost_factor.": "account",
    "own.end_one": "session",
    "own.remove_passkey": "passkey",
    "protocol.": "version",
    "protocol.explanation": "booked request",
    "supply.": "opening",
    "supply.end_absence": "absence",
}
"""What `<uuid:reference>` names, by the longest beginning of the route's name."""

OTHERS = {
    "slot": "claimed slot",
    "booking": "booking",
    "enablement": "enablement",
    "message": "message",
}

TOKENS = {
    "appointment.": "booking",
    "lost.": "booking",
    "offered.": "offer",
    "patient.": "request",
    "feeds.": "feed",
    "invitation.": "invitation",
    "forgotten.": "unknown",
    "help_wanted.": "unknown",
    "outcomes.": "unknown",
}

WORDS = {
    "case": "confirmation",
    "part": {"coordination.": "sms", "protocol.": "protocole"},
    "language": "fr",
    "complaint": "trauma_membre",
    "name": "motifs",
    "step": "signes",
    "filename": "icon.svg",
}

FIELDS = {
    "console.followed.note": {"etat": "clos"},
    "day.slots.block": {"pourquoi": "break"},
    "day.sheet.note": {"state": "arrived"},
    "day.sheet.late": {"minutes": "20"},
}
"""What a form says at least, where it is read before what its address names."""

NOT_ALWAYS_THERE = {
    "console.followed.decision",
    "coordination.messages.edit",
    "coordination.review.case",
    "day.slots.opening",
    "lost_factor.show",
    "own.picture",
    "prosante.begin",
    "prosante.choices",
    "prosante.choose",
    "prosante.come_back",
    "prosante.leave",
    "protocol.complaint",
    "protocol.edit",
}
"""Pages of a state that the tests' rows are not in: 404 for everybody, then."""

ENDS_SESSIONS = ("session.", "own.", "step.", "forgotten.")
"""Doors about one's own session: they are knocked at last."""


class UnknownRoute(LookupError):
    """A route whose address names what this file does not know."""


@dataclass(frozen=True)
class Case:
    """One route with one method, and an address of it that names things of the one community."""

    endpoint: str
    method: str
    path: str
    who: tuple[str, ...]
    names_something: bool
    opens_nothing: bool

    @property
    def is_for_staff(self) -> bool:
        return any(isinstance(who, Role) for who in self.who)

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}"


def _longest(table: dict[str, str], endpoint: str) -> str:
    found = [start for start in table if endpoint.startswith(start)]
    if not found:
        raise UnknownRoute(f"{endpoint}: say in this file what its address names")
    return table[max(found, key=len)]


def _value(rule: Rule, name: str, world: World) -> str:
    if name == "reference":
        return world.named[_longest(REFERENCES, rule.endpoint)]
    if name == "token":
        return world.tokens[_longest(TOKENS, rule.endpoint)]
    if name in OTHERS:
        return world.named[OTHERS[name]]
    if name not in WORDS:
        raise UnknownRoute(f"{rule.endpoint}: say in this file what <{name}> is")
    said: Any = WORDS[name]
    return said if isinstance(said, str) else _longest(said, rule.endpoint)


def cases(app: Flask, world: World) -> Iterator[Case]:
    """Return every route and method that this file knows."""
    policy = guards.policy(app) | {"static": (guards.PUBLIC,)}
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            try:
                said = {name: _value(rule, name, world) for name in rule.arguments}
            except UnknownRoute:
                continue
            built = rule.build(said)
            assert built is not None, rule
            named = bool(set(rule.arguments) & {"reference", *OTHERS})
            for method in sorted(rule.methods - {"OPTIONS"}):
                yield Case(
                    rule.endpoint,
                    method,
                    built[1],
                    policy[rule.endpoint],
                    names_something=named,
                    opens_nothing=said.get("token") == world.tokens["unknown"],
                )


@pytest.fixture
def world(app: Flask, session: Session, protocol: Protocol) -> World:
    with app.app_context():
        return a_world(session, protocol, equipment().links)


def knock(client: FlaskClient, case: Case, key: str | None = None) -> TestResponse:
    """Send the emptiest request that this route can get."""
    how: dict[str, Any] = {}
    if key:
        how["headers"] = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid4())}
    if case.method in ("POST", "PUT", "DELETE") and case.endpoint.startswith("api."):
        how["json"] = {}
    elif case.method == "POST":
        how["data"] = FIELDS.get(case.endpoint, {})
    return client.open(case.path, method=case.method, **how)


def listed(wrong: list[Any]) -> str:
    return "\n" + "\n".join(map(str, wrong))


def betrayed(answer: TestResponse) -> list[str]:
    said = answer.text + str(answer.headers)
    return [word for word in CANARIES if word in said]


def rows(engine: Engine) -> dict[str, str]:
    """Return a digest of every table but those that count visitors and sessions, and the audit."""
    counts = {"staff_session", "visitor_act", "sign_in_failure", "audit_line"}
    names = [t.name for t in Base.metadata.sorted_tables if t.name not in counts]
    with engine.connect() as connection:
        return {
            name: str(
                connection.scalar(
                    text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                )
            )
            for name in names
        }


def test_every_route_has_a_case(app: Flask, world: World):
    unknown = []
    for rule in app.url_map.iter_rules():
        for name in rule.arguments:
            try:
                _value(rule, name, world)
            except UnknownRoute as missing:
                unknown.append(str(missing))

    assert unknown == []


def test_nobody_passes_a_door_that_is_not_theirs(app: Flask, engine: Engine, world: World):
    every = list(cases(app, world))
    clients = {account: signed_in(app, account) for account in world.staff.values()}
    before, wrong = rows(engine), []

    for case in every:
        if guards.API_CLIENT in case.who:
            answer = knock(app.test_client(), case)
            if answer.status_code != 401 or betrayed(answer):
                wrong.append((str(case), "anonymous", answer.status_code))
        elif case.is_for_staff:
            answer = knock(app.test_client(), case)
            is_sent_on = answer.status_code == 303 and answer.location.startswith("/connexion")
            if not is_sent_on or betrayed(answer):
                wrong.append((str(case), "anonymous", answer.status_code))
    for account, client in clients.items():
        for case in every:
            is_partners = guards.API_CLIENT in case.who
            if account.role in case.who or not (case.is_for_staff or is_partners):
                continue
            answer = knock(client, case)
            expected = 401 if is_partners else 404
            if answer.status_code != expected or betrayed(answer):
                wrong.append((str(case), account.email, answer.status_code))

    assert not wrong, listed(wrong)
    assert rows(engine) == before


@pytest.mark.parametrize("role", list(Role))
def test_what_another_community_or_practice_names_is_not_there(
    app: Flask, engine: Engine, world: World, role: Role
):
    clients = {place: signed_in(app, world.staff[place, role]) for place in PLACES[1:]}
    before, wrong = rows(engine), []
    for place, client in clients.items():
        for case in cases(app, world):
            if role not in case.who or not case.names_something:
                continue
            if place == "beside" and not is_of_a_practice(case, role):
                continue
            answer = knock(client, case)
            if answer.status_code != 404 or betrayed(answer):
                wrong.append((str(case), place, answer.status_code))

    assert not wrong, listed(wrong)
    assert rows(engine) == before


def is_of_a_practice(case: Case, role: Role) -> bool:
    """Return whether what this address names is one practice's or one person's."""
    if case.endpoint.startswith("own."):
        return True
    doors = ("day.", "supply.", "agendas.", "busy.", "console.")
    return role in (Role.SECRETARY, Role.PROFESSIONAL) and case.endpoint.startswith(doors)


def test_a_partner_reads_only_what_its_own_key_opened(app: Flask, engine: Engine, world: World):
    before, wrong = rows(engine), []
    for place, case in product(("beside", "elsewhere"), list(cases(app, world))):
        if guards.API_CLIENT in case.who and case.names_something:
            answer = knock(app.test_client(), case, world.keys[place])
            if answer.status_code not in (404, 422) or betrayed(answer):
                wrong.append((str(case), place, answer.status_code))

    assert not wrong, listed(wrong)
    assert {k: v for k, v in rows(engine).items() if k != "idempotency_key"} == {
        k: v for k, v in before.items() if k != "idempotency_key"
    }


@pytest.mark.parametrize("role", list(Role))
def test_pages_without_a_name_show_nothing_of_another_community(
    app: Flask, world: World, role: Role
):
    client = signed_in(app, world.staff["elsewhere", role])

    wrong = []
    for case in cases(app, world):
        if role in case.who and not case.names_something and case.method == "GET":
            answer = knock(client, case)
            if answer.status_code >= 500 or betrayed(answer):
                wrong.append((str(case), answer.status_code, betrayed(answer)))

    assert not wrong, listed(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_whoever_may_enter_gets_a_page_and_never_a_failure(app: Flask, world: World, role: Role):
    account = world.staff["own", role]
    client = signed_in(app, account)
    order = sorted(
        (c for c in cases(app, world) if role in c.who),
        key=lambda c: (c.method != "GET", c.endpoint.startswith(ENDS_SESSIONS)),
    )

    wrong, seen = [], set()
    for case in order:
        if case.method == "HEAD":
            continue
        answer = knock(client, case)
        seen.update(betrayed(answer))
        usual = (200, 303) if case.method == "GET" else (200, 303, 400, 403, 404, 409, 422)
        if case.endpoint in NOT_ALWAYS_THERE:
            usual = (*usual, 404)
        if answer.status_code not in usual:
            wrong.append((str(case), answer.status_code))

    assert not wrong, listed(wrong)
    # The canaries sing at all: whoever cares for this patient reads the name.
    assert bool(seen) is (role is not Role.ADMINISTRATOR)


def test_links_open_what_they_open_and_name_nobody(app: Flask, world: World):
    wrong = []
    for case in cases(app, world):
        if guards.PATIENT in case.who or guards.CALENDAR in case.who or guards.INVITED in case.who:
            answer = knock(app.test_client(), case)
            is_open = answer.status_code < 500 and (answer.status_code != 404 or case.opens_nothing)
            if not is_open or betrayed(answer):
                wrong.append((str(case), answer.status_code, betrayed(answer)))

    assert not wrong, listed(wrong)


def test_what_providers_report_is_not_heard_without_their_seal(app: Flask, world: World):
    refused = {
        str(case): knock(app.test_client(), case).status_code
        for case in cases(app, world)
        if guards.PROVIDER in case.who and case.method == "POST"
    }

    assert refused
    assert set(refused.values()) <= {403, 404}, refused
