"""Whoever works here proves it twice: the application's code, the paper, and nothing in between."""

import re
from dataclasses import replace
from datetime import timedelta
from math import log2
from threading import Barrier, Thread

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from booking import accounts
from booking.accounts import authenticators, enrolling, entering, recovery, sessions
from booking.links import SPOKEN
from booking.models import Authenticator, HalfSignIn, RecoveryCode, Role, StaffSession
from config.database import transaction
from config.sealing import Keys
from tests.builders import a_community
from tests.clockwork import NOON
from tests.second_factor import KEYS, enrolled, half_way, signed_in_twice
from tests.staffing import PASSWORD, an_account, signed_in, words

SECRET = b"a secret of the tests, long enough"
PARTY = accounts.Party("localhost", "http://localhost")
HALF_A_MINUTE = timedelta(seconds=30)
CODE_ON_PAPER = r"([2-9A-HJ-NP-Z]{4}-){5}[2-9A-HJ-NP-Z]{4}"


@pytest.fixture
def operator(session):
    made = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def phone(session, operator):
    return enrolled(session, operator, NOON)


@pytest.fixture
def demanding(app, monkeypatch):
    """The app as in production, where nobody gets in without a second factor."""
    kit = app.extensions["jourmeme"]
    settings = kit.settings.model_copy(update={"jourmeme_env": "production"})
    monkeypatch.setitem(app.extensions, "jourmeme", replace(kit, settings=settings))
    return app


def proof(code, **but):
    return replace(accounts.Proof(code=code, party=PARTY, keys=KEYS, secret=SECRET), **but)


def entered(session, account, now=NOON):
    return accounts.sign_in(
        session, account.email, PASSWORD, address="127.0.0.1", secret=SECRET, now=now
    )


def take(session, account, code, now=NOON):
    return entering.takes_code(session, account, code, keys=KEYS, secret=SECRET, now=now)


def test_a_password_alone_opens_nothing_of_an_account_that_has_a_second_factor(
    app, operator, phone
):
    client = half_way(app, operator)

    for path in ("/console", "/mon-compte", "/mes-connexions", "/mot-de-passe", "/preuve"):
        assert client.get(path).location.startswith("/connexion?next=")
    assert client.post("/verrouiller").location == "/connexion"
    assert client.get("/connexion/code").status_code == 200
    assert client.get("/connexion/activer").location == "/connexion"
    assert client.get("/connexion/qr.svg").status_code == 404


def test_the_token_of_the_first_step_is_no_session_even_in_its_place(app, session, operator, phone):
    client = half_way(app, operator)
    with client.session_transaction() as kept:
        kept["staff"] = kept["half"]

    assert client.get("/console").status_code == 303
    assert session.scalar(select(func.count()).select_from(StaffSession)) == 0


def test_the_code_of_the_telephone_opens_the_page_that_was_asked_for(app, operator, phone, hands):
    client = app.test_client()
    first = client.post(
        "/connexion",
        data={"email": operator.email, "password": PASSWORD, "next": "/console?close="},
    )

    answer = client.post(
        "/connexion/code", data={"code": phone.code(hands()), "next": "/console?close="}
    )

    assert first.location == "/connexion/code?next=/console?close%3D"
    assert answer.location == "/console?close="
    assert client.get("/console").status_code == 200
    with client.session_transaction() as kept:
        assert kept.keys() <= {"staff", "csrf_token"}


def test_the_second_step_never_leads_to_another_site(app, operator, phone, hands):
    client = half_way(app, operator)

    answer = client.post(
        "/connexion/code", data={"code": phone.code(hands()), "next": "//evil.example"}
    )

    assert answer.location == "/console"


def test_a_code_opens_once(app, operator, phone, hands):
    signed_in_twice(app, operator, phone, hands())

    again = half_way(app, operator).post("/connexion/code", data={"code": phone.code(hands())})

    assert again.status_code == 422
    assert "il a déjà servi" in words(again)


def test_of_two_who_type_one_code_together_one_gets_in(engine):
    with Session(engine, expire_on_commit=False) as setup:
        account = an_account(setup, a_community(setup), Role.OPERATOR)
        phone = enrolled(setup, account, NOON)
        halves = [entered(setup, account).token for _ in range(8)]
        setup.commit()
    start, got_in = Barrier(8), []

    def type_it(half):
        start.wait()
        try:
            with Session(engine) as mine, transaction(mine):
                got_in.append(
                    entering.prove(mine, half, proof(phone.code(NOON)), device="", now=NOON)
                )
        except accounts.TooManyFailures:
            pass

    typing = [Thread(target=type_it, args=(half,)) for half in halves]
    for each in typing:
        each.start()
    for each in typing:
        each.join()

    assert len([token for token in got_in if token]) == 1


@pytest.mark.parametrize("early", [-1, 0, 1])
def test_a_clock_that_is_half_a_minute_off_is_accepted(session, operator, phone, early):
    assert take(session, operator, phone.code(NOON + early * HALF_A_MINUTE))


@pytest.mark.parametrize("early", [-2, 2])
def test_a_clock_that_is_a_minute_off_is_not(session, operator, phone, early):
    assert not take(session, operator, phone.code(NOON + early * HALF_A_MINUTE))


def test_after_a_code_no_earlier_one_is_taken(session, operator, phone):
    assert take(session, operator, phone.code(NOON + HALF_A_MINUTE))

    assert not take(session, operator, phone.code(NOON))
    assert not take(session, operator, phone.code(NOON + HALF_A_MINUTE))
    assert take(session, operator, phone.code(NOON + 2 * HALF_A_MINUTE), NOON + HALF_A_MINUTE)


@given(st.text(max_size=12))
def test_whatever_is_typed_is_no_code(typed):
    secret = pyotp.random_base32()
    near = {pyotp.TOTP(secret).at(NOON, counter_offset=each) for each in (-1, 0, 1)}

    assert (authenticators.matching(secret, typed, after=None, now=NOON) is None) or typed in near


def test_codes_are_typed_with_spaces_or_without(session, operator, phone):
    code = phone.code(NOON)

    assert take(session, operator, f" {code[:3]}\u00a0{code[3:]} ")


def test_after_five_wrong_codes_even_the_right_one_waits_fifteen_minutes(session, operator, phone):
    for _ in range(5):
        assert not take(session, operator, "000000")

    with pytest.raises(accounts.TooManyFailures):
        take(session, operator, phone.code(NOON))
    later = NOON + timedelta(minutes=15, seconds=1)
    assert take(session, operator, phone.code(later), later)


def test_five_wrong_codes_count_whatever_sign_in_they_are_typed_in(app, operator, phone, hands):
    for _ in range(5):
        half_way(app, operator).post("/connexion/code", data={"code": "000000"})

    answer = half_way(app, operator).post("/connexion/code", data={"code": phone.code(hands())})

    assert answer.status_code == 429
    assert "attendez 15 minutes" in words(answer)


def test_wrong_codes_that_come_together_are_counted_one_by_one(engine):
    with Session(engine, expire_on_commit=False) as setup:
        account = an_account(setup, a_community(setup), Role.OPERATOR)
        enrolled(setup, account, NOON)
    start, looked_at = Barrier(12), []

    def guess():
        start.wait()
        try:
            with Session(engine) as mine, transaction(mine):
                looked_at.append(take(mine, account, "000000"))
        except accounts.TooManyFailures:
            pass

    guesses = [Thread(target=guess) for _ in range(12)]
    for each in guesses:
        each.start()
    for each in guesses:
        each.join()

    assert looked_at == [False] * 5


def test_the_second_step_is_over_after_ten_minutes(app, operator, phone, hands):
    client = half_way(app, operator)

    hands.wait(timedelta(minutes=10))

    assert client.get("/connexion/code").location == "/connexion"
    answer = client.post("/connexion/code", data={"code": phone.code(hands())})
    assert answer.location == "/connexion"
    assert client.get("/console").status_code == 303


def test_the_second_step_is_taken_once(session, operator, phone):
    half = entered(session, operator).token
    entering.prove(session, half, proof(phone.code(NOON)), device="", now=NOON)

    with pytest.raises(accounts.StepOver):
        entering.prove(session, half, proof(phone.paper[0]), device="", now=NOON)


@pytest.mark.parametrize("token", ["", "x" * 43, 7, None])
def test_a_made_up_step_leads_to_the_password(app, token):
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["half"] = token

    assert client.get("/connexion/code").location == "/connexion"
    assert client.post("/connexion/code", data={"code": "1"}).location == "/connexion"
    assert client.post("/connexion/activer", data={"code": "1"}).location == "/connexion"


def test_a_code_from_the_paper_opens_once(app, operator, phone):
    typed = phone.paper[3].lower().replace("-", " ")

    first = half_way(app, operator).post("/connexion/code", data={"code": typed})
    again = half_way(app, operator).post("/connexion/code", data={"code": phone.paper[3]})

    assert (first.status_code, again.status_code) == (303, 422)


def test_a_code_from_anothers_paper_opens_nothing(session, operator, phone):
    other = an_account(session, a_community(session), Role.OPERATOR)
    theirs = enrolled(session, other, NOON)

    assert not take(session, operator, theirs.paper[0])
    assert take(session, other, theirs.paper[0])


def test_there_are_ten_codes_and_new_ones_end_the_former(session, operator, phone):
    assert len(set(phone.paper)) == 10
    assert all(re.fullmatch(CODE_ON_PAPER, c) for c in phone.paper)

    made = recovery.make(session, operator, now=NOON)

    assert not take(session, operator, phone.paper[0])
    assert take(session, operator, made[0])
    assert recovery.left(session, operator) == 9


def test_a_code_on_paper_has_more_bits_than_anybody_can_try(phone):
    [letters] = {len(code.replace("-", "")) for code in phone.paper}

    assert letters * log2(len(SPOKEN)) >= 112


def test_a_shorter_code_from_an_old_paper_still_opens_once(session, operator, phone, monkeypatch):
    monkeypatch.setattr(recovery, "LETTERS", 16)
    [old, *_] = recovery.make(session, operator, now=NOON)
    monkeypatch.undo()

    assert len(old) == len("ABCD-EFGH-JKLM-NPQR")
    assert take(session, operator, old.lower())
    assert not take(session, operator, old)


def test_a_dump_of_the_database_shows_neither_the_secret_nor_a_code(session, operator, phone):
    dump = "".join(
        line
        for table in (Authenticator, RecoveryCode)
        for line in session.scalars(
            text(f"SELECT {table.__tablename__}::text FROM {table.__tablename__}")
        )
    )

    for hidden in (phone.secret, *phone.paper, phone.paper[0].replace("-", "")):
        assert hidden not in dump
        assert hidden.encode().hex() not in dump
    assert pyotp.TOTP(phone.secret).byte_secret().hex() not in dump


def test_a_secret_that_was_moved_to_another_account_opens_nothing(session, operator, phone):
    other = an_account(session, a_community(session), Role.OPERATOR)
    enrolled(session, other, NOON)
    stolen = session.scalars(
        select(Authenticator.secret).where(Authenticator.account_id == operator.id)
    ).one()
    session.execute(
        text("UPDATE authenticator SET secret = :s WHERE account_id = :a"),
        {"s": stolen, "a": other.id},
    )

    with pytest.raises(ValueError, match=r"authenticator\.secret"):
        take(session, other, phone.code(NOON))


def test_a_new_key_takes_over_a_secret_at_its_next_code(session, operator, phone):
    newer = Keys({"next": bytes(32), **KEYS.by_id})

    assert entering.takes_code(
        session, operator, phone.code(NOON), keys=newer, secret=SECRET, now=NOON
    )

    kept = session.scalars(
        select(Authenticator.secret).where(Authenticator.account_id == operator.id)
    ).one()
    assert newer.is_newest(kept)


def test_where_it_is_not_demanded_two_fields_are_enough(app, operator):
    assert signed_in(app, operator).get("/console").status_code == 200


def test_where_it_is_demanded_a_password_leads_to_setting_it_up_and_nowhere_else(
    demanding, operator, hands
):
    client = half_way(demanding, operator)

    assert client.get("/console").status_code == 303
    assert client.get("/connexion/code").location == "/connexion"
    page = client.get("/connexion/activer")
    secret = re.search(r'<code class="secret">([^<]+)</code>', page.text)[1].replace(" ", "")
    wrong = client.post("/connexion/activer", data={"code": "000000"})
    done = client.post("/connexion/activer", data={"code": pyotp.TOTP(secret).at(hands())})

    assert wrong.status_code == 422
    assert done.status_code == 200
    assert len(re.findall(r"<li><code>[^<]{29}</code>", done.text)) == 10
    assert client.get("/console").status_code == 200


def test_where_it_is_demanded_a_session_of_before_is_nobodys(
    app, operator, session, monkeypatch, request
):
    client = signed_in(app, operator)
    request.getfixturevalue("demanding")

    assert client.get("/console").status_code == 303


def test_a_session_of_before_the_second_factor_is_nobodys(app, operator, session):
    client = signed_in(app, operator)

    enrolled(session, operator, NOON)

    assert client.get("/console").status_code == 303


def test_looking_at_the_page_makes_no_other_secret(demanding, operator):
    client = half_way(demanding, operator)

    assert client.get("/connexion/activer").text.count("<code") == 1
    first, again = (
        re.search(r'<code class="secret">([^<]+)<', client.get("/connexion/activer").text)[1]
        for _ in range(2)
    )
    assert first == again


def test_the_picture_says_what_the_text_says_and_nobody_keeps_it(demanding, operator):
    client = half_way(demanding, operator)

    picture = client.get("/connexion/qr.svg")

    assert picture.mimetype == "image/svg+xml"
    assert picture.headers["Cache-Control"] == "no-store"
    assert b"<script" not in picture.data
    assert b"style=" not in picture.data
    assert operator.email.encode() not in picture.data


def test_the_address_in_the_picture_is_what_applications_read(operator):
    secret = pyotp.random_base32()
    address = authenticators.address_of(secret, operator.email)

    read = pyotp.parse_uri(address)
    assert (read.secret, read.issuer, read.name) == (secret, "JourMême", operator.email)
    assert (read.interval, read.digits) == (30, 6)


def test_somebody_chooses_a_second_factor_with_their_password_and_the_first_code(
    app, operator, session, hands
):
    elsewhere = signed_in(app, operator)
    client = signed_in(app, operator)
    with client.session_transaction() as kept:
        before = kept["staff"]
    client.post("/mon-compte/application")
    shown = client.get("/mon-compte/application").text
    secret = re.search(r'<code class="secret">([^<]+)</code>', shown)[1].replace(" ", "")
    code = pyotp.TOTP(secret).at(hands())

    wrong = client.post(
        "/mon-compte/application/confirmer", data={"code": code, "password": "faux"}
    )
    done = client.post(
        "/mon-compte/application/confirmer", data={"code": code, "password": PASSWORD}
    )

    assert (wrong.status_code, done.status_code) == (422, 200)
    assert client.get("/mon-compte").status_code == 200
    assert "Il reste 10 codes de secours" in words(client.get("/mon-compte"))
    assert elsewhere.get("/console").status_code == 303
    with client.session_transaction() as kept:
        assert kept["staff"] != before


def test_passwords_are_not_guessed_on_the_page_of_a_screen_left_open(app, operator, hands):
    client = signed_in(app, operator)
    client.post("/mon-compte/application")
    said = {"code": "000000", "password": "faux"}

    answers = [client.post("/mon-compte/application/confirmer", data=said) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


def test_another_telephone_takes_over_only_once_it_is_confirmed(app, operator, phone, hands):
    client = signed_in_twice(app, operator, phone, hands())
    client.post("/mon-compte/application")
    shown = client.get("/mon-compte/application").text
    secret = re.search(r'<code class="secret">([^<]+)</code>', shown)[1].replace(" ", "")
    now = hands.wait(timedelta(minutes=1))
    assert signed_in_twice(app, operator, phone, now)

    client.post(
        "/mon-compte/application/confirmer",
        data={"code": pyotp.TOTP(secret).at(now), "password": PASSWORD},
    )

    now = hands.wait(timedelta(minutes=1))
    old = half_way(app, operator).post("/connexion/code", data={"code": phone.code(now)})
    assert old.status_code == 422


def test_what_cannot_be_taken_back_asks_for_a_proof_of_the_last_ten_minutes(
    app, operator, phone, hands
):
    client = signed_in_twice(app, operator, phone, hands())
    now = hands.wait(timedelta(minutes=10))
    with client.session_transaction() as kept:
        before = kept["staff"]

    asked = client.post("/mon-compte/codes")
    begun = client.post("/mon-compte/application")
    wrong = client.post("/preuve", data={"code": "000000", "next": "/mon-compte"})
    proved = client.post("/preuve", data={"code": phone.code(now), "next": "/mon-compte"})
    made = client.post("/mon-compte/codes")

    assert asked.location == "/preuve?next=/mon-compte"
    assert begun.location == "/preuve?next=/mon-compte"
    assert (wrong.status_code, proved.location) == (422, "/mon-compte")
    assert made.status_code == 200
    with client.session_transaction() as kept:
        assert kept["staff"] != before


def test_a_wrong_proof_in_a_session_counts_like_one_at_the_sign_in(app, operator, phone, hands):
    client = signed_in_twice(app, operator, phone, hands())
    for _ in range(5):
        client.post("/preuve", data={"code": "000000"})

    now = hands.wait(timedelta(minutes=1))

    assert client.post("/preuve", data={"code": phone.code(now)}).status_code == 429


def test_who_has_no_second_factor_is_not_asked_for_one_but_led_to_it(app, operator):
    client = signed_in(app, operator)

    assert client.get("/preuve").location == "/mon-compte"
    assert client.post("/mon-compte/codes").location == "/preuve?next=/mon-compte"


def test_a_new_password_ends_a_sign_in_that_is_half_done(session, operator, phone):
    half = entered(session, operator).token

    sessions.end_all(session, operator, now=NOON)

    assert sessions.half(session, half, now=NOON) is None


def test_a_closed_account_does_not_take_the_second_step(session, operator, phone):
    half = entered(session, operator).token
    operator.closed_at = NOON
    session.flush()

    with pytest.raises(accounts.StepOver):
        entering.prove(session, half, proof(phone.code(NOON)), device="", now=NOON)


def test_who_lost_everything_has_nothing_left_and_no_session(session, operator, phone):
    half = entered(session, operator).token
    token = entering.prove(session, half, proof(phone.code(NOON)), device="", now=NOON)

    enrolling.forget(session, operator.community_id, operator.reference, now=NOON)

    assert accounts.who(session, token, now=NOON) is None
    assert not entering.is_enrolled(session, operator)
    assert recovery.left(session, operator) == 0
    assert (
        session.scalar(
            select(func.count()).select_from(HalfSignIn).where(HalfSignIn.ended_at.is_(None))
        )
        == 0
    )


@pytest.mark.parametrize(
    "typed", ["", "\x00", "😀" * 40, "é" * 16, "ABCDEFGHJKLMNPQR", "1" * 60_000]
)
def test_whatever_is_typed_as_a_code_gets_an_answer(app, operator, phone, typed):
    answer = half_way(app, operator).post("/connexion/code", data={"code": typed})

    assert answer.status_code == 422
