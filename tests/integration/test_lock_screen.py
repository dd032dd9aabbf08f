"""A session that rests: the password opens it at its place, and a half-typed call comes back."""

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from booking.models import CareRequest, Role, StaffSession
from tests.builders import a_community
from tests.clockwork import NOON
from tests.second_factor import enrolled, signed_in_twice
from tests.staffing import PASSWORD, an_account, signed_in, words

HALF_AN_HOUR = timedelta(minutes=30)
TYPED = {"telephone": "06 39 98 00 42", "nom": "Bernard «é»", "precision": "<b>&"}
CALL = "/console/appel"


@pytest.fixture
def operator(session):
    made = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def client(app, operator):
    return signed_in(app, operator)


def hidden(page) -> dict[str, str]:
    """Return the hidden fields of a page's first form in <main>."""
    form = page.text.split("<main", 1)[1].split("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def action(page) -> str:
    return re.search(r'<form method="post" action="([^"]+)"', page.text.split("<main", 1)[1])[1]


def saved_to(client) -> str:
    return re.search(r'id="appel" method="post" action="([^"]+)"', client.get(CALL).text)[1]


def test_a_call_that_was_typed_while_the_session_idled_comes_back_whole(client, hands, session):
    where = saved_to(client)
    hands.wait(HALF_AN_HOUR)

    locked = client.post(where, data=TYPED)
    back = client.post(action(locked), data=hidden(locked) | {"password": PASSWORD})
    done = client.post(action(back), data=hidden(back))

    assert locked.status_code == 403
    assert locked.headers["X-Locked"] == "1"
    assert "votre saisie est gardée" in words(locked)
    assert action(back) == where
    assert {k: v for k, v in hidden(back).items() if k != "csrf_token"} == TYPED
    assert done.status_code in {303, 422}
    kept = session.scalars(select(CareRequest)).one()
    assert (kept.phone, kept.family_name) == ("+33639980042", "Bernard «é»")


def test_nothing_is_kept_of_a_call_by_whoever_has_not_said_the_password(client, hands, session):
    where = saved_to(client)
    hands.wait(HALF_AN_HOUR)

    locked = client.post(where, data=TYPED)
    wrong = client.post(action(locked), data=hidden(locked) | {"password": "faux"})

    assert wrong.status_code == 422
    assert {f"garde:{k}": v for k, v in TYPED.items()}.items() <= hidden(wrong).items()
    assert session.scalars(select(CareRequest)).all() == []


def test_the_script_of_the_console_is_told_to_send_the_page_itself(client, hands):
    where = saved_to(client)
    hands.wait(HALF_AN_HOUR)

    answer = client.post(where, data=TYPED, headers={"HX-Request": "true"})

    assert answer.status_code == 403
    assert answer.headers["X-Locked"] == "1"


def test_a_page_that_asks_by_itself_keeps_no_session_awake(client, hands):
    where = saved_to(client)
    for _ in range(40):
        hands.wait(timedelta(minutes=1))
        client.post(where, data={"faire": "voir"}, headers={"HX-Request": "true"})

    assert client.get("/console").location.startswith("/verrou")


def test_a_page_that_is_asked_for_while_the_session_idled_comes_after_the_password(client, hands):
    hands.wait(HALF_AN_HOUR)

    asked = client.get("/console?close=")
    page = client.get(asked.location)
    answer = client.post("/verrou", data=hidden(page) | {"password": PASSWORD})

    assert asked.location == "/verrou?next=/console?close%3D"
    assert answer.location == "/console?close="
    assert client.get(answer.location).status_code == 200


def test_locking_by_hand_closes_everything_at_once(client, operator):
    answer = client.post("/verrouiller", data={"next": "/console"})

    assert answer.location == "/verrou?next=/console"
    assert client.get("/mon-compte").location.startswith("/verrou")
    assert operator.display_name in words(client.get("/verrou"))


def test_locking_by_hand_keeps_the_call_that_is_half_typed(client):
    where = saved_to(client)
    assert f'formaction="/verrouiller" name="vers" value="{where}"' in client.get(CALL).text

    locked = client.post("/verrouiller", data=TYPED | {"vers": where})
    back = client.post(action(locked), data=hidden(locked) | {"password": PASSWORD})

    assert action(back) == where
    assert {k: v for k, v in hidden(back).items() if k != "csrf_token"} == TYPED


def test_after_twelve_hours_the_whole_sign_in_keeps_it_too(client, hands, operator):
    where = saved_to(client)
    hands.wait(timedelta(hours=12))

    page = client.post(where, data=TYPED)
    back = client.post(
        action(page), data=hidden(page) | {"email": operator.email, "password": PASSWORD}
    )

    assert action(page) == "/connexion"
    assert action(back) == where
    assert {k: v for k, v in hidden(back).items() if k != "csrf_token"} == TYPED


def test_the_second_step_keeps_it_as_well(app, operator, session, hands):
    phone = enrolled(session, operator, NOON)
    client = signed_in_twice(app, operator, phone, hands())
    where = saved_to(client)
    now = hands.wait(timedelta(hours=4))

    locked = client.post(where, data=TYPED)
    asked = client.post(action(locked), data=hidden(locked) | {"password": PASSWORD})
    wrong = client.post(action(asked), data=hidden(asked) | {"code": "000000"})
    back = client.post(action(wrong), data=hidden(wrong) | {"code": phone.code(now)})

    assert action(asked) == "/connexion/code"
    assert client.get("/console").status_code == 200
    assert action(back) == where
    assert {k: v for k, v in hidden(back).items() if k != "csrf_token"} == TYPED


def test_within_four_hours_of_the_second_factor_the_password_is_enough(
    app, operator, session, hands
):
    client = signed_in_twice(app, operator, enrolled(session, operator, NOON), hands())
    hands.wait(HALF_AN_HOUR)

    answer = client.post("/verrou", data={"password": PASSWORD})

    assert answer.location == "/console"
    assert client.get("/console").status_code == 200


def test_after_four_hours_the_password_alone_opens_nothing(app, operator, session, hands):
    client = signed_in_twice(app, operator, enrolled(session, operator, NOON), hands())
    hands.wait(timedelta(hours=4))

    answer = client.post("/verrou", data={"password": PASSWORD})

    assert answer.location == "/connexion/code"
    assert client.get("/console").status_code == 303


def test_unlocking_gives_another_token_and_no_more_hours(client, hands, session):
    with client.session_transaction() as kept:
        before = kept["staff"]
    hands.wait(timedelta(hours=11, minutes=50))

    client.post("/verrou", data={"password": PASSWORD})

    with client.session_transaction() as kept:
        assert kept["staff"] != before
    assert session.scalars(select(StaffSession.created_at)).one() == NOON
    hands.wait(timedelta(minutes=10))
    assert client.get("/console").location.startswith("/connexion")


def test_forms_of_other_windows_stay_good(app, client, hands):
    where = saved_to(client)
    app.config["WTF_CSRF_ENABLED"] = True
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', client.get(CALL).text)[1]
    hands.wait(HALF_AN_HOUR)
    client.post("/verrou", data={"password": PASSWORD, "csrf_token": csrf})

    answer = client.post(where, data=TYPED | {"csrf_token": csrf})

    assert answer.status_code in {303, 422}


def test_a_form_of_before_the_sign_in_is_shown_again_whole(app, client, operator):
    where = saved_to(client)
    app.config["WTF_CSRF_ENABLED"] = True

    answer = client.post(where, data=TYPED | {"csrf_token": "of another time"})

    assert answer.status_code == 400
    assert {k: v for k, v in hidden(answer).items() if k != "csrf_token"} == TYPED


def test_passwords_are_not_carried_through_any_page(client, hands):
    hands.wait(HALF_AN_HOUR)

    answer = client.post("/mot-de-passe", data={"present": PASSWORD, "wanted": "canari 77"})

    assert PASSWORD not in answer.text
    assert "canari" not in answer.text


def test_what_comes_back_never_goes_to_another_site(client):
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"):
        locked = client.post("/verrouiller", data=TYPED | {"vers": target})
        assert locked.status_code == 303
        client.post("/verrou", data={"password": PASSWORD})

    client.post("/verrouiller")
    back = client.post(
        "/verrou", data={"password": PASSWORD, "vers": "//evil.example", "garde:nom": "x"}
    )
    assert back.location == "/console"


def test_guesses_at_the_lock_are_counted(client, hands):
    hands.wait(HALF_AN_HOUR)

    answers = [client.post("/verrou", data={"password": "faux"}) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert client.post("/verrou", data={"password": PASSWORD}).status_code == 429


def test_a_session_that_ended_is_not_unlocked(client, session, hands, operator):
    for ended in session.scalars(select(StaffSession)):
        ended.ended_at = NOON
    session.commit()

    answer = client.post("/verrou", data={"password": PASSWORD})

    assert answer.status_code == 403
    assert client.get("/console").location.startswith("/connexion")


def test_whoever_has_no_session_has_no_lock(app):
    stranger = app.test_client()

    assert stranger.get("/verrou").location == "/connexion"
    assert stranger.post("/verrouiller").location == "/connexion"
    assert stranger.post("/verrou", data={"password": PASSWORD}).status_code == 403


def test_a_closed_account_does_not_unlock(client, session, operator, hands):
    hands.wait(HALF_AN_HOUR)
    operator.closed_at = NOON
    session.commit()

    assert client.get("/console").location.startswith("/connexion")
    assert client.post("/verrou", data={"password": PASSWORD}).status_code == 403


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ("http://localhost/console?close=", "/console?close%3D"),
        ("", "/console"),
        ("http://[", "/console"),
        ("javascript:alert(1)", "/console"),
        ("http://localhost//evil.example", "/console"),
    ],
)
def test_a_page_that_renews_a_part_of_itself_goes_to_the_lock_as_a_whole(
    client, hands, seen, wanted
):
    hands.wait(HALF_AN_HOUR)

    answer = client.get("/console", headers={"HX-Request": "true", "HX-Current-URL": seen})

    assert answer.status_code == 403
    assert answer.headers["HX-Redirect"] == f"/verrou?next={wanted}"
