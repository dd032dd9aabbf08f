"""Nothing suits: an operator lets professionals be asked, and one accepts from the SMS."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from booking.desk.waiting_list import WRITTEN_FROM, WRITTEN_UNTIL
from config.clock import PARIS, utc_now
from tests.live.browser import DESKTOP, PHONE, Visitor, chromium
from tests.live.test_kill import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def operator(browser, product) -> Iterator[Visitor]:
    visitor = Visitor(browser, product.url, size=DESKTOP, scripts=False)
    visitor.sign_in(product.account("operator"))
    yield visitor
    visitor.close()


@pytest.fixture
def professionals(browser, product) -> Iterator[list[Visitor]]:
    """Two who read their SMS: one on a telephone, one at a desk."""
    both = [Visitor(browser, product.url, size=s, scripts=False) for s in (PHONE, DESKTOP)]
    yield both
    for each in both:
        each.close()


def asked(product):
    return [m for m in product.twilio.messages if "/aide/" in m["Body"]]


def waits_for_the_morning(operator):
    operator.page.reload()
    return re.search(r"1ʳᵉ vague\s: (demain à )?8\sh", operator.page.inner_text("main"))


def test_the_first_professional_to_accept_has_the_patient(operator, professionals, product):
    operator.open("/console")
    operator.page.get_by_role("link", name=re.compile("Fontanel", re.IGNORECASE)).first.click()
    operator.page.wait_for_load_state()
    operator.press("Solliciter des professionnels")
    if not WRITTEN_FROM <= utc_now().astimezone(PARIS).time() < min(WRITTEN_UNTIL.values()):
        assert wait_until(lambda: waits_for_the_morning(operator), seconds=30)
        assert asked(product) == []
        return

    assert wait_until(lambda: len(asked(product)) >= 3, seconds=60)
    assert all(len(message["Body"]) <= 160 for message in asked(product))
    links = [re.search(r"https?://\S+/aide/\S+", m["Body"])[0] for m in asked(product)]
    paths = ["/aide/" + link.rpartition("/")[2] for link in links]
    operator.page.reload()
    assert re.search(r"3 professionnels sollicités", operator.page.inner_text("main"))

    first, second = professionals
    for visitor, path in zip(professionals, paths, strict=False):
        visitor.open(path)
        shown = visitor.page.inner_text("main")
        assert re.search(r"\d\d ans", shown)
        assert "Fontanel" not in shown
    first.page.locator("input[name='heure']").first.check(force=True)
    first.press("Je prends ce patient")
    assert "Le rendez-vous est pris" in first.page.inner_text("h1")
    second.open(paths[1])
    assert "Déjà pourvu, merci" in second.page.inner_text("h1")
