"""The patient's appointment by its link: see, add to a calendar, cancel, move; when links die."""

from datetime import timedelta

import icalendar
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.models import Booking, BookingStatus, CareRequest, RequestStatus
from tests.clockwork import Hands
from tests.integration.patient_walk import Town, Walk, a_town


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session)


@pytest.fixture
def link(client: FlaskClient, town: Town) -> str:
    return Walk(client, town).book()


def the_booking(session: Session) -> Booking:
    session.expire_all()
    return session.scalars(select(Booking)).one()


def test_the_calendar_file_says_when_and_where_and_no_more(
    client: FlaskClient, link: str, town: Town, session: Session
):
    answer = client.get(f"{link}.ics")

    [event] = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert 'filename="rendez-vous.ics"' in answer.headers["Content-Disposition"]
    assert event["UID"] == f"{the_booking(session).reference}@localhost"
    assert event.start == town.slots[0].starts_at
    assert b"Bernard" not in answer.data.replace(town.doctor.family_name.encode(), b"")
    assert b"Camille" not in answer.data


def test_the_form_leads_to_the_appointment_once_there_is_one(client: FlaskClient, town: Town):
    walk = Walk(client, town)
    link = walk.book()

    assert walk.get("motif").location == link
    assert walk.post("motif").location == link
    assert client.get(f"/demande/{walk.token}").location == link


def test_asking_to_cancel_changes_nothing(client: FlaskClient, link: str, session: Session):
    page = client.get(f"{link}/annuler")

    assert "Voulez-vous annuler" in page.text
    assert "Un autre patient pourra venir." in page.text
    assert the_booking(session).status is BookingStatus.CONFIRMED


def test_cancelling_frees_the_slot_at_once_and_twice_is_once(
    client: FlaskClient, link: str, town: Town, session: Session
):
    client.post(f"{link}/annuler")
    again = client.post(f"{link}/annuler")

    booking = the_booking(session)
    assert again.status_code == 303
    assert booking.status is BookingStatus.CANCELLED
    assert town.slots[0].claimed_by is None
    assert session.scalars(select(CareRequest)).one().status is RequestStatus.DECLINED
    assert "Ce rendez-vous est annulé" in client.get(link).text


def test_moving_gives_another_hour_and_frees_the_first(
    client: FlaskClient, link: str, town: Town, session: Session
):
    offered = client.get(f"{link}/changer").text
    wanted = town.slots[2]

    client.post(f"{link}/changer", data={"rendez-vous": str(wanted.reference)})

    assert str(town.slots[0].reference) not in offered
    assert the_booking(session).slot_id == wanted.id
    assert town.slots[0].claimed_by is None
    shown = client.get(link).text
    assert "à 15\u00a0h\u00a000" in shown
    assert "Votre rendez-vous est changé" in shown
    assert "Votre rendez-vous est changé" not in client.get(link).text


def test_moving_to_what_another_took_leaves_the_appointment_as_it_was(
    client: FlaskClient, link: str, town: Town, session: Session
):
    quick = Walk(client, town)
    quick.to("rendez-vous").post("rendez-vous", **{"rendez-vous": str(town.slots[1].reference)})

    page = client.post(f"{link}/changer", data={"rendez-vous": str(town.slots[1].reference)})

    assert page.status_code == 409
    assert "En voici d’autres" in page.text
    assert the_booking(session).slot_id == town.slots[0].id


@pytest.mark.parametrize("said", ["", "pas-un-creneau", "\x00", "é" * 100])
def test_moving_nowhere_is_said_beside_the_list(client: FlaskClient, link: str, said: str):
    page = client.post(f"{link}/changer", data={"rendez-vous": said})

    assert page.status_code == 422
    assert "Choisissez un rendez-vous" in page.text


def test_an_appointment_that_has_begun_is_neither_cancelled_nor_moved(
    client: FlaskClient, link: str, town: Town, hands: Hands, session: Session
):
    hands.wait(timedelta(hours=2, minutes=5))

    cancelled = client.post(f"{link}/annuler")
    moved = client.post(f"{link}/changer", data={"rendez-vous": str(town.slots[3].reference)})

    assert (cancelled.status_code, moved.status_code) == (409, 409)
    assert "Annuler" not in client.get(link).text
    assert the_booking(session).status is BookingStatus.CONFIRMED


def test_a_link_dies_two_hours_after_the_appointment(client: FlaskClient, link: str, hands: Hands):
    hands.wait(timedelta(hours=5))

    gone = [client.get(link + end).status_code for end in ("", ".ics", "/annuler", "/changer")]

    assert gone == [410, 410, 410, 410]
    assert client.post(f"{link}/annuler").status_code == 410


def test_a_wrong_link_is_not_found_and_says_the_same_for_all(client: FlaskClient, link: str):
    wrong = [client.get(f"/r/{token}") for token in ("a" * 22, link[3:-1] + "-", "%00", "é" * 300)]

    assert {page.status_code for page in wrong} == {404}
    assert "Bernard" not in wrong[1].text


def test_a_link_is_kept_out_of_search_engines_and_caches(client: FlaskClient, link: str):
    for page in (client.get(link), client.get(f"{link}.ics"), client.get(f"{link}/annuler")):
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_references_of_rows_open_nothing(client: FlaskClient, link: str, session: Session):
    booking = the_booking(session)

    assert client.get(f"/r/{booking.reference}").status_code == 404
    assert client.get(f"/r/{booking.code}").status_code == 404
