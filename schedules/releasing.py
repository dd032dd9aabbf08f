"""Reserved time that nobody used is offered to more people, and given back, when its hour comes."""

from datetime import datetime
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Interval, and_, func, literal, select, true, update
from sqlalchemy.orm import Session

from config.clock import day_bounds, local_day
from schedules import ladder, slots
from schedules.ladder import Audience, Step, Stretch
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
            ~_is_held(now),
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


def follow(session: Session, community: Community, *, now: datetime) -> None:
    """Offer the free slots to come as the community's new steps say, as if they were made now.

    Only slots of openings without steps of their own. Where a step keeps some of a day, or gives
    time back, and where a patient holds, the next `release` goes on: it counts, and it waits.
    """
    following = and_(Opening.community_id == community.id, Opening.ladder.is_(None))
    whose = session.scalars(select(Opening.professional_id).where(following).distinct()).all()
    slots.alone_with(session, community.id, whose)
    theirs = and_(
        following,
        Slot.community_id == Opening.community_id,
        Slot.opening_id == Opening.id,
        Slot.starts_at > now,
        Slot.claimed_by.is_(None),
        Slot.withdrawn_at.is_(None),
    )
    _place(session, and_(theirs, _is_held(now)), release_at=now, release_step=0)
    free = and_(theirs, ~_is_held(now))
    steps = ladder.ladder_of(community.ladder)
    if not steps:
        as_made = {
            "visibility": Opening.visibility,
            "only_own_patients": Opening.only_own_patients,
        }
        _place(session, free, release_at=None, release_step=0, **as_made)
    for stretch in ladder.stretches(steps):
        _place_stretch(session, free, steps, stretch, now)


def _place_stretch(
    session: Session,
    free: ColumnElement[bool],
    steps: tuple[Step, ...],
    stretch: Stretch,
    now: datetime,
) -> None:
    """Put all slots of a stretch on its step, or on the last one that needs no counting."""
    within = [free]
    if stretch.later_than is not None:
        within.append(Slot.starts_at > now + stretch.later_than)
    if stretch.until is not None:
        within.append(Slot.starts_at <= now + stretch.until)
    uncounted = steps[:1] + tuple(takewhile(lambda step: not step.keep, steps[1:]))
    sure = [step for step in uncounted[: stretch.taken] if step.to is not Audience.BACK]
    values: dict[str, Any] = {"release_step": len(sure), "release_at": now}
    if len(sure) == stretch.taken:
        after = stretch.later_than
        values["release_at"] = (
            None if after is None else Slot.starts_at - literal(after, Interval())
        )
    if sure:
        values["visibility"] = list(ladder.VISIBLE[sure[-1].to])
        values["only_own_patients"] = (
            true() if sure[-1].to is Audience.OWN else Opening.only_own_patients
        )
    _place(session, and_(*within), **values)


def _place(session: Session, which: ColumnElement[bool], **values: Any) -> None:
    session.execute(
        update(Slot).where(which).values(values).execution_options(synchronize_session=False)
    )


def _is_held(now: datetime) -> ColumnElement[bool]:
    return and_(Slot.held_until.is_not(None), Slot.held_until > now)


def _move(
    session: Session, slot: Slot, opening: Opening, community: Community, now: datetime
) -> None:
    steps = steps_of(opening, community)
    there = ladder.standing(steps, slot.starts_at, now=now)
    if there is None or slot.starts_at <= now:
        slot.release_at = None
        if there is None:
            slot.visibility = list(opening.visibility)
            slot.only_own_patients = opening.only_own_patients
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
