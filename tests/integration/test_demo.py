"""The demonstration: believable, the same each time, never empty, and never among real patients."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from booking import accounts, clients, demo, protocols
from booking.demo import hours, seeding, territory
from booking.models import Account, Booking, CareRequest, RequestStatus, Role
from config.clock import PARIS, day_bounds, local_day
from config.settings import Settings
from notifications.models import OutboxMessage
from notifications.phones import parse
from schedules import nomenclature
from schedules.annuaire.file import has_right_key
from schedules.models import Commune, Enablement, Professional, ProfessionalSite, Site, Slot
from schedules.slots import SlotsOverlap
from tests.builders import LINKS

MORNING = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
"""Eight in the morning in Paris, a Tuesday."""


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


HOURS = {
    "a tuesday morning": MORNING,
    "a sunday": at("2026-11-22 10:07"),
    "late evening": at("2026-11-24 21:50"),
    "nearly midnight": at("2026-11-24 23:44"),
    "just after midnight": at("2026-11-25 00:01"),
    "the night the clocks go back": at("2026-10-25 02:30"),
    "the night the clocks go forward": at("2027-03-28 03:05"),
}


@pytest.fixture(scope="module")
def protocol():
    return protocols.in_force(MORNING.date())["fr"]


def seed(session, protocol, now=MORNING):
    return demo.seed(session, protocol=protocol, links=LINKS, now=now)


def free_on(session, day, after):
    begins, ends = day_bounds(day, PARIS)
    return session.scalars(
        select(Slot).where(
            Slot.starts_at >= max(begins, after), Slot.starts_at < ends, Slot.claimed_by.is_(None)
        )
    ).all()


def test_there_are_twelve_places_and_forty_people_of_many_professions(session, protocol):
    seed(session, protocol)

    assert session.scalar(select(func.count()).select_from(Site)) == 12
    people = session.scalars(select(Professional)).all()
    assert len(people) == 40
    assert len({p.profession for p in people}) >= 8
    assert session.scalar(select(func.count()).select_from(Commune)) == 8
    assert session.scalar(select(func.count()).select_from(ProfessionalSite)) == 41


def test_nobody_in_it_could_be_real(session, protocol):
    seed(session, protocol)

    people = session.scalars(select(Professional)).all()
    assert all(p.rpps.startswith("9990000") and has_right_key(p.rpps) for p in people)
    assert all(p.email.endswith(".example") for p in people)
    assert all(parse(s.phone).is_fictitious for s in session.scalars(select(Site)))
    asked = session.scalars(select(CareRequest)).all()
    assert all(parse(r.phone).is_fictitious for r in asked)
    assert all(r.email is None or r.email.endswith(".example") for r in asked)
    assert all(a.email.endswith(".example") for a in session.scalars(select(Account)))


@pytest.mark.parametrize("hour", HOURS)
def test_today_and_the_two_days_after_have_free_slots_whatever_the_hour(session, protocol, hour):
    now = HOURS[hour]

    seed(session, protocol, now)

    today = local_day(now, PARIS)
    for ahead in range(3):
        assert len(free_on(session, today + timedelta(days=ahead), now)) >= 20
    assert not session.scalars(select(Slot).where(Slot.starts_at <= now)).all()


def test_late_slots_end_at_midnight_at_the_latest(session, protocol):
    now = at("2026-11-24 23:44")

    seed(session, protocol, now)

    today = free_on(session, now.astimezone(PARIS).date(), now)
    assert {s.ends_at - s.starts_at for s in today} == {timedelta(minutes=5)}
    assert max(s.ends_at for s in today) == at("2026-11-25 00:00")


@pytest.mark.parametrize("hour", ["a tuesday morning", "late evening", "a sunday"])
def test_people_have_appointments_made_as_everybody_makes_them(session, protocol, hour):
    made = seed(session, protocol, HOURS[hour])

    assert made.bookings >= 6
    assert session.scalar(select(func.count()).select_from(Booking)) == made.bookings
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) >= made.bookings


def test_in_the_morning_everybody_who_asked_found_somebody(session, protocol):
    made = seed(session, protocol)

    assert made.bookings == 12
    by_status = Counter(r.status for r in session.scalars(select(CareRequest)))
    assert by_status == {RequestStatus.BOOKED: 12, RequestStatus.OPEN: 3}


def test_the_professional_who_signs_in_has_patients_today(session, protocol):
    seed(session, protocol)

    doctor = session.scalars(select(Account).where(Account.role == Role.PROFESSIONAL)).one()
    day = day_bounds(MORNING.date(), PARIS)
    taken = session.scalars(
        select(Slot).where(
            Slot.professional_id == doctor.professional_id,
            Slot.claimed_by.is_not(None),
            Slot.starts_at.between(*day),
        )
    ).all()
    assert len(taken) == 3


def test_somebody_waits_to_be_called_back(session, protocol):
    seed(session, protocol)

    waiting = session.scalars(
        select(CareRequest).where(CareRequest.call_back_asked_at.is_not(None))
    ).one()
    assert waiting.status is RequestStatus.OPEN
    assert waiting.deadline > MORNING


def test_everything_that_the_protocol_may_ask_for_is_offered_by_somebody(session, protocol):
    seed(session, protocol)

    routes = {route for complaint in protocol.complaints for route in complaint.routes}
    offered = set(session.scalars(select(Enablement.code)))
    offered |= {what for s in session.scalars(select(Site)) for what in s.equipment}
    asked_for = {r.requires for r in routes if r.requires} | {n for r in routes for n in r.needs}
    assert asked_for <= offered
    served = {p.discipline for p in session.scalars(select(Professional))}
    people = {d.code for d in nomenclature.disciplines().values() if d.profession}
    preferred = {c.routes[0].discipline for c in protocol.complaints}
    assert preferred & people <= served


def test_each_role_can_sign_in_with_the_password_that_was_told(session, protocol):
    made = seed(session, protocol)

    assert {a.role for a in made.accounts} == set(Role)
    for each in made.accounts:
        entered = accounts.sign_in(
            session,
            email=each.email,
            password=each.password,
            address="127.0.0.1",
            secret=b"s",
            now=MORNING,
        )
        assert accounts.who(session, entered.token, now=MORNING).role is each.role


def test_the_api_key_opens_the_demonstrations_community(session, protocol):
    made = seed(session, protocol)

    client = clients.client_of(session, made.api_key)
    assert client.community.slug == made.community


def test_passwords_are_new_each_time_and_the_rest_is_not(session, protocol):
    first = seed(session, protocol)
    whole = picture(session)
    session.rollback()

    second = seed(session, protocol)

    assert first.accounts[0].password != second.accounts[0].password
    assert first.api_key != second.api_key
    assert picture(session) == whole


def picture(session):
    return sorted(
        (s.starts_at, p.rpps, s.claimed_by is None)
        for s, p in session.execute(
            select(Slot, Professional).where(Slot.professional_id == Professional.id)
        )
    )


def test_it_is_made_once(session, protocol):
    seed(session, protocol)

    with pytest.raises(demo.AlreadySeeded):
        seed(session, protocol)


def test_real_patients_never_meet_invented_people():
    with pytest.raises(demo.NotInProduction):
        demo.refuse_in_production(Settings.model_construct(jourmeme_env="production"))

    demo.refuse_in_production(Settings())


def test_looking_again_the_same_hour_adds_nothing(session, protocol):
    seed(session, protocol)

    assert demo.replenish(session, seeding.the_community(session), now=MORNING) == 0


def test_two_days_later_there_are_slots_again(session, protocol):
    seed(session, protocol)
    later = at("2026-11-26 21:10")

    demo.replenish(session, seeding.the_community(session), now=later)

    for ahead in range(3):
        assert len(free_on(session, later.date() + timedelta(days=ahead), later)) >= 20


def test_slots_that_are_in_the_way_are_respected(session, protocol, monkeypatch):
    seed(session, protocol)

    def refuse(*_, **__):
        raise SlotsOverlap

    monkeypatch.setattr(hours.slots, "publish", refuse)
    later = MORNING + timedelta(days=5)

    assert demo.replenish(session, seeding.the_community(session), now=later) == 0


def test_what_is_written_for_people_has_an_address_a_key_and_five_accounts(session, protocol):
    told = demo.described(seed(session, protocol), "http://127.0.0.1:8000")

    assert set(told) == {"url", "community", "api_key", "accounts"}
    assert [set(a) for a in told["accounts"]] == [{"role", "email", "password"}] * 5


walls = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-01-01"))


@given(walls)
def test_the_next_quarter_is_after_now_and_at_most_fifteen_minutes_away(wall):
    quarter = hours.next_quarter(wall)

    assert timedelta() < quarter - wall <= timedelta(minutes=15)
    assert (quarter.minute % 15, quarter.second, quarter.microsecond) == (0, 0, 0)


def a_practice(minutes=15, morning=3, afternoon=3, rpps="99900000010"):
    return hours.Practice(
        SimpleNamespace(rpps=rpps, id=1),
        SimpleNamespace(id=1),
        territory.HoursDoc(minutes=minutes, morning=morning, afternoon=afternoon),
    )


@given(walls, st.sampled_from([15, 20, 30, 45]))
def test_more_slots_today_fit_between_the_next_quarter_and_midnight(wall, minutes):
    opening = hours.more_today(a_practice(minutes), wall)

    if opening is None:
        assert hours.next_quarter(wall).date() > wall.date()
        return
    begins = datetime.combine(opening.day, opening.starts)
    assert begins == hours.next_quarter(wall)
    midnight = datetime.combine(wall.date() + timedelta(days=1), datetime.min.time())
    assert begins + opening.count * opening.length <= midnight
    assert opening.count >= 2


@given(walls, st.sampled_from([15, 20, 30, 45]), st.integers(1, 8))
def test_what_is_left_of_an_opening_is_exactly_its_slots_to_come(wall, minutes, count):
    for opening in hours.openings(a_practice(minutes, count, count), wall.date()):
        begins = datetime.combine(opening.day, opening.starts)
        whole = [begins + i * opening.length for i in range(opening.count)]

        left = hours.what_is_left(opening, wall)

        kept = (
            []
            if left is None
            else [
                datetime.combine(left.day, left.starts) + i * left.length for i in range(left.count)
            ]
        )
        assert kept == [start for start in whole if start >= hours.next_quarter(wall)]


def test_the_zone_of_the_demonstration_exists():
    assert ZoneInfo(territory.written().community.zone)
