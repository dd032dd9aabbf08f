"""Screen O1: a call from pick-up to booked, kept at every field, without scripts and with them."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from booking.desk import choose, transfers
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    Channel,
    RequestStatus,
    Role,
    Transfer,
)
from booking.triage.protocol import Level
from schedules.models import Slot
from tests.builders import a_triaged_request
from tests.clockwork import NOON
from tests.integration.console_desk import (
    PERSON,
    Desk,
    pieces_of,
    slots_of,
    to_the_slots,
)
from tests.integration.patient_walk import a_town
from tests.staffing import an_account, signed_in, words


@pytest.fixture
def town(session):
    return a_town(session)


@pytest.fixture
def account(session, town):
    made = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def operator(app, account):
    return signed_in(app, account)


@pytest.fixture
def later(app, account, hands, desk):
    """Let time pass, sign in again, as an idle session asks for, and open the call again."""

    def pass_(**time):
        hands.now = NOON + timedelta(**time)
        desk.client = signed_in(app, account)
        return desk.open(f"/console/appels/{desk.reference}")

    return pass_


@pytest.fixture
def colleague(app, session, town):
    account = an_account(
        session,
        town.community,
        Role.OPERATOR,
        email="autre@tilleuls.example",
        name="Sacha Colin",
    )
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def desk(operator) -> Desk:
    return Desk(operator)


def the_call(session) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest)).one()


def calls(session) -> int:
    return session.scalar(select(func.count()).select_from(CareRequest))


def test_looking_at_an_empty_call_writes_nothing(session, desk):
    desk.open("/console/appel?tel=0639981234")

    assert 'value="0639981234"' in desk.answer.text
    assert "Portable : 06 39 98 12 34" in desk.says
    assert calls(session) == 0


def test_the_telephone_opens_the_console_with_its_number(operator):
    led = operator.get("/console?tel=%2B33639981234")

    assert led.status_code == 303
    assert led.location == "/console/appel?tel=%2B33639981234"


def test_a_number_that_is_none_stays_in_the_field_and_is_not_kept(session, desk):
    desk.open().press(telephone="06 39 98", nom="Morel")

    assert 'value="06 39 98"' in desk.answer.text
    assert "Ce numéro ne semble pas complet" in desk.says
    assert (the_call(session).phone, the_call(session).family_name) == (None, "Morel")


def test_a_whole_call_without_scripts_ends_with_an_appointment(session, protocol, desk):
    to_the_slots(desk, protocol)
    assert "Sous 24 heures" in desk.says
    first = slots_of(desk)[0]

    desk.press("garder", creneau=first)
    assert "Gardé jusqu’à 12 h 05." in desk.says
    desk.press("reserver", nom="Bernard", prenom="Camille", medecin="aucun")

    assert "À lire à la personne" in desk.says
    assert "aujourd’hui, samedi 27 mars, à 14 h 00" in desk.says
    asked = the_call(session)
    assert asked.status is RequestStatus.BOOKED
    assert (asked.family_name, asked.given_name, asked.phone) == (
        "Bernard",
        "Camille",
        "+33639981234",
    )
    assert asked.channel is Channel.PHONE
    assert asked.commune_insee == "77001"
    assert session.scalars(select(Booking.level)).one() is Level.WITHIN_24H


def test_what_is_not_asked_is_not_no(session, protocol, desk):
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="cheville")
    everybody, *others = desk.none()

    desk.press(aucun=others, **desk.answered(protocol, {}))

    assert the_call(session).level is None
    assert "Il reste à demander : les signes d’alerte" in desk.says
    assert slots_of(desk) == []
    desk.press("reserver", creneau=str(session.scalars(select(Slot.reference)).first()))
    assert "Il manque : les signes d’alerte" in desk.says
    assert session.scalar(select(func.count()).select_from(Booking)) == 0
    assert everybody not in others


def test_none_of_another_list_counts_for_nothing(session, protocol, desk):
    to_the_slots(desk, protocol)
    sealed = desk.none()
    desk.press(naissance="03/01/2027")

    desk.press(aucun=sealed)

    assert the_call(session).level is None
    assert "les signes selon l’âge et le sexe" in desk.says


def test_another_birth_date_opens_the_signs_of_age_again(session, protocol, desk):
    desk.open().press(**PERSON | {"naissance": "27/03/1948"}).press(sexe="male")
    desk.press("motif", cherche="cheville").press(aucun=desk.none())
    assert the_call(session).answers["ag_confus"] == "no"

    desk.press(naissance="28/03/1948")

    assert the_call(session).answers["ag_confus"] is None
    assert "les signes selon l’âge et le sexe" in desk.says


def test_a_birth_date_that_was_wiped_out_takes_the_signs_of_age_with_it(session, desk):
    desk.open().press(**PERSON | {"naissance": "27/03/1948"}).press(sexe="male")
    desk.press("motif", cherche="cheville").press(aucun=desk.none())

    desk.press(naissance="").press(naissance="01/01/1940")

    assert the_call(session).answers["ag_confus"] is None
    assert "les signes selon l’âge et le sexe" in desk.says


def test_a_ticked_sign_replaces_the_slots_by_the_15_and_forbids_booking(session, protocol, desk):
    to_the_slots(desk, protocol)
    slot = slots_of(desk)[0]

    desk.press(signe="u_poitrine")

    assert "Transférez au 15" in desk.says
    assert 'role="alert"' in desk.answer.text
    assert "06 39 98 12 34" in desk.says
    assert "Réserver" not in desk.says.split("Touches du clavier")[0]
    assert slots_of(desk) == []
    asked = the_call(session)
    assert asked.status is RequestStatus.EMERGENCY
    assert session.scalars(select(Transfer)).one().request_id == asked.id
    desk.press("reserver", creneau=slot, nom="A", prenom="B")
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


def test_a_sign_ticked_by_mistake_can_be_taken_back_and_is_asked_again(session, protocol, desk):
    to_the_slots(desk, protocol)
    desk.press(signe="u_poitrine", aucun=[])

    desk.press(signe=[], aucun=[])

    asked = the_call(session)
    assert asked.answers["u_poitrine"] is None
    assert asked.level is None
    assert "les signes d’alerte" in desk.says
    assert session.scalar(select(func.count()).select_from(Transfer)) == 1


def test_a_sign_beside_none_is_a_sign(session, desk):
    desk.open().press(**PERSON)

    desk.press(signe="u_avc", aucun=desk.none())

    assert the_call(session).answers["u_avc"] == "yes"
    assert the_call(session).status is RequestStatus.EMERGENCY


def test_words_that_may_mean_a_sign_make_the_operator_ask_for_it_again(session, protocol, desk):
    to_the_slots(desk, protocol)
    assert the_call(session).level is Level.WITHIN_24H

    desk.press(precision="elle a mal à la poitrine")

    assert "Vous avez écrit « elle a mal à la poitrine »." in desk.says
    assert "le signe que vos mots évoquent" in desk.says
    assert the_call(session).level is None
    desk.press("reserver", nom="A", prenom="B")
    assert session.scalar(select(func.count()).select_from(Booking)) == 0
    desk.press(aucun=desk.none())
    assert the_call(session).level is Level.WITHIN_24H
    desk.press(precision="poitrine qui serre")
    assert the_call(session).level is None
    desk.press(signe="u_poitrine")
    assert the_call(session).status is RequestStatus.EMERGENCY


def test_the_script_is_sent_only_what_its_page_does_not_show(desk):
    desk.open()

    first = desk.by_script(telephone="06 39 98 12 34")
    again = desk.by_script(telephone="06 39 98")

    assert pieces_of(first) == ["cle", "etat", "dit-telephone"]
    assert first.headers["X-Kept"] == "1"
    assert "signes-tous" not in pieces_of(again)


def test_the_list_of_questions_is_not_drawn_again_for_an_answer(protocol, desk):
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="cheville")

    answered = desk.by_script(**{"q-tm_zone": "cheville"})

    assert "zone-questions" not in pieces_of(answered)
    assert "signes-motif" not in pieces_of(answered)
    assert {"cle", "suite"} <= set(pieces_of(answered))


def test_looking_by_script_keeps_nothing_and_holds_nothing_longer(session, protocol, hands, desk):
    to_the_slots(desk, protocol)
    desk.press("garder", creneau=slots_of(desk)[0])
    until = session.scalars(select(Slot.held_until).where(Slot.held_until.is_not(None))).one()
    hands.now = NOON + timedelta(minutes=4)

    desk.by_script("voir", nom="Autre")

    assert the_call(session).family_name is None
    held = session.scalars(select(Slot.held_until).where(Slot.held_until.is_not(None))).one()
    assert held == until


def test_every_field_that_is_kept_holds_the_slot_longer(session, protocol, hands, desk):
    to_the_slots(desk, protocol)
    desk.press("garder", creneau=slots_of(desk)[0])
    hands.now = NOON + timedelta(minutes=4)

    desk.press(nom="Bernard")

    assert "Gardé jusqu’à 12 h 09." in desk.says


def test_a_slot_that_is_given_back_is_free_at_once(session, protocol, desk):
    to_the_slots(desk, protocol)
    desk.press("garder", creneau=slots_of(desk)[0])

    desk.press("rendre", creneau=slots_of(desk)[0])

    assert session.scalars(select(Slot.held_by).where(Slot.held_by.is_not(None))).all() == []


def test_a_slot_that_somebody_else_took_shows_others_and_loses_nothing(
    session, town, protocol, desk
):
    to_the_slots(desk, protocol)
    wanted = slots_of(desk)[0]
    other = a_triaged_request(session, town.community, protocol)
    choose.hold(session, other, UUID(wanted), now=NOON)
    session.commit()

    desk.press("reserver", creneau=wanted, nom="Bernard", prenom="Camille")

    assert "Ce rendez-vous vient d’être pris. En voici d’autres." in desk.says
    assert 'value="Camille"' in desk.answer.text
    assert wanted not in slots_of(desk)
    assert len(slots_of(desk)) > 0


def test_a_missing_name_is_said_at_the_top_with_a_link_to_the_field(protocol, desk):
    to_the_slots(desk, protocol)

    desk.press("reserver", creneau=slots_of(desk)[0], nom="Bernard")

    assert desk.answer.status_code == 422
    assert '<a href="#prenom">Indiquez le prénom</a>' in desk.answer.text
    assert desk.answer.text.count("<h1>") == 1


def test_two_operators_never_overwrite_each_other(session, operator, colleague, desk):
    desk.open().press(**PERSON)
    other = Desk(colleague)
    url = f"/console/appels/{desk.reference}"
    assert "Dominique Operator tient cet appel." in other.open(url).says
    colleague.post(f"{url}/reprendre")
    other.open(url).press(nom="Dupont")

    refused = desk.by_script(nom="Morel", prenom="Lucie")
    whole = desk.press(nom="Morel", prenom="Lucie")

    assert refused.headers["X-Kept"] == "0"
    assert "Sacha Colin a repris cet appel" in words(refused)
    assert whole.answer.status_code == 409
    assert 'value="Morel"' in whole.answer.text
    assert (the_call(session).family_name, the_call(session).given_name) == ("Dupont", None)


def test_an_older_window_of_ones_own_is_told_who_saved_when_and_what_differs(
    session, operator, desk
):
    desk.open().press(**PERSON)
    other = Desk(operator).open(f"/console/appels/{desk.reference}")
    other.press(nom="Dupont")

    refused = desk.press(nom="Morel")

    assert refused.answer.status_code == 409
    assert "Dominique Operator a modifié cet appel à 12 h 00" in refused.says
    assert "Nom Morel Dupont" in refused.says
    assert the_call(session).family_name == "Dupont"
    refused.press(f"garder-mien:{the_call(session).version}")
    assert the_call(session).family_name == "Morel"


def test_keeping_mine_over_a_version_that_nobody_showed_me_is_refused(session, operator, desk):
    desk.open().press(**PERSON)
    other = Desk(operator).open(f"/console/appels/{desk.reference}")
    other.press(nom="Dupont")

    desk.press(f"garder-mien:{the_call(session).version - 1}", nom="Morel")

    assert the_call(session).family_name == "Dupont"


def test_a_call_is_found_again_after_the_window_was_closed(session, operator, desk):
    desk.open().by_script(**PERSON | {"nom": "Morel"})

    board = words(operator.get("/console"))
    again = Desk(operator).open(f"/console/appels/{the_call(session).reference}")

    assert "Appels interrompus (1)" in board
    assert "Rappeler 06 39 98 12 34" in board
    assert 'value="Morel"' in again.answer.text
    assert "39 ans" in again.says


def test_a_suspended_call_waits_on_the_list_with_its_owner(session, colleague, desk):
    desk.open().press("suspendre", **PERSON)

    assert "L’appel est suspendu." in desk.says
    listed = words(colleague.get("/console"))
    assert "Dominique Operator" in listed
    assert "suspendu" in listed
    assert the_call(session).suspended_at == NOON


def test_signs_that_waited_half_an_hour_are_read_out_again(session, protocol, later, desk):
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="cheville")
    desk.press(aucun=desk.none())
    later(minutes=31)
    assert "les signes d’alerte" in desk.says

    desk.press(**desk.answered(protocol, {"tm_zone": "cheville", "tm_appui": "oui"}))
    assert the_call(session).level is None
    desk.press(aucun=desk.none())

    assert the_call(session).level is Level.WITHIN_24H


def test_a_name_typed_beside_old_answers_does_not_make_them_young(session, protocol, later, desk):
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="cheville")
    desk.press(aucun=desk.none())
    later(minutes=31)

    calm = desk.answered(protocol, {"tm_zone": "cheville", "tm_appui": "oui"})
    desk.press(nom="Morel", **calm)

    assert the_call(session).level is None
    assert the_call(session).answers["u_poitrine"] is None
    desk.press(aucun=desk.none())
    assert the_call(session).level is Level.WITHIN_24H


def test_none_of_the_signs_read_again_counts_beside_another_field(session, protocol, later, desk):
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="cheville")
    desk.press(aucun=desk.none())
    later(minutes=31)

    calm = desk.answered(protocol, {"tm_zone": "cheville", "tm_appui": "oui"})
    desk.press(nom="Morel", aucun=desk.none(), **calm)

    assert the_call(session).level is Level.WITHIN_24H


def test_a_call_that_is_gone_on_with_after_an_hour_asks_the_signs_again(
    session, account, app, hands, desk
):
    desk.open().press(**PERSON).press(aucun=desk.none())
    assert the_call(session).answers["u_poitrine"] == "no"
    hands.now = NOON + timedelta(minutes=60)
    client = signed_in(app, account)

    client.post(f"/console/appels/{desk.reference}/reprendre")

    assert the_call(session).answers["u_poitrine"] is None


def test_a_judgement_that_is_too_old_books_only_after_the_signs(session, protocol, later, desk):
    to_the_slots(desk, protocol)
    last = str(session.scalars(select(Slot.reference).order_by(Slot.starts_at.desc())).first())
    later(hours=2, minutes=1)
    assert "Relisez les signes d’alerte" in desk.says

    desk.press("reserver", creneau=last, nom="Bernard", prenom="Camille")
    assert session.scalar(select(func.count()).select_from(Booking)) == 0
    desk.press(aucun=desk.none())
    desk.press("reserver", creneau=last)

    assert session.scalars(select(Booking.status)).one() is BookingStatus.CONFIRMED


def test_a_known_number_shows_who_called_and_fills_them_in(session, town, protocol, desk):
    a_triaged_request(
        session, town.community, protocol, channel=Channel.PHONE,
        phone="+33639981234", birth_date=NOON.date().replace(year=1988),
        commune_insee="77001", latitude=48.3, longitude=2.9,
    )  # fmt: skip
    session.commit()

    desk.open().press(telephone="06 39 98 12 34")
    assert "MOREL Lucie , 39 ans" in desk.says
    assert desk.reference
    desk.press("connu")

    called = session.scalars(
        select(CareRequest).where(CareRequest.reference == desk.reference)
    ).one()
    assert (called.family_name, called.sex, called.commune_insee) == ("Morel", "male", "77001")
    assert "Faites dire le nom et la date de naissance." in desk.says
    desk.press("autre")
    session.expire_all()
    assert (called.family_name, called.birth_date, called.sex) == (None, None, None)


def test_two_people_behind_one_number_are_both_shown_and_none_is_taken(
    session, town, protocol, desk
):
    for name in ("Lucie", "Anatole"):
        a_triaged_request(session, town.community, protocol, phone="+33639981234", given_name=name)
    session.commit()

    desk.open().press("connu", telephone="06 39 98 12 34")
    assert "MOREL Lucie" in desk.says
    assert "MOREL Anatole" in desk.says
    assert desk.answer.text.count('value="personne:') == 2

    which = next(line.split('"')[0] for line in desk.answer.text.split('value="personne:')[1:])
    desk.press(f"personne:{which}")

    assert "C’est quelqu’un d’autre" in desk.says


def test_nothing_free_tells_whom_to_ask_and_promises_only_what_can_be_kept(session, protocol, desk):
    for slot in session.scalars(select(Slot)):
        slot.withdrawn_at = NOON
    session.commit()

    to_the_slots(desk, protocol)

    assert "Aucun rendez-vous libre" in desk.says
    assert "01 99 00 00 20" in desk.says
    assert "« Nous vous rappelons avant 14 h 00. »" in desk.says
    desk.press("promettre")
    asked = the_call(session)
    assert asked.call_back_asked_at == NOON
    assert asked.call_by == NOON + timedelta(hours=2)
    assert "À rappeler" in words(desk.client.get("/console"))


def test_a_call_is_closed_without_an_appointment_only_for_a_reason(session, protocol, desk):
    for slot in session.scalars(select(Slot)):
        slot.withdrawn_at = NOON
    session.commit()
    to_the_slots(desk, protocol)

    desk.press("clore", pourquoi="")
    assert "Choisissez pourquoi" in desk.says
    desk.press("clore", pourquoi="too_far")

    assert the_call(session).status is RequestStatus.DECLINED


def test_a_transfer_by_key_is_on_the_list_whatever_was_ticked(session, operator, desk):
    desk.open().press("15", **PERSON)

    assert "Où en est-on ?" in desk.says
    assert "06 39 98 12 34" in desk.says
    assert "Saint-Loup" in desk.says
    assert "Transferts au 15 à vérifier" in words(operator.get("/console"))
    assert session.scalars(select(Transfer)).one().state is transfers.TransferState.TO_RECHECK


def test_a_caller_far_from_the_patient_is_flagged(session, operator, desk):
    desk.open().press("suspendre", **PERSON | {"qui": "ELSEWHERE"})

    assert "l’appelant est loin de la personne" in words(operator.get("/console"))


@pytest.mark.parametrize(
    ("said", "channel"),
    [("sas", Channel.SAS), ("pharmacie", Channel.PHARMACIST), ("cabinet", Channel.PRACTICE)],
)
def test_where_a_call_comes_from_is_kept(session, desk, said, channel):
    desk.open(f"/console/appel?origine={said}").press(**PERSON)

    assert the_call(session).channel is channel


def test_another_communitys_call_and_a_patients_own_form_are_not_there(
    app, session, protocol, desk
):
    elsewhere = a_town(session)
    foreign = an_account(session, elsewhere.community, Role.OPERATOR)
    session.commit()
    desk.open().press(**PERSON)
    stranger = signed_in(app, foreign)

    url = f"/console/appels/{desk.reference}"
    assert stranger.get(url).status_code == 404
    assert stranger.post(f"{url}/reprendre").status_code == 404
    assert Desk(stranger, desk.answer).press(nom="X").answer.status_code == 404


ODD = ["\x00", "’" * 200, "9" * 40, "<b>", "\u202e", "q-", "-1"]
FIELDS = [
    *("version", "telephone", "commune", "naissance", "sexe", "enceinte", "motif", "motif-lu"),
    *("cherche", "signe", "aucun", "tous-lu", "creneau", "faire", "medecin", "precision", "qui"),
]


@pytest.mark.parametrize("value", ODD)
def test_a_form_that_no_page_sent_breaks_nothing(desk, value):
    answer = desk.client.post("/console/appel", data=dict.fromkeys(FIELDS, value))

    assert answer.status_code in (200, 303, 409, 422)
