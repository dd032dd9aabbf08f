"""A forgotten password: one sentence for everybody, a letter for whoever has an account."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from booking import accounts
from booking.accounts import resets
from booking.extensions import db
from booking.models import PasswordReset, Role
from notifications.models import Channel, OutboxMessage
from tests.builders import a_community, a_professional, a_site
from tests.clockwork import NOON
from tests.second_factor import enrolled, half_way
from tests.staffing import PASSWORD, an_account, signed_in, words

NEW = "cinq mots tout neufs 77"
PATH = "/mot-de-passe-oublie"


@pytest.fixture
def operator(session):
    made = an_account(session, a_community(session), Role.OPERATOR)
    session.commit()
    return made


def asked(client, email):
    answer = client.post(PATH, data={"email": email})
    # The first page of a browser brings a cookie; all else is the same.
    names = sorted(name for name, _ in answer.headers if name != "Set-Cookie")
    said = answer.status_code, words(answer), names
    answer.close()
    return said


def letters(session):
    session.expire_all()
    return session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()


def link(letter) -> str:
    return re.search(rf"http://localhost({PATH}/\S+)", letter.text)[1]


def test_a_known_and_an_unknown_address_get_one_answer(client, operator, session):
    closed = an_account(session, a_community(session), Role.OPERATOR, email="c@tilleuls.example")
    closed.closed_at = NOON
    session.commit()

    answers = [asked(client, e) for e in (operator.email, "personne@x.example", closed.email)]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 200
    [letter] = letters(session)
    assert (letter.channel, letter.recipient) == (Channel.EMAIL, operator.email)


def test_the_answer_has_left_before_anybody_looks_whether_there_is_such_an_account(
    client, operator, session
):
    answer = client.post(PATH, data={"email": operator.email})

    assert "un lien vient de lui être envoyé" in words(answer)
    assert letters(session) == []
    answer.close()
    assert len(letters(session)) == 1


def test_until_the_answer_leaves_the_same_is_done_for_both(app, operator):
    """Equal work, counted: a stopwatch would say more of the machine than of us."""

    def done_for(email, number):
        with app.app_context():
            engine = db.engine
        done: list[str] = []
        event.listen(engine, "before_cursor_execute", heard := lambda *said: done.append(said[2]))
        answer = app.test_client().post(
            PATH, data={"email": email}, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"}
        )
        event.remove(engine, "before_cursor_execute", heard)
        answer.close()
        return done

    known, unknown = done_for(operator.email, 1), done_for("x1@x.example", 2)

    assert known == unknown
    assert known


def test_the_link_gives_a_new_password_once_and_ends_every_session(app, client, operator, session):
    present = signed_in(app, operator)
    asked(client, operator.email)
    path = link(letters(session)[0])

    answer = client.post(path, data={"wanted": NEW})

    assert answer.location == "/connexion?mot-de-passe"
    assert present.get("/console").status_code == 303
    entered = client.post("/connexion", data={"email": operator.email, "password": NEW})
    assert entered.location == "/console"
    assert client.post(path, data={"wanted": "six mots encore plus neufs"}).status_code == 410
    assert "votre mot de passe a changé" in letters(session)[1].subject


def test_looking_at_the_link_changes_nothing(client, operator, session):
    asked(client, operator.email)
    path = link(letters(session)[0])

    for _ in range(5):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200

    assert client.post(path, data={"wanted": NEW}).status_code == 303


def test_the_link_lives_half_an_hour(client, operator, session, hands):
    asked(client, operator.email)
    path = link(letters(session)[0])

    hands.wait(timedelta(minutes=30))

    assert client.get(path).status_code == 410
    assert client.post(path, data={"wanted": NEW}).status_code == 410
    assert "En demander un autre" in words(client.get(path))


def test_a_later_link_ends_the_former(client, operator, session):
    for _ in range(2):
        asked(client, operator.email)
    first, second = letters(session)

    assert client.get(link(first)).status_code == 410
    assert client.get(link(second)).status_code == 200


def test_the_second_factor_is_still_asked(app, client, operator, session, hands):
    phone = enrolled(session, operator, NOON)
    before = half_way(app, operator)
    asked(client, operator.email)
    client.post(link(letters(session)[0]), data={"wanted": NEW})

    entered = client.post("/connexion", data={"email": operator.email, "password": NEW})
    half_done = before.post("/connexion/code", data={"code": phone.code(hands())})

    assert entered.location == "/connexion/code"
    assert half_done.location == "/connexion"


def test_one_account_gets_three_letters_an_hour_and_the_same_sentence(client, operator, session):
    answers = [asked(client, operator.email) for _ in range(5)]

    assert len({answer[1] for answer in answers}) == 1
    assert len(letters(session)) == 3


def test_one_address_asks_for_ten_letters_an_hour(client, session):
    community = a_community(session)
    people = [
        an_account(session, community, Role.OPERATOR, email=f"p{n}@tilleuls.example")
        for n in range(12)
    ]
    session.commit()

    for each in people:
        asked(client, each.email)

    assert len(letters(session)) == 10


def test_a_suspended_professional_gets_no_letter(client, session):
    community = a_community(session)
    doctor = a_professional(session, community, a_site(session, community))
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    doctor.suspended_at = NOON
    session.commit()

    asked(client, account.email)

    assert letters(session) == []


def test_a_weak_password_is_refused_and_the_link_stays_good(client, operator, session):
    asked(client, operator.email)
    path = link(letters(session)[0])

    refused = client.post(path, data={"wanted": "court"})

    assert refused.status_code == 422
    assert "12 caractères" in words(refused)
    assert client.post(path, data={"wanted": NEW}).status_code == 303


def test_the_database_keeps_no_token(client, operator, session):
    asked(client, operator.email)
    token = link(letters(session)[0]).rsplit("/", 1)[1]

    kept = session.scalars(select(PasswordReset)).one()
    assert token.encode() not in kept.token_hash
    assert len(token) == 43


@pytest.mark.parametrize("token", ["x", "x" * 43, "%00", "é" * 43, "%ED%A0%80"])
def test_a_made_up_link_opens_nothing(client, token):
    assert client.get(f"{PATH}/{token}").status_code == 410
    assert client.post(f"{PATH}/{token}", data={"wanted": NEW}).status_code == 410


@pytest.mark.parametrize("typed", ["", "\x00", "😀", "a" * 60_000, "<script>"])
def test_whatever_is_typed_gets_the_one_sentence(client, operator, typed):
    assert asked(client, typed)[0] == 200


def test_of_two_who_use_one_link_one_is_too_late(session, operator):
    _account, _asked, token = resets.make(session, operator.email, now=NOON)

    resets.use(session, token, NEW, now=NOON)

    with pytest.raises(accounts.ResetUnusable):
        resets.use(session, token, PASSWORD, now=NOON)
    assert session.scalar(select(func.count()).select_from(PasswordReset)) == 1
