"""Reserved slots for today and the two days after, whatever the hour at which somebody looks.

What a day holds is pure and the same each time; only today also depends on what is left of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from booking.demo.territory import HoursDoc, written
from config.clock import day_bounds, local_day
from schedules import slots
from schedules.models import Community, Professional, ProfessionalSite, Site, Slot
from schedules.openings import SHORTEST, Opening, OpeningRefused, moments

DAYS = 3
QUARTER = timedelta(minutes=15)

MORNINGS = (time(8, 30), time(9), time(9, 45), time(10, 30), time(11, 15))
AFTERNOONS = (time(13, 30), time(14, 15), time(15), time(16), time(17))

FREE_TODAY = 2
"""With fewer slots than this to come today, a professional reserves some more."""
MORE_TODAY = 4


@dataclass(frozen=True)
class Practice:
    """A professional, where they reserve slots, and what they reserve."""

    professional: Professional
    site: Site
    hours: HoursDoc


def openings(practice: Practice, day: date) -> Iterator[Opening]:
    """Return what a professional reserves on a day: some of the morning, some of the afternoon."""
    length = timedelta(minutes=practice.hours.minutes)
    for starts, count in (
        (_chosen(MORNINGS, practice, day), practice.hours.morning),
        (_chosen(AFTERNOONS, practice, day), practice.hours.afternoon),
    ):
        yield Opening(day, starts, count, length)


def _chosen(among: Sequence[time], practice: Practice, day: date) -> time:
    """Return one of these hours: another for each person and day, the same at each seeding."""
    digest = sha256(f"{practice.professional.rpps}{day}{among[0]}".encode()).digest()
    return among[digest[0] % len(among)]


def what_is_left(opening: Opening, now: datetime) -> Opening | None:
    """Return the part of an opening that begins after the next quarter hour; `now` is wall time."""
    begins = datetime.combine(opening.day, opening.starts)
    late = max(-((begins - next_quarter(now)) // opening.length), 0)
    if late >= opening.count:
        return None
    starts = (begins + late * opening.length).time()
    return Opening(opening.day, starts, opening.count - late, opening.length)


def next_quarter(now: datetime) -> datetime:
    """Return the first full quarter hour after `now`, both as naive wall time."""
    return now + QUARTER - (now - datetime.combine(now.date(), time())) % QUARTER


def more_today(practice: Practice, now: datetime) -> Opening | None:
    """Return slots from the next quarter hour on, short ones if no two usual ones fit in.

    `now` is naive wall time. None from a quarter to midnight on: no quarter hour is left.
    """
    starts = next_quarter(now)
    midnight = datetime.combine(now.date() + timedelta(days=1), time())
    left = midnight - starts
    usual = timedelta(minutes=practice.hours.minutes)
    length = usual if left >= FREE_TODAY * usual else SHORTEST
    room = min(left // length, MORE_TODAY)
    return Opening(now.date(), starts.time(), room, length) if room > 0 else None


def practices(session: Session, community: Community) -> list[Practice]:
    """Return everybody of the community whose discipline has hours in the demonstration."""
    hours: Mapping[str, HoursDoc] = written().hours
    first_site = (
        select(ProfessionalSite.professional_id, func.min(ProfessionalSite.site_id).label("site"))
        .where(ProfessionalSite.community_id == community.id)
        .group_by(ProfessionalSite.professional_id)
        .subquery()
    )
    found = session.execute(
        select(Professional, Site)
        .join(first_site, first_site.c.professional_id == Professional.id)
        .join(Site, (Site.id == first_site.c.site) & (Site.community_id == community.id))
        .where(Professional.community_id == community.id)
        .order_by(Professional.id)
    )
    return [Practice(p, s, hours[p.discipline]) for p, s in found if p.discipline in hours]


def replenish(session: Session, community: Community, *, now: datetime) -> int:
    """Reserve slots where today or the two days after have none; return how many.

    Done again it adds what the passing of time has used up, and nothing else.
    """
    everybody = practices(session, community)
    today = local_day(now, community.zone)
    made = 0
    for ahead in range(DAYS):
        day = today + timedelta(days=ahead)
        reserved = _starts_on(session, community, day)
        for practice in everybody:
            if practice.professional.id not in reserved:
                made += _reserve_day(session, community, practice, day, now)
    to_come = _starts_on(session, community, today, after=now)
    for practice in everybody:
        if len(to_come.get(practice.professional.id, ())) < FREE_TODAY:
            more = more_today(practice, _wall(community, now))
            made += _reserve(session, community, practice, more, now)
    return made


def _wall(community: Community, now: datetime) -> datetime:
    return now.astimezone(community.zone).replace(tzinfo=None)


def _starts_on(
    session: Session, community: Community, day: date, *, after: datetime | None = None
) -> dict[int, list[datetime]]:
    """Return when each professional's slots of a day begin; by hand, unless any `after` counts."""
    begins, ends = day_bounds(day, community.zone)
    found: dict[int, list[datetime]] = {}
    for professional, starts_at in session.execute(
        select(Slot.professional_id, Slot.starts_at).where(
            Slot.community_id == community.id,
            Slot.starts_at >= max(begins, after or begins),
            Slot.starts_at < ends,
            true() if after else Slot.opening_id.is_(None),
        )
    ):
        found.setdefault(professional, []).append(starts_at)
    return found


def _reserve_day(
    session: Session, community: Community, practice: Practice, day: date, now: datetime
) -> int:
    wall = _wall(community, now)
    whole = openings(practice, day)
    left = (what_is_left(each, wall) if day == wall.date() else each for each in whole)
    return sum(_reserve(session, community, practice, each, now) for each in left)


def _reserve(
    session: Session,
    community: Community,
    practice: Practice,
    opening: Opening | None,
    now: datetime,
) -> int:
    """Publish an opening; where it meets one that is there, or an hour that is skipped, nothing."""
    if opening is None:
        return 0
    try:
        times = moments(opening, community.zone, now=now)
        return len(slots.publish(session, practice.professional, practice.site, times))
    except (OpeningRefused, slots.SlotsOverlap):
        return 0
