"""Every field of every form that the staff's pages show, with as much in it as a body may hold."""

import time
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import TestResponse

from booking.extensions import equipment
from booking.models import Role
from booking.triage.protocol import Protocol
from booking.web import staff_forms
from tests.integration.test_who_may import ENDS_SESSIONS, FIELDS, Case, cases
from tests.staffing import signed_in
from tests.two_communities import World, a_world

# A thousand fields, each twice: as letters, and as a figure that nobody counts to.
pytestmark = pytest.mark.slow

LONG = {"letters": "a" * 60_000, "figures": "1" * 60_000}

LAST = (*ENDS_SESSIONS, "lock.")

PATIENCE = 10
"""Seconds of computing: bringing in a protocol takes one or two by itself, all else a tenth. What
goes back and forth in such a text takes hours."""


class Forms(HTMLParser):
    """The forms of a page that are posted: what each would send as it is, by where it goes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.by_action: dict[str, dict[str, str]] = {}
        self._ids: dict[str, dict[str, str]] = {}
        self._inside: dict[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method") == "post":
            self._inside = self.by_action.setdefault(said.get("action", ""), {})
            self._ids[said.get("id", "")] = self._inside
        if tag not in ("input", "select", "textarea", "button") or not said.get("name"):
            return
        form = self._ids.get(said["form"]) if "form" in said else self._inside
        if form is not None:
            form.setdefault(said["name"], said.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None


@pytest.fixture
def world(app: Flask, session: Session, protocol: Protocol) -> World:
    with app.app_context():
        return a_world(session, protocol, equipment().links)


def sent_as_shown(client: FlaskClient, mine: list[Case]) -> dict[str, dict[str, str]]:
    """Return what the forms of every page would send, by address."""
    found: dict[str, dict[str, str]] = {}
    for case in mine:
        answer = client.get(case.path)
        if case.method == "GET" and answer.mimetype == "text/html":
            for action, fields in Forms(answer.text).by_action.items():
                where = (action or case.path).partition("?")[0]
                found[where] = fields | found.get(where, {})
    return found


@pytest.fixture
def asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of fields that views ask for, also those that no page of these rows shows."""
    names: set[str] = set()

    class Noted:
        def __getitem__(self, name):
            names.add(name)
            return super().__getitem__(name)

        def __contains__(self, name):
            names.add(name)
            return super().__contains__(name)

        def get(self, name, *rest, **how):
            names.add(name)
            return super().get(name, *rest, **how)

    class Sent(Noted, ImmutableMultiDict):
        def getlist(self, name, *rest, **how):
            names.add(name)
            return super().getlist(name, *rest, **how)

    class Typed(Noted, dict):
        pass

    typed = staff_forms.typed
    monkeypatch.setattr(app.request_class, "parameter_storage_class", Sent)
    monkeypatch.setattr(staff_forms, "typed", lambda form: Typed(typed(form)))
    return names


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("role", list(Role))
def test_no_field_of_the_staff_takes_seconds_or_fails_whatever_its_length(
    app: Flask, world: World, asked: set[str], role: Role, kind: str
):
    account = world.staff["own", role]
    client = signed_in(app, account)
    mine = [case for case in cases(app, world) if role in case.who]
    shown, wrong, tried = sent_as_shown(client, mine), [], 0

    for case in sorted(mine, key=lambda case: case.endpoint.startswith(LAST)):
        if case.method != "POST":
            continue
        fields = FIELDS.get(case.endpoint, {}) | shown.get(case.path, {})
        asked.clear()
        done, waiting = {"csrf_token"}, {*fields, "what no form has"}
        while waiting:
            name = min(waiting)
            done.add(name)
            began = time.process_time()
            answer = client.post(case.path, data=fields | {name: LONG[kind]})
            took = time.process_time() - began
            if took > PATIENCE or answer.status_code >= 500:
                wrong.append((str(case), name, answer.status_code, round(took, 2)))
            if is_out(answer):
                client = signed_in(app, account)
            tried += 1
            waiting = (waiting | set(map(str, asked))) - done

    assert not wrong, "\n" + "\n".join(map(str, wrong))
    assert tried > 20


def is_out(answer: TestResponse) -> bool:
    """Whether somebody has to sign in again: their session is locked, or was ended."""
    sent_to = answer.location or ""
    return answer.status_code == 403 or sent_to.startswith("/connexion")
