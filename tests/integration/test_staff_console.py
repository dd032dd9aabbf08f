"""The operators' page: who waits, with a clock; booking for a caller; lost messages."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from booking.desk import ask, change, choose, tell
from booking.desk import waiting as desk
from booking.models import (
    Account,
    Booking,
    BookingState,
    CancelledBy,
    CareRequest,
    Channel,
    Promise,
    PromiseEnd,
    RequestStatus,
    Role,
)
from notifications.models import Kind, OutboxMessage, Status, recipient_key
from schedules.models import Commune, Community, Professional, Site, Slot
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_request,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

CALLER = {
    "family_name": "Petit",
    "given_name": "Anaïs",
    "phone": "06 39 98 12 34",
    "wants_sms": "yes",
}
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def operator(app, session, community) -> FlaskClient:
    account = an_account(session, community, Role.OPERATOR)
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def waiting(session, community, protocol) -> CareRequest:
    request = a_triaged_request(session, community, protocol, channel=Channel.PHONE)
    session.commit()
    return request


@pytest.fixture
def slot(session, community) -> Slot:
    site = a_site(session, community)
    made = a_slot(session, professional=a_professional(session, community, site), site=site)
    session.commit()
    return made


@pytest.fixture
def stranger(session, protocol) -> CareRequest:
    """A request of another community."""
    request = a_triaged_request(session, a_community(session), protocol)
    session.commit()
    return request


def page(request) -> str:
    return f"/console/demandes/{request.reference}"


def now_of(session, request) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest).where(CareRequest.id == request.id)).one()


def test_nobody_waiting_says_so(operator):
    assert "Personne n’attend" in words(operator.get("/console"))


def test_who_waits_is_shown_with_a_clock(operator, waiting):
    said = words(operator.get("/console"))

    assert "1 demande ouverte" in said
    # 24 hours from noon, through the night when clocks go forward.
    assert "reste 24 h 00 avant demain à 13 h 00" in said
    assert "MOREL Lucie , 34 ans" in said
    assert "06 39 98 00 01" in said
    assert "Téléphone" in said


def test_somebody_who_left_no_number_is_still_on_the_screen(session, community, protocol, operator):
    a_triaged_request(session, community, protocol, phone=None, family_name=None, given_name=None)
    session.commit()

    said = words(operator.get("/console"))

    assert "parti sans laisser de numéro" in said
    assert "Nom non donné" in said


def test_a_clock_that_has_run_out_is_told_and_the_request_stays(
    app, session, community, waiting, hands
):
    account = an_account(session, community, Role.OPERATOR)
    session.commit()
    hands.now = waiting.deadline + timedelta(minutes=25)
    client = signed_in(app, account)

    assert "dépassé de 25 min" in words(client.get("/console"))
    assert "Le délai est dépassé" in words(client.get(page(waiting)))


def test_those_who_asked_for_a_call_come_first_then_the_nearest_deadline(
    session, community, protocol, operator
):
    for minutes, name in ((0, "Un"), (1, "Deux"), (2, "Trois")):
        a_triaged_request(
            session,
            community,
            protocol,
            now=NOON + minutes * A_MINUTE,
            family_name=name,
            channel=Channel.PHONE,
        )
    last = next(
        each for each in session.scalars(select(CareRequest)) if each.family_name == "Trois"
    )
    ask.ask_for_call(session, last, phone=MOBILE, hours="avant 18 h", now=NOON)
    session.commit()

    said = words(operator.get("/console"))

    assert said.index("TROIS") < said.index("UN Lucie") < said.index("DEUX")
    assert "À rappeler avant 18 h" in said


def test_a_draft_and_an_ended_request_wait_for_nobody(session, community, protocol, operator, slot):
    draft = a_request(session, community)
    a_booking(session, community, protocol, slot)
    session.commit()

    assert "Personne n’attend" in words(operator.get("/console"))
    assert operator.get(page(draft)).status_code == 404


def test_one_request_shows_answers_reasons_and_what_is_free(
    session, community, operator, waiting, slot
):
    session.add(
        Commune(
            community_id=community.id, insee="77999", name="Saint-Loup", postal_code="77999",
            latitude=48.3, longitude=2.9,
        )
    )  # fmt: skip
    waiting.commune_insee = "77999"
    session.commit()

    said = words(operator.get(page(waiting)))

    assert "Pourquoi ce niveau" in said
    assert "Toutes les réponses" in said
    assert "Non" in said
    assert "Saint-Loup" in said
    assert "14 h 00 , Dr Camille Bernard" in said
    assert "médecin généraliste" in said


def test_an_operator_keeps_a_slot_then_books_it_for_the_caller(
    session, community, operator, waiting, slot
):
    kept = operator.post(page(waiting) + "/garder", data={"slot": str(slot.reference)})
    shown = words(operator.get(kept.location))
    booked = operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})
    read_out = words(operator.get(booked.location))

    assert "Gardé jusqu’à 12 h 05." in shown
    assert booked.status_code == 303
    assert "À lire à la personne" in read_out
    assert "aujourd’hui, samedi 27 mars, à 14 h 00" in read_out
    assert "Si cela s’aggrave, appelez le 15." in read_out
    asked = now_of(session, waiting)
    assert (asked.family_name, asked.given_name, asked.phone) == ("Petit", "Anaïs", "+33639981234")
    assert asked.status is RequestStatus.BOOKED


def test_the_booking_bears_the_operators_name_and_its_message_is_promised(
    session, community, operator, waiting, slot
):
    operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})

    account = session.scalars(select(BookingState.by)).one()
    assert len(account) == 36
    recipients = [each.recipient for each in session.scalars(select(OutboxMessage))]
    assert "+33639981234" in recipients


def test_a_landline_is_told_aloud(session, operator, waiting, slot):
    said = words(
        operator.post(
            page(waiting) + "/reserver",
            data=CALLER | {"slot": str(slot.reference), "phone": "01 99 00 12 34"},
            follow_redirects=True,
        )
    )

    assert "Aucun message ne part : faites répéter l’heure et le lieu." in said


def test_pressing_twice_books_once(session, operator, waiting, slot):
    for _ in range(2):
        answer = operator.post(
            page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)}
        )
        assert answer.status_code == 303

    assert session.scalar(select(func.count()).select_from(Booking)) == 1


def test_a_slot_that_somebody_else_took_shows_others_and_keeps_what_was_typed(
    session, protocol, operator, waiting, slot
):
    community = session.get_one(Community, slot.community_id)
    later = a_slot(
        session,
        professional=a_professional(session, community, a_site(session, community)),
        starts_at=NOON + timedelta(hours=3),
    )
    a_booking(session, community, protocol, slot)
    session.commit()
    operator.post(page(waiting) + "/garder", data={"slot": str(later.reference)})

    answer = operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})

    assert answer.status_code == 409
    assert "Ce rendez-vous vient d’être pris. En voici d’autres." in words(answer)
    assert "15 h 00" in words(answer)
    assert 'value="Anaïs"' in answer.text
    assert now_of(session, waiting).family_name == "Morel"


def test_a_name_or_phone_that_is_wrong_says_so_and_books_nothing(session, operator, waiting, slot):
    operator.post(page(waiting) + "/garder", data={"slot": str(slot.reference)})
    wrong = [
        ({"family_name": ""}, "Indiquez le nom de famille"),
        ({"given_name": "\x00\u202e"}, "Indiquez le prénom"),
        ({"family_name": "x" * 81}, "Écrivez 80 caractères au plus"),
        ({"phone": "06 39 98"}, "Ce numéro ne semble pas complet"),
        ({"phone": "0892 70 00 00"}, "Indiquez un numéro sur lequel on peut rappeler"),
        ({"phone": ""}, "Indiquez un numéro de téléphone"),
        ({"slot": ""}, "Choisissez un rendez-vous"),
        ({"slot": "\x00"}, "Choisissez un rendez-vous"),
    ]

    for but, sentence in wrong:
        answer = operator.post(
            page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)} | but
        )
        assert answer.status_code == 422
        assert sentence in words(answer)
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


def test_a_request_ends_without_an_appointment_only_with_a_reason(session, operator, waiting):
    unsaid = operator.post(page(waiting) + "/clore", data={})
    invented = operator.post(page(waiting) + "/clore", data={"because": "parce que"})
    said = operator.post(page(waiting) + "/clore", data={"because": "elsewhere"})

    assert (unsaid.status_code, invented.status_code) == (422, 422)
    assert "Choisissez pourquoi" in words(unsaid)
    assert said.status_code == 303
    assert now_of(session, waiting).status is RequestStatus.DECLINED
    assert "La demande est close." in words(operator.get(said.location))


def test_a_request_that_has_ended_is_not_booked_any_more(session, operator, waiting, slot):
    operator.post(page(waiting) + "/clore", data={"because": "elsewhere"})

    operator.post(page(waiting) + "/garder", data={"slot": str(slot.reference)})
    operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})

    assert session.scalar(select(func.count()).select_from(Booking)) == 0
    assert now_of(session, waiting).status is RequestStatus.DECLINED


def test_a_new_call_belongs_to_whoever_picked_up(session, community, operator):
    answer = operator.post("/console/appel")

    opened = session.scalars(select(CareRequest)).one()
    assert answer.status_code == 303
    assert answer.location == f"/console/appels/{opened.reference}"
    assert opened.channel is Channel.PHONE
    assert opened.owner == opened.opened_by is not None
    assert opened.community_id == community.id
    assert operator.get(answer.location).status_code == 200


def test_another_communitys_request_is_not_there(operator, stranger, slot):
    assert operator.get(page(stranger)).status_code == 404
    for action, data in (
        ("garder", {"slot": str(slot.reference)}),
        ("reserver", CALLER | {"slot": str(slot.reference)}),
        ("clore", {"because": "elsewhere"}),
    ):
        assert operator.post(f"{page(stranger)}/{action}", data=data).status_code == 404
    assert "Personne n’attend" in words(operator.get("/console"))


def test_another_communitys_slot_cannot_be_kept_or_booked(session, operator, waiting, stranger):
    far = a_slot(session)
    session.commit()

    kept = operator.post(page(waiting) + "/garder", data={"slot": str(far.reference)})
    booked = operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(far.reference)})

    assert (kept.status_code, booked.status_code) == (409, 409)
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


@pytest.fixture
def secretary(session, community, slot) -> Account:
    site = session.scalars(select(Site).where(Site.id == slot.site_id)).one()
    made = an_account(session, community, Role.SECRETARY, sites=(site,))
    session.commit()
    return made


def test_a_secretary_sees_requests_she_opened_and_those_of_her_sites_only(
    app, session, protocol, waiting, secretary
):
    community = session.get_one(Community, secretary.community_id)
    slot = session.scalars(select(Slot)).one()
    hers = a_triaged_request(session, community, protocol, family_name="Appel")
    hers.opened_by = secretary.reference
    a_booking(session, community, protocol, slot)
    booking = session.scalars(select(Booking)).one()
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    change.cancel(session, kept, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=NOON)
    kept.request.channel = Channel.PRACTICE
    session.commit()
    client = signed_in(app, secretary)

    said = words(client.get("/console"))

    assert "2 demandes ouvertes" in said
    assert client.get(page(hers)).status_code == 200
    assert client.get(page(kept.request)).status_code == 200
    assert client.get(page(waiting)).status_code == 404


@pytest.fixture
def lost(session, community, protocol, slot) -> OutboxMessage:
    """The confirmation of an appointment, which a provider could not deliver."""
    a_booking(session, community, protocol, slot)
    message = session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient_key == recipient_key(MOBILE))
    ).one()
    message.status = Status.UNDELIVERED
    session.commit()
    return message


def test_a_message_that_did_not_arrive_is_somebodys_call(operator, lost):
    said = words(operator.get("/console"))

    assert "À prévenir par téléphone" in said
    assert "Confirmation du rendez-vous non remis MOREL Lucie · 06 39 98 00 01" in said
    assert "Le rendez-vous est confirmé : aujourd’hui, samedi 27 mars, à 14 h 00." in said
    assert "/r/" not in said


def test_a_message_that_arrived_or_came_too_late_is_nobodys_call(
    app, session, community, lost, hands
):
    account = an_account(session, community, Role.OPERATOR)
    session.commit()

    hands.now = lost.expires_at
    assert "À prévenir" not in words(signed_in(app, account).get("/console"))

    hands.now = NOON
    lost.status = Status.DELIVERED
    session.commit()
    assert "À prévenir" not in words(signed_in(app, account).get("/console"))


def test_another_communitys_lost_message_is_nobodys_call_here(app, session, lost):
    elsewhere = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()

    assert "À prévenir" not in words(signed_in(app, elsewhere).get("/console"))


def test_looking_changes_nothing(session, operator, waiting, slot):
    before = (now_of(session, waiting).status, session.scalars(select(Slot.held_by)).all())

    operator.get("/console")
    operator.get(page(waiting))

    assert before == (now_of(session, waiting).status, session.scalars(select(Slot.held_by)).all())
    assert choose.held(session, waiting, now=NOON) is None


def test_two_hundred_old_requests_do_not_hide_the_one_of_today(
    session, community, protocol, operator
):
    before = NOON - timedelta(days=3)
    for _ in range(desk.MOST + 1):
        a_triaged_request(session, community, protocol, now=before, phone=None)
    a_triaged_request(session, community, protocol, family_name="Nouvelle", channel=Channel.PHONE)
    session.commit()

    first = words(operator.get("/console"))
    second = words(operator.get("/console?page=2"))

    assert "202 demandes ouvertes" in first
    assert first.index("NOUVELLE") < first.index("Sans numéro de téléphone") < first.index("MOREL")
    assert "page 1 sur 2 · Page suivante" in first
    assert second.count("MOREL") == 2
    assert "Page précédente · page 2 sur 2" in second
    for beyond in ("3", "0", "-1", "9" * 30, "x"):
        assert operator.get(f"/console?page={beyond}").status_code == 200


def test_calls_come_first_then_clocks_that_run_then_those_that_ran_out_newest_first(
    session, community, protocol, operator
):
    def asked(name, hours, **but):
        return a_triaged_request(
            session, community, protocol, now=NOON + timedelta(hours=hours), family_name=name, **but
        )

    asked("Anonyme", -1, phone=None)
    for name, hours in (("Vieille", -60), ("Hier", -30), ("Plustard", -1), ("Bientot", -20)):
        asked(name, hours)
    ask.ask_for_call(session, asked("Rappel", -50), phone=MOBILE, hours=None, now=NOON)
    session.commit()

    said = words(operator.get("/console"))

    places = [
        said.index(name) for name in ("RAPPEL", "BIENTOT", "PLUSTARD", "HIER", "VIEILLE", "ANONYME")
    ]
    assert places == sorted(places)


@pytest.fixture
def changing(session, community, waiting) -> CareRequest:
    """A request whose author went back to change an answer after a call was promised."""
    ask.ask_for_call(session, waiting, phone=MOBILE, hours="avant 18 h", now=NOON)
    tell.call_back_promised(session, community, waiting, links=LINKS, now=NOON)
    ask.amend(session, waiting, {"answers": {}})
    session.commit()
    return waiting


def test_who_changes_an_answer_after_a_promise_is_still_owed_the_call(session, operator, changing):
    said = words(operator.get("/console"))
    shown = operator.get(page(changing))

    assert "1 demande ouverte" in said
    assert "À rappeler avant 18 h" in said
    assert "Change ses réponses" in said
    assert shown.status_code == 200
    assert "la personne a rouvert ses réponses" in words(shown)
    assert (
        operator.post(page(changing) + "/clore", data={"because": "elsewhere"}).status_code == 303
    )
    assert "Personne n’attend" in words(operator.get("/console"))


def test_a_promised_draft_without_a_deadline_is_listed_too(session, operator, changing):
    changing.deadline = None
    session.commit()

    assert "À rappeler" in words(operator.get("/console"))
    assert operator.get(page(changing)).status_code == 200


def test_an_appointment_that_changed_since_is_not_told_as_it_was(
    session, community, protocol, operator, lost
):
    booking = session.scalars(select(Booking)).one()
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    later = a_slot(session, professional=kept.professional, starts_at=NOON + timedelta(hours=4))
    change.move(session, kept, later.reference, by="x", links=LINKS, now=NOON)
    session.commit()

    moved = words(operator.get("/console"))
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    change.cancel(session, kept, cancelled_by=CancelledBy.PATIENT, by="x", links=LINKS, now=NOON)
    session.commit()

    assert "Le rendez-vous est confirmé" not in moved
    assert "Le rendez-vous est confirmé" not in words(operator.get("/console"))


def test_a_promise_to_call_back_is_told_only_while_it_is_to_be_kept(session, operator, changing):
    promise = session.scalars(select(OutboxMessage)).one()
    promise.status = Status.FAILED
    session.commit()
    assert "Promesse de rappel" in words(operator.get("/console"))

    ended = {"ended_at": NOON, "ended_as": PromiseEnd.KEPT, "next_step_at": None}
    session.execute(update(Promise).values(**ended))
    for ended in (RequestStatus.DECLINED, RequestStatus.BOOKED, RequestStatus.EMERGENCY):
        changing.status = ended
        session.commit()
        assert "Promesse de rappel" not in words(operator.get("/console"))


@pytest.fixture
def notice(session, slot, lost) -> OutboxMessage:
    """The mail that told a professional of an appointment, which did not leave either."""
    lost.status = Status.DELIVERED
    return fail_the_notice(session)


def fail_the_notice(session) -> OutboxMessage:
    last = select(OutboxMessage).where(OutboxMessage.kind == Kind.NOTICE)
    message = session.scalars(last.order_by(OutboxMessage.id.desc())).first()
    message.status = Status.FAILED
    session.commit()
    return message


def test_a_professional_who_was_not_told_is_called_without_naming_the_patient(
    session, community, operator, notice
):
    who = session.scalars(select(Professional)).one()
    new = words(operator.get("/console"))
    booking = session.scalars(select(Booking)).one()
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    later = a_slot(session, professional=who, starts_at=NOON + timedelta(hours=4))
    change.move(session, kept, later.reference, by="x", links=LINKS, now=NOON)
    fail_the_notice(session)
    moved = words(operator.get("/console"))
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    change.cancel(session, kept, cancelled_by=CancelledBy.PATIENT, by="x", links=LINKS, now=NOON)
    fail_the_notice(session)
    gone = words(operator.get("/console"))

    name = f"Prévenir {who.name} :"
    assert f"{name} nouveau rendez-vous, aujourd’hui, samedi 27 mars, à 14 h 00." in new
    assert (
        f"{name} rendez-vous déplacé, maintenant aujourd’hui, samedi 27 mars, à 16 h 00." in moved
    )
    assert f"{name} rendez-vous annulé, aujourd’hui, samedi 27 mars, à 16 h 00." in gone
    assert [said.count("Prévenir") for said in (new, moved, gone)] == [1, 1, 1]
    assert not any("MOREL" in said or "06 39 98 00 01" in said for said in (new, moved, gone))


def test_whoever_an_appointment_was_taken_from_is_called_by_their_own_name_and_hour(
    session, community, operator, notice
):
    left = session.scalars(select(Professional)).one()
    booking = session.scalars(select(Booking)).one()
    kept = change.by_reference(session, community.id, booking.reference, lock=True)
    other = a_professional(session, community, a_site(session, community))
    later = a_slot(session, professional=other, starts_at=NOON + timedelta(hours=4))
    change.move(session, kept, later.reference, by="x", links=LINKS, now=NOON)
    taken = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.recipient_key == recipient_key(left.email), OutboxMessage.version == 1
        )
    ).one()
    taken.status = Status.FAILED
    session.commit()

    said = words(operator.get("/console"))

    assert f"Prévenir {left.name} : rendez-vous annulé, aujourd’hui, samedi 27 mars, à 14 h" in said
    assert other.name not in said


def test_a_request_with_an_appointment_is_not_said_to_be_closed(session, operator, waiting, slot):
    operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})

    answer = operator.post(page(waiting) + "/clore", data={"because": "elsewhere"})

    assert answer.status_code == 422
    assert "Cette demande a un rendez-vous : annulez-le d’abord." in words(answer)
    assert now_of(session, waiting).status is RequestStatus.BOOKED


def test_answers_that_are_too_old_to_book_with_say_so(session, operator, waiting, slot):
    waiting.assessed_at = NOON - timedelta(hours=25)
    session.commit()

    for action in ("garder", "reserver"):
        answer = operator.post(
            f"{page(waiting)}/{action}", data=CALLER | {"slot": str(slot.reference)}
        )
        assert answer.status_code == 422
        assert "Les réponses sont trop anciennes" in words(answer)


def test_the_operator_reads_what_the_professional_is_beside_their_name(
    session, operator, waiting, slot
):
    who = session.scalars(select(Professional)).one()
    proposed = words(operator.get(page(waiting)))
    operator.post(page(waiting) + "/reserver", data=CALLER | {"slot": str(slot.reference)})

    assert f"{who.name}, médecin généraliste" in proposed
    assert f"{who.name}, médecin généraliste" in words(operator.get(page(waiting)))
