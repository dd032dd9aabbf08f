"""Accounts of a community: opened, given passwords, listed, closed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.accounts import authenticators, invitations, passwords, resets, sessions
from booking.audit import unit
from booking.models import Account, AccountSite, Action, Role

LONGEST_EMAIL = 254
LONGEST_NAME = 80
EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")


class EmailTaken(Exception):
    """Somebody, here or in another community, signs in with this e-mail."""


class AccountRefused(ValueError):
    """An account that cannot be made; `field` and `why` are keys for the door's sentence."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class NoSuchAccount(LookupError):
    """This community has no open account of that name."""


class WrongPassword(Exception):
    """The present password was needed, and this is not it."""


def create(
    session: Session,
    community_id: int,
    *,
    email: str,
    name: str,
    role: Role,
    password: str,
    professional_id: int | None = None,
    site_ids: Sequence[int] = (),
    now: datetime,
) -> Account:
    """Open an account; a professional's belongs to one professional, a secretary's to sites.

    Raises:
        AccountRefused: with the field (`email`, `name`, `professional`, `sites`) and why.
        passwords.PasswordRefused: if the password is short, common or personal.
        EmailTaken: if the e-mail is somebody's already, in whatever community.
    """
    email = email.strip().lower()
    _refuse_impossible(email, name, role, professional_id, site_ids)
    passwords.check(password, about=(email, name))
    account = Account(
        community_id=community_id,
        reference=uuid4(),
        email=email,
        display_name=name.strip(),
        password_hash=passwords.hashed(password),
        role=role,
        professional_id=professional_id,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError as refused:
        if isinstance(refused.orig, UniqueViolation):
            raise EmailTaken from None
        raise
    _keep_sites(session, account, site_ids)
    unit.of_account(Action.ACCOUNT, account)
    return account


def _refuse_impossible(
    email: str, name: str, role: Role, professional_id: int | None, site_ids: Sequence[int]
) -> None:
    if len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email):
        raise AccountRefused("email", "invalid")
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise AccountRefused("name", "invalid")
    if (role is Role.PROFESSIONAL) != (professional_id is not None):
        raise AccountRefused("professional", "missing" if professional_id is None else "unwanted")
    if (role is Role.SECRETARY) != bool(site_ids):
        raise AccountRefused("sites", "unwanted" if site_ids else "missing")


def _keep_sites(session: Session, account: Account, site_ids: Sequence[int]) -> None:
    if site_ids:
        session.execute(
            insert(AccountSite),
            [
                {
                    "community_id": account.community_id,
                    "account_id": account.id,
                    "site_id": site_id,
                }
                for site_id in sorted(set(site_ids))
            ],
        )


def change_password(
    session: Session, member: sessions.Member, *, present: str, wanted: str, now: datetime
) -> None:
    """Replace somebody's password, and end all their sessions: they sign in again.

    Raises:
        WrongPassword: if `present` is not theirs.
        passwords.PasswordRefused: if `wanted` is short, common or personal.
        NoSuchAccount: if the account was closed in the meantime.
    """
    account = _open_account(session, member.community_id, member.account)
    if not passwords.is_right(account.password_hash, present):
        raise WrongPassword
    passwords.check(wanted, about=(account.email, account.display_name))
    account.password_hash = passwords.hashed(wanted)
    sessions.end_all(session, account, now=now)
    unit.of_account(Action.PASSWORD, account)


def set_password(
    session: Session, community_id: int, account: UUID, *, password: str, now: datetime
) -> Account:
    """Give somebody's account another password and return it; sessions and links of it end.

    Raises:
        passwords.PasswordRefused: if it is short, common or personal.
        NoSuchAccount: if this community has no open account of that name.
    """
    kept = _open_account(session, community_id, account)
    passwords.check(password, about=(kept.email, kept.display_name))
    kept.password_hash = passwords.hashed(password)
    sessions.end_all(session, kept, now=now)
    invitations.end(session, kept, now=now)
    resets.end(session, kept, now=now)
    unit.of_account(Action.PASSWORD, kept)
    return kept


def close(session: Session, community_id: int, account: UUID, *, now: datetime) -> None:
    """Close an account: whoever is signed in with it is out at their next page.

    Raises:
        NoSuchAccount: if this community has no open account of that name.
    """
    kept = _open_account(session, community_id, account)
    kept.closed_at = now
    sessions.end_all(session, kept, now=now)
    invitations.end(session, kept, now=now)
    unit.of_account(Action.ACCOUNT, kept)


def _open_account(session: Session, community_id: int, account: UUID) -> Account:
    found = session.scalar(
        select(Account)
        .where(
            Account.community_id == community_id,
            Account.reference == account,
            Account.closed_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NoSuchAccount
    return found


@dataclass(frozen=True)
class Listed:
    """An account as an administrator sees it."""

    reference: UUID
    email: str
    name: str
    role: Role
    created_at: datetime
    closed_at: datetime | None
    has_second_factor: bool


def listed(session: Session, community_id: int) -> list[Listed]:
    """Return every account of a community, open ones first, by name."""
    rows = session.execute(
        select(
            Account.reference,
            Account.email,
            Account.display_name,
            Account.role,
            Account.created_at,
            Account.closed_at,
            authenticators.is_set_up(),
        )
        .where(Account.community_id == community_id)
        .order_by(Account.closed_at.is_not(None), Account.display_name, Account.email)
    )
    return [Listed(*row) for row in rows]
