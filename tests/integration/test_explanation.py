"""One page explains one judgement: what was said, why, by which version, signed by whom."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from booking import privacy
from booking.desk import ask, choose, decide, staff
from booking.governance import serving, versions
from booking.models import Assessment, Role
from booking.triage.protocol import Level
from tests.builders import (
    LINKS,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.governing import a_coordinator, signed, signing
from tests.small_protocol import FIRST
from tests.staffing import an_account, signed_in, words


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def author(session, community):
    return a_coordinator(session, community, "Anne Aubry")


@pytest.fixture
def version(session, author, community):
    return signed(session, author, a_coordinator(session, community, "Benoît Blin"))


@pytest.fixture
def judged(session, community, version):
    french = serving.read(version)["fr"]
    french = serving.version(
        session, community.id, delivered={"fr": french}, may_be_unsigned=False, now=NOON
    )["fr"]
    return a_triaged_request(
        session, community, french, complaints=["gorge"], answers={"fievre": "yes"}
    )


@pytest.fixture
def anne(app, session, author, judged):
    session.commit()
    return signed_in(app, author)


def path(request):
    return f"/console/demandes/{request.reference}/explication"


def test_the_page_says_why_by_which_version_and_who_signed_it(anne, judged):
    said = words(anne.get(path(judged)))

    assert "Pourquoi ce niveau : Le jour même" in said
    assert "g_fievre Le jour même « Fièvre de 38 °C ou plus ? » Oui Fièvre." in said
    assert "« Salive impossible à avaler ? » Non" in said.split("n’était pas vrai")[1]
    assert f"soins-non-programmes, version 1 {FIRST.digest}" in said
    assert "écrite par Anne Aubry, signée par Benoît Blin le 27 mars 2027" in said
    assert "27 mars 2027, 12 h 00 (Europe/Paris) 2027-03-27 11:00:00 UTC" in said
    assert "34 ans, Homme" in said
    assert "La personne elle-même, sur internet" in said
    assert "Langue français" in said
    assert "même niveau, mêmes règles" in said


def test_a_version_that_was_taken_back_still_explains(session, anne, judged, version, author):
    versions.withdraw(session, version, because="Erreur", by=signing(author), now=NOON)
    session.commit()

    said = words(anne.get(path(judged)))

    assert "même niveau, mêmes règles" in said
    assert "Fièvre de 38 °C ou plus" in said


@pytest.mark.parametrize(
    "changed",
    [{"answers": {"fievre": "no", "g_salive": "yes"}}, {"reasons": []}],
    ids=["answers", "reasons"],
)
def test_what_was_kept_and_does_not_replay_is_told(session, anne, judged, changed):
    kept = session.get_one(Assessment, (judged.community_id, judged.assessment_id))
    for name, value in changed.items():
        setattr(kept, name, value)
    session.commit()

    assert "Le rejeu ne donne pas le même résultat" in words(anne.get(path(judged)))


def test_a_level_that_a_person_decided_names_them_and_still_replays(
    session, anne, judged, version, community
):
    operator = an_account(session, community, Role.OPERATOR, name="Odile Perrin")
    decide.level(
        session,
        judged,
        Level.CALL_15_ADVICE,
        reason="pâle pendant l’appel",
        by=staff.actor(session, community.id, operator.reference),
        protocol=serving.read(version)["fr"],
        community=community,
        now=NOON,
    )
    session.commit()

    said = words(anne.get(path(judged)))

    assert "Odile Perrin" in said
    assert "pâle pendant l’appel" in said
    assert "Le rejeu ne donne pas le même résultat" not in said


def test_a_version_that_is_not_here_is_told(session, anne, judged):
    session.execute(
        update(Assessment).where(Assessment.id == judged.assessment_id).values(digest="0" * 64)
    )
    session.commit()

    said = words(anne.get(path(judged)))

    assert "Cette version du protocole n’est plus ici" in said
    assert "Le jour même : Fièvre." in said


def test_forgotten_answers_leave_the_level_and_the_version(session, anne, judged, community):
    privacy.forget(session, now=NOON + timedelta(days=8))
    session.commit()

    said = words(anne.get(path(judged)))

    assert "Les réponses ont été effacées" in said
    assert "Pourquoi ce niveau : Le jour même" in said
    assert FIRST.digest in said
    assert "Fièvre" not in said
    assert community.name in said


def test_each_judgement_of_a_request_has_its_page(session, anne, judged, version, community):
    french = serving.version(session, community.id, delivered={}, may_be_unsigned=False, now=NOON)[
        "fr"
    ]
    later = NOON + timedelta(minutes=5)
    first = session.get_one(Assessment, (community.id, judged.assessment_id)).reference
    ask.amend(session, judged, {"answers": {"g_salive": "yes"}})
    ask.assess(session, judged, french, community, now=later)
    session.commit()

    now_page = words(anne.get(path(judged)))
    then_page = words(anne.get(f"{path(judged)}?evaluation={first}"))

    assert "Pourquoi ce niveau : Urgence vitale" in now_page
    assert "Pourquoi ce niveau : Le jour même" in then_page
    assert "27 mars 2027, 12 h 05" in then_page
    assert anne.get(f"{path(judged)}?evaluation={uuid4()}").status_code == 404


def test_a_professional_reads_it_for_who_comes_to_them(app, session, judged, community):
    site = a_site(session, community)
    theirs, others = (a_professional(session, community, site) for _ in range(2))
    slot = a_slot(session, professional=theirs, site=site)
    choose.book(session, judged, community, slot.reference, by="PATIENT", links=LINKS, now=NOON)
    accounts = [
        an_account(
            session, community, Role.PROFESSIONAL, professional=who, email=f"{n}@tilleuls.example"
        )
        for n, who in enumerate((theirs, others))
    ]
    session.commit()

    answers = [signed_in(app, each).get(path(judged)).status_code for each in accounts]

    assert answers == [200, 404]


def test_nobody_else_may_read_it(app, session, judged, community):
    far = a_coordinator(session, a_community(session), "Zoé Zola")
    administrator = an_account(session, community, Role.ADMINISTRATOR)
    session.commit()

    assert signed_in(app, far).get(path(judged)).status_code == 404
    assert signed_in(app, administrator).get(path(judged)).status_code == 404
    assert app.test_client().get(path(judged)).status_code == 303


def test_what_is_not_there_has_nothing_to_explain(anne):
    assert anne.get(f"/console/demandes/{uuid4()}/explication").status_code == 404
