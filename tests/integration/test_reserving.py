"""Time that is reserved once and repeats: its slots are made, set aside, brought back, undone."""

from dataclasses import replace
from datetime import date, time, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select

from config.clock import local_day
from schedules import making, plans, reserving, settling, slots, undo
from schedules.calendars import closing
from schedules.models import (
    Absence,
    Act,
    ActKind,
    BusyCalendar,
    BusyTime,
    Community,
    Opening,
    Slot,
    Visibility,
)
from schedules.openings import OpeningRefused
from schedules.plans import Away, Overlaps, Plan
from tests.builders import a_community, a_professional, a_site, a_slot, an_enablement
from tests.clockwork import NOON

ME, SOMEBODY, SOMEBODY_ELSE = UUID(int=7), UUID(int=1), UUID(int=2)
MONDAY = date(2027, 3, 29)  # Easter Monday, two days after NOON, and one after clocks change
TUESDAY = MONDAY + timedelta(days=1)
MORNING = Plan(
    starts_on=MONDAY,
    ends_on=None,
    weekdays=(1, 2, 4),
    from_time=time(9),
    until_time=time(10),
    slot_minutes=20,
)


class Practice:
    """One doctor at one site, and what is done to their time."""

    def __init__(self, session, **community):
        self.session = session
        self.community = a_community(session, **community)
        self.site = a_site(session, self.community)
        self.doctor = a_professional(session, self.community, self.site)

    def reserve(self, plan=MORNING, now=NOON):
        return reserving.reserve(
            self.session, self.community, self.doctor, self.site, plan, by=ME, now=now
        )

    def opening(self, done):
        return self.session.scalars(select(Opening).where(Opening.reference == done.subject)).one()

    def change(self, done, plan, now=NOON):
        return reserving.change(
            self.session, self.community, self.opening(done), self.site, plan, by=ME, now=now
        )

    def end(self, done, now=NOON):
        return reserving.end(self.session, self.community, self.opening(done), by=ME, now=now)

    def skip(self, done, day, now=NOON):
        opening = self.opening(done)
        return reserving.skip(self.session, self.community, opening, day, by=ME, now=now)

    def absent(self, now=NOON, **when):
        away = Away(**{"starts_on": TUESDAY, "ends_on": TUESDAY} | when)
        return reserving.absent(self.session, self.community, self.doctor, away, by=ME, now=now)

    def end_absence(self, done, now=NOON):
        absence = self.session.scalars(
            select(Absence).where(Absence.reference == done.subject)
        ).one()
        return reserving.end_absence(self.session, self.community, absence, by=ME, now=now)

    def undo(self, act, now=NOON):
        act = self.session.scalars(
            select(Act).where(Act.reference == getattr(act, "act", act))
        ).one()
        return undo.undo(self.session, self.community, act, now=now)

    def make(self, until, now=NOON):
        made = 0
        while (done := making.make(self.session, self.community, until, now=now)).openings:
            made += done.slots
        return made

    def rows(self):
        return self.session.scalars(
            select(Slot)
            .where(Slot.professional_id == self.doctor.id)
            .order_by(Slot.starts_at, Slot.id)
            .execution_options(populate_existing=True)
        ).all()

    def live(self, day=None):
        """Return the wall hours at which something is offered, held or booked."""
        return [
            slot.starts_at.astimezone(self.community.zone).strftime("%d %H:%M")
            for slot in self.rows()
            if slot.withdrawn_at is None
            and (day is None or local_day(slot.starts_at, self.community.zone) == day)
        ]

    def at(self, day, hour, minute=0):
        """Return the newest slot that starts then."""
        wanted = [
            slot
            for slot in self.rows()
            if slot.starts_at.astimezone(self.community.zone).replace(tzinfo=None).isoformat()
            == f"{day}T{hour:02}:{minute:02}:00"
        ]
        return max(wanted, key=lambda slot: slot.id)

    def is_open(self, slot, asker=SOMEBODY, now=NOON):
        return (
            self.session.scalar(
                select(Slot.id).where(Slot.id == slot.id, slots.is_open_to(asker, now))
            )
            is not None
        )

    def claim(self, slot, asker=SOMEBODY, now=NOON):
        taken = slots.claiming(slot.community_id, slot.reference, asker=asker, now=now)
        assert self.session.scalar(taken.returning(Slot.id)) is not None

    def hold(self, slot, asker=SOMEBODY, now=NOON):
        slots.hold(self.session, slot.community_id, slot.reference, asker=asker, now=now)


@pytest.fixture
def practice(session):
    return Practice(session)


# Making


def test_reserved_time_has_its_slots_for_two_weeks_at_once(practice):
    done = practice.reserve()

    hours = ("09:00", "09:20", "09:40")
    # Easter Monday is a public holiday.
    days = ("30", "01", "05", "06", "08")
    assert sorted(practice.live()) == sorted(f"{d} {h}" for d in days for h in hours)
    assert len(done.settled.made) == 15
    assert (
        practice.opening(done).made_until == local_day(NOON, practice.community.zone) + making.AHEAD
    )


def test_a_slot_has_what_its_opening_its_doctor_and_its_place_say(session):
    practice = Practice(session)
    practice.site.equipment = ["ecg"]
    an_enablement(session, practice.doctor, "protocole-angine")
    plan = replace(
        MORNING,
        mode="HH",
        appointment_type="WALKIN",
        visibility=(Visibility.PUBLIC, Visibility.CPTS),
        complaints=("fievre", "toux"),
        only_own_patients=True,
    )

    done = practice.reserve(plan)

    by_hand = a_slot(session, professional=practice.doctor, site=practice.site)
    slot = practice.at(TUESDAY, 9)
    assert slot.opening_id == practice.opening(done).id
    assert (slot.mode, slot.appointment_type) == ("HH", "WALKIN")
    assert slot.visibility == ["PUBLIC", "CPTS"]
    assert slot.complaints == ["fievre", "toux"]
    assert slot.only_own_patients
    assert slot.skills == by_hand.skills
    assert "ecg" in slot.skills
    assert slot.discipline == "MG"
    assert len({row.reference for row in practice.rows()}) == len(practice.rows())


def test_a_ladder_decides_who_sees_a_slot_and_when_the_next_do(session):
    ladder = [{"to": "OWN", "before": None}, {"to": "CPTS", "before": 1440}]
    practice = Practice(session, ladder=ladder)
    practice.reserve()

    slot = practice.at(TUESDAY, 9)
    assert slot.only_own_patients
    assert slot.visibility == ["CPTS"]
    assert slot.release_at == slot.starts_at - timedelta(days=1)
    assert slot.release_step == 1


def test_time_that_its_ladder_has_given_back_already_makes_no_slot(session):
    given_back = [{"to": "CPTS", "before": None}, {"to": "BACK", "before": 5 * 1440}]
    practice = Practice(session, ladder=given_back)
    practice.reserve()

    assert practice.live(TUESDAY) == []
    assert practice.live(TUESDAY + timedelta(days=7)) != []


def test_each_night_makes_one_day_more_and_a_second_run_nothing(practice):
    practice.reserve()
    before = len(practice.live())
    night = NOON + timedelta(days=3)
    until = local_day(night, practice.community.zone) + making.AHEAD

    assert practice.make(until, night) == 6  # Monday and Tuesday; Wednesday is none of its days
    assert practice.make(until, night) == 0
    assert len(practice.live()) == before + 6


def test_what_was_withdrawn_by_hand_is_never_made_again(practice):
    done = practice.reserve()
    slot = practice.at(TUESDAY, 9, 20)
    slots.withdraw(
        practice.session,
        practice.community.id,
        slot.reference,
        professionals=[practice.doctor.id],
        now=NOON,
    )

    practice.make(TUESDAY + timedelta(days=30))
    practice.end_absence(practice.absent())
    practice.undo(practice.end(done))

    assert practice.live(TUESDAY) == ["30 09:00", "30 09:40"]


def test_what_exists_stays_and_slots_are_made_around_it(practice):
    start = NOON + timedelta(days=2, hours=20, minutes=10)  # Tuesday, ten past nine in summer
    by_hand = a_slot(
        practice.session, professional=practice.doctor, site=practice.site, starts_at=start
    )

    practice.reserve()

    assert practice.live(TUESDAY) == ["30 09:10", "30 09:40"]
    assert practice.at(TUESDAY, 9, 10).reference == by_hand.reference


def test_slots_of_the_hours_that_are_past_are_not_made(practice):
    tuesday_920 = NOON + timedelta(days=2, hours=20, minutes=20)
    practice.reserve(replace(MORNING, starts_on=TUESDAY), now=tuesday_920)

    assert practice.live(TUESDAY) == ["30 09:40"]


def test_holidays_close_only_openings_that_say_so(session):
    practice = Practice(session, school_zone="B")
    practice.reserve(replace(MORNING, on_public_holidays=True))
    practice.reserve(
        replace(MORNING, from_time=time(14), until_time=time(15), in_school_holidays=False)
    )
    spring = date(2027, 4, 19)  # a Monday in the spring holidays of zone B
    practice.make(spring + timedelta(days=7))

    assert practice.live(MONDAY) == ["29 09:00", "29 09:20", "29 09:40"]
    assert practice.live(spring) == ["19 09:00", "19 09:20", "19 09:40"]
    assert "12 14:00" in practice.live(spring - timedelta(days=7))


def test_a_slot_in_a_busy_time_of_the_own_calendar_is_made_closed(practice):
    session, nine = practice.session, NOON + timedelta(days=2, hours=20)
    calendar = BusyCalendar(
        community_id=practice.community.id,
        reference=uuid4(),
        professional_id=practice.doctor.id,
        url="https://calendar.example/secret.ics",
        next_try_at=NOON,
        read_at=NOON,
        created_at=NOON,
    )
    session.add(calendar)
    session.flush()
    session.execute(
        insert(BusyTime).values(
            community_id=practice.community.id,
            calendar_id=calendar.id,
            professional_id=practice.doctor.id,
            starts_at=nine,
            ends_at=nine + timedelta(minutes=30),
        )
    )

    practice.reserve()

    busy = [slot.busy_since is not None for slot in practice.rows()]
    assert busy == [True, True] + [False] * 13
    # And so it is when a slot comes back.
    practice.end_absence(practice.absent())
    assert [s.busy_since is not None for s in practice.rows()] == busy
    assert closing.settle(session, practice.community.id, practice.doctor.id, now=NOON) == 0


def test_each_community_makes_its_own(session):
    mine, other = Practice(session), Practice(session)
    mine.reserve()
    other.reserve()
    later = NOON + timedelta(days=3)
    assert {c.id for c in making.communities_due(session, now=later)} == {
        mine.community.id,
        other.community.id,
    }

    mine.make(local_day(later, mine.community.zone) + making.AHEAD, later)

    assert [c.id for c in making.communities_due(session, now=later)] == [other.community.id]
    assert len(other.live()) == 15


def test_a_community_is_due_when_its_own_day_begins(session):
    reunion = Practice(session, zone_name="Indian/Reunion")
    martinique = Practice(session, zone_name="America/Martinique")
    reunion.reserve()
    martinique.reserve()

    # 22:00 in Paris: tomorrow has begun on the Réunion, and is eleven hours off in Martinique.
    evening = NOON + timedelta(hours=10)
    due = [c.id for c in making.communities_due(session, now=evening)]

    assert due == [reunion.community.id]


def test_professionals_take_turns_in_short_transactions(session):
    practice = Practice(session)
    for _ in range(5):
        practice.doctor = a_professional(session, practice.community, practice.site)
        opening = plans.row_of_opening(
            MORNING,
            practice.community,
            professional_id=practice.doctor.id,
            site_id=practice.site.id,
        )
        opening.created_at = NOON
        session.add(opening)
    session.flush()
    until = date(2027, 4, 9)

    first = making.make(session, practice.community, until, at_once=2, now=NOON)

    assert (first.openings, first.slots) == (2, 30)
    assert practice.make(until) == 45


# Changing


def test_ending_withdraws_what_is_free_and_leaves_what_is_held_or_booked(practice):
    done = practice.reserve()
    booked, held = practice.at(TUESDAY, 9), practice.at(TUESDAY, 9, 20)
    practice.claim(booked)
    practice.hold(held, SOMEBODY_ELSE)

    ended = practice.end(done)

    assert practice.live() == ["30 09:00", "30 09:20"]
    assert [c.slot for c in ended.settled.conflicts] == [booked.reference]
    assert len(ended.settled.withdrawn) == 13


def test_who_holds_a_slot_that_is_set_aside_may_book_it_and_nobody_else(practice):
    done = practice.reserve()
    slot = practice.at(TUESDAY, 9)
    practice.hold(slot)
    practice.end(done)

    assert practice.is_open(slot, SOMEBODY)
    assert not practice.is_open(slot, SOMEBODY_ELSE)
    # Once the hold has ended, it is nobody's.
    late = NOON + timedelta(minutes=6)
    assert not practice.is_open(slot, SOMEBODY, late)
    assert not practice.is_open(slot, SOMEBODY_ELSE, late)


def test_what_is_set_aside_is_withdrawn_once_nobody_has_it(practice):
    done = practice.reserve()
    booked, held = practice.at(TUESDAY, 9), practice.at(TUESDAY, 9, 20)
    practice.claim(booked)
    practice.hold(held, SOMEBODY_ELSE)
    practice.end(done)
    slots.release(practice.session, booked.community_id, booked.id, asker=SOMEBODY)
    assert not practice.is_open(booked)
    late = NOON + timedelta(minutes=6)

    [(community, whose)] = settling.left_behind(practice.session, now=late)
    settling.settle(practice.session, community, whose, now=late)

    assert practice.live() == []
    assert settling.left_behind(practice.session, now=late) == []


def test_a_change_replaces_free_slots_and_moves_nobody(practice):
    done = practice.reserve()
    stays, fits = practice.at(TUESDAY, 9, 20), practice.at(TUESDAY, 9)
    practice.claim(stays)
    practice.claim(fits, SOMEBODY_ELSE)
    later = replace(MORNING, until_time=time(10, 30), slot_minutes=30, visibility=("PUBLIC",))

    changed = practice.change(done, later)

    assert practice.live(TUESDAY) == ["30 09:00", "30 09:20", "30 10:00"]
    assert practice.at(TUESDAY, 10).visibility == ["PUBLIC"]
    # 9:00–9:20 and 9:20–9:40 have no place in half hours: both wait for a word.
    assert {c.slot for c in changed.settled.conflicts} == {stays.reference, fits.reference}
    wednesday = TUESDAY + timedelta(days=2)
    assert practice.live(wednesday) == ["01 09:00", "01 09:30", "01 10:00"]


def test_an_appointment_that_fits_the_new_plan_is_no_conflict(practice):
    done = practice.reserve()
    slot = practice.at(TUESDAY, 9)
    practice.claim(slot)

    changed = practice.change(done, replace(MORNING, until_time=time(11), visibility=("PUBLIC",)))

    assert changed.settled.conflicts == ()
    assert practice.live(TUESDAY)[:2] == ["30 09:00", "30 09:20"]
    # Cancelled, its time is offered as the new plan says, and no more as the old one did.
    slots.release(practice.session, slot.community_id, slot.id, asker=SOMEBODY)
    [(community, whose)] = settling.left_behind(practice.session, now=NOON)
    settling.settle(practice.session, community, whose, now=NOON)
    assert practice.at(TUESDAY, 9).visibility == ["PUBLIC"]


def test_a_change_skips_the_days_that_were_skipped(practice):
    done = practice.reserve()
    practice.skip(done, TUESDAY)

    practice.change(done, replace(MORNING, until_time=time(11)))

    assert practice.live(TUESDAY) == []


def test_a_change_counts_alternate_weeks_from_where_it_began(practice):
    every_other = replace(MORNING, weekdays=(2,), every_weeks=2)
    done = practice.reserve(every_other)
    in_a_week = NOON + timedelta(days=7)

    practice.change(done, replace(every_other, until_time=time(9, 40)), now=in_a_week)

    assert practice.live(TUESDAY + timedelta(days=7)) == []
    assert practice.live(TUESDAY + timedelta(days=14)) == ["13 09:00", "13 09:20"]


def test_a_day_is_skipped_alone(practice):
    done = practice.reserve()
    booked = practice.at(TUESDAY, 9)
    practice.claim(booked)

    skipped = practice.skip(done, TUESDAY)

    assert practice.live(TUESDAY) == ["30 09:00"]
    assert [c.slot for c in skipped.settled.conflicts] == [booked.reference]
    assert len(practice.live(TUESDAY + timedelta(days=7))) == 3


def test_an_absence_closes_its_hours_those_opened_by_hand_too(practice):
    practice.reserve()
    ten = NOON + timedelta(days=2, hours=21)
    a_slot(practice.session, professional=practice.doctor, site=practice.site, starts_at=ten)
    booked = practice.at(TUESDAY, 9, 20)
    practice.claim(booked)

    gone = practice.absent(from_time=time(9, 30), until_time=time(12))

    # 9:20–9:40 reaches into it.
    assert practice.live(TUESDAY) == ["30 09:00", "30 09:20"]
    assert [c.slot for c in gone.settled.conflicts] == [booked.reference]
    listed = settling.conflicts(
        practice.session, practice.community.id, [practice.doctor.id], now=NOON
    )
    assert [c.slot for c in listed] == [booked.reference]


def test_a_conflict_that_somebody_kept_is_not_listed_again(practice):
    practice.reserve()
    booked = practice.at(TUESDAY, 9)
    practice.claim(booked)
    practice.absent()
    slots.keep_conflict(practice.session, Slot.id == booked.id, now=NOON)
    practice.absent(starts_on=MONDAY, ends_on=MONDAY)

    assert (
        settling.conflicts(practice.session, practice.community.id, [practice.doctor.id], now=NOON)
        == []
    )


def test_no_slots_are_made_in_an_absence_that_repeats(practice):
    practice.absent(starts_on=MONDAY, ends_on=None, weekdays=(2,), every_weeks=2)
    practice.reserve(replace(MORNING, weekdays=(2,)))
    practice.make(TUESDAY + timedelta(days=22))

    assert {hour[:2] for hour in practice.live()} == {"06", "20"}


def test_the_end_of_an_absence_makes_and_brings_back_its_slots(practice):
    practice.reserve()
    ten = NOON + timedelta(days=2, hours=21)
    a_slot(practice.session, professional=practice.doctor, site=practice.site, starts_at=ten)
    before = [(s.reference, s.starts_at) for s in practice.rows()]
    gone = practice.absent(ends_on=None)
    later = NOON + timedelta(days=1)
    practice.make(TUESDAY + timedelta(days=20), later)
    assert practice.live() == []

    practice.end_absence(gone, later)

    rows = [(s.reference, s.starts_at) for s in practice.rows() if s.withdrawn_at is None]
    assert set(before) < set(rows)
    assert practice.live(date(2027, 4, 19)) == ["19 09:00", "19 09:20", "19 09:40"]


def test_of_two_absences_on_a_day_the_last_one_to_end_brings_slots_back(practice):
    practice.reserve()
    one, other = practice.absent(), practice.absent()

    practice.end_absence(one)
    assert practice.live(TUESDAY) == []
    practice.end_absence(other)

    assert len(practice.live(TUESDAY)) == 3


# Undoing


def test_what_was_reserved_is_undone_but_for_what_was_booked(practice):
    done = practice.reserve()
    practice.claim(practice.at(TUESDAY, 9))

    undone = practice.undo(done, NOON + timedelta(minutes=10))

    assert (undone.back, undone.withdrawn, undone.could_not) == (0, 14, 1)
    assert practice.live() == ["30 09:00"]


@pytest.mark.parametrize("deed", ["end", "skip", "absent"])
def test_what_was_withdrawn_comes_back_the_same(practice, deed):
    done = practice.reserve()
    before = [(s.reference, s.starts_at) for s in practice.rows()]
    act = {
        "end": lambda: practice.end(done),
        "skip": lambda: practice.skip(done, TUESDAY),
        "absent": practice.absent,
    }[deed]()
    assert len(practice.live()) < len(before)

    undone = practice.undo(act)

    assert undone.back == len(act.settled.withdrawn)
    assert undone.could_not == 0
    assert [(s.reference, s.starts_at) for s in practice.rows()] == before
    assert len(practice.live()) == len(before)


def test_a_change_is_undone_and_says_what_could_not_be(practice):
    done = practice.reserve()
    changed = practice.change(done, replace(MORNING, slot_minutes=30))
    practice.claim(practice.at(TUESDAY, 9, 30))

    undone = practice.undo(changed)

    # 9:20 and 9:40 cannot come back beside 9:30, which stays.
    assert practice.live(TUESDAY) == ["30 09:00", "30 09:30"]
    assert undone.could_not == 3
    assert practice.live(TUESDAY + timedelta(days=7)) == ["06 09:00", "06 09:20", "06 09:40"]


def test_the_end_of_an_absence_is_undone(practice):
    practice.reserve()
    ended = practice.end_absence(practice.absent())

    practice.undo(ended)

    assert practice.live(TUESDAY) == []


def test_what_was_opened_or_withdrawn_by_hand_is_undone(practice):
    session, doctor = practice.session, practice.doctor
    one, other = a_slot(session, professional=doctor, site=practice.site), None
    said = {"by": ME, "now": NOON}
    opened = undo.note(
        session, practice.community.id, doctor.id, ActKind.PUBLISHED, [one.reference], **said
    )
    assert practice.undo(opened).withdrawn == 1
    assert practice.live() == []

    practice.reserve()
    other = practice.at(TUESDAY, 9)
    slots.withdraw(
        session, practice.community.id, other.reference, professionals=[doctor.id], now=NOON
    )
    taken = undo.note(
        session, practice.community.id, doctor.id, ActKind.WITHDRAWN, [other.reference], **said
    )
    assert practice.undo(taken).back == 1
    assert practice.at(TUESDAY, 9).withdrawn_at is None


def test_a_withdrawal_by_hand_is_not_undone_into_another_slot(practice):
    session, doctor = practice.session, practice.doctor
    slot = a_slot(session, professional=doctor, site=practice.site)
    slots.withdraw(
        session, practice.community.id, slot.reference, professionals=[doctor.id], now=NOON
    )
    act = undo.note(
        session,
        practice.community.id,
        doctor.id,
        ActKind.WITHDRAWN,
        [slot.reference],
        by=ME,
        now=NOON,
    )
    a_slot(session, professional=doctor, site=practice.site)

    undone = practice.undo(act)

    assert (undone.back, undone.could_not) == (0, 1)


def test_after_ten_minutes_and_twice_nothing_is_undone(practice):
    done = practice.reserve()
    with pytest.raises(undo.CannotUndo) as late:
        practice.undo(done, NOON + timedelta(minutes=10, seconds=1))
    practice.undo(done)
    with pytest.raises(undo.CannotUndo) as twice:
        practice.undo(done)

    assert (late.value.why, twice.value.why) == ("late", "undone")


def test_what_was_changed_since_is_undone_in_its_order(practice):
    done = practice.reserve()
    changed = practice.change(done, replace(MORNING, until_time=time(11)))
    away = practice.absent()
    practice.end_absence(away)

    for act in (done, away):
        with pytest.raises(undo.CannotUndo) as refused:
            practice.undo(act)
        assert refused.value.why == "changed_since"

    practice.undo(changed)
    practice.undo(done)
    assert practice.live() == []


def test_an_end_is_not_undone_over_a_newer_opening(practice):
    ended = practice.end(practice.reserve())
    practice.reserve()

    with pytest.raises(undo.CannotUndo) as refused:
        practice.undo(ended)

    assert refused.value.why == "overlaps"


# What cannot be meant


@pytest.mark.parametrize(
    ("but", "why"),
    [
        ({"until_time": time(8)}, "ends_before_starts"),
        ({"until_time": time(9)}, "ends_before_starts"),
        ({"slot_minutes": 9 * 60}, "length"),
        ({"slot_minutes": 4}, "length"),
        ({"until_time": time(9, 15)}, "no_slot"),
        ({"pause_minutes": 61}, "pause"),
        ({"pause_minutes": -1}, "pause"),
        ({"most_slots": 0}, "count"),
        ({"weekdays": ()}, "weekdays"),
        ({"weekdays": (0,)}, "weekdays"),
        ({"weekdays": (8,)}, "weekdays"),
        ({"every_weeks": 0}, "weeks"),
        ({"every_weeks": 5}, "weeks"),
        ({"ends_on": MONDAY - timedelta(days=1)}, "last_day"),
        ({"starts_on": NOON.date() - timedelta(days=1)}, "past"),
        ({"starts_on": date.min, "ends_on": date.min}, "past"),
        ({"starts_on": date.max}, "too_far"),
        ({"ends_on": MONDAY, "weekdays": (2,)}, "no_day"),
        ({"visibility": ()}, "visibility"),
        ({"visibility": ("ALL",)}, "visibility"),
        ({"ladder": [{"to": "NOBODY", "before": None}]}, "ladder"),
        ({"in_school_holidays": False}, "no_school_zone"),
        (
            {"starts_on": NOON.date(), "ends_on": NOON.date(), "weekdays": (6,)},
            "past",
        ),
    ],
)
def test_reserved_time_that_cannot_be_meant_is_refused(practice, but, why):
    with pytest.raises(OpeningRefused) as refused:
        practice.reserve(replace(MORNING, **but))

    assert refused.value.why == why
    assert practice.session.scalar(select(func.count(Opening.id))) == 0


@pytest.mark.parametrize(
    ("but", "why"),
    [
        ({"ends_on": MONDAY}, "last_day"),
        ({"starts_on": date(2027, 3, 1), "ends_on": date(2027, 3, 26)}, "past"),
        ({"from_time": time(9)}, "hours"),
        ({"from_time": time(9), "until_time": time(9)}, "ends_before_starts"),
        ({"weekdays": (3,)}, "no_day"),
        ({"weekdays": ()}, "weekdays"),
        ({"every_weeks": 9}, "weeks"),
        ({"starts_on": date.max, "ends_on": None}, "too_far"),
    ],
)
def test_an_absence_that_is_none_is_refused(practice, but, why):
    with pytest.raises(OpeningRefused) as refused:
        practice.absent(**but)

    assert refused.value.why == why


def test_somebody_who_fell_ill_yesterday_may_say_so(practice):
    practice.reserve()

    practice.absent(starts_on=NOON.date() - timedelta(days=1), ends_on=TUESDAY)

    assert practice.live(TUESDAY) == []


@pytest.mark.parametrize(
    ("but", "meets"),
    [
        ({}, True),
        ({"from_time": time(9, 50), "until_time": time(11)}, True),
        ({"from_time": time(10), "until_time": time(11)}, False),
        ({"weekdays": (3, 5)}, False),
        ({"weekdays": (2,), "every_weeks": 2}, True),
        ({"starts_on": MONDAY + timedelta(days=60)}, True),
    ],
)
def test_two_openings_that_want_the_same_moment_are_refused(practice, but, meets):
    # Three slots of ten minutes, then a pause: nothing after 9:30 is wanted but 9:50.
    first = practice.reserve(replace(MORNING, slot_minutes=10, pause_minutes=15))

    if meets:
        with pytest.raises(Overlaps) as refused:
            practice.reserve(replace(MORNING, **but))
        assert (refused.value.why, refused.value.other) == ("overlaps", first.subject)
    else:
        practice.reserve(replace(MORNING, **but))


def test_weeks_that_alternate_do_not_meet(practice):
    practice.reserve(replace(MORNING, every_weeks=2))

    practice.reserve(replace(MORNING, starts_on=MONDAY + timedelta(days=7), every_weeks=2))


def test_an_ended_opening_overlaps_nothing_and_cannot_be_changed(practice):
    first = practice.reserve()
    practice.end(first)
    practice.reserve()

    for deed in (
        lambda: practice.change(first, MORNING),
        lambda: practice.end(first),
        lambda: practice.skip(first, TUESDAY),
    ):
        with pytest.raises(OpeningRefused) as refused:
            deed()
        assert refused.value.why == "ended"


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (NOON.date() - timedelta(days=4), "past"),
        (TUESDAY + timedelta(days=1), "not_that_day"),
        (MONDAY - timedelta(days=0), None),
    ],
)
def test_only_a_day_of_the_opening_to_come_is_skipped(practice, day, why):
    done = practice.reserve()
    if why is None:
        practice.skip(done, day)
        why = "skipped"

    with pytest.raises(OpeningRefused) as refused:
        practice.skip(done, day)

    assert refused.value.why == why


def test_another_communitys_time_is_not_touched(session):
    mine, other = Practice(session), Practice(session)
    theirs = other.reserve()
    before = other.live()

    done = mine.reserve()
    mine.absent()
    mine.end(done)

    assert other.live() == before
    assert other.opening(theirs).ended_at is None
    assert session.scalar(select(func.count(Community.id))) == 2
