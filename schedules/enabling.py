"""What professionals are enabled for, day by day: what can be asked of their slots."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config.clock import local_day
from schedules import legal
from schedules.models import WHEELCHAIR, Community, Enablement, Site, Slot

LIKELY_YEARS = range(1990, 2100)
"""Another year is a slip of the keyboard; cooperation protocols began with the law of 2009."""


def of(
    session: Session, community_id: int, professionals: Collection[int]
) -> Mapping[int, list[Enablement]]:
    """Return what these professionals are, were or will be enabled for, by their number."""
    found = defaultdict[int, list[Enablement]](list)
    for each in session.scalars(
        select(Enablement)
        .where(
            Enablement.community_id == community_id,
            Enablement.professional_id.in_(professionals),
            Enablement.withdrawn_at.is_(None),
        )
        .order_by(Enablement.code, Enablement.starts_on, Enablement.id)
        # Somebody may have changed them while we waited for our turn.
        .execution_options(populate_existing=True)
    ):
        found[each.professional_id].append(each)
    return found


def codes_on(enablements: Iterable[Enablement], day: date) -> set[str]:
    """Return what counts on a day, both ends included."""
    return {
        each.code
        for each in enablements
        if each.starts_on <= day and (each.ends_on is None or day <= each.ends_on)
    }


def offered(enablements: Iterable[Enablement], site: Site, day: date) -> list[str]:
    """Return what can be asked of a slot of that day: who is there, what is there, who gets in."""
    access = {WHEELCHAIR} if site.is_wheelchair_accessible else set()
    usable = legal.usable_at(
        codes_on(enablements, day), structure=site.structure, postal_code=site.postal_code
    )
    return sorted({*usable, *site.equipment, *access})


def copy_again(
    session: Session, community: Community, professional_id: int, *, now: datetime
) -> None:
    """Write on a professional's slots to come what they can be asked for by now.

    On booked and withdrawn ones too: each may be free again. Whoever holds one for what it no
    longer offers cannot book it any more: the claim looks at the slot.
    """
    enabled = of(session, community.id, [professional_id])[professional_id]
    rows = session.execute(
        select(Slot.id, Slot.starts_at, Slot.skills, Site)
        .join(Site, (Site.community_id == Slot.community_id) & (Site.id == Slot.site_id))
        .where(
            Slot.community_id == community.id,
            Slot.professional_id == professional_id,
            Slot.starts_at > now,
        )
    )
    changed = defaultdict[tuple[str, ...], list[int]](list)
    for number, starts_at, skills, site in rows:
        by_now = offered(enabled, site, local_day(starts_at, community.zone))
        if by_now != skills:
            changed[tuple(by_now)].append(number)
    for codes, numbers in changed.items():
        session.execute(
            update(Slot)
            .where(Slot.community_id == community.id, Slot.id.in_(numbers))
            .values(skills=list(codes))
            .execution_options(synchronize_session=False)
        )
