"""Professionals' own calendars: what they close, open and contradict, and what they never touch."""

import socket
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.desk import calendars, change, contradicted
from booking.desk.board import Scope
from booking.models import Booking, CancelledBy
from config.database import transaction
from schedules import search, slots
from schedules.calendars import keeping, rounds
from schedules.calendars.guard import Failure
from schedules.calendars.reading import Failed, Read, Reader, Unchanged
from schedules.calendars.said import Written
from schedules.models import (
    BusyCalendar,
    BusyTime,
    CalendarOpening,
    Community,
    Professional,
    Site,
    Slot,
    Visibility,
)
from schedules.search import Wanted
from tests import builders
from tests.builders import a_booking, a_community, a_professional, a_site, a_slot, slot_of
from tests.calendar_server import radicale
from tests.clockwork import NOON

SOMEBODY = uuid4()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community)


@pytest.fixture
def doctor(session, community, site):
    return a_professional(session, community, site)


@pytest.fixture
def given(session, doctor, site):
    """A calendar that was given an hour ago and has just been found empty."""
    calendar = keeping.begin(
        session, doctor, site, "https://calendar.example/secret", by=None, now=NOON - HOUR
    )
    learn(session, calendar, says())
    return calendar


def practice(session, calendar):
    """The community, the professional and the site of a calendar."""
    return (
        session.get_one(Community, calendar.community_id),
        session.get_one(Professional, (calendar.community_id, calendar.professional_id)),
        session.get_one(Site, (calendar.community_id, calendar.site_id)),
    )


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def says(*busy, openings=(), until=timedelta(days=15)) -> Read:
    spans = tuple((at(a), at(b)) for a, b in busy)
    return Read(spans, tuple(openings), len(spans), 0, NOON + until, '"1"', None)


def snp(start, end, minutes=20, most=24) -> Written:
    return Written(at(start), at(end), minutes, most)


def learn(session, calendar, outcome, now=NOON):
    order = keeping.order_of(calendar, "Europe/Paris", now=now)
    applied = keeping.apply(session, order, outcome, now=now)
    session.flush()
    return applied


def slot_at(session, doctor, site, hours, minutes=20):
    return a_slot(session, professional=doctor, site=site, starts_at=at(hours), minutes=minutes)


def is_offered(session, slot, asker=SOMEBODY, now=NOON) -> bool:
    found = search.free(
        session, slot.community_id, [Wanted("MG")], asker=asker, visible_to=[Visibility.CPTS],
        after=now, until=now + timedelta(days=20), each=99, now=now,
    )  # fmt: skip
    return slot.reference in {each.reference for each in found}


def live(session, doctor, **but) -> list[float]:
    rows = session.scalars(
        select(Slot.starts_at)
        .where(Slot.professional_id == doctor.id, Slot.withdrawn_at.is_(None))
        .order_by(Slot.starts_at)
    )
    return [round((row - NOON).total_seconds() / 3600, 2) for row in rows]


def test_busy_times_close_what_overlaps_and_only_that(session, doctor, site, given):
    before, within, touching = (slot_at(session, doctor, site, h) for h in (1, 2, 3))

    applied = learn(session, given, says((2, 3)))

    assert applied.closed == 1
    assert [is_offered(session, s) for s in (before, within, touching)] == [True, False, True]


def test_what_is_not_busy_any_more_is_open_again(session, doctor, site, given):
    slot = slot_at(session, doctor, site, 2)
    learn(session, given, says((2, 3)))

    learn(session, given, says((4, 5)), now=NOON + MINUTE)

    assert is_offered(session, slot)
    assert session.scalar(select(func.count()).select_from(BusyTime)) == 1


def test_another_professionals_slots_stay_open(session, community, site, given):
    other = a_professional(session, community, site)
    slot = slot_at(session, other, site, 2)

    learn(session, given, says((2, 3)))

    assert is_offered(session, slot)


def test_two_calendars_of_one_professional_both_count(session, doctor, site, given):
    slot = slot_at(session, doctor, site, 2)
    second = keeping.begin(session, doctor, site, "https://b.example/", by=None, now=NOON)
    learn(session, given, says((2, 3)))
    learn(session, second, says((2, 3)))

    learn(session, given, says(), now=NOON + MINUTE)
    assert not is_offered(session, slot)
    learn(session, second, says(), now=NOON + MINUTE)
    assert is_offered(session, slot)


def test_who_holds_a_slot_that_closes_may_still_book_it_until_the_hold_ends(
    session, doctor, site, given
):
    slot = slot_at(session, doctor, site, 2)
    slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=NOON)
    learn(session, given, says((2, 3)))

    def claimed(asker, now):
        return session.execute(
            slots.claiming(slot.community_id, slot.reference, asker=asker, now=now)
        ).rowcount

    assert not is_offered(session, slot, asker=uuid4())
    assert claimed(uuid4(), NOON + MINUTE) == 0
    assert claimed(SOMEBODY, NOON + slots.HOLD) == 0
    assert claimed(SOMEBODY, NOON + MINUTE) == 1


def test_a_claimed_slot_is_never_touched_and_becomes_a_conflict(session, given, protocol):
    community, doctor, site = practice(session, given)
    slot = slot_at(session, doctor, site, 2)
    booked = a_booking(session, community, protocol, slot)
    scope = Scope(community.id, professional_id=doctor.id)
    assert calendars.conflicts(session, scope, now=NOON) == []

    learn(session, given, says((2, 3)))

    after = slot_of(session, slot.reference)
    assert (after.claimed_by is not None, after.withdrawn_at, after.busy_since) == (
        True,
        None,
        None,
    )
    [conflict] = calendars.conflicts(session, scope, now=NOON)
    assert conflict.booking == booked.reference
    contradicted.keep(session, scope, slot.reference, now=NOON)
    assert calendars.conflicts(session, scope, now=NOON) == []


def test_nobody_sees_or_keeps_the_conflicts_of_others(session, given, protocol):
    community, doctor, site = practice(session, given)
    slot = slot_at(session, doctor, site, 2)
    a_booking(session, community, protocol, slot)
    learn(session, given, says((2, 3)))

    for scope in (
        Scope(community.id, professional_id=a_professional(session, community, site).id),
        Scope(community.id, site_ids=(a_site(session, community).id,)),
        Scope(a_community(session).id, professional_id=doctor.id),
        Scope(community.id),
    ):
        assert calendars.conflicts(session, scope, now=NOON) == []
        with pytest.raises(calendars.NotTheirs):
            contradicted.keep(session, scope, slot.reference, now=NOON)


def test_a_cancelled_appointment_in_busy_time_is_not_offered_again(session, given, protocol):
    community, doctor, site = practice(session, given)
    slot = slot_at(session, doctor, site, 2)
    a_booking(session, community, protocol, slot)
    learn(session, given, says((2, 3)))
    contradicted.keep(session, Scope(community.id, doctor.id), slot.reference, now=NOON)

    the_patient_cancels(session, community)

    assert not is_offered(session, slot)
    assert slot_of(session, slot.reference).conflict_kept_at is None


def the_patient_cancels(session, community):
    booking = session.scalars(select(Booking)).one()
    change.cancel(
        session,
        change.by_reference(session, community.id, booking.reference),
        cancelled_by=CancelledBy.PATIENT,
        by="PATIENT",
        links=builders.LINKS,
        now=NOON,
    )


def test_what_a_stopped_calendar_opened_goes_once_its_appointment_is_cancelled(
    session, given, protocol
):
    community, doctor, _ = practice(session, given)
    learn(session, given, says(openings=[snp(2, 2.5, minutes=30)]))
    a_booking(session, community, protocol, session.scalars(select(Slot)).one())
    keeping.end(session, given, now=NOON)
    assert live(session, doctor) == [2]

    the_patient_cancels(session, community)

    assert live(session, doctor) == []


def test_a_failure_leaves_slots_as_they_were_and_is_tried_again_ever_later(
    session, doctor, site, given
):
    free, closed = slot_at(session, doctor, site, 1), slot_at(session, doctor, site, 2)
    learn(session, given, says((2, 3)))

    waits = []
    for minutes in (5, 20, 50, 100):
        learn(session, given, Failed(Failure.UNREACHABLE), now=NOON + minutes * MINUTE)
        waits.append((given.next_try_at - NOON) / MINUTE - minutes)

    assert waits == [5, 20, 30, 20]  # the last one: not past the two hours
    assert given.failure == "UNREACHABLE"
    assert given.read_at == NOON
    assert is_offered(session, free)
    assert not is_offered(session, closed)


def test_unreadable_for_two_hours_nothing_is_offered_until_the_next_good_reading(
    session, doctor, site, given
):
    slot = slot_at(session, doctor, site, 5)
    almost, over = NOON + 2 * HOUR - MINUTE, NOON + 2 * HOUR

    learn(session, given, Failed(Failure.GONE), now=almost)
    assert is_offered(session, slot, now=almost)
    learn(session, given, Failed(Failure.GONE), now=over)
    assert not is_offered(session, slot, now=over)
    learn(session, given, Unchanged(), now=over + MINUTE)
    assert is_offered(session, slot, now=over + MINUTE)
    assert given.failure is None


def test_its_owner_may_want_slots_offered_all_the_same(session, doctor, site, given):
    slot = slot_at(session, doctor, site, 5)
    over = NOON + 3 * HOUR
    learn(session, given, Failed(Failure.GONE), now=over)
    assert not is_offered(session, slot, now=over)

    keeping.trust(session, given, always=True, now=over)
    assert is_offered(session, slot, now=over)
    keeping.trust(session, given, always=False, now=over)
    assert not is_offered(session, slot, now=over)


def test_snp_opens_slots_once_and_takes_back_only_free_ones(session, given, protocol):
    community, doctor, site = practice(session, given)
    learn(session, given, says(openings=[snp(2, 3)]))
    assert live(session, doctor) == [2, 2.33, 2.67]
    made = session.scalars(select(Slot).order_by(Slot.starts_at)).all()
    assert {slot.calendar_id for slot in made} == {given.id}
    assert {slot.site_id for slot in made} == {site.id}
    a_booking(session, community, protocol, made[1])
    # Taken back by hand: it does not come again.
    slots.withdraw(session, community.id, made[0].reference, professionals=[doctor.id], now=NOON)

    learn(session, given, says(openings=[snp(2, 3)]), now=NOON + MINUTE)
    assert live(session, doctor) == [2.33, 2.67]
    learn(session, given, says(), now=NOON + 2 * MINUTE)

    assert live(session, doctor) == [2.33]
    scope = Scope(community.id, doctor.id)
    assert [c.slot for c in calendars.conflicts(session, scope, now=NOON)] == [made[1].reference]


def test_a_booked_snp_slot_is_no_conflict_while_the_event_still_covers_it(session, given, protocol):
    community, doctor, _ = practice(session, given)
    learn(session, given, says(openings=[snp(2, 3)]))
    first = session.scalars(select(Slot).order_by(Slot.starts_at)).first()
    a_booking(session, community, protocol, first)

    learn(session, given, says(openings=[snp(2, 2.5, minutes=15)]), now=NOON + MINUTE)

    assert calendars.conflicts(session, Scope(community.id, doctor.id), now=NOON) == []
    # 2:00–2:20 is booked; a quarter from 2:15 would overlap it.
    assert live(session, doctor) == [2]


def test_snp_slots_that_somebody_holds_go_once_the_hold_has_ended(session, doctor, site, given):
    learn(session, given, says(openings=[snp(2, 2.5, minutes=30)]))
    slot = session.scalars(select(Slot)).one()
    slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=NOON)

    learn(session, given, says(), now=NOON + MINUTE)
    assert live(session, doctor) == [2]
    learn(session, given, Unchanged(), now=NOON + 6 * MINUTE)
    assert live(session, doctor) == []


def test_snp_makes_nothing_where_something_is_offered_or_in_the_past(session, doctor, site, given):
    slot_at(session, doctor, site, 2)

    learn(session, given, says(openings=[snp(-0.5, 0.5), snp(2, 3)]))

    assert live(session, doctor) == [0.17, 2, 2.33, 2.67]


def test_busy_time_within_snp_closes_those_slots(session, doctor, site, given):
    learn(session, given, says((2, 2.3), openings=[snp(2, 3)]))

    found = session.scalars(select(Slot).order_by(Slot.starts_at)).all()
    assert [is_offered(session, slot) for slot in found] == [False, True, True]


def test_a_stopped_calendar_is_forgotten_and_closes_nothing(session, doctor, site, given):
    slot = slot_at(session, doctor, site, 2)
    learn(session, given, says((2, 3), openings=[snp(4, 5)]))

    keeping.end(session, given, now=NOON)

    assert given.url == ""
    assert is_offered(session, slot)
    assert live(session, doctor) == [2]
    for table in (BusyTime, CalendarOpening):
        assert session.scalar(select(func.count()).select_from(table)) == 0
    assert learn(session, given, says((2, 3))) is None


def test_a_reading_that_began_earlier_does_not_undo_a_later_one(session, doctor, site, given):
    slot = slot_at(session, doctor, site, 2)
    early = keeping.order_of(given, "Europe/Paris", now=NOON)
    learn(session, given, says((2, 3)), now=NOON + MINUTE)

    assert keeping.apply(session, early, says(), now=NOON + 2 * MINUTE) is None
    assert not is_offered(session, slot)


def test_due_are_those_whose_time_has_come_and_nobody_gets_them_twice(session, given):
    session.commit()
    assert keeping.due(session, now=NOON, most=9) == []
    later = NOON + keeping.EVERY

    [order] = keeping.due(session, now=later, most=9)

    assert (order.url, order.etag, order.zone_name) == (given.url, '"1"', "Europe/Paris")
    assert keeping.due(session, now=later, most=9) == []


def test_an_unchanged_calendar_is_read_whole_when_its_known_days_become_fewer(session, given):
    [fresh] = keeping.due(session, now=NOON + 23 * HOUR, most=9)
    [older] = keeping.due(session, now=NOON + 25 * HOUR, most=9)

    assert (fresh.etag, older.etag) == ('"1"', None)


def test_before_booking_only_what_is_older_than_a_quarter_of_an_hour_is_read(
    session, doctor, site, given
):
    slot = slot_at(session, doctor, site, 2)

    def orders(minutes):
        return len(keeping.old(session, slot.reference, now=NOON + minutes * MINUTE))

    assert [orders(m) for m in (14, 15, 15.5, 17)] == [0, 1, 0, 1]
    assert keeping.old(session, uuid4(), now=NOON + HOUR) == []


def test_a_round_reads_what_is_due_and_no_connection_is_held_meanwhile(database, session, given):
    given.next_try_at = NOON
    second = keeping.begin(
        session, *practice(session, given)[1:], "https://b.example/", by=None, now=NOON
    )
    session.commit()
    heard = []

    def open_transaction():
        return transaction(Session(database, expire_on_commit=False))

    def read(order):
        heard.append(order.url)
        return Failed(Failure.GONE) if "b.example" in order.url else says((2, 3))

    done = rounds.read_due(open_transaction, read, clock=lambda: NOON)

    assert done == (2, 1)
    assert len(heard) == 2
    session.expire_all()
    assert session.get(BusyCalendar, (second.community_id, second.id)).failure == "GONE"
    assert session.scalar(select(func.count()).select_from(BusyTime)) == 1


def test_a_real_calendar_server_changes_under_us(session, doctor, site, tmp_path, unused_port):
    """Radicale: an event comes, moves, repeats, goes; `#SNP` opens and is taken away."""
    slot = slot_at(session, doctor, site, 2)
    reader = Reader("localhost", may_be_local=True)
    when = NOON

    with radicale(tmp_path, unused_port) as server:
        calendar = keeping.begin(session, doctor, site, server.url, by=None, now=NOON)

        def polled():
            nonlocal when
            when += keeping.EVERY
            order = keeping.order_of(calendar, "Europe/Paris", now=when)
            applied = keeping.apply(session, order, reader.read(order), now=when)
            assert calendar.failure is None
            return applied

        polled()
        assert is_offered(session, slot)
        server.put("one", "DTSTART:20270327T130000Z", "DTEND:20270327T133000Z", "SUMMARY:Morel")
        polled()
        assert not is_offered(session, slot)
        server.put("one", "DTSTART:20270327T150000Z", "DTEND:20270327T153000Z", "SUMMARY:Morel")
        polled()
        assert is_offered(session, slot)
        server.put(
            "weekly",
            "DTSTART;TZID=Europe/Paris:20270313T140000",
            "DURATION:PT1H",
            "RRULE:FREQ=WEEKLY",
        )
        polled()
        assert not is_offered(session, slot)
        server.remove("weekly")
        server.put("snp", "DTSTART:20270327T170000Z", "DTEND:20270327T180000Z", "SUMMARY:#SNP 2x30")
        polled()
        assert live(session, doctor) == [2, 6, 6.5]
        server.remove("snp")
        polled()
        assert live(session, doctor) == [2]

    order = keeping.order_of(calendar, "Europe/Paris", now=when)
    assert reader.read(order) == Failed(Failure.UNREACHABLE)


@pytest.fixture
def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
