"""Pure: what is free before the deadline → what is proposed, in order, each with its reasons."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from schedules.geography import Place, distance_km
from schedules.search import FreeSlot

SAME_MOMENT = timedelta(minutes=30)
"""Slots that start this close together are equally soon: then the nearer one goes first."""

SAME_DISTANCE_KM = 2.0
"""Places this close together are equally near: then the one with fewer bookings goes first."""


TOGETHER = 2
"""How many slots of one professional may follow each other before the others' come."""


class Why(StrEnum):
    """Why a proposal is there, and stands where it stands. Doors turn each into a sentence."""

    REGULAR_DOCTOR = "regular_doctor"
    PREFERRED = "preferred_profession"
    ABLE = "able_profession"
    SOONEST = "soonest"
    NEAREST = "nearest"
    FEWER_BOOKED = "fewer_booked"


@dataclass(frozen=True)
class Candidate:
    """A free slot, and what this patient makes of it."""

    slot: FreeSlot
    is_regular_doctor: bool = False


@dataclass(frozen=True)
class Proposal:
    """A slot to offer, how far it is, and why it is offered."""

    slot: FreeSlot
    distance_km: float | None
    is_regular_doctor: bool
    reasons: tuple[Why, ...]


Rank = tuple[bool, int, int, int, int, datetime, float, UUID]


def rank(candidates: Iterable[Candidate], *, home: Place | None, now: datetime) -> list[Proposal]:
    """Return every slot once, best first, with reasons; the order of the input means nothing.

    The patient's own doctor first; then professions as the protocol prefers them; then sooner,
    by half hours; then nearer, by two kilometres; then who has fewer bookings around that time.
    """
    ranked = sorted(((_rank(c, home, now), c) for c in candidates), key=lambda pair: pair[0])
    best: dict[UUID, Candidate] = {}
    for _, candidate in ranked:
        best.setdefault(candidate.slot.reference, candidate)
    return _explained(_spread(best.values()), home)


def _spread(ordered: Iterable[Candidate]) -> list[Candidate]:
    """Let each professional come twice, then each twice again, and so on."""
    turns: Counter[UUID] = Counter()
    taken: list[tuple[int, Candidate]] = []
    for candidate in ordered:
        taken.append((turns[candidate.slot.professional] // TOGETHER, candidate))
        turns[candidate.slot.professional] += 1
    return [candidate for _, candidate in sorted(taken, key=lambda turn: turn[0])]


def _rank(candidate: Candidate, home: Place | None, now: datetime) -> Rank:
    slot = candidate.slot
    distance = _distance(slot, home) or 0.0
    return (
        not candidate.is_regular_doctor,
        slot.preference,
        (slot.starts_at - now) // SAME_MOMENT,
        int(distance // SAME_DISTANCE_KM),
        slot.claimed_nearby,
        slot.starts_at,
        distance,
        slot.reference,
    )


def _distance(slot: FreeSlot, home: Place | None) -> float | None:
    return None if home is None else distance_km(home, Place(slot.latitude, slot.longitude))


def _explained(ordered: list[Candidate], home: Place | None) -> list[Proposal]:
    if not ordered:
        return []
    distances = {c.slot.reference: _distance(c.slot, home) for c in ordered}
    soonest = min(c.slot.starts_at for c in ordered)
    nearest = min((d for d in distances.values() if d is not None), default=None)
    preferred = min(c.slot.preference for c in ordered)
    fewest = min(c.slot.claimed_nearby for c in ordered)
    some_have_more = any(c.slot.claimed_nearby > fewest for c in ordered)

    def reasons(c: Candidate) -> Iterable[Why]:
        if c.is_regular_doctor:
            yield Why.REGULAR_DOCTOR
        elif c.slot.preference == preferred:
            yield Why.PREFERRED
        else:
            yield Why.ABLE
        if c.slot.starts_at == soonest:
            yield Why.SOONEST
        if nearest is not None and distances[c.slot.reference] == nearest:
            yield Why.NEAREST
        if some_have_more and c.slot.claimed_nearby == fewest:
            yield Why.FEWER_BOOKED

    return [
        Proposal(c.slot, distances[c.slot.reference], c.is_regular_doctor, tuple(reasons(c)))
        for c in ordered
    ]
