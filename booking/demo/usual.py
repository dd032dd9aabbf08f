"""Reserved time that repeats, for some doctors of the demonstration: evenings, week after week."""

from datetime import datetime, time

from sqlalchemy.orm import Session

from booking.demo.hours import practices
from config.clock import local_day
from schedules import reserving
from schedules.models import Community
from schedules.plans import Plan

SOME = 3
WORKING_DAYS = (1, 2, 3, 4, 5)
BEGINS, ENDS = time(18, 15), time(19, 15)
"""After the last slots that the demonstration opens by hand."""


def reserve(session: Session, community: Community, *, now: datetime) -> int:
    """Let the first doctors reserve an hour each evening, and return how many slots it made."""
    doctors = [p for p in practices(session, community) if p.professional.discipline == "MG"]
    made = 0
    for practice in doctors[:SOME]:
        plan = Plan(
            starts_on=local_day(now, community.zone),
            ends_on=None,
            weekdays=WORKING_DAYS,
            from_time=BEGINS,
            until_time=ENDS,
            slot_minutes=practice.hours.minutes,
        )
        done = reserving.reserve(
            session, community, practice.professional, practice.site, plan, by=None, now=now
        )
        made += len(done.settled.made)
    return made
