"""Accounts that nobody uses any more: their owner is written to, and a month later they close."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, and_, func, or_, select, update
from sqlalchemy.orm import Session

from booking import accounts
from booking.desk import account_letters
from booking.models import Account, StaffSession

WARNED = timedelta(days=30)
"""How long before it closes."""

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
            and_(_last_used() <= now - kept, Account.warned_at > _last_used()),
            Account.warned_at <= now - WARNED,
        )
        .limit(MOST)
    ).all()
    for account in quiet:
        accounts.close(session, account.community_id, account.reference, now=now)
    return len(quiet)


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
