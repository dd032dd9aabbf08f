"""Reserve time, change it, skip a day, be away: everything a professional does to what repeats.

Each changes rows, lets `settling` decide about slots, and writes an Act that can be undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, insert, literal, select
from sqlalchemy.orm import Session

from config.clock import local_day
from schedules import planned, plans, slots
from schedules.making import AHEAD
from schedules.models import (
    Absence,
    Act,
    ActKind,
    Community,
    Opening,
    OpeningSkip,
    Professional,
    Site,
)
from schedules.openings import FURTHEST, OpeningRefused
from schedules.patterns import Moments
from schedules.plans import Away, Plan
from schedules.settling import Settled, settle


@dataclass(frozen=True)
class Done:
    """What was done: the act's reference for « Annuler », the new row's, what became of slots."""

    act: UUID
    subject: UUID
    """The opening or absence that was made; where none was, the one that was touched."""
    settled: Settled


def reserve(
    session: Session,
    community: Community,
    professional: Professional,
    site: Site,
    plan: Plan,
    *,
    by: UUID | None,
    now: datetime,
) -> Done:
    """Reserve time, and make its first slots.

    Raises:
        OpeningRefused: see `plans.check`; Overlaps with another opening of theirs.
    """
    plans.check(plan, community, now=now)
    slots.alone_with(session, community.id, [professional.id])
    made = plans.row_of_opening(plan, community, professional_id=professional.id, site_id=site.id)
    plans.refuse_overlaps(session, community, made, now=now)
    _begin(session, made, by, now)
    act = _act(professional.id, ActKind.OPENING_MADE, by, now, opening=made.reference)
    return _done(session, community, act, made.reference)


def change(
    session: Session,
    community: Community,
    opening: Opening,
    site: Site,
    plan: Plan,
    *,
    by: UUID | None,
    now: datetime,
) -> Done:
    """End an opening and reserve what takes its place, but for the days that were skipped.

    Nobody's appointment moves: those that the new plan has no time for are conflicts.

    Raises:
        OpeningRefused: `ended`; see `plans.check`; Overlaps with another opening of theirs.
    """
    plans.check(plan, community, has_begun=True, now=now)
    _alone_with(session, opening)
    made = plans.row_of_opening(
        plan, community, professional_id=opening.professional_id, site_id=site.id
    )
    plans.refuse_overlaps(session, community, made, but=opening, now=now)
    opening.ended_at = now
    _begin(session, made, by, now)
    _skip_the_same(session, opening, made)
    act = _act(
        opening.professional_id,
        ActKind.OPENING_CHANGED,
        by,
        now,
        opening=made.reference,
        replaced=opening.reference,
    )
    return _done(session, community, act, made.reference)


def end(
    session: Session, community: Community, opening: Opening, *, by: UUID | None, now: datetime
) -> Done:
    """End an opening: its free slots are withdrawn, held and booked ones stay.

    Raises:
        OpeningRefused: `ended`.
    """
    _alone_with(session, opening)
    opening.ended_at = now
    act = _act(opening.professional_id, ActKind.OPENING_ENDED, by, now, opening=opening.reference)
    return _done(session, community, act, opening.reference)


def skip(
    session: Session,
    community: Community,
    opening: Opening,
    day: date,
    *,
    by: UUID | None,
    now: datetime,
) -> Done:
    """Leave a day of an opening out.

    Raises:
        OpeningRefused: `ended`, `past`, `not_that_day`, or `skipped` already.
    """
    _alone_with(session, opening)
    if day < local_day(now, community.zone):
        raise OpeningRefused("past")
    if day not in planned.days_of(opening, day, day):
        raise OpeningRefused("not_that_day")
    skipped = OpeningSkip(community_id=community.id, opening_id=opening.id, day=day)
    if session.get(OpeningSkip, (community.id, opening.id, day)) is not None:
        raise OpeningRefused("skipped")
    session.add(skipped)
    act = _act(
        opening.professional_id,
        ActKind.DAY_SKIPPED,
        by,
        now,
        opening=opening.reference,
        day=day.isoformat(),
    )
    return _done(session, community, act, opening.reference)


def absent(
    session: Session,
    community: Community,
    professional: Professional,
    away: Away,
    *,
    by: UUID | None,
    now: datetime,
) -> Done:
    """Close a professional's time while they are away: slots opened by hand, too.

    What is booked then stays, and is returned as conflicts.

    Raises:
        OpeningRefused: see `plans.check_away`.
    """
    plans.check_away(away, community, now=now)
    slots.alone_with(session, community.id, [professional.id])
    made = plans.row_of_absence(away, community, professional_id=professional.id)
    _begin(session, made, by, now)
    act = _act(professional.id, ActKind.ABSENCE_MADE, by, now, absence=made.reference)
    closing = times_away(made, community, now=now)
    return _done(session, community, act, made.reference, closing=closing)


def end_absence(
    session: Session, community: Community, absence: Absence, *, by: UUID | None, now: datetime
) -> Done:
    """End an absence: the slots that it closed come back, those that it kept away are made.

    Raises:
        OpeningRefused: `ended`.
    """
    _alone_with(session, absence)
    absence.ended_at = now
    act = _act(absence.professional_id, ActKind.ABSENCE_ENDED, by, now, absence=absence.reference)
    return _done(session, community, act, absence.reference)


def times_away(absence: Absence, community: Community, *, now: datetime) -> Sequence[Moments]:
    """Return the times of an absence in which slots may have been opened by hand."""
    today = local_day(now, community.zone)
    return list(planned.away_of(absence, today, today + FURTHEST + AHEAD, community.zone))


def _alone_with(session: Session, row: Opening | Absence) -> None:
    """Wait for our turn with a professional's time; refuse if the row was ended meanwhile."""
    slots.alone_with(session, row.community_id, [row.professional_id])
    session.refresh(row)
    if row.ended_at is not None:
        raise OpeningRefused("ended")


def _begin(session: Session, made: Opening | Absence, by: UUID | None, now: datetime) -> None:
    made.reference, made.created_by, made.created_at = uuid4(), by, now
    session.add(made)
    session.flush()


def _skip_the_same(session: Session, one: Opening, other: Opening) -> None:
    session.execute(
        insert(OpeningSkip).from_select(
            ["community_id", "opening_id", "day"],
            select(
                OpeningSkip.community_id, literal(other.id, BigInteger()), OpeningSkip.day
            ).where(OpeningSkip.community_id == one.community_id, OpeningSkip.opening_id == one.id),
        )
    )


def _act(
    professional_id: int, kind: ActKind, by: UUID | None, now: datetime, **touched: Any
) -> Act:
    return Act(
        reference=uuid4(),
        professional_id=professional_id,
        kind=kind,
        touched={name: str(value) for name, value in touched.items()},
        by=by,
        at=now,
    )


def _done(
    session: Session,
    community: Community,
    act: Act,
    subject: UUID,
    *,
    closing: Sequence[Moments] = (),
) -> Done:
    session.flush()
    settled = settle(session, community, act.professional_id, closing=closing, now=act.at)
    act.community_id = community.id
    act.touched |= {
        "made": [str(slot) for slot in (*settled.made, *settled.back)],
        "withdrawn": [str(slot) for slot in settled.withdrawn],
    }
    session.add(act)
    session.flush()
    return Done(act.reference, subject, settled)
