"""Holds, races and ends: a slot is kept, lost, taken once; a call is promised."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from booking.models import Booking, CareRequest, RequestStatus
from notifications import outbox
from notifications.models import Kind, OutboxMessage, Status
from schedules import slots
from schedules.models import Slot
from tests.clockwork import Hands
from tests.integration.patient_walk import CALM, Town, Walk, a_town

TAKEN = "Ce rendez-vous vient d’être pris. En voici d’autres."


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session)


@pytest.fixture
def walk(client: FlaskClient, town: Town) -> Walk:
    return Walk(client, town)


def other_takes(session: Session, slot: Slot, hands: Hands) -> None:
    """Let somebody else have the slot for good."""
    claimed = slots.claiming(
        slot.community_id, slot.reference, asker=slot.reference, now=hands.now
    ).returning(Slot.id)
    assert session.scalar(claimed)
    session.commit()


def bookings(session: Session) -> int:
    session.expire_all()
    return session.scalar(select(func.count()).select_from(Booking)) or 0


def test_five_are_proposed_and_the_others_can_be_leafed_to(walk: Walk):
    walk.to("rendez-vous")

    first = walk.get("rendez-vous").text
    later = walk.client.get(walk.url("rendez-vous?apres=5")).text

    assert first.count('name="rendez-vous"') == 5
    assert "Voir plus tard" in first
    assert later.count('name="rendez-vous"') == 2
    assert "Voir plus tard" not in later


def test_each_proposal_says_why_it_is_there(walk: Walk):
    walk.to("rendez-vous")

    assert "Le plus tôt" in walk.get("rendez-vous").text


def test_places_without_wheelchair_access_can_be_left_out(walk: Walk, session: Session):
    walk.to("rendez-vous")
    session.execute(update(Slot).values(skills=[]))
    session.commit()

    page = walk.client.get(walk.url("rendez-vous?fauteuil=1")).text

    assert 'name="rendez-vous"' not in page
    assert "Voir tous les lieux" in page


def test_the_end_of_the_hold_is_shown(walk: Walk):
    walk.to("nom")

    assert "gardé pour vous jusqu’à 12\u00a0h\u00a005" in walk.get("nom").text


def test_each_page_keeps_the_slot_longer(walk: Walk, hands: Hands):
    walk.to("nom")
    hands.wait(timedelta(minutes=4))

    walk.post("nom")

    assert "jusqu’à 12\u00a0h\u00a009" in walk.get("telephone").text


def test_a_slot_that_another_took_shows_three_others(walk: Walk, session: Session, hands: Hands):
    walk.to("rendez-vous")
    wanted = walk.town.slots[0]
    other_takes(session, wanted, hands)

    page = walk.post("rendez-vous", **{"rendez-vous": str(wanted.reference)})

    assert page.status_code == 409
    assert TAKEN in page.text
    assert page.text.count('name="rendez-vous"') == 3
    assert str(wanted.reference) not in page.text


def test_a_slot_lost_while_typing_loses_nothing_typed(walk: Walk, session: Session, hands: Hands):
    walk.to("nom")
    held = str(walk.town.slots[0].reference)
    hands.wait(timedelta(minutes=6))
    other_takes(session, walk.town.slots[0], hands)

    page = walk.post("nom", **CALM["nom"], slot=held)
    on = walk.post("rendez-vous", **{"rendez-vous": str(walk.town.slots[1].reference)})

    assert page.status_code == 409
    assert TAKEN in page.text
    assert on.location.endswith("/telephone")
    assert session.scalars(select(CareRequest)).one().family_name == "Bernard"


def test_a_hold_that_ended_is_taken_up_again_at_the_confirmation(
    walk: Walk, session: Session, hands: Hands
):
    walk.to("verifier")
    hands.wait(timedelta(minutes=20))

    confirmed = walk.post("verifier", slot=str(walk.town.slots[0].reference))

    assert confirmed.location.startswith("/r/")
    assert bookings(session) == 1


def test_a_hold_that_ended_and_went_to_another_books_nothing(
    walk: Walk, session: Session, hands: Hands
):
    walk.to("verifier")
    hands.wait(timedelta(minutes=20))
    other_takes(session, walk.town.slots[0], hands)

    page = walk.post("verifier", slot=str(walk.town.slots[0].reference))

    assert page.status_code == 409
    assert bookings(session) == 0


def test_a_page_opened_after_its_hold_ended_says_so(walk: Walk, hands: Hands):
    walk.to("verifier")
    hands.wait(timedelta(minutes=20))

    led = walk.get("verifier")

    assert "n’est plus gardé" in walk.client.get(led.location).text


def test_confirming_twice_gives_the_same_appointment(walk: Walk, session: Session):
    walk.to("verifier")

    first = walk.post("verifier", go="1")
    second = walk.post("verifier", go="1")

    assert first.location == second.location
    assert bookings(session) == 1


def test_two_tabs_that_confirm_together_give_one_appointment(
    app: Flask, walk: Walk, session: Session
):
    walk.to("verifier")
    together, seen = Barrier(2), []

    def confirm() -> None:
        client = app.test_client()
        together.wait()
        seen.append(client.post(walk.url("verifier"), data={"go": "1"}).location)

    tabs = [Thread(target=confirm) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    assert len(set(seen)) == 1
    assert bookings(session) == 1


def test_two_patients_who_want_the_same_slot_get_one_appointment(
    app: Flask, town: Town, session: Session
):
    both = [Walk(app.test_client(), town).to("rendez-vous") for _ in range(2)]
    together, seen = Barrier(2), []

    def choose(walk: Walk) -> None:
        together.wait()
        wanted = {"rendez-vous": str(town.slots[0].reference)}
        seen.append(walk.post("rendez-vous", **wanted).status_code)

    tries = [Thread(target=choose, args=(walk,)) for walk in both]
    for each in tries:
        each.start()
    for each in tries:
        each.join()

    assert sorted(seen) == [303, 409]


def test_a_slot_that_was_not_proposed_cannot_be_forced(walk: Walk, session: Session, hands: Hands):
    elsewhere = a_town(session, slots=1)
    walk.to("rendez-vous")

    page = walk.post("rendez-vous", **{"rendez-vous": str(elsewhere.slots[0].reference)})

    assert page.status_code == 409
    session.expire_all()
    assert elsewhere.slots[0].held_by is None


def test_a_slot_of_the_sas_alone_cannot_be_forced(walk: Walk, session: Session):
    walk.to("rendez-vous")
    kept = walk.town.slots[0]
    kept.visibility = ["SNP"]
    session.commit()

    page = walk.post("rendez-vous", **{"rendez-vous": str(kept.reference)})

    assert page.status_code == 409


def test_somebody_for_whom_nothing_is_free_is_promised_a_call(
    client: FlaskClient, session: Session
):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")

    none_left = walk.get("rendez-vous")
    led = walk.post("rappel", telephone="06 39 98 00 02", heures="avant 11 heures")
    promise = walk.client.get(led.location)

    asked = session.scalars(select(CareRequest)).one()
    assert "Être rappelé" in none_left.text
    assert "Demain" in none_left.text or "demain" in none_left.text
    assert asked.call_back_asked_at is not None
    assert asked.status is RequestStatus.OPEN
    assert asked.call_back_hours == "avant 11 heures"
    assert "Nous vous rappelons" in promise.text
    assert session.scalars(select(OutboxMessage)).one().kind is Kind.CALL_BACK


NUMBERS = ("06 39 98 00 02", "06 39 98 00 03", "06 39 98 00 04", "06 39 98 00 02")


def promises(session: Session) -> list[tuple[str, Status]]:
    """Return to whom a call was promised by SMS, and what became of that message."""
    session.expire_all()
    rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
    return [(row.recipient, row.status) for row in rows]


def asked_for(session: Session) -> str | None:
    session.expire_all()
    return session.scalars(select(CareRequest)).one().phone


def test_a_number_given_again_gets_no_second_promise(client: FlaskClient, session: Session):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")

    for _ in range(2):
        assert walk.post("rappel", telephone=NUMBERS[0]).status_code == 303

    assert promises(session) == [("+33639980002", Status.WAITING)]


def test_a_number_corrected_before_the_sms_left_gets_it_instead(
    client: FlaskClient, session: Session
):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")

    for number in NUMBERS[:2]:
        walk.post("rappel", telephone=number)

    assert promises(session) == [
        ("+33639980002", Status.WITHDRAWN),
        ("+33639980003", Status.WAITING),
    ]
    assert "un SMS" in walk.get("rappel").text


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.FAILED, Status.UNKNOWN])
def test_one_request_sends_one_sms_whatever_numbers_are_typed(
    client: FlaskClient, session: Session, status: Status
):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")
    walk.post("rappel", telephone=NUMBERS[0])
    session.execute(update(OutboxMessage).values(status=status))
    session.commit()

    for number in NUMBERS[1:3]:
        walk.post("rappel", telephone=number)
    page = walk.get("rappel").text

    assert promises(session) == [("+33639980002", status)]
    assert asked_for(session) == "+33639980004"
    assert "06\u00a039\u00a098\u00a000\u00a004" in page
    assert "un SMS" not in page


def test_an_sms_on_its_way_is_the_only_one(client: FlaskClient, session: Session, hands: Hands):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")
    walk.post("rappel", telephone=NUMBERS[0])
    [letter] = outbox.lease(session, now=hands.now, limit=5)
    assert outbox.begin_call(session, letter, now=hands.now)
    session.commit()

    walk.post("rappel", telephone=NUMBERS[1])

    assert promises(session) == [("+33639980002", Status.SENDING)]


def test_the_link_of_the_promise_leads_to_it(client: FlaskClient, session: Session):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")
    walk.post("rappel", telephone="06 39 98 00 02")

    assert walk.where() == "rappel"


def test_a_patient_who_wants_no_more_is_left_alone(client: FlaskClient, session: Session):
    walk = Walk(client, a_town(session, slots=0)).to("rendez-vous")

    walk.client.post(walk.url("fin"))

    assert walk.where() == "fin"
    assert "Cette demande est terminée" in walk.get("fin").text
    assert session.scalars(select(CareRequest)).one().status is RequestStatus.DECLINED


def test_a_request_that_was_declined_books_nothing(walk: Walk, session: Session):
    walk.to("verifier")
    walk.client.post(walk.url("fin"))

    posted = walk.post("verifier", slot=str(walk.town.slots[0].reference))

    assert posted.location.endswith("/fin")
    assert bookings(session) == 0
    assert walk.town.slots[0].held_by is None


def test_a_red_flag_ticked_on_an_old_tab_after_booking_still_leads_to_the_15(
    walk: Walk, session: Session
):
    walk.book()

    page = walk.client.post(
        walk.url("signes"), data={"signes": "u_poitrine", "montre": "u_poitrine"}
    )

    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text
    booked = session.scalars(select(CareRequest.status)).one()
    assert booked is RequestStatus.BOOKED


def test_who_gives_a_landline_is_told_that_no_sms_comes(walk: Walk):
    walk.to("telephone")

    walk.post("telephone", telephone="01 99 00 20 11", message="yes", sms="yes")

    assert "Numéro fixe" in walk.get("verifier").text
