"""Somebody sets up a second factor and a passkey, and locks their desk in the middle of a call."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import expect

from tests.live.browser import DESKTOP, PHONE, Visitor, chromium
from tests.product import Product

pytestmark = pytest.mark.browser

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Named(Product):
    """The product at a name: browsers make no passkey for a bare number."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    with Named(tmp_path_factory.mktemp("named")) as product:
        yield product


@pytest.fixture
def visitor(named: Named) -> Iterator[Visitor]:
    with chromium() as browser:
        visitor = Visitor(browser, named.url, size=PHONE, scripts=True)
        yield visitor
        visitor.close()


def set_up_application(visitor: Visitor, password: str) -> pyotp.TOTP:
    visitor.open("/mon-compte")
    visitor.press("Activer la deuxième étape")
    picture = visitor.page.locator("main img")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    totp = pyotp.TOTP(visitor.page.locator("code.secret").inner_text().replace(" ", ""))
    visitor.write("code", totp.now())
    visitor.write("password", password)
    visitor.press("Activer")
    assert visitor.page.locator("ol.secret code").count() == 10
    visitor.press("C’est noté")
    return totp


def add_passkey(visitor: Visitor) -> None:
    device = visitor.context.new_cdp_session(visitor.page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    visitor.write("name", "téléphone")
    visitor.page.get_by_role("button", name="Ajouter une clé d’accès").click()
    expect(visitor.page.locator("main strong", has_text="téléphone")).to_be_visible()
    visitor.check()


def test_a_passkey_opens_the_second_step_and_a_locked_desk_shows_nothing(
    named: Named, visitor: Visitor
) -> None:
    operator = named.account("operator")
    visitor.sign_in(operator)
    set_up_application(visitor, operator["password"])
    add_passkey(visitor)
    visitor.open("/mes-connexions")
    visitor.press("Se déconnecter")

    visitor.sign_in(operator)
    assert visitor.page.url == f"{named.url}/connexion/code"
    visitor.page.get_by_role("button", name="Utiliser une clé d’accès").click()
    visitor.page.wait_for_url("**/console")

    visitor.page.set_viewport_size(DESKTOP)
    visitor.open("/console/appel")
    visitor.page.locator("#telephone").fill("06 39 98 00 42")
    visitor.page.locator("#precision").press_sequentially("chute dans l’esca")
    visitor.page.get_by_role("button", name="Verrouiller").click()
    expect(visitor.page.locator("h1")).to_have_text("Session verrouillée")
    visitor.check()
    visitor.page.go_back()
    assert "06 39 98 00 42" not in visitor.page.content()


def test_what_was_half_typed_is_there_after_the_password(named: Named, visitor: Visitor) -> None:
    secretary = named.account("coordinator")
    visitor.sign_in(secretary)
    visitor.page.set_viewport_size(DESKTOP)
    visitor.open("/console/appel")
    visitor.page.locator("#telephone").fill("06 39 98 00 43")
    visitor.page.locator("#precision").press_sequentially("chute dans l’esca")

    visitor.page.get_by_role("button", name="Verrouiller").click()
    visitor.page.locator("[name=password]").fill(secretary["password"])
    visitor.press("Déverrouiller")
    visitor.press("Reprendre là où j’en étais")

    expect(visitor.page.locator("#precision")).to_have_value("chute dans l’esca")
    expect(visitor.page.locator("#telephone")).to_have_value(re.compile("06.39.98.00.43"))


def test_every_page_of_the_sign_in_is_held_to_the_rules(named: Named, visitor: Visitor) -> None:
    for path in ("/connexion", "/mot-de-passe-oublie", "/mot-de-passe-oublie/nothing"):
        visitor.open(path)
    visitor.open("/mot-de-passe-oublie")
    visitor.write("email", "personne@x.example")
    visitor.press("Recevoir le lien")
    assert visitor.page.locator("h1").inner_text() == "Regardez vos messages"
