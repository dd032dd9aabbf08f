"""A practice takes free time back for an hour, opens some where nothing is, and undoes either."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from booking.desk import acts, board, supply
from booking.desk.board import Entry, Scope, State
from config.clock import day_bounds, local_day
from schedules import slots, undo
from schedules.models import Act, ActKind, Community, Professional, Slot
from schedules.openings import FURTHEST

AGAIN_FROM = 2 * FURTHEST
"""An act about a day of this month is not older than that."""


class Because(StrEnum):
    """Why a practice takes time back: a short list, so that nobody writes about a patient."""

    VISIT = auto()
    BREAK = auto()
    MEETING = auto()
    OTHER = auto()


class NothingFree(Exception):
    """Everything there is taken, held or has begun: nothing was blocked."""


class NotBlocked(LookupError):
    """A slot that is not blocked, or not this account's."""


def run_from(
    session: Session, scope: Scope, community: Community, first: UUID, *, now: datetime
) -> list[Entry]:
    """Return a professional's slot and what follows it on that day, free or not.

    Of the other places of its hour, those after it.

    Raises:
        supply.NotTheirs: if this account does not look after that slot.
    """
    slot = session.scalar(select(Slot).where(scope.slots(), Slot.reference == first))
    if slot is None:
        raise supply.NotTheirs
    day = day_bounds(local_day(slot.starts_at, community.zone), community.zone)
    blocked = list(reasons(session, scope, now=now))
    entries = board.day(session, scope, (slot.starts_at, day[1]), blocked=blocked, now=now)
    whose = {each.professional for each in entries if each.slot == first}
    run = [each for each in entries if each.professional in whose]
    return run[next((n for n, each in enumerate(run) if each.slot == first), 0) :]


def block(
    session: Session,
    scope: Scope,
    run: Sequence[Entry],
    because: Because,
    *,
    by: UUID,
    now: datetime,
) -> UUID:
    """Take back what is free of one professional's moments; return the act, to undo it.

    What a patient holds or has booked stays.

    Raises:
        NothingFree: if not one of them was.
    """
    wanted = [each.slot for each in run if each.state in (State.FREE, State.CLOSED)]
    number = _professional(session, scope, run[0].professional)
    gone = [slot for slot in wanted if _is_taken_back(session, scope, slot, number, now)]
    if not gone:
        raise NothingFree
    common = (session, scope.community_id)
    noted = undo.note(*common, number, ActKind.WITHDRAWN, gone, by=by, now=now)
    act = session.scalars(select(Act).where(Act.reference == noted)).one()
    act.touched = act.touched | {"because": because.value}
    session.flush()
    return noted


def _is_taken_back(
    session: Session, scope: Scope, slot: UUID, professional_id: int, now: datetime
) -> bool:
    try:
        slots.withdraw(session, scope.community_id, slot, professionals=[professional_id], now=now)
    except slots.SlotTaken:
        return False
    return True


def _professional(session: Session, scope: Scope, who: UUID) -> int:
    return session.scalars(
        select(Professional.id).where(
            Professional.community_id == scope.community_id, Professional.reference == who
        )
    ).one()


def reasons(session: Session, scope: Scope, *, now: datetime) -> dict[UUID, Because]:
    """Return why slots were taken back, by slot: what was undone since is not there."""
    acts = session.execute(
        select(Act.touched)
        .where(
            Act.community_id == scope.community_id,
            Act.kind == ActKind.WITHDRAWN,
            Act.undone_at.is_(None),
            Act.at > now - AGAIN_FROM,
            Act.touched.has_key("because"),
            Act.professional_id.in_(_theirs(scope)),
        )
        .order_by(Act.id)
    ).scalars()
    return {
        UUID(slot): Because(touched["because"]) for touched in acts for slot in touched["withdrawn"]
    }


def _theirs(scope: Scope) -> Sequence[int] | Select[int]:
    if scope.professional_id is not None:
        return [scope.professional_id]
    return select(Slot.professional_id).where(scope.slots())


def recent(session: Session, scope: Scope, *, by: UUID, now: datetime) -> list[acts.Done]:
    """Return what this account itself did to slots and can still undo, the last first."""
    mine = set(
        session.scalars(
            select(Act.reference).where(
                Act.community_id == scope.community_id, Act.by == by, Act.at > now - undo.FOR
            )
        )
    )
    return [
        done for done in acts.recent(session, scope, now=now) if done.may_undo and done.act in mine
    ]


def unblock(
    session: Session, scope: Scope, community: Community, slot: UUID, *, by: UUID, now: datetime
) -> int:
    """Offer again all that was blocked together with this slot; return how much could not be.

    Whoever blocked it, however long ago: it is blocked once more, and that is undone.

    Raises:
        NotBlocked: if this slot is not theirs, or not blocked.
    """
    theirs = session.scalar(select(Slot.id).where(scope.slots(), Slot.reference == slot))
    found = session.scalar(
        select(Act)
        .where(
            Act.community_id == scope.community_id,
            Act.kind == ActKind.WITHDRAWN,
            Act.undone_at.is_(None),
            Act.touched.has_key("because"),
            Act.touched.contains({"withdrawn": [str(slot)]}),
            Act.professional_id.in_(_theirs(scope)),
        )
        .order_by(Act.id.desc())
        .limit(1)
        .with_for_update()
    )
    if theirs is None or found is None:
        raise NotBlocked
    together = [UUID(each) for each in found.touched["withdrawn"]]
    common = (session, scope.community_id, found.professional_id)
    noted = undo.note(*common, ActKind.WITHDRAWN, together, by=by, now=now)
    found.undone_at = now
    again = session.scalars(select(Act).where(Act.reference == noted)).one()
    return undo.undo(session, community, again, now=now).could_not
