"""What to do if it gets worse was said and understood: by whom, when, after which judgement."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from booking import privacy
from booking.desk import ask
from booking.models import Assessment, CareRequest, Role, SafetyNetSaid
from tests.builders import a_booking, a_community, a_triaged_request
from tests.clockwork import NOON
from tests.integration.console_desk import CALM, PERSON, Desk
from tests.integration.patient_walk import a_town
from tests.integration.test_privacy import DAY
from tests.staffing import an_account, signed_in, words

TICK = ">Dit et compris</button>"


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
def waiting(session, town, protocol):
    made = a_triaged_request(session, town.community, protocol)
    session.commit()
    return made


def page(request, *parts) -> str:
    return "/".join(["/console/demandes", str(request.reference), *parts])


def judgement(session, request) -> Assessment:
    session.expire_all()
    return ask.assessment_of(session, request)


def said(session) -> list[SafetyNetSaid]:
    session.expire_all()
    return list(session.scalars(select(SafetyNetSaid)))


def tick(client, session, request):
    return client.post(
        page(request, "compris"),
        data={"evaluation": str(judgement(session, request).reference)},
        follow_redirects=True,
    )


def test_who_said_it_and_when_stands_on_the_request_and_in_its_explanation(
    session, operator, account, waiting
):
    assert TICK in operator.get(page(waiting)).text

    shown = tick(operator, session, waiting)

    assert "✓ Dit et compris Dominique Operator, 12 h 00" in words(shown), words(shown).partition(
        "Dit"
    )
    assert TICK not in shown.text
    explained = words(operator.get(page(waiting, "explication")))
    assert "Dit et compris : Dominique Operator, 27 mars 2027, 12 h 00" in explained
    (kept,) = said(session)
    assert (kept.account, kept.said_at) == (account.reference, NOON)


def test_it_is_offered_where_the_appointment_is_read_back(session, town, protocol, operator):
    a_booking(session, town.community, protocol, town.slots[0])
    session.commit()
    asked = session.scalars(select(CareRequest)).one()
    assert TICK in operator.get(page(asked)).text

    assert "✓ Dit et compris Dominique Operator" in words(tick(operator, session, asked))


def test_it_can_be_noted_at_the_end_of_a_call_that_ends_with_advice(session, protocol, operator):
    desk = Desk(operator)
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="certificat")
    desk.press(aucun=desk.none(), **desk.answered(protocol, CALM))
    assert TICK in desk.answer.text

    desk.press("compris")

    assert "✓ Dit et compris" in desk.says
    assert [each.name for each in said(session)] == ["Dominique Operator"]


def test_whoever_needs_no_urgent_appointment_is_told_whom_to_ask(protocol, operator):
    desk = Desk(operator)
    desk.open().press(**PERSON).press(sexe="male").press("motif", cherche="certificat")
    desk.press(aucun=desk.none(), **desk.answered(protocol, CALM))

    assert "Votre demande peut attendre un rendez-vous ordinaire." in desk.says
    assert "À qui demander Médecin généraliste" in desk.says
    assert "Ce besoin n’a pas de rendez-vous le jour même." in desk.says


def test_whoever_said_it_first_stays_the_one_who_did(app, session, town, operator, waiting):
    other = an_account(
        session, town.community, Role.OPERATOR, email="autre@tilleuls.example", name="Sacha Colin"
    )
    session.commit()

    tick(operator, session, waiting)
    tick(signed_in(app, other), session, waiting)

    assert [each.name for each in said(session)] == ["Dominique Operator"]


def judged_again(session, town, protocol, request):
    ask.amend(session, request, {"note": "x"})
    ask.assess(session, request, protocol, town.community, now=NOON)
    session.commit()


def test_a_newer_judgement_has_to_be_said_again_and_the_former_stays_said(
    session, town, protocol, operator, waiting
):
    former = judgement(session, waiting).reference
    tick(operator, session, waiting)

    judged_again(session, town, protocol, waiting)

    assert TICK in operator.get(page(waiting)).text
    assert "Dit et compris" not in words(operator.get(page(waiting, "explication")))
    explained = operator.get(page(waiting, f"explication?evaluation={former}"))
    assert "Dit et compris : Dominique Operator" in words(explained)


def test_what_was_read_on_an_older_page_is_not_noted_for_a_newer_judgement(
    session, town, protocol, operator, waiting
):
    read = judgement(session, waiting).reference
    judged_again(session, town, protocol, waiting)

    answer = operator.post(page(waiting, "compris"), data={"evaluation": str(read)})

    assert answer.status_code == 303
    assert said(session) == []


@pytest.mark.parametrize("sent", [{}, {"evaluation": "x"}, {"evaluation": str(uuid4())}])
def test_nothing_is_noted_of_no_judgement(session, operator, waiting, sent):
    assert operator.post(page(waiting, "compris"), data=sent).status_code == 303
    assert said(session) == []


def test_nothing_is_noted_while_an_answer_is_being_changed(session, operator, waiting):
    read = judgement(session, waiting).reference
    ask.amend(session, waiting, {"answers": {}})
    waiting.call_back_asked_at = NOON
    session.commit()

    answer = operator.post(page(waiting, "compris"), data={"evaluation": str(read)})

    assert answer.status_code == 303
    assert said(session) == []
    assert "explication" not in operator.get(page(waiting)).text


def test_another_communitys_request_is_not_there(session, protocol, operator):
    other = a_triaged_request(session, a_community(session), protocol)
    session.commit()

    assert operator.post(page(other, "compris")).status_code == 404


@pytest.mark.parametrize(
    "change", ["UPDATE safety_net_said SET name = 'x'", "DELETE FROM safety_net_said"]
)
def test_the_database_changes_nothing_of_it(session, operator, waiting, change):
    tick(operator, session, waiting)

    with pytest.raises(IntegrityError, match="never changed"):
        session.execute(text(change))
    session.rollback()


def test_it_outlives_what_is_forgotten_and_names_no_patient(session, operator, waiting):
    tick(operator, session, waiting)

    privacy.forget(session, now=NOON + 100 * DAY)
    session.commit()

    assert session.scalar(select(func.count()).select_from(SafetyNetSaid)) == 1
    session.expire_all()
    assert session.scalars(select(CareRequest)).one().family_name is None


def test_the_request_leads_to_its_explanation(session, town, protocol, operator, waiting):
    assert f'href="{page(waiting, "explication")}"' in operator.get(page(waiting)).text

    a_booking(session, town.community, protocol, town.slots[0])
    session.commit()
    booked = session.scalars(select(CareRequest).where(CareRequest.id != waiting.id)).one()
    assert f'href="{page(booked, "explication")}"' in operator.get(page(booked)).text
