"""What an administrator sees to: accounts for the community's members, keys for its software."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import accounts
from booking.models import ApiClient, Role
from schedules.models import Professional, Site

NOBODYS_PASSWORD = 32
"""Bytes of a password that is shown to nobody: the owner chooses one by a link."""


@dataclass(frozen=True)
class Choice:
    """A professional or a site that an account may be for."""

    reference: UUID
    name: str


def professionals(session: Session, community_id: int) -> list[Choice]:
    """Return the community's professionals, by name."""
    found = session.scalars(
        select(Professional)
        .where(Professional.community_id == community_id)
        .order_by(Professional.family_name, Professional.given_name, Professional.id)
    )
    return [Choice(p.reference, p.name) for p in found]


def sites(session: Session, community_id: int) -> list[Choice]:
    """Return the community's sites, by name."""
    found = session.scalars(
        select(Site).where(Site.community_id == community_id).order_by(Site.name, Site.id)
    )
    return [Choice(s.reference, f"{s.name}, {s.city}") for s in found]


@dataclass(frozen=True)
class NewAccount:
    """An account as an administrator describes it; its owner chooses the password."""

    email: str
    name: str
    role: Role
    professional: UUID | None
    sites: Sequence[UUID]


def open_account(
    session: Session, community_id: int, wanted: NewAccount, *, by: UUID, now: datetime
) -> tuple[UUID, str]:
    """Open an account; return its reference, and the token by which its owner chooses a password.

    Raises:
        accounts.AccountRefused: with the field and why; `missing` also for another community's.
        accounts.EmailTaken: if the e-mail is somebody's already.
    """
    account = accounts.create(
        session,
        community_id,
        email=wanted.email,
        name=wanted.name,
        role=wanted.role,
        password=token_urlsafe(NOBODYS_PASSWORD),
        professional_id=_professional_id(session, community_id, wanted),
        site_ids=_site_ids(session, community_id, wanted),
        now=now,
    )
    _, token = accounts.invite(session, account, by=by, now=now)
    return account.reference, token


def _professional_id(session: Session, community_id: int, wanted: NewAccount) -> int | None:
    if wanted.role is not Role.PROFESSIONAL:
        return None
    return session.scalar(
        select(Professional.id).where(
            Professional.community_id == community_id,
            Professional.reference == wanted.professional,
        )
    )


def _site_ids(session: Session, community_id: int, wanted: NewAccount) -> list[int]:
    if wanted.role is not Role.SECRETARY:
        return []
    return site_ids(session, community_id, wanted.sites)


def site_ids(session: Session, community_id: int, references: Sequence[UUID]) -> list[int]:
    """Return the numbers of those of these sites that are the community's."""
    return list(
        session.scalars(
            select(Site.id).where(Site.community_id == community_id, Site.reference.in_(references))
        )
    )


def account(session: Session, community_id: int, reference: UUID) -> accounts.Listed:
    """Return one account of a community.

    Raises:
        accounts.NoSuchAccount: if it has none of that name.
    """
    for listed in accounts.listed(session, community_id):
        if listed.reference == reference:
            return listed
    raise accounts.NoSuchAccount


def reset_password(
    session: Session, community_id: int, reference: UUID, *, by: UUID, now: datetime
) -> str:
    """Let nobody in by the former password; return the token by which the owner chooses another.

    Raises:
        accounts.NoSuchAccount: if this community has no open account of that name.
    """
    nobodys = token_urlsafe(NOBODYS_PASSWORD)
    account = accounts.set_password(session, community_id, reference, password=nobodys, now=now)
    _, token = accounts.invite(session, account, by=by, now=now)
    return token


@dataclass(frozen=True)
class Client:
    """Other software that holds, or held, a key."""

    reference: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def clients(session: Session, community_id: int) -> list[Client]:
    """Return the community's API clients, live ones first, by name."""
    rows = session.execute(
        select(
            ApiClient.reference,
            ApiClient.name,
            ApiClient.scopes,
            ApiClient.created_at,
            ApiClient.revoked_at,
        )
        .where(ApiClient.community_id == community_id)
        .order_by(ApiClient.revoked_at.is_not(None), ApiClient.name, ApiClient.id)
    )
    return [Client(*row) for row in rows]
