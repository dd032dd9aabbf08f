"""A day in the life: a practice cancels, who lost theirs chooses, who waits gets the hour.

Six people at six browsers, one product with its web and its worker, SMS read where Twilio's
would be. The hours that are free are the story's own; the territory is where it is day now.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from booking.desk import outcome_letters
from booking.links import Links
from booking.models import Account, Booking, CareRequest, OutcomeLetter, Role
from config import embedded
from config.clock import at, local_day, utc_now
from config.database import transaction
from notifications.models import Kind, OutboxMessage
from schedules import slots
from schedules.models import Community, Professional, ProfessionalSite, Site, Slot
from tests.live.browser import DESKTOP, PHONE, Visitor, chromium
from tests.live.test_kill import wait_until
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ZONES = (
    "Europe/Paris",
    "Indian/Reunion",
    "America/Guadeloupe",
    "America/Cayenne",
    "Pacific/Tahiti",
    "Pacific/Noumea",
)
"""Wherever the sun is, it is morning or noon in one of them: nobody is told of offers at night."""

FIVE = timedelta(minutes=5)
SOON, LATER = timedelta(minutes=80), timedelta(hours=4)


def where_it_is_day(now: datetime) -> ZoneInfo:
    return next(z for z in map(ZoneInfo, ZONES) if 8 <= now.astimezone(z).hour < 15)


@pytest.mark.parametrize("day", [date(2027, 1, 15), date(2027, 7, 15)])
def test_it_is_always_day_somewhere(day):
    hours = [datetime.combine(day, time(hour, 59), UTC) for hour in range(24)]

    assert all(map(where_it_is_day, hours))


@pytest.fixture(scope="module")
def product(tmp_path_factory) -> Iterator[Product]:
    """A product of its own: what is free in it is taken away."""
    with Product(tmp_path_factory.mktemp("day")) as product:
        yield product


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@dataclass
class Supply:
    """The hours of the story, opened as professionals open them."""

    session: Session
    community: Community
    own: Professional
    """Whose account signs in."""
    other: Professional
    begins: datetime

    def open(self, who: Professional, *starts: timedelta) -> None:
        with transaction(self.session):
            site = self.session.scalars(
                select(Site)
                .join(ProfessionalSite, ProfessionalSite.site_id == Site.id)
                .where(ProfessionalSite.professional_id == who.id)
            ).first()
            moments = [self.begins + each for each in starts]
            times = [(moment, moment + timedelta(minutes=20)) for moment in moments]
            slots.publish(self.session, who, site, times)

    def booking_of(self, given_name: str) -> Booking:
        self.session.rollback()
        rows = self.session.execute(
            select(Booking, CareRequest)
            .join(CareRequest, CareRequest.id == Booking.request_id)
            .where(CareRequest.status == "BOOKED")
            .order_by(Booking.id.desc())
        )
        return next(booking for booking, asked in rows if asked.given_name == given_name)

    def starts_at(self, given_name: str) -> datetime:
        slot_id = self.booking_of(given_name).slot_id
        return self.session.scalars(select(Slot.starts_at).where(Slot.id == slot_id)).one()


@pytest.fixture
def supply(product) -> Iterator[Supply]:
    """Nothing is free but what the story opens."""
    folder = product.folder / "postgres"
    engine = create_engine(embedded.start(folder))
    with Session(engine, expire_on_commit=False) as session:
        now = utc_now()
        with transaction(session):
            community = session.scalars(select(Community)).one()
            community.zone_name = where_it_is_day(now).key
            session.execute(update(Slot).where(Slot.claimed_by.is_(None)).values(withdrawn_at=now))
            account = session.scalars(select(Account).where(Account.role == Role.PROFESSIONAL))
            own = session.get_one(Professional, (community.id, account.one().professional_id))
            other = session.scalars(
                select(Professional).where(
                    Professional.discipline == own.discipline,
                    Professional.id != own.id,
                    Professional.email.is_not(None),
                )
            ).first()
        yield Supply(session, community, own, other, now - timedelta(seconds=now.timestamp() % 300))
    engine.dispose()
    embedded.stop(folder)


@pytest.fixture
def visit(browser, product) -> Iterator:
    """Let somebody walk through pages, each held to the rules when they go home."""
    visitors: list[Visitor] = []
    seen: dict[str, str] = {}

    def visit(size, *, role=None, given_name="Camille", phone="06 39 98 00 42") -> Visitor:
        visitors.append(Visitor(browser, product.url, size=size, scripts=False))
        visitors[-1].given_name, visitors[-1].phone = given_name, phone
        # What one has seen at this size, the next need not be held to again.
        visitors[-1].seen = seen
        if role:
            visitors[-1].sign_in(product.account(role))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.close()


def said(visitor) -> str:
    return re.sub(r"\s+", " ", visitor.page.inner_text("main"))


def books(visitor) -> str:
    """Ask as somebody with a sprained ankle, take the first hour, and return the link."""
    visitor.open("/")
    visitor.press("Commencer")
    visitor.walk_to("verifier")
    visitor.press("Confirmer le rendez-vous")
    assert "Votre rendez-vous est confirmé" in said(visitor)
    return visitor.page.url.partition("?")[0]


def sms(product, words: str, to: str) -> str:
    """Wait for the SMS with these words to a number, and return its link."""

    def found():
        return [m for m in product.twilio.messages if words in m["Body"] and m["To"] == to]

    assert wait_until(found, 40), words
    [message] = found()
    assert len(message["Body"]) <= 160
    assert "Bernard" not in message["Body"]
    return re.search(r"http\S+", message["Body"]).group()


def a_colleague_takes_her(product, operator, colleague):
    operator.open("/console")
    operator.page.get_by_role("link", name=re.compile("Fontanel", re.IGNORECASE)).first.click()
    operator.page.wait_for_load_state()
    operator.press("Solliciter des professionnels")
    colleague.open(help_wanted(product))
    assert "Fontanel" not in said(colleague)
    colleague.page.locator("input[name='heure']").first.check(force=True)
    colleague.press("Je prends ce patient")
    assert "Le rendez-vous est pris" in said(colleague)


def help_wanted(product) -> str:
    """Wait for the SMS about her to professionals, and return where the first of them is led."""

    def found():
        # Others wait too, and the worker asks for them by itself.
        told = [m["Body"] for m in product.twilio.messages if "/aide/" in m["Body"]]
        return [text for text in told if "25 ans" in text]

    assert wait_until(found, 60)
    return "/aide/" + re.search(r"/aide/(\S+)", found()[0])[1]


def test_an_hour_that_a_practice_gives_up_finds_who_waits_and_nobody_is_lost(
    product, supply: Supply, visit
):
    zone = supply.community.zone
    anna = visit(PHONE, given_name="Anna", phone="06 39 98 00 43")
    boris = visit(PHONE, given_name="Boris", phone="06 39 98 00 44")
    doctor, coordinator = visit(DESKTOP, role="professional"), visit(DESKTOP, role="coordinator")

    # The morning: one hour soon, which Anna takes; then later ones, of which Boris takes the first.
    supply.open(supply.own, SOON)
    annas_link = books(anna)
    supply.open(supply.other, *(LATER + n * 4 * FIVE for n in range(4)))
    books(boris)
    boris.press("Me prévenir si une place se libère plus tôt")
    assert "nous vous la proposons" in said(boris)
    soon, boris_at_first = supply.starts_at("Anna"), supply.starts_at("Boris")
    coordinator.open("/coordination")
    assert "Anna" not in said(coordinator)

    # The practice cancels: Anna is told of others, and the coordinator sees her clock.
    doctor.open(f"/journee/rendez-vous/{supply.booking_of('Anna').reference}")
    doctor.press("Annuler ce rendez-vous")
    doctor.page.locator("main form button").first.click()
    doctor.page.wait_for_load_state()
    assert "Annulé" in said(doctor)
    assert sms(product, "Autres RDV", "+33639980043") == annas_link
    coordinator.press("Actualiser")
    waits = next(r for r in coordinator.page.locator("tbody tr").all() if "Anna" in r.inner_text())
    assert re.search(r"\b(2[0-4] h|encore|\d+ h)", re.sub(r"\s", " ", waits.inner_text()))

    # Nothing is free for Mme Fontanel: professionals are asked, and the first to accept has her.
    assert "FONTANEL" in said(coordinator).upper()
    a_colleague_takes_her(product, visit(DESKTOP, role="operator"), visit(PHONE))
    coordinator.press("Actualiser")
    assert "FONTANEL" not in said(coordinator).upper()

    # The hour that Anna lost is Boris’s for ten minutes, and he takes it.
    offer = sms(product, "Une place se libère", "+33639980044")
    boris.open(offer)
    assert "Une place se libère pour vous" in said(boris)
    boris.press("Je prends")
    assert supply.starts_at("Boris") == soon < boris_at_first
    boris.open(offer)
    assert "n’est plus gardée" in said(boris)

    # Anna chooses one of those that are kept, and nobody waits for her any more.
    anna.open(annas_link)
    assert re.search("gardés? pour vous", said(anna))
    anna.page.locator("button[name='rendez-vous']").first.click()
    anna.page.wait_for_load_state()
    anna.check()
    assert "Votre rendez-vous est confirmé" in said(anna)
    coordinator.press("Actualiser")
    assert "Anna" not in said(coordinator)

    the_day_is_noted(supply, product, visit, doctor, local_day(soon, zone))


def the_day_is_noted(supply, product, visit, doctor, day):
    """The doctor notes that Boris was seen; of Anna the other doctor is asked in the evening."""
    doctor.open(f"/journee/rendez-vous/{supply.booking_of('Boris').reference}")
    doctor.press("Vu")
    assert "Boris" in said(doctor)
    link = evening_letter(supply, product, day)
    asked = visit(PHONE)
    asked.open(link)
    assert "A." in said(asked)
    assert "Anna" not in said(asked)
    while "Tout est noté" not in said(asked):
        asked.page.get_by_role("button", name="Vu", exact=True).locator(
            "visible=true"
        ).first.click()
        asked.page.wait_for_load_state()
        asked.check()
    assert supply.booking_of("Anna").status == "HONOURED"


def evening_letter(supply: Supply, product: Product, day: date) -> str:
    """Ask as the worker does when the next morning has come; return the link of the mail."""
    morning = at(day + timedelta(days=1), time(8), supply.community.zone)
    links = Links(product.url, "127.0.0.1", b"of the story alone")
    with transaction(supply.session) as session:
        [due] = [
            d
            for d in outcome_letters.due(session, now=morning)
            if d.professional.id == supply.other.id
        ]
        assert outcome_letters.ask(session, due, links=links, now=morning)
        letter = session.scalars(
            select(OutcomeLetter).where(OutcomeLetter.professional_id == supply.other.id)
        ).one()
        mail = session.scalars(
            select(OutboxMessage).where(
                OutboxMessage.kind == Kind.OUTCOME, OutboxMessage.about == letter.reference
            )
        ).one()
    return re.search(r"http\S+", mail.text).group()
