"""Screen C3 in a real browser: import, change, mend, try, sign by two, be used, take back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.live.browser import DESKTOP, PHONE, Visitor, chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COLLEAGUE = {
    "email": "seconde.coordination@tilleuls.example",
    "name": "Seconde Signature",
    "password": "quatre parapluies sans ficelle 58",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def somebody(browser, product, account, size=DESKTOP) -> Visitor:
    visitor = Visitor(browser, product.url, size=size, scripts=False)
    visitor.sign_in(account)
    visitor.page.set_default_timeout(90_000)  # a trial takes seconds
    return visitor


@pytest.fixture
def author(browser, product) -> Iterator[Visitor]:
    visitor = somebody(browser, product, product.account("coordinator"))
    yield visitor
    visitor.close()


@pytest.fixture
def approver(browser, product) -> Iterator[Visitor]:
    boss = somebody(browser, product, product.account("administrator"))
    boss.write("name", COLLEAGUE["name"])
    boss.write("email", COLLEAGUE["email"])
    boss.choose("role", "COORDINATOR")
    boss.press("Ouvrir le compte")
    link = boss.page.inner_text("code")
    boss.close()
    # The second of the two reads on a telephone; nobody but them ever sees their password.
    invited = Visitor(browser, product.url, size=PHONE, scripts=False)
    invited.open(link)
    invited.write("wanted", COLLEAGUE["password"])
    invited.press("Garder ce mot de passe")
    invited.close()
    account = {name: COLLEAGUE[name] for name in ("email", "password")}
    visitor = somebody(browser, product, account, size=PHONE)
    yield visitor
    visitor.close()


def sign(approver: Visitor, address: str) -> None:
    approver.open(address)
    approver.press("Lire les différences et signer")
    approver.page.locator("#read").check()
    approver.page.get_by_role("button", name=re.compile("^Signer la version")).click()
    approver.page.wait_for_load_state()
    approver.check()


def try_out(author: Visitor) -> None:
    author.press("Essayer cette version")
    assert "Toutes les preuves passent" in author.page.inner_text("#essai")


def what_a_patient_reads(browser, product) -> str:
    patient = Visitor(browser, product.url, size=PHONE, scripts=False)
    patient.open("/")
    patient.press("Commencer")
    patient.walk_to("motif")
    said = patient.page.text_content("main")
    patient.close()
    return said


def test_two_people_change_the_protocol_and_take_it_back(browser, product, author, approver):
    author.open("/protocole")
    assert "démonstration" in author.page.inner_text("aside")
    author.press("Importer la version livrée")
    first = author.page.url
    try_out(author)
    sign(approver, first)
    assert "En vigueur" in approver.page.inner_text("h1")
    author.open("/protocole")
    assert author.page.locator("aside").count() == 0

    author.open(first)
    author.press("Nouveau brouillon à partir de cette version")
    second = author.page.url
    author.page.get_by_role("link", name="Motif « Mal de gorge, angine »").click()
    author.page.wait_for_load_state()
    author.check()
    field = author.page.locator("#text")
    block = field.input_value()
    field.fill(block.replace("  questions:\n", "  questions:\n    - questoin_perdue\n", 1))
    author.press("Enregistrer")
    assert "questoin_perdue" in author.page.inner_text(".errors")
    assert "ligne" in author.page.inner_text(".notice.warn")
    assert "questoin_perdue" in author.page.locator("#text").input_value()
    author.page.locator("#text").fill(
        re.sub(r'title: "[^"]+"', 'title: "Gorge douloureuse"', block, count=1)
    )
    author.press("Enregistrer")
    assert "Enregistré" in author.page.inner_text("main")
    try_out(author)
    assert "une autre personne la lit et la signe" in author.page.inner_text("#suite")

    sign(approver, second)
    assert "Gorge douloureuse" in what_a_patient_reads(browser, product)

    author.open(second)
    author.press("Retirer cette version")
    assert "trie de nouveau les demandes" in author.page.inner_text(".notice")
    author.write("because", "Le titre trompait les appelants")
    author.press("Retirer cette version")
    assert "Version 1 en vigueur" in author.page.inner_text("main")
    said = what_a_patient_reads(browser, product)
    assert "Mal de gorge" in said
    assert "Gorge douloureuse" not in said


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_page_of_the_protocol_is_usable_at_every_size(browser, product, size):
    reader = somebody(browser, product, product.account("coordinator"), size)
    reader.open("/protocole")
    if not reader.page.get_by_role("link", name=re.compile(r"^Version \d+$")).count():
        reader.press("Importer la version livrée")
        reader.open("/protocole")
    reader.page.get_by_role("link", name=re.compile(r"^Version \d+$")).first.click()
    reader.page.wait_for_load_state()
    home = reader.page.url
    # All complaints on one page are for paper; on a telephone its parts are looked at above.
    whole = [f"{home}/complet"] if size is DESKTOP else []
    for path in (
        *whole,
        home,
        f"{home}/motifs/mal_gorge",
        f"{home}/differences",
        f"{home}/apercu?age=30&unite=ans&sexe=female&enceinte=no&motif=mal_gorge&juger=oui",
        f"{home}/retirer",
        "/protocole/regles",
    ):
        reader.open(path)
    reader.close()


def test_the_page_that_explains_a_judgement_is_usable_and_prints(browser, product):
    asked = product.request_for_an_ankle()
    operator = somebody(browser, product, product.account("operator"), PHONE)

    operator.open(f"/console/demandes/{asked['reference']}/explication")

    assert "mêmes règles" in operator.page.inner_text("main")
    operator.page.emulate_media(media="print")
    assert not operator.page.locator("nav").first.is_visible()
    operator.close()
