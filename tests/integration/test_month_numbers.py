"""What a community reports of a month: numbers, never so small that they point to somebody."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from booking.desk import sample, statistics
from booking.desk.statistics import Ending
from booking.models import CareRequest, PromiseEnd, RequestStatus, Role
from booking.triage.protocol import Level
from tests import builders
from tests.clockwork import NOON
from tests.integration.test_privacy import a_request_with_canaries
from tests.staffing import an_account, signed_in, words

LAST_MONTH = NOON - timedelta(days=30)


@pytest.fixture
def community(session):
    return builders.a_community(session)


def asked(session, community, count):
    """Write so many requests of last month that were booked, and as many closed as 3."""
    for number in range(count + 3):
        status = RequestStatus.BOOKED if number < count else RequestStatus.DECLINED
        request = a_request_with_canaries(session, community, status=status)
        if status is RequestStatus.DECLINED:
            builders.a_promise(session, request, ended_at=NOON, ended_as=PromiseEnd.DECLINED)
    session.execute(update(CareRequest).values(created_at=LAST_MONTH))
    session.commit()


def test_a_month_is_counted_by_level_and_ending_and_small_numbers_are_hidden(session, community):
    asked(session, community, 12)
    month = sample.month_of(community, LAST_MONTH.date().replace(day=1))

    rows = statistics.of_month(session, month).by_level

    # Twelve and three end alike where no appointment is there: fifteen are shown.
    assert rows[Level.WITHIN_24H].cells[list(Ending).index(Ending.CLOSED)] == 15
    assert rows[Level.WITHIN_24H].total == 15
    assert rows[Level.CALL_15].total == 0


def test_the_page_shows_no_number_from_one_to_ten_and_no_running_month(
    app, hands, session, community
):
    asked(session, community, 1)
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()
    coordinator = signed_in(app, account)

    page = words(coordinator.get("/coordination/chiffres"))
    assert "masqué" in page
    assert "Chiffres de février 2027" in page
    assert "Chiffres de février 2027" in words(
        coordinator.get("/coordination/chiffres?mois=2027-03")
    )
    table = page.partition("Total")[2].partition("De 1 à 10")[0]
    assert not {str(n) for n in range(1, 11)} & set(table.replace("24 h", "").split())


def test_a_month_of_another_community_is_not_counted(session, community):
    asked(session, community, 12)
    far = builders.a_community(session)
    month = sample.month_of(far, LAST_MONTH.date().replace(day=1))

    rows = statistics.of_month(session, month).by_level

    assert {row.total for row in rows.values()} == {0}
