"""What people are written about their own account: in the transaction that makes it true."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from booking.accounts import enrolling, resets
from booking.desk.board import community_of
from booking.links import Links
from booking.models import Account
from notifications import account_letters, outbox
from notifications.account_letters import AccountLetter
from notifications.letters import Draft
from notifications.models import Channel, Kind

NOTICE_LASTS = timedelta(days=2)


def password_reset(session: Session, email: str, *, links: Links, now: datetime) -> None:
    """Promise the letter with the link, if somebody signs in with this e-mail."""
    made = resets.make(session, email, now=now)
    if made is None:
        return
    account, asked, token = made
    letter = account_letters.password_reset(links.password_reset(token))
    _promise(session, account, letter, about=asked.reference, until=now + resets.GOOD_FOR, now=now)


def password_was_changed(session: Session, account: Account, *, now: datetime) -> None:
    """Tell somebody that their password is another one."""
    _notice(session, account, account_letters.password_changed, now)


def remove_second_factor(
    session: Session, community_id: int, account: UUID, *, now: datetime
) -> None:
    """Take the second factor from somebody who has lost it, and tell them.

    Raises:
        accounts.NoSuchAccount: if this community has no open account of that name.
    """
    theirs = enrolling.forget(session, community_id, account, now=now)
    _notice(session, theirs, account_letters.second_factor_removed, now)


def closes_soon(session: Session, account: Account, *, now: datetime) -> None:
    """Tell somebody who has not signed in for long that their account closes in a month."""
    _notice(session, account, account_letters.closes_soon, now)


def _notice(
    session: Session, account: Account, written: Callable[[str], AccountLetter], now: datetime
) -> None:
    community = community_of(session, account.community_id)
    _promise(
        session,
        account,
        written(community.name),
        about=uuid4(),
        until=now + NOTICE_LASTS,
        now=now,
    )


def _promise(
    session: Session,
    account: Account,
    letter: AccountLetter,
    *,
    about: UUID,
    until: datetime,
    now: datetime,
) -> None:
    outbox.promise(
        session,
        Draft(
            community_id=account.community_id,
            about=about,
            version=0,
            kind=Kind.NOTICE,
            channel=Channel.EMAIL,
            recipient=account.email,
            subject=letter.subject,
            text=letter.text,
            send_at=now,
            expires_at=until,
        ),
    )
