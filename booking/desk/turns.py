"""Pure: who waits and what is free → who is offered which slot, each one slot, each slot once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from booking.routing import SAME_DISTANCE_KM, SAME_MOMENT
from booking.triage.protocol import Level

FAR_KM = 1000.0
"""Who did not say where they are comes after who did."""


@dataclass(frozen=True)
class Match:
    """A free slot that suits somebody who waits."""

    community_id: int
    request: UUID
    slot: UUID
    has_none: bool
    """They have no appointment at all; the others want theirs sooner."""
    level: Level
    left: timedelta
    """Until care is owed; less than nothing past that moment."""
    since: datetime
    starts_at: datetime
    distance_km: float | None


Rank = tuple[bool, int, int, int, datetime, UUID]


def turns(matches: Iterable[Match]) -> list[Match]:
    """Return which offers to make, soonest slot first; the order of the input means nothing.

    A slot goes to who has no appointment before who has one; then by level, by the time that is
    left, by half hours, by distance, by two kilometres, and by who waits longer.
    """
    asked: set[UUID] = set()
    gone: set[UUID] = set()
    given: list[Match] = []
    for match in sorted(matches, key=lambda m: (m.starts_at, m.slot, rank(m))):
        if match.request not in asked and match.slot not in gone:
            asked.add(match.request)
            gone.add(match.slot)
            given.append(match)
    return given


def rank(match: Match) -> Rank:
    """Return the place of somebody among those whom the same slot suits; no two are equal."""
    far = FAR_KM if match.distance_km is None else match.distance_km
    return (
        not match.has_none,
        -match.level,
        match.left // SAME_MOMENT,
        int(far // SAME_DISTANCE_KM),
        match.since,
        match.request,
    )
