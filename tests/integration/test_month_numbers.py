"""What a community reports of a month: numbers, never so small that they point to somebody."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from booking.desk import sample, statistics
from booking.desk.masking import Row
from booking.models import BookingStatus, CareRequest, PromiseEnd, RequestStatus, Role
from booking.triage.protocol import Level
from tests import builders
from tests.clockwork import NOON
from tests.integration.test_privacy import a_booking_of, a_request_with_canaries
from tests.staffing import an_account, signed_in, words

LAST_MONTH = NOON - timedelta(days=30)


@pytest.fixture
def community(session):
    return builders.a_community(session)


def asked(session, community, count):
    """Write so many requests of last month that were closed."""
    for _ in range(count):
        a_request_with_canaries(session, community, status=RequestStatus.DECLINED)
    session.execute(update(CareRequest).values(created_at=LAST_MONTH))
    session.commit()


def of_last_month(session, community):
    month = sample.month_of(community, LAST_MONTH.date().replace(day=1))
    return statistics.of_month(session, month).by_level


def test_a_month_is_counted_by_level_and_ending(session, community):
    asked(session, community, 12)

    rows = of_last_month(session, community)

    assert rows[Level.WITHIN_24H] == Row((0, 0, 0, 12, 0), 12)
    assert rows[Level.CALL_15] == Row((0, 0, 0, 0, 0), 0)


def test_small_numbers_are_hidden(session, community):
    asked(session, community, 10)

    assert of_last_month(session, community)[Level.WITHIN_24H] == Row((0, 0, 0, None, 0), None)


def test_each_request_has_one_ending(session, community, monkeypatch):
    monkeypatch.setattr(statistics, "masked", lambda counts: Row(tuple(counts), sum(counts)))
    site = builders.a_site(session, community)
    doctor = builders.a_professional(session, community, site)
    for number, status in enumerate(
        (BookingStatus.HONOURED, BookingStatus.CONFIRMED, BookingStatus.NO_SHOW)
    ):
        starts_at = NOON + timedelta(hours=number + 1)
        slot = builders.a_slot(session, professional=doctor, site=site, starts_at=starts_at)
        a_booking_of(session, a_request_with_canaries(session, community), slot, status=status)
    handed = a_request_with_canaries(session, community, status=RequestStatus.DECLINED)
    builders.a_promise(
        session, handed, ended_at=NOON, ended_as=PromiseEnd.HANDED_OVER, reason="sas"
    )
    asked(session, community, 1)

    assert of_last_month(session, community)[Level.WITHIN_24H].cells == (2, 1, 1, 1, 0)


def test_the_page_shows_no_number_from_one_to_ten_and_no_running_month(
    app, hands, session, community
):
    asked(session, community, 1)
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()
    coordinator = signed_in(app, account)

    page = words(coordinator.get("/coordination/chiffres"))
    assert "masqué" in page
    assert "Chiffres : février 2027" in page
    assert "Chiffres : février 2027" in words(
        coordinator.get("/coordination/chiffres?mois=2027-03")
    )
    table = page.partition("Total")[2].partition("De 1 à 10")[0]
    assert not {str(n) for n in range(1, 11)} & set(table.replace("24 h", "").split())


def test_a_month_of_another_community_is_not_counted(session, community):
    asked(session, community, 12)
    far = builders.a_community(session)

    assert {row.total for row in of_last_month(session, far).values()} == {0}
