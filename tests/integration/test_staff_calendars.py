"""The page on which a professional gives their own calendar, and what it says of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from booking import fresh_calendars, scope
from booking.models import Role
from booking.web.busy import FAILURES
from config.settings import Settings
from schedules import directory
from schedules.calendars import keeping
from schedules.calendars.guard import Failure
from schedules.calendars.reading import Failed
from schedules.models import BusyCalendar, Community, Slot
from tests.builders import (
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    slot_of,
)
from tests.calendar_server import Anything, calendar, says
from tests.clockwork import NOON
from tests.conftest import address_of
from tests.integration.patient_walk import Walk, a_town
from tests.integration.test_api_keys import a_partner
from tests.staffing import an_account, signed_in, words

AN_HOUR = "DTSTART:20270327T130000Z\nDURATION:PT1H\nSUMMARY:Mme Morel"
FORM = "/agendas/occupe"


@pytest.fixture
def app_settings(engine):
    return Settings(
        database_url=address_of(engine),
        public_base_url="http://localhost",
        calendars_may_be_local=True,
    )


@pytest.fixture
def outside():
    made = Anything()
    made.answer = says(calendar(AN_HOUR), ETag='"1"')
    yield made
    made.stop()


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community)


@pytest.fixture
def doctor(session, community, site):
    return a_professional(session, community, site)


@pytest.fixture
def professional(app, session, community, doctor):
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def form(doctor, site, outside):
    return {"address": outside.url, "place": f"{doctor.reference}~{site.reference}"}


def the_calendar(session) -> BusyCalendar:
    return session.scalars(select(BusyCalendar).execution_options(populate_existing=True)).one()


def test_a_calendar_is_given_read_at_once_and_its_address_never_shown_again(
    session, professional, doctor, site, form
):
    slot = a_slot(session, professional=doctor, site=site)
    session.commit()
    assert "Adresse secrète" in professional.get(FORM).text

    given = professional.post(FORM, data=form)
    page = professional.get(given.location)

    assert given.status_code == 303
    assert "secret" not in given.location
    assert "secret.ics" not in page.text
    said = words(page)
    assert (
        "1 rendez-vous trouvé pour les 15 jours à venir. 1 créneau libre est maintenant fermé."
        in said
    )
    assert "agenda chez 127.0.0.1" in said
    assert "Dernière lecture réussie il y a 0 min." in said
    assert slot_of(session, slot.reference).busy_since == NOON
    assert "Morel" not in page.text


@pytest.mark.parametrize(
    "case",
    [
        (says(b"<html>"), "une page, pas à un agenda"),
        (says(b"", 403), "demande un mot de passe"),
        (says(b"", 404), "Il n’y a pas d’agenda à cette adresse"),
        (says(b"", 302, Location="http://10.0.0.1/"), "ne s’ouvre pas depuis Internet"),
        (says(calendar(AN_HOUR + "\nRRULE:FREQ=SECONDLY")), "se répète sans arrêt"),
        (says(calendar(*[AN_HOUR] * 5001)), "plus de 5 000"),
    ],
    ids=["html", "closed", "gone", "inside", "endless", "many"],
)
def test_what_cannot_be_read_is_said_beside_the_field_with_its_mend(
    session, professional, form, outside, case
):
    outside.answer, sentence = case

    refused = professional.post(FORM, data=form)

    assert refused.status_code == 422
    assert sentence in words(refused)
    assert "secret.ics" not in refused.text
    assert session.scalars(select(BusyCalendar)).all() == []


def test_every_failure_has_a_sentence():
    assert set(FAILURES) == set(Failure)


@pytest.mark.parametrize(
    "but",
    [
        {"address": ""},
        {"address": "   "},
        {"address": "\x00\x01"},
        {"address": "http://" + "a" * 3000},
        {"address": "javascript:alert(1)"},
        {"address": "http://[::1"},
        {"place": ""},
        {"place": "a~b"},
        {"place": "~"},
    ],
)
def test_nothing_that_is_typed_breaks_the_page(professional, form, but):
    refused = professional.post(FORM, data=form | but)

    assert refused.status_code == 422
    assert "Il y a un problème" in words(refused)


def test_nobody_gives_a_calendar_for_another(session, professional, community, form):
    elsewhere = a_site(session, community)
    colleague = a_professional(session, community, elsewhere)
    session.commit()

    for place in (f"{colleague.reference}~{elsewhere.reference}", f"{uuid4()}~{uuid4()}"):
        assert professional.post(FORM, data=form | {"place": place}).status_code == 404


def test_the_sixth_calendar_is_refused(session, professional, doctor, site, form):
    for _ in range(5):
        keeping.begin(session, doctor, site, "https://a.example/", by=None, now=NOON)
    session.commit()

    assert "Cinq agendas sont déjà lus" in words(professional.post(FORM, data=form))


def test_a_failure_and_the_age_of_the_last_reading_are_shown(app, session, doctor, site, hands):
    community = session.get_one(Community, doctor.community_id)
    given = keeping.begin(session, doctor, site, "https://a.example/", by=None, now=NOON)
    given.read_at = NOON
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    for minutes in (90, 125):
        order = keeping.order_of(given, "Europe/Paris", now=NOON + timedelta(minutes=minutes))
        keeping.apply(session, order, Failed(Failure.GONE), now=order.asked_at)
    session.commit()
    hands.wait(timedelta(minutes=125))

    said = words(signed_in(app, account).get("/agendas"))

    assert "Il n’y a pas d’agenda à cette adresse" in said
    assert "il y a 2 h 05." in said
    assert "ne sont plus proposés" in said


def test_its_owner_chooses_stops_and_only_they_do(session, app, professional, community, form):
    professional.post(FORM, data=form)
    given = the_calendar(session)
    other = a_professional(session, community, a_site(session, community))
    account = an_account(
        session, community, Role.PROFESSIONAL, professional=other, email="autre@tilleuls.example"
    )
    session.commit()
    stranger = signed_in(app, account)
    doors = [f"{FORM}/{given.reference}/{end}" for end in ("illisible", "arreter")]

    assert [stranger.post(door, data={"always": "yes"}).status_code for door in doors] == [404, 404]
    assert [
        professional.post(f"{FORM}/{uuid4()}/{e}").status_code for e in ("illisible", "arreter")
    ] == [404, 404]
    assert professional.post(doors[0], data={"always": "yes"}).status_code == 303
    assert the_calendar(session).offers_when_unreadable
    assert professional.post(doors[1]).status_code == 303
    assert (the_calendar(session).url, the_calendar(session).ended_at) == ("", NOON)
    assert professional.post(doors[1]).status_code == 404
    session.rollback()


def test_a_conflict_is_shown_with_one_action_each_and_kept(
    session, professional, doctor, protocol, form
):
    slot = a_slot(session, professional=doctor)
    community = session.get_one(Community, doctor.community_id)
    booked = a_booking(session, community, protocol, slot)
    session.commit()
    professional.post(FORM, data=form)

    page = professional.get("/agendas")

    assert "Rendez-vous pris pendant que vous êtes occupé" in words(page)
    assert "Aujourd’hui" in words(page)
    assert f"/journee/rendez-vous/{booked.reference}/annuler" in page.text
    kept = professional.post(f"/agendas/conflits/{slot.reference}/garder")
    assert kept.status_code == 303
    assert "pendant que vous êtes occupé" not in words(professional.get("/agendas"))
    assert professional.post(f"/agendas/conflits/{uuid4()}/garder").status_code == 404


def test_what_is_opened_by_hand_while_busy_is_closed_from_the_start(
    session, professional, doctor, site, form
):
    professional.post(FORM, data=form)

    professional.post(
        "/creneaux",
        data={
            "phrase": "aujourd'hui 13h40 3x20",
            "place": f"{doctor.reference}~{site.reference}",
            "visibility": ["CPTS"],
            "sure": "1",
        },
    )

    session.rollback()
    made = session.scalars(select(Slot).order_by(Slot.starts_at)).all()
    assert [slot.busy_since is None for slot in made] == [True, False, False]


def test_a_secretary_gives_the_calendar_of_a_professional_of_her_site(
    app, session, community, site, form
):
    account = an_account(session, community, Role.SECRETARY, sites=(site,))
    session.commit()
    secretary = signed_in(app, account)

    assert secretary.post(FORM, data=form).status_code == 303
    assert "agenda chez 127.0.0.1" in words(secretary.get("/agendas"))


@pytest.fixture
def walk(session, client, monkeypatch):
    """A patient who may choose a slot now."""
    # A test's machine may be slow; that a reading ends in time is tried elsewhere.
    monkeypatch.setattr(fresh_calendars, "LONGEST", timedelta(seconds=20))
    return Walk(client, a_town(session)).to("rendez-vous")


def an_old_calendar(session, slot, url):
    doctor, site = directory.whereabouts(session, slot)
    made = keeping.begin(session, doctor, site, url, by=None, now=NOON - timedelta(minutes=20))
    made.read_at = made.tried_at = NOON - timedelta(minutes=16)
    session.commit()


def test_a_calendar_that_is_known_since_long_is_read_before_somebody_books(session, walk, outside):
    slot = walk.town.slots[0]
    an_old_calendar(session, slot, outside.url)

    taken = walk.post("rendez-vous", **{"rendez-vous": str(slot.reference)})

    assert len(outside.asked) == 1
    assert taken.status_code == 409
    assert slot_of(session, slot.reference).busy_since == NOON


def test_a_calendar_that_is_known_since_long_is_read_before_other_software_books(
    session, client, protocol, outside, monkeypatch
):
    monkeypatch.setattr(fresh_calendars, "LONGEST", timedelta(seconds=20))
    partner = a_partner(session, client, protocol)
    doctor = a_professional(session, partner.community, a_site(session, partner.community))
    slots = [
        a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=2 + n))
        for n in range(2)
    ]
    session.commit()
    asked = partner.asks()
    an_old_calendar(session, slots[0], outside.url)

    ends = [
        partner.send("PUT", f"/{asked['reference']}/hold", {"slot": str(slot.reference)})
        for slot in slots
    ]

    assert [end.status_code for end in ends] == [409, 200]
    assert len(outside.asked) == 1


def test_who_books_goes_on_when_the_calendar_does_not_answer(session, walk, outside):
    slot = walk.town.slots[0]
    outside.answer = says(b"", 500)
    an_old_calendar(session, slot, outside.url)

    held = walk.post("rendez-vous", **{"rendez-vous": str(slot.reference)})

    assert len(outside.asked) == 1
    assert held.status_code == 303
    assert slot_of(session, slot.reference).held_by is not None


def test_a_calendar_that_was_read_a_moment_ago_is_not_asked_again(session, walk, outside):
    slot = walk.town.slots[0]
    an_old_calendar(session, slot, outside.url)
    session.execute(BusyCalendar.__table__.update().values(read_at=NOON - timedelta(minutes=14)))
    session.commit()

    walk.post("rendez-vous", **{"rendez-vous": str(slot.reference)})

    assert outside.asked == []


def test_no_more_than_two_wait_for_calendars_at_a_time(app, session, doctor, site, outside):
    slot = a_slot(session, professional=doctor, site=site)
    an_old_calendar(session, slot, outside.url)
    for _ in range(2):
        assert fresh_calendars.AT_ONCE.acquire(blocking=False)
    try:
        with app.app_context():
            scope.widen()
            fresh_calendars.look_again(slot.reference)
            fresh_calendars.look_again("no slot at all")
    finally:
        fresh_calendars.AT_ONCE.release(2)

    assert outside.asked == []
