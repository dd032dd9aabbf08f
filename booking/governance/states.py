"""Where each version of a community stands on a day, from its status and its dates alone."""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from booking.models import ProtocolVersion, VersionStatus


class State(StrEnum):
    """Where a version stands on a day, as a committee says it."""

    DRAFT = "DRAFT"
    TESTED = "TESTED"
    TO_COME = "TO_COME"
    """Signed; its first day is not yet there."""
    IN_FORCE = "IN_FORCE"
    REPLACED = "REPLACED"
    """Signed, and another was in force after it."""
    EXPIRED = "EXPIRED"
    """Nothing followed it, and its twelve months are over: nobody is triaged."""
    WITHDRAWN = "WITHDRAWN"


def last_day(first: date) -> date:
    """Return the last of the twelve months that begin on that day."""
    is_leap_day = (first.month, first.day) == (2, 29)
    start = first - timedelta(days=1) if is_leap_day else first
    return start.replace(year=start.year + 1) - timedelta(days=1)


def current(versions: Iterable[ProtocolVersion], on: date) -> ProtocolVersion | None:
    """Return the signed version whose first day came last; it may have expired since."""
    begun = [
        v
        for v in versions
        if v.status is VersionStatus.APPROVED and v.in_force_from and v.in_force_from <= on
    ]
    return max(begun, key=lambda v: (v.in_force_from, v.approved_at), default=None)


def of(versions: Iterable[ProtocolVersion], on: date) -> dict[UUID, State]:
    """Return where each of a community's versions stands on that day, by reference."""
    every = list(versions)
    counts = current(every, on)
    return {version.reference: _state(version, counts, on) for version in every}


def _state(version: ProtocolVersion, counts: ProtocolVersion | None, on: date) -> State:
    if version.status is not VersionStatus.APPROVED:
        return State[version.status.name]
    assert version.in_force_from is not None
    assert version.valid_until is not None
    if version.in_force_from > on:
        return State.TO_COME
    if counts is None or version.reference != counts.reference:
        return State.REPLACED
    return State.IN_FORCE if on <= version.valid_until else State.EXPIRED
