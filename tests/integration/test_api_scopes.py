"""What a key is for: every route of the API with every scope, made from the addresses it has."""

import re
from dataclasses import replace
from itertools import combinations

import pytest
from flask import Blueprint, Flask
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from booking import clients, guards
from booking.api import openapi
from booking.extensions import db
from booking.models import ApiClient, Scope
from config.database import transaction
from tests.builders import a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.integration.test_api_booking import wants
from tests.integration.test_api_keys import NOBODY, REQUESTS, a_partner, assert_problem


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


def for_only(session, partner, *scopes):
    """Return other software of the same community, with a key for this alone."""
    with transaction(session):
        key = clients.issue_key(session, partner.community.id, "Deuxième", scopes=scopes, now=NOON)
    return replace(partner, key=key)


def narrowed(session, *scopes):
    """Leave every key of this test only these scopes."""
    with transaction(session):
        for client in session.scalars(select(ApiClient)):
            client.scopes = list(scopes)


def routes(app):
    """Return method, address and declared scope of every route that asks for a key."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if guards.API_CLIENT in getattr(view, "open_to", ()):
            path = rule.rule.replace("<uuid:reference>", NOBODY)
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield method, path, view.needs


def test_every_route_answers_keys_for_it_and_names_what_it_lacks_to_all_others(
    app, session, partner
):
    every = list(routes(app))
    wrong = []
    for scope in Scope:
        key = for_only(session, partner, scope)
        for method, path, needed in every:
            answer = key.send(method, path.removeprefix(REQUESTS), {})
            is_refused = answer.status_code == 403
            if is_refused == (scope is needed):
                wrong.append((method, path, scope, answer.status_code))
            if is_refused:
                said = assert_problem(answer, 403, "beyond-scope")
                assert said["scope"] == needed
                assert needed in said["detail"]
                assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]

    assert not wrong
    assert len(every) == 7


def test_a_key_for_nothing_opens_nothing(app, session, partner):
    key = for_only(session, partner)

    refused = {
        key.send(method, path.removeprefix(REQUESTS), {}).status_code
        for method, path, _needed in routes(app)
    }

    assert refused == {403}


def test_a_key_of_nobody_is_told_that_first(client):
    answer = client.get(f"{REQUESTS}/{NOBODY}", headers={"Authorization": "Bearer jm_" + "a" * 43})

    assert_problem(answer, 401, "unauthorized")


def test_a_route_for_software_without_a_scope_stops_the_start():
    app, door = Flask("door"), Blueprint("door", __name__)

    @door.get("/")
    @guards.open_to(guards.API_CLIENT)
    def view() -> str:
        return ""

    app.register_blueprint(door)

    with pytest.raises(guards.RouteWithoutGuard, match=r"door\.view"):
        guards.policy(app)


def test_the_description_names_the_scope_that_each_route_declares(app, client):
    described = client.get("/api/openapi.json").json["paths"]
    said = {
        (method.upper(), re.sub(r"\{.*?\}", NOBODY, path)): operation["security"]
        for path, methods in described.items()
        for method, operation in methods.items()
    }

    assert said.pop(("GET", "/api/openapi.json")) == []
    assert said == {(m, path): [{"key": [needed]}] for m, path, needed in routes(app)}
    assert {operation.scope for operation in openapi.OPERATIONS} == {*Scope, None}


@pytest.fixture
def slot(session, partner):
    site = a_site(session, partner.community)
    doctor = a_professional(session, partner.community, site)
    made = a_slot(session, professional=doctor, site=site)
    session.commit()
    return made


def test_who_may_only_ask_is_not_told_what_is_free_and_not_that_nothing_is(session, partner, slot):
    narrowed(session, Scope.REQUESTS_WRITE)
    asked = partner.asks()

    narrowed(session, Scope.REQUESTS_WRITE, Scope.SLOTS_READ)

    assert asked["proposals"] is None
    assert [p["slot"] for p in partner.asks()["proposals"]] == [str(slot.reference)]


def test_who_may_only_read_gets_no_link_by_which_the_patient_can_cancel(session, partner, slot):
    asked = partner.asks()
    made = partner.send("POST", f"/{asked['reference']}/booking", wants(slot.reference))
    assert made.status_code == 201, made.json

    narrowed(session, Scope.REQUESTS_READ)
    seen = partner.send("GET", f"/{asked['reference']}").json

    assert seen["booking"]["slot"] == str(slot.reference)
    assert seen["links"] is None
    assert made.json["links"]["appointment"] not in str(seen)


def test_a_slot_that_is_taken_shows_its_others_only_to_who_may_see_them(session, partner, slot):
    asked = partner.asks()["reference"]
    narrowed(session, Scope.BOOKINGS_WRITE)

    answer = partner.send("POST", f"/{asked}/booking", wants(NOBODY))

    assert "alternatives" not in assert_problem(answer, 409, "slot-taken")


def test_every_choice_of_known_scopes_can_be_kept_and_no_other(session, partner):
    for many in range(len(Scope) + 1):
        for some in combinations(Scope, many):
            for_only(session, partner, *some)

    with pytest.raises(IntegrityError, match="ck_api_client_scopes_are_known"):
        narrowed(session, "bookings:write", "everything")
    session.rollback()


def test_who_may_what_is_read_with_the_key_itself(app, session, partner):
    asked = []
    with app.app_context():
        engine = db.engine

    def heard(*said):
        asked.append(said[2])

    event.listen(engine, "before_cursor_execute", heard)
    partner.send("GET", f"/{NOBODY}")
    event.remove(engine, "before_cursor_execute", heard)

    assert sum("api_client" in said for said in asked) == 1
