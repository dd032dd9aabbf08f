"""Signing in and out, and who a session's token stands for."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from booking.accounts import passwords
from booking.links import hashed
from booking.models import Account, AccountSite, Role, SignInFailure, StaffSession
from schedules.models import Professional

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
"""One duty day: after it, everybody signs in again."""
SEEN_EVERY = timedelta(minutes=1)
"""How often a session's last use is written down: bookkeeping, not on each page."""

FAILURES_COUNT_FOR = timedelta(hours=1)
MOST_FAILURES_OF_ACCOUNT = 10
MOST_FAILURES_OF_ADDRESS = 30
"""A practice, or a mobile operator's customers, share one address: so it may fail more often."""

TOKEN_BYTES = 32
ONE_AT_A_TIME = 0x4A4D
"""Advisory locks of sign-ins share this first number, and no other use of them has it."""


class TooManyFailures(Exception):
    """The password was not looked at: too many wrong ones came for this account, or from there."""


@dataclass(frozen=True)
class Member:
    """Who holds a live session, with all that decides what they may see."""

    community_id: int
    account_id: int
    account: UUID
    role: Role
    name: str
    professional_id: int | None
    site_ids: tuple[int, ...]


def sign_in(
    session: Session, email: str, password: str, *, address: str, secret: bytes, now: datetime
) -> str | None:
    """Return the token of a new session, or None: the e-mail or the password is wrong.

    A refusal is written down, so it must be committed: it is an answer, not an exception. An
    unknown e-mail, a closed account and a wrong password are one answer that takes one time.
    `address` is where the attempt came from; neither it nor the e-mail is kept, only a hash
    keyed with `secret`.

    Raises:
        TooManyFailures: after 10 failures in an hour for this account, or 30 from this address.
    """
    typed = email.strip().lower()
    whose = _keyed(f"account:{typed}", secret)
    where = _keyed(f"address:{address}", secret)
    _refuse_if_too_many(session, whose, where, now)
    account = _known(session, typed)
    kept = account.password_hash if account else None
    if not passwords.is_right(kept, password) or account is None:
        session.add_all(SignInFailure(who_hash=who, at=now) for who in (whose, where))
        session.flush()
        return None
    session.execute(delete(SignInFailure).where(SignInFailure.who_hash == whose))
    return _opened(session, account, now)


def _keyed(text: str, secret: bytes) -> bytes:
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")


def _refuse_if_too_many(session: Session, whose: bytes, where: bytes, now: datetime) -> None:
    """Count under a lock: guesses that come together are counted as if they came in turn."""
    for who, most in ((where, MOST_FAILURES_OF_ADDRESS), (whose, MOST_FAILURES_OF_ACCOUNT)):
        number = int.from_bytes(who[:4], signed=True)
        session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME, number)))
        failures = session.scalar(
            select(func.count())
            .select_from(SignInFailure)
            .where(SignInFailure.who_hash == who, SignInFailure.at > now - FAILURES_COUNT_FOR)
        )
        if (failures or 0) >= most:
            raise TooManyFailures


def _known(session: Session, email: str) -> Account | None:
    # What is no e-mail is asked for as well, as an empty one: an answer takes one time.
    asked = email if email.isascii() and email.isprintable() else ""
    return session.scalar(
        select(Account).where(Account.email == asked, Account.closed_at.is_(None), ~is_suspended())
    )


def is_suspended() -> ColumnElement[bool]:
    """Return the condition that an account is a professional's who is suspended."""
    return (
        select(Professional.id)
        .where(
            Professional.community_id == Account.community_id,
            Professional.id == Account.professional_id,
            Professional.suspended_at.is_not(None),
        )
        .correlate(Account)
        .exists()
    )


def _opened(session: Session, account: Account, now: datetime) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        StaffSession(
            community_id=account.community_id,
            account_id=account.id,
            token_hash=hashed(token),
            created_at=now,
            last_seen_at=now,
        )
    )
    session.flush()
    return token


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """End the session that this token stands for, on every machine at once."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == hashed(token), StaffSession.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def who(session: Session, token: str, *, now: datetime) -> Member | None:
    """Return who holds this token; None once it ended, idled 30 minutes or lasted 12 hours.

    One query; at most once a minute a second statement notes that the session is in use.
    """
    found = session.execute(
        _members().where(
            StaffSession.token_hash == hashed(token),
            StaffSession.ended_at.is_(None),
            StaffSession.last_seen_at > now - IDLE,
            StaffSession.created_at > now - LONGEST,
            Account.closed_at.is_(None),
            ~is_suspended(),
        )
    ).one_or_none()
    if found is None:
        return None
    if now - found.last_seen_at >= SEEN_EVERY:
        _seen(session, found.community_id, found.session_id, now)
    return Member(
        community_id=found.community_id,
        account_id=found.id,
        account=found.reference,
        role=found.role,
        name=found.display_name,
        professional_id=found.professional_id,
        site_ids=tuple(sorted(found.site_ids or ())),
    )


def _members() -> Select[Any]:
    """Return accounts with their sessions and the sites they keep."""
    sites = (
        select(func.array_agg(AccountSite.site_id))
        .where(
            AccountSite.community_id == Account.community_id, AccountSite.account_id == Account.id
        )
        .scalar_subquery()
    )
    return select(
        Account.community_id,
        Account.id,
        Account.reference,
        Account.role,
        Account.display_name,
        Account.professional_id,
        sites.label("site_ids"),
        StaffSession.id.label("session_id"),
        StaffSession.last_seen_at,
    ).join(
        StaffSession,
        (StaffSession.community_id == Account.community_id)
        & (StaffSession.account_id == Account.id),
    )


def _seen(session: Session, community_id: int, session_id: int, now: datetime) -> None:
    session.execute(
        update(StaffSession)
        .where(
            StaffSession.community_id == community_id,
            StaffSession.id == session_id,
            StaffSession.last_seen_at < now,
        )
        .values(last_seen_at=now)
        .execution_options(synchronize_session=False)
    )


def sign_out_professional(
    session: Session, community_id: int, professional_id: int, *, now: datetime
) -> None:
    """End every session of a professional's accounts."""
    for account in session.scalars(
        select(Account).where(
            Account.community_id == community_id, Account.professional_id == professional_id
        )
    ):
        end_all(session, account, now=now)


def end_all(session: Session, account: Account, *, now: datetime) -> None:
    """End every session of an account, on every machine at once."""
    session.flush()
    session.execute(
        update(StaffSession)
        .where(
            StaffSession.community_id == account.community_id,
            StaffSession.account_id == account.id,
            StaffSession.ended_at.is_(None),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
