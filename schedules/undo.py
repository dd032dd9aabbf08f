"""Take back, for ten minutes, what was done to slots or reserved time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from schedules import plans, relocating, slots
from schedules.models import Absence, Act, ActKind, Community, Opening, OpeningSkip, Slot
from schedules.openings import OpeningRefused
from schedules.patterns import Moments
from schedules.reserving import times_away
from schedules.settling import settle

FOR = timedelta(minutes=10)


class CannotUndo(Exception):
    """Nothing was taken back; `why` is a key for the door's sentence.

    `late`, `undone` already, `changed_since` (by a later act: undo that one first), or
    `overlaps` with an opening that was made since.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Undone:
    """How many slots came back or were taken back, and how many could not."""

    back: int
    withdrawn: int
    could_not: int
    """Those that somebody holds or has booked by now; those in whose place something else is."""


def undo(
    session: Session,
    community: Community,
    act: Act,
    *,
    along: Collection[UUID] = (),
    now: datetime,
) -> Undone:
    """Take an act back: what it ended goes on, what it made is ended, and slots follow.

    What somebody holds or has booked in the meantime stays. `along` are booked slots that go
    back to the site that they left: the caller keeps their appointments locked, and tells.

    Raises:
        CannotUndo: if it is too late, or something else was done to the same since.
    """
    slots.alone_with(session, community.id, [act.professional_id])
    session.refresh(act)
    if act.undone_at is not None:
        raise CannotUndo("undone")
    if now - act.at > FOR:
        raise CannotUndo("late")
    if act.kind is ActKind.RELOCATED:
        return _brought_back(session, community, act, along, now)
    closing = _REVERSE[act.kind](session, community, act, now)
    session.flush()
    settled = settle(session, community, act.professional_id, closing=closing, now=now)
    act.undone_at = now
    session.flush()
    return _counted(session, act, len(settled.made), now)


def note(
    session: Session,
    community_id: int,
    professional_id: int,
    kind: ActKind,
    references: Sequence[UUID],
    *,
    by: UUID | None,
    now: datetime,
    **more: Any,
) -> UUID:
    """Write that slots were opened (PUBLISHED), taken back (WITHDRAWN) or RELOCATED by hand.

    `more` is what its reader wants to know of it: why, for instance. Returns the act's
    reference, for « Annuler ».
    """
    act = Act(
        community_id=community_id,
        reference=uuid4(),
        professional_id=professional_id,
        kind=kind,
        touched={_NAMES[kind]: [str(slot) for slot in references], **more},
        by=by,
        at=now,
    )
    session.add(act)
    session.flush()
    return act.reference


_NAMES: Mapping[ActKind, str] = MappingProxyType(
    {
        ActKind.PUBLISHED: "made",
        ActKind.WITHDRAWN: "withdrawn",
        ActKind.RELOCATED: "relocated",
    }
)
"""Under which name an act keeps the slots that were touched by hand."""


# What each kind of act did, backwards


def _end_what_was_made(
    session: Session, community: Community, act: Act, now: datetime
) -> Sequence[Moments]:
    del community
    made = _opening(session, act)
    _still_live(made)
    made.ended_at = now
    return ()


def _go_on(session: Session, community: Community, act: Act, now: datetime) -> Sequence[Moments]:
    ended = _opening(session, act)
    _refuse_overlaps(session, community, ended, None, now)
    ended.ended_at = None
    return ()


def _put_back(session: Session, community: Community, act: Act, now: datetime) -> Sequence[Moments]:
    made, replaced = _opening(session, act), _opening(session, act, "replaced")
    _still_live(made)
    _refuse_overlaps(session, community, replaced, made, now)
    made.ended_at, replaced.ended_at = now, None
    return ()


def _skip_no_more(
    session: Session, community: Community, act: Act, now: datetime
) -> Sequence[Moments]:
    del now
    opening = _opening(session, act)
    # What replaced it skips that day for itself.
    _still_live(opening)
    session.execute(
        delete(OpeningSkip).where(
            OpeningSkip.community_id == community.id,
            OpeningSkip.opening_id == opening.id,
            OpeningSkip.day == date.fromisoformat(act.touched["day"]),
        )
    )
    return ()


def _be_there(session: Session, community: Community, act: Act, now: datetime) -> Sequence[Moments]:
    del community
    absence = _absence(session, act)
    _still_live(absence)
    absence.ended_at = now
    return ()


def _be_away_again(
    session: Session, community: Community, act: Act, now: datetime
) -> Sequence[Moments]:
    absence = _absence(session, act)
    absence.ended_at = None
    return times_away(absence, community, now=now)


def _take_back(
    session: Session, community: Community, act: Act, now: datetime
) -> Sequence[Moments]:
    theirs = [act.professional_id]
    for slot in _slots(act, "made"):
        with suppress(slots.SlotTaken):
            slots.withdraw(session, community.id, slot, professionals=theirs, now=now)
    return ()


def _offer_again(
    session: Session, community: Community, act: Act, now: datetime
) -> Sequence[Moments]:
    """Count what was withdrawn by hand as only set aside: settling brings it back where it can."""
    session.execute(
        update(Slot)
        .where(
            Slot.community_id == community.id,
            Slot.reference.in_(_slots(act, "withdrawn")),
            Slot.withdrawn_at.is_not(None),
        )
        .values(set_aside_since=now)
        .execution_options(synchronize_session=False)
    )
    return ()


def _brought_back(
    session: Session, community: Community, act: Act, along: Collection[UUID], now: datetime
) -> Undone:
    """Take slots back to their sites: whose time it is stays as it was, so nothing is settled."""
    left = {UUID(slot): UUID(site) for slot, site in act.touched["left"].items()}
    went = relocating.bring_back(
        session,
        community,
        act.professional_id,
        left,
        there=UUID(act.touched["site"]),
        along=along,
        now=now,
    )
    if not went:
        raise CannotUndo("changed_since")
    act.undone_at = now
    session.flush()
    return Undone(len(went), 0, len(left) - len(went))


_REVERSE: Mapping[ActKind, Callable[[Session, Community, Act, datetime], Sequence[Moments]]] = (
    MappingProxyType(
        {
            ActKind.PUBLISHED: _take_back,
            ActKind.WITHDRAWN: _offer_again,
            ActKind.OPENING_MADE: _end_what_was_made,
            ActKind.OPENING_ENDED: _go_on,
            ActKind.OPENING_CHANGED: _put_back,
            ActKind.DAY_SKIPPED: _skip_no_more,
            ActKind.ABSENCE_MADE: _be_there,
            ActKind.ABSENCE_ENDED: _be_away_again,
        }
    )
)
"""Each returns the times in which slots that were opened by hand are to be closed."""


def _still_live(row: Opening | Absence) -> None:
    if row.ended_at is not None:
        raise CannotUndo("changed_since")


def _refuse_overlaps(
    session: Session, community: Community, opening: Opening, but: Opening | None, now: datetime
) -> None:
    try:
        plans.refuse_overlaps(session, community, opening, but=but, now=now)
    except OpeningRefused as refused:
        raise CannotUndo(refused.why) from None


def _opening(session: Session, act: Act, name: str = "opening") -> Opening:
    return session.scalars(
        select(Opening)
        .where(
            Opening.community_id == act.community_id,
            Opening.reference == UUID(act.touched[name]),
        )
        .execution_options(populate_existing=True)
    ).one()


def _absence(session: Session, act: Act) -> Absence:
    return session.scalars(
        select(Absence)
        .where(
            Absence.community_id == act.community_id,
            Absence.reference == UUID(act.touched["absence"]),
        )
        .execution_options(populate_existing=True)
    ).one()


def _slots(act: Act, name: str) -> list[UUID]:
    return [UUID(slot) for slot in act.touched.get(name, [])]


def _counted(session: Session, act: Act, also_made: int, now: datetime) -> Undone:
    """Count what became of the act's slots: offered again, withdrawn, or neither."""
    was_made = Slot.reference.in_(_slots(act, "made"))
    was_withdrawn = Slot.reference.in_(_slots(act, "withdrawn"))
    is_there = Slot.withdrawn_at.is_(None)
    back, withdrawn, stays, missing = session.execute(
        select(
            func.count().filter(was_withdrawn, is_there),
            func.count().filter(was_made, ~is_there),
            func.count().filter(was_made, is_there, Slot.starts_at > now),
            func.count().filter(was_withdrawn, ~is_there),
        ).where(Slot.community_id == act.community_id, was_made | was_withdrawn)
    ).one()
    return Undone(back + also_made, withdrawn, stays + missing)
