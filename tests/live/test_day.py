"""A secretary at a real keyboard: the day of a practice, its keys counted and its seconds timed."""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as hour
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import create_engine, text

from config import embedded
from config.clock import PARIS, local_day, utc_now
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


DUE, ABSENT = 8, 2
HAND = 1.1
"""Seconds that a tap takes a hand: to look, to move, to touch."""

BOOKED = """
    SELECT slot.id, slot.starts_at, slot.ends_at, slot.site_id, slot.professional_id
      FROM booking JOIN slot ON slot.id = booking.slot_id
     WHERE booking.status = 'CONFIRMED' AND slot.starts_at > :now
     ORDER BY slot.starts_at LIMIT :most
"""
PRACTICE = """
    SELECT account_site.site_id, professional_site.professional_id
      FROM account
      JOIN account_site ON account_site.account_id = account.id
      JOIN professional_site ON professional_site.site_id = account_site.site_id
     WHERE account.email = :email LIMIT 1
"""
PUT = """
    UPDATE slot SET starts_at = :starts_at, ends_at = :ends_at, site_id = :site_id,
           professional_id = :professional_id WHERE id = :id
"""


def book_some_more(product: Product) -> None:
    """Book by the API, as another software would, until no practice can have too few."""
    body = product.ankle()
    for number in range(2 * DUE):
        _, said = product.api("POST", "/api/v1/care-requests", body)
        person = {"family_name": "Renard", "given_name": "Alix", "birth_date": "1992-05-04"}
        product.api(
            "POST",
            f"/api/v1/care-requests/{said['reference']}/booking",
            {
                "slot": said["proposals"][-1]["slot"],
                "person": person | {"phone": f"06399802{number:02}"},
                "consent_sms": False,
            },
        )


@contextmanager
def eight_of_yesterday(product: Product, email: str) -> Iterator[None]:
    """Let eight appointments of a practice be over, and nobody have said what became of them.

    No test can wait for the evening: the database is told instead, and told again at the end.
    """
    folder = product.folder / "postgres"
    engine = create_engine(embedded.start(folder))
    first = datetime.combine(local_day(utc_now(), PARIS) - timedelta(days=2), hour(8), PARIS)
    put = text(PUT)
    with engine.begin() as connection:
        said = {"now": utc_now(), "most": DUE}
        before = [dict(row) for row in connection.execute(text(BOOKED), said).mappings()]
        here = dict(connection.execute(text(PRACTICE), {"email": email}).mappings().one())
        for number, each in enumerate(before):
            begins = first + number * timedelta(minutes=30)
            then = {"starts_at": begins, "ends_at": begins + timedelta(minutes=20)}
            connection.execute(put, each | here | then)
    try:
        yield
    finally:
        with engine.begin() as connection:
            again = "UPDATE booking SET status = 'CONFIRMED' WHERE slot_id = :id"
            connection.execute(text(again), before)
            connection.execute(put, before)
        engine.dispose()
        embedded.stop(folder)


def due_of(secretary: Secretary) -> tuple[str, int]:
    """Open the evening on which most appointments are due; return its address and how many."""
    today = local_day(utc_now(), PARIS)
    found = {}
    for days in range(3):
        path = f"/journee/fin?jour={today - timedelta(days=days)}"
        secretary.open(path)
        found[path] = secretary.page.locator(".outcome").count()
    return max(found.items(), key=lambda each: each[1])


def test_an_evening_with_eight_due_takes_a_tap_for_each_absent_and_one_more(secretary, product):
    book_some_more(product)
    with eight_of_yesterday(product, secretary.account["email"]):
        path, due = due_of(secretary)
        secretary.open(path)
        secretary.is_held_to_the_rules()
        since, taps = time.perf_counter(), 0
        for absent in secretary.page.locator(".outcome").all()[:ABSENT]:
            absent.get_by_text("Absent").click()
            taps += 1
        with secretary.page.expect_navigation():
            secretary.page.locator("main form button").last.click()
        taps += 1
        machine = time.perf_counter() - since

        print(f"\nS6, {due} due, {ABSENT} absent: {taps} taps, machine {machine:.2f} s")
        assert due == DUE
        assert taps == ABSENT + 1
        assert taps * HAND + machine <= SECONDS_FOR_THE_EVENING * SHARED
        assert f"{due} rendez-vous notés." in secretary.text.replace("\u00a0", " ")


def cut_and_drop(secretary: Secretary, cell: str, target: str) -> None:
    """Cut an appointment with X and drop it with V: two keys, besides the way between."""
    secretary.to(cell)
    secretary.press("x")
    assert "Rendez-vous coupé" in secretary.page.locator("#coupe").inner_text()
    assert secretary.page.locator(".cut").count() == 1
    secretary.to(target)
    secretary.pressed("v")


def test_an_appointment_is_cut_and_dropped_on_a_free_slot_in_two_keys(secretary):
    secretary.open("/journee")
    for cell in secretary.page.locator("[data-x]").all():
        name, move = cell.get_attribute("id"), cell.get_attribute("data-x")
        page = secretary.context.request.get(secretary.url + str(move)).text()
        here = [c for c in free_cells(secretary) if f'value="{c.removeprefix("c-")}"' in page]
        if here:
            break
    else:
        pytest.skip("nothing of today is left that could move within the practice")
    since = time.perf_counter()

    cut_and_drop(secretary, f"#{name}", f"#{here[0]}")

    timed(secretary, "S1, move", since, SECONDS_TO_BLOCK)
    assert secretary.keys == 2
    secretary.wait_for_focus(f"td.booked #{here[0]}")
    assert "Rendez-vous déplacé" in secretary.text
    assert secretary.page.locator(".cut").count() == 0
    cut_and_drop(secretary, f"#{here[0]}", f"#{name}")
    assert secretary.page.locator(f"td.booked #{name}").count() == 1
    # Escape gives up, and V on what is free does nothing then.
    secretary.to(f"#{name}")
    secretary.press("x")
    secretary.press("Escape")
    assert secretary.page.locator("#coupe").inner_text() == ""
    before = secretary.page.url
    secretary.to(f"#{here[0]}")
    secretary.press("v")
    assert secretary.page.url == before


def free_cells(secretary: Secretary) -> list[str]:
    ids = secretary.page.eval_on_selector_all("[data-v]", "all => all.map(each => each.id)")
    return [str(each) for each in ids]


PAGES = ("/journee", "/journee/feuille", "/journee/fin", "/journee/lieu", "/agendas")


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
    moves = secretary.page.eval_on_selector_all("[data-x]", "all => all.map(a => a.dataset.x)")
    for link in (*links, *(secretary.url + move for move in moves[:1])):
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
