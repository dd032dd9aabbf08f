"""A professional’s slots go to another site, at their hours: also those that patients booked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from schedules import enabling, slots
from schedules.models import Community, Professional, Site, Slot


def relocate(
    session: Session,
    community: Community,
    professional: Professional,
    site: Site,
    wanted: Sequence[UUID],
    *,
    now: datetime,
) -> list[UUID]:
    """Take these slots to a site; return those that went there: none that has begun.

    What somebody holds stays where it is for now: they are reading where that is.
    """
    slots.alone_with(session, community.id, [professional.id])
    moved = session.scalars(
        update(Slot)
        .where(
            Slot.community_id == community.id,
            Slot.professional_id == professional.id,
            Slot.reference.in_(wanted),
            Slot.site_id != site.id,
            Slot.starts_at > now,
            Slot.withdrawn_at.is_(None),
            or_(Slot.held_until.is_(None), Slot.held_until <= now),
        )
        .values(site_id=site.id)
        .returning(Slot.reference)
        .execution_options(synchronize_session=False)
    ).all()
    # What can be asked of a slot is also what its site has.
    enabling.copy_again(session, community, professional.id, now=now)
    return list(moved)
