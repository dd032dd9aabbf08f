"""Reserved time that nobody used is offered to more people, and given back, when its hour comes."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from config.clock import day_bounds, local_day
from schedules import ladder
from schedules.ladder import Audience, Step
from schedules.models import Community, Opening, Slot

AT_ONCE = 500
"""Slots moved in one transaction; the next minute takes the others."""


def release(session: Session, *, now: datetime) -> int:
    """Move every free slot whose next step is due to where it belongs; return how many.

    What a patient holds waits until the hold has ended; what is claimed is never touched.
    """
    due = session.execute(
        select(Slot, Opening, Community)
        .join(
            Opening,
            (Opening.community_id == Slot.community_id) & (Opening.id == Slot.opening_id),
        )
        .join(Community, Community.id == Slot.community_id)
        .where(
            Slot.release_at <= now,
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            or_(Slot.held_until.is_(None), Slot.held_until <= now),
        )
        .order_by(Slot.release_at)
        .limit(AT_ONCE)
        .with_for_update(of=Slot, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for slot, opening, community in due:
        _move(session, slot, opening, community, now)
    session.flush()
    return len(due)


def steps_of(opening: Opening, community: Community) -> tuple[Step, ...]:
    """Return the ladder of an opening: its own, or its community's."""
    return ladder.ladder_of(community.ladder if opening.ladder is None else opening.ladder)


def _move(
    session: Session, slot: Slot, opening: Opening, community: Community, now: datetime
) -> None:
    steps = steps_of(opening, community)
    there = ladder.standing(steps, slot.starts_at, now=now)
    if there is None or slot.starts_at <= now:
        slot.release_at = None
        return
    slot.release_at = there.next_at
    is_back = there.audience is Audience.BACK
    kept = max((step.keep for step in steps[slot.release_step : there.taken]), default=0)
    if kept and not is_back and _unused(session, slot, community.zone) <= kept:
        return
    slot.release_step = there.taken
    if is_back:
        slot.withdrawn_at = now
    else:
        slot.visibility = list(ladder.VISIBLE[there.audience])
        slot.only_own_patients = opening.only_own_patients or there.audience is Audience.OWN


def _unused(session: Session, slot: Slot, zone: ZoneInfo) -> int:
    """Return how many free slots of this opening's day are as far down the ladder, or farther."""
    first, last = day_bounds(local_day(slot.starts_at, zone), zone)
    return (
        session.scalar(
            select(func.count()).where(
                Slot.community_id == slot.community_id,
                Slot.opening_id == slot.opening_id,
                Slot.starts_at >= first,
                Slot.starts_at < last,
                Slot.claimed_by.is_(None),
                Slot.withdrawn_at.is_(None),
                Slot.release_step <= slot.release_step,
            )
        )
        or 0
    )
