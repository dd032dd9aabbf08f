"""Accounts, sessions and slowed-down guessing, on the real database."""

from datetime import timedelta
from statistics import median
from threading import Barrier, Thread
from time import perf_counter

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from booking import accounts
from booking.accounts import passwords, sessions
from booking.links import hashed
from booking.models import Account, Role, SignInFailure, StaffSession
from config.database import transaction
from tests.builders import a_community, a_professional, a_site
from tests.clockwork import NOON
from tests.staffing import PASSWORD, an_account

SECRET = b"a secret of the tests, long enough"
HOME = "127.0.0.1"


@pytest.fixture
def operator(session) -> Account:
    return an_account(session, a_community(session), Role.OPERATOR)


def enter(session, email, password=PASSWORD, *, address=HOME, now=NOON):
    entered = accounts.sign_in(session, email, password, address=address, secret=SECRET, now=now)
    return entered and entered.token


def test_whoever_knows_the_password_gets_a_session(session, operator):
    token = enter(session, operator.email)

    member = accounts.who(session, token, now=NOON)
    assert (member.account, member.role) == (operator.reference, Role.OPERATOR)
    assert member.community_id == operator.community_id


def test_an_email_is_the_same_in_capitals_and_with_spaces_around(session, operator):
    assert enter(session, f"  {operator.email.upper()} ")


def test_the_database_keeps_no_token_and_no_password(session, operator):
    token = enter(session, operator.email)

    kept = session.scalars(select(StaffSession)).one()
    assert kept.token_hash == hashed(token)
    assert len(token) == 43
    assert PASSWORD not in operator.password_hash


def test_each_sign_in_gives_a_token_of_its_own(session, operator):
    assert enter(session, operator.email) != enter(session, operator.email)


@pytest.mark.parametrize(
    "email",
    ["personne@tilleuls.example", "", "\x00", "\ud800@x.example", "é@x.example", "a" * 70_000],
)
def test_an_unknown_account_is_refused_like_a_wrong_password(session, operator, email):
    assert enter(session, email) is None
    assert enter(session, operator.email, "un autre mot de passe") is None


def test_a_closed_account_does_not_get_in_and_is_out_at_once(session, operator):
    token = enter(session, operator.email)

    accounts.close(session, operator.community_id, operator.reference, now=NOON)

    assert accounts.who(session, token, now=NOON) is None
    assert enter(session, operator.email) is None


def test_an_account_closed_by_whatever_way_has_no_live_session(session, operator):
    token = enter(session, operator.email)

    operator.closed_at = NOON
    session.flush()

    assert accounts.who(session, token, now=NOON) is None


def test_after_ten_failures_in_an_hour_even_the_right_password_is_not_looked_at(session, operator):
    for _ in range(10):
        assert enter(session, operator.email, "faux") is None

    with pytest.raises(accounts.TooManyFailures):
        enter(session, operator.email)
    with pytest.raises(accounts.TooManyFailures):
        enter(session, operator.email, address="198.51.100.7")


def test_after_an_hour_the_right_password_gets_in_again(session, operator):
    for _ in range(10):
        enter(session, operator.email, "faux")

    assert enter(session, operator.email, now=NOON + timedelta(hours=1, seconds=1))


def test_an_account_that_nobody_has_is_slowed_down_like_any_other(session):
    for _ in range(10):
        enter(session, "personne@tilleuls.example", "faux")

    with pytest.raises(accounts.TooManyFailures):
        enter(session, "personne@tilleuls.example", "faux")


def test_one_address_that_tries_one_password_on_many_accounts_is_stopped_at_thirty(
    session, operator
):
    for number in range(30):
        enter(session, f"compte{number}@tilleuls.example", "Printemps-2027")

    with pytest.raises(accounts.TooManyFailures):
        enter(session, operator.email)
    assert enter(session, operator.email, address="198.51.100.7")


def test_success_forgets_an_accounts_failures_and_not_the_addresses(session, operator):
    for _ in range(9):
        enter(session, operator.email, "faux")
    enter(session, operator.email)

    assert enter(session, operator.email, "faux") is None
    assert session.scalar(select(func.count()).select_from(SignInFailure)) == 9 + 2


def test_what_is_kept_of_a_failure_names_nobody(session, operator):
    enter(session, operator.email, "faux")

    dump = session.execute(text("SELECT sign_in_failure::text FROM sign_in_failure")).scalars()
    for line in dump:
        assert operator.email.encode().hex() not in line
        assert HOME not in line


def test_guesses_that_come_together_are_counted_one_by_one(engine):
    with Session(engine) as setup, transaction(setup):
        email = an_account(setup, a_community(setup), Role.OPERATOR).email
    start, looked_at = Barrier(16), []

    def guess():
        start.wait()
        try:
            with Session(engine) as mine, transaction(mine):
                looked_at.append(enter(mine, email, "faux"))
        except accounts.TooManyFailures:
            pass

    guesses = [Thread(target=guess) for _ in range(16)]
    for thread in guesses:
        thread.start()
    for thread in guesses:
        thread.join()

    assert len(looked_at) == 10


def test_half_an_hour_without_a_page_ends_a_session(session, operator):
    token = enter(session, operator.email)

    assert accounts.who(session, token, now=NOON + timedelta(minutes=29))
    assert accounts.who(session, token, now=NOON + timedelta(minutes=58))
    assert accounts.who(session, token, now=NOON + timedelta(minutes=88)) is None


def test_a_duty_day_of_twelve_hours_ends_a_session_that_is_in_use(session, operator):
    token = enter(session, operator.email)

    for minutes in range(0, 12 * 60, 20):
        assert accounts.who(session, token, now=NOON + timedelta(minutes=minutes))
    assert accounts.who(session, token, now=NOON + timedelta(hours=12)) is None


def test_the_last_use_is_written_at_most_once_a_minute(session, operator):
    token = enter(session, operator.email)

    accounts.who(session, token, now=NOON + timedelta(seconds=59))
    session.expire_all()
    assert session.scalars(select(StaffSession.last_seen_at)).one() == NOON

    accounts.who(session, token, now=NOON + timedelta(seconds=60))
    assert session.scalars(select(StaffSession.last_seen_at)).one() == NOON + sessions.SEEN_EVERY


def test_who_signed_out_is_out_everywhere(session, operator):
    token, other_device = enter(session, operator.email), enter(session, operator.email)

    accounts.sign_out(session, token, now=NOON)

    assert accounts.who(session, token, now=NOON) is None
    assert accounts.who(session, other_device, now=NOON)


@pytest.mark.parametrize("token", ["", "x" * 43, "\x00", "é" * 43])
def test_a_made_up_token_is_nobody(session, operator, token):
    assert accounts.who(session, token, now=NOON) is None


def test_a_new_password_ends_every_session(session, operator):
    token = enter(session, operator.email)
    member = accounts.who(session, token, now=NOON)

    accounts.change_password(
        session, member, present=PASSWORD, wanted="cinq mots tout neufs 77", now=NOON
    )

    assert accounts.who(session, token, now=NOON) is None
    assert enter(session, operator.email) is None
    assert enter(session, operator.email, "cinq mots tout neufs 77")


def test_who_does_not_know_the_present_password_does_not_change_it(session, operator):
    member = accounts.who(session, enter(session, operator.email), now=NOON)

    with pytest.raises(accounts.WrongPassword):
        accounts.change_password(
            session, member, present="faux", wanted="cinq mots tout neufs 77", now=NOON
        )


def test_an_email_has_one_account_in_all_communities(session, operator):
    elsewhere = a_community(session)

    with pytest.raises(accounts.EmailTaken):
        an_account(session, elsewhere, Role.COORDINATOR, email=operator.email.upper())


@pytest.mark.parametrize(
    ("but", "field"),
    [
        ({"email": "pas une adresse"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "é@tilleuls.example"}, "email"),
        ({"email": "x" * 250 + "@tilleuls.example"}, "email"),
        ({"name": " "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_an_impossible_account_is_refused_by_its_field(session, but, field):
    with pytest.raises(accounts.AccountRefused) as refused:
        an_account(session, a_community(session), Role.OPERATOR, **but)

    assert refused.value.field == field


def test_a_secretary_has_sites_and_a_professional_is_one(session):
    community = a_community(session)
    site = a_site(session, community)
    doctor = a_professional(session, community, site)

    with pytest.raises(accounts.AccountRefused):
        an_account(session, community, Role.SECRETARY)
    with pytest.raises(accounts.AccountRefused):
        an_account(session, community, Role.PROFESSIONAL)
    with pytest.raises(accounts.AccountRefused):
        an_account(session, community, Role.OPERATOR, professional=doctor)
    with pytest.raises(accounts.AccountRefused):
        an_account(session, community, Role.COORDINATOR, sites=(site,))

    secretary = an_account(session, community, Role.SECRETARY, sites=(site,))
    member = accounts.who(session, enter(session, secretary.email), now=NOON)
    assert member.site_ids == (site.id,)
    assert member.professional_id is None


def test_an_account_of_another_community_is_not_there(session, operator):
    elsewhere = a_community(session)

    with pytest.raises(accounts.NoSuchAccount):
        accounts.close(session, elsewhere.id, operator.reference, now=NOON)
    with pytest.raises(accounts.NoSuchAccount):
        accounts.set_password(
            session, elsewhere.id, operator.reference, password=PASSWORD, now=NOON
        )
    assert accounts.listed(session, elsewhere.id) == []


def test_an_unknown_account_is_refused_as_slowly_as_a_known_one(session, operator, monkeypatch):
    # At the real price: that of a known account is hashed here, nobody's was long ago.
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(2, 19 * 1024, 1))
    kept = session.scalars(select(Account).where(Account.email == operator.email)).one()
    kept.password_hash = passwords.hashed("le vrai mot de passe 77")
    session.flush()

    def seconds(email, number):
        begun = perf_counter()
        enter(
            session,
            email,
            "faux",
            address=f"198.51.100.{number}",
            now=NOON + timedelta(days=number),
        )
        return perf_counter() - begun

    known, unknown = [], []
    for number in range(1, 31):
        known.append(seconds(operator.email, number))
        unknown.append(seconds("personne@tilleuls.example", number))

    assert 0.5 < median(known) / median(unknown) < 2
