"""Reserved time in any order of events: nobody is moved, nothing overlaps, nothing is offered
that nobody reserved."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config.clock import PARIS, local_day
from schedules import making, reserving, settling, slots, undo
from schedules.models import Absence, Act, ActKind, Opening, OpeningSkip, Slot
from schedules.openings import OpeningRefused
from schedules.plans import EVERY_DAY, Away, Plan
from tests.builders import a_community, a_professional, a_site
from tests.clockwork import NOON

ME, STRANGER = UUID(int=7), UUID(int=8)
ASKERS = st.sampled_from([UUID(int=n) for n in range(1, 6)])
EASTER_MONDAY, LABOUR_DAY = date(2027, 3, 29), date(2027, 5, 1)
FIRST_DAY = local_day(NOON, PARIS)

QUARTERS = st.integers(8 * 4, 12 * 4).map(lambda n: time(n // 4, n % 4 * 15))
HOURS = st.tuples(QUARTERS, QUARTERS).filter(lambda h: h[0] < h[1])
WEEKDAYS = st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True)

NEAR = st.integers(0, 8)
"""Which of the next slots: few, so that what happens, happens to the same."""


@st.composite
def plans(draw):
    from_time, until_time = draw(HOURS)
    starts_on = FIRST_DAY + timedelta(days=draw(st.integers(0, 3)))
    lasts = draw(st.none() | st.integers(0, 9))
    return Plan(
        starts_on=starts_on,
        ends_on=None if lasts is None else starts_on + timedelta(days=lasts),
        weekdays=draw(WEEKDAYS | st.just(EVERY_DAY)),
        every_weeks=draw(st.integers(1, 2)),
        from_time=from_time,
        until_time=until_time,
        slot_minutes=draw(st.sampled_from([15, 20, 30, 60])),
        pause_minutes=draw(st.sampled_from([0, 0, 5, 30])),
        most_slots=draw(st.none() | st.integers(1, 3)),
        on_public_holidays=draw(st.booleans()),
    )


@st.composite
def absences(draw):
    starts_on = FIRST_DAY + timedelta(days=draw(st.integers(0, 3)))
    lasts = draw(st.none() | st.integers(0, 3))
    from_time, until_time = draw(st.just((None, None)) | HOURS)
    return Away(
        starts_on=starts_on,
        ends_on=None if lasts is None else starts_on + timedelta(days=lasts),
        weekdays=draw(WEEKDAYS | st.just(EVERY_DAY)),
        every_weeks=draw(st.integers(1, 2)),
        from_time=from_time,
        until_time=until_time,
    )


def happens(row, day: date) -> bool:
    """Say on which days a row happens, in other words than the product does."""
    if day < row.starts_on or (row.ends_on and day > row.ends_on):
        return False
    if day.isoweekday() not in row.weekdays:
        return False
    (year, week), (its_year, its_week) = day.isocalendar()[:2], row.starts_on.isocalendar()[:2]
    assert year == its_year  # all of this happens in 2027
    return (week - its_week) % row.every_weeks == 0


def wall(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, tzinfo=PARIS)


def meets(one, other) -> bool:
    return one[0] < other[1] and other[0] < one[1]


class Diary(RuleBasedStateMachine):
    """One doctor, everything that may be done to their time, and patients in between."""

    engine: Engine
    openings = Bundle("openings")
    away = Bundle("away")
    acts = Bundle("acts")

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine)
        self.community = a_community(self.session)
        self.site = a_site(self.session, self.community)
        self.doctor = a_professional(self.session, self.community, self.site)
        self.now = NOON
        self.claimed: dict[UUID, tuple[UUID, datetime, datetime]] = {}
        self.clock = 0
        self.opened: dict[UUID, int] = {}
        self.absent_since: dict[UUID, int] = {}

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def rows(self) -> list[Slot]:
        return list(
            self.session.scalars(
                select(Slot)
                .where(Slot.community_id == self.community.id)
                .order_by(Slot.starts_at, Slot.id)
                .execution_options(populate_existing=True)
            )
        )

    def row(self, table, reference):
        return self.session.scalars(select(table).where(table.reference == reference)).one()

    def slot(self, number: int) -> Slot | None:
        """Return one of those that have not begun, by a number that hypothesis draws."""
        live = [s for s in self.rows() if s.withdrawn_at is None and s.starts_at > self.now]
        return live[number % len(live)] if live else None

    def tried(self, deed, *args):
        """Do it, or be refused; either way return what may be undone."""
        try:
            return deed(self.session, self.community, *args, by=ME, now=self.now)
        except OpeningRefused:
            return None

    # What a professional does

    @initialize(target=openings)
    def begin(self):
        """Begin with something to lose: four slots a day, from tomorrow on."""
        usual = Plan(
            starts_on=FIRST_DAY + timedelta(days=1),
            ends_on=None,
            weekdays=EVERY_DAY,
            from_time=time(9),
            until_time=time(10),
            slot_minutes=15,
        )
        done = self.tried(reserving.reserve, self.doctor, self.site, usual)
        return done.subject, done.act

    @rule(target=openings, plan=plans())
    def reserve(self, plan):
        done = self.tried(reserving.reserve, self.doctor, self.site, plan)
        return done and (done.subject, done.act)

    @rule(target=openings, opening=openings, plan=plans())
    def change(self, opening, plan):
        if opening is None:
            return None
        done = self.tried(reserving.change, self.row(Opening, opening[0]), self.site, plan)
        return done and (done.subject, done.act)

    @rule(target=acts, opening=openings)
    def end(self, opening):
        return opening and self.tried(reserving.end, self.row(Opening, opening[0]))

    @rule(target=acts, opening=openings, days=st.integers(0, 3))
    def skip(self, opening, days):
        if opening is None:
            return None
        day = local_day(self.now, PARIS) + timedelta(days=days)
        return self.tried(reserving.skip, self.row(Opening, opening[0]), day)

    @rule(target=away, when=absences())
    def be_absent(self, when):
        done = self.tried(reserving.absent, self.doctor, when)
        if done:
            self.absent_since[done.subject] = self.tick()
        return done and (done.subject, done.act)

    @rule(target=acts, absence=away)
    def come_back(self, absence):
        return absence and self.tried(reserving.end_absence, self.row(Absence, absence[0]))

    @rule(target=acts, hour=QUARTERS, days=st.integers(0, 3), minutes=st.sampled_from([15, 40]))
    def publish(self, hour, days, minutes):
        start = wall(local_day(self.now, PARIS) + timedelta(days=days), hour)
        if start <= self.now:
            return None
        times = [(start, start + timedelta(minutes=minutes))]
        try:
            made = slots.publish(self.session, self.doctor, self.site, times)
        except slots.SlotsOverlap:
            return None
        self.opened[made[0]] = self.tick()
        return self.noted(ActKind.PUBLISHED, made)

    @rule(target=acts, number=NEAR)
    def withdraw(self, number):
        if (slot := self.slot(number)) is None:
            return None
        try:
            slots.withdraw(
                self.session,
                self.community.id,
                slot.reference,
                professionals=[self.doctor.id],
                now=self.now,
            )
        except slots.SlotTaken:
            return None
        return self.noted(ActKind.WITHDRAWN, [slot.reference])

    def noted(self, kind, references):
        return undo.note(
            self.session, self.community.id, self.doctor.id, kind, references, by=ME, now=self.now
        )

    @rule(act=consumes(acts) | openings | away)
    def take_back(self, act):
        if act is None:
            return
        reference = act[1] if isinstance(act, tuple) else getattr(act, "act", act)
        row = self.row(Act, reference)
        try:
            undo.undo(self.session, self.community, row, now=self.now)
        except undo.CannotUndo:
            return
        if row.kind is ActKind.ABSENCE_ENDED:
            self.absent_since[UUID(row.touched["absence"])] = self.tick()

    # What patients do, and time

    @rule(number=NEAR, asker=ASKERS)
    def hold(self, number, asker):
        slot = self.slot(number)
        if slot is not None and self.is_open(slot, asker):
            slots.hold(self.session, self.community.id, slot.reference, asker=asker, now=self.now)

    @rule(number=NEAR)
    def claim(self, number):
        slot, asker = self.slot(number), uuid4()
        if slot is None:
            return
        asker = slot.held_by or asker
        taken = slots.claiming(self.community.id, slot.reference, asker=asker, now=self.now)
        if self.session.scalar(taken.returning(Slot.id)) is not None:
            self.claimed[slot.reference] = (asker, slot.starts_at, slot.ends_at)

    @rule(number=NEAR)
    def release(self, number):
        if not self.claimed:
            return
        reference = list(self.claimed)[number % len(self.claimed)]
        slot = self.row(Slot, reference)
        asker = self.claimed.pop(reference)[0]
        slots.release(self.session, self.community.id, slot.id, asker=asker)

    @rule(minutes=st.integers(1, 12))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(hours=st.integers(1, 40))
    def let_a_night_pass(self, hours):
        self.now += timedelta(hours=hours)
        until = local_day(self.now, PARIS) + making.AHEAD
        while making.make(self.session, self.community, until, now=self.now).openings:
            pass

    @rule()
    def settle(self):
        """All that is wanted is there, unless something is in its place or it was taken back."""
        settling.settle(self.session, self.community, self.doctor.id, now=self.now)
        rows = self.rows()
        live = [(s.starts_at, s.ends_at) for s in rows if s.withdrawn_at is None]
        taken_back = {
            (s.opening_id, s.starts_at)
            for s in rows
            if s.withdrawn_at is not None and s.set_aside_since is None
        }
        for opening, moment in self.wanted():
            assert (opening.id, moment[0]) in taken_back or any(meets(moment, t) for t in live)
        again = settling.settle(self.session, self.community, self.doctor.id, now=self.now)
        assert (again.made, again.back, again.withdrawn, again.conflicts) == ((), (), (), ())

    # What is always true

    def is_open(self, slot: Slot, asker: UUID = STRANGER) -> bool:
        which = select(Slot.id).where(Slot.id == slot.id, slots.is_open_to(asker, self.now))
        return self.session.scalar(which) is not None

    def times_away(self, absence: Absence) -> Iterator[tuple[datetime, datetime]]:
        for n in range(60):
            day = FIRST_DAY + timedelta(days=n)
            if happens(absence, day):
                midnight = wall(day + timedelta(days=1), time())
                yield (
                    wall(day, absence.from_time or time()),
                    wall(day, absence.until_time) if absence.until_time else midnight,
                )

    def live(self, table):
        return self.session.scalars(
            select(table).where(table.community_id == self.community.id, table.ended_at.is_(None))
        ).all()

    def wanted(self) -> list[tuple[Opening, tuple[datetime, datetime]]]:
        """Say which slots openings want, in other words than the product does."""
        away = [t for absence in self.live(Absence) for t in self.times_away(absence)]
        skipped = set(self.session.execute(select(OpeningSkip.opening_id, OpeningSkip.day)))
        found = []
        for opening in self.live(Opening):
            day = local_day(self.now, PARIS)
            while day <= opening.made_until:
                is_off = (opening.id, day) in skipped or (
                    day in (EASTER_MONDAY, LABOUR_DAY) and not opening.on_public_holidays
                )
                if happens(opening, day) and not is_off:
                    found += [(opening, times) for times in self.its_slots(opening, day)]
                day += timedelta(days=1)
        return [
            (opening, times)
            for opening, times in found
            if times[0] > self.now and not any(meets(times, t) for t in away)
        ]

    def its_slots(self, opening: Opening, day: date):
        start, end = wall(day, opening.from_time), wall(day, opening.until_time)
        made = 0
        while opening.most_slots is None or made < opening.most_slots:
            until = start + timedelta(minutes=opening.slot_minutes)
            if until > end:
                return
            yield start, until
            start = until + timedelta(minutes=opening.pause_minutes)
            made += 1

    @invariant()
    def who_booked_is_never_moved_nor_withdrawn(self):
        found = {
            s.reference: (s.claimed_by, s.starts_at, s.ends_at)
            for s in self.rows()
            if s.withdrawn_at is None and s.reference in self.claimed
        }
        assert found == self.claimed

    @invariant()
    def nothing_overlaps(self):
        live = [s for s in self.rows() if s.withdrawn_at is None]
        for sooner, later in pairwise(live):
            assert sooner.ends_at <= later.starts_at

    @invariant()
    def nothing_is_offered_that_nobody_reserved(self):
        reserved = {times for _, times in self.wanted()}
        away = [(a.reference, list(self.times_away(a))) for a in self.live(Absence)]
        is_open = slots.is_open_to(STRANGER, self.now)
        offered = set(self.session.scalars(select(Slot.id).where(is_open)))
        for slot in self.rows():
            times = (slot.starts_at, slot.ends_at)
            if slot.id not in offered:
                continue
            assert slot.opening_id is None or times in reserved
            for absence, hours in away:
                # Who opens a slot while they are away, knows why.
                if self.opened.get(slot.reference, 0) < self.absent_since[absence]:
                    assert not any(meets(times, t) for t in hours)


@pytest.fixture
def diary(engine: Engine) -> Iterator[type[Diary]]:
    Diary.engine = engine
    yield Diary
    engine.dispose()


def test_in_any_order_of_events_reserved_time_is_right(diary):
    run_state_machine_as_test(
        diary, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
