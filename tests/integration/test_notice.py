"""What patients read is what the papers say, and the papers say what the code does."""

import html
import re
from hashlib import sha256
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import ask
from booking.extensions import equipment
from booking.models import CareRequest, Channel
from booking.retention import NOTICE, TABLE, Then
from tests import builders
from tests.clockwork import NOON

ROOT = Path(__file__).parents[2]
PAPERS = ROOT / "docs/privacy"
COMMUNITIES = "[Nom de la CPTS, téléphone, courriel]"

VERSIONS = {1: "6213d01b", 2: "f101c997"}
"""What each version of the notice said, by the beginning of its hash: a text that changes needs
another number, because requests keep the number of what their patient could read."""


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def of_the_paper() -> list[str]:
    text = re.sub(r"<!--.*?-->", "", (PAPERS / "notice.md").read_text(), flags=re.DOTALL)
    return [plain(line.lstrip("#- ")) for line in text.splitlines() if line.strip()]


def of_the_page(page: str) -> list[str]:
    main = re.search(r"<main.*?</main>", page, re.DOTALL)
    assert main
    parts = re.findall(r"<(?:h1|h2|p|li)\b[^>]*>(.*?)</(?:h1|h2|p|li)>", main[0], re.DOTALL)
    return [plain(html.unescape(re.sub(r"<[^>]+>", "", part))) for part in parts]


def test_the_page_says_what_the_notice_says(app: Flask, session: Session):
    community = builders.a_community(session)
    session.commit()
    whose = plain(f"{community.name}, {community.phone}, {community.email}")

    said = of_the_page(app.test_client().get("/vos-donnees").text)

    assert [COMMUNITIES if line == whose else line for line in said] == of_the_paper()


def test_of_several_communities_each_is_named(app: Flask, session: Session):
    for name in ("CPTS des Tilleuls", "CPTS du Lac"):
        builders.a_community(session, name=name)
    session.commit()

    page = app.test_client().get("/vos-donnees").text

    assert "CPTS des Tilleuls" in page
    assert "CPTS du Lac" in page


def test_a_shorter_term_is_told(app: Flask, monkeypatch: pytest.MonkeyPatch):
    kit = equipment_of(app)
    settings = kit.settings.model_copy(update={"retention_days": "IDENTITY=60"})
    monkeypatch.setitem(app.extensions, "jourmeme", type(kit)(**vars(kit) | {"settings": settings}))

    assert "60 jours" in app.test_client().get("/vos-donnees").text.replace("\u00a0", " ")


def equipment_of(app: Flask):
    with app.app_context():
        return equipment()


def test_a_changed_notice_has_another_version():
    digest = sha256("\n".join(of_the_paper()).encode()).hexdigest()

    assert digest.startswith(VERSIONS[NOTICE]), f"NOTICE + 1, and {digest[:8]} here"


def test_the_version_that_a_patient_could_read_is_kept_with_their_request(
    app: Flask, session: Session
):
    community, links = builders.a_community(session), equipment_of(app).links
    for channel in (Channel.WEB, Channel.PHONE):
        ask.start(session, community, channel=channel, language="fr", links=links, now=NOON)

    kept = session.scalars(select(CareRequest.notice_version).order_by(CareRequest.id))
    assert list(kept) == [NOTICE, None]


def test_the_register_has_the_terms_of_the_code():
    then = {"vidé": Then.EMPTIED, "effacé": Then.DELETED, "fermé": Then.CLOSED}
    rows = re.findall(
        r"^\| ([A-Z_]+) \|[^|]*\| (\d+) \|[^|]*\| (\w+)",
        (PAPERS / "register-entry.md").read_text(),
        re.MULTILINE,
    )

    assert {name: (int(days), then[word]) for name, days, word in rows} == {
        kind.name: (term.kept.days, term.then) for kind, term in TABLE.items()
    }


def test_every_test_that_a_paper_names_is_there():
    tests = "\n".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.py"))
    named = {
        name for p in PAPERS.glob("*.md") for name in re.findall(r"`(test_\w+)`", p.read_text())
    }

    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()
