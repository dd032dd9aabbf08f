"""When somebody is reminded of an appointment of another day: at hours when nobody sleeps. Pure.

Whoever has one today has just been told of it. Whether a reminder still says what is so is settled
where it changes: whoever moves or cancels the appointment withdraws it in the same transaction.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.clock import local_day

QUIET_FROM, QUIET_UNTIL = time(21), time(8)
"""Wall time of the territory. Confirmations and changes leave at any hour: they are waited for."""

EVENING = time(18)
SHORTLY_BEFORE = timedelta(hours=2)

SPARED = timedelta(hours=3)
"""Whoever has booked so recently needs no reminder yet."""


def is_quiet(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether people may be asleep there."""
    wall = moment.astimezone(zone).time()
    return wall >= QUIET_FROM or wall < QUIET_UNTIL


def reminder_at(starts_at: datetime, *, booked_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when to remind: the evening before, or else two hours before; None for neither."""
    day = local_day(starts_at, zone)
    if day <= local_day(booked_at, zone):
        return None
    evening = datetime.combine(day - timedelta(days=1), EVENING, zone).astimezone(starts_at.tzinfo)
    for moment in (evening, starts_at - SHORTLY_BEFORE):
        if moment >= booked_at + SPARED and not is_quiet(moment, zone):
            return moment
    return None
