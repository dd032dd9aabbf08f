"""The English catalogue: whole, in step with the screens, and what English pages really show."""

import ast
import html
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from booking import protocols
from booking.models import Account, Role
from tests import builders
from tests.clockwork import NOON
from tests.integration.patient_walk import CALM, Walk, a_town
from tests.staffing import an_account, signed_in

ROOT = Path(__file__).parents[2]
PO = ROOT / "booking/translations/en/LC_MESSAGES/messages.po"
MO = PO.with_suffix(".mo")

OUR_KEYWORDS = re.findall(r"-k (\w+)", (ROOT / "Makefile").read_text())
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
TO_DIAL = re.compile(r"\b(?:15|112|114|3114|116 117)\b")

FRENCH_MOMENT = re.compile(
    r"\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|janvier|février|mars|avril|mai|juin"
    r"|juillet|août|septembre|octobre|novembre|décembre)\b|\b\d+ h\b(?! \d\d min)"
)
"""A French date or « 14 h 20 ». A length, « 3 h 12 min », is written alike in both languages."""

STAYS_FRENCH = ("Libre réponse 71120",)
"""An address that a letter needs as it is."""

STEPS = (*CALM, "rendez-vous", "verifier")


def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="en")


def messages() -> list[Message]:
    return [message for message in catalogue() if message.id]


def forms(said: str | tuple[str, ...]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def said_on_screens() -> set[str]:
    """Return every text that code and templates hand to gettext, found as `make` finds it."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = DEFAULT_KEYWORDS | dict.fromkeys(OUR_KEYWORDS)
    found = extract_from_dir(ROOT / "booking", methods, options, keywords)
    return {text for _, _, said, _, _ in found for text in forms(said)}


def test_every_text_of_the_screens_is_in_the_catalogue():
    known = {text for message in messages() for text in forms(message.id)}

    assert said_on_screens() - known == set()


def test_the_catalogue_holds_nothing_that_no_screen_says():
    said = said_on_screens()

    assert [m.id for m in messages() if not set(forms(m.id)) <= said] == []
    assert list(catalogue().obsolete) == []


def test_nothing_in_the_catalogue_is_empty_or_doubtful():
    assert not catalogue().fuzzy
    assert [m.id for m in messages() if m.fuzzy or not all(forms(m.string))] == []


def test_both_languages_have_the_same_placeholders():
    different = [
        message.id
        for message in messages()
        for text in forms(message.string)
        if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(forms(message.id)[0]))
    ]

    assert different == []


def test_numbers_to_dial_are_the_same_in_both_languages():
    different = [
        message.id
        for message in messages()
        for text in forms(message.string)
        if TO_DIAL.findall(text) != TO_DIAL.findall(forms(message.id)[0].replace("\u00a0", " "))
    ]

    assert different == []


def test_english_texts_have_no_french_typography():
    french = re.compile(r"[«»\u00a0]| [:;?!]")

    assert [t for m in messages() for t in forms(m.string) if french.search(t)] == []


def test_every_name_given_to_gettext_is_one_that_is_looked_for():
    named = {
        alias.asname or alias.name
        for path in (ROOT / "booking").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "flask_babel"
        for alias in node.names
        if alias.name.endswith("gettext")
    }

    assert named <= {*DEFAULT_KEYWORDS, *OUR_KEYWORDS}


@pytest.fixture(scope="module")
def compiled() -> None:
    """The catalogue as the app reads it, made here when `make` has not just done so."""
    if not MO.exists() or MO.stat().st_mtime < PO.stat().st_mtime:
        with MO.open("wb") as file:
            write_mo(file, catalogue())


@pytest.fixture
def walk(compiled: None, client: FlaskClient, session: Session) -> Walk:
    """A patient who reads English."""
    client.set_cookie("lang", "en")
    return Walk(client, a_town(session))


@pytest.fixture(scope="module")
def french() -> list[tuple[str, re.Pattern[str]]]:
    """Every French text with what finds it on a page; those that are English too are left out."""
    return [
        (text, pattern)
        for message in messages()
        for text in forms(message.id)
        if not (pattern := as_shown(text)).search(PLACEHOLDER.sub("7", forms(message.string)[0]))
    ]


def as_shown(text: str) -> re.Pattern[str]:
    """Return what finds a text on a page, whatever stands in the places of its placeholders."""
    pieces = [re.escape(piece) for piece in PLACEHOLDER.split(plain(text))]
    kinds = [r"\d+" if hit.endswith("d") else r"\S.*?" for hit in PLACEHOLDER.findall(text)]
    between = chain.from_iterable(zip(pieces, [*kinds, ""], strict=True))
    return re.compile(rf"(?<!\w){''.join(between)}(?!\w)")


def plain(text: str) -> str:
    return " ".join(text.split())


def texts(page: str) -> Iterator[str]:
    """Return each piece of text of a page as somebody sees or hears it, labels included."""
    page = re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    spoken = re.findall(r'\b(?:aria-label|alt|placeholder|title)="([^"]*)"', page)
    shown = re.split(r"<[^>]*>", page)
    return (said for piece in (*spoken, *shown) if (said := plain(html.unescape(piece))))


def leftovers(page: str, french: list[tuple[str, re.Pattern[str]]]) -> list[str]:
    assert '<html lang="en">' in page
    return [
        f"{text!r} in {said!r}"
        for said in texts(re.sub("|".join(STAYS_FRENCH), "", page))
        for text, pattern in (*french, ("a moment", FRENCH_MOMENT))
        if pattern.search(said)
    ]


def test_french_is_found_where_it_is(walk: Walk, french):
    page = walk.client.get("/?lang=fr").text

    found = " ".join(leftovers(page.replace('lang="fr"', 'lang="en"'), french))

    assert "'Commencer'" in found
    assert "'Urgence'" in found
    assert "a moment" in found


@pytest.mark.parametrize("step", STEPS)
def test_no_question_in_english_shows_french(walk: Walk, french, step: str):
    walk.answers["sexe"] = {"sexe": "female"}
    walk.answers["grossesse"] = {"enceinte": "no"}
    shown = walk.to(step).get(step)

    assert shown.status_code == 200
    assert leftovers(shown.text, french) == []


@pytest.mark.parametrize("step", [step for step in STEPS if step != "verifier"])
def test_no_error_in_english_shows_french(walk: Walk, french, step: str):
    refused = walk.to(step).post(step, nothing="1")

    assert refused.status_code in (409, 422)
    assert leftovers(refused.text, french) == []


def test_the_emergency_page_in_english_says_what_to_do(walk: Walk, french):
    walk.start()

    page = walk.post("signes", signes="u_poitrine").text

    assert "Call 15 now" in page
    assert "Send a text to 114" in page
    assert "3114" in page
    assert leftovers(page, french) == []


def test_pages_beside_the_way_show_no_french(walk: Walk, french):
    walk.to("medecin-traitant")
    walk.post("medecin-traitant", medecin="not_called")
    paths = ["/", "/accessibilite", "/vos-donnees", "/efface", "/urgence", "/nowhere"]
    paths += [walk.url(s) for s in ("commune?ailleurs=1", "medecin-traitant")]

    found = {path: leftovers(walk.client.get(path).text, french) for path in paths}

    assert [path for path in paths if found[path]] == [], found


def test_the_end_of_a_request_in_english_shows_no_french(walk: Walk, french):
    ended = walk.to("rendez-vous").client.post(walk.url("fin"))

    page = walk.client.get(ended.location).text

    assert "This request is over" in page
    assert leftovers(page, french) == []


def test_a_promised_call_in_english_shows_no_french(walk: Walk, french):
    walk.to("rendez-vous").post("rappel", telephone="06 39 98 00 01", heures="")

    page = walk.get("rappel").text

    assert "We will call you back" in page
    assert leftovers(page, french) == []


def test_what_can_wait_is_said_in_english(walk: Walk, french):
    asked = protocols.in_force(NOON.date())["fr"].by_complaint["administratif"].questions
    walk.answers["motif"] = {"motif": "administratif"}
    walk.answers["questions"] = dict.fromkeys([question.id for question in asked], "no")
    walk.to("conseil")

    page = walk.get("conseil").text

    assert "No appointment needed today" in page
    assert leftovers(page, french) == []


def test_an_appointment_in_english_shows_no_french(walk: Walk, french):
    link = walk.book()
    new, cancel, move = (walk.client.get(f"{link}{s}").text for s in ("", "/annuler", "/changer"))
    walk.client.post(f"{link}/annuler")
    cancelled = walk.client.get(link).text

    assert "Today, Saturday 27\u00a0March, at 14:00" in new
    assert [leftovers(page, french) for page in (new, cancel, move, cancelled)] == [[]] * 4


def test_staff_pages_in_english_show_no_french(
    compiled: None, app: Flask, session: Session, french
):
    town = a_town(session)
    # What triage says is kept in the language in which it was said.
    protocol = protocols.in_force(NOON.date())["en"]
    booked = builders.a_booking(session, town.community, protocol, town.slots[0])
    waiting = builders.a_triaged_request(session, town.community, protocol, phone=None)
    people = {
        role: an_account(session, town.community, role)
        for role in (Role.OPERATOR, Role.COORDINATOR, Role.ADMINISTRATOR)
    }
    doctor = an_account(session, town.community, Role.PROFESSIONAL, professional=town.doctor)
    session.commit()

    def seen(account: Account, *paths: str) -> dict[str, list[str]]:
        client = signed_in(app, account)
        client.set_cookie("lang", "en")
        return {path: leftovers(client.get(path).text, french) for path in paths}

    its = f"/console/demandes/{waiting.reference}"
    month = "/coordination/relecture?mois=2027-03"
    case = f"/coordination/relecture/{waiting.reference}?mois=2027-03"
    found = (
        seen(people[Role.OPERATOR], "/console", its, f"{its}/evenement")
        | seen(people[Role.COORDINATOR], "/coordination", month, case)
        | seen(people[Role.ADMINISTRATOR], "/administration")
        | seen(
            doctor, "/journee", f"/journee/rendez-vous/{booked.reference}", "/creneaux", "/agendas"
        )
    )

    assert [path for path, french_texts in found.items() if french_texts] == [], found
