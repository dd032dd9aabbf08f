"""Supply in any order of events: nobody is moved, nothing overlaps that must not, and nothing is
offered that nobody reserved, or at a time when its professional's calendar says busy."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from booking.desk import alternatives, ask, choose
from booking.desk import change as changing
from booking.models import Booking, BookingStatus, CancelledBy, CareRequest
from booking.triage.protocol import Protocol
from config.clock import PARIS, local_day
from schedules import making, releasing, reserving, search, settling, slots, undo
from schedules.calendars import keeping
from schedules.calendars.closing import UNREADABLE_FOR
from schedules.calendars.guard import Failure
from schedules.calendars.reading import Failed, Outcome, Read, Unchanged
from schedules.calendars.said import Written
from schedules.models import (
    Absence,
    Act,
    ActKind,
    BusyCalendar,
    Opening,
    OpeningSkip,
    Slot,
    Visibility,
)
from schedules.openings import OpeningRefused
from schedules.plans import EVERY_DAY, Away, Plan
from schedules.search import Wanted
from tests.builders import (
    LINKS,
    a_community,
    a_professional,
    a_request,
    a_site,
    a_triaged_request,
)
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

BACK_AGAIN = timedelta(minutes=30)
LADDER: Sequence[dict[str, Any]] = (
    {"to": "OWN", "before": None},
    {"to": "CPTS", "before": 26 * 60},
    {"to": "PUBLIC", "before": 20 * 60, "keep": 2},
    {"to": "BACK", "before": 30},
)
LADDERS = st.sampled_from([None, None, LADDER])


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
        capacity=draw(st.sampled_from([1, 1, 2, 3])),
        ladder=draw(LADDERS),
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


@st.composite
def spans(draw):
    """Some time of the next days, by the quarter of an hour."""
    day = FIRST_DAY + timedelta(days=draw(st.integers(0, 3)))
    starts, ends = draw(HOURS)
    return wall(day, starts), wall(day, ends)


@st.composite
def readings(draw):
    """What becomes of reading a calendar: it says something, all is gone, or nobody can read it."""
    kind = draw(st.sampled_from(["read", "read", "read", "emptied", "unchanged", "failed"]))
    if kind == "failed":
        return Failed(Failure.TOO_SLOW)
    if kind == "unchanged":
        return Unchanged()
    said = kind == "read"
    busy = draw(st.lists(spans(), max_size=3)) if said else []
    written = draw(st.lists(spans(), max_size=1)) if said else []
    return Read(
        busy=tuple(busy),
        openings=tuple(Written(start, end, 20, 3) for start, end in written),
        events=len(busy),
        unreadable=0,
        until=NOON + timedelta(days=60),
        etag=None,
        last_modified=None,
    )


@dataclass
class Known:
    """What one calendar said last, and since when."""

    busy: Sequence[tuple[datetime, datetime]] = ()
    written: Sequence[Written] = ()
    read_at: datetime = NOON
    is_distrusted: bool = False


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
    protocol: Protocol
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
        self.bookings: dict[UUID, UUID] = {}
        self.calendars: dict[int, Known] = {}
        self.steps: dict[UUID, int] = {}
        model = a_triaged_request(self.session, self.community, self.protocol)
        self.calm = dict(model.answers)
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

    @rule(target=openings, opening=openings, capacity=st.integers(1, 3))
    def receive_as_many_at_once(self, opening, capacity):
        """The same time, for more patients at once or for fewer: who is booked stays."""
        if opening is None:
            return None
        row = self.row(Opening, opening[0])
        same = {field.name: getattr(row, field.name) for field in fields(Plan)}
        plan = Plan(**same | {"capacity": capacity})
        done = self.tried(reserving.change, row, self.site, plan)
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

    # What patients do

    @rule(number=NEAR, asker=ASKERS)
    def hold(self, number, asker):
        slot = self.slot(number)
        if slot is not None and self.is_open(slot, asker):
            slots.hold(self.session, self.community.id, slot.reference, asker=asker, now=self.now)

    @rule(number=NEAR, is_own=st.booleans())
    def book(self, number, is_own):
        """Somebody books it as patients do, or another place of its hour, or nothing at all."""
        slot = self.slot(number)
        if slot is None:
            return
        request = self.somebody(is_own=is_own)
        try:
            with self.session.begin_nested():
                made = choose.book(
                    self.session,
                    request,
                    self.community,
                    slot.reference,
                    by="PATIENT",
                    links=LINKS,
                    now=self.now,
                )
        except slots.SlotTaken:
            return
        self.has(made.reference, self.row(Slot, made.slot), request)
        assert made.starts_at == slot.starts_at

    def somebody(self, *, is_own: bool) -> CareRequest:
        """Return a request that was judged just now."""
        whose = {"regular_doctor": self.doctor.reference} if is_own else {}
        request = a_request(self.session, self.community, now=self.now, answers=self.calm, **whose)
        ask.assess(self.session, request, self.protocol, self.community, now=self.now)
        return request

    def has(self, booking: UUID, slot: Slot, request: CareRequest) -> None:
        self.bookings[booking] = slot.reference
        self.claimed[slot.reference] = (request.reference, slot.starts_at, slot.ends_at)

    def kept(self, number: int) -> changing.Kept | None:
        """Return one of the appointments, by a number that hypothesis draws."""
        if not self.bookings:
            return None
        reference = list(self.bookings)[number % len(self.bookings)]
        return changing.by_reference(self.session, self.community.id, reference, lock=True)

    @rule(number=NEAR, who=st.sampled_from(CancelledBy))
    def cancel(self, number, who):
        if (kept := self.kept(number)) is None:
            return
        try:
            changing.cancel(self.session, kept, cancelled_by=who, by="P", links=LINKS, now=self.now)
        except changing.TooLate:
            return
        del self.claimed[self.bookings.pop(kept.booking.reference)]

    @rule(number=NEAR, to=NEAR)
    def move(self, number, to):
        kept, slot = self.kept(number), self.slot(to)
        if kept is None or slot is None:
            return
        try:
            with self.session.begin_nested():
                changing.move(self.session, kept, slot.reference, by="P", links=LINKS, now=self.now)
        except (slots.SlotTaken, changing.TooLate):
            return
        del self.claimed[self.bookings.pop(kept.booking.reference)]
        after = changing.by_reference(self.session, self.community.id, kept.booking.reference)
        assert after.slot.starts_at == slot.starts_at
        self.has(after.booking.reference, after.slot, after.request)

    @rule()
    def look_for_a_time(self):
        """Who looks is shown each time once, and every time at which something is open."""
        found = search.free(
            self.session,
            self.community.id,
            [Wanted("MG")],
            asker=STRANGER,
            visible_to=tuple(Visibility),
            after=self.now,
            until=self.now + timedelta(days=30),
            each=500,
            now=self.now,
        )
        times = [each.starts_at for each in found]
        assert len(times) == len(set(times))
        offered = self.offered()
        assert {each.reference for each in found} <= {s.reference for s in offered}
        assert set(times) == {s.starts_at for s in offered if not s.only_own_patients}

    # What calendars say

    @rule()
    @precondition(lambda self: len(self.calendars) < 2)
    def give_calendar(self):
        made = keeping.begin(
            self.session,
            self.doctor,
            self.site,
            "https://calendar.example/secret.ics",
            by=ME,
            now=self.now,
        )
        self.calendars[made.id] = Known(read_at=self.now)

    @rule(said=st.lists(readings(), min_size=2, max_size=2), minutes=st.integers(0, 6))
    @precondition(lambda self: self.calendars)
    def read_calendars(self, said, minutes):
        """Wait until one is due, and read as the job does: what is due, then applied."""
        due_at = min(self.session.get_one(BusyCalendar, k).next_try_at for k in self.keys())
        self.now = max(self.now, due_at)
        orders = keeping.due(self.session, now=self.now, most=2)
        self.now += timedelta(minutes=minutes)
        for order, outcome in zip(orders, said, strict=False):
            keeping.apply(self.session, order, outcome, now=self.now)
            self.learn(self.calendars[order.calendar_id], outcome, order.asked_at)

    def keys(self) -> list[tuple[int, int]]:
        return [(self.community.id, number) for number in self.calendars]

    def learn(self, known: Known, outcome: Outcome, asked_at: datetime) -> None:
        if isinstance(outcome, Read):
            known.busy, known.written = outcome.busy, outcome.openings
        if not isinstance(outcome, Failed):
            known.read_at = asked_at
        # Whoever looks finds all of them: one that nobody could read for long closes everything.
        for each in self.calendars.values():
            each.is_distrusted = self.now - each.read_at >= UNREADABLE_FOR

    @rule(number=st.integers(0, 1))
    @precondition(lambda self: self.calendars)
    def end_calendar(self, number):
        ended = list(self.calendars)[number % len(self.calendars)]
        row = self.session.get_one(BusyCalendar, (self.community.id, ended))
        keeping.end(self.session, row, now=self.now)
        del self.calendars[ended]
        for each in self.calendars.values():
            each.is_distrusted = self.now - each.read_at >= UNREADABLE_FOR

    # Time

    @rule(minutes=st.integers(1, 12))
    def take_steps(self, minutes):
        """The worker moves down the ladder what is due."""
        self.now += timedelta(minutes=minutes)
        releasing.release(self.session, now=self.now)

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
        live = [s for s in rows if s.withdrawn_at is None]
        taken_back = Counter(
            (s.opening_id, s.starts_at)
            for s in rows
            if s.withdrawn_at is not None and s.set_aside_since is None
        )
        for opening, moment in self.wanted():
            there = [s for s in live if meets(moment, (s.starts_at, s.ends_at))]
            places = len(there) + taken_back[opening.id, moment[0]]
            is_given_back = opening.ladder and moment[0] - self.now <= BACK_AGAIN
            assert places >= opening.capacity or is_given_back or any(s.lane is None for s in there)
        again = settling.settle(self.session, self.community, self.doctor.id, now=self.now)
        assert (again.made, again.back, again.withdrawn, again.conflicts) == ((), (), (), ())

    # What is always true

    def is_open(self, slot: Slot, asker: UUID = STRANGER) -> bool:
        which = select(Slot.id).where(Slot.id == slot.id, slots.is_open_to(asker, self.now))
        return self.session.scalar(which) is not None

    def offered(self) -> list[Slot]:
        """Return what anybody may have who comes now."""
        which = select(Slot).where(slots.is_open_to(STRANGER, self.now)).order_by(Slot.starts_at)
        return list(self.session.scalars(which.execution_options(populate_existing=True)))

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
    def all_is_well(self):
        """Look once, and judge by it: looking costs more than judging."""
        live = [s for s in self.rows() if s.withdrawn_at is None]
        offered, wanted = self.offered(), self.wanted()
        self.who_booked_is_never_moved_nor_withdrawn(live)
        self.who_booked_has_a_slot_and_each_slot_one_booking()
        self.nothing_overlaps_but_places_of_an_hour(live)
        self.no_more_are_offered_at_once_than_their_professional_receives(live, offered, wanted)
        self.nothing_is_offered_when_a_calendar_says_busy_or_nobody_knows(offered)
        self.nothing_goes_up_its_ladder_again(live)
        self.nothing_is_offered_that_nobody_reserved(offered, wanted)
        self.what_nobody_keeps_or_has_is_anybodys(live, offered)

    def who_booked_is_never_moved_nor_withdrawn(self, live):
        found = {
            s.reference: (s.claimed_by, s.starts_at, s.ends_at)
            for s in live
            if s.reference in self.claimed
        }
        assert found == self.claimed

    def who_booked_has_a_slot_and_each_slot_one_booking(self):
        rows = self.session.execute(
            select(Booking.reference, Slot.reference, CareRequest.reference)
            .join(Slot, Slot.id == Booking.slot_id)
            .join(CareRequest, CareRequest.id == Booking.request_id)
            .where(Booking.status != BookingStatus.CANCELLED)
        ).all()
        assert {booking: slot for booking, slot, _ in rows} == self.bookings
        assert {slot: who for _, slot, who in rows} == {
            slot: who for slot, (who, _, _) in self.claimed.items()
        }
        assert len(rows) == len(self.claimed)

    def nothing_overlaps_but_places_of_an_hour(self, live):
        for number, one in enumerate(live):
            for other in live[number + 1 :]:
                if other.starts_at >= one.ends_at:
                    break
                assert None not in (one.lane, other.lane)
                assert one.lane != other.lane

    def no_more_are_offered_at_once_than_their_professional_receives(self, live, offered, wanted):
        most = {times: opening.capacity for opening, times in wanted}
        for slot in offered:
            times = (slot.starts_at, slot.ends_at)
            if slot.lane is not None:
                at_once = {s.lane for s in live if meets(times, (s.starts_at, s.ends_at))}
                assert len(at_once) <= most[times]

    def nothing_is_offered_when_a_calendar_says_busy_or_nobody_knows(self, offered):
        busy = [span for known in self.calendars.values() for span in known.busy]
        for slot in offered:
            assert not any(meets((slot.starts_at, slot.ends_at), span) for span in busy)
            assert not any(known.is_distrusted for known in self.calendars.values())

    def what_nobody_keeps_or_has_is_anybodys(self, live, offered):
        """Said again in other words than the product's: a hold ends by itself, at its moment."""
        kept = [s for s in live if s.held_until is not None and s.held_until > self.now]
        assert all(s.held_until <= self.now + alternatives.KEPT_FOR for s in kept)
        assert {s.reference for s in offered} == {
            s.reference
            for s in live
            if s not in kept
            and s.starts_at > self.now
            and (s.claimed_by, s.busy_since, s.set_aside_since) == (None, None, None)
        }

    def nothing_goes_up_its_ladder_again(self, live):
        for slot in live:
            assert slot.release_step >= self.steps.get(slot.reference, 0)
            self.steps[slot.reference] = slot.release_step

    def nothing_is_offered_that_nobody_reserved(self, offered, wanted):
        reserved = {times for _, times in wanted}
        away = [(a.reference, list(self.times_away(a))) for a in self.live(Absence)]
        for slot in offered:
            times = (slot.starts_at, slot.ends_at)
            assert slot.opening_id is None or times in reserved
            # What was kept for a patient when its `#SNP` went, goes at the next reading.
            if slot.calendar_id is not None and slot.held_by is None:
                written = self.calendars[slot.calendar_id].written
                assert any(w.starts_at <= times[0] and times[1] <= w.ends_at for w in written)
            for absence, hours in away:
                # Who opens a slot while they are away, knows why.
                if self.opened.get(slot.reference, 0) < self.absent_since[absence]:
                    assert not any(meets(times, t) for t in hours)


@pytest.fixture
def diary(engine: Engine, protocol: Protocol) -> Iterator[type[Diary]]:
    Diary.engine, Diary.protocol = engine, protocol
    yield Diary
    engine.dispose()


@pytest.mark.slow  # some thousand transactions
def test_in_any_order_of_events_supply_is_right(diary):
    run_state_machine_as_test(
        diary, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
