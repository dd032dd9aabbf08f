"""What the patient's pages say when time has passed, when nothing is free, when somebody checks."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from booking.desk import ask, transfers, waiting
from booking.desk.reach import Reach
from booking.models import CareRequest, RequestStatus, SecondLook, Transfer
from schedules.models import Slot
from tests.builders import a_triaged_request
from tests.clockwork import NOON, Hands
from tests.integration.patient_walk import Town, Walk, a_town
from tests.staffing import words

TWO_HOURS = timedelta(hours=2)
TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session, slots=12, name="CPTS des Tilleuls", slug="tilleuls")


@pytest.fixture
def walk(client: FlaskClient, town: Town) -> Walk:
    return Walk(client, town)


def for_today(walk: Walk) -> Walk:
    walk.answers["questions"] = walk.answers["questions"] | TODAY
    return walk


def asked(session: Session) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest)).one()


def nothing_is_free(session: Session) -> None:
    session.execute(update(Slot).values(withdrawn_at=NOON))
    session.commit()


# Signs again


@pytest.mark.parametrize("page", ["rendez-vous", "nom", "telephone", "verifier"])
def test_after_two_hours_the_signs_come_first(walk: Walk, hands: Hands, page: str):
    walk.to(page)
    hands.wait(TWO_HOURS)

    assert walk.where() == "signes-encore"
    assert walk.get(page).location.endswith("/signes-encore")
    assert "Un de ces signes, maintenant ?" in words(walk.get("signes-encore"))


def test_no_sign_ticked_leads_back_to_where_the_form_was(walk: Walk, hands: Hands):
    walk.to("telephone")
    hands.wait(TWO_HOURS)

    led = walk.post("signes-encore", signes="none", montre=walk.shown("signes-encore"))

    # The hold of five minutes has ended: the same slot may be chosen again, all else is kept.
    assert led.location.endswith("/rendez-vous")
    walk.post("rendez-vous", **{"rendez-vous": str(walk.town.slots[5].reference)})
    assert walk.where() == "telephone"
    assert walk.book()


def test_a_sign_ticked_now_is_told_to_call_the_15_at_once(
    walk: Walk, hands: Hands, session: Session
):
    walk.to("verifier")
    hands.wait(TWO_HOURS)
    shown = walk.shown("signes-encore")

    stopped = walk.post("signes-encore", signes=shown[0], montre=shown)

    assert stopped.status_code == 200
    assert "Appelez le 15 maintenant" in words(stopped)
    assert asked(session).status is RequestStatus.EMERGENCY
    # A number was given: somebody makes sure that the 15 was called.
    assert session.scalars(select(Transfer)).one().request_id == asked(session).id


def test_silence_is_no_answer_to_the_signs(walk: Walk, hands: Hands):
    walk.to("nom")
    hands.wait(TWO_HOURS)

    refused = walk.post("signes-encore", montre=walk.shown("signes-encore"))

    assert refused.status_code == 422
    assert walk.where() == "signes-encore"


def test_confirming_too_late_books_nothing_and_loses_nothing(
    walk: Walk, hands: Hands, session: Session
):
    walk.to("verifier")
    hands.wait(TWO_HOURS)

    led = walk.post("verifier", go="1", slot=str(walk.town.slots[0].reference))

    assert led.location.endswith("/signes-encore")
    assert asked(session).status is RequestStatus.OPEN
    assert asked(session).family_name == "Bernard"


def test_what_is_typed_while_the_time_runs_out_is_kept(walk: Walk, hands: Hands, session: Session):
    walk.to("nom")
    hands.wait(TWO_HOURS)

    walk.post("nom", nom="Petit", prenom="Anaïs")

    assert (asked(session).family_name, asked(session).given_name) == ("Petit", "Anaïs")


def test_a_need_of_today_is_asked_again_after_half_an_hour(walk: Walk, hands: Hands):
    for_today(walk).to("medecin-traitant")
    hands.wait(timedelta(minutes=29))
    assert walk.where() == "medecin-traitant"

    hands.wait(timedelta(minutes=1))

    assert walk.where() == "signes-encore"


# Nothing free


def test_in_the_daytime_a_call_is_promised_for_an_hour_that_is_said(walk: Walk, session: Session):
    for_today(walk).to("rendez-vous")
    nothing_is_free(session)

    said = words(walk.get("rendez-vous"))

    assert "Nous vous rappelons, et un médecin décide de la suite." in said
    assert "Quelqu’un vous appelle avant 12 h 30." in said


def test_the_promise_is_on_the_operators_list_with_its_hour(walk: Walk, session: Session):
    for_today(walk).to("rendez-vous")
    nothing_is_free(session)

    walk.post("rappel", telephone="06 39 98 00 01")

    assert "Avant 12 h 30" in words(walk.get("rappel"))
    reach = Reach(walk.town.community.id, is_whole=True)
    [line] = waiting.open_requests(session, reach, now=NOON).requests
    assert line.call_by == NOON + timedelta(minutes=30)
    assert line.needs_doctor


def test_in_the_evening_nobody_is_promised_a_call_that_nobody_makes(
    walk: Walk, hands: Hands, session: Session
):
    hands.wait(timedelta(hours=9))
    nothing_is_free(session)
    for_today(walk).to("rendez-vous")

    said = words(walk.get("rendez-vous"))

    assert "Appelez le 15" in said
    assert "Personne ne peut vous rappeler à temps." in said
    assert "Notre ligne ouvre lundi 29 mars à 8 h 00." in said
    assert "Être rappelé" not in said
    walk.post("rappel", telephone="06 39 98 00 01")
    assert asked(session).call_back_asked_at is None
    assert "Personne ne peut vous rappeler à temps" in words(walk.get("rappel"))
    # Never silently tomorrow, and never lost: it is a doctor's to decide.
    assert asked(session).doctor_asked_at is not None


def test_a_need_within_24_hours_on_a_weekday_evening_is_called_in_the_morning(
    walk: Walk, hands: Hands, session: Session
):
    hands.now = NOON + timedelta(days=2, hours=9)
    nothing_is_free(session)
    walk.to("rendez-vous")

    said = words(walk.get("rendez-vous"))

    assert "Quelqu’un vous appelle entre demain à 8 h 00 et demain à 10 h 00." in said


def test_a_promise_that_was_broken_says_so(walk: Walk, hands: Hands, session: Session):
    for_today(walk).to("rendez-vous")
    nothing_is_free(session)
    walk.post("rappel", telephone="06 39 98 00 01")
    hands.wait(timedelta(minutes=31))

    said = words(walk.get("rappel"))

    assert "Nous devions vous appeler avant 12 h 30" in said


# Somebody checks


def advised(walk: Walk, **born: str) -> Walk:
    walk.answers["naissance"] = born
    walk.answers["motif"] = {"motif": "administratif"}
    signs = ("ad_resultat", "ad_deces", "ad_malade", "ad_constat", "ad_presse")
    walk.answers["questions"] = dict.fromkeys(signs, "no")
    return walk.to("conseil")


def test_the_old_are_told_that_somebody_checks_and_may_call(walk: Walk, session: Session):
    advised(walk, jour="27", mois="mars", annee="1940")

    said = words(walk.get("conseil"))
    assert "Une autre personne vérifie cette réponse" in said
    assert "avant 14 h 00" in said
    kept = walk.post("conseil", telephone="02 61 91 00 01")

    assert kept.location.endswith("/conseil")
    assert asked(session).phone == "+33261910001"
    assert session.scalars(select(SecondLook)).one().outcome is None
    assert "Nous appelons le 02 61 91 00 01." in words(walk.get("conseil"))


def test_others_are_told_nothing_of_the_kind(walk: Walk, session: Session):
    advised(walk, jour="27", mois="mars", annee="1988")

    assert "vérifie" not in words(walk.get("conseil"))
    assert session.scalars(select(SecondLook)).all() == []


# Reasons


def test_the_reasons_stand_in_groups_that_need_no_script(walk: Walk):
    walk.to("motif")

    page = walk.get("motif").text

    assert page.count("<details") == page.count("<summary>") > 5
    assert "fievre_enfant" not in page
    assert re.search(r'type="checkbox"[^>]*value="autre"', page)


def test_a_search_finds_by_other_words_and_keeps_what_is_ticked(walk: Walk, session: Session):
    walk.to("motif")

    found = walk.post(
        "motif", chercher="1", cherche="ANGINE", motif="trauma_membre", precision="depuis hier"
    )

    assert found.status_code == 200
    assert "mal_gorge" in found.text
    assert "administratif" not in found.text
    assert re.search(r'value="trauma_membre" checked', found.text)
    assert "depuis hier" in found.text
    assert asked(session).complaints == []


def test_a_search_that_finds_nothing_shows_the_whole_list(walk: Walk):
    walk.to("motif")

    found = walk.post("motif", chercher="1", cherche="xyzzy")

    assert "Rien pour « xyzzy ». Voici toute la liste." in words(found)
    assert "administratif" in found.text


def test_several_reasons_may_be_chosen_and_the_worst_counts(walk: Walk, session: Session):
    walk.to("motif")

    walk.post("motif", motif=["administratif", "douleur_thoracique"])

    assert asked(session).complaints == ["administratif", "douleur_thoracique"]
    assert "Certificat" in words(walk.get("questions"))
    assert "poitrine" in words(walk.get("questions"))


def test_four_reasons_are_too_many(walk: Walk):
    walk.to("motif")

    refused = walk.post("motif", motif=["administratif", "dent", "hta", "fatigue"])

    assert refused.status_code == 422
    assert "Choisissez trois réponses au plus" in words(refused)


# Numbers


def test_a_foreign_number_is_told_what_to_do(walk: Walk):
    walk.to("telephone")

    refused = walk.post("telephone", telephone="+44 20 7946 0000", message="yes", sms="yes")

    assert refused.status_code == 422
    assert "numéro étranger" in words(refused)
    assert "appelez le 01 99 00 00 15" in words(refused)


def test_whoever_left_a_form_with_a_number_and_a_sign_is_called(
    walk: Walk, session: Session, hands: Hands
):
    walk.to("verifier")
    request = asked(session)
    request.answers = request.answers | {"u_conscience": "yes"}
    request.status, request.level, request.assessment_id = RequestStatus.DRAFT, None, None
    session.commit()

    reach = Reach(walk.town.community.id, is_whole=True)
    later = hands.wait(timedelta(minutes=10))
    [left] = transfers.waiting(session, reach, signs=["u_conscience"], now=later)

    assert left.is_abandoned


# The patient's own words


def a_danger(protocol) -> tuple[str, str]:
    """Return a sign for everybody, and words that may mean it."""
    universal = {sign.id for sign in protocol.universal}
    return next((sign, phrases[0]) for sign, phrases in protocol.danger_words if sign in universal)


@pytest.fixture
def wrote(walk: Walk, protocol) -> Walk:
    """At the page that follows words of danger, after « none of these signs »."""
    _, phrase = a_danger(protocol)
    walk.to("motif")
    walk.post("motif", motif="trauma_membre", precision=f"pas de {phrase}")
    return walk


def test_words_of_danger_ask_the_sign_again_whatever_was_ticked(wrote: Walk, protocol):
    sign, phrase = a_danger(protocol)

    said = words(wrote.get("precision"))

    assert wrote.where() == "precision"
    assert f"Vous avez écrit « pas de {phrase} »." in said
    assert protocol.questions[sign].text in said
    assert "maintenant ?" in said


@pytest.mark.parametrize("answer", ["yes", "unknown"])
def test_a_yes_or_a_doubt_is_told_to_call_the_15(wrote: Walk, protocol, answer: str):
    sign, _ = a_danger(protocol)

    stopped = wrote.post("precision", **{sign: answer})

    assert "Appelez le 15 maintenant" in words(stopped)


def test_a_no_goes_on_and_is_not_asked_twice(wrote: Walk, protocol, session: Session):
    sign, _ = a_danger(protocol)

    led = wrote.post("precision", **{sign: "no"})

    assert led.location.endswith("/questions")
    assert asked(session).reasked == [sign]
    assert wrote.to("medecin-traitant").where() == "medecin-traitant"


def test_no_answer_to_the_words_is_refused(wrote: Walk):
    assert wrote.post("precision", x="1").status_code == 422
    assert wrote.where() == "precision"


def test_other_words_are_read_anew(wrote: Walk, protocol, session: Session):
    sign, phrase = a_danger(protocol)
    wrote.post("precision", **{sign: "no"})
    wrote.to("medecin-traitant")

    led = wrote.post("motif", motif="trauma_membre", precision=f"encore {phrase}")

    assert led.location.endswith("/precision")
    assert asked(session).level is None


def test_harmless_words_ask_nothing(walk: Walk):
    walk.to("motif")

    led = walk.post("motif", motif="trauma_membre", precision="cheville gauche")

    assert led.location.endswith("/questions")


def test_no_door_judges_words_of_danger_that_nobody_answered(
    session: Session, town: Town, protocol
):
    _, phrase = a_danger(protocol)
    request = a_triaged_request(session, town.community, protocol)
    assert request.level is not None
    assert not request.level.is_emergency
    ask.identify(session, request, {"note": phrase})

    ask.assess(session, request, protocol, town.community, now=NOON)

    assert request.level.is_emergency
