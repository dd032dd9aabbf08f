"""The coordinator's figures: what was kept, what is late, what is left, who offers nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from booking.desk import ask, change, choose, figures, promises
from booking.desk.figures import Half
from booking.models import CancelledBy, Role
from notifications.models import Kind, OutboxMessage, Status, recipient_key
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def doctor(session, community):
    return a_professional(session, community, a_site(session, community))


def offered(session, doctor, hours):
    return a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=hours))


def test_each_promise_of_the_day_is_kept_late_waiting_declined_or_handed_over(
    session, community, protocol, doctor
):
    a_booking(session, community, protocol, offered(session, doctor, 2))
    a_triaged_request(session, community, protocol)
    overdue = a_triaged_request(session, community, protocol, now=NOON - timedelta(hours=5))
    due_at(session, overdue, NOON - timedelta(minutes=1))
    beyond = a_triaged_request(session, community, protocol)
    due_at(session, beyond, NOON + timedelta(hours=3))
    booked(session, community, beyond, offered(session, doctor, 4), NOON + timedelta(hours=3.5))
    for because in ("unwanted", "called_15"):
        ended = a_triaged_request(session, community, protocol)
        ask.decline(session, ended, because=because, now=NOON)

    promise = figures.promise(session, community.id, community.zone, now=NOON)

    assert (promise.kept, promise.late, promise.waiting) == (1, 2, 1)
    assert (promise.declined, promise.handed_over) == (1, 1)
    assert promise.asked == 6


def due_at(session, request, moment):
    """Give a request less time, as a graver judgement does."""
    request.deadline = promises.open_of(session, request).due_at = moment
    session.flush()


def booked(session, community, request, slot, now):
    request.assessed_at = now
    choose.book(session, request, community, slot.reference, by="PATIENT", links=LINKS, now=now)


def test_an_appointment_that_its_patient_cancelled_is_neither_kept_nor_late(
    session, community, protocol, doctor
):
    made = a_booking(session, community, protocol, offered(session, doctor, 2))
    kept = change.by_reference(session, community.id, made.reference, lock=True)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PATIENT, by="PATIENT", links=LINKS, now=NOON
    )

    promise = figures.promise(session, community.id, community.zone, now=NOON)

    assert (promise.kept, promise.late, promise.declined) == (0, 0, 1)


def test_of_a_request_that_was_promised_twice_the_last_promise_counts(
    session, community, protocol, doctor
):
    made = a_booking(session, community, protocol, offered(session, doctor, 2))
    kept = change.by_reference(session, community.id, made.reference, lock=True)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PRACTICE, by="PRACTICE", links=LINKS, now=NOON
    )

    promise = figures.promise(session, community.id, community.zone, now=NOON)

    assert (promise.kept, promise.waiting, promise.asked) == (0, 1, 1)


def test_yesterday_and_other_communities_are_not_counted(session, community, protocol):
    a_triaged_request(session, community, protocol, now=NOON - timedelta(hours=13))
    a_triaged_request(session, a_community(session), protocol)

    promise = figures.promise(session, community.id, community.zone, now=NOON)

    assert promise.asked == 0


def test_free_slots_are_counted_by_discipline_and_half_day(session, community, doctor):
    nurse = a_professional(
        session, community, a_site(session, community), profession="60", discipline="IDE",
        speciality=None,
    )  # fmt: skip
    # From noon in Paris; the clocks go forward at night, so 19 hours later it is 8 h.
    for who, hours in ((doctor, 0.5), (doctor, 2), (doctor, 3), (doctor, 7), (nurse, 19)):
        offered(session, who, hours)
    offered(session, nurse, -1)
    offered(session, nurse, 40)

    offers = figures.offers(session, community.id, community.zone, now=NOON)

    counted = {o.what: {h: n for h, n in o.by_half.items() if n} for o in offers}
    assert counted == {
        "MG": {Half.TODAY_MORNING: 1, Half.TODAY_AFTERNOON: 2, Half.TODAY_EVENING: 1},
        "IDE": {Half.TOMORROW_MORNING: 1},
    }


def test_a_slot_that_is_held_or_booked_is_not_left(session, community, protocol, doctor):
    held = offered(session, doctor, 2)
    a_booking(session, community, protocol, offered(session, doctor, 3))
    request = a_triaged_request(session, community, protocol)
    choose.hold(session, request, held.reference, now=NOON)

    assert figures.offers(session, community.id, community.zone, now=NOON) == []


def test_a_member_is_silent_without_a_slot_in_two_days_longest_silence_first(
    session, community, doctor
):
    site = a_site(session, community)
    for name, hours in (("Ancien", -72), ("Hier", -24), ("Demain", 20), ("Lointain", 60)):
        who = a_professional(session, community, site, family_name=name)
        a_slot(session, professional=who, site=site, starts_at=NOON + timedelta(hours=hours))

    silent = figures.silent_members(session, community.id, now=NOON)

    assert [m.name.split()[-1] for m in silent] == [
        doctor.family_name, "Lointain", "Ancien", "Hier",
    ]  # fmt: skip


def test_the_coordinators_page_says_it_all_and_names_lost_messages(
    app, session, community, protocol, doctor
):
    a_booking(session, community, protocol, offered(session, doctor, 2))
    offered(session, doctor, 5)
    waiting = a_triaged_request(session, community, protocol)
    ask.ask_for_call(session, waiting, phone=MOBILE, hours=None, now=NOON)
    lost = session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient_key == recipient_key(MOBILE))
    ).one()
    lost.status = Status.FAILED
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()

    said = words(signed_in(app, account).get("/coordination"))

    assert "1 demande ouverte" in said
    assert "1 à rappeler" in said
    assert "1 avec un rendez-vous dans le délai" in said
    assert "sur 2 demandes" in said
    assert "Médecin généraliste 0 1 0 0 0 0 1" in said
    assert "Confirmation du rendez-vous non envoyé" in said


def test_a_community_without_anything_has_a_page_too(app, session, community):
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()

    said = words(signed_in(app, account).get("/coordination"))

    assert "Plus aucun créneau libre" in said
    assert "Tous les messages sont arrivés." in said
    assert "Tous les membres offrent au moins un créneau." in said


def test_a_promised_call_counts_while_its_author_changes_an_answer(session, community, protocol):
    asked = a_triaged_request(session, community, protocol)
    ask.ask_for_call(session, asked, phone=MOBILE, hours=None, now=NOON)
    ask.amend(session, asked, {"answers": {}})

    still_open = figures.open_now(session, community.id, now=NOON)

    assert (still_open.total, still_open.to_call_back) == (1, 1)


def test_the_coordinators_page_names_professionals_who_were_not_told(
    app, session, community, protocol, doctor
):
    a_booking(session, community, protocol, offered(session, doctor, 2))
    notice = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == Kind.NOTICE)).one()
    notice.status = Status.FAILED
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()

    said = words(signed_in(app, account).get("/coordination"))

    assert f"Prévenir {doctor.name} : nouveau rendez-vous" in said
