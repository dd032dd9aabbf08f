"""The patient's form from its first page to an appointment: order, signs, corrections."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from booking.extensions import equipment
from booking.models import (
    Assessment,
    Booking,
    CareRequest,
    ProvedBy,
    RequestStatus,
    Tombstone,
    VisitorAct,
)
from booking.triage.protocol import Level
from notifications.models import OutboxMessage
from schedules.models import Slot
from tests.clockwork import Hands
from tests.integration.patient_walk import CALM, Town, Walk, a_town


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session)


@pytest.fixture
def walk(client: FlaskClient, town: Town) -> Walk:
    return Walk(client, town)


def the_request(session: Session) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest)).one()


def test_a_patient_goes_from_the_first_sign_to_an_appointment(walk: Walk, session: Session):
    location = walk.book()

    page = walk.client.get(location)

    asked = the_request(session)
    booking = session.scalars(select(Booking)).one()
    assert "Votre rendez-vous est confirmé" in page.text
    assert "Aujourd’hui, samedi 27\u00a0mars, à 14\u00a0h\u00a000" in page.text
    assert booking.code in page.text
    assert asked.status is RequestStatus.BOOKED
    assert (asked.family_name, asked.phone) == ("Bernard", "+33639980001")
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 2


def test_the_appointment_page_names_nobody(walk: Walk):
    location = walk.book()

    page = walk.client.get(location)

    assert "Bernard" not in page.text.replace(walk.town.doctor.name, "")
    assert "Camille Bernard" not in page.text.replace(walk.town.doctor.name, "")


def test_it_is_said_in_green_only_once(walk: Walk):
    location = walk.book()
    first, again = walk.client.get(location), walk.client.get(location)

    assert 'class="panel done"' in first.text
    assert 'class="panel calm"' in again.text


@pytest.mark.parametrize(
    "later", ["naissance", "sexe", "commune", "motif", "questions", "rendez-vous", "verifier"]
)
def test_nobody_skips_a_question(walk: Walk, later: str):
    walk.start()

    seen, posted = walk.get(later), walk.post(later, **{"rendez-vous": "x"})

    assert seen.location.endswith("/signes")
    assert posted.location.endswith("/signes")


def test_an_unknown_step_is_not_found(walk: Walk):
    walk.start()

    assert walk.get("n-importe-quoi").status_code == 404


def test_silence_about_signs_is_no_answer(walk: Walk, session: Session):
    walk.start()

    page = walk.post("signes", other="1")

    assert page.status_code == 422
    assert "<title>Erreur" in page.text
    assert "autofocus" in page.text
    assert the_request(session).answers == {}


def test_a_ticked_sign_is_answered_at_once_with_the_15(walk: Walk, session: Session):
    walk.start()

    page = walk.post("signes", signes="u_poitrine")

    asked = the_request(session)
    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text
    assert 'href="tel:15"' in page.text
    assert "114" in page.text
    assert (asked.level, asked.status) == (Level.CALL_15, RequestStatus.EMERGENCY)


def test_from_the_emergency_page_no_way_leads_to_an_appointment(walk: Walk, session: Session):
    walk.to("rendez-vous")
    walk.post("signes", signes="u_poitrine")

    for step in ("commune", "motif", "rendez-vous", "nom", "telephone", "verifier", "rappel"):
        slot = str(walk.town.slots[0].reference)
        posted = walk.post(step, **CALM.get(step, {}), **{"rendez-vous": slot}, slot=slot)
        assert posted.location.endswith("/urgence"), step
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


def test_a_sign_beside_none_of_these_counts_as_the_sign(walk: Walk):
    walk.start()

    page = walk.post("signes", signes=["none", "u_suicide"])

    assert "Appelez le 15 maintenant" in page.text


def test_a_sign_ticked_by_mistake_leads_back_and_stays_on_record(walk: Walk, session: Session):
    walk.start()
    walk.post("signes", signes="u_poitrine")

    back = walk.client.post(walk.url("urgence/erreur"))

    assert back.location.endswith("/signes")
    assert session.scalar(select(func.count()).select_from(Assessment)) == 1
    assert walk.to("verifier").where() == "verifier"


def test_a_mistake_undoes_only_the_page_it_was_made_on(walk: Walk, session: Session):
    walk.to("questions")
    walk.post("questions", **CALM["questions"] | {"tm_deforme": "yes"})

    back = walk.client.post(walk.url("urgence/erreur"))

    said = the_request(session).answers
    assert back.location.endswith("/questions")
    assert said["u_poitrine"] == "no"
    assert said["tm_deforme"] is None


def test_not_knowing_about_a_red_flag_is_the_sign(walk: Walk):
    walk.to("questions")

    page = walk.post("questions", **CALM["questions"] | {"tm_froid": "unknown"})

    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text


def test_a_question_left_out_is_asked_again_with_the_others_kept(walk: Walk):
    walk.to("questions")
    left_out = {k: v for k, v in CALM["questions"].items() if k != "tm_froid"}

    page = walk.post("questions", **left_out)

    assert page.status_code == 422
    assert "Répondez, ou choisissez" in page.text
    assert 'name="tm_deforme" value="no" checked' in page.text


def test_questions_come_a_few_at_a_time(walk: Walk):
    walk.to("questions")
    first = {k: CALM["questions"][k] for k in list(CALM["questions"])[:5]}

    led = walk.post("questions", **first)

    assert led.location.endswith("/questions?page=2")
    assert 'name="page" value="2"' in walk.client.get(led.location).text


def test_a_new_birth_date_asks_the_signs_of_that_age(walk: Walk):
    walk.to("medecin-traitant")

    led = walk.post("naissance", jour="12", mois="3", annee="2027")

    assert led.location.endswith("/signes-suite")
    assert "Fièvre : 38 °C ou plus" in walk.get("signes-suite").text


def test_a_new_birth_date_lets_go_of_the_slot(walk: Walk, session: Session):
    walk.to("nom")

    walk.post("naissance", jour="1", mois="1", annee="1950")

    session.expire_all()
    assert walk.town.slots[0].held_by is None


def test_a_new_birth_date_asks_the_questions_of_the_reason_again(walk: Walk, session: Session):
    walk.to("nom")

    walk.post("naissance", jour="1", mois="1", annee="1950")

    asked = the_request(session)
    assert asked.answers["tm_deforme"] is None
    assert asked.level is None


def test_the_same_answer_again_changes_nothing(walk: Walk, session: Session, hands: Hands):
    walk.to("nom")
    before = the_request(session).deadline
    hands.wait(timedelta(minutes=1))

    walk.post("naissance")
    walk.post("motif")

    session.expire_all()
    assert the_request(session).deadline == before
    assert walk.town.slots[0].held_by is not None


def test_an_infant_with_fever_is_sent_to_the_15_at_stage_two(walk: Walk):
    walk.answers["naissance"] = {"jour": "12", "mois": "3", "annee": "2027"}
    walk.to("signes-suite")

    page = walk.post("signes-suite", signes="nn_fievre")

    assert "Appelez le 15 maintenant" in page.text


def a_tab_left_open(walk: Walk) -> list[str]:
    """Make the patient a baby in another tab; return the signs that the first tab still shows."""
    walk.answers["sexe"] = {"sexe": "female"}
    walk.answers["grossesse"] = {"enceinte": "yes"}
    shown = walk.to("signes-suite").shown("signes-suite")
    walk.post("naissance", jour="12", mois="3", annee="2027")
    assert walk.where() == "signes-suite"
    return shown


def test_none_of_these_says_nothing_of_signs_that_were_not_shown(walk: Walk, session: Session):
    shown = a_tab_left_open(walk)

    page = walk.post("signes-suite", signes="none", montre=shown)

    assert page.status_code == 422
    assert "Les questions ont changé. Répondez à nouveau." in page.text
    assert "Fièvre : 38 °C ou plus" in page.text
    assert the_request(session).answers.get("nn_fievre") is None
    assert walk.where() == "signes-suite"


def test_a_page_that_does_not_say_what_it_showed_answers_nothing(walk: Walk, session: Session):
    walk.start()

    page = walk.post("signes", signes="none", montre=[])

    assert page.status_code == 422
    assert the_request(session).answers == {}


def test_a_sign_of_another_age_ticked_beside_none_is_asked_again(walk: Walk, session: Session):
    a_tab_left_open(walk)
    both = walk.shown("signes-suite")

    page = walk.post("signes-suite", signes=["none", "x_autre"], montre=[*both, "x_autre"])

    assert page.status_code == 422
    assert the_request(session).answers.get("nn_fievre") is None


def test_a_sign_ticked_on_an_old_page_is_answered_all_the_same(walk: Walk, session: Session):
    a_tab_left_open(walk)

    page = walk.post("signes-suite", signes="nn_fievre", montre=["nn_fievre"])

    said = the_request(session).answers
    assert "Appelez le 15 maintenant" in page.text
    assert [sign for sign, answer in said.items() if answer == "yes"] == ["nn_fievre"]
    assert [said.get(sign) for sign in ("nn_mou", "nn_respire", "nn_teint")] == [None] * 3


def test_questions_of_another_reason_answer_nothing_of_this_one(walk: Walk, session: Session):
    walk.to("questions")
    walk.post("motif", motif="mal_gorge")

    page = walk.post("questions", **CALM["questions"])

    assert page.status_code == 422
    assert the_request(session).level is None


@pytest.fixture
def without_protocol(hands: Hands) -> None:
    """Come to a day that no signed protocol covers."""
    hands.now = hands.now.replace(year=hands.now.year + 20)


@pytest.mark.usefixtures("without_protocol")
def test_a_sign_leads_to_the_15_when_no_protocol_is_in_force(walk: Walk, session: Session):
    walk.start()

    page = walk.post("signes", signes="u_poitrine")

    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text
    assert the_request(session).answers["u_poitrine"] == "yes"
    assert "Appelez le 15 maintenant" in walk.get("urgence").text
    assert walk.post("commune", commune="77001").location.endswith("/urgence")


@pytest.mark.usefixtures("without_protocol")
def test_a_mistaken_sign_can_be_undone_when_no_protocol_is_in_force(walk: Walk):
    walk.start()
    walk.post("signes", signes="u_poitrine")

    back = walk.client.post(walk.url("urgence/erreur"))

    assert back.location.endswith("/signes")


@pytest.mark.usefixtures("without_protocol")
def test_nobody_without_a_sign_is_judged_by_an_expired_protocol(walk: Walk, session: Session):
    walk.to("questions")
    rest = dict(CALM["questions"])

    page = walk.post("questions", **rest)

    assert page.status_code == 503
    assert the_request(session).level is None


@pytest.fixture
def broken_triage(session: Session) -> Iterator[None]:
    """Let no judgement be written."""
    session.execute(text("ALTER TABLE assessment ADD CONSTRAINT broken CHECK (false) NOT VALID"))
    session.commit()
    yield
    session.rollback()
    session.execute(text("ALTER TABLE assessment DROP CONSTRAINT broken"))
    session.commit()


@pytest.mark.usefixtures("broken_triage")
def test_a_sign_leads_to_the_15_whatever_breaks_in_triage(walk: Walk, session: Session):
    walk.start()

    page = walk.post("signes", signes="u_poitrine")

    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text
    assert the_request(session).answers["u_poitrine"] == "yes"


def test_a_woman_is_asked_about_a_pregnancy_and_a_man_is_not(walk: Walk):
    walk.to("sexe")

    woman = walk.post("sexe", sexe="female").location
    man = walk.post("sexe", sexe="male").location

    assert woman.endswith("/grossesse")
    assert not man.endswith("/grossesse")


def test_another_commune_is_told_whom_to_call(walk: Walk, session: Session):
    walk.to("commune")

    led = walk.post("commune", commune="ailleurs")

    page = walk.client.get(led.location)
    assert "116" in page.text
    assert the_request(session).commune_insee is None


def test_what_is_no_urgent_care_gets_advice_and_no_appointment(walk: Walk):
    signs = ("ad_resultat", "ad_deces", "ad_malade", "ad_constat", "ad_presse")
    walk.answers["motif"] = {"motif": "administratif"}
    walk.answers["questions"] = dict.fromkeys(signs, "no")
    walk.to("conseil")

    page = walk.get("conseil")

    assert "Pas besoin de rendez-vous aujourd’hui" in page.text
    assert "Médecin généraliste" in page.text
    assert walk.get("rendez-vous").location.endswith("/conseil")
    assert walk.post("rappel", telephone="06 39 98 00 01").location.endswith("/conseil")


def test_a_regular_doctor_who_was_not_called_is_called_first(walk: Walk):
    walk.to("medecin-traitant")

    mine = str(walk.town.doctor.reference)
    led = walk.post("medecin-traitant", medecin="not_called", lequel=mine)
    told = walk.client.get(led.location)
    on = walk.post("medecin-traitant", medecin="not_called_goes_on")

    assert "Appelez-le d’abord" in told.text
    assert walk.town.site.phone in told.text
    assert on.location.endswith("/rendez-vous")


def test_the_regular_doctor_is_proposed_first(walk: Walk):
    walk.to("medecin-traitant")

    walk.post("medecin-traitant", medecin="unavailable", lequel=str(walk.town.doctor.reference))

    assert "Votre médecin" in walk.get("rendez-vous").text


def test_erasing_ends_the_form_and_kills_its_link(walk: Walk, session: Session):
    walk.to("verifier")
    counted = everything_counted(session)

    done = walk.client.post(walk.url("effacer"))

    asked = the_request(session)
    assert done.location.endswith("/efface")
    assert walk.get("signes").status_code == 404
    assert (asked.family_name, asked.phone, asked.answers) == (None, None, {})
    assert not any(each.answers for each in session.scalars(select(Assessment)))
    assert session.scalars(select(Slot.held_by).where(Slot.held_by.is_not(None))).all() == []
    assert session.scalars(select(Tombstone.proved_by)).all() == [ProvedBy.PATIENT]
    # Who takes slots and erases, again and again, has taken them all the same.
    assert counted
    assert everything_counted(session) == counted


def everything_counted(session: Session) -> list[tuple[object, ...]]:
    session.rollback()
    theirs = select(VisitorAct.__table__).where(VisitorAct.about.is_not(None))
    return [tuple(row) for row in session.execute(theirs)]


def test_what_cannot_be_noted_for_a_restore_is_not_erased_and_the_page_says_so(
    walk: Walk, session: Session, app: Flask
):
    walk.to("verifier")
    with app.app_context():
        file = equipment().settings.tombstones_file
    file.unlink(missing_ok=True)
    file.mkdir(parents=True)

    answer = walk.client.post(walk.url("effacer"))
    file.rmdir()

    assert answer.status_code == 503
    assert "Vos réponses sont gardées" in answer.text
    assert the_request(session).phone is not None


def test_a_wrong_link_is_not_found(walk: Walk):
    walk.token = "x" * 22

    assert walk.get("signes").status_code == 404
    assert walk.post("signes", signes="none").status_code == 404


def test_a_get_changes_nothing(walk: Walk, session: Session, hands: Hands):
    walk.to("verifier")
    hands.wait(timedelta(minutes=1))
    before = everything(session)

    for step in (*CALM, "rendez-vous", "verifier", "rappel", "urgence", "fin", "effacer"):
        walk.get(step)

    assert everything(session) == before


def everything(session: Session) -> list[tuple[object, ...]]:
    """Return every row that a patient's form could change."""
    session.rollback()
    tables = (CareRequest, Slot, Booking, Assessment, OutboxMessage)
    return [tuple(row) for t in tables for row in session.execute(select(t.__table__))]
