"""A key is changed: what it sealed is sealed again, and opens without it."""

from base64 import b64encode
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text

from booking import resealing
from booking.accounts import authenticators
from booking.models import Assessment, Authenticator, CareRequest, Role
from config import sealed
from config.database import transaction
from config.sealing import Keys, KeyUnknown
from tests import builders
from tests.clockwork import NOON
from tests.conftest import DEVELOPMENT
from tests.staffing import an_account

OLD, NEW = (f"{name}:{b64encode(name.encode() * 32).decode()}" for name in ("o", "n"))
SECRET = DEVELOPMENT.secret_key.get_secret_value().encode()


@pytest.fixture(autouse=True)
def _keys_of_this_test():
    sealed.use(Keys.read(OLD), SECRET)


@pytest.fixture
def community(session):
    return builders.a_community(session)


@pytest.fixture
def asked(session, community, protocol):
    return builders.a_triaged_request(session, community, protocol, family_name="Canari")


def all_again(session, keys):
    @contextmanager
    def open_transaction():
        with transaction(session):
            yield session

    return resealing.seal_all_again(open_transaction, keys)


def test_what_an_old_key_sealed_opens_without_it_afterwards(session, asked):
    session.commit()
    sealed.use(Keys.read(f"{NEW},{OLD}"), SECRET)

    assert all_again(session, Keys.read(f"{NEW},{OLD}")) == 2

    sealed.use(Keys.read(NEW), SECRET)
    session.expire_all()
    assert session.scalars(select(CareRequest)).one().family_name == "Canari"
    assert session.scalars(select(Assessment)).one().answers == asked.answers


def test_done_twice_it_finds_nothing_the_second_time(session, asked):
    session.commit()
    keys = Keys.read(f"{NEW},{OLD}")
    sealed.use(keys, SECRET)

    assert [all_again(session, keys), all_again(session, keys)] == [2, 0]


def test_a_second_factor_goes_on_under_the_new_key(session, community):
    account = an_account(session, community, Role.OPERATOR)
    authenticators.begin(session, account, keys=Keys.read(OLD), now=NOON)
    before = authenticators.pending(session, account, keys=Keys.read(OLD))
    session.commit()

    assert all_again(session, Keys.read(f"{NEW},{OLD}")) == 1

    session.expire_all()
    assert authenticators.pending(session, account, keys=Keys.read(NEW)) == before
    assert session.scalars(select(Authenticator.secret)).one() is None


def test_without_the_key_that_is_needed_nothing_is_changed(session, asked):
    session.commit()
    before = session.execute(text("SELECT family_name FROM care_request")).scalar_one()
    sealed.use(Keys.read(NEW), SECRET)

    with pytest.raises(KeyUnknown):
        all_again(session, Keys.read(NEW))

    assert session.execute(text("SELECT family_name FROM care_request")).scalar_one() == before


def test_a_number_is_found_whatever_the_key(session, asked):
    kept = asked.phone_key
    sealed.use(Keys.read(f"{NEW},{OLD}"), SECRET)

    assert sealed.blind("phone", asked.phone) == kept
