"""Publish, offer, hold, claim, release, withdraw: the only writer of a slot's life.

Each change is one conditional UPDATE: there is no check first and act later anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar
from uuid import UUID, uuid4

from psycopg.errors import ExclusionViolation
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Interval,
    Select,
    Update,
    and_,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
    values,
)
from sqlalchemy import Integer as IntegerColumn
from sqlalchemy import String as StringColumn
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql import cast

from schedules.models import AppointmentType, Mode, Professional, Site, Slot, Visibility

HOLD = timedelta(minutes=5)
"""How long a slot waits for the patient who chose it. Both sides see the end."""

RESERVED = (Visibility.CPTS, Visibility.SNP)
"""What a slot is for unless its owner says otherwise: the community, and the SAS."""


T = TypeVar("T")
Given: TypeAlias = T | BindParameter[Any]
"""A value, or the place of one in a statement that is built once and run often."""

_OFFERED = (
    Slot.community_id,
    Slot.reference,
    Slot.professional_id,
    Slot.site_id,
    Slot.discipline,
    Slot.mode,
    Slot.starts_at,
    Slot.ends_at,
)
"""What a search reads of a slot: all of it stands in the index of free slots."""

_NEARBY = literal(timedelta(hours=12), Interval())


class SlotTaken(Exception):
    """The slot is claimed, held by another, already started, withdrawn, or not there at all."""


class SlotsOverlap(Exception):
    """The professional already offers part of that time, at this site or another."""


class SiteUnknown(LookupError):
    """The professional does not work at that site."""


@dataclass(frozen=True)
class Wanted:
    """One kind of professional that would do: a discipline, and what they must have.

    `needs` are protocols they must be enabled for, and equipment of the place.
    """

    discipline: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class FreeSlot:
    """A slot that can be offered now, with all that ranking and screens need of it."""

    reference: UUID
    starts_at: datetime
    ends_at: datetime
    mode: Mode
    discipline: str
    preference: int
    """Position, from 0, of the `Wanted` that found it."""
    professional: UUID
    professional_name: str
    speciality: str | None
    profession: str
    site: UUID
    site_name: str
    site_address: str
    site_phone: str
    latitude: float
    longitude: float
    is_wheelchair_accessible: bool
    claimed_nearby: int
    """Slots of the same professional already claimed within 12 hours: who had fewer goes first."""


def is_open_to(asker: Given[UUID], now: Given[datetime]) -> ColumnElement[bool]:
    """Unclaimed, not started, and held by nobody else at this moment: the one definition."""
    return and_(
        Slot.claimed_by.is_(None),
        Slot.withdrawn_at.is_(None),
        Slot.starts_at > now,
        or_(Slot.held_by.is_(None), Slot.held_by == asker, Slot.held_until <= now),
    )


def free(
    session: Session,
    community_id: int,
    wanted: Sequence[Wanted],
    *,
    asker: UUID,
    visible_to: Sequence[Visibility],
    until: datetime,
    each: int,
    now: datetime,
) -> list[FreeSlot]:
    """Return what is open to this asker and starts before `until`: the soonest `each` per wanted.

    A slot that several wishes find is returned once for each; ranking keeps its best place.
    """
    if not wanted:
        return []
    wishes = values(
        column("preference", IntegerColumn),
        column("discipline", StringColumn),
        column("needs", ARRAY(StringColumn)),
        name="wish",
    ).data([(i, w.discipline, list(w.needs)) for i, w in enumerate(wanted)])
    found = (
        select(*_OFFERED)
        .where(
            Slot.community_id == community_id,
            Slot.discipline == wishes.c.discipline,
            Slot.skills.contains(wishes.c.needs),
            is_seen_by(visible_to),
            Slot.starts_at <= until,
            is_open_to(asker, now),
        )
        .order_by(Slot.starts_at)
        .limit(each)
        .lateral("found")
    )
    query = _described(found, wishes.c.preference).select_from(wishes.join(found, true()))
    return _free(session, query)


def free_of(
    session: Session,
    community_id: int,
    professional: UUID,
    *,
    asker: UUID,
    visible_to: Sequence[Visibility],
    until: datetime,
    each: int,
    now: datetime,
) -> list[FreeSlot]:
    """Return what one professional, the patient's own doctor, has open before `until`."""
    found = (
        select(*_OFFERED)
        .join(
            Professional,
            and_(
                Professional.community_id == Slot.community_id,
                Professional.id == Slot.professional_id,
            ),
        )
        .where(
            Slot.community_id == community_id,
            Professional.reference == professional,
            is_seen_by(visible_to),
            Slot.starts_at <= until,
            is_open_to(asker, now),
        )
        .order_by(Slot.starts_at)
        .limit(each)
        .subquery("found")
    )
    return _free(session, _described(found, cast(0, IntegerColumn)).select_from(found))


def is_seen_by(visible_to: Sequence[Visibility]) -> ColumnElement[bool]:
    """Offered to at least one of these."""
    seen: ColumnElement[bool] = Slot.visibility.op("&&")(
        cast(list(visible_to), ARRAY(StringColumn))
    )
    return seen


def _described(found: object, preference: ColumnElement[int]) -> Select[tuple[object, ...]]:
    """Join a lateral or subquery of slots to who gives the care, and where."""
    at = found.c  # type: ignore[attr-defined]  # Lateral and Subquery share it, no public type does
    other = aliased(Slot, name="other")
    claimed_nearby = (
        select(func.count())
        .where(
            other.community_id == at.community_id,
            other.professional_id == at.professional_id,
            other.starts_at.between(at.starts_at - _NEARBY, at.starts_at + _NEARBY),
            other.claimed_by.is_not(None),
        )
        .correlate(found)  # type: ignore[arg-type]  # as above
        .scalar_subquery()
    )
    query: Select[tuple[object, ...]] = select(
        at.reference,
        at.starts_at,
        at.ends_at,
        at.mode,
        at.discipline,
        preference.label("preference"),
        Professional.reference.label("professional"),
        Professional.civility,
        Professional.given_name,
        Professional.family_name,
        Professional.speciality,
        Professional.profession,
        Site.reference.label("site"),
        Site.name.label("site_name"),
        Site.address_line,
        Site.postal_code,
        Site.city,
        Site.phone.label("site_phone"),
        Site.latitude,
        Site.longitude,
        Site.is_wheelchair_accessible,
        claimed_nearby.label("claimed_nearby"),
    ).where(
        Professional.community_id == at.community_id,
        Professional.id == at.professional_id,
        Site.community_id == at.community_id,
        Site.id == at.site_id,
    )
    return query


def _free(session: Session, query: Select[tuple[object, ...]]) -> list[FreeSlot]:
    return [
        FreeSlot(
            reference=r.reference,
            starts_at=r.starts_at,
            ends_at=r.ends_at,
            mode=r.mode,
            discipline=r.discipline,
            preference=r.preference,
            professional=r.professional,
            professional_name=" ".join(filter(None, (r.civility, r.given_name, r.family_name))),
            speciality=r.speciality,
            profession=r.profession,
            site=r.site,
            site_name=r.site_name,
            site_address=f"{r.address_line}, {r.postal_code} {r.city}",
            site_phone=r.site_phone,
            latitude=r.latitude,
            longitude=r.longitude,
            is_wheelchair_accessible=r.is_wheelchair_accessible,
            claimed_nearby=r.claimed_nearby,
        )
        for r in session.execute(query)
    ]


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
    references = [uuid4() for _ in times]
    rows = [
        {
            "community_id": professional.community_id,
            "reference": reference,
            "professional_id": professional.id,
            "site_id": site.id,
            "discipline": professional.discipline,
            "skills": sorted({*professional.skills, *site.equipment}),
            "visibility": list(visibility),
            "mode": mode,
            "appointment_type": appointment_type,
            "starts_at": start,
            "ends_at": end,
        }
        for reference, (start, end) in zip(references, times, strict=True)
    ]
    try:
        with session.begin_nested():
            session.execute(insert(Slot), rows)
    except IntegrityError as refused:
        if isinstance(refused.orig, ExclusionViolation):
            raise SlotsOverlap from None
        raise
    return references


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
        .values(claimed_by=None, claimed_at=None)
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
        .values(withdrawn_at=now, held_by=None, held_until=None)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    if gone is None:
        raise SlotTaken(slot)
