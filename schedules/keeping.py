"""Keep several slots for one asker, for longer than it takes to type a name: what is offered.

Beside `schedules.slots`, and by its one definition of what is open: a hold is a hold.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql import cast

from schedules.models import Slot
from schedules.slots import is_open_to


def keep_for(
    session: Session,
    community_id: int,
    wanted: Sequence[UUID],
    *,
    asker: UUID,
    only_if: ColumnElement[bool],
    most: int,
    until: datetime,
    now: datetime,
) -> list[int]:
    """Keep the first `most` of these slots that are open for one asker; return their numbers.

    What the asker holds besides stays held; `slots.letting_go` ends all of it. A slot that
    somebody is taking at this moment is passed over: nobody who changes several waits for another.
    """
    if not wanted:
        return []
    place = func.array_position(cast(list(wanted), ARRAY(Uuid)), Slot.reference)
    # In a CTE, so that it runs once however the UPDATE is planned.
    first = (
        select(Slot.id)
        .where(
            Slot.community_id == community_id,
            Slot.reference.in_(wanted),
            is_open_to(asker, now),
            only_if,
        )
        .order_by(place)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("first")
    )
    kept = session.scalars(
        update(Slot)
        .where(Slot.community_id == community_id, Slot.id.in_(select(first.c.id)))
        .values(held_by=asker, held_until=until)
        .returning(Slot.id)
        .execution_options(synchronize_session=False)
    )
    return list(kept)
