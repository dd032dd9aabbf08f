"""What is proposed, in which order, and why."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from booking.routing import Candidate, Why, rank
from schedules.geography import Place, distance_km
from schedules.models import Mode
from schedules.search import FreeSlot
from tests.clockwork import NOON

HOME = Place(48.30, 2.90)


def free(*, minutes=120, preference=0, north=0.0, claimed_nearby=0, reference=None) -> FreeSlot:
    return FreeSlot(
        reference=reference or uuid4(),
        starts_at=NOON + timedelta(minutes=minutes),
        ends_at=NOON + timedelta(minutes=minutes + 20),
        mode=Mode.AMB,
        discipline="MG",
        preference=preference,
        professional=uuid4(),
        professional_name="Dr Camille Bernard",
        speciality="SM54",
        profession="10",
        site=uuid4(),
        site_name="Maison de santé",
        site_address="12 rue des Lilas",
        site_phone="01 99 00 00 20",
        latitude=HOME.latitude + north,
        longitude=HOME.longitude,
        is_wheelchair_accessible=True,
        claimed_nearby=claimed_nearby,
    )


def order(*candidates: Candidate, home=HOME) -> list[UUID]:
    return [p.slot.reference for p in rank(candidates, home=home, now=NOON)]


def test_the_regular_doctor_comes_first_even_later_and_farther():
    own = free(minutes=600, north=0.5)
    other = free(minutes=60)

    assert order(Candidate(other), Candidate(own, is_regular_doctor=True)) == [
        own.reference,
        other.reference,
    ]


def test_the_preferred_profession_goes_before_a_sooner_slot_of_the_next():
    preferred, next_best = free(minutes=300), free(minutes=30, preference=1)

    assert order(Candidate(next_best), Candidate(preferred))[0] == preferred.reference


def test_sooner_goes_before_nearer():
    far_soon, near_late = free(minutes=60, north=0.1), free(minutes=180)

    assert order(Candidate(near_late), Candidate(far_soon))[0] == far_soon.reference


def test_of_two_slots_in_the_same_half_hour_the_nearer_goes_first():
    far, near = free(minutes=60, north=0.1), free(minutes=80)

    assert order(Candidate(far), Candidate(near))[0] == near.reference


def test_of_two_equals_the_one_with_fewer_bookings_goes_first():
    busy, idle = free(minutes=60, claimed_nearby=3), free(minutes=70)

    assert order(Candidate(busy), Candidate(idle))[0] == idle.reference


def test_a_slot_found_twice_is_proposed_once_at_its_best_place():
    same = uuid4()
    found = [
        Candidate(free(preference=2, reference=same)),
        Candidate(free(preference=0, reference=same), is_regular_doctor=True),
    ]

    [proposal] = rank(found, home=HOME, now=NOON)

    assert proposal.is_regular_doctor


def test_every_proposal_says_why_it_is_there():
    own, near, sooner = free(minutes=500), free(minutes=200), free(minutes=60, north=0.2)
    proposals = rank(
        [Candidate(own, is_regular_doctor=True), Candidate(near), Candidate(sooner)],
        home=HOME,
        now=NOON,
    )

    why = {p.slot.reference: p.reasons for p in proposals}

    assert why[own.reference][0] is Why.REGULAR_DOCTOR
    assert Why.SOONEST in why[sooner.reference]
    assert Why.NEAREST in why[near.reference]
    assert all(why.values())


def test_five_slots_of_one_professional_do_not_hide_the_others():
    busy_bee = uuid4()
    many = [Candidate(replace(free(minutes=60 + 5 * n), professional=busy_bee)) for n in range(5)]
    other = free(minutes=200)

    proposed = order(*many, Candidate(other))

    assert proposed.index(other.reference) == 2
    assert len(proposed) == 6


def test_without_a_place_nothing_is_said_of_distance():
    [proposal] = rank([Candidate(free())], home=None, now=NOON)

    assert proposal.distance_km is None
    assert Why.NEAREST not in proposal.reasons


def test_nothing_free_gives_nothing():
    assert rank([], home=HOME, now=NOON) == []


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.builds(
            free,
            minutes=st.integers(1, 1400),
            preference=st.integers(0, 3),
            north=st.floats(0, 0.5),
            claimed_nearby=st.integers(0, 5),
        ),
        is_regular_doctor=st.booleans(),
    ),
    max_size=12,
)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_what_was_found_means_nothing(candidates, random):
    shuffled = random.sample(candidates, len(candidates))

    assert order(*candidates) == order(*shuffled)


@given(CANDIDATES)
def test_ranking_loses_nothing_and_invents_nothing(candidates):
    assert sorted(order(*candidates)) == sorted(c.slot.reference for c in candidates)


def test_a_degree_of_latitude_is_about_111_kilometres():
    assert distance_km(Place(48, 2), Place(49, 2)) == 111.2


@given(st.floats(-80, 80), st.floats(-179, 179))
def test_nothing_is_at_no_distance_but_here(latitude, longitude):
    here = Place(latitude, longitude)

    assert distance_km(here, here) == 0
