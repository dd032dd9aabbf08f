"""Links that patients hold: nobody finds one by trying, looking changes nothing, and they die."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from booking.models import Booking, CareRequest, VisitorAct
from tests.clockwork import Hands
from tests.integration.patient_walk import Town, Walk, a_town
from tests.integration.test_who_may import rows
from tests.staffing import words

UNKNOWN = "A" * 22


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session)


def from_(app: Flask, address: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


@pytest.mark.parametrize(
    "path", ["/r/{}", "/r/{}.ics", "/demande/{}", "/demande/{}/nom", "/offre/{}", "/agenda/{}.ics"]
)
def test_after_ten_wrong_links_an_hour_the_next_is_refused(
    app: Flask, town: Town, hands: Hands, path: str
):
    client = from_(app, "198.51.100.7")
    statuses = [client.get(path.format(f"{UNKNOWN}{n}")).status_code for n in range(12)]

    refused = client.get(path.format("another"))

    assert statuses == [404] * 10 + [429] * 2
    assert "Trop de demandes à la fois" in words(refused)
    assert refused.headers["Retry-After"] == "3600"
    assert from_(app, "198.51.100.8").get(path.format(UNKNOWN)).status_code == 404
    hands.wait(timedelta(minutes=61))
    assert client.get(path.format(UNKNOWN)).status_code == 404


def test_refusals_write_nothing_more(app: Flask, town: Town, session: Session):
    client = from_(app, "198.51.100.7")
    for n in range(30):
        client.get(f"/r/{n}")

    assert session.scalar(select(func.count()).select_from(VisitorAct)) == 10


def test_a_link_that_opens_something_opens_it_whatever_others_tried(app: Flask, town: Town):
    client = from_(app, "198.51.100.7")
    mine = Walk(client, town).book()
    for n in range(12):
        client.get(f"/r/{n}")

    assert client.get(mine).status_code == 200


def _shape(answer: TestResponse) -> tuple[object, ...]:
    """Return an answer without what is new each time, or repeats the address that was asked."""
    body = re.sub(r'value="[^"]*"|nonce="[^"]*"', "", answer.text)
    policy = re.sub(r"nonce-[\w-]+", "", answer.headers.pop("Content-Security-Policy"))
    for moving in ("Set-Cookie", "Content-Length"):
        answer.headers.pop(moving, None)
    return answer.status_code, body, policy, sorted(answer.headers.items())


def test_every_link_that_opens_nothing_is_answered_alike(app: Flask, town: Town, session: Session):
    token = Walk(app.test_client(), town).book().rsplit("/", 1)[1]
    tried = ["a", UNKNOWN, token[:-1], token + "A", token[::-1], token.swapcase(), "é" * 22]
    tried += ["%00", "a" * 2000, "' OR 1=1 --", *(f"{n:022d}" for n in range(90))]

    for page in ("/r/{}", "/offre/{}"):
        shapes = {
            str(_shape(from_(app, f"198.51.100.{n}").get(page.format(one))))
            for n, one in enumerate(tried)
        }
        assert len(shapes) == 1
        assert next(iter(shapes)).startswith("(404")


def test_looking_a_thousand_times_changes_nothing(app: Flask, town: Town, engine, client):
    walk = Walk(client, town)
    mine = walk.book()
    pages = [mine, f"{mine}.ics", f"{mine}/annuler", f"{mine}/changer", f"/demande/{walk.token}"]
    before = rows(engine)

    for _ in range(100):
        for page in pages:
            assert client.get(page, headers={"Purpose": "prefetch"}).status_code < 400
            assert client.head(page).status_code < 400

    assert rows(engine) == before


def test_a_link_dies_two_hours_after_the_appointment_and_says_what_to_do(
    client: FlaskClient, town: Town, hands: Hands
):
    walk = Walk(client, town)
    mine = walk.book()
    pages = (mine, f"{mine}.ics", f"{mine}/annuler", f"{mine}/changer")
    hands.now = town.slots[0].ends_at + timedelta(hours=2)
    assert client.get(mine).status_code == 200

    hands.wait(timedelta(seconds=1))

    dead = [client.get(page) for page in pages]
    assert [answer.status_code for answer in dead] == [410] * 4
    assert "Allez à la première page" in words(dead[0])
    assert 'href="/"' in dead[0].text
    assert client.post(f"{mine}/annuler").status_code == 410
    assert client.get(f"/demande/{walk.token}", follow_redirects=True).status_code == 410


def test_links_are_kept_as_hashes_alone(client: FlaskClient, town: Town, session: Session):
    walk = Walk(client, town)
    token = walk.book().rsplit("/", 1)[1]

    kept = [
        session.scalars(select(CareRequest.link_hash)).one(),
        session.scalars(select(Booking.link_hash)).one(),
    ]

    assert [len(each or b"") for each in kept] == [32, 32]
    assert not [each for each in kept if token.encode() in each or walk.token.encode() in each]
    assert len(token) == 22
