"""People who work with JourMême, for tests: their accounts, and pages as they see them."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from booking import accounts
from booking.models import Account, Role
from schedules.models import Community, Professional, Site
from tests.clockwork import NOON

PASSWORD = "quatre mots sans lien 42"


def an_account(
    session: Session,
    community: Community,
    role: Role,
    *,
    professional: Professional | None = None,
    sites: tuple[Site, ...] = (),
    **but: Any,
) -> Account:
    said = {
        "email": f"{role.lower()}-{community.id}@tilleuls.example",
        "name": f"Dominique {role.title()}",
        "password": PASSWORD,
        "now": NOON,
    }
    return accounts.create(
        session,
        community.id,
        role=role,
        professional_id=professional and professional.id,
        site_ids=[site.id for site in sites],
        **said | but,
    )


def signed_in(app: Flask, account: Account) -> FlaskClient:
    client = app.test_client()
    answer = client.post("/connexion", data={"email": account.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def words(answer: Any) -> str:
    """Return a page's words as somebody reads them: no tags, no hard spaces."""
    text = re.sub(r"<[^>]+>", " ", answer.text)
    return " ".join(text.replace("\u00a0", " ").replace("&#39;", "'").split())
