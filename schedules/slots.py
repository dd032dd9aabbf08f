"""Publish, hold, claim, release, withdraw: the only writer of a slot's life.

Each change is one conditional UPDATE: there is no check first and act later anywhere.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar
from uuid import UUID, uuid4

from psycopg.errors import ExclusionViolation
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    SQLColumnExpression,
    Update,
    and_,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import String as StringColumn
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql import cast

from config.clock import local_day
from schedules import enabling
from schedules.models import (
    AppointmentType,
    Community,
    Mode,
    Professional,
    Site,
    Slot,
    Visibility,
)

HOLD = timedelta(minutes=5)
"""How long a slot waits for the patient who chose it. Both sides see the end."""

RESERVED = (Visibility.CPTS, Visibility.SNP)
"""What a slot is for unless its owner says otherwise: the community, and the SAS."""


T = TypeVar("T")
Given: TypeAlias = T | BindParameter[Any]
"""A value, or the place of one in a statement that is built once and run often."""


class SlotTaken(Exception):
    """The slot is claimed, held by another, already started, withdrawn, or not there at all."""


class SlotsOverlap(Exception):
    """The professional already offers part of that time, at this site or another."""


def is_open_to(asker: Given[UUID], now: Given[datetime]) -> ColumnElement[bool]:
    """Unclaimed, not started, closed by no calendar, held by nobody else: the one definition.

    What reserved time has set aside, or a calendar has closed, stays open to whom it was kept
    for, until the hold ends.
    """
    return and_(
        Slot.claimed_by.is_(None),
        Slot.withdrawn_at.is_(None),
        Slot.starts_at > now,
        or_(Slot.held_by.is_(None), Slot.held_by == asker, Slot.held_until <= now),
        or_(
            and_(Slot.busy_since.is_(None), Slot.set_aside_since.is_(None)),
            and_(Slot.held_by == asker, Slot.held_until > now),
        ),
    )


def is_seen_by(visible_to: Sequence[Visibility]) -> ColumnElement[bool]:
    """Offered to at least one of these."""
    seen: ColumnElement[bool] = Slot.visibility.op("&&")(
        cast(list(visible_to), ARRAY(StringColumn))
    )
    return seen


def accepts(complaints: Sequence[str] | SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Kept for no reasons in particular, or for all of these."""
    taken: ColumnElement[bool] = Slot.complaints.contains(complaints)
    return or_(func.cardinality(Slot.complaints) == 0, taken)


def publish(
    session: Session,
    professional: Professional,
    site: Site,
    times: Sequence[tuple[datetime, datetime]],
    *,
    visibility: Sequence[Visibility] = RESERVED,
    mode: Mode = Mode.AMB,
    appointment_type: AppointmentType = AppointmentType.ROUTINE,
) -> list[UUID]:
    """Offer these moments, all or none, and return the slots' references in the same order.

    Raises:
        SlotsOverlap: if the professional already offers part of that time, anywhere.
    """
    alone_with(session, professional.community_id, [professional.id])
    references = [uuid4() for _ in times]
    skills = _skills(session, professional, site, times)
    rows = [
        {
            "community_id": professional.community_id,
            "reference": reference,
            "professional_id": professional.id,
            "site_id": site.id,
            "discipline": professional.discipline,
            "skills": codes,
            "visibility": list(visibility),
            "mode": mode,
            "appointment_type": appointment_type,
            "starts_at": start,
            "ends_at": end,
        }
        for reference, codes, (start, end) in zip(references, skills, times, strict=True)
    ]
    try:
        with session.begin_nested():
            session.execute(insert(Slot), rows)
    except IntegrityError as refused:
        if isinstance(refused.orig, ExclusionViolation):
            raise SlotsOverlap from None
        raise
    return references


def fill(
    session: Session,
    professional: Professional,
    site: Site,
    times: Sequence[tuple[datetime, datetime]],
    *,
    calendar_id: int,
) -> None:
    """Offer those of these moments at which the professional offers nothing yet, anywhere."""
    if not times or professional.suspended_at is not None:
        return
    skills = _skills(session, professional, site, times)
    rows = [
        {
            "community_id": professional.community_id,
            "professional_id": professional.id,
            "site_id": site.id,
            "discipline": professional.discipline,
            "skills": codes,
            "visibility": list(RESERVED),
            "calendar_id": calendar_id,
            "starts_at": start,
            "ends_at": end,
        }
        for codes, (start, end) in zip(skills, times, strict=True)
    ]
    session.execute(upsert(Slot).on_conflict_do_nothing(), rows)


def withdraw_free(session: Session, which: ColumnElement[bool], *, now: datetime) -> None:
    """Take back those of these slots that nobody has claimed or holds and that have not begun."""
    session.execute(
        update(Slot)
        .where(
            which,
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.starts_at > now,
            or_(Slot.held_by.is_(None), Slot.held_until <= now),
        )
        .values(withdrawn_at=now, set_aside_since=None, held_by=None, held_until=None)
        .execution_options(synchronize_session=False)
    )


def keep_conflict(session: Session, which: ColumnElement[bool], *, now: datetime) -> bool:
    """Note that what is booked there stays, whatever a calendar says; False if nothing is."""
    kept = session.scalar(
        update(Slot)
        .where(which, Slot.claimed_by.is_not(None))
        .values(conflict_kept_at=now)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    return kept is not None


def alone_with(session: Session, community_id: int, professionals: Sequence[int]) -> None:
    """Wait until nobody else changes these professionals' time, and keep others waiting.

    Who brings slots back must know what else was opened. Holding and claiming wait for nobody.
    """
    session.execute(
        select(Professional.id)
        .where(Professional.community_id == community_id, Professional.id.in_(professionals))
        .order_by(Professional.id)
        .with_for_update(key_share=True)
    )


def _skills(
    session: Session,
    professional: Professional,
    site: Site,
    times: Sequence[tuple[datetime, datetime]],
) -> list[list[str]]:
    """Return what can be asked of a slot at each of these moments."""
    zone = session.get_one(Community, professional.community_id).zone
    enabled = enabling.of(session, professional.community_id, [professional.id])[professional.id]
    return [enabling.offered(enabled, site, local_day(start, zone)) for start, _ in times]


def hold(
    session: Session,
    community_id: int,
    slot: UUID,
    *,
    asker: UUID,
    only_if: ColumnElement[bool] | None = None,
    now: datetime,
) -> datetime:
    """Keep an open slot for one asker and return until when; what they held before is let go.

    Asking again renews the hold. `only_if` is what the asker wants to be true of the slot.

    Raises:
        SlotTaken: if it is not open to this asker.
    """
    until = now + HOLD
    taken = session.scalar(
        update(Slot)
        .where(
            Slot.community_id == community_id,
            Slot.reference == slot,
            is_open_to(asker, now),
            true() if only_if is None else only_if,
        )
        .values(held_by=asker, held_until=until)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        raise SlotTaken(slot)
    let_go(session, community_id, asker=asker, all_but=slot, now=now)
    return until


def let_go(
    session: Session,
    community_id: int,
    *,
    asker: UUID,
    all_but: UUID | None = None,
    now: datetime,
) -> None:
    """End this asker's holds that still run, but for one slot's if it is named."""
    ending = letting_go(community_id, asker=asker, now=now)
    if all_but is not None:
        ending = ending.where(Slot.reference != all_but)
    session.execute(ending)


def letting_go(community_id: Given[int], *, asker: Given[UUID], now: Given[datetime]) -> Update:
    """Return the UPDATE that ends an asker's holds that still run.

    One that has ended may be another's by now: waiting for it would be a deadlock in the making.
    """
    return (
        update(Slot)
        .where(Slot.community_id == community_id, Slot.held_by == asker, Slot.held_until > now)
        .values(held_by=None, held_until=None)
        .execution_options(synchronize_session=False)
    )


def claiming(
    community_id: Given[int], slot: Given[UUID], *, asker: Given[UUID], now: Given[datetime]
) -> Update:
    """Return the one UPDATE that gives an open slot to one asker, for good.

    Of two patients who press the button together the database lets one row change. It is
    handed out as a statement so that the booking's rows can hang on it, in the same statement.
    """
    return (
        update(Slot)
        .where(Slot.community_id == community_id, Slot.reference == slot, is_open_to(asker, now))
        .values(claimed_by=asker, claimed_at=now, held_by=None, held_until=None)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, community_id: int, slot_id: int, *, asker: UUID) -> None:
    """Make a claimed slot free again at once; only its claimant's claim is ended."""
    session.execute(
        update(Slot)
        .where(Slot.community_id == community_id, Slot.id == slot_id, Slot.claimed_by == asker)
        .values(claimed_by=None, claimed_at=None, conflict_kept_at=None)
        .execution_options(synchronize_session=False)
    )


def withdraw(
    session: Session, community_id: int, slot: UUID, *, professionals: Sequence[int], now: datetime
) -> None:
    """Take a slot of one of these professionals back, unless somebody holds or has claimed it.

    Raises:
        SlotTaken: if it is not free, or not theirs.
    """
    gone = session.scalar(
        update(Slot)
        .where(
            Slot.community_id == community_id,
            Slot.reference == slot,
            Slot.professional_id.in_(professionals),
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            or_(Slot.held_by.is_(None), Slot.held_until <= now),
        )
        .values(withdrawn_at=now, set_aside_since=None, held_by=None, held_until=None)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    if gone is None:
        raise SlotTaken(slot)
