"""The story that this product is for, in a real browser, from the first page to the calendar."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.request import urlopen

import ics as ics_py
import pytest
import vobject
from icalendar import Calendar
from playwright.sync_api import Browser

from config.clock import PARIS, local_day, utc_now
from tests.live.browser import DESKTOP, PHONE, Visitor, chromium
from tests.live.test_kill import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def patient(request, browser, product) -> Iterator[Visitor]:
    """A patient without JavaScript, on a small phone and on a desktop."""
    visitor = Visitor(browser, product.url, size=request.param, scripts=False)
    yield visitor
    visitor.close()


@pytest.fixture
def staff(browser, product) -> Iterator[Visitor]:
    visitor = Visitor(browser, product.url, size=DESKTOP, scripts=True)
    yield visitor
    visitor.close()


def begin(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.press("Commencer")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_sprained_ankle_gets_an_appointment_an_sms_and_a_calendar_entry(patient, product):
    begin(patient)
    patient.walk_to("verifier")

    patient.press("Confirmer le rendez-vous")

    assert "/r/" in patient.page.url
    assert "Votre rendez-vous est confirmé" in patient.page.inner_text("h1, .panel")
    link = patient.page.url.partition("?")[0]
    assert wait_until(lambda: any(link in m["Body"] for m in product.twilio.messages))
    [sms] = [m for m in product.twilio.messages if link in m["Body"]]
    assert sms["To"] == "+33" + patient.phone.replace(" ", "")[1:]
    assert len(sms["Body"]) <= 160
    for secret in ("Bernard", "Camille", "cheville", "entorse", "généraliste", "kiné"):
        assert secret.lower() not in sms["Body"].lower()
    assert wait_until(
        lambda: any(m.recipients == ["camille@patient.example"] for m in product.smtp.mails)
    )

    with urlopen(f"{link}.ics") as answer:
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        raw = answer.read()
    written = Calendar.from_ical(raw).events[0]
    by_vobject = vobject.readOne(raw.decode()).vevent
    [by_ics] = ics_py.Calendar(raw.decode()).events
    assert by_vobject.dtstart.value == by_ics.begin.datetime == written.start
    assert by_vobject.dtend.value == by_ics.end.datetime == written.end
    hour = f"{written.start.astimezone(PARIS).hour} h {written.start.astimezone(PARIS):%M}"
    assert hour in re.sub(r"\s", " ", patient.page.inner_text("main"))


def test_chest_pain_ends_at_the_15_and_offers_nothing(patient):
    begin(patient)
    label = patient.page.locator("label", has_text="poitrine").first
    patient.page.locator(f"#{label.get_attribute('for')}").check(force=True)

    patient.press("Continuer")

    assert "Appelez le 15 maintenant" in patient.page.inner_text("main")
    assert patient.page.locator("a[href='tel:15']").count() >= 1
    assert patient.page.locator("a[href='sms:114']").count() >= 1
    assert "3114" in patient.page.inner_text("main")
    assert "endez-vous" not in patient.page.inner_text("main")
    token = patient.page.url.split("/")[4]
    for later in ("rendez-vous", "nom", "verifier", "confirme"):
        patient.open(f"/demande/{token}/{later}")
        assert "Appelez le 15 maintenant" in patient.page.inner_text("main")


def test_a_mistake_can_be_corrected_but_not_hidden(patient):
    begin(patient)
    patient.page.locator("input[name=signes]").first.check(force=True)
    patient.press("Continuer")

    patient.press("J’ai coché par erreur")

    assert patient.step == "signes"


def test_a_missing_answer_is_said_beside_the_field_and_focus_goes_there(patient):
    begin(patient)

    patient.press("Continuer")

    assert patient.page.title().startswith("Erreur\N{NO-BREAK SPACE}:")
    assert patient.page.evaluate(
        "document.activeElement.textContent.includes('Il y a un problème')"
    )


def test_a_patient_moves_then_cancels_by_the_link(patient):
    begin(patient)
    patient.walk_to("verifier")
    patient.press("Confirmer le rendez-vous")
    link = patient.page.url.partition("?")[0]
    before = patient.page.inner_text(".when")

    patient.press("Changer d’heure")
    patient.page.locator("input[name='rendez-vous']").last.check(force=True)
    patient.page.locator("main form button").first.click()
    patient.page.wait_for_load_state()
    patient.check()

    patient.open(link)
    assert patient.page.inner_text(".when") != before
    patient.press("Annuler")
    patient.page.locator("main form button").first.click()
    patient.page.wait_for_load_state()
    patient.check()
    patient.open(link)
    assert "annulé" in patient.page.inner_text("h1")


def test_the_professional_on_another_tab_sees_who_comes(product, staff):
    """Today or on one of the next two days: late in the day nobody comes any more."""
    staff.sign_in(product.account("professional"))
    today = local_day(utc_now(), PARIS)
    pages = []
    for ahead in range(3):
        staff.open(f"/journee?jour={today + timedelta(days=ahead)}")
        pages.append(staff.page.inner_text("main"))

    assert any("Réservé" in said and "06" in said for said in pages), pages


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("operator", ["/console"]),
        ("secretary", ["/journee", "/creneaux", "/console"]),
        ("professional", ["/journee", "/creneaux"]),
        ("coordinator", ["/coordination", "/console"]),
        ("administrator", ["/administration"]),
    ],
)
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_staff_pages_are_usable_at_every_size(browser, product, role, paths, size):
    visitor = Visitor(browser, product.url, size=size, scripts=False)
    visitor.sign_in(product.account(role))

    for path in paths:
        visitor.open(path)
        assert visitor.page.url.endswith(path)

    visitor.close()


@pytest.mark.parametrize(
    "path", ["/", "/connexion", "/urgence", "/accessibilite", "/vos-donnees", "/nulle-part"]
)
def test_open_pages_are_accessible(patient, path):
    patient.open(path)


def test_english_keeps_the_page_and_the_answers(patient):
    begin(patient)
    patient.press("English")

    assert patient.step == "signes"
    assert patient.page.get_attribute("html", "lang") == "en"
