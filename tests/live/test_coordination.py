"""The coordinator’s own screens: held to the rules on a phone and on a desktop, without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.live.browser import DESKTOP, PHONE, Visitor, chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IS_ERASED = {PHONE["width"]: "06 39 98 01 11", DESKTOP["width"]: "06 39 98 01 12"}
"""Two of the demonstration's patients: one for each size, for each is erased once."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def coordinator(request, browser, product) -> Iterator[Visitor]:
    visitor = Visitor(browser, product.url, size=request.param, scripts=False)
    visitor.sign_in(product.account("coordinator"))
    yield visitor
    visitor.close()


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/coordination/messages", "/coordination/messages/"),
        ("/coordination/alertes", None),
        ("/coordination/acces", None),
        ("/coordination/personne", None),
        ("/coordination/chiffres", None),
        ("/coordination/membres", "/coordination/membres/"),
        ("/coordination/membres/nouveau", None),
    ],
)
def test_every_screen_of_the_coordinator_is_usable_at_every_size(coordinator, path, leads_to):
    coordinator.open(path)
    assert coordinator.page.url.endswith(path)

    if leads_to:
        addresses = coordinator.page.eval_on_selector_all(
            "main a[href]", "all => all.map(each => each.getAttribute('href'))"
        )
        deeper = [each for each in addresses if each.startswith(leads_to)]
        assert deeper
        coordinator.open(deeper[-1])
        assert coordinator.page.locator("h1").count() == 1


def test_what_a_coordinator_got_wrong_is_said_beside_the_field(coordinator):
    coordinator.open("/coordination/alertes")
    coordinator.write("coordination", "cent")
    coordinator.press("Enregistrer")

    assert coordinator.page.title().startswith("Erreur\N{NO-BREAK SPACE}:")


def test_texts_in_english_leave_the_page_french(coordinator):
    coordinator.open("/coordination/messages?langue=en")
    assert coordinator.page.get_attribute("html", "lang") == "fr"
    assert coordinator.page.get_attribute("p.letter >> nth=0", "lang") == "en"


def test_a_coordinator_erases_somebody_in_six_clicks(coordinator):
    coordinator.open("/coordination/personne")
    coordinator.write("telephone", IS_ERASED[coordinator.page.viewport_size["width"]])
    coordinator.press("Chercher")
    coordinator.press("Effacer pour toujours")
    assert coordinator.page.title().startswith("Erreur\N{NO-BREAK SPACE}:")
    coordinator.choose("qui", "tous")
    coordinator.choose("preuve", "CALL")
    if coordinator.page.locator("[name=annuler]").count():
        coordinator.choose("annuler", "oui")
    coordinator.press("Effacer pour toujours")

    assert "C’est effacé" in coordinator.page.inner_text("main")
