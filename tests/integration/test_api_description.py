"""The description of the API says what the API does: every route, every answer, every refusal."""

import json
import re
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from booking.api import openapi
from config.database import transaction
from schedules.models import Commune
from tests.builders import a_community, a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.integration.test_api_booking import wants
from tests.integration.test_api_keys import NOBODY, a_partner

NOT_DESCRIBED = {"HEAD", "OPTIONS"}


@pytest.fixture
def described(client):
    return client.get("/api/openapi.json").json


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


def checker(described, schema):
    return Draft202012Validator(
        {**schema, "components": described["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def assert_as_described(described, answer, path, method):
    """Check one answer against what the description says of that path, method and status."""
    said = described["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in said:
        said = described["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
    if "content" not in said:
        assert answer.data == b""
        return
    checker(described, said["content"][answer.mimetype]["schema"]).validate(answer.json)


def test_it_is_valid_openapi(described):
    validate(described)

    assert described["openapi"].startswith("3.1")


def test_anybody_may_read_it_and_nobody_needs_a_key_for_it(client):
    answer = client.get("/api/openapi.json")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")


def test_every_route_under_api_is_described_and_nothing_else(app, described):
    routes = {
        (re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api")
        for method in rule.methods - NOT_DESCRIBED
    }

    said = {(path, m.upper()) for path, methods in described["paths"].items() for m in methods}
    assert said == routes


def test_every_write_takes_an_idempotency_key(described):
    for methods in described["paths"].values():
        for method, said in methods.items():
            named = {p["$ref"].rsplit("/", 1)[1] for p in said["parameters"]}
            assert ("idempotency" in named) == (method != "get")


def test_every_example_is_what_its_schema_allows(described):
    schemas = described["components"]["schemas"]
    examples = [(name, each) for name, s in schemas.items() for each in s.get("examples", ())]

    assert {name for name, _ in examples} >= {"CareRequest", "Wish", "Appointment", "Problem"}
    for name, example in examples:
        checker(described, {"$ref": f"#/components/schemas/{name}"}).validate(example)


def test_the_example_of_a_request_is_one_that_may_be_booked(session, client, protocol, described):
    with transaction(session):
        example, *_ = described["components"]["schemas"]["CareRequest"]["examples"]
        community = a_community(session, slug=example["community"])
        session.add(
            Commune(
                community_id=community.id,
                insee=example["patient"]["commune"],
                name="Saint-Loup-sur-Orvanne",
                postal_code="77999",
                latitude=48.3,
                longitude=2.9,
            )
        )
        site = a_site(session, community)
        doctor = a_professional(session, community, site, rpps=example["regular_doctor"])
        slot = a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=2)).reference
    partner = a_partner(session, client, protocol, community)

    asked = partner.send("POST", "", example)

    assert asked.status_code == 201
    assert asked.json["level"] == "WITHIN_24H"
    assert set(example["answers"]) <= set(protocol.questions)
    booked = partner.send("POST", f"/{asked.json['reference']}/booking", wants(slot))
    assert booked.status_code == 201


def test_no_limit_is_described_that_nothing_sets(described):
    assert "429" not in json.dumps(described)


def test_every_type_of_problem_leads_to_its_entry(client, described):
    refused = client.get("/api/v1/nothing").json

    address, pointer = refused["type"].split("#")
    assert address == f"{described['servers'][0]['url']}/api/openapi.json"
    _, name, kind = pointer.split("/")
    assert described[name][kind] == {"status": 404, "title": refused["title"]}


def test_every_answer_is_as_described(session, partner, described):
    with transaction(session):
        site = a_site(session, partner.community)
        doctor = a_professional(session, partner.community, site)
        first, second = (
            a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=h)).reference
            for h in (2, 3)
        )
    one = "/api/v1/care-requests/{reference}"
    asked, rival, grave = partner.asks(), partner.asks(), partner.asks(answers={})
    here, there = f"/{asked['reference']}", f"/{rival['reference']}"
    slot = {"slot": str(first)}
    told = [
        ("/api/v1/care-requests", "POST", "", partner.questionnaire(), 201),
        ("/api/v1/care-requests", "POST", "", {}, 422),
        (one, "GET", here, None, 200),
        (one, "GET", f"/{NOBODY}", None, 404),
        (one, "GET", f"/{grave['reference']}", None, 200),
        (f"{one}/proposals", "GET", f"{here}/proposals", None, 200),
        (f"{one}/hold", "PUT", f"{here}/hold", slot, 200),
        (f"{one}/hold", "PUT", f"{there}/hold", slot, 409),
        (f"{one}/hold", "PUT", f"/{grave['reference']}/hold", slot, 422),
        (f"{one}/booking", "POST", f"{here}/booking", wants(first), 201),
        (one, "GET", here, None, 200),
        (f"{one}/booking", "POST", f"{there}/booking", wants(first), 409),
        (f"{one}/booking", "POST", f"{here}/booking", wants(second), 409),
        (f"{one}/booking", "DELETE", f"{here}/booking", None, 204),
    ]

    for path, method, where, body, status in told:
        answer = partner.send(method, where, body)
        assert answer.status_code == status, (method, where, answer.json)
        assert_as_described(described, answer, path, method.lower())


def test_a_described_body_is_accepted_and_an_undescribed_one_is_refused(partner, described):
    schema = checker(described, {"$ref": "#/components/schemas/CareRequest"})
    good = partner.questionnaire()
    bodies = [
        good,
        good | {"channel": "FAX"},
        good | {"x": 1},
        good | {"patient": {"age_years": "1"}},
    ]

    for body in bodies:
        answer = partner.send("POST", "", body)
        assert (answer.status_code == 201) == schema.is_valid(body)


def test_the_description_is_small_enough_to_read(app):
    with app.test_request_context():
        assert len(json.dumps(openapi.document("https://rdv.example"))) < 32_000
