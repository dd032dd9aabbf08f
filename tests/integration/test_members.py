"""Members of a community: what they are enabled for, day by day; suspended, back; their places."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from booking.desk import board, membership, supply
from booking.models import Booking
from config.clock import local_day
from schedules import enabling, members, search, slots
from schedules.members import MemberRefused
from schedules.models import Enablement, Opening, Professional, ProfessionalSite, Slot, Visibility
from schedules.search import Wanted
from tests.builders import a_booking, a_community, a_professional, a_site, a_slot, slot_of
from tests.clockwork import NOON

ANKLE = "protocole-torsion-cheville"
NEXT_WEEK = NOON + timedelta(days=7)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community)


@pytest.fixture
def physio(session, community, site) -> Professional:
    return a_professional(
        session, community, site, discipline="MK", profession="70", speciality=None
    )


def enable(session, community, who, starts_on=date(2027, 1, 1), ends_on=None, *, code=ANKLE):
    return members.enable(
        session, community, who, code=code, starts_on=starts_on, ends_on=ends_on, by=None, now=NOON
    )


def found(session, community, needs=(ANKLE,), asker=None):
    return [
        each.reference
        for each in search.free(
            session,
            community.id,
            [Wanted("MK", needs)],
            asker=asker or community.reference,
            visible_to=[Visibility.CPTS],
            after=NOON,
            until=NOON + timedelta(days=30),
            each=50,
            now=NOON,
        )
    ]


def test_an_enablement_counts_from_its_first_day_to_its_last(session, community, site, physio):
    today = local_day(NOON, community.zone)
    enable(session, community, physio, today + timedelta(days=1), today + timedelta(days=2))

    made = [
        a_slot(session, professional=physio, site=site, starts_at=NOON + timedelta(days=n, hours=1))
        for n in range(4)
    ]

    assert [ANKLE in slot.skills for slot in made] == [False, True, True, False]


def test_slots_that_are_there_already_learn_what_changes(session, community, site, physio):
    soon = a_slot(session, professional=physio, site=site)
    later = a_slot(session, professional=physio, site=site, starts_at=NEXT_WEEK)
    kept = enable(session, community, physio)
    assert set(found(session, community)) == {soon.reference, later.reference}

    tomorrow = local_day(NOON, community.zone) + timedelta(days=1)
    members.limit(session, community, physio, kept.reference, tomorrow, now=NOON)

    assert found(session, community) == [soon.reference]
    assert set(found(session, community, needs=())) == {soon.reference, later.reference}

    members.withdraw_enablement(session, community, physio, kept.reference, now=NOON)

    assert found(session, community) == []
    assert session.scalars(select(Enablement.code)).all() == [ANKLE]


def test_what_somebody_holds_for_an_enablement_that_ended_cannot_be_claimed_for_it(
    session, community, site, physio
):
    slot = a_slot(session, professional=physio, site=site)
    kept = enable(session, community, physio)
    asker = community.reference
    able = Slot.skills.contains([ANKLE])
    slots.hold(session, community.id, slot.reference, asker=asker, only_if=able, now=NOON)

    members.withdraw_enablement(session, community, physio, kept.reference, now=NOON)

    claim = slots.claiming(community.id, slot.reference, asker=asker, now=NOON).where(able)
    assert session.execute(claim).rowcount == 0


@pytest.mark.parametrize(
    ("said", "field", "why"),
    [
        ({"code": "antibio-angine-pharmacien"}, "code", "unknown"),
        ({"code": "x"}, "code", "unknown"),
        ({"ends_on": date(2026, 12, 31)}, "ends_on", "before_start"),
        ({"starts_on": date(2027, 6, 1)}, "starts_on", "overlaps"),
    ],
)
def test_an_enablement_that_cannot_be_says_why(  # noqa: PLR0917 - a table’s columns
    session, community, physio, said, field, why
):
    enable(session, community, physio, date(2027, 5, 1), date(2027, 7, 1))

    with pytest.raises(MemberRefused) as refused:
        enable(session, community, physio, **({"ends_on": date(2027, 12, 31)} | said))

    assert (refused.value.field, refused.value.why) == (field, why)


def test_a_suspended_member_offers_nothing_and_comes_back_with_what_was_free(
    session, community, site, physio
):
    free = a_slot(session, professional=physio, site=site)
    held = a_slot(session, professional=physio, site=site, starts_at=NOON + timedelta(hours=4))
    asker = community.reference
    slots.hold(session, community.id, held.reference, asker=asker, now=NOON)

    members.suspend(session, community, physio, now=NOON)

    assert found(session, community, needs=(), asker=physio.reference) == []
    assert slot_of(session, free.reference).withdrawn_at is not None
    after = NOON + slots.HOLD + timedelta(seconds=1)
    gone = slots.claiming(community.id, held.reference, asker=physio.reference, now=after)
    assert session.execute(gone).rowcount == 0

    members.reinstate(session, community, physio, now=NOON)

    assert slot_of(session, free.reference).withdrawn_at is None
    assert free.reference in found(session, community, needs=())


def test_what_is_booked_with_a_suspended_member_stays_and_waits_for_a_decision(
    session, community, site, protocol
):
    doctor = a_professional(session, community, site)
    slot = a_slot(session, professional=doctor, site=site)
    a_booking(session, community, protocol, slot)

    members.suspend(session, community, doctor, now=NOON)

    assert slot_of(session, slot.reference).claimed_by is not None
    waiting = membership.undecided(session, doctor, now=NOON)
    assert [each.booking for each in waiting] == [session.scalars(select(Booking.reference)).one()]


def test_leaving_a_site_ends_what_is_reserved_there_and_keeps_the_rest(
    session, community, site, physio
):
    other = a_site(session, community)
    members.join(session, community.id, [(physio.id, other.id)])
    here = a_slot(session, professional=physio, site=site)
    there = a_slot(session, professional=physio, site=other, starts_at=NOON + timedelta(hours=5))

    members.work_at(session, community, physio, [other.id], now=NOON)

    assert session.scalars(select(ProfessionalSite.site_id)).all() == [other.id]
    assert slot_of(session, here.reference).withdrawn_at is not None
    assert slot_of(session, there.reference).withdrawn_at is None


def test_nobody_opens_slots_for_a_suspended_member(session, community, site, physio):
    scope = board.Scope(community.id, site_ids=(site.id,))
    assert supply.places(session, scope)

    members.suspend(session, community, physio, now=NOON)

    assert supply.places(session, scope) == []


def test_the_list_says_when_somebody_last_offered_time(session, community, site, physio):
    a_slot(session, professional=physio, site=site, starts_at=NOON - timedelta(days=9))

    [one] = membership.listed(session, community.id, now=NOON)

    assert one.last_offer == NOON - timedelta(days=9)
    assert one.standing is membership.Standing.NONE
    assert enabling.codes_on(one.enabled, NOON.date()) == set()
    assert session.scalars(select(Opening)).all() == []
