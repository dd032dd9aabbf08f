"""What the worker does with reserved time: slots ahead, for everybody, and nothing twice."""

from datetime import date, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from booking import worker
from config.database import engine_options, transaction
from schedules import making, reserving, slots
from schedules.models import Community, Opening, Professional, Site, Slot
from schedules.plans import EVERY_DAY, Plan
from tests.builders import LINKS, a_community, a_professional, a_site
from tests.clockwork import NOON
from tests.conftest import address_of

SOMEBODY = UUID(int=1)
PLAN = Plan(
    starts_on=date(2027, 3, 28),
    ends_on=None,
    weekdays=EVERY_DAY,
    from_time=time(9),
    until_time=time(10),
    slot_minutes=20,
    on_public_holidays=True,
)


@pytest.fixture
def bench(engine, hands):
    options = engine_options(lambda: address_of(engine), pool_size=3)
    own = create_engine("postgresql+psycopg://", **options)
    leader = worker.Leader(own)
    yield worker.Bench(own, leader, hands, {}, None, LINKS)
    leader.resign()
    own.dispose()


def a_practice(session: Session) -> tuple[Community, Professional, Site]:
    community = a_community(session)
    site = a_site(session, community)
    return community, a_professional(session, community, site), site


def reserve(session: Session, practice) -> UUID:
    return reserving.reserve(session, *practice, PLAN, by=None, now=NOON).subject


def live(engine, community: Community) -> int:
    with Session(engine) as session:
        return session.scalar(
            select(func.count(Slot.id)).where(
                Slot.community_id == community.id, Slot.withdrawn_at.is_(None)
            )
        )


def job() -> worker.Job:
    return next(each for each in worker.JOBS if each.name == "make_slots")


def test_the_leader_makes_a_day_more_every_day_and_nothing_twice(engine, session, bench, hands):
    with transaction(session):
        practices = [a_practice(session) for _ in range(2)]
        for practice in practices:
            reserve(session, practice)
    assert [live(engine, p[0]) for p in practices] == [42, 42]

    hands.wait(timedelta(days=1))
    for _ in range(2):
        worker.once(job(), bench)

        assert [live(engine, p[0]) for p in practices] == [45, 45]


def test_a_worker_that_does_not_lead_makes_nothing(engine, session, bench, hands):
    with transaction(session):
        practice = a_practice(session)
        reserve(session, practice)
    other = create_engine(engine.url)
    leader = worker.Leader(other)
    assert leader.leads()
    hands.wait(timedelta(days=1))

    worker.once(job(), bench)
    leader.resign()
    other.dispose()

    assert live(engine, practice[0]) == 42


def test_what_one_community_did_wrong_is_only_its_own(engine, session, bench, hands, monkeypatch):
    with transaction(session):
        wrong, right = a_practice(session), a_practice(session)
        for practice in (wrong, right):
            reserve(session, practice)
        session.get_one(Community, wrong[0].id).ladder = [{"to": "NOBODY"}]
    said = []
    monkeypatch.setattr(worker.logs, "event", lambda name, **more: said.append((name, more)))

    hands.wait(timedelta(days=1))
    worker.once(job(), bench)

    assert (live(engine, wrong[0]), live(engine, right[0])) == (42, 45)
    assert [name for name, _ in said if name != "worker_leads"] == ["slots_not_made", "slots_made"]
    assert dict(said)["slots_not_made"]["community"] == wrong[0].reference


def test_what_somebody_let_go_of_after_its_opening_ended_is_withdrawn(
    engine, session, bench, hands
):
    with transaction(session):
        practice = a_practice(session)
        opening = reserve(session, practice)
        held = session.scalars(select(Slot).order_by(Slot.starts_at).limit(1)).one()
        slots.hold(session, practice[0].id, held.reference, asker=SOMEBODY, now=NOON)
        row = session.scalars(select(Opening).where(Opening.reference == opening)).one()
        reserving.end(session, practice[0], row, by=None, now=NOON)
    worker.once(job(), bench)
    assert live(engine, practice[0]) == 1

    hands.wait(slots.HOLD + timedelta(seconds=1))
    worker.once(job(), bench)

    assert live(engine, practice[0]) == 0


def test_when_nothing_is_due_the_job_asks_two_questions_and_writes_nothing(
    session, bench, monkeypatch
):
    with transaction(session):
        reserve(session, a_practice(session))
    monkeypatch.setattr(making, "make", None)

    worker.once(job(), bench)
    worker.make_slots(bench)
