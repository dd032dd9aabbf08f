"""Pure: who could take somebody → who is asked next, the least asked first among those as near."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

RING_KM = 5.0
"""Each ring around the patient is this much wider than the one before."""

NOWHERE = 1000.0
"""Where nobody knows how far it is, it is as far for all."""

LATELY = timedelta(days=30)
"""How often somebody was asked is counted over so long: what members see of it, too."""


@dataclass(frozen=True)
class Candidate:
    """A professional who may take this patient."""

    professional_id: int
    reference: UUID
    is_regular_doctor: bool
    preference: int
    """Position, from 0, of their profession among the protocol's routes."""
    distance_km: float | None
    """To the nearest of their places that will do; None where the patient did not say where."""
    asked_lately: int
    last_asked_at: datetime | None


Rank = tuple[bool, int, int, int, float, float, UUID]


def wave(candidates: Iterable[Candidate], size: int) -> list[Candidate]:
    """Return the next ones to ask; the order of the input means nothing.

    The patient's own doctor first; then professions as the protocol prefers them; then ring by
    ring; in a ring, who was asked least of late, then who was asked longest ago, then the nearer.
    """
    return sorted(candidates, key=rank)[:size]


def rank(candidate: Candidate) -> Rank:
    """Return the place of somebody among those who may be asked; no two are equal."""
    far = NOWHERE if candidate.distance_km is None else candidate.distance_km
    last = candidate.last_asked_at
    return (
        not candidate.is_regular_doctor,
        candidate.preference,
        int(far // RING_KM),
        candidate.asked_lately,
        last.timestamp() if last else 0.0,
        far,
        candidate.reference,
    )
