"""Nobody takes care from others by the form: bots hold a twentieth at most, people are served."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.desk import choose, hoarding
from booking.desk.hoarding import Verdict
from booking.desk.visitors import Visitor
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    RequestStatus,
    Role,
    VisitorAct,
    VisitorDid,
)
from booking.triage.protocol import Protocol
from booking.web import patience
from schedules.models import Community, Slot, Visibility
from schedules.slots import SlotTaken
from tests import builders
from tests.clockwork import NOON, Hands
from tests.integration.patient_walk import CALM, Town, Walk, a_town
from tests.staffing import an_account, signed_in, words

SECRET = b"a secret of the tests, long enough"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session, slots=12)


def a_walk(app: Flask, town: Town, address: str, phone: str = "") -> Walk:
    """Return a browser at this address, whose patient has this number."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    answers = dict(CALM)
    if phone:
        answers["telephone"] = CALM["telephone"] | {"telephone": phone}
    return Walk(client, town, answers)


def holds(walk: Walk, n: int, **more: str) -> int:
    """Choose the n-th slot, and return the status of the answer."""
    walk.to("rendez-vous")
    slot = str(walk.town.slots[n].reference)
    return walk.post("rendez-vous", **{"rendez-vous": slot}, **more).status_code


# One address, one number.


def test_the_fourth_of_an_address_waits_twenty_seconds_and_loses_nothing(
    app: Flask, town: Town, hands: Hands
):
    shared = "198.51.100.7"
    assert [holds(a_walk(app, town, shared), n) for n in range(3)] == [303] * 3
    fourth = a_walk(app, town, shared).to("rendez-vous")
    slot = str(town.slots[5].reference)

    page = fourth.post("rendez-vous", **{"rendez-vous": slot})
    puzzle = page.text.split('name="patience" value="')[1].split('"')[0]
    again = {"rendez-vous": slot, "patience": puzzle}

    assert page.status_code == 429
    assert f'name="rendez-vous" value="{slot}"' in page.text
    assert "Attendez 20 secondes" in words(page)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    hands.wait(19 * SECOND)
    early = fourth.post("rendez-vous", **again)
    assert (early.status_code, "Encore 1 secondes" in words(early)) == (429, True)
    hands.wait(1 * SECOND)
    assert fourth.post("rendez-vous", **again).status_code == 303


def test_a_browser_that_does_the_work_waits_for_nothing(app: Flask, town: Town):
    for n in range(3):
        holds(a_walk(app, town, "198.51.100.7"), n)
    walk = a_walk(app, town, "198.51.100.7").to("rendez-vous")
    slot = {"rendez-vous": str(town.slots[5].reference)}
    page = walk.post("rendez-vous", **slot)
    puzzle = page.text.split('name="patience" value="')[1].split('"')[0]
    work = next(n for n in range(10_000_000) if patience.is_work(puzzle, str(n)))

    assert (
        walk.post("rendez-vous", **slot, patience=puzzle, travail=str(work + 1)).status_code == 429
    )
    assert walk.post("rendez-vous", **slot, patience=puzzle, travail=str(work)).status_code == 303


@pytest.mark.parametrize("said", ["", "1.x", "9" * 30 + ".x", "٣.x", "\x00", "1174", "a" * 9000])
def test_a_puzzle_that_is_not_ours_counts_for_nothing(said: str):
    assert patience.read(said, uuid4(), SECRET, now=NOON) is None


def test_a_puzzle_is_good_for_one_request_and_ten_minutes():
    mine, other = uuid4(), uuid4()
    puzzle = patience.begun(mine, SECRET, now=NOON)

    assert patience.read(puzzle.text, mine, SECRET, now=NOON + 10 * MINUTE) is not None
    assert patience.read(puzzle.text, mine, SECRET, now=NOON + 11 * MINUTE) is None
    assert patience.read(puzzle.text, other, SECRET, now=NOON) is None
    assert patience.read(puzzle.text, mine, b"another", now=NOON) is None


def test_a_slot_cannot_be_kept_by_the_pages_after_its_own(app: Flask, town: Town, session: Session):
    for n in range(3):
        holds(a_walk(app, town, "198.51.100.7"), n)
    walk = a_walk(app, town, "198.51.100.7").to("rendez-vous")

    barred = walk.post("nom", **CALM["nom"], slot=str(town.slots[5].reference))

    assert barred.status_code == 429
    assert session.get_one(Slot, (town.community.id, town.slots[5].id)).held_by is None


def test_a_number_has_one_appointment_to_come_and_is_told_what_to_do(
    app: Flask, town: Town, hands: Hands
):
    mine = "06 39 98 77 01"
    first = a_walk(app, town, "198.51.100.1", mine).book()
    second = a_walk(app, town, "198.51.100.2", mine)
    assert holds(second, 2) == 303
    second.to("telephone")

    page = second.post("telephone")

    assert page.status_code == 422
    assert "un seul à la fois" in words(page)
    assert town.community.phone in words(page)
    assert mine in page.text
    assert first not in page.text
    assert "14 h" not in words(page).split("un seul à la fois")[1].split("SMS")[0]
    assert second.post("telephone", **CALM["telephone"]).status_code == 303
    assert app.test_client().post(f"{first}/annuler").status_code == 303
    assert a_walk(app, town, "198.51.100.3", mine).book()


def test_two_who_confirm_for_one_number_get_one_appointment(
    app: Flask, town: Town, session: Session
):
    mine = "06 39 98 77 01"
    one = a_walk(app, town, "198.51.100.1", mine).to("verifier")
    session.expire_all()
    other = a_walk(app, town, "198.51.100.2", mine).to("rendez-vous")
    other.post("rendez-vous", **{"rendez-vous": str(town.slots[3].reference)})
    other = other.to("verifier")
    one.book()

    late = other.post("verifier", go="1")

    assert late.status_code == 422
    assert "un seul à la fois" in words(late)
    live = (
        select(func.count()).select_from(Booking).where(Booking.status == BookingStatus.CONFIRMED)
    )
    assert session.scalar(live) == 1


def test_staff_who_fill_the_form_for_somebody_are_asked_nothing(
    app: Flask, town: Town, session: Session
):
    account = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    client = signed_in(app, account)
    mine = CALM | {"telephone": CALM["telephone"] | {"telephone": "06 39 98 77 01"}}

    for n in range(4):
        walk = Walk(client, town, dict(mine)).to("rendez-vous")
        walk.post("rendez-vous", **{"rendez-vous": str(town.slots[n].reference)})
        assert walk.book()


def test_a_number_that_held_twice_today_without_booking_is_helped_by_the_line(
    app: Flask, town: Town, hands: Hands
):
    for n in range(2):
        walk = a_walk(app, town, f"198.51.100.{n}", "06 39 98 77 01")
        walk.to("verifier")
        hands.wait(11 * MINUTE)
    third = a_walk(app, town, "198.51.100.9", "06 39 98 77 01").to("telephone")

    assert "sans confirmer" in words(third.post("telephone"))


# The coordinator's switch.


def test_a_closed_form_keeps_nothing_and_says_whom_to_call(
    app: Flask, client: FlaskClient, town: Town, session: Session
):
    account = an_account(session, town.community, Role.COORDINATOR)
    session.commit()
    begun = a_walk(app, town, "198.51.100.1").to("rendez-vous")
    coordinator = signed_in(app, account)

    assert coordinator.post("/coordination/formulaire", data={"formulaire": "x"}).status_code == 422
    saved = coordinator.post("/coordination/formulaire", data={"formulaire": "CLOSED"})

    assert saved.status_code == 303
    assert 'value="CLOSED" checked' in coordinator.get(saved.location).text
    assert holds(begun, 1) == 429
    home = client.get("/")
    assert "ce formulaire est fermé" in words(home)
    assert 'action="/demande"' not in home.text
    assert client.post("/demande", data={"community": town.community.slug}).status_code == 429


def test_an_address_that_begins_sixty_requests_in_an_hour_is_sent_to_the_line(
    client: FlaskClient, town: Town, hands: Hands
):
    said = {"community": town.community.slug}
    statuses = [client.post("/demande", data=said).status_code for _ in range(61)]

    assert statuses == [303] * 60 + [429]
    hands.wait(61 * MINUTE)
    assert client.post("/demande", data=said).status_code == 303


def test_neither_address_nor_number_is_kept_where_visitors_are_counted(
    app: Flask, town: Town, session: Session
):
    a_walk(app, town, "198.51.100.1", "06 39 98 77 01").to("verifier")

    acts = session.scalars(select(VisitorAct)).all()
    assert {act.kind for act in acts} == {
        VisitorDid.BEGAN,
        VisitorDid.HELD,
        VisitorDid.GAVE_PHONE,
    }
    assert not [a for a in acts if b"198.51" in a.who_hash or b"3998" in a.who_hash]


# A thousand bots.


@dataclass
class Siege:
    """Minutes of a territory: visitors of two kinds, each with an address of its own."""

    session: Session
    community: Community
    draw: Random = field(default_factory=lambda: Random(7))
    served_by_form: int = 0
    served_by_line: int = 0

    def free(self, now: Any) -> list[Slot]:
        is_free = (Slot.claimed_by.is_(None), Slot.starts_at > now)
        unheld = (Slot.held_by.is_(None)) | (Slot.held_until <= now)
        return list(self.session.scalars(select(Slot).where(*is_free, unheld)))

    def wants(self, request: CareRequest, now: Any, *, patient: bool) -> bool:
        """Try to hold, from an address that was never seen before."""
        address = f"2001:db8::{self.draw.randrange(1 << 32):x}"
        said = {"has_shown_patience": patient, "now": now}
        verdict = hoarding.may_hold(self.session, request, Visitor(address, SECRET), **said)
        free = self.free(now) if verdict is Verdict.FREE else []
        if not free:
            return False
        try:
            choose.hold(self.session, request, self.draw.choice(free).reference, now=now)
        except SlotTaken:
            return False
        return True

    def books(self, request: CareRequest, now: Any) -> None:
        held = choose.held(self.session, request, now=now)
        assert held is not None
        said = {"by": "PATIENT", "links": builders.LINKS, "now": now}
        choose.book(self.session, request, self.community, held.reference, **said)
        hoarding.note_booked(self.session, request)

    def calls_the_line(self, request: CareRequest, now: Any) -> bool:
        free = self.free(now)
        if not free:
            return False
        choose.hold(self.session, request, self.draw.choice(free).reference, now=now)
        self.books(request, now)
        return True


def _people(
    session: Session, community: Community, model: CareRequest, count: int
) -> list[CareRequest]:
    """Copy a judged request so many times, each with a judgement of its own."""
    from booking.models import Assessment  # noqa: PLC0415

    judged = session.get_one(Assessment, (community.id, model.assessment_id))
    skip = {"id", "reference", "request_id", "assessment_id", "level", "link_hash"}

    def copied(row: Any) -> dict[str, Any]:
        return {c.key: getattr(row, c.key) for c in row.__table__.columns if c.key not in skip}

    made = [CareRequest(reference=uuid4(), **copied(model)) for _ in range(count)]
    session.add_all(made)
    session.flush()
    judgements = [
        Assessment(reference=uuid4(), request_id=each.id, level=judged.level, **copied(judged))
        for each in made
    ]
    session.add_all(judgements)
    session.flush()
    for each, judgement in zip(made, judgements, strict=True):
        each.assessment_id, each.level = judgement.id, judgement.level
    session.flush()
    return made


@pytest.mark.parametrize("bots_book", [False, True], ids=["they hold", "they book"])
def test_a_thousand_bots_hold_a_twentieth_at_most_and_people_are_served(
    session: Session, protocol: Protocol, *, bots_book: bool, capsys: pytest.CaptureFixture[str]
):
    town = a_town(session, slots=0)
    for n in range(10):
        doctor = builders.a_professional(session, town.community, town.site)
        for k in range(20):
            builders.a_slot(
                session,
                professional=doctor,
                site=town.site,
                starts_at=NOON + timedelta(hours=2, minutes=25 * k + n),
                visibility=(Visibility.CPTS,),
            )
    model = builders.a_triaged_request(session, town.community, protocol)
    bots = _people(session, town.community, model, 1000)
    people = _people(session, town.community, model, 20)
    siege = Siege(session, town.community)
    worst, calls, lines = 0.0, [], 2
    everybody = {bot.reference for bot in bots}
    of_bots = {bot.id for bot in bots}

    for minute in range(20):
        now = NOON + minute * MINUTE
        siege.draw.shuffle(bots)
        # Each of them has waited or worked by now: nothing they can do is kept from them.
        tried = bots[: 300 if minute == 0 else 40]
        for bot in tried[: len(tried) // 2]:
            got = bot.status is RequestStatus.OPEN and siege.wants(bot, now, patient=True)
            if got and bots_book:
                siege.books(bot, now)
        person = people[minute]
        if siege.wants(person, now, patient=True):
            siege.books(person, now)
            siege.served_by_form += 1
        else:
            calls.append(person)
        # Two people answer the line, four minutes each.
        for caller in calls[: lines if minute % 4 == 0 else 0]:
            if siege.calls_the_line(caller, now):
                calls.remove(caller)
                siege.served_by_line += 1
        for bot in tried[len(tried) // 2 :]:
            got = bot.status is RequestStatus.OPEN and siege.wants(bot, now, patient=True)
            if got and bots_book:
                siege.books(bot, now)
        held = session.scalars(
            select(Slot.held_by).where(Slot.held_until > now, Slot.held_by.is_not(None))
        )
        worst = max(worst, len(everybody & set(held)) / 200)

    while calls and siege.calls_the_line(calls[0], now):
        calls.pop(0)
        siege.served_by_line += 1
    taken = session.scalar(
        select(func.count()).select_from(Booking).where(Booking.request_id.in_(of_bots))
    )
    with capsys.disabled():
        print(
            f"\n  1000 bots, bots book: {bots_book}: held at worst {worst:.1%} of 200 slots; "
            f"booked by bots in 20 min {taken}; served by form {siege.served_by_form}, "
            f"by line {siege.served_by_line} of 20"
        )
    assert worst <= 0.05
    assert (siege.served_by_form + siege.served_by_line) / 20 >= 0.95
