"""Last week's slots once more: what somebody opened by hand, on the same days of this week."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import acts
from booking.desk.board import Scope
from booking.desk.supply import WEEK, same_hour
from config.clock import day_bounds, local_day
from schedules import days_off, directory, planned, slots, undo
from schedules.calendars import closing
from schedules.models import ActKind, Community, Professional, Slot, Visibility
from schedules.patterns import Moments, overlap
from schedules.planned import Closures


class Skipped(StrEnum):
    """Why a slot of last week was not made again."""

    PAST = auto()
    ABSENT = auto()
    HOLIDAY = auto()
    OVERLAPS = auto()


def last_week(
    session: Session,
    scope: Scope,
    community: Community,
    professional: Professional,
    *,
    by: UUID,
    now: datetime,
) -> UUID:
    """Open again, seven days later, what this professional opened by hand in the last seven days.

    What cannot be is left out and told, each with its reason. What reserved time or a calendar
    made is theirs to make again. Returns the act.
    """
    slots.alone_with(session, community.id, [professional.id])
    today = local_day(now, community.zone)
    closed = planned.closures(session, community, [professional.id], today)
    made, skipped = list[UUID](), list[tuple[datetime, str]]()
    for slot in _by_hand(session, scope, professional, community, today):
        begins = same_hour(slot.starts_at, WEEK, community)
        times = begins, begins + (slot.ends_at - slot.starts_at)
        why = _why_not(times, professional, community, closed, now)
        if why is None and (one := _again(session, slot, times)):
            made.append(one)
        else:
            skipped.append((begins, why or Skipped.OVERLAPS))
    closing.settle(session, community.id, professional.id, now=now)
    act = undo.note(session, community.id, professional.id, ActKind.PUBLISHED, made, by=by, now=now)
    acts.note_skipped(session, community.id, act, skipped)
    return act


def _by_hand(
    session: Session, scope: Scope, professional: Professional, community: Community, today: date
) -> Sequence[Slot]:
    return session.scalars(
        select(Slot)
        .where(
            scope.slots(),
            Slot.professional_id == professional.id,
            Slot.opening_id.is_(None),
            Slot.calendar_id.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.starts_at >= day_bounds(today - WEEK, community.zone)[0],
            Slot.starts_at < day_bounds(today, community.zone)[0],
        )
        .order_by(Slot.starts_at)
    ).all()


def _why_not(
    times: Moments,
    professional: Professional,
    community: Community,
    closed: Closures,
    now: datetime,
) -> Skipped | None:
    day = local_day(times[0], community.zone)
    if times[0] <= now:
        return Skipped.PAST
    if any(overlap(times, away) for away in closed.away(professional.id, day)):
        return Skipped.ABSENT
    if days_off.is_public_holiday(day, community.holidays):
        return Skipped.HOLIDAY
    return None


def _again(session: Session, slot: Slot, times: Moments) -> UUID | None:
    """Publish a slot like this one; None where something is there already."""
    who, where = directory.whereabouts(session, slot)
    try:
        [made] = slots.publish(
            session,
            who,
            where,
            [times],
            visibility=[Visibility(each) for each in slot.visibility],
            mode=slot.mode,
            appointment_type=slot.appointment_type,
        )
    except slots.SlotsOverlap:
        return None
    return made
