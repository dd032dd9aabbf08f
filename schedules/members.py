"""Who is a member: kept, enabled from day to day, at work at sites, suspended; slots follow."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from schedules import enabling, legal, settling
from schedules.models import (
    BusyCalendar,
    Community,
    Enablement,
    Opening,
    Professional,
    ProfessionalSite,
    Site,
    Slot,
)

RPPS_DIGITS = 11


class MemberRefused(ValueError):
    """What cannot be kept of a member; `field` and `why` are keys for the door's sentence."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class NoSuchMember(LookupError):
    """This community has no professional, site or enablement of that name."""


@dataclass(frozen=True)
class Person:
    """What a coordinator says of a member; the discipline is worked out from the codes."""

    civility: str
    family_name: str
    given_name: str
    profession: str
    speciality: str | None
    discipline: str
    languages: tuple[str, ...]
    email: str | None


def by_reference(
    session: Session, community_id: int, reference: UUID, *, lock: bool = False
) -> Professional:
    """Return a member; with `lock`, alone with their slots until the transaction ends.

    Raises:
        NoSuchMember: if this community has none of that name.
    """
    wanted = select(Professional).where(
        Professional.community_id == community_id, Professional.reference == reference
    )
    if lock:
        wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NoSuchMember
    return found


def add(session: Session, community: Community, rpps: str, said: Person) -> Professional:
    """Write a new member.

    Raises:
        MemberRefused: `rpps`, `taken` if somebody here has that number.
    """
    is_known = select(Professional.id).where(
        Professional.community_id == community.id, Professional.rpps == rpps
    )
    if session.scalar(is_known) is not None:
        raise MemberRefused("rpps", "taken")
    made = new(community, rpps, said)
    session.add(made)
    session.flush()
    return made


def new(community: Community, rpps: str, said: Person) -> Professional:
    """Return the row of a member who is not known yet."""
    return Professional(community_id=community.id, rpps=rpps, **vars(said) | _lists(said))


def change(session: Session, member: Professional, said: Person, *, now: datetime) -> bool:
    """Write what differs and return whether anything did; slots to come change discipline too."""
    wanted = vars(said) | _lists(said)
    changed = {name: value for name, value in wanted.items() if getattr(member, name) != value}
    for name, value in changed.items():
        setattr(member, name, value)
    session.flush()
    if "discipline" in changed:
        session.execute(
            update(Slot)
            .where(_theirs(member), Slot.starts_at > now)
            .values(discipline=member.discipline)
            .execution_options(synchronize_session=False)
        )
    return bool(changed)


def _lists(said: Person) -> dict[str, list[str]]:
    return {"languages": list(said.languages)}


# What they are enabled for


def enable(
    session: Session,
    community: Community,
    member: Professional,
    *,
    code: str,
    starts_on: date,
    ends_on: date | None,
    by: UUID | None,
    now: datetime,
) -> Enablement:
    """Note that a locked member is enabled for something between two days, both included.

    Raises:
        MemberRefused: `code` (`unknown`: not for this discipline), `ends_on` (`before_start`),
            `starts_on` (`overlaps` what is noted already).
    """
    if code not in legal.enablings(member.discipline):
        raise MemberRefused("code", "unknown")
    if ends_on is not None and ends_on < starts_on:
        raise MemberRefused("ends_on", "before_start")
    _refuse_overlap(session, member, code, starts_on, ends_on)
    made = Enablement(
        community_id=community.id,
        professional_id=member.id,
        code=code,
        starts_on=starts_on,
        ends_on=ends_on,
        created_by=by,
        created_at=now,
    )
    session.add(made)
    session.flush()
    enabling.copy_again(session, community, member.id, now=now)
    return made


def limit(
    session: Session,
    community: Community,
    member: Professional,
    enablement: UUID,
    ends_on: date | None,
    *,
    now: datetime,
) -> None:
    """Change the last day of what a locked member is enabled for.

    Raises:
        NoSuchMember: if they have no such enablement.
        MemberRefused: `ends_on` (`before_start`, `overlaps`).
    """
    kept = _enablement(session, member, enablement)
    if ends_on is not None and ends_on < kept.starts_on:
        raise MemberRefused("ends_on", "before_start")
    try:
        _refuse_overlap(session, member, kept.code, kept.starts_on, ends_on, but=kept.id)
    except MemberRefused:
        raise MemberRefused("ends_on", "overlaps") from None
    kept.ends_on = ends_on
    session.flush()
    enabling.copy_again(session, community, member.id, now=now)


def withdraw_enablement(
    session: Session, community: Community, member: Professional, enablement: UUID, *, now: datetime
) -> None:
    """Let an enablement of a locked member count for nothing from this moment on.

    Raises:
        NoSuchMember: if they have no such enablement.
    """
    _enablement(session, member, enablement).withdrawn_at = now
    session.flush()
    enabling.copy_again(session, community, member.id, now=now)


def _enablement(session: Session, member: Professional, reference: UUID) -> Enablement:
    for each in enabling.of(session, member.community_id, [member.id])[member.id]:
        if each.reference == reference:
            return each
    raise NoSuchMember


def _refuse_overlap(
    session: Session,
    member: Professional,
    code: str,
    starts_on: date,
    ends_on: date | None,
    *,
    but: int | None = None,
) -> None:
    for each in enabling.of(session, member.community_id, [member.id])[member.id]:
        is_before = each.ends_on is not None and each.ends_on < starts_on
        is_after = ends_on is not None and ends_on < each.starts_on
        if each.code == code and each.id != but and not (is_before or is_after):
            raise MemberRefused("starts_on", "overlaps")


# Suspended, and back


def suspend(session: Session, community: Community, member: Professional, *, now: datetime) -> None:
    """Offer nothing more of a locked member: free slots are withdrawn, booked ones set aside."""
    if member.suspended_at is None:
        member.suspended_at = now
        session.flush()
        settling.settle(session, community, member.id, now=now)


def reinstate(
    session: Session, community: Community, member: Professional, *, now: datetime
) -> None:
    """Offer a locked member's time again, as far as it is still reserved."""
    if member.suspended_at is not None:
        member.suspended_at = None
        session.flush()
        settling.settle(session, community, member.id, now=now)


# Where they work


def work_at(
    session: Session,
    community: Community,
    member: Professional,
    sites: Collection[int],
    *,
    now: datetime,
) -> None:
    """Let a locked member work at these sites and no other.

    What is reserved at a site that they leave ends: free slots there are withdrawn, booked ones
    stay and are set aside until somebody decides.
    """
    before = set(
        session.scalars(
            select(ProfessionalSite.site_id).where(
                ProfessionalSite.community_id == community.id,
                ProfessionalSite.professional_id == member.id,
            )
        )
    )
    join(session, community.id, [(member.id, site) for site in sorted(set(sites) - before)])
    left = before - set(sites)
    if left:
        _leave(session, community, member, left, now)


def join(session: Session, community_id: int, pairs: Sequence[tuple[int, int]]) -> None:
    """Let professionals work at sites too; none of these pairs may be noted already."""
    if pairs:
        session.execute(
            insert(ProfessionalSite),
            [
                {"community_id": community_id, "professional_id": who, "site_id": site}
                for who, site in pairs
            ],
        )


def _leave(
    session: Session, community: Community, member: Professional, left: set[int], now: datetime
) -> None:
    session.execute(
        delete(ProfessionalSite).where(
            ProfessionalSite.community_id == community.id,
            ProfessionalSite.professional_id == member.id,
            ProfessionalSite.site_id.in_(left),
        )
    )
    for table, gone in ((Opening, {"ended_at": now}), (BusyCalendar, {"site_id": None})):
        session.execute(
            update(table)
            .where(
                table.community_id == community.id,
                table.professional_id == member.id,
                table.site_id.in_(left),
                table.ended_at.is_(None),
            )
            .values(gone)
            .execution_options(synchronize_session="fetch")
        )
    by_hand = session.execute(
        select(Slot.starts_at, Slot.ends_at).where(
            _theirs(member),
            Slot.site_id.in_(left),
            Slot.opening_id.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.ends_at > now,
        )
    )
    closing = [(start, end) for start, end in by_hand]
    settling.settle(session, community, member.id, closing=closing, now=now)


def _theirs(member: Professional) -> ColumnElement[bool]:
    return and_(Slot.community_id == member.community_id, Slot.professional_id == member.id)


def sites_named(session: Session, community_id: int, names: Collection[str]) -> dict[str, Site]:
    """Return a community's places by FINESS or by name, of those that are named; no name twice."""
    found: dict[str, list[Site]] = {}
    for site in session.scalars(
        select(Site).where(
            Site.community_id == community_id, or_(Site.finess.in_(names), Site.name.in_(names))
        )
    ):
        for name in {site.finess or "", site.name} & set(names):
            found.setdefault(name, []).append(site)
    return {name: sites[0] for name, sites in found.items() if len(sites) == 1}
