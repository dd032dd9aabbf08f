"""The coordinator gives a person their copy, or erases them: a search, two choices, one button."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from booking.app import create_app
from booking.desk import choose
from booking.extensions import db, equipment
from booking.models import Booking, BookingStatus, ProvedBy, Role, Tombstone
from tests import builders
from tests.clockwork import NOON
from tests.integration.patient_walk import a_town
from tests.integration.test_erasure import BORN, CANARIES, WHO
from tests.integration.test_privacy import found
from tests.second_factor import enrolled, signed_in_twice
from tests.staffing import an_account, signed_in, words

HERE = "/coordination/personne"
PHONE = {"telephone": "06 39 98 00 77"}
SURE = {**PHONE, "qui": "tous", "preuve": "CALL"}


@pytest.fixture
def app_settings(app_settings, tmp_path_factory):
    """Tombstones are written beside nobody else's."""
    return app_settings.model_copy(update={"var": tmp_path_factory.mktemp("var")})


@pytest.fixture
def app(app_settings, hands):
    app = create_app(app_settings, clock=hands)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def town(app, session):
    town = a_town(session)
    session.commit()
    return town


@pytest.fixture
def booked(app, session, town, protocol):
    request = builders.a_triaged_request(session, town.community, protocol, **WHO)
    with app.app_context():
        links = equipment().links
    slot = town.slots[0].reference
    choose.book(
        session,
        request,
        town.community,
        slot,
        by="PATIENT",
        links=links,
        now=NOON,
    )
    session.commit()
    return request


@pytest.fixture
def coordinator(app, session, town):
    account = an_account(session, town.community, Role.COORDINATOR)
    session.commit()
    return signed_in(app, account)


def test_what_would_go_and_what_stays_is_said_before(coordinator, booked):
    page = coordinator.post(HERE, data=PHONE)

    said = words(page)
    assert page.status_code == 200
    assert "CANARYFAMILY CanaryGiven" in said
    assert "1 demande gardée" in said
    assert "Sont effacés :" in said
    assert "Restent, sans nom :" in said
    assert "Annuler aussi ce qui est prévu" in said


def test_a_person_is_erased_in_three_posts_at_most_and_it_is_noted(
    coordinator, session, booked, app_settings
):
    """Search, tick who and how, tick that the appointment goes too, one button: six clicks."""
    refused = coordinator.post(f"{HERE}/effacer", data=SURE)
    assert refused.status_code == 409
    assert "cochez pour l’annuler aussi" in words(refused)

    done = coordinator.post(f"{HERE}/effacer", data=SURE | {"annuler": "oui"})

    assert done.status_code == 303
    assert "C’est effacé" in words(coordinator.get(done.location))
    session.expire_all()
    assert found(session, CANARIES) == []
    assert session.scalars(select(Booking.status)).one() is BookingStatus.CANCELLED
    noted = session.scalars(select(Tombstone)).all()
    assert {each.proved_by for each in noted} == {ProvedBy.CALL}
    assert all(each.erased_by for each in noted)
    assert app_settings.tombstones_file.exists()
    assert "Rien n’est gardé" in words(coordinator.post(HERE, data=PHONE))


@pytest.mark.parametrize("part", ["effacer", "copie"])
@pytest.mark.parametrize(
    "lacks", [{"qui": ""}, {"preuve": ""}, {"telephone": "12"}, {"qui": "0000-00-00"}]
)
def test_nothing_happens_without_a_person_and_a_proof(coordinator, session, booked, part, lacks):
    answer = coordinator.post(f"{HERE}/{part}", data=SURE | {"annuler": "oui"} | lacks)

    assert answer.status_code == 422
    session.expire_all()
    assert session.scalars(select(Tombstone)).all() == []


def test_a_copy_is_handed_out_as_a_page_and_for_software(coordinator, booked):
    page = coordinator.post(f"{HERE}/copie", data=SURE | {"forme": "html"})
    assert "CanaryFamily" in page.text
    assert page.headers["Content-Disposition"] == "attachment; filename=vos-donnees.html"
    assert page.headers["Cache-Control"] == "no-store"

    data = coordinator.post(f"{HERE}/copie", data=SURE | {"forme": "json"})
    assert json.loads(data.text)["care_request"][0]["family_name"] == "CanaryFamily"


def test_of_two_people_with_one_number_the_one_is_chosen_by_birth_date(
    coordinator, session, booked, town, protocol
):
    other = {**WHO, "birth_date": date(1999, 1, 2), "family_name": "Autre"}
    builders.a_triaged_request(session, town.community, protocol, **other)
    session.commit()

    page = coordinator.post(HERE, data=PHONE)
    assert "checked" not in page.text
    copy = coordinator.post(f"{HERE}/copie", data=SURE | {"qui": BORN.isoformat()})

    assert "CanaryFamily" in copy.text
    assert "Autre" not in copy.text


def test_another_communitys_coordinator_finds_nobody(app, session, booked):
    far = a_town(session)
    account = an_account(session, far.community, Role.COORDINATOR, email="far@tilleuls.example")
    session.commit()
    stranger = signed_in(app, account)

    assert "Rien n’est gardé" in words(stranger.post(HERE, data=PHONE))
    assert "CanaryFamily" not in stranger.post(f"{HERE}/copie", data=SURE).text
    stranger.post(f"{HERE}/effacer", data=SURE | {"annuler": "oui"})
    session.expire_all()
    assert found(session, CANARIES[:3]) == list(CANARIES[:3])


def test_an_erasure_that_cannot_be_noted_says_so_and_does_nothing(
    coordinator, session, booked, app_settings
):
    app_settings.tombstones_file.mkdir(parents=True)

    answer = coordinator.post(f"{HERE}/effacer", data=SURE | {"annuler": "oui"})

    assert answer.status_code == 503
    assert "Rien n’est effacé" in words(answer)
    session.expire_all()
    assert session.scalars(select(Booking.status)).one() is BookingStatus.CONFIRMED


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("part", ["effacer", "copie"])
def test_a_screen_left_open_hands_out_and_erases_nobody(app, session, town, part, hands):
    account = an_account(session, town.community, Role.COORDINATOR)
    phone = enrolled(session, account, NOON)
    session.commit()
    client = signed_in_twice(app, account, phone, hands())
    assert client.get(HERE).status_code == 200
    now = hands.wait(timedelta(minutes=10))

    asked = [client.get(HERE), client.post(f"{HERE}/{part}", data=SURE | {"annuler": "oui"})]
    proved = client.post("/preuve", data={"code": phone.code(now), "next": HERE})
    done = client.post(f"{HERE}/{part}", data=SURE | {"annuler": "oui"})

    assert [each.location for each in asked] == [f"/preuve?next={HERE}"] * 2
    assert [each.text for each in asked if "CanaryFamily" in each.text] == []
    assert proved.location == HERE
    assert done.status_code == (303 if part == "effacer" else 200)
