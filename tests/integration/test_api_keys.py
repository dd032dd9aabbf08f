"""Who may call the JSON API, and how it refuses: keys, scopes, the form of every refusal."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from booking import clients
from booking.models import ApiClient
from booking.triage import facts
from config.database import transaction
from schedules.models import Community
from tests.builders import a_community, a_triaged_request, nothing_wrong
from tests.clockwork import NOON

REQUESTS = "/api/v1/care-requests"
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Partner:
    """Other software with a key of one community."""

    client: FlaskClient
    key: str
    community: Community
    protocol: Any
    also: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **also: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **self.also, **also}
        return self.client.open(REQUESTS + path, method=method, json=body, headers=headers)

    def questionnaire(self, **but: Any) -> dict[str, Any]:
        """Return the form of a sprained ankle, and nothing worse."""
        who = facts.Patient.aged(years=34, sex=facts.Sex.MALE, pregnant=facts.Pregnant.NO)
        said = {
            "community": self.community.slug,
            "channel": "PHONE",
            "patient": {"age_years": 34, "sex": "male", "pregnant": "no"},
            "complaints": ["trauma_membre"],
            "answers": nothing_wrong(self.protocol, ["trauma_membre"], who)
            | {"tm_quand": "recent"},
        }
        return said | but

    def asks(self, **but: Any) -> dict[str, Any]:
        """Open a request, and return what was answered."""
        answer = self.send("POST", "", self.questionnaire(**but))
        assert answer.status_code == 201, answer.json
        return answer.json


def a_partner(session, client, protocol, community=None) -> Partner:
    with transaction(session):
        community = community or a_community(session)
        key = clients.issue_key(session, community.id, "Standard Exemple", now=NOON)
    return Partner(client, key, community, protocol)


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


def assert_problem(answer: TestResponse, status: int, kind: str) -> dict[str, Any]:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    said = answer.json
    assert said["status"] == status
    assert said["type"].endswith(f"/api/openapi.json#/x-problems/{kind}")
    assert said["title"]
    assert said["detail"]
    return said


def test_a_call_without_a_key_is_told_what_is_missing(client):
    answer = client.post(REQUESTS, json={})

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="jourmeme"'


@pytest.mark.parametrize(
    "header",
    ["Basic am06am0=", "Bearer", "Bearer jm_short", "Bearer " + "x" * 46, "Bearer jm_" + "a" * 43],
)
def test_a_key_of_nobody_opens_nothing(client, header):
    answer = client.get(f"{REQUESTS}/{NOBODY}", headers={"Authorization": header})

    assert_problem(answer, 401, "unauthorized")


def test_a_wrong_key_is_told_so_before_its_body_is_judged(client):
    answer = client.post(
        REQUESTS, data="nonsense", headers={"Authorization": "Bearer jm_" + "a" * 43}
    )

    assert_problem(answer, 401, "unauthorized")


def test_a_key_is_kept_as_a_hash_alone(session, partner):
    kept = session.scalars(select(ApiClient)).one()

    assert partner.key.startswith("jm_")
    assert len(partner.key) == 46
    assert partner.key.encode() not in kept.key_hash
    assert len(kept.key_hash) == 32


def test_a_revoked_key_opens_nothing_from_that_moment(session, partner):
    asked = partner.asks()
    client = session.scalars(select(ApiClient)).one()

    with transaction(session):
        clients.revoke(session, partner.community.id, client.reference, now=NOON)

    assert_problem(partner.send("GET", f"/{asked['reference']}"), 401, "unauthorized")


def test_a_key_is_revoked_once_and_only_by_its_own_community(session, partner):
    with transaction(session):
        other = a_community(session)
    client = session.scalars(select(ApiClient)).one()

    with pytest.raises(clients.NoSuchClient), transaction(session):
        clients.revoke(session, other.id, client.reference, now=NOON)

    assert partner.asks()


def each_use(reference: str) -> list[tuple[str, str, Any]]:
    person = {
        "family_name": "Morel",
        "given_name": "Lucie",
        "birth_date": "1992-11-02",
        "phone": "06 39 98 00 01",
    }
    return [
        ("GET", f"/{reference}", None),
        ("GET", f"/{reference}/proposals", None),
        ("PUT", f"/{reference}/hold", {"slot": NOBODY}),
        (
            "POST",
            f"/{reference}/booking",
            {"slot": NOBODY, "person": person, "consent_sms": True},
        ),
        ("DELETE", f"/{reference}/booking", None),
    ]


@pytest.mark.parametrize("use", range(5))
def test_another_communitys_request_is_not_there(session, client, protocol, partner, use):
    theirs = a_partner(session, client, protocol).asks()

    answer = partner.send(*each_use(theirs["reference"])[use])

    assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize("use", range(5))
def test_a_request_that_another_key_opened_is_not_there(session, client, protocol, partner, use):
    theirs = a_partner(session, client, protocol, partner.community).asks()

    answer = partner.send(*each_use(theirs["reference"])[use])

    assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize("use", range(5))
def test_a_request_that_a_patient_opened_is_not_there(session, protocol, partner, use):
    with transaction(session):
        theirs = a_triaged_request(session, partner.community, protocol)

    answer = partner.send(*each_use(str(theirs.reference))[use])

    assert_problem(answer, 404, "not-found")


def test_a_key_asks_for_its_own_community_only(session, partner):
    with transaction(session):
        other = a_community(session)

    answer = partner.send("POST", "", partner.questionnaire(community=other.slug))

    said = assert_problem(answer, 422, "invalid")
    assert [e["field"] for e in said["errors"]] == ["community"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/", 404, "not-found"),
        ("GET", "/api/v1/care-requests/42", 404, "not-found"),
        ("GET", "/api/v1/care-requests", 405, "method-not-allowed"),
        ("PATCH", f"/api/v1/care-requests/{NOBODY}/booking", 405, "method-not-allowed"),
        ("POST", "/api/openapi.json", 405, "method-not-allowed"),
    ],
)
def test_an_address_that_leads_nowhere_is_answered_in_the_same_form(
    client, method, path, status, kind
):
    answer = client.open(path, method=method)

    assert_problem(answer, status, kind)
    assert ("Allow" in answer.headers) == (status == 405)


def test_our_own_failure_is_answered_in_the_same_form(app, hands, partner):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    hands.now = None

    answer = partner.send("POST", "", partner.questionnaire())

    assert_problem(answer, 500, "failure")


def test_a_row_that_somebody_holds_for_long_may_be_tried_again(session, partner):
    asked = partner.asks()
    session.execute(select(ApiClient).with_for_update())
    locked = session.connection()
    locked.exec_driver_sql("SELECT * FROM care_request FOR UPDATE")

    answer = partner.send("DELETE", f"/{asked['reference']}/booking")

    session.rollback()
    assert_problem(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "2"


def test_refusals_are_french_unless_english_is_preferred(client):
    french = client.get("/api/v1/nothing")
    english = client.get("/api/v1/nothing", headers={"Accept-Language": "en-GB,en;q=0.9"})

    assert french.headers["Content-Language"] == "fr"
    assert french.json["title"] == "Rien ne porte ce nom ici."
    assert english.headers["Content-Language"] == "en"


def test_no_cookie_is_needed_and_none_is_given(partner):
    answer = partner.send("POST", "", partner.questionnaire())

    assert "Set-Cookie" not in answer.headers
