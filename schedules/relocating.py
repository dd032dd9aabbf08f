"""A professional’s slots go to another site, at their hours: also those that patients booked."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
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
) -> dict[UUID, UUID]:
    """Take these slots to a site; return those that went, with the site that each left.

    None that has begun. What somebody holds stays where it is for now: they are reading where
    that is.
    """
    slots.alone_with(session, community.id, [professional.id])
    were = _sites(session, community, wanted)
    go = Slot.reference.in_(wanted) & (Slot.site_id != site.id)
    moved = _take(session, professional.id, go, site, now=now)
    # What can be asked of a slot is also what its site has.
    enabling.copy_again(session, community, professional.id, now=now)
    return {slot: were[slot] for slot in moved}


def bring_back(
    session: Session,
    community: Community,
    professional_id: int,
    left: Mapping[UUID, UUID],
    *,
    there: UUID,
    along: Collection[UUID],
    now: datetime,
) -> list[UUID]:
    """Take slots that are `there` back to the site that each left; return those that went.

    Free ones, and those `along`, whose appointments the caller keeps locked. What anybody else
    took since stays where they read that it is. The caller is alone with this professional.
    """
    went: list[UUID] = []
    leaving = defaultdict[UUID, list[UUID]](list)
    for slot, site in left.items():
        leaving[site].append(slot)
    go = (Slot.site_id == _site(session, community, there).id) & (
        Slot.claimed_by.is_(None) | Slot.reference.in_(along)
    )
    for former, its in leaving.items():
        which = Slot.reference.in_(its) & go
        went += _take(session, professional_id, which, _site(session, community, former), now=now)
    enabling.copy_again(session, community, professional_id, now=now)
    return went


def _take(
    session: Session,
    professional_id: int,
    which: ColumnElement[bool],
    site: Site,
    *,
    now: datetime,
) -> Sequence[UUID]:
    return session.scalars(
        update(Slot)
        .where(
            Slot.community_id == site.community_id,
            Slot.professional_id == professional_id,
            which,
            Slot.starts_at > now,
            Slot.withdrawn_at.is_(None),
            or_(Slot.held_until.is_(None), Slot.held_until <= now),
        )
        .values(site_id=site.id)
        .returning(Slot.reference)
        .execution_options(synchronize_session=False)
    ).all()


def _sites(session: Session, community: Community, wanted: Sequence[UUID]) -> dict[UUID, UUID]:
    rows = session.execute(
        select(Slot.reference, Site.reference)
        .join(Site, (Site.community_id == Slot.community_id) & (Site.id == Slot.site_id))
        .where(Slot.community_id == community.id, Slot.reference.in_(wanted))
    )
    return dict(rows.all())


def _site(session: Session, community: Community, site: UUID) -> Site:
    return session.scalars(
        select(Site).where(Site.community_id == community.id, Site.reference == site)
    ).one()
