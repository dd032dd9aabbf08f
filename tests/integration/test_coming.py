"""Whoever is reminded of an appointment of another day says that they come, or gives it back."""

from datetime import timedelta

import pytest

from booking.desk import change, coming
from booking.models import Booking, BookingStatus, CancelledBy, Role
from notifications.models import Kind
from tests.builders import LINKS, a_slot
from tests.clockwork import NOON
from tests.integration.test_reminding import EVENING, TOMORROW, booked, cancel, reminders
from tests.staffing import an_account, signed_in, words


@pytest.fixture
def made(session, protocol):
    return booked(session, protocol)


def page_of(made):
    return "/r/" + made.link.rpartition("/")[2]


def said_at(session, made):
    session.rollback()
    kept = session.get_one(Booking, booking_id(session, made), populate_existing=True)
    return kept.coming_at


def booking_id(session, made):
    community_id, result = made
    found = change.by_reference(session, community_id, result.reference).booking
    return (found.community_id, found.id)


def test_the_reminder_leads_to_the_page_that_asks(session, client, hands, made):
    [reminder] = reminders(session)
    assert reminder.kind is Kind.REMINDER
    assert reminder.text.endswith(f"Confirmez ou annulez : {made[1].link}")

    hands.now = EVENING
    page = words(client.get(page_of(made[1])))
    assert "Viendrez-vous ? Je viendrai Je ne viendrai pas" in page


def test_nobody_is_asked_before_the_reminder(session, client, hands, made):
    hands.now = EVENING - timedelta(minutes=1)
    assert "Viendrez-vous" not in words(client.get(page_of(made[1])))

    assert client.post(page_of(made[1]) + "/je-viendrai").status_code == 303
    assert said_at(session, made) is None


def test_an_appointment_of_today_asks_nothing(session, protocol, client, hands):
    made = booked(session, protocol, starts_at=NOON + timedelta(hours=7))
    hands.now = NOON + timedelta(hours=6)

    assert "Viendrez-vous" not in words(client.get(page_of(made[1])))


def test_who_comes_is_thanked_and_the_first_word_counts(session, client, hands, made):
    for minutes in (0, 30):
        hands.now = EVENING + timedelta(minutes=minutes)
        answer = client.post(page_of(made[1]) + "/je-viendrai", follow_redirects=True)

        assert answer.status_code == 200
        assert "C’est noté : vous viendrez." in words(answer)
        assert "Je viendrai" not in words(answer)
    assert said_at(session, made) == EVENING


def test_who_does_not_come_gives_the_place_back(session, client, hands, made):
    hands.now = EVENING
    page = client.get(page_of(made[1])).text
    assert f'href="{page_of(made[1])}/annuler"' in page

    client.post(page_of(made[1]) + "/annuler")
    kept = change.by_reference(session, made[0], made[1].reference)
    assert kept.booking.status is BookingStatus.CANCELLED
    answer = client.post(page_of(made[1]) + "/je-viendrai", follow_redirects=True)
    assert "Ce rendez-vous est annulé" in words(answer)
    assert said_at(session, made) is None


@pytest.mark.parametrize("moment", [TOMORROW, TOMORROW + timedelta(minutes=5)])
def test_at_its_hour_it_is_too_late_to_say_so(session, client, hands, made, moment):
    hands.now = moment

    assert client.post(page_of(made[1]) + "/je-viendrai").status_code == 303
    assert said_at(session, made) is None


def test_a_link_that_opens_nothing_notes_nothing(client):
    assert client.post("/r/not-a-token/je-viendrai").status_code == 404


def test_who_is_moved_is_asked_again(session, client, hands, made):
    hands.now = EVENING
    client.post(page_of(made[1]) + "/je-viendrai")
    kept = change.by_reference(session, made[0], made[1].reference, lock=True)
    other = a_slot(
        session,
        professional=kept.professional,
        site=kept.site,
        starts_at=TOMORROW - timedelta(hours=1),
    )
    change.move(session, kept, other.reference, by="test", links=LINKS, now=EVENING)
    session.commit()

    assert said_at(session, made) is None
    with pytest.raises(change.TooLate):
        coming.will_come(
            session, change.by_reference(session, made[0], made[1].reference), now=EVENING
        )


def test_the_practice_sees_who_said_that_they_come(session, app, client, hands, made):
    kept = change.by_reference(session, made[0], made[1].reference)
    who = an_account(
        session, kept.community, Role.PROFESSIONAL, professional=kept.professional, now=EVENING
    )
    session.commit()
    hands.now = EVENING
    practice, day = signed_in(app, who), f"/journee?jour={TOMORROW.date()}"
    assert "Confirmé" not in words(practice.get(day))
    assert "Réservé" in words(practice.get(day))

    client.post(page_of(made[1]) + "/je-viendrai")

    assert "Confirmé" in words(practice.get(day))
    cancel(session, *made, by=CancelledBy.PRACTICE)
    assert "Confirmé" not in words(practice.get(day))
