"""A professional at a telephone and at a keyboard: slots in two taps, by a phrase, every week."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser

from config.clock import PARIS, local_day, utc_now
from tests.live.browser import chromium
from tests.live.test_console import DESKTOP, NARROW, SHARED, ZOOMED, Operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

THUMB = (360, 740, 2)
SECONDS = 8.0
"""What two taps may take, the machine's part and the hand's."""
HAND = 1.1
"""Seconds that a tap takes a hand: to look, to move, to touch."""
MOST_KEYS = 18
PAGES = (
    "/creneaux",
    "/creneaux/semaine",
    "/creneaux/plages",
    "/creneaux/plages/nouvelle",
    "/agendas",
    "/agendas/occupe",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def professional(browser: Browser, product, size, *, scripts: bool = True) -> Operator:
    return Operator(browser, product, "professional", size, scripts=scripts)


def undo(somebody: Operator) -> None:
    somebody.page.get_by_role("button", name="Annuler").first.click()
    somebody.page.get_by_text("C’est annulé.").wait_for()


def say(somebody: Operator, phrase: str) -> None:
    """Type a phrase, see what was understood, publish it: keys only."""
    somebody.page.goto(somebody.url + "/creneaux")
    somebody.page.focus("#phrase")
    somebody.type(phrase)
    somebody.press("Enter")
    somebody.wait_for("[name=sure]")
    somebody.wait_for_focus("button.large")
    with somebody.page.expect_navigation(url="**acte=**"):
        somebody.press("Enter")


def test_a_phrase_is_typed_seen_and_published_without_a_mouse(browser, product):
    somebody = professional(browser, product, DESKTOP)
    since = time.perf_counter()
    say(somebody, "3 demain 20h-21h")

    print(f"\nphrase: {somebody.keys} keys, machine {time.perf_counter() - since:.2f} s")
    assert somebody.keys <= MOST_KEYS
    assert "3 créneaux de 20 min : 20 h 00, 20 h 20, 20 h 40" in somebody.text
    somebody.is_held_to_the_rules()
    undo(somebody)
    somebody.close()


def test_two_taps_on_a_telephone_open_slots_without_scripts(browser, product):
    # What was opened last comes first: an hour at which the demonstration has nothing.
    somebody = professional(browser, product, THUMB, scripts=False)
    page = somebody.page
    page.goto(product.url + "/creneaux")
    page.locator("summary").click()
    page.locator("#day-3").click()
    page.fill("#date", f"{local_day(utc_now(), PARIS) + timedelta(days=5)}")
    page.fill("#other_hour", "20h")
    page.get_by_role("button", name="Publier").click()
    page.wait_for_url("**acte=**")
    page.goto(product.url + "/creneaux")
    button = page.get_by_role("button", name="Publier")
    box = button.bounding_box()
    days = [each.bounding_box()["y"] for each in page.locator(".days .choice").all()]
    assert len(set(days)) == 1
    assert box["y"] + box["height"] <= THUMB[1]
    since = time.perf_counter()
    page.locator("#day").click()
    button.click()
    page.wait_for_url("**acte=**")
    machine = time.perf_counter() - since

    print(f"\nD1: 2 taps, machine {machine:.2f} s")
    assert "3 créneaux de 20 min : 20 h 00" in somebody.text
    assert machine <= SHARED * (SECONDS - 2 * HAND)
    undo(somebody)
    somebody.close()


@pytest.mark.parametrize("size", [DESKTOP, ZOOMED, NARROW], ids=["desktop", "200 %", "320"])
def test_every_page_keeps_the_rules_at_every_size(browser, product, size):
    somebody = professional(browser, product, size)
    for path in PAGES:
        somebody.open(path)
        somebody.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        somebody.is_held_to_the_rules()
    somebody.close()


def test_a_list_of_reasons_is_searched_by_its_words(browser, product):
    somebody = professional(browser, product, DESKTOP)
    somebody.open("/creneaux/plages/nouvelle")
    somebody.page.get_by_text("Motifs acceptés, patients").click()
    somebody.page.fill("#cherche", "GORGE")

    shown = somebody.page.locator("#motifs .choice:visible")
    assert 1 <= shown.count() <= 5
    assert "gorge" in shown.first.inner_text().lower()
    somebody.close()
