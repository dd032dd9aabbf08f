"""A person at a browser: Debian's Chromium, and what every page is held to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from itertools import count
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from booking.web import patience

PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 800}

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

PATIENCE_MS = 30_000

STICKS_OUT = """() => [...document.querySelectorAll("main *")]
    .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth
                    && !each.closest(".scroll"))
    .slice(0, 3).map(each => each.outerHTML.slice(0, 300))"""
"""What makes a page scroll sideways."""

ANKLE = {"tm_zone": "cheville", "tm_appui": "oui", "tm_quand": "recent"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


VISITORS = count(1)


class Visitor:
    """Somebody who walks through pages; each is checked, and what is wrong with it is kept.

    axe needs scripts, which a patient's browser here has not: a second window with scripts gets
    the very same document to look at.
    """

    def __init__(self, browser: Browser, base: str, *, size: dict[str, int], scripts: bool) -> None:
        self.base = base
        self.family_name, self.given_name = "Bernard", "Camille"
        # A number has one appointment to come by the form: each has their own.
        self.phone = f"06 39 98 70 {next(VISITORS):02}"
        self.wrong: list[str] = []
        self.seen: dict[str, str] = {}
        self.context = browser.new_context(
            viewport=size, java_script_enabled=scripts, locale="fr-FR", timezone_id="Europe/Paris"
        )
        self.context.route(lambda url: not url.startswith(base), self._refuse_foreign)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self._examiner = browser.new_context(viewport=size, bypass_csp=True).new_page()
        self._examiner.set_default_timeout(PATIENCE_MS)
        self._examiner.goto(base + "/healthz")
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))

    def _refuse_foreign(self, route: Any) -> None:
        self.wrong.append(f"asked another host: {route.request.url}")
        route.abort()

    def _hear(self, message: Any) -> None:
        # A page that answers 422 or 409 is logged as a failed load: that is its answer.
        if message.type in ("error", "warning") and "the server responded with" not in message.text:
            self.wrong.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> None:
        """Go to an address of the product."""
        self.page.goto(self.base + path if path.startswith("/") else path)
        self.check()

    def press(self, name: str) -> None:
        """Press a button or follow a link that looks like one."""
        page = self.page
        target = page.get_by_role("button", name=name, exact=True).or_(
            page.get_by_role("link", name=name, exact=True)
        )
        target.first.click()
        page.wait_for_load_state()
        self.check()

    def close(self) -> None:
        """Close the browser's windows; nothing may have been wrong."""
        self.context.close()
        self._examiner.context.close()
        if self.wrong:
            raise AssertionError("\n".join(self.wrong))

    def check(self) -> None:
        """Hold the page to the rules: axe, no sideways scrolling, a title, one h1."""
        page = self.page
        title = page.title()
        key = f"{title} @{page.viewport_size['width'] if page.viewport_size else 0}"
        if key in self.seen:
            return
        self.seen[key] = page.url
        self._examiner.set_content(page.content())
        self._examiner.evaluate(AXE)
        found = self._examiner.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
        )
        self.wrong += [
            f"{title}: {each['id']}: {[node['html'][:120] for node in each['nodes']]}"
            for each in found["violations"]
        ]
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            self.wrong.append(f"{title}: {overflow} px too wide: {page.evaluate(STICKS_OUT)}")
        if page.locator("h1").count() != 1:
            self.wrong.append(f"{title}: {page.locator('h1').count()} first headings")
        if not title or "JourMême" not in title:
            self.wrong.append(f"title: {title!r}")

    def choose(self, name: str, value: str) -> None:
        """Tick a box or a radio button by its name and value; open the group it stands in."""
        wanted = self.page.locator(f"input[name='{name}'][value='{value}']")
        group = self.page.locator("details:not([open])", has=wanted)
        if group.count():
            group.locator("summary").first.click()
        wanted.check(force=True)

    def write(self, name: str, text: str) -> None:
        """Fill a field in."""
        self.page.locator(f"[name='{name}']").fill(text)

    @property
    def step(self) -> str:
        """The last part of the address: which page of the form this is."""
        return self.page.url.partition("?")[0].rstrip("/").rpartition("/")[2]

    def answer_as_an_ankle(self) -> None:
        """Answer this page of the form as an adult with a sprained ankle, and go on."""
        answers = {
            "signes": lambda: self.choose("signes", "none"),
            "signes-suite": lambda: self.choose("signes", "none"),
            "naissance": self._say_birth_date,
            "sexe": lambda: self.choose("sexe", "female"),
            "grossesse": lambda: self.choose("enceinte", "no"),
            "commune": lambda: self._choose_first("commune"),
            "motif": lambda: self.choose("motif", "trauma_membre"),
            "questions": self._answer_questions,
            "medecin-traitant": lambda: self.choose("medecin", "no"),
            "rendez-vous": lambda: self._choose_first("rendez-vous"),
            "nom": self._say_name,
            "telephone": self._say_phone,
        }
        answers[self.step]()
        self.press("Continuer")

    def _say_birth_date(self) -> None:
        for name, value in (("jour", "4"), ("mois", "mai"), ("annee", "1992")):
            self.write(name, value)

    def _say_name(self) -> None:
        self.write("nom", self.family_name)
        self.write("prenom", self.given_name)

    def _say_phone(self) -> None:
        self.write("telephone", self.phone)
        self.choose("message", "yes")
        self.choose("sms", "yes")
        self.write("courriel", "camille@patient.example")

    def _choose_first(self, name: str) -> None:
        fields = self.page.locator(f"select[name='{name}']")
        if fields.count():
            fields.select_option(index=1)
        else:
            self.page.locator(f"input[name='{name}']").first.check(force=True)

    def _answer_questions(self) -> None:
        names = self.page.eval_on_selector_all(
            "main input[type=radio]", "all => [...new Set(all.map(each => each.name))]"
        )
        for name in names:
            self.choose(name, ANKLE.get(name, "no"))

    def walk_to(self, last: str) -> None:
        """Answer pages until the one with this name is there."""
        for _ in range(20):
            if self.step == last:
                return
            self.answer_as_an_ankle()
            self._wait_if_asked()
        raise AssertionError(f"never came to {last}: {self.page.url}")

    def _wait_if_asked(self) -> None:
        """Wait as the page asks of an address that comes often: all our visitors have the same."""
        waits = self.page.locator("input[name='patience']")
        if waits.count():
            self.page.wait_for_timeout(1000 * (patience.WAIT.total_seconds() + 1))
        if waits.count():  # with a script it has gone on by itself
            self.press("Continuer")

    def sign_in(self, account: dict[str, str]) -> None:
        """Sign in as staff."""
        self.open("/connexion")
        self.page.locator("input[type=email]").fill(account["email"])
        self.page.locator("input[type=password]").fill(account["password"])
        self.page.locator("main form button[type=submit], main form button").first.click()
        self.page.wait_for_load_state()
        self.check()
