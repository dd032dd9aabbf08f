"""Find communities, their communes, their sites and the people who work there; always scoped."""

from collections.abc import Sequence

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from schedules.models import Commune, Community, Professional, ProfessionalSite, Site, Slot

GENERAL_PRACTICE = "MG"
"""The discipline of those who can be a médecin traitant here (see schedules.nomenclature)."""


class NoSuchCommunity(LookupError):
    """No community has that name."""


def communities(session: Session) -> Sequence[Community]:
    """Return every community, by name: the first page lets people choose theirs."""
    return session.scalars(select(Community).order_by(Community.name)).all()


def community(session: Session, name: str | int) -> Community:
    """Return a community by its slug, or by its key.

    Raises:
        NoSuchCommunity: if there is none.
    """
    which = Community.id == name if isinstance(name, int) else Community.slug == name
    found = session.scalar(select(Community).where(which))
    if found is None:
        raise NoSuchCommunity(name)
    return found


def communes(session: Session, community_id: int) -> Sequence[Commune]:
    """Return the towns of a community's territory, by name."""
    return session.scalars(
        select(Commune).where(Commune.community_id == community_id).order_by(Commune.name)
    ).all()


def doctors(session: Session, community_id: int) -> Sequence[Professional]:
    """Return the general practitioners of a community, by name."""
    return session.scalars(
        select(Professional)
        .where(
            Professional.community_id == community_id,
            Professional.discipline == GENERAL_PRACTICE,
        )
        .order_by(Professional.family_name, Professional.given_name)
    ).all()


def at_their_sites() -> Select[Professional, Site]:
    """Return the query for who works where, one row for each place, to be narrowed down."""
    return (
        select(Professional, Site)
        .join(
            ProfessionalSite,
            and_(
                ProfessionalSite.community_id == Professional.community_id,
                ProfessionalSite.professional_id == Professional.id,
            ),
        )
        .join(
            Site,
            and_(
                Site.community_id == ProfessionalSite.community_id,
                Site.id == ProfessionalSite.site_id,
            ),
        )
    )


def whereabouts(session: Session, slot: Slot) -> tuple[Professional, Site]:
    """Return who gives care at this slot, and where."""
    return (
        session.get_one(Professional, (slot.community_id, slot.professional_id)),
        session.get_one(Site, (slot.community_id, slot.site_id)),
    )


def phone_of(session: Session, professional: Professional) -> str | None:
    """Return the phone of a place where this professional gives care, if one is known."""
    return session.scalar(
        select(Site.phone)
        .join(
            ProfessionalSite,
            (ProfessionalSite.community_id == Site.community_id)
            & (ProfessionalSite.site_id == Site.id),
        )
        .where(
            ProfessionalSite.community_id == professional.community_id,
            ProfessionalSite.professional_id == professional.id,
        )
        .order_by(Site.id)
        .limit(1)
    )
