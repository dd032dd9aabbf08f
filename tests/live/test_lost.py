"""A practice cancels: an SMS, a page with three others, one press, another appointment."""

import re
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from icalendar import Calendar
from playwright.sync_api import Browser

from tests.live.browser import DESKTOP, PHONE, Visitor, chromium
from tests.live.test_kill import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def patient(request, browser, product) -> Iterator[Visitor]:
    visitor = Visitor(browser, product.url, size=request.param, scripts=False)
    yield visitor
    visitor.close()


@pytest.fixture
def operator(browser, product) -> Iterator[Visitor]:
    visitor = Visitor(browser, product.url, size=DESKTOP, scripts=False)
    visitor.sign_in(product.account("operator"))
    yield visitor
    visitor.close()


def test_whom_a_practice_cancelled_takes_another_from_the_sms(patient, operator, product):
    patient.open("/")
    patient.press("Commencer")
    patient.walk_to("verifier")
    patient.press("Confirmer le rendez-vous")
    link = patient.page.url.partition("?")[0]

    with urlopen(f"{link}.ics") as answer:
        booking = Calendar.from_ical(answer.read()).events[0]["UID"].partition("@")[0]
    operator.open(f"/console/rendez-vous/{booking}")
    operator.choose("par", "cabinet")
    operator.page.locator("form", has=operator.page.locator("[name=par]")).locator("button").click()
    operator.page.wait_for_load_state()
    operator.open("/console")
    assert "Annulé par le cabinet" in operator.page.inner_text("main")

    assert wait_until(lambda: any("Autres RDV" in m["Body"] for m in told_of(product, link)))
    [sms] = [m for m in told_of(product, link) if "Autres RDV" in m["Body"]]
    assert len(sms["Body"]) <= 160
    patient.open(link)
    assert re.search("gardés? pour vous", patient.page.inner_text("main"))
    patient.page.locator("button[name='rendez-vous']").first.click()
    patient.page.wait_for_load_state()
    patient.check()

    assert "Votre rendez-vous est confirmé" in patient.page.inner_text("h1, .panel")
    taken = patient.page.url.partition("?")[0]
    assert taken != link
    patient.open(link)
    patient.press("Voir mon rendez-vous")
    assert patient.page.url == taken


def told_of(product, link):
    return [message for message in product.twilio.messages if link in message["Body"]]
