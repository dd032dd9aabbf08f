"""From where one is signed in; devices that are known; a second factor that was lost."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from booking.models import KnownDevice, Role, StaffSession
from notifications.models import OutboxMessage
from tests.builders import a_community, a_professional, a_site
from tests.clockwork import NOON
from tests.second_factor import enrolled, half_way, signed_in_twice
from tests.staffing import PASSWORD, an_account, signed_in, words

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:148.0) Gecko/20100101 Firefox/148.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def operator(session, community):
    made = an_account(session, community, Role.OPERATOR)
    session.commit()
    return made


def entered(app, account, agent):
    client = app.test_client()
    client.post(
        "/connexion",
        data={"email": account.email, "password": PASSWORD},
        headers={"User-Agent": agent},
    )
    return client


def fail(app, account, times, **said):
    for _ in range(times):
        app.test_client().post(
            "/connexion", data={"email": account.email, "password": "faux"}, **said
        )


def test_one_sees_from_where_one_is_signed_in_and_no_more_is_kept(app, operator, session, hands):
    here = entered(app, operator, FIREFOX)
    entered(app, operator, SAFARI)
    hands.wait(timedelta(minutes=5))

    page = words(here.get("/mes-connexions"))

    assert "Firefox, Windows Celle-ci" in page
    assert "Safari, iPhone" in page
    assert "12 h 00" in page
    assert {s.device for s in session.scalars(select(StaffSession))} == {
        "Firefox, Windows",
        "Safari, iPhone",
    }
    assert "Gecko" not in "".join(
        session.scalars(text("SELECT staff_session::text FROM staff_session"))
    )


@pytest.mark.parametrize("agent", ["", "curl/8", "\x7f" * 20, "A" * 5000])
def test_a_device_that_says_nothing_is_unknown(app, operator, agent):
    assert "Appareil inconnu" in words(entered(app, operator, agent).get("/mes-connexions"))


def test_one_ends_one_and_it_is_out_at_its_next_page(app, operator):
    here, other, third = (entered(app, operator, FIREFOX) for _ in range(3))
    [first, *_rest] = re.findall(
        r"/mes-connexions/([^/]+)/terminer", here.get("/mes-connexions").text
    )

    here.post(f"/mes-connexions/{first}/terminer")

    assert sorted(c.get("/console").status_code for c in (other, third)) == [200, 303]
    assert here.get("/console").status_code == 200


def test_one_ends_all_others(app, operator):
    here, *others = (entered(app, operator, FIREFOX) for _ in range(3))

    here.post("/mes-connexions/autres")

    assert here.get("/console").status_code == 200
    assert [c.get("/console").status_code for c in others] == [303, 303]


def test_nobody_ends_anothers_session(app, operator, session, community):
    other = an_account(session, community, Role.COORDINATOR)
    session.commit()
    theirs = entered(app, other, FIREFOX)
    reference = session.scalars(
        select(StaffSession.reference).where(StaffSession.account_id == other.id)
    ).one()

    answer = entered(app, operator, SAFARI).post(f"/mes-connexions/{reference}/terminer")

    assert answer.status_code == 404
    assert theirs.get("/coordination").status_code == 200


def test_strangers_who_guess_do_not_close_the_sign_in_of_a_device_that_is_known(app, operator):
    known = signed_in(app, operator)
    known.post("/deconnexion")
    fail(app, operator, 10)
    said = {"email": operator.email, "password": PASSWORD}

    stranger = app.test_client().post("/connexion", data=said)
    owner = known.post("/connexion", data=said)

    assert stranger.status_code == 429
    assert owner.location == "/console"


def test_a_known_device_has_ten_guesses_of_its_own(app, operator):
    known = signed_in(app, operator)
    known.post("/deconnexion")
    wrong = {"email": operator.email, "password": "faux"}

    answers = [known.post("/connexion", data=wrong).status_code for _ in range(11)]

    assert answers == [422] * 10 + [429]


def test_a_device_is_known_to_who_signed_in_there_and_to_nobody_else(
    app, operator, session, community
):
    other = an_account(session, community, Role.COORDINATOR)
    session.commit()
    known = signed_in(app, operator)
    known.post("/deconnexion")
    fail(app, other, 10)

    answer = known.post("/connexion", data={"email": other.email, "password": PASSWORD})

    assert answer.status_code == 429


def test_half_a_sign_in_makes_no_device_known(app, operator, session):
    enrolled(session, operator, NOON)

    half_way(app, operator)

    assert session.scalars(select(KnownDevice)).all() == []


def test_a_browser_is_known_by_one_row_however_often_one_signs_in(app, operator, session):
    client = signed_in(app, operator)
    for _ in range(3):
        client.post("/connexion", data={"email": operator.email, "password": PASSWORD})

    assert len(session.scalars(select(KnownDevice)).all()) == 1


@pytest.mark.parametrize("value", ["", "x" * 43, "é" * 43, "a" * 4000, "\ud800"])
def test_a_made_up_device_is_unknown_and_no_error(app, operator, value):
    fail(app, operator, 10)
    client = app.test_client()
    client.set_cookie("device", value.encode("utf-8", "replace").decode("utf-8", "replace"))

    said = {"email": operator.email, "password": PASSWORD}
    assert client.post("/connexion", data=said).status_code == 429


@pytest.fixture
def boss(session, community):
    made = an_account(session, community, Role.ADMINISTRATOR)
    session.commit()
    return made


def test_an_administrator_with_a_fresh_proof_takes_a_lost_factor_away_and_its_owner_is_told(
    app, operator, boss, session, hands
):
    theirs = signed_in_twice(app, operator, enrolled(session, operator, NOON), hands())
    mine = enrolled(session, boss, NOON)
    client = signed_in_twice(app, boss, mine, hands())
    path = f"/comptes/{operator.reference}/deuxieme-etape"

    assert path in client.get(f"/administration/comptes/{operator.reference}").text
    assert "une voix au téléphone" in words(client.get(path))
    done = client.post(path)

    assert done.location == "/administration"
    assert theirs.get("/console").status_code == 303
    assert half_way(app, operator).get("/console").status_code == 200
    [notice] = session.scalars(select(OutboxMessage))
    assert notice.recipient == operator.email
    assert "retirée" in notice.subject


def test_an_old_proof_is_not_enough_to_take_a_factor_away(app, operator, boss, session, hands):
    enrolled(session, operator, NOON)
    mine = enrolled(session, boss, NOON)
    client = signed_in_twice(app, boss, mine, hands())
    hands.wait(timedelta(minutes=10))
    path = f"/comptes/{operator.reference}/deuxieme-etape"

    asked = client.get(path)
    refused = client.post(path)

    assert asked.location == refused.location == f"/preuve?next={path}"
    assert half_way(app, operator).get("/console").status_code == 303


def test_an_administrator_without_a_second_factor_takes_nobodys_away(app, operator, boss, session):
    enrolled(session, operator, NOON)

    signed_in(app, boss).post(f"/comptes/{operator.reference}/deuxieme-etape")

    assert half_way(app, operator).get("/console").status_code == 303


def test_a_coordinator_helps_members_and_nobody_else(app, community, operator, session, hands):
    doctor = a_professional(session, community, a_site(session, community))
    member = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    coordinator = an_account(session, community, Role.COORDINATOR)
    for each in (member, operator):
        enrolled(session, each, NOON)
    client = signed_in_twice(app, coordinator, enrolled(session, coordinator, NOON), hands())

    page = client.get(f"/coordination/membres/{doctor.reference}").text
    answers = [
        client.post(f"/comptes/{each.reference}/deuxieme-etape").status_code
        for each in (member, operator, coordinator)
    ]

    assert f"/comptes/{member.reference}/deuxieme-etape" in page
    assert answers == [303, 404, 404]


def test_nobody_takes_a_factor_away_in_another_community(app, boss, session, hands):
    far = an_account(session, a_community(session), Role.OPERATOR)
    enrolled(session, far, NOON)
    client = signed_in_twice(app, boss, enrolled(session, boss, NOON), hands())

    assert client.post(f"/comptes/{far.reference}/deuxieme-etape").status_code == 404
    assert half_way(app, far).get("/console").status_code == 303


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SECRETARY, Role.PROFESSIONAL])
def test_nobody_else_takes_a_factor_away(app, session, community, operator, role):
    site = a_site(session, community)
    of_role = {
        Role.PROFESSIONAL: {"professional": a_professional(session, community, site)},
        Role.SECRETARY: {"sites": (site,)},
        Role.OPERATOR: {"email": "autre@tilleuls.example"},
    }
    me = an_account(session, community, role, **of_role[role])
    enrolled(session, operator, NOON)
    client = signed_in_twice(app, me, enrolled(session, me, NOON), NOON)

    path = f"/comptes/{operator.reference}/deuxieme-etape"
    assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)
