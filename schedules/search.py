"""What is free for somebody, before a moment, with whom and where: the one search for slots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    and_,
    column,
    func,
    literal,
    select,
    true,
    values,
)
from sqlalchemy import Integer as IntegerColumn
from sqlalchemy import String as StringColumn
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql import cast

from schedules.models import DOCTOR, Mode, Professional, Site, Slot, Visibility
from schedules.slots import accepts, is_open_to, is_seen_by

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

_ONE_AT_A_TIME = (Slot.starts_at, Slot.professional_id)
"""Of several places at one time of a professional, a patient is shown one: theirs, or any."""

_NEARBY = literal(timedelta(hours=12), Interval())


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


def free(
    session: Session,
    community_id: int,
    wanted: Sequence[Wanted],
    *,
    asker: UUID,
    complaints: Sequence[str] = (),
    visible_to: Sequence[Visibility],
    after: datetime,
    until: datetime,
    each: int,
    now: datetime,
) -> list[FreeSlot]:
    """Return what is open to this asker and starts between `after` and `until`.

    The soonest `each` for each wish; nothing that is kept for other reasons than `complaints`, or
    for a doctor's own patients: see `free_of`.

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
            Slot.only_own_patients.is_(False),
            accepts(list(complaints)),
            Slot.starts_at > after,
            Slot.starts_at <= until,
            # Said apart, though who holds such a slot may book it: the index asks for it.
            Slot.busy_since.is_(None),
            is_open_to(asker, now),
        )
        .ext(distinct_on(*_ONE_AT_A_TIME))
        .order_by(*_ONE_AT_A_TIME, Slot.held_by.is_distinct_from(asker))
        .limit(each)
        .lateral("found")
    )
    query = _described(found, wishes.c.preference).select_from(wishes.join(found, true()))
    return _free(session, query)


def free_of(
    session: Session,
    community_id: int,
    doctor: UUID,
    needs: Sequence[str] = (),
    *,
    asker: UUID,
    complaints: Sequence[str] = (),
    visible_to: Sequence[Visibility],
    after: datetime,
    until: datetime,
    each: int,
    now: datetime,
) -> list[FreeSlot]:
    """Return what the patient's own doctor has open between two moments, in any speciality."""
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
            Professional.reference == doctor,
            Professional.profession == DOCTOR,
            Slot.skills.contains(list(needs)),
            is_seen_by(visible_to),
            accepts(list(complaints)),
            Slot.starts_at > after,
            Slot.starts_at <= until,
            # Said apart, though who holds such a slot may book it: the index asks for it.
            Slot.busy_since.is_(None),
            is_open_to(asker, now),
        )
        .ext(distinct_on(*_ONE_AT_A_TIME))
        .order_by(*_ONE_AT_A_TIME, Slot.held_by.is_distinct_from(asker))
        .limit(each)
        .subquery("found")
    )
    return _free(session, _described(found, cast(0, IntegerColumn)).select_from(found))


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
