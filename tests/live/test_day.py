"""A secretary at a real keyboard: the day of a practice, its keys counted and its seconds timed."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.live.browser import chromium
from tests.live.test_console import DESKTOP, NARROW, SHARED, SIZES, Operator
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_KEYS_TO_BLOCK = 4
SECONDS_TO_BLOCK = 5
SECONDS_TO_NOTE = 2
SECONDS_FOR_THE_EVENING = 30
MOST_ACTIONS_TO_BOOK = 6
LARGEST_SCRIPT = 3 * 1024
"""Bytes, as it travels."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Secretary(Operator):
    """Somebody who keeps the day of a practice; every key is counted, nothing is clicked."""

    def __init__(
        self,
        browser: Browser,
        product: Product,
        size: tuple[int, int, int] = DESKTOP,
        *,
        scripts: bool = True,
    ) -> None:
        super().__init__(browser, product, "secretary", size, scripts=scripts)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def to(self, what: str) -> None:
        """Put the keyboard on a cell, as arrows would."""
        self.page.locator(what).first.focus()

    def pressed(self, key: str) -> None:
        """Press a key that leads to the day again, and wait for it."""
        with self.page.expect_navigation():
            self.press(key)
        self.page.wait_for_load_state()


@pytest.fixture
def secretary(browser, product) -> Iterator[Secretary]:
    somebody = Secretary(browser, product)
    yield somebody
    somebody.close()


def timed(secretary: Secretary, what: str, since: float, most: float) -> None:
    took = time.perf_counter() - since
    print(f"\n{what}: {secretary.keys} keys, {took:.2f} s")
    assert took <= most * SHARED


TOMORROW = "() => document.querySelector('a[rel=next]').getAttribute('href')"
"""All of it is still to come, whatever the hour at which this runs."""


def test_a_free_hour_is_blocked_in_four_keys_and_undone_in_one(secretary):
    secretary.open("/journee")
    secretary.open(secretary.page.evaluate(TOMORROW))
    free = secretary.page.locator("td.free").count()
    since = time.perf_counter()

    secretary.press("F2")
    assert secretary.page.evaluate("document.activeElement.matches('[data-suivant]')")
    secretary.press("b")
    secretary.wait_for_focus("#panneau [data-premier]")
    secretary.pressed("p")

    timed(secretary, "S3, block", since, SECONDS_TO_BLOCK)
    assert secretary.keys <= MOST_KEYS_TO_BLOCK
    assert secretary.page.locator("td.free").count() == free - 1
    assert "Bloqué : Pause" in secretary.text.replace("\u00a0", " ")
    secretary.wait_for_focus("td.blocked .case")
    secretary.pressed("z")
    assert secretary.page.locator("td.free").count() == free


def test_several_slots_are_blocked_together(secretary):
    secretary.open("/journee")
    secretary.open(secretary.page.evaluate(TOMORROW))
    free = secretary.page.locator("td.free").count()

    secretary.press("F2")
    secretary.press("Shift+ArrowDown")
    secretary.press("b")
    secretary.wait_for_focus("#panneau [data-premier]")
    secretary.pressed("v")

    assert secretary.keys <= MOST_KEYS_TO_BLOCK
    assert secretary.page.locator("td.free").count() == free - 2
    secretary.pressed("z")
    assert secretary.page.locator("td.free").count() == free


def test_arrived_and_seen_are_one_key_each_and_one_undoes(secretary):
    secretary.open("/journee")
    secretary.to(".booked .case")
    slot = secretary.page.evaluate("document.activeElement.id")
    since = time.perf_counter()

    secretary.pressed("a")

    timed(secretary, "S2, arrived", since, SECONDS_TO_NOTE)
    assert secretary.keys == 1
    secretary.wait_for_focus(f"td.arrived #{slot}")
    secretary.pressed("v")
    secretary.wait_for_focus(f"td.seen #{slot}")
    secretary.pressed("z")
    secretary.to(f"#{slot}")
    assert secretary.page.locator(f"td.arrived #{slot}").count() == 1
    secretary.pressed("c")
    assert secretary.page.locator(f"td.booked #{slot}").count() == 1


def test_arrows_walk_through_the_table_and_tab_stops_in_it_once(secretary):
    secretary.open("/journee")
    assert secretary.page.locator("#tableau .case[tabindex='0']").count() == 1
    secretary.press("F2")
    places = set()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "End", "Home"):
        secretary.press(key)
        places.add(secretary.page.evaluate("document.activeElement.id"))

    assert len(places) > 2
    assert secretary.page.locator("#tableau .case[tabindex='0']").count() == 1


def test_letters_do_nothing_outside_the_table(secretary):
    secretary.open("/journee")
    secretary.page.locator("h1").evaluate("h => { h.tabIndex = -1; h.focus() }")
    before = secretary.page.content()

    for key in "avnbrozc":
        secretary.press(key)

    assert secretary.page.url.endswith("/journee")
    assert secretary.page.content() == before


class OwnPatient:
    """A call that begins at a free slot; each field, key or tick is one action."""

    def __init__(self, secretary: Secretary) -> None:
        self.secretary, self.page, self.actions = secretary, secretary.page, 0

    def key(self, key: str) -> None:
        self.secretary.press(key)
        self._acted()

    def write(self, field: str, text: str) -> None:
        self.page.focus(field)
        self.secretary.type(text)
        self.secretary.press("Tab")
        self._acted()

    def tick(self, name: str, value: str) -> None:
        choice = self.page.locator(f"[name={name}][value={value}]")
        if choice.count():
            choice.check()
            self._acted()

    def no_signs(self) -> None:
        while self.page.locator("[data-aucun]:not(:checked)").count():
            self.key("Alt+KeyA")

    def questions(self) -> None:
        first = self.page.locator("[data-question] input:not([type=hidden])").first
        if first.count():
            first.focus()
            self.actions += self.secretary.answer_questions()
            self.secretary.settle()

    def _acted(self) -> None:
        self.actions += 1
        self.secretary.settle()


def a_free_slot_of_a_doctor(secretary: Secretary) -> None:
    """Put the keyboard on the next free slot of a general practitioner, today or tomorrow."""
    secretary.open("/journee")
    for _day in range(2):
        doctor = secretary.page.locator("thead th", has_text="Delmas")
        column = doctor.evaluate("th => th.cellIndex - 1") if doctor.count() else 0
        free = secretary.page.locator(f".free .case[data-c='{column}']")
        if free.count():
            free.first.focus()
            return
        secretary.open(secretary.page.evaluate(TOMORROW))


def test_a_patient_of_the_practice_is_triaged_then_booked_at_the_chosen_slot(secretary):
    a_free_slot_of_a_doctor(secretary)
    since, theirs = time.perf_counter(), OwnPatient(secretary)
    secretary.press_to("r", "**/console/appel?**")
    assert "Créneau choisi" in secretary.text
    theirs.actions += 1
    theirs.write("#telephone", "0639985511")
    theirs.no_signs()
    theirs.write("#naissance", "04051992")
    theirs.tick("sexe", "female")
    theirs.tick("enceinte", "no")
    theirs.no_signs()
    secretary.press("Alt+KeyM")
    secretary.type("cheville")
    theirs.key("Enter")
    theirs.no_signs()
    theirs.questions()
    triage = theirs.actions
    assert secretary.page.locator(".kept").count() == 1, secretary.text
    theirs.write("#nom", "Bernard")
    theirs.write("#prenom", "Camille")
    secretary.press_to("Control+Enter", "**/console/demandes/**")

    print(
        f"\nown patient: {theirs.actions + 1} actions, of which {triage - 3} are triage's; "
        f"{secretary.keys} keys, {time.perf_counter() - since:.1f} s"
    )
    assert theirs.actions + 1 - (triage - 3) <= MOST_ACTIONS_TO_BOOK


def test_the_evening_takes_one_press_and_one_more_for_each_absent(secretary):
    secretary.open("/journee/fin")
    since = time.perf_counter()
    due = secretary.page.locator(".outcome").count()
    if due:
        secretary.page.locator("main form button").last.focus()
        secretary.pressed("Enter")
    timed(secretary, f"S6, {due} appointments", since, SECONDS_FOR_THE_EVENING)

    assert "ont une issue" in secretary.text


PAGES = ("/journee", "/journee/feuille", "/journee/fin")


@SIZES
def test_each_page_of_the_day_is_held_to_the_rules(browser, product, size):
    secretary = Secretary(browser, product, size)
    for path in PAGES:
        secretary.open(path)
        secretary.is_held_to_the_rules()
    secretary.open("/journee")
    links = secretary.page.evaluate(
        "() => ['.free .case', '.booked .case', '.empty .case']"
        ".map(s => (document.querySelector(s) || {}).href).filter(Boolean)"
    )
    for link in links:
        secretary.page.goto(link)
        secretary.is_held_to_the_rules()
    if size == NARROW:
        secretary.open("/journee")
        shown = secretary.page.locator("td:visible .case").count()
        everything = secretary.page.locator("td .case").count()
        assert 0 < shown < everything
    if size == DESKTOP:
        secretary.open("/journee")
        secretary.page.locator(".free .case").first.click()
        secretary.page.wait_for_selector("#panneau #fiche")
        secretary.is_held_to_the_rules()
    secretary.close()


def test_the_day_works_without_scripts(browser, product):
    secretary = Secretary(browser, product, scripts=False)
    secretary.open("/journee")
    page = secretary.page
    page.locator(".free .case").first.click()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_load_state()
    assert "Bloqué : Pause" in secretary.text.replace("\u00a0", " ")
    page.locator("#actions button").first.click()
    page.wait_for_load_state()
    assert "Bloqué : Pause" not in secretary.text.replace("\u00a0", " ")
    page.locator(".booked .case").first.click()
    page.get_by_role("button", name="Arrivé").click()
    page.wait_for_load_state()
    assert page.locator(".arrived .case").count() == 1
    page.locator("#actions button").first.click()
    page.wait_for_load_state()
    assert page.locator(".arrived .case").count() == 0
    secretary.close()


def test_the_script_of_the_day_is_small():
    script = (Path(__file__).parents[2] / "booking/web/static/day.js").read_bytes()

    assert len(gzip.compress(script)) <= LARGEST_SCRIPT
