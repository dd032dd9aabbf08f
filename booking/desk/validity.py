"""How long a judgement counts, and what it lets a patient have: both end with their moment.

A need grows worse while nobody looks. The limits are SR-05 of the safety requirements
(docs/safety): 30 minutes for « today », 2 hours for « within 24 hours », and « today » means
before the day has ended, never silently tomorrow.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from booking.models import CareRequest
from booking.triage.protocol import Level
from config.clock import day_bounds, local_day

VALID_FOR: Mapping[Level, timedelta] = MappingProxyType(
    {Level.SAME_DAY: timedelta(minutes=30), Level.WITHIN_24H: timedelta(hours=2)}
)
"""From a judgement until the warning signs have to be answered again."""

OVERDUE_LOOKS = timedelta(hours=24)
"""How far ahead to look for somebody whose deadline has passed: late is better than never."""


def valid_until(request: CareRequest) -> datetime | None:
    """Return the moment from which the signs must be asked again; None where nothing is booked."""
    if request.level is None or request.assessed_at is None or request.level not in VALID_FOR:
        return None
    return request.assessed_at + VALID_FOR[request.level]


def is_too_old(request: CareRequest, now: datetime) -> bool:
    """Return whether so much time has passed since the judgement that the signs are asked again."""
    until = valid_until(request)
    return until is None or now >= until


def deadline_of(
    level: Level, hours: int | None, zone: ZoneInfo, *, now: datetime
) -> datetime | None:
    """Return the moment, in UTC, before which care is owed; none where nothing may be booked.

    The national agreement of 20 June 2019 asks for « le jour même ou dans les 24 heures »; the
    protocol says how many hours that is. A same-day need also ends with its day, in `zone`.
    """
    if hours is None or not level.is_bookable:
        return None
    latest = now + timedelta(hours=hours)
    return min(latest, end_of_day(zone, now)) if level is Level.SAME_DAY else latest


def end_of_day(zone: ZoneInfo, now: datetime) -> datetime:
    """Return the midnight, in UTC, with which this day ends in `zone`."""
    return day_bounds(local_day(now, zone), zone)[1]


def latest_start_of(
    level: Level, deadline: datetime | None, zone: ZoneInfo, *, now: datetime
) -> datetime | None:
    """Return until when what a judgement of this moment allows may start.

    Past the deadline whatever is next, for a promise that was broken does not end; but a need of
    today is never given tomorrow by itself.
    """
    if deadline is None or not level.is_bookable:
        return None
    latest = latest_start(deadline, now)
    return min(latest, end_of_day(zone, now)) if level is Level.SAME_DAY else latest


def latest_start(deadline: datetime, now: datetime) -> datetime:
    """Return the moment before which care is looked for, whatever the level."""
    return deadline if deadline > now else now + OVERDUE_LOOKS
