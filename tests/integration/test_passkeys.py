"""Passkeys: made, named, used at the second step and later, removed; by a device of the tests."""

import html
import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from booking.accounts import Party, passkeys
from booking.models import Passkey, Role
from tests.builders import a_community
from tests.clockwork import NOON
from tests.second_factor import SoftKey, enrolled, half_way, signed_in_twice
from tests.staffing import an_account, words

PARTY = Party("localhost", "http://localhost")


@pytest.fixture
def doctor(session):
    made = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def phone(session, doctor):
    return enrolled(session, doctor, NOON)


@pytest.fixture
def client(app, doctor, phone, hands):
    return signed_in_twice(app, doctor, phone, hands())


def options(page) -> dict:
    found = re.search(r'data-options="([^"]+)"', page.text)
    return json.loads(html.unescape(found[1]))


def added(client, key, name="téléphone"):
    answer = key.make(options(client.get("/mon-compte")))
    return client.post("/mon-compte/cles", data={"name": name, "passkey": answer})


def signed(app, doctor, key):
    browser = half_way(app, doctor)
    answer = key.sign(options(browser.get("/connexion/code")))
    return browser, browser.post("/connexion/code", data={"passkey": answer})


def test_a_passkey_that_was_added_takes_the_second_step(app, client, doctor):
    key = SoftKey()

    assert added(client, key).location == "/mon-compte"
    assert "téléphone" in words(client.get("/mon-compte"))
    browser, answer = signed(app, doctor, key)

    assert answer.location == "/console"
    assert browser.get("/console").status_code == 200


def test_it_proves_again_within_a_session(app, client, doctor, hands):
    key = SoftKey()
    added(client, key)
    hands.wait(timedelta(minutes=11))

    answer = client.post("/preuve", data={"passkey": key.sign(options(client.get("/preuve")))})

    assert answer.location == "/mon-compte"
    assert client.post("/mon-compte/codes").status_code == 200


def test_a_passkey_is_added_and_removed_only_by_who_proved_it_lately(client, hands, session):
    key = SoftKey()
    wanted = options(client.get("/mon-compte"))
    added(client, SoftKey())
    hands.wait(timedelta(minutes=10))
    reference = session.scalars(select(Passkey.reference)).one()

    refused = client.post("/mon-compte/cles", data={"name": "x", "passkey": key.make(wanted)})
    kept = client.post(f"/mon-compte/cles/{reference}/retirer")

    assert refused.location == kept.location == "/preuve?next=/mon-compte"
    assert session.scalar(select(func.count()).select_from(Passkey)) == 1


def test_a_passkey_that_was_removed_proves_nothing(app, client, doctor, session):
    key, other = SoftKey(), SoftKey()
    added(client, key)
    added(client, other)
    reference = session.scalars(
        select(Passkey.reference).where(Passkey.credential_id == key.id)
    ).one()

    client.post(f"/mon-compte/cles/{reference}/retirer")

    assert client.post(f"/mon-compte/cles/{reference}/retirer").status_code == 404
    assert signed(app, doctor, key)[1].status_code == 422
    assert signed(app, doctor, other)[1].status_code == 303


def test_a_proof_of_one_sign_in_proves_nothing_in_another(app, client, doctor):
    key = SoftKey()
    added(client, key)
    first, second = half_way(app, doctor), half_way(app, doctor)
    answer = key.sign(options(first.get("/connexion/code")))

    assert second.post("/connexion/code", data={"passkey": answer}).status_code == 422
    assert first.post("/connexion/code", data={"passkey": answer}).status_code == 303


def test_a_device_that_was_copied_falls_behind(app, client, doctor):
    key = SoftKey()
    added(client, key)
    signed(app, doctor, key)

    key.count = 0

    assert signed(app, doctor, key)[1].status_code == 422


@pytest.mark.parametrize(
    "but",
    [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "https://localhost"}],
)
def test_another_site_gets_no_passkey_and_no_proof_for_us(app, client, doctor, but):
    good = SoftKey()
    added(client, good)

    refused = added(client, SoftKey(**but))
    phished = SoftKey(**but, id=good.id, key=good.key)

    assert refused.status_code == 422
    assert signed(app, doctor, phished)[1].status_code == 422


def test_anothers_passkey_proves_nothing_for_me(app, client, doctor, session, hands):
    other = an_account(session, a_community(session), Role.OPERATOR)
    theirs = enrolled(session, other, NOON)
    key = SoftKey()
    added(signed_in_twice(app, other, theirs, hands()), key)
    mine = SoftKey()
    added(client, mine)
    browser = half_way(app, doctor)

    answer = key.sign(options(browser.get("/connexion/code")))

    assert browser.post("/connexion/code", data={"passkey": answer}).status_code == 422


def test_a_passkey_has_one_account(app, client, session, hands):
    other = an_account(session, a_community(session), Role.OPERATOR)
    theirs = enrolled(session, other, NOON)
    key = SoftKey()
    added(client, key)

    answer = added(signed_in_twice(app, other, theirs, hands()), key)

    assert answer.status_code == 422
    assert "déjà enregistrée" in words(answer)


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\x00b"])
def test_a_passkey_has_a_name_that_one_knows_again(client, name):
    answer = added(client, SoftKey(), name)

    assert answer.status_code == 422
    assert "Donnez-lui un nom" in words(answer)


def test_ten_passkeys_are_enough(client):
    for _ in range(10):
        assert added(client, SoftKey()).status_code == 303

    assert "retirez-en une" in words(added(client, SoftKey()))


def test_a_page_without_a_script_says_what_to_do(app, client, doctor):
    added(client, SoftKey())

    page = half_way(app, doctor).get("/connexion/code")

    assert "Sans lui, tapez un code" in words(page)
    assert re.search(r'<script src="/static/passkey\.js\?v=\w+" defer>', page.text)


def test_who_has_no_passkey_is_offered_none(app, doctor, phone):
    assert "data-passkey" not in half_way(app, doctor).get("/connexion/code").text


def test_browsers_make_no_passkey_for_a_bare_number():
    assert not Party("127.0.0.1", "http://127.0.0.1:8000").has_passkeys
    assert not Party("::1", "http://[::1]").has_passkeys
    assert PARTY.has_passkeys


@given(
    st.one_of(
        st.text(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "id",
                            "rawId",
                            "type",
                            "response",
                            "clientDataJSON",
                            "signature",
                            "authenticatorData",
                            "attestationObject",
                            "x",
                        ]
                    ),
                    inner,
                    max_size=6,
                )
            ),
            max_leaves=12,
        ).map(json.dumps),
    )
)
def test_whatever_a_browser_answers_is_refused_by_name(answer):
    try:
        passkeys._read(answer)
    except passkeys.WRONG:
        return


WELL_FORMED = st.fixed_dictionaries(
    {
        "id": st.just("AAAA"),
        "rawId": st.just("AAAA"),
        "type": st.just("public-key"),
        "response": st.fixed_dictionaries(
            {
                name: st.one_of(st.just("e30"), st.text("ABab01_-", max_size=40), st.integers())
                for name in (
                    "clientDataJSON", "attestationObject", "authenticatorData", "signature",
                )
            }
        ),
    }
)  # fmt: skip


def test_answers_of_the_right_shape_and_no_meaning_make_no_error_of_ours(client, session, doctor):
    added(client, SoftKey())

    @given(WELL_FORMED)
    def tried(answer):
        made = {"name": "x", "passkey": json.dumps(answer)}
        assert client.post("/mon-compte/cles", data=made).status_code == 422
        assert client.post("/preuve", data=made).status_code == 422

    tried()


@pytest.mark.parametrize(
    "answer", ["[" * 9_000, "{" * 9_000, "null", '{"id": 7}', "\x00", "9" * 20_000, '"\\ud800"']
)
def test_nothing_that_is_posted_as_an_answer_is_an_error_of_ours(client, answer):
    made = client.post("/mon-compte/cles", data={"name": "x", "passkey": answer})
    proved = client.post("/preuve", data={"passkey": answer})

    assert (made.status_code, proved.status_code) == (422, 422)
