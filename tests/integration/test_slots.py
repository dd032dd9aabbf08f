"""A slot's life: published, held, claimed, released, withdrawn; in any order, by anybody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from config.database import transaction
from schedules import search, slots
from schedules.models import Community, Professional, Site, Slot, Visibility
from schedules.search import Wanted
from tests.builders import a_community, a_professional, a_site, a_slot, slot_of
from tests.clockwork import NOON

SOMEBODY, SOMEBODY_ELSE = UUID(int=1), UUID(int=2)


def claim(session: Session, slot: Slot, asker: UUID, now=NOON) -> bool:
    taken = slots.claiming(slot.community_id, slot.reference, asker=asker, now=now)
    return session.scalar(taken.returning(Slot.id)) is not None


A_DOCTOR = (Wanted("MG"),)


def found(session: Session, slot: Slot, *, asker=SOMEBODY, now=NOON, wanted=A_DOCTOR, **but):
    said = {
        "asker": asker,
        "visible_to": (Visibility.CPTS,),
        "after": now,
        "until": NOON + timedelta(days=30),
        "each": 10,
        "now": now,
    }
    return search.free(session, slot.community_id, list(wanted), **said | but)


def test_a_free_slot_is_found_with_all_that_a_patient_needs(session):
    slot = a_slot(session)

    [offer] = found(session, slot)

    assert offer.reference == slot.reference
    assert offer.professional_name.startswith("Dr Camille Bernard")
    assert "Saint-Loup-sur-Orvanne" in offer.site_address


def test_a_slot_of_another_community_is_never_found(session):
    mine, other = a_slot(session), a_slot(session)

    assert [o.reference for o in found(session, mine)] == [mine.reference]
    assert mine.community_id != other.community_id


def test_a_slot_that_has_started_is_not_offered_and_cannot_be_claimed(session):
    slot = a_slot(session)
    late = slot.starts_at

    assert found(session, slot, now=late) == []
    assert not claim(session, slot, SOMEBODY, now=late)


def test_a_slot_after_the_deadline_is_not_offered(session):
    slot = a_slot(session)

    assert found(session, slot, until=slot.starts_at - timedelta(seconds=1)) == []


def test_a_slot_for_the_sas_alone_is_not_offered_to_patients(session):
    slot = a_slot(session, visibility=(Visibility.SNP,))

    assert found(session, slot) == []


def test_only_who_is_enabled_for_a_protocol_is_found_for_it(session):
    community = a_community(session)
    site = a_site(session, community)
    able = a_professional(session, community, site, discipline="MK", skills=["protocole-x"])
    a_professional(session, community, site, discipline="MK")
    slot = a_slot(session, professional=able, site=site)
    a_slot(session, professional=a_professional(session, community, site, discipline="MK"))

    [offer] = found(session, slot, wanted=[Wanted("MK", ("protocole-x",))])

    assert offer.professional == able.reference


def test_a_private_practice_does_not_offer_what_the_law_keeps_for_maisons_de_sante(session):
    community = a_community(session)
    practice = a_site(session, community, structure="SA08")
    health_house = a_site(session, community, structure="603")
    times = [(NOON + timedelta(hours=1), NOON + timedelta(hours=2))]
    in_practice, in_house = (
        a_professional(session, community, site, discipline="MK", skills=["kine-acces-direct"])
        for site in (practice, health_house)
    )

    slots.publish(session, in_practice, practice, times)
    slots.publish(session, in_house, health_house, times)

    offered = dict(session.execute(select(Slot.site_id, Slot.skills)).all())
    assert "kine-acces-direct" not in offered[practice.id]
    assert "kine-acces-direct" in offered[health_house.id]


def test_the_equipment_of_the_place_counts_as_much_as_the_skill(session):
    community = a_community(session)
    equipped = a_site(session, community, equipment=["radio"])
    doctor = a_professional(session, community)
    slot = a_slot(session, professional=doctor, site=equipped)

    assert len(found(session, slot, wanted=[Wanted("MG", ("radio",))])) == 1
    assert found(session, slot, wanted=[Wanted("MG", ("ecg",))]) == []


def test_a_held_slot_is_hidden_from_others_until_the_hold_ends(session):
    slot = a_slot(session)
    until = slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=NOON)

    assert found(session, slot, asker=SOMEBODY_ELSE) == []
    assert len(found(session, slot, asker=SOMEBODY)) == 1
    assert len(found(session, slot, asker=SOMEBODY_ELSE, now=until)) == 1


def test_a_second_hold_lets_the_first_one_go(session):
    community = a_community(session)
    site = a_site(session, community)
    doctor = a_professional(session, community, site)
    first = a_slot(session, professional=doctor, site=site)
    second = a_slot(session, professional=doctor, site=site, starts_at=NOON + timedelta(hours=3))
    slots.hold(session, community.id, first.reference, asker=SOMEBODY, now=NOON)

    slots.hold(session, community.id, second.reference, asker=SOMEBODY, now=NOON)

    assert slot_of(session, first.reference).held_by is None
    assert slot_of(session, second.reference).held_by == SOMEBODY


def test_choosing_again_renews_the_hold(session):
    slot = a_slot(session)
    slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=NOON)
    later = NOON + timedelta(minutes=4)

    until = slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=later)

    assert until == later + slots.HOLD


def test_a_withdrawn_slot_is_gone_and_its_time_can_be_offered_again(session):
    slot = a_slot(session)
    slots.withdraw(
        session,
        slot.community_id,
        slot.reference,
        professionals=[slot.professional_id],
        now=NOON,
    )
    session.flush()

    assert found(session, slot) == []
    session.execute(
        insert(Slot).values(
            community_id=slot.community_id,
            reference=uuid4(),
            professional_id=slot.professional_id,
            site_id=slot.site_id,
            discipline="MG",
            visibility=["CPTS"],
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
        )
    )


@pytest.mark.parametrize("taken_how", ["held", "claimed"])
def test_a_slot_that_somebody_has_cannot_be_withdrawn(session, taken_how):
    slot = a_slot(session)
    if taken_how == "held":
        slots.hold(session, slot.community_id, slot.reference, asker=SOMEBODY, now=NOON)
    else:
        claim(session, slot, SOMEBODY)

    with pytest.raises(slots.SlotTaken):
        slots.withdraw(
            session,
            slot.community_id,
            slot.reference,
            professionals=[slot.professional_id],
            now=NOON,
        )


def test_a_released_slot_is_free_again_at_once(session):
    slot = a_slot(session)
    claim(session, slot, SOMEBODY)

    slots.release(session, slot.community_id, slot.id, asker=SOMEBODY)

    assert len(found(session, slot, asker=SOMEBODY_ELSE)) == 1


def test_nobody_can_release_what_another_claimed(session):
    slot = a_slot(session)
    claim(session, slot, SOMEBODY)

    slots.release(session, slot.community_id, slot.id, asker=SOMEBODY_ELSE)

    assert slot_of(session, slot.reference).claimed_by == SOMEBODY


# What the database refuses, whatever the code does


def around_the_code(session: Session, slot: Slot, **but) -> None:
    said = {
        "community_id": slot.community_id,
        "reference": uuid4(),
        "professional_id": slot.professional_id,
        "site_id": slot.site_id,
        "discipline": "MG",
        "visibility": ["CPTS"],
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
    }
    session.execute(insert(Slot).values(**said | but))


def test_one_professional_cannot_be_at_two_places_at_once(session):
    slot = a_slot(session)
    elsewhere = a_site(session, session.get_one(Community, slot.community_id))

    with pytest.raises(IntegrityError, match="slot_no_overlap"):
        around_the_code(
            session, slot, site_id=elsewhere.id, starts_at=slot.starts_at + timedelta(minutes=5)
        )


def test_touching_slots_and_colleagues_side_by_side_are_fine(session):
    slot = a_slot(session)
    community = a_community(session)
    colleague = a_professional(session, community, a_site(session, community))

    around_the_code(
        session,
        slot,
        starts_at=slot.ends_at,
        ends_at=slot.ends_at + timedelta(minutes=20),
    )
    a_slot(session, professional=colleague, starts_at=slot.starts_at)


def test_a_slot_cannot_name_a_professional_of_another_community(session):
    slot, foreign = a_slot(session), a_slot(session)

    with pytest.raises(IntegrityError, match="fk_slot_community_id_professional_id"):
        around_the_code(
            session,
            slot,
            professional_id=foreign.professional_id,
            starts_at=slot.ends_at,
            ends_at=slot.ends_at + timedelta(minutes=20),
        )


@pytest.mark.parametrize(
    ("broken", "constraint"),
    [
        ("held_by = gen_random_uuid()", "hold_is_whole"),
        ("claimed_by = gen_random_uuid()", "claim_is_whole"),
        ("ends_at = starts_at", "ends_after_start"),
        ("visibility = '{MOON}'", "visibility_is_national"),
        ("visibility = '{}'", "visibility_is_national"),
        (
            "(claimed_by, held_by, claimed_at, held_until) = (reference, reference, now(), now())",
            "claim_ends_hold",
        ),
        (
            "claimed_by = gen_random_uuid(), claimed_at = now(), withdrawn_at = now()",
            "claimed_stays",
        ),
    ],
)
def test_the_database_refuses_half_a_truth(session, broken, constraint):
    a_slot(session)

    with pytest.raises(IntegrityError, match=constraint):
        session.execute(text(f"UPDATE slot SET {broken}"))


def test_one_asker_cannot_own_two_slots(session):
    community = a_community(session)
    site = a_site(session, community)
    doctor = a_professional(session, community, site)
    first = a_slot(session, professional=doctor, site=site)
    second = a_slot(session, professional=doctor, site=site, starts_at=NOON + timedelta(hours=4))
    claim(session, first, SOMEBODY)

    with pytest.raises(IntegrityError, match="ix_slot_claimed"):
        claim(session, second, SOMEBODY)


def test_overlapping_openings_are_refused_and_nothing_of_them_is_kept(session):
    slot = a_slot(session)

    with pytest.raises(slots.SlotsOverlap):
        slots.publish(
            session,
            session.get_one(Professional, (slot.community_id, slot.professional_id)),
            session.get_one(Site, (slot.community_id, slot.site_id)),
            [
                (slot.starts_at - timedelta(minutes=20), slot.starts_at),
                (slot.starts_at + timedelta(minutes=10), slot.ends_at + timedelta(minutes=10)),
            ],
        )

    assert len(session.scalars(select(Slot)).all()) == 1


# Races: first the one that is certain, then the herd


def committed_slot(engine: Engine) -> Slot:
    with Session(engine, expire_on_commit=False) as setup, transaction(setup):
        return a_slot(setup)


def test_a_patient_whose_page_is_stale_is_refused(engine):
    wanted = committed_slot(engine)
    with Session(engine) as slow, Session(engine) as quick:
        seen = slow.scalars(select(Slot).where(Slot.reference == wanted.reference)).one()
        assert seen.claimed_by is None  # kept: the session is as stale as the page
        with transaction(quick):
            assert claim(quick, wanted, SOMEBODY)

        with transaction(slow):
            assert not claim(slow, wanted, SOMEBODY_ELSE)

        assert quick.get_one(Slot, (seen.community_id, seen.id)).claimed_by == SOMEBODY


def test_of_twelve_who_claim_together_one_wins(engine):
    for _ in range(5):
        wanted = committed_slot(engine)
        together = Barrier(12)

        def one(number: int, wanted=wanted, together=together) -> bool:
            with Session(engine) as session, transaction(session):
                together.wait()
                return claim(session, wanted, UUID(int=number + 1))

        engine.dispose()
        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(one, range(12)))

        assert won.count(True) == 1


def test_letting_go_of_an_ended_hold_waits_for_nobody(engine):
    with Session(engine, expire_on_commit=False) as setup, transaction(setup):
        community = a_community(setup)
        site = a_site(setup, community)
        doctor = a_professional(setup, community, site)
        one = a_slot(setup, professional=doctor, site=site)
        two = a_slot(setup, professional=doctor, site=site, starts_at=NOON + timedelta(hours=5))
        slots.hold(setup, community.id, one.reference, asker=SOMEBODY, now=NOON)
    late = NOON + timedelta(minutes=6)
    with Session(engine) as other, Session(engine) as mine:
        slots.hold(other, community.id, one.reference, asker=SOMEBODY_ELSE, now=late)
        mine.execute(text("SET LOCAL lock_timeout = '200ms'"))

        try:
            slots.hold(mine, community.id, two.reference, asker=SOMEBODY, now=late)
        except OperationalError:
            pytest.fail("waited for a hold that had ended: a deadlock in the making")


# Any order at all

ASKERS = st.sampled_from([SOMEBODY, SOMEBODY_ELSE, UUID(int=3)])


class Diary(RuleBasedStateMachine):
    """Holds, claims, releases, withdrawals, passing time, against dicts that say who has what."""

    engine: Engine
    published = Bundle("published")

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine)
        community = a_community(self.session)
        self.site = a_site(self.session, community)
        self.doctor = a_professional(self.session, community, self.site)
        self.now = NOON
        self.starts: dict[UUID, object] = {}
        self.held: dict[UUID, tuple[UUID, object]] = {}
        self.claimed: dict[UUID, UUID] = {}
        self.withdrawn: set[UUID] = set()

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    def is_open(self, slot: UUID, asker: UUID) -> bool:
        holder, until = self.held.get(slot, (asker, self.now))
        return (
            slot not in self.claimed
            and slot not in self.withdrawn
            and self.starts[slot] > self.now
            and (holder == asker or until <= self.now)
        )

    @rule(target=published)
    def publish(self):
        start = NOON + timedelta(hours=1) + timedelta(minutes=20) * len(self.starts)
        slot = a_slot(self.session, professional=self.doctor, site=self.site, starts_at=start)
        self.starts[slot.reference] = start
        return slot.reference

    @rule(minutes=st.integers(1, 30))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(slot=published, asker=ASKERS)
    def hold(self, slot, asker):
        if not self.is_open(slot, asker):
            with pytest.raises(slots.SlotTaken):
                slots.hold(self.session, self.doctor.community_id, slot, asker=asker, now=self.now)
            return
        until = slots.hold(self.session, self.doctor.community_id, slot, asker=asker, now=self.now)
        self.held = {s: h for s, h in self.held.items() if h[0] != asker or h[1] <= self.now}
        self.held[slot] = (asker, until)

    @rule(slot=published, asker=ASKERS)
    def claim(self, slot, asker):
        if asker in self.claimed.values():
            return
        expected = self.is_open(slot, asker)
        assert claim(self.session, slot_of(self.session, slot), asker, self.now) is expected
        if expected:
            self.claimed[slot] = asker
            self.held.pop(slot, None)

    @rule(slot=published, asker=ASKERS)
    def release(self, slot, asker):
        row = slot_of(self.session, slot)
        slots.release(self.session, row.community_id, row.id, asker=asker)
        if self.claimed.get(slot) == asker:
            del self.claimed[slot]

    @rule(slot=published)
    def withdraw(self, slot):
        nobody = UUID(int=99)
        is_free = (
            slot not in self.claimed
            and slot not in self.withdrawn
            and self.held.get(slot, (nobody, self.now))[1] <= self.now
        )
        said = {"professionals": [self.doctor.id], "now": self.now}
        if is_free:
            slots.withdraw(self.session, self.doctor.community_id, slot, **said)
            self.withdrawn.add(slot)
            self.held.pop(slot, None)
        else:
            with pytest.raises(slots.SlotTaken):
                slots.withdraw(self.session, self.doctor.community_id, slot, **said)

    @invariant()
    def everybody_is_offered_exactly_what_is_open_to_them(self):
        for asker in (SOMEBODY, SOMEBODY_ELSE):
            offered = search.free(
                self.session,
                self.doctor.community_id,
                [Wanted("MG")],
                asker=asker,
                visible_to=(Visibility.CPTS,),
                after=self.now,
                until=NOON + timedelta(days=30),
                each=1000,
                now=self.now,
            )
            assert {o.reference for o in offered} == {
                s for s in self.starts if self.is_open(s, asker)
            }


@pytest.fixture
def diary(engine: Engine) -> Iterator[type[Diary]]:
    Diary.engine = engine
    yield Diary
    engine.dispose()


@pytest.mark.slow  # some thousand transactions
def test_in_any_order_of_events_the_diary_is_right(diary):
    run_state_machine_as_test(
        diary, settings=settings(max_examples=30, stateful_step_count=20, deadline=None)
    )
