"""The other places of an hour in which several patients come at the same time."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from schedules.models import Slot
from schedules.slots import SlotTaken

T = TypeVar("T")


def take(session: Session, community_id: int, slot: UUID, taking: Callable[[UUID], T]) -> T:
    """Let `taking` hold or claim a slot, or else another place of the same hour.

    Who was slower than somebody else for one place of a vaccination hour wants the next one.

    Raises:
        SlotTaken: if no place was left.
    """
    try:
        return taking(slot)
    except SlotTaken:
        for place in places(session, community_id, slot):
            with suppress(SlotTaken):
                return taking(place)
        raise


def places(session: Session, community_id: int, slot: UUID) -> Sequence[UUID]:
    """Return the other places of a slot's hour, whoever has them; none where one patient comes."""
    asked = aliased(Slot, name="asked")
    return session.scalars(
        select(Slot.reference)
        .join(
            asked,
            and_(
                asked.community_id == Slot.community_id,
                asked.professional_id == Slot.professional_id,
                asked.site_id == Slot.site_id,
                asked.mode == Slot.mode,
                asked.starts_at == Slot.starts_at,
                asked.ends_at == Slot.ends_at,
                asked.lane != Slot.lane,
            ),
        )
        .where(
            asked.community_id == community_id,
            asked.reference == slot,
            Slot.withdrawn_at.is_(None),
        )
        .order_by(Slot.lane)
    ).all()
