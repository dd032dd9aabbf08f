"""What holds for every page: headers, languages, errors, weight, and no script at all."""

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from schedules import directory
from tests import builders
from tests.integration.patient_walk import Town, Walk, a_town

HEAVIEST_PAGE = 15_000
HEAVIEST_LIST = 30_000
"""Of the page with every reason: 4 kB on the wire, in groups that are closed."""
HEAVIEST_CSS = 8_000


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session, name="CPTS des Tilleuls", slug="tilleuls")


@pytest.fixture
def pages(client: FlaskClient, town: Town) -> dict[str, str]:
    """Every page of one journey, by name."""
    walk = Walk(client, town)
    seen = {"accueil": client.get("/").text}
    for step in [
        "signes",
        "naissance",
        "sexe",
        "commune",
        "motif",
        "questions",
        "medecin-traitant",
        "rendez-vous",
        "nom",
        "telephone",
        "verifier",
    ]:
        walk.to(step)
        seen[step] = walk.get(step).text
        seen[f"{step} (erreur)"] = walk.post(step, x="1").text if step != "verifier" else ""
    seen["confirmé"] = client.get(walk.book()).text
    for path in ("/urgence", "/accessibilite", "/vos-donnees", "/efface", "/nulle-part"):
        seen[path] = client.get(path).text
    return seen


def test_no_page_has_a_script_or_a_style_of_its_own(pages: dict[str, str]):
    for name, page in pages.items():
        assert "<script" not in page, name
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", page), name


def test_every_page_is_light_enough_for_an_old_phone(pages: dict[str, str]):
    for name, page in pages.items():
        style = re.search(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)
        has_all_reasons = name.startswith("motif")
        assert len(page.encode()) <= (HEAVIEST_LIST if has_all_reasons else HEAVIEST_PAGE), name
        assert len(gzip.compress(page.encode())) <= HEAVIEST_PAGE / 2, name
        assert not style or len(style[1].encode()) <= HEAVIEST_CSS, name
        assert page.count("<") / 2 < (400 if has_all_reasons else 150), name


def test_every_page_names_the_15_and_the_114(pages: dict[str, str]):
    for name, page in pages.items():
        if page:
            assert 'href="tel:15"' in page, name
            assert "114" in page, name


def test_css_stays_within_what_old_phones_know(pages: dict[str, str]):
    style = re.search(r"<style[^>]*>(.*?)</style>", pages["accueil"], re.DOTALL)

    assert style
    assert not re.search(r"@layer|:has\(|@container|color-mix", style[1])


def test_each_page_has_one_title_and_one_main_heading(pages: dict[str, str]):
    for name, page in pages.items():
        if page:
            assert page.count("<h1") == 1, name
            assert "JourMême" in re.search(r"<title>(.*?)</title>", page)[1], name


def test_the_policy_of_patient_pages_allows_no_script_and_a_new_nonce_each_time(
    client: FlaskClient, town: Town
):
    policies = [client.get("/").headers["Content-Security-Policy"] for _ in range(2)]

    assert policies[0] != policies[1]
    assert "script-src" not in policies[0]
    assert policies[0].startswith("default-src 'none'; style-src 'nonce-")
    assert "unsafe" not in policies[0]


@pytest.mark.parametrize("path", ["/", "/urgence", "/nulle-part", "/accessibilite", "/r/faux"])
def test_every_answer_is_guarded(client: FlaskClient, town: Town, path: str):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_the_nonce_stands_on_the_stylesheet(client: FlaskClient, town: Town):
    answer = client.get("/")

    nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[1]
    assert f'<style nonce="{nonce}">' in answer.text


def test_static_files_are_kept_and_their_version_is_in_the_address(client: FlaskClient):
    with client.get("/static/icon.svg?v=1") as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_with_several_territories_the_first_page_asks_which(client: FlaskClient, session: Session):
    builders.a_community(session, name="CPTS du Nord", slug="nord")
    builders.a_community(session, name="CPTS du Sud", slug="sud")
    session.commit()

    page, chosen = client.get("/"), client.get("/?cpts=sud")

    assert "CPTS du Nord" in page.text
    assert "CPTS du Sud" in chosen.text
    assert 'value="sud"' in chosen.text


def test_english_keeps_the_page_and_the_answers(client: FlaskClient, town: Town):
    walk = Walk(client, town).to("motif")

    led = client.post("/langue", data={"lang": "en", "next": walk.url("motif")})
    page = client.get(led.location)

    assert led.location == walk.url("motif")
    assert '<html lang="en">' in page.text
    assert walk.where() == "motif"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://mal.example/", "//mal.example", "/\\mal.example", "mal", "", "/\r\nX: y", "/é"],
)
def test_the_choice_of_a_language_leads_to_no_other_site(
    client: FlaskClient, town: Town, elsewhere: str
):
    led = client.post("/langue", data={"lang": "en", "next": elsewhere})

    assert led.location == "/"


def test_an_unknown_language_is_not_kept(client: FlaskClient, town: Town):
    led = client.post("/langue", data={"lang": "xx", "next": "/"})

    assert "lang=" not in led.headers.get("Set-Cookie", "")


@pytest.mark.parametrize(("method", "path", "status"), [("get", "/x", 404), ("put", "/", 405)])
def test_errors_are_in_french_with_the_15_and_the_phone(
    client: FlaskClient, town: Town, method: str, path: str, status: int
):
    client.get("/")

    page = getattr(client, method)(path)

    assert page.status_code == status
    assert "appelez le 15" in page.text
    assert "01 99 00 00 15" in page.text


def test_without_a_database_the_page_says_whom_to_call(
    client: FlaskClient, town: Town, monkeypatch: pytest.MonkeyPatch
):
    client.get("/")

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(directory, "communities", away)
    page = client.get("/")

    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "Le service ne marche pas en ce moment" in page.text
    assert "01 99 00 00 15" in page.text


def test_a_page_that_grew_too_old_offers_to_send_the_same_again(
    app: Flask, client: FlaskClient, town: Town
):
    walk = Walk(client, town).to("nom")
    app.config["WTF_CSRF_ENABLED"] = True

    page = walk.post("nom", nom="Bernard", prenom="Camille")

    assert page.status_code == 400
    assert "Rien n’est perdu" in page.text
    assert 'name="nom" value="Bernard"' in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    again = walk.post("nom", nom="Bernard", prenom="Camille", csrf_token=token)
    assert again.status_code == 303


@pytest.mark.parametrize("path", ["/demande", "/langue", "/r/x/annuler", "/demande/x/signes"])
def test_nothing_is_changed_without_the_token_of_the_form(
    app: Flask, client: FlaskClient, town: Town, path: str
):
    app.config["WTF_CSRF_ENABLED"] = True

    assert client.post(path).status_code == 400


@pytest.mark.parametrize(
    "said",
    [
        "opératrices",
        "coordination",
        "Une demande non finie\u00a0: 24\u00a0heures.",
        "7\u00a0jours",
        "90\u00a0jours",
    ],
)
def test_the_privacy_page_says_who_reads_and_for_how_long(pages: dict[str, str], said: str):
    assert said in pages["/vos-donnees"]


def test_the_reason_page_says_who_reads_it(pages: dict[str, str]):
    assert "Le soignant, son secrétariat et la CPTS lisent cette réponse." in pages["motif"]
