"""Accounts that nobody uses any more: their owner is written to, and a month later they close.

The last one of a role that lets others in stays open: nobody could let anybody in again.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from booking import accounts
from booking.desk import account_letters
from booking.models import Account, Role, StaffSession
from config import logs

WARNED = timedelta(days=30)
"""How long before it closes."""

LET_OTHERS_IN = (Role.ADMINISTRATOR, Role.COORDINATOR)

MOST = 50
"""Letters, or accounts, of one night's round."""


def remember(session: Session, *, before: datetime) -> None:
    """Write on accounts when they were last used, before the sessions that tell it are deleted."""
    used = (
        select(
            StaffSession.community_id,
            StaffSession.account_id,
            func.max(StaffSession.last_seen_at).label("at"),
        )
        .where(StaffSession.last_seen_at <= before)
        .group_by(StaffSession.community_id, StaffSession.account_id)
        .subquery()
    )
    session.execute(
        update(Account)
        .where(
            Account.community_id == used.c.community_id,
            Account.id == used.c.account_id,
            or_(Account.last_seen_at.is_(None), Account.last_seen_at < used.c.at),
        )
        .values(last_seen_at=used.c.at)
        .execution_options(synchronize_session=False)
    )


def warn(session: Session, *, kept: timedelta, now: datetime) -> int:
    """Write once to whoever's account closes in a month if they do not sign in; return how many."""
    quiet = session.scalars(
        select(Account)
        .where(
            Account.closed_at.is_(None),
            ~_is_last(),
            _last_used() <= now - kept + WARNED,
            or_(Account.warned_at.is_(None), Account.warned_at < _last_used()),
        )
        .limit(MOST)
        .with_for_update(skip_locked=True)
    ).all()
    for account in quiet:
        account_letters.closes_soon(session, account, now=now)
        account.warned_at = now
    session.flush()
    return len(quiet)


def close(session: Session, *, kept: timedelta, now: datetime) -> int:
    """Close accounts that nobody used for so long, a month after the letter; return how many."""
    quiet = session.scalars(
        select(Account)
        .where(
            Account.closed_at.is_(None),
            ~_is_last(),
            and_(_last_used() <= now - kept, Account.warned_at > _last_used()),
            Account.warned_at <= now - WARNED,
        )
        # Of several of one role that nobody uses, whoever was here last stays.
        .order_by(_last_used(), Account.community_id, Account.id)
        .limit(MOST)
    ).all()
    count = 0
    for account in quiet:
        if not _is_last_now(session, account):
            accounts.close(session, account.community_id, account.reference, now=now)
            count += 1
    return count


def tell_of_the_last(session: Session, *, kept: timedelta, now: datetime) -> None:
    """Write to the log which accounts nobody uses and stay open, because they are the last."""
    unused = (Account.closed_at.is_(None), _is_last(), _last_used() <= now - kept)
    for account in session.scalars(select(Account).where(*unused).order_by(Account.reference)):
        logs.event(
            "last_account_unused",
            level=logging.WARNING,
            about=account.reference,
            role=account.role.value,
        )


def _is_last_now(session: Session, account: Account) -> bool:
    """Whether it is the last by now, when others of the same night are closed."""
    itself = (Account.community_id == account.community_id, Account.id == account.id)
    return bool(session.scalar(select(_is_last()).where(*itself)))


def _is_last() -> ColumnElement[bool]:
    """Whether nobody else of the community has an open account of a role that lets others in."""
    other = aliased(Account)
    another = (
        select(other.id)
        .where(
            other.community_id == Account.community_id,
            other.role == Account.role,
            other.id != Account.id,
            other.closed_at.is_(None),
        )
        .correlate(Account)
        .exists()
    )
    return and_(Account.role.in_(LET_OTHERS_IN), ~another)


def _last_used() -> ColumnElement[datetime]:
    """Return when an account was last used, or opened."""
    in_a_session = (
        select(func.max(StaffSession.last_seen_at))
        .where(
            StaffSession.community_id == Account.community_id,
            StaffSession.account_id == Account.id,
        )
        .correlate(Account)
        .scalar_subquery()
    )
    # GREATEST passes over what is not there.
    return func.greatest(
        Account.created_at, Account.last_seen_at, in_a_session, type_=DateTime(timezone=True)
    )
