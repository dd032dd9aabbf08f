"""What becomes of a professional's slots when their reserved time changes.

Whoever changes reserved time changes its rows (openings, skips, absences), then calls `settle`,
which alone decides about slots. Taking a change back is the same: the rows as they were, `settle`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.orm import Session

from config.clock import local_day
from schedules import making, planned, slots
from schedules.calendars import closing as calendars
from schedules.lanes import Filled
from schedules.models import Community, Opening, Slot
from schedules.patterns import Moments, overlap
from schedules.planned import Closures, Planned


@dataclass(frozen=True)
class Conflict:
    """An appointment in time that is not reserved any more: it stays until somebody decides."""

    slot: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Settled:
    """What became of a professional's slots, by their references."""

    made: tuple[UUID, ...]
    back: tuple[UUID, ...]
    withdrawn: tuple[UUID, ...]
    conflicts: tuple[Conflict, ...]
    """Those that appeared now."""


@dataclass(frozen=True)
class _Slot:
    id: int
    reference: UUID
    opening_id: int | None
    times: Moments
    lane: int | None
    is_live: bool
    is_aside: bool
    is_claimed: bool
    is_held: bool

    @property
    def planned(self) -> Planned | None:
        """What an opening would have to say to want just this slot."""
        return None if self.opening_id is None else Planned(self.opening_id, self.times, self.lane)

    @property
    def is_had(self) -> bool:
        """Whether somebody has it, for good or for the moment."""
        return self.is_claimed or self.is_held


@dataclass(frozen=True)
class _Verdict:
    unwanted: list[_Slot]
    """Nobody reserves that time any more."""
    replaced: list[_Slot]
    """Another opening wants the same moment: it makes a slot of its own where this one is free."""
    again: list[_Slot]
    """Set aside before, and wanted."""


def settle(
    session: Session,
    community: Community,
    professional_id: int,
    *,
    closing: Sequence[Moments] = (),
    now: datetime,
) -> Settled:
    """Make a professional's slots to come what openings, skips and absences say by now.

    What is free and not wanted is withdrawn; what somebody holds or has claimed is only set
    aside, and stays theirs. What was set aside and is wanted again comes back, unless something
    else is there; what was withdrawn by hand never does. Slots that were opened by hand are
    closed only where they overlap `closing`, and while their professional is suspended.
    """
    slots.alone_with(session, community.id, [professional_id])
    today = local_day(now, community.zone)
    until = today + making.AHEAD
    live = making.reserved(session, community, [professional_id], Opening.ended_at.is_(None))
    closed = planned.closures(session, community, [professional_id], today)
    if professional_id in closed.suspended:
        closing = [planned.ALWAYS]
    wanted = {
        each
        for opening in (r.opening for r in live)
        for each in closed.planned(opening, today, max(opening.made_until or until, until))
        if each.times[0] > now
    }
    there = _there(session, community, professional_id, now)
    coming = [slot for slot in there if slot.times[0] > now]
    verdict = _judge(coming, wanted, closing, closed, professional_id)
    withdrawn, conflicts = _set_aside(session, community, verdict, now)
    gone = set(withdrawn)
    kept = [slot for slot in there if slot.is_live and slot.reference not in gone]
    most: dict[int | None, int] = {r.opening.id: r.opening.capacity for r in live}
    filled = Filled(kept)
    again = [s for s in verdict.again if s.is_live or filled.takes(s, most.get(s.opening_id, 1))]
    back = _bring_back(session, community, again)
    missing = _missing(wanted, there, filled, most)
    made = making.insert_planned(session, community, live, missing, now=now)
    # Nothing comes back that its calendar has not written any more.
    theirs = and_(Slot.community_id == community.id, Slot.professional_id == professional_id)
    slots.withdraw_free(session, and_(theirs, calendars.is_unwritten()), now=now)
    making.obey_calendars(session, community, [professional_id], now=now)
    making.note_made(session, live, until)
    return Settled(tuple(made), tuple(back), tuple(withdrawn), tuple(conflicts))


def conflicts(
    session: Session, community_id: int, professionals: Collection[int], *, now: datetime
) -> list[Conflict]:
    """Return what is booked in time that is not reserved any more and waits for a decision."""
    rows = session.execute(
        select(Slot.reference, Slot.starts_at, Slot.ends_at)
        .where(
            Slot.community_id == community_id,
            Slot.professional_id.in_(professionals),
            Slot.starts_at > now,
            Slot.set_aside_since.is_not(None),
            Slot.claimed_by.is_not(None),
            Slot.conflict_kept_at.is_(None),
        )
        .order_by(Slot.starts_at)
    )
    return [Conflict(*row) for row in rows]


def left_behind(session: Session, *, now: datetime) -> list[tuple[Community, int]]:
    """Return whose slots are free that only stayed because somebody had them: settle those.

    Either set aside, or of an opening that another has replaced.
    """
    is_free = and_(Slot.withdrawn_at.is_(None), Slot.starts_at > now, _is_free(now))
    aside = select(Slot.community_id, Slot.professional_id).where(
        Slot.set_aside_since.is_not(None), is_free
    )
    replaced = (
        select(Slot.community_id, Slot.professional_id)
        .join(
            Opening,
            (Opening.community_id == Slot.community_id) & (Opening.id == Slot.opening_id),
        )
        # None of its slots is further ahead.
        .where(Opening.ended_at > now - 2 * making.AHEAD, is_free)
    )
    whose = aside.union(replaced).subquery()
    rows = session.execute(
        select(Community, whose.c.professional_id)
        .join(Community, Community.id == whose.c.community_id)
        .order_by(Community.id, whose.c.professional_id)
    )
    return [(community, professional_id) for community, professional_id in rows]


def _there(
    session: Session, community: Community, professional_id: int, now: datetime
) -> list[_Slot]:
    """Return every slot of a professional that has not ended, whatever became of it."""
    rows = session.execute(
        select(
            Slot.id,
            Slot.reference,
            Slot.opening_id,
            Slot.starts_at,
            Slot.ends_at,
            Slot.lane,
            Slot.withdrawn_at.is_(None),
            Slot.set_aside_since.is_not(None),
            Slot.claimed_by.is_not(None),
            and_(Slot.held_by.is_not(None), Slot.held_until > now),
        )
        .where(
            Slot.community_id == community.id,
            Slot.professional_id == professional_id,
            Slot.starts_at > now - timedelta(hours=1),
            Slot.ends_at > now,
        )
        .order_by(Slot.starts_at, Slot.id)
    )
    return [
        _Slot(number, reference, opening_id, (start, end), *said)
        for number, reference, opening_id, start, end, *said in rows
    ]


def _judge(
    coming: Sequence[_Slot],
    wanted: Collection[Planned],
    closing: Sequence[Moments],
    closed: Closures,
    professional_id: int,
) -> _Verdict:
    """Say of each slot whether its time is still reserved."""
    verdict = _Verdict([], [], [])
    # Of the places of a moment, its own opening's patients have theirs; then those of another.
    places = Counter(each.times for each in wanted)
    places.subtract(s.times for s in coming if s.is_had and s.planned in wanted)
    for slot in coming:
        is_replaced = False
        if slot.planned is None:
            away = closed.away(professional_id, local_day(slot.times[0], closed.zone))
            is_unwanted = any(overlap(slot.times, other) for other in closing)
            is_wanted = not is_unwanted and not any(overlap(slot.times, o) for o in away)
        else:
            is_wanted = slot.planned in wanted
            is_unwanted = not is_wanted
            is_replaced = is_unwanted and places[slot.times] > 0
            if is_replaced and slot.is_had:
                places[slot.times] -= 1
        if slot.is_aside and (is_wanted or (is_replaced and slot.is_claimed)):
            verdict.again.append(slot)
        elif slot.is_live and is_unwanted:
            (verdict.replaced if is_replaced else verdict.unwanted).append(slot)
    return verdict


def _missing(
    wanted: Iterable[Planned],
    there: Iterable[_Slot],
    filled: Filled,
    most: Mapping[int | None, int],
) -> list[Planned]:
    """Return the slots to make: those wanted that never were, where there is a place for them.

    What was taken back by hand keeps its place, so that no other comes for it.
    """
    there = list(there)
    for slot in there:
        if slot.opening_id in most and not slot.is_live and not slot.is_aside:
            filled.add(slot)
    missing = sorted(
        set(wanted) - {slot.planned for slot in there},
        key=lambda each: (each.times, each.lane or 0),
    )
    # One that wants the whole time is left out by the database, if anything is there.
    return [m for m in missing if m.lane is None or filled.takes(m, most[m.opening_id])]


# Writing


def _is_free(now: datetime) -> ColumnElement[bool]:
    return and_(Slot.claimed_by.is_(None), or_(Slot.held_by.is_(None), Slot.held_until <= now))


def _set_aside(
    session: Session, community: Community, verdict: _Verdict, now: datetime
) -> tuple[list[UUID], list[Conflict]]:
    """Withdraw what is free, mark what is not; return the withdrawn, and what is booked there.

    Somebody may claim one at this very moment: what the UPDATE finds is what counts.
    """
    unwanted = [slot.id for slot in verdict.unwanted]
    replaced = [slot.id for slot in verdict.replaced]
    is_news = and_(Slot.id.in_(unwanted), Slot.set_aside_since.is_(None))
    rows = session.execute(
        update(Slot)
        .where(
            Slot.community_id == community.id,
            Slot.id.in_(unwanted + replaced),
            Slot.withdrawn_at.is_(None),
            or_(_is_free(now), is_news),
        )
        .values(
            set_aside_since=now,
            withdrawn_at=case((_is_free(now), now)),
            # An answer to an older conflict does not answer this one.
            conflict_kept_at=None,
        )
        .returning(Slot.reference, Slot.starts_at, Slot.ends_at, Slot.withdrawn_at, Slot.claimed_by)
        .execution_options(synchronize_session=False)
    ).all()
    withdrawn = [row.reference for row in rows if row.withdrawn_at is not None]
    booked = [row for row in rows if row.claimed_by is not None]
    return withdrawn, [Conflict(row.reference, row.starts_at, row.ends_at) for row in booked]


def _bring_back(session: Session, community: Community, again: Iterable[_Slot]) -> list[UUID]:
    """Offer these slots again; return those that had been withdrawn."""
    again = list(again)
    session.execute(
        update(Slot)
        .where(Slot.community_id == community.id, Slot.id.in_([slot.id for slot in again]))
        .values(set_aside_since=None, withdrawn_at=None)
        .execution_options(synchronize_session=False)
    )
    return [slot.reference for slot in again if not slot.is_live]
