"""What people and programs type that cannot be used: told in French, nothing lost, never a 500."""

from itertools import product
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.models import CareRequest
from tests.integration.patient_walk import CALM, Walk, a_town

NASTY = [
    "\x00",
    "a\x00b",
    "\ud800".encode("utf-8", "surrogatepass"),
    "👩‍⚕️" * 20,
    "\u202e\u2066txet",
    "é" * 8_000,
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "٣",
    "½",
    " ",
    "\r\nBcc: x@x.example",
]
"""NUL, lone surrogates, emoji, marks that turn text round, 48 kB on the wire, quotes, tags."""


@pytest.fixture
def walk(client: FlaskClient, session: Session) -> Walk:
    return Walk(client, a_town(session))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"jour": "", "mois": "", "annee": ""}, "Indiquez la date de naissance"),
        ({"jour": "3", "mois": "", "annee": "1990"}, "doit comporter un mois"),
        ({"jour": "31", "mois": "2", "annee": "1990"}, "doit exister dans le calendrier"),
        ({"jour": "3", "mois": "2", "annee": "90"}, "comporter 4 chiffres"),
        ({"jour": "3", "mois": "2", "annee": "2090"}, "doit être dans le passé"),
        ({"jour": "3", "mois": "2", "annee": "1790"}, "Vérifiez l’année"),
        ({"jour": "3", "mois": "jui", "annee": "1990"}, "Vérifiez le mois"),
    ],
)
def test_an_impossible_birth_date_is_explained_and_kept(
    walk: Walk, typed: dict[str, str], sentence: str
):
    walk.to("naissance")

    page = walk.post("naissance", **typed, x="1")

    assert page.status_code == 422
    assert page.text.count(sentence) == 2
    for said in filter(None, typed.values()):
        assert f'value="{said}"' in page.text


@pytest.mark.parametrize("number", ["", "06 39 98", "0899 12 34 56", "+1 202 555 0100", "abc"])
def test_a_number_that_cannot_be_called_is_explained_and_kept(
    walk: Walk, session: Session, number: str
):
    walk.to("telephone")

    page = walk.post("telephone", **CALM["telephone"] | {"telephone": number})

    assert page.status_code == 422
    assert 'href="#telephone"' in page.text
    assert f'value="{number}"' in page.text
    assert session.scalars(select(CareRequest)).one().phone is None


def test_all_that_is_wrong_is_told_at_once(walk: Walk):
    walk.to("telephone")

    page = walk.post("telephone", courriel="pas une adresse")

    assert all(f'href="#{f}"' in page.text for f in ("telephone", "message", "sms", "courriel"))


@pytest.mark.parametrize("step", [*CALM, "rendez-vous", "verifier", "rappel"])
def test_nothing_that_is_typed_breaks_a_page(walk: Walk, step: str):
    walk.to("verifier" if step == "rappel" else step)
    usual = CALM.get(step, {})

    for name, nasty in product({**usual, "rendez-vous": "", "slot": "", "page": ""}, NASTY):
        answer = walk.post(step, **{**usual, name: nasty})
        assert answer.status_code in (200, 303, 409, 422), (name, nasty)
        walk.client.post(walk.url("urgence/erreur"))


def test_a_body_of_100_kb_is_refused_in_french(walk: Walk, session: Session):
    walk.to("nom")

    page = walk.post("nom", nom="a" * 100_000, prenom="b")

    assert page.status_code == 413
    assert "trop long" in page.text
    assert session.scalars(select(CareRequest)).one().family_name is None


def test_text_that_is_too_long_is_told_beside_its_field(walk: Walk):
    walk.to("motif")

    page = walk.post("motif", motif="trauma_membre", precision="x" * 81)

    assert page.status_code == 422
    assert "80 lettres au plus" in page.text
    assert "x" * 81 in page.text
    assert 'value="trauma_membre" checked' in page.text


def test_a_field_that_says_two_things_says_nothing(walk: Walk, session: Session):
    walk.to("sexe")

    page = walk.post("sexe", sexe=["male", "female"])

    assert page.status_code == 422
    assert session.scalars(select(CareRequest)).one().sex is None


@pytest.mark.parametrize("column", ["level", "status", "community_id", "phone", "link_hash"])
def test_fields_that_no_page_has_change_nothing(walk: Walk, session: Session, column: str):
    walk.to("sexe")
    before = getattr(session.scalars(select(CareRequest)).one(), column)

    walk.post("sexe", sexe="male", **{column: "1"})

    session.expire_all()
    assert getattr(session.scalars(select(CareRequest)).one(), column) == before


def test_what_was_typed_is_shown_as_text(walk: Walk):
    walk.to("nom")

    walk.post("nom", nom="<script>alert(1)</script>a", prenom='"><b>')
    page = walk.to("verifier").get("verifier")

    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;a" in page.text


def test_marks_that_turn_text_round_are_not_kept(walk: Walk, session: Session):
    walk.to("nom")

    walk.post("nom", nom="Ber\u202enard\x00\u2069", prenom="Cam\tille")

    asked = session.scalars(select(CareRequest)).one()
    assert (asked.family_name, asked.given_name) == ("Bernard", "Cam ille")


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.dictionaries(
        st.sampled_from(["signes", "jour", "mois", "annee", "sexe", "commune", "motif", "x"]),
        st.text(max_size=40) | st.lists(st.text(max_size=5), max_size=3),
        max_size=5,
    )
)
def test_any_form_at_all_gets_a_page(walk: Walk, typed: dict[str, Any]):
    if not walk.token:
        walk.to("naissance")
    safe = {k: _encoded(v) for k, v in typed.items()}

    for step in ("signes", "naissance", "sexe", "commune", "motif"):
        answer = walk.client.post(walk.url(step), data=safe)
        assert answer.status_code in (200, 303, 422)
        walk.client.post(walk.url("urgence/erreur"))


def _encoded(said: str | list[str]) -> Any:
    if isinstance(said, list):
        return [_encoded(each) for each in said]
    return said.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("slug", ["", "inconnue", "\x00", "a" * 5000])
def test_a_territory_that_does_not_exist_leads_to_the_first_page(walk: Walk, slug: str):
    led = walk.client.post("/demande", data={"community": slug})

    assert (led.status_code, led.location) == (303, "/")


@pytest.mark.parametrize("query", ["?apres=-5", "?apres=abc", "?apres=99999999999", "?page=%00"])
def test_odd_addresses_show_the_page_all_the_same(walk: Walk, query: str):
    walk.to("rendez-vous")

    assert walk.client.get(walk.url("rendez-vous") + query).status_code == 200
    assert walk.client.get(walk.url("questions") + query).status_code == 200
