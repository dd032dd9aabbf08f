"""Somebody reports what went wrong with a request, or nearly: kept for ever, under their name."""

from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from booking.desk import ask, incidents, staff
from booking.models import EventKind, Role, SafetyEvent
from tests.builders import a_booking, a_community, a_request, a_site, a_triaged_request
from tests.clockwork import NOON
from tests.integration.patient_walk import a_town
from tests.staffing import an_account, signed_in, words

WHAT = "Fièvre tue au premier appel ; vue à temps par l’infirmière."


@pytest.fixture
def town(session):
    return a_town(session)


@pytest.fixture
def waiting(session, town, protocol):
    made = a_triaged_request(session, town.community, protocol)
    session.commit()
    return made


@pytest.fixture
def operator_account(session, town):
    made = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def operator(app, operator_account):
    return signed_in(app, operator_account)


def path(request):
    return f"/console/demandes/{request.reference}/evenement"


def said(**but):
    return {"genre": "NEAR_MISS", "recit": WHAT} | but


def kept(session):
    session.expire_all()
    return session.scalars(select(SafetyEvent).order_by(SafetyEvent.id)).all()


def reported(session, community, request, what=WHAT):
    by = an_account(session, community, Role.OPERATOR)
    who = staff.actor(session, community.id, by.reference)
    return incidents.report(session, request, EventKind.INCIDENT, what, by=who, now=NOON)


def test_what_happened_is_kept_with_who_and_when(session, operator, waiting):
    assert path(waiting) in operator.get(path(waiting).removesuffix("/evenement")).text
    assert "Ne nommez pas le patient." in words(operator.get(path(waiting)))

    answer = operator.post(path(waiting), data=said())

    assert answer.status_code == 303
    [event] = kept(session)
    assert (event.kind, event.what, event.at) == (EventKind.NEAR_MISS, WHAT, NOON)
    assert (event.name, event.role) == ("Dominique Operator", Role.OPERATOR)
    told = words(operator.get(answer.location))
    assert "C’est noté." in told
    assert f"Presque-accident · 27 mars 2027, 12 h 00 · Dominique Operator {WHAT}" in told


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        (said(genre="DRAME"), "Choisissez : incident, ou presque-accident"),
        ({"recit": WHAT}, "Choisissez : incident, ou presque-accident"),
        (said(recit=" \u200f\r\n "), "Écrivez ce qui s’est passé"),
        (said(recit="é" * 1001), "Écrivez 1000 caractères au plus"),
    ],
    ids=["invented", "no kind", "nothing", "too long"],
)
def test_what_cannot_be_kept_is_explained_and_nothing_typed_is_lost(
    session, operator, waiting, posted, told
):
    refused = operator.post(path(waiting), data=posted)

    assert refused.status_code == 422
    assert told in words(refused)
    assert posted["recit"].strip(" \u200f\r\n") in refused.text
    assert kept(session) == []


def test_a_thousand_letters_are_not_too_long(session, operator, waiting):
    assert operator.post(path(waiting), data=said(recit="é" * 1000)).status_code == 303
    assert len(kept(session)[0].what) == 1000


def test_a_button_pressed_twice_reports_once(session, operator, waiting):
    for _ in range(2):
        operator.post(path(waiting), data=said())
    operator.post(path(waiting), data=said(genre="INCIDENT"))

    assert [event.kind for event in kept(session)] == [EventKind.NEAR_MISS, EventKind.INCIDENT]


@pytest.mark.parametrize(
    "statement", ["UPDATE safety_event SET what = 'x'", "DELETE FROM safety_event"]
)
def test_what_was_reported_is_for_ever(session, town, waiting, statement):
    reported(session, town.community, waiting)
    session.commit()

    with pytest.raises(DBAPIError, match="append only"):
        session.execute(text(statement))


@pytest.mark.parametrize("what", ["", "x" * 4100])
def test_the_database_refuses_a_report_that_says_nothing_or_a_novel(session, town, waiting, what):
    event = reported(session, town.community, waiting)
    facts = {n: getattr(event, n) for n in ("request_id", "kind", "account", "name", "role", "at")}
    session.add(SafetyEvent(community_id=event.community_id, what=what, **facts))

    with pytest.raises(IntegrityError, match="ck_safety_event_what_is_said"):
        session.flush()


def test_who_may_not_see_a_request_reports_nothing_about_it(app, session, town, waiting):
    elsewhere = a_site(session, town.community)
    strangers = [
        an_account(session, a_community(session), Role.OPERATOR),
        an_account(session, town.community, Role.ADMINISTRATOR),
        an_account(session, town.community, Role.PROFESSIONAL, professional=town.doctor),
        an_account(session, town.community, Role.SECRETARY, sites=(elsewhere,)),
    ]
    session.commit()

    for account in strangers:
        client = signed_in(app, account)
        assert client.get(path(waiting)).status_code == 404
        assert client.post(path(waiting), data=said()).status_code == 404
    assert kept(session) == []


def test_a_secretary_reports_about_who_comes_to_her_practice(app, session, town, protocol):
    a_booking(session, town.community, protocol, town.slots[0])
    secretary = an_account(session, town.community, Role.SECRETARY, sites=(town.site,))
    session.commit()
    client = signed_in(app, secretary)
    [found] = session.execute(text("SELECT reference FROM care_request")).scalars()
    page = f"/console/demandes/{found}"

    assert f"{page}/evenement" in client.get(page).text
    assert client.post(f"{page}/evenement", data=said()).status_code == 303
    assert [event.role for event in kept(session)] == [Role.SECRETARY]


def test_a_transfer_to_the_15_is_reported_about_too(session, town, protocol, operator):
    sent = a_request(session, town.community, answers={"u_poitrine": "yes"})
    ask.assess(session, sent, protocol, town.community, now=NOON)
    session.commit()

    assert path(sent) in operator.get(f"/console/demandes/{sent.reference}/15").text
    assert operator.post(path(sent), data=said(genre="INCIDENT")).status_code == 303


def test_a_form_that_was_left_with_a_sign_can_be_reported_about(
    app, session, town, hands, operator_account
):
    left = a_request(session, town.community, answers={"u_poitrine": "yes"})
    session.commit()
    hands.now = NOON.replace(minute=6)
    client = signed_in(app, operator_account)

    assert client.get(path(left)).status_code == 200
    assert client.post(path(left), data=said()).status_code == 303


def test_what_is_not_there_has_no_events(operator):
    assert operator.get(f"/console/demandes/{uuid4()}/evenement").status_code == 404


def test_words_of_a_report_are_in_no_log_and_no_address(operator, waiting, caplog):
    answer = operator.post(path(waiting), data=said(recit="canari"))

    logged = str([vars(record) for record in caplog.records])
    assert "NEAR_MISS" in logged
    assert "canari" not in logged + answer.location
