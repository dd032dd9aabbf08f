"""What a coordinator sees to: who is a member, invited, suspended, enabled; what is undecided."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from booking import accounts
from booking.links import Links
from booking.models import Account, Booking, BookingStatus, Invitation, Role
from notifications import outbox
from notifications.invitations import InvitationLetter
from notifications.letters import Draft
from notifications.models import Channel, Kind
from schedules import directory, enabling, members
from schedules.models import (
    Act,
    ActKind,
    Community,
    Enablement,
    Professional,
    Site,
    Slot,
)

PUBLISHING = (ActKind.PUBLISHED, ActKind.OPENING_MADE, ActKind.OPENING_CHANGED)
"""What somebody does who offers time."""

PASSWORD_BYTES = 32


class Standing(StrEnum):
    """How a member stands to us: whether an account of theirs opens."""

    NONE = auto()
    INVITED = auto()
    EXPIRED = auto()
    """Invited, and the link is too old."""
    ACTIVE = auto()
    SUSPENDED = auto()


@dataclass(frozen=True)
class Member:
    """A professional as the coordinator's list shows them."""

    who: Professional
    sites: Sequence[Site]
    enabled: Sequence[Enablement]
    account: Account | None
    standing: Standing
    last_offer: datetime | None
    """When they last offered time, or last had a slot."""


@dataclass(frozen=True)
class Undecided:
    """An appointment with somebody who does not offer that time any more."""

    booking: UUID
    starts_at: datetime
    site_name: str


def listed(session: Session, community_id: int, *, now: datetime) -> list[Member]:
    """Return every member, by name, with all that the list and the export say of them."""
    people = session.scalars(
        select(Professional)
        .where(Professional.community_id == community_id)
        .order_by(Professional.family_name, Professional.given_name, Professional.id)
    ).all()
    return _described(session, community_id, people, now)


def member(session: Session, community_id: int, reference: UUID, *, now: datetime) -> Member:
    """Return one member.

    Raises:
        members.NoSuchMember: if this community has none of that name.
    """
    who = members.by_reference(session, community_id, reference)
    return _described(session, community_id, [who], now)[0]


def _described(
    session: Session, community_id: int, people: Sequence[Professional], now: datetime
) -> list[Member]:
    ids = [who.id for who in people]
    enabled = enabling.of(session, community_id, ids)
    sites = _sites(session, community_id, ids)
    last = _last_offers(session, community_id, ids, now)
    known = _accounts(session, community_id, ids)
    return [
        Member(
            who,
            sites[who.id],
            enabled[who.id],
            known[who.id][0] if who.id in known else None,
            _standing(who, known.get(who.id), now),
            last.get(who.id),
        )
        for who in people
    ]


def _sites(session: Session, community_id: int, ids: Sequence[int]) -> Mapping[int, list[Site]]:
    found = defaultdict[int, list[Site]](list)
    for who, where in session.execute(
        directory.at_their_sites()
        .where(Professional.community_id == community_id, Professional.id.in_(ids))
        .order_by(Site.name, Site.id)
    ):
        found[who.id].append(where)
    return found


def _last_offers(
    session: Session, community_id: int, ids: Sequence[int], now: datetime
) -> dict[int, datetime]:
    """Return when each last published something by hand, or had a slot."""
    acts = select(Act.professional_id, func.max(Act.at).label("at")).where(
        Act.community_id == community_id,
        Act.professional_id.in_(ids),
        Act.kind.in_(PUBLISHING),
        Act.undone_at.is_(None),
    )
    had = select(Slot.professional_id, func.max(Slot.starts_at).label("at")).where(
        Slot.community_id == community_id,
        Slot.professional_id.in_(ids),
        Slot.withdrawn_at.is_(None),
        Slot.starts_at <= now,
    )
    both = acts.group_by(Act.professional_id).union_all(had.group_by(Slot.professional_id))
    offers = both.subquery()
    rows = session.execute(
        select(offers.c.professional_id, func.max(offers.c.at)).group_by(offers.c.professional_id)
    )
    return {number: at for number, at in rows if at is not None}


def _accounts(
    session: Session, community_id: int, ids: Sequence[int]
) -> dict[int, tuple[Account, datetime | None]]:
    """Return each member's open account, the first of several, with the end of its invitation."""
    rows = session.execute(
        select(Account, Invitation.expires_at)
        .outerjoin(
            Invitation,
            and_(
                Invitation.community_id == Account.community_id,
                Invitation.account_id == Account.id,
                Invitation.ended_at.is_(None),
            ),
        )
        .where(
            Account.community_id == community_id,
            Account.professional_id.in_(ids),
            Account.closed_at.is_(None),
        )
        .order_by(Account.id.desc())
    )
    return {account.professional_id or 0: (account, until) for account, until in rows}


def _standing(
    who: Professional, known: tuple[Account, datetime | None] | None, now: datetime
) -> Standing:
    if who.suspended_at is not None:
        return Standing.SUSPENDED
    if known is None:
        return Standing.NONE
    if known[1] is None:
        return Standing.ACTIVE
    return Standing.INVITED if known[1] > now else Standing.EXPIRED


def undecided(session: Session, who: Professional, *, now: datetime) -> list[Undecided]:
    """Return a member's appointments to come that were set aside and that nobody decided about."""
    rows = session.execute(
        select(Booking.reference, Slot.starts_at, Site.name)
        .join(Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id))
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(
            Booking.community_id == who.community_id,
            Booking.status != BookingStatus.CANCELLED,
            Slot.professional_id == who.id,
            Slot.starts_at > now,
            Slot.claimed_by.is_not(None),
            Slot.set_aside_since.is_not(None),
            Slot.conflict_kept_at.is_(None),
        )
        .order_by(Slot.starts_at)
    )
    return [Undecided(*row) for row in rows]


def invite(
    session: Session,
    community: Community,
    who: Professional,
    email: str,
    *,
    links: Links,
    by: UUID,
    now: datetime,
) -> None:
    """Send a locked member the link by which they choose a password; a former one ends.

    Raises:
        accounts.AccountRefused: `email`, `invalid`.
        accounts.EmailTaken: if somebody else signs in with that address.
        members.MemberRefused: `email`: `active` (they have an account that opens), `suspended`.
    """
    if who.suspended_at is not None:
        raise members.MemberRefused("email", "suspended")
    known = _accounts(session, community.id, [who.id]).get(who.id)
    if known is not None and known[1] is None:
        raise members.MemberRefused("email", "active")
    account = known[0] if known else None
    if account is not None and account.email != email.strip().lower():
        if accounts.was_opened(session, account):
            raise members.MemberRefused("email", "active")
        # Nobody could open it yet: the letter had gone to a wrong address.
        accounts.close(session, community.id, account.reference, now=now)
        account = None
    if account is None:
        account = accounts.create(
            session,
            community.id,
            email=email,
            name=who.name[: accounts.LONGEST_NAME],
            role=Role.PROFESSIONAL,
            password=token_urlsafe(PASSWORD_BYTES),
            professional_id=who.id,
            now=now,
        )
    _send(session, community, account, links=links, by=by, now=now)


def _send(
    session: Session,
    community: Community,
    account: Account,
    *,
    links: Links,
    by: UUID,
    now: datetime,
) -> None:
    invitation, token = accounts.invite(session, account, by=by, now=now)
    letter = InvitationLetter(
        community.name, links.invitation(token), invitation.expires_at, community.zone
    )
    outbox.promise(
        session,
        Draft(
            community_id=community.id,
            about=invitation.reference,
            version=0,
            kind=Kind.NOTICE,
            channel=Channel.EMAIL,
            recipient=account.email,
            subject=letter.subject(),
            text=letter.email(),
            send_at=now,
            expires_at=invitation.expires_at,
        ),
    )


def suspend(session: Session, community: Community, who: Professional, *, now: datetime) -> None:
    """Offer nothing more of a locked member, and sign them out everywhere."""
    members.suspend(session, community, who, now=now)
    accounts.sign_out_professional(session, community.id, who.id, now=now)
