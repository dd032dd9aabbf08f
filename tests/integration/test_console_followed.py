"""What humans do about a request: the 15 rechecked, advice read again, levels decided, a search."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from booking.desk import ask
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    LevelDecision,
    LookOutcome,
    RequestStatus,
    Role,
    SecondLook,
    Transfer,
    TransferState,
    TransferStep,
)
from booking.triage.protocol import Level
from schedules.models import Slot
from tests.builders import (
    a_booking,
    a_community,
    a_professional,
    a_request,
    a_triaged_request,
    nothing_wrong,
)
from tests.clockwork import NOON
from tests.integration.console_desk import Desk
from tests.integration.patient_walk import a_town
from tests.staffing import an_account, signed_in, words

CODE_LETTERS = 6


@pytest.fixture
def town(session):
    return a_town(session)


@pytest.fixture
def operator_account(session, town):
    made = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def operator(app, operator_account):
    return signed_in(app, operator_account)


@pytest.fixture
def doctor(app, session, town):
    made = an_account(session, town.community, Role.PROFESSIONAL, professional=town.doctor)
    session.commit()
    return signed_in(app, made)


@pytest.fixture
def waiting(session, town, protocol):
    made = a_triaged_request(session, town.community, protocol)
    session.commit()
    return made


@pytest.fixture
def transferred(session, town, protocol):
    """Somebody on the web who left a number, and ticked a sign."""
    made = a_request(session, town.community, answers={"u_poitrine": "yes"})
    ask.assess(session, made, protocol, town.community, now=NOON)
    session.commit()
    return made


@pytest.fixture
def advised(session, town, protocol):
    """Somebody of 80 who was told that no appointment is needed: a second person has to look."""
    made = a_request(session, town.community, age_months=80 * 12, complaints=["administratif"])
    answers = nothing_wrong(protocol, made.complaints, ask.patient_of(made))
    ask.amend(session, made, {"answers": answers})
    ask.assess(session, made, protocol, town.community, now=NOON)
    session.commit()
    assert made.status is RequestStatus.ADVISED
    return made


def page(request, *parts) -> str:
    return "/".join(["/console/demandes", str(request.reference), *parts])


def fresh(session, row):
    session.expire_all()
    return session.scalars(select(CareRequest).where(CareRequest.id == row.id)).one()


def test_somebody_sent_to_the_15_stays_on_the_list_until_it_is_closed(
    session, operator, transferred
):
    for state in ("pas-de-reponse", "ligne-prise", "rappel-fait"):
        assert operator.post(page(transferred, "15"), data={"etat": state}).status_code == 303
        assert "Transferts au 15 à vérifier" in words(operator.get("/console"))

    operator.post(page(transferred, "15"), data={"etat": "clos"})

    assert "Transferts au 15" not in words(operator.get("/console"))
    assert session.scalars(select(Transfer.state)).one() is TransferState.CLOSED
    names = session.scalars(select(TransferStep.name).order_by(TransferStep.id)).all()
    assert names == [None, *["Dominique Operator"] * 4]
    assert "✓ Clos" in words(operator.get(page(transferred, "15")))


def test_what_is_dictated_is_large_and_whole(operator, transferred):
    said = words(operator.get(page(transferred, "15")))

    assert "06 39 98 00 01" in said
    assert "MOREL Lucie, 34 ans, homme" in said
    assert "Adresse exacte" in said
    assert "poitrine" in said


def test_a_transfer_that_nobody_checked_in_ten_minutes_says_so_in_words(
    app, hands, operator_account, transferred
):
    hands.now = NOON + timedelta(minutes=11)
    board = signed_in(app, operator_account).get("/console")

    assert "En retard" in words(board)
    assert "dépassé de 1 min" in words(board)
    assert 'class="follow overdue"' in board.text


def test_an_invented_state_of_a_transfer_is_refused(session, operator, transferred):
    assert operator.post(page(transferred, "15"), data={"etat": "guéri"}).status_code == 400
    assert session.scalars(select(Transfer.state)).one() is TransferState.TO_RECHECK


def test_a_form_that_was_left_with_a_sign_is_somebodys_call(
    app, session, town, hands, operator_account
):
    left = a_request(session, town.community, answers={"u_poitrine": "yes"})
    session.commit()
    hands.now = NOON + timedelta(minutes=6)
    client = signed_in(app, operator_account)

    assert "A quitté le formulaire avec un signe d’alerte" in words(client.get("/console"))
    assert client.get(page(left, "15")).status_code == 200
    assert client.post(page(left, "15"), data={"etat": "rappel-fait"}).status_code == 303


def test_a_patients_own_draft_without_a_sign_cannot_be_looked_into(session, town, operator):
    draft = a_request(session, town.community)
    session.commit()

    assert operator.get(page(draft, "15")).status_code == 404
    assert operator.post(page(draft, "15"), data={"etat": "clos"}).status_code == 404
    assert operator.get(f"/console/appels/{draft.reference}").status_code == 404


def test_an_operator_raises_a_level_with_a_reason_and_never_lowers_it(session, operator, waiting):
    shown = words(operator.get(page(waiting)))
    assert "Changer le niveau" in shown

    unsaid = operator.post(page(waiting, "niveau"), data={"niveau": "CALL_15", "raison": " "})
    lowered = operator.post(
        page(waiting, "niveau"), data={"niveau": "NOT_UNSCHEDULED", "raison": "rien"}
    )
    raised = operator.post(
        page(waiting, "niveau"), data={"niveau": "CALL_15", "raison": "Voix très faible"}
    )

    assert (unsaid.status_code, lowered.status_code) == (422, 422)
    assert "Écrivez pourquoi" in words(unsaid)
    assert raised.location == page(waiting, "15")
    assert fresh(session, waiting).status is RequestStatus.EMERGENCY
    decision = session.scalars(select(LevelDecision)).one()
    assert (decision.reason, decision.name) == ("Voix très faible", "Dominique Operator")
    assert "Voix très faible" in words(operator.get(page(waiting)))


def test_a_doctor_lowers_what_triage_sent_to_the_15_with_a_reason(session, doctor, transferred):
    assert "Orientés vers le 15" in words(doctor.get("/console/decisions"))
    assert "poitrine" in words(doctor.get(f"/console/decisions/{transferred.reference}"))

    refused = doctor.post(
        f"/console/decisions/{transferred.reference}", data={"niveau": "SAME_DAY", "raison": ""}
    )
    decided = doctor.post(
        f"/console/decisions/{transferred.reference}",
        data={"niveau": "SAME_DAY", "raison": "Rappelé : douleur de la paroi"},
    )

    assert refused.status_code == 422
    assert decided.status_code == 303
    assert fresh(session, transferred).level is Level.SAME_DAY
    assert session.scalars(select(LevelDecision.profession)).one() == "10"


def test_a_clinician_sees_only_what_waits_for_one(session, doctor, waiting):
    assert doctor.get(f"/console/decisions/{waiting.reference}").status_code == 404
    assert doctor.get("/console").status_code == 404
    assert doctor.get(page(waiting)).status_code == 404


def test_a_professional_who_is_no_clinician_decides_nothing(app, session, town, transferred):
    nurse = a_professional(session, town.community, town.site, profession="60", discipline="IDE")
    account = an_account(
        session,
        town.community,
        Role.PROFESSIONAL,
        professional=nurse,
        email="ide@tilleuls.example",
    )
    session.commit()
    client = signed_in(app, account)

    assert client.get("/console/decisions").status_code == 404
    assert (
        client.post(
            f"/console/decisions/{transferred.reference}",
            data={"niveau": "SAME_DAY", "raison": "x"},
        ).status_code
        == 404
    )


def test_advice_to_the_frail_waits_for_a_second_person(session, operator, advised):
    assert "75 ans ou plus" in words(operator.get("/console"))
    assert "D’accord : pas de rendez-vous" in words(operator.get(page(advised)))

    operator.post(page(advised, "relire"))

    assert session.scalars(select(SecondLook.outcome)).one() is LookOutcome.CONFIRMED
    assert "75 ans ou plus" not in words(operator.get("/console"))


def test_who_took_the_call_cannot_be_the_second_person(
    session, operator, operator_account, advised
):
    look = session.scalars(select(SecondLook)).one()
    look.opened_by = operator_account.reference
    session.commit()

    refused = operator.post(page(advised, "relire"))

    assert refused.status_code == 422
    assert "Une autre personne doit relire cet avis." in words(refused)
    assert fresh(session, advised).status is RequestStatus.ADVISED
    assert session.scalars(select(SecondLook.outcome)).one() is None


def test_a_second_person_raises_what_they_doubt(session, operator, advised):
    operator.post(page(advised, "niveau"), data={"niveau": "SAME_DAY", "raison": "Confus"})

    assert session.scalars(select(SecondLook.outcome)).one() is LookOutcome.RAISED
    assert fresh(session, advised).level is Level.SAME_DAY


@pytest.mark.parametrize("text", ["06 39 98 00 01", "morel", "Lucie MOREL", "code"])
def test_one_box_finds_a_number_a_name_or_a_code(session, town, protocol, operator, text):
    booked = a_booking(session, town.community, protocol, town.slots[0])
    session.commit()
    typed = booked.code if text == "code" else text

    said = words(operator.get("/console", query_string={"q": typed}))

    assert f"1 réponse pour « {typed} »" in said
    assert f"code {booked.code}" in said
    assert "Déplacer ou annuler" in said


def test_a_search_finds_nobody_of_another_community(session, protocol, operator):
    a_triaged_request(session, a_community(session), protocol, family_name="Ailleurs")
    session.commit()

    assert "Aucune réponse pour « ailleurs »" in words(operator.get("/console?q=ailleurs"))


@pytest.fixture
def booked(session, town, protocol):
    made = a_booking(session, town.community, protocol, town.slots[0])
    session.commit()
    return session.scalars(select(Booking).where(Booking.reference == made.reference)).one()


def kept(booking, *parts) -> str:
    return "/".join(["/console/rendez-vous", str(booking.reference), *parts])


def test_an_appointment_is_moved_for_who_telephones(session, town, operator, booked):
    wanted = town.slots[2]
    shown = operator.get(kept(booked))
    assert str(wanted.reference) in shown.text

    moved = operator.post(kept(booked, "changer"), data={"rendez-vous": str(wanted.reference)})

    assert moved.status_code == 303
    session.expire_all()
    assert session.get_one(Slot, (wanted.community_id, wanted.id)).claimed_by is not None
    assert "à 15 h 00" in words(operator.get(moved.location))


def test_an_appointment_is_cancelled_only_by_somebody_who_is_named(session, operator, booked):
    unsaid = operator.post(kept(booked, "annuler"))
    assert unsaid.status_code == 422
    assert "Choisissez qui annule" in words(unsaid)

    ended = operator.post(kept(booked, "annuler"), data={"par": "patient"})

    assert ended.status_code == 303
    session.expire_all()
    assert booked.status is BookingStatus.CANCELLED
    assert operator.get(ended.location).status_code == 200


def test_an_appointment_of_another_community_is_not_there(app, session, booked):
    elsewhere = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    stranger = signed_in(app, elsewhere)

    assert stranger.get(kept(booked)).status_code == 404
    assert stranger.post(kept(booked, "annuler"), data={"par": "patient"}).status_code == 404
    assert stranger.post(kept(booked, "changer"), data={"rendez-vous": "x"}).status_code == 404


def test_a_slot_that_was_taken_meanwhile_leaves_the_appointment_as_it_was(
    session, town, protocol, operator, booked
):
    a_booking(session, town.community, protocol, town.slots[1])
    session.commit()

    refused = operator.post(
        kept(booked, "changer"), data={"rendez-vous": str(town.slots[1].reference)}
    )

    assert refused.status_code == 409
    session.expire_all()
    assert booked.slot_id == town.slots[0].id


def test_read_back_says_what_to_do_if_it_gets_worse_and_that_it_was_understood(
    session, operator, booked
):
    asked = session.scalars(select(CareRequest)).one()
    shown = words(operator.get(page(asked)))
    assert "Si cela s’aggrave, appelez le 15." in shown
    assert "Dit et compris" in shown

    judged = ask.assessment_of(session, asked).reference
    noted = operator.post(page(asked, "compris"), data={"evaluation": str(judged)})

    assert noted.status_code == 303
    assert "✓ Dit et compris" in words(operator.get(noted.location))


def test_somebody_without_a_mobile_is_given_a_code_to_write_down(session, operator, booked):
    asked = session.scalars(select(CareRequest)).one()
    asked.phone = "+33199001234"
    session.commit()

    said = words(operator.get(page(asked)))

    assert f"À noter sur un papier : le code du rendez-vous {booked.code}" in said
    assert "Ligne notée : 01 99 00 12 34." in said
    assert len(booked.code) == CODE_LETTERS


def test_an_open_request_of_the_web_can_be_gone_on_with_in_the_console(session, operator, waiting):
    led = operator.post(f"/console/appels/{waiting.reference}/reprendre")
    desk = Desk(operator).open(led.location)

    assert "Sous 24 heures" in desk.says
    assert fresh(session, waiting).owner is not None


def test_looking_at_lists_changes_nothing(session, operator, transferred, advised):
    def drawing():
        session.expire_all()
        return (
            session.scalars(select(CareRequest.version).order_by(CareRequest.id)).all(),
            session.scalar(select(func.count()).select_from(TransferStep)),
            session.scalars(select(SecondLook.outcome)).all(),
        )

    before = drawing()
    for url in ("/console", page(transferred), page(transferred, "15"), page(advised)):
        assert operator.get(url).status_code == 200

    assert drawing() == before
