"""Unused reserved time goes down its ladder; what is taken never moves; nobody else gets it."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from booking.desk import choose
from schedules import releasing, slots
from schedules.models import Community, Opening, Slot
from tests import builders
from tests.clockwork import NOON

LADDER = [
    {"to": "OWN", "before": None},
    {"to": "CPTS", "before": 240},
    {"to": "SNP", "before": 120},
    {"to": "PUBLIC", "before": 60},
    {"to": "BACK", "before": 15},
]


def reserved(session, *, count=1, ladder=LADDER, own=None, first=timedelta(hours=5), **opening):
    """Free slots of one opening, a quarter of an hour each, as they are made early."""
    community = builders.a_community(session, ladder=ladder)
    site = builders.a_site(session, community)
    doctor = builders.a_professional(session, community, site)
    made = Opening(
        community_id=community.id,
        professional_id=doctor.id,
        site_id=site.id,
        starts_on=date(2027, 3, 27),
        weekdays=[6],
        from_time=time(17),
        until_time=time(19),
        slot_minutes=15,
        visibility=["CPTS"],
        ladder=own,
        created_at=NOON,
        **opening,
    )
    session.add(made)
    session.flush()
    length = timedelta(minutes=15)
    times = [(NOON + first + i * length, NOON + first + (i + 1) * length) for i in range(count)]
    references = slots.publish(session, doctor, site, times)
    session.execute(
        Slot.__table__.update()
        .where(Slot.reference.in_(references))
        .values(
            opening_id=made.id,
            release_at=NOON,
            release_step=0,
            only_own_patients=True,
            visibility=["CPTS"],
        )
    )
    session.commit()
    return [builders.slot_of(session, each) for each in references]


def after(session, slot, **later):
    now = NOON + timedelta(**later)
    releasing.release(session, now=now)
    session.commit()
    return builders.slot_of(session, slot.reference)


def test_an_unused_slot_is_offered_to_more_people_and_given_back_at_last(session):
    [slot] = reserved(session)

    assert after(session, slot).only_own_patients
    assert after(session, slot, minutes=59).only_own_patients
    for_all = after(session, slot, hours=1)
    assert (for_all.only_own_patients, for_all.visibility) == (False, ["CPTS"])
    assert after(session, slot, hours=3).visibility == ["CPTS", "SNP"]
    assert after(session, slot, hours=4).visibility == ["CPTS", "SNP", "PUBLIC"]
    assert after(session, slot, hours=4, minutes=44).withdrawn_at is None
    back = after(session, slot, hours=4, minutes=45)
    assert back.withdrawn_at == NOON + timedelta(hours=4, minutes=45)
    assert back.release_at is None


def test_a_worker_that_slept_takes_all_the_steps_at_once(session):
    [slot] = reserved(session)

    there = after(session, slot, hours=4, minutes=1)

    assert (there.release_step, there.visibility) == (4, ["CPTS", "SNP", "PUBLIC"])


def test_what_a_patient_has_taken_never_moves(session):
    [slot] = reserved(session)
    asker = builders.UUID(int=7)
    session.execute(slots.claiming(slot.community_id, slot.reference, asker=asker, now=NOON))
    session.commit()

    there = after(session, slot, hours=4, minutes=50)

    assert (there.withdrawn_at, there.release_step, there.claimed_by) == (None, 0, asker)


def test_what_a_patient_holds_waits_for_the_end_of_the_hold(session):
    [slot] = reserved(session)
    asker, late = builders.UUID(int=7), timedelta(hours=4, minutes=44)
    slots.hold(session, slot.community_id, slot.reference, asker=asker, now=NOON + late)
    session.commit()

    assert after(session, slot, hours=4, minutes=46).withdrawn_at is None
    assert after(session, slot, hours=4, minutes=49).withdrawn_at is not None


def test_the_ladder_of_an_opening_goes_before_the_community_s(session):
    [slot] = reserved(session, own=[{"to": "CPTS", "before": None}])

    assert after(session, slot, hours=4, minutes=59).visibility == ["CPTS"]


def test_who_takes_no_new_patients_takes_none_on_any_step(session):
    [slot] = reserved(session, only_own_patients=True)

    assert after(session, slot, hours=4).only_own_patients


def test_so_many_of_a_day_as_are_kept_stay_until_they_are_given_back(session):
    kept = [{"to": "CPTS", "before": None}, {"to": "SNP", "before": 120, "keep": 2}, LADDER[-1]]
    four = reserved(session, count=4, ladder=kept)

    after(session, four[0], hours=4)

    shown = [builders.slot_of(session, slot.reference).visibility for slot in four]
    assert shown == [["CPTS", "SNP"], ["CPTS", "SNP"], ["CPTS"], ["CPTS"]]
    assert after(session, four[3], hours=5, minutes=31).withdrawn_at is not None


def followed(session, ladder, some):
    """The community's steps are these from now on; its slots as they are then."""
    community = session.get_one(Community, some[0].community_id)
    community.ladder = ladder
    releasing.follow(session, community, now=NOON)
    session.commit()
    return [builders.slot_of(session, slot.reference) for slot in some]


def test_new_steps_reach_the_free_slots_that_exist_as_if_they_were_made_now(session):
    near, far = reserved(session, count=2, ladder=[])
    far.starts_at, far.ends_at = far.starts_at + timedelta(days=1), far.ends_at + timedelta(days=1)
    session.commit()
    steps = [LADDER[0], {"to": "SNP", "before": 12 * 60}, LADDER[-1]]

    near, far = followed(session, steps, [near, far])

    assert (near.only_own_patients, near.visibility, near.release_step) == (
        False,
        ["CPTS", "SNP"],
        2,
    )
    assert near.release_at == near.starts_at - timedelta(minutes=15)
    assert (far.only_own_patients, far.visibility, far.release_step) == (True, ["CPTS"], 1)
    assert far.release_at == far.starts_at - timedelta(hours=12)


def test_without_steps_slots_are_offered_again_as_they_were_published(session):
    [slot] = followed(session, [], reserved(session))

    assert (slot.only_own_patients, slot.visibility, slot.release_at) == (False, ["CPTS"], None)


@pytest.mark.parametrize("steps", [[{"to": "PUBLIC", "before": None}], []])
def test_new_steps_leave_what_is_taken_or_has_steps_of_its_own(session, steps):
    asker = builders.UUID(int=7)
    taken, gone = reserved(session, count=2)
    [own] = reserved(session, own=LADDER)
    session.execute(slots.claiming(taken.community_id, taken.reference, asker=asker, now=NOON))
    gone.withdrawn_at = NOON
    session.commit()

    followed(session, steps, [taken, gone])
    followed(session, steps, [own])

    for slot in (taken, gone, own):
        there = builders.slot_of(session, slot.reference)
        assert (there.only_own_patients, there.release_at) == (True, NOON)


def test_new_steps_reach_what_a_patient_holds_after_the_hold(session):
    [slot] = reserved(session)
    slots.hold(session, slot.community_id, slot.reference, asker=builders.UUID(int=7), now=NOON)
    session.commit()

    [held] = followed(session, [{"to": "PUBLIC", "before": None}], [slot])
    assert held.only_own_patients
    assert after(session, slot, minutes=6).visibility == ["CPTS", "SNP", "PUBLIC"]

    [later] = reserved(session)
    slots.hold(session, later.community_id, later.reference, asker=builders.UUID(int=7), now=NOON)
    followed(session, [], [later])
    assert not after(session, later, minutes=6).only_own_patients


def test_new_steps_keep_as_many_of_a_day_as_they_say_and_give_back_what_is_too_late(session):
    kept = [{"to": "CPTS", "before": None}, {"to": "PUBLIC", "before": 600, "keep": 2}]
    four = followed(session, kept, reserved(session, count=4))
    assert [slot.visibility for slot in four] == [["CPTS"]] * 4

    after(session, four[0])

    shown = [builders.slot_of(session, slot.reference).visibility for slot in four]
    assert shown == [["CPTS", "SNP", "PUBLIC"]] * 2 + [["CPTS"]] * 2
    [late] = followed(session, LADDER, reserved(session, first=timedelta(minutes=10)))
    assert after(session, late).withdrawn_at == NOON


@settings(max_examples=15)
@given(steps=st.lists(st.integers(-60, 400), min_size=1, max_size=6))
def test_however_often_and_late_the_worker_looks_no_step_is_undone(session, steps):
    [slot] = reserved(session)
    seen = [after(session, slot, minutes=minutes).release_step for minutes in sorted(steps)]

    assert seen == sorted(seen)


# What a slot is kept for


@pytest.fixture
def asked(session, protocol):
    """A patient with an ankle that hurts, and a doctor's free slot in two hours."""
    slot = builders.a_slot(session)
    community = session.get_one(Community, slot.community_id)
    request = builders.a_triaged_request(session, community, protocol)
    session.commit()
    return request, community, slot


def offered(session, asked):
    request, community, _ = asked
    return [p.slot.reference for p in choose.propose(session, request, community, now=NOON)]


def test_a_slot_kept_for_other_reasons_is_neither_offered_nor_given(session, asked):
    request, _, slot = asked
    slot.complaints = ["mal_gorge"]
    session.flush()

    assert offered(session, asked) == []
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, slot.reference, now=NOON)

    slot.complaints = ["mal_gorge", *request.complaints]
    session.flush()
    assert offered(session, asked) == [slot.reference]


def test_a_slot_kept_for_a_doctor_s_own_patients_is_given_to_nobody_else(session, asked):
    request, _, slot = asked
    slot.only_own_patients = True
    session.flush()

    assert offered(session, asked) == []
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, slot.reference, now=NOON)

    doctor = session.scalars(
        select(builders.Professional).where(builders.Professional.id == slot.professional_id)
    ).one()
    request.regular_doctor = doctor.reference
    session.flush()
    assert offered(session, asked) == [slot.reference]
    choose.hold(session, request, slot.reference, now=NOON)


def test_a_slot_that_its_owner_s_calendar_has_closed_is_neither_offered_nor_given(session, asked):
    request, _, slot = asked
    slot.busy_since = NOON
    session.flush()

    assert offered(session, asked) == []
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, slot.reference, now=NOON)
