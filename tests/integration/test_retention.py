"""The clock moves, night after night: what is past its term is in no table, the skeleton stays."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from booking import privacy, retention
from booking.desk import quiet_accounts
from booking.models import Account, Booking, CareRequest, Invitation, Promise, Role, StaffSession
from booking.retention import TABLE, TERMS, Kind
from config.database import Base
from notifications.models import InboundMessage, Meaning, OutboxMessage
from schedules.models import Slot
from tests import builders
from tests.clockwork import NOON
from tests.integration.test_privacy import (
    ANSWERED,
    DAY,
    SLOT_ENDS,
    WHO,
    WRITTEN,
    a_booking_of,
    a_message,
    a_request_with_canaries,
    found,
)
from tests.staffing import an_account

SAID_BACK = "CanaryReply"


@pytest.fixture
def community(session):
    return builders.a_community(session)


@pytest.fixture
def booked(session, community):
    site = builders.a_site(session, community)
    doctor = builders.a_professional(session, community, site)
    asked = a_request_with_canaries(session, community)
    booking = a_booking_of(session, asked, builders.a_slot(session, professional=doctor, site=site))
    a_message(session, community, about=booking.reference)
    session.add(
        InboundMessage(
            community_id=community.id,
            provider_id="SMcanaryback",
            phone="+33639980077",
            text=SAID_BACK,
            meaning=Meaning.OTHER,
            came_at=NOON,
            needs_somebody=True,
        )
    )
    session.flush()
    return booking


def night(session, days):
    """Let the nights pass until so many days after the appointment."""
    while privacy.forget(session, now=SLOT_ENDS + days * DAY).total:
        session.expire_all()


SAID = (*ANSWERED, SAID_BACK)


@pytest.mark.parametrize(
    ("days", "gone", "stays"),
    [
        (6, (), (*ANSWERED, *WHO)),
        (8, SAID, WHO),
        (91, (*SAID, *WHO, *WRITTEN), ()),
        (731, (*SAID, *WHO, *WRITTEN), ()),
    ],
)
def test_canaries_are_gone_from_every_table_at_their_day(session, booked, days, gone, stays):
    assert set(found(session, (*SAID, *WHO, *WRITTEN))) == {*SAID, *WHO, *WRITTEN}

    night(session, days)

    assert found(session, gone) == []
    assert found(session, stays) == list(stays)


def test_the_skeleton_stays_after_two_years(session, booked):
    night(session, 731)

    for table in (CareRequest, Booking, Promise, Slot, OutboxMessage):
        assert len(session.scalars(select(table)).all()) == 1, table
    assert session.scalar(select(CareRequest.level)) is not None


def test_every_kind_has_one_term_of_a_day_or_more():
    assert set(TABLE) == set(Kind) == set(TERMS)
    assert all(term.kept >= timedelta(days=1) for term in TABLE.values())


@pytest.mark.parametrize(
    "said", ["ANSWERS", "ANSWERS=", "ANSWERS=8", "ANSWERS=0", "WHATEVER=1", "ACCOUNTS=20", "a=1"]
)
def test_a_setting_that_lengthens_a_term_or_says_nothing_is_refused(said):
    with pytest.raises(retention.TermsInvalid):
        retention.read(said)


def test_a_shorter_term_counts_and_the_others_stay(session, booked):
    terms = retention.read("ANSWERS=2, IDENTITY=30")

    assert terms | {Kind.ANSWERS: 7 * DAY, Kind.IDENTITY: 90 * DAY} == TERMS
    done = privacy.forget(session, now=SLOT_ENDS + 3 * DAY, terms=terms)
    assert (done.answers, done.identities) == (1, 0)
    assert privacy.forget(session, now=SLOT_ENDS + 30 * DAY, terms=terms).identities == 1


def test_invitations_that_were_used_go_and_those_that_wait_stay(session, community):
    account = an_account(session, community, Role.OPERATOR)
    for number, ended_at in enumerate((None, NOON, NOON + 2 * DAY)):
        session.add(
            Invitation(
                community_id=community.id,
                reference=uuid4(),
                account_id=account.id,
                token_hash=bytes([number]),
                created_at=NOON,
                expires_at=NOON + 7 * DAY,
                ended_at=ended_at,
            )
        )
    session.flush()

    assert privacy.forget(session, now=NOON + 90 * DAY).invitations == 1


@pytest.fixture
def account(session, community):
    return an_account(session, community, Role.OPERATOR)


def letters(session):
    return [each.subject for each in session.scalars(select(OutboxMessage))]


def test_an_account_that_nobody_uses_is_warned_once_and_closed_a_month_later(session, account):
    warned = NOON + 700 * DAY

    night_of(session, warned - DAY)
    assert letters(session) == []
    night_of(session, warned)
    night_of(session, warned + DAY)
    assert letters(session) == ["JourMême : votre compte ferme dans 30 jours"]
    night_of(session, warned + 29 * DAY)
    assert account.closed_at is None
    night_of(session, warned + 30 * DAY)

    assert account.closed_at == warned + 30 * DAY


def test_who_signs_in_after_the_letter_keeps_the_account(session, account):
    warned = NOON + 700 * DAY
    night_of(session, warned)
    session.add(
        StaffSession(
            community_id=account.community_id,
            account_id=account.id,
            token_hash=b"t",
            created_at=warned + 5 * DAY,
            last_seen_at=warned + 5 * DAY,
        )
    )
    session.flush()

    night_of(session, warned + 200 * DAY)

    assert account.closed_at is None
    assert account.last_seen_at == warned + 5 * DAY
    assert session.scalars(select(StaffSession)).all() == []
    assert quiet_accounts.close(session, kept=730 * DAY, now=warned + 600 * DAY) == 0


def night_of(session, now):
    privacy.forget(session, now=now)
    session.expire_all()


def test_an_account_is_not_closed_on_the_day_of_its_letter_though_the_worker_was_off(
    session, account
):
    night_of(session, NOON + 900 * DAY)
    assert account.closed_at is None
    night_of(session, NOON + 930 * DAY)
    assert account.closed_at is not None


def test_no_table_is_forgotten_by_this_test(session):
    """`found` reads every table of the catalogue: also those that no model describes."""
    there = set(
        session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    )

    assert there - {"alembic_version"} == set(Base.metadata.tables)
    assert session.scalars(select(Account)).all() == []
