# ruff: noqa: PLR0917 - fixtures are asked for by name
"""The coordinator's page: who waits with a clock; take over, hand over, decline; the alarms."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from booking.desk import alarms, ask, promises
from booking.models import (
    Promise,
    PromiseEnd,
    RequestStatus,
    Role,
    Transfer,
)
from schedules.models import Community
from tests.builders import (
    LINKS,
    MOBILE,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def request_(session, community, protocol):
    return a_triaged_request(session, community, protocol)


@pytest.fixture
def account(session, community):
    made = an_account(session, community, Role.COORDINATOR, name="Claude Coordinateur")
    session.commit()
    return made


@pytest.fixture
def coordinator(app, account):
    return signed_in(app, account)


def address(request, *way):
    return "/".join(["/coordination/demandes", str(request.reference), *way])


def last(session, request):
    session.rollback()
    return promises.last_of(session, request)


def test_who_waits_is_on_the_page_the_most_urgent_first_with_words_for_a_clock(
    app, session, community, protocol, request_, account, hands
):
    late = a_triaged_request(
        session, community, protocol, now=NOON - timedelta(hours=23), family_name="Tard"
    )
    unknown = a_triaged_request(session, community, protocol, phone=None, family_name="Muet")
    session.commit()
    hands.wait(timedelta(hours=2))

    said = words(signed_in(app, account).get("/coordination"))

    assert "3 demandes attendent, 1 en retard" in said
    assert "dépassé de 1 h 00" in said
    assert "reste 22 h 00" in said
    assert said.index("TARD") < said.index("MOREL") < said.index("MUET")
    assert late.deadline < request_.deadline == unknown.deadline


def test_an_alarm_and_a_call_that_nobody_made_stand_beside_the_name(
    app, session, request_, account, hands
):
    ask.ask_for_call(session, request_, phone=MOBILE, hours=None, now=NOON)
    alarms.sound(session, links=LINKS, now=NOON + timedelta(hours=18))
    session.commit()
    hands.wait(timedelta(hours=18))

    said = words(signed_in(app, account).get("/coordination"))

    assert "Alerte à la coordination" in said
    assert "Rappel attendu depuis 18 h 00" in said
    assert "1 rappel attendu depuis plus de 30 min" in said


def test_a_call_that_was_promised_29_minutes_ago_is_not_late_yet(
    session, request_, coordinator, hands
):
    ask.ask_for_call(session, request_, phone=MOBILE, hours=None, now=NOON)
    session.commit()
    hands.wait(timedelta(minutes=29))

    assert "depuis plus de 30 min" not in words(coordinator.get("/coordination"))


def test_what_is_free_is_told_by_town_too(session, community, coordinator):
    for city, hours in (("Égreville", 2), ("Lorrez", 3), ("Lorrez", 4)):
        site = a_site(session, community, city=city)
        who = a_professional(session, community, site)
        a_slot(session, professional=who, site=site, starts_at=NOON + timedelta(hours=hours))
    session.commit()

    said = words(coordinator.get("/coordination"))

    assert "Lorrez 0 2 0 0 0 0 2" in said
    assert "Égreville 0 1 0 0 0 0 1" in said


def test_the_page_is_asked_for_again_by_a_link_and_by_itself(coordinator):
    page = coordinator.get("/coordination").text

    assert 'href="/coordination">Actualiser' in page
    assert 'data-hx-trigger="every 30s"' in page
    assert 'data-hx-select="#maintenant"' in page


def test_whoever_takes_it_over_is_named_for_everybody(session, request_, coordinator):
    answer = coordinator.post(address(request_, "prendre"))

    assert answer.status_code == 303
    assert "Suivie par Claude Coordinateur" in words(coordinator.get("/coordination"))
    said = words(coordinator.get(address(request_)))
    assert "Prise en charge, Claude Coordinateur" in said
    assert "Je m’en occupe" not in said


def test_it_is_handed_over_with_a_reason(session, request_, coordinator):
    answer = coordinator.post(address(request_, "transmettre"), data={"a_qui": "sas"})

    promise = last(session, request_)
    assert answer.status_code == 303
    assert (promise.ended_as, promise.reason) == (PromiseEnd.HANDED_OVER, "sas")
    assert session.scalars(select(Transfer)).all() == []
    assert "Personne n’attend" in words(coordinator.get("/coordination"))


def test_who_is_handed_to_the_15_is_on_the_list_of_those_to_recheck(session, request_, coordinator):
    coordinator.post(address(request_, "transmettre"), data={"a_qui": "called_15"})

    assert session.scalars(select(Transfer.request_id)).all() == [request_.id]


def test_it_is_declined_with_a_reason(session, request_, coordinator):
    coordinator.post(address(request_, "clore"), data={"pourquoi": "unreachable"})

    promise = last(session, request_)
    assert (promise.ended_as, promise.reason) == (PromiseEnd.DECLINED, "unreachable")


@pytest.mark.parametrize(
    ("way", "typed", "said"),
    [
        ("transmettre", {}, "Choisissez à qui"),
        ("transmettre", {"a_qui": "unwanted"}, "Choisissez à qui"),
        ("clore", {}, "Choisissez pourquoi"),
        ("clore", {"pourquoi": "sas"}, "Choisissez pourquoi"),
        ("clore", {"pourquoi": "\x00' --"}, "Choisissez pourquoi"),
    ],
)
def test_without_a_reason_of_the_list_nothing_ends(
    session, request_, coordinator, way, typed, said
):
    answer = coordinator.post(address(request_, way), data=typed)

    assert answer.status_code == 422
    assert said in words(answer)
    assert last(session, request_).ended_at is None


@pytest.mark.parametrize(
    ("way", "typed"),
    [("prendre", {}), ("transmettre", {"a_qui": "sas"}), ("clore", {"pourquoi": "elsewhere"})],
)
def test_whoever_comes_second_is_told_so(session, request_, coordinator, way, typed):
    ask.decline(session, request_, now=NOON)
    session.commit()

    answer = coordinator.post(address(request_, way), data=typed)

    assert answer.status_code == 409
    assert "quelqu’un a été plus rapide" in words(answer)
    assert last(session, request_).reason == ask.BY_PATIENT


def test_answers_that_are_changed_after_the_promise_can_be_seen_and_ended(
    session, request_, coordinator
):
    ask.amend(session, request_, {"answers": {}})
    session.commit()

    assert coordinator.get(address(request_)).status_code == 200
    coordinator.post(address(request_, "clore"), data={"pourquoi": "unwanted"})
    session.refresh(request_)
    assert request_.status is RequestStatus.DECLINED


def test_another_communitys_request_is_not_there(app, session, request_):
    elsewhere = an_account(session, a_community(session), Role.COORDINATOR)
    session.commit()
    stranger = signed_in(app, elsewhere)

    assert stranger.get(address(request_)).status_code == 404
    for way in ("prendre", "transmettre", "clore"):
        typed = {"a_qui": "sas", "pourquoi": "unwanted"}
        assert stranger.post(address(request_, way), data=typed).status_code == 404
    assert "Morel" not in stranger.get("/coordination").text
    assert last(session, request_).ended_at is None


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SECRETARY])
def test_other_roles_do_not_find_the_coordinators_pages(app, session, community, request_, role):
    sites = (a_site(session, community),) if role is Role.SECRETARY else ()
    account = an_account(session, community, role, sites=sites)
    session.commit()
    somebody = signed_in(app, account)

    assert somebody.get(address(request_)).status_code == 404
    assert somebody.post(address(request_, "prendre")).status_code == 404
    assert somebody.get("/coordination/alertes").status_code == 404


def test_the_operators_list_says_whose_time_passes(app, session, community, request_, hands):
    account = an_account(session, community, Role.OPERATOR)
    alarms.sound(session, links=LINKS, now=NOON + timedelta(hours=12))
    session.commit()
    operator = signed_in(app, account)
    hands.wait(timedelta(minutes=20))

    assert "! Alerte : délai" in words(operator.get("/console"))
    assert request_.phone == MOBILE


def test_a_promise_that_is_wrong_is_said_on_top(session, community, coordinator):
    assert "la promesse qui lui revient" not in words(coordinator.get("/coordination"))
    session.execute(update(Community).values(promises_wrong=2))
    session.commit()

    said = words(coordinator.get("/coordination"))

    assert "2 demandes n’ont pas la promesse qui leur revient." in said


RIGHT = {
    "operateurs": "40",
    "coordination": "60 %",
    "astreinte": "80",
    "telephone": "06 39 98 00 88",
}


def test_the_alarms_are_the_communitys_own(session, community, coordinator):
    assert 'value="75"' in coordinator.get("/coordination/alertes").text

    answer = coordinator.post("/coordination/alertes", data=RIGHT)

    assert answer.status_code == 303
    session.refresh(community)
    assert community.alarm_percents == [40, 60, 80]
    assert community.on_call_phone == "+33639980088"
    coordinator.post("/coordination/alertes", data=RIGHT | {"telephone": ""})
    session.refresh(community)
    assert community.on_call_phone is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"operateurs": "0"}, "Un nombre de 1 à 99"),
        ({"astreinte": "100"}, "Un nombre de 1 à 99"),
        ({"operateurs": "²"}, "Un nombre de 1 à 99"),
        ({"operateurs": "9" * 5000}, "Un nombre de 1 à 99"),
        ({"coordination": "40"}, "Un nombre plus grand que le précédent"),
        ({"telephone": "01 99 00 00 15"}, "Un numéro de mobile français"),
        ({"telephone": "3939"}, "Un numéro de mobile français"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field_and_nothing_is_lost(
    session, community, coordinator, wrong, said
):
    answer = coordinator.post("/coordination/alertes", data=RIGHT | wrong)

    assert answer.status_code == 422
    assert said in words(answer)
    assert "06 39 98 00 88" in answer.text or "telephone" in wrong
    session.refresh(community)
    assert community.alarm_percents == [50, 75, 90]


def test_nothing_that_a_page_says_is_kept_of_who_it_was(session, request_, coordinator):
    coordinator.post(address(request_, "clore"), data={"pourquoi": "unreachable"})

    [row] = session.execute(select(Promise.__table__)).all()

    assert "Morel" not in str(row)
    assert MOBILE not in str(row)
