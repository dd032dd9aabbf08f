"""Letters to whoever forgot their password: a link for half an hour, once."""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from booking.accounts import invitations, passwords, sessions, throttle
from booking.accounts.entering import known
from booking.audit import unit
from booking.links import hashed
from booking.models import Account, Action, PasswordReset

GOOD_FOR = timedelta(minutes=30)


class ResetUnusable(LookupError):
    """The link was used, replaced or is too old; or it never was one."""


def count_asked(
    session: Session, email: str, *, address: str, secret: bytes, now: datetime
) -> bool:
    """Write down that a letter is asked for; whether it may leave: 3 an hour, 10 from one address.

    The same for an e-mail that nobody signs in with: nothing tells them apart here.
    """
    typed = email.strip().lower()
    where = throttle.keyed(f"letter-from:{address}", secret)
    whose = throttle.keyed(f"letter-to:{typed}", secret)
    try:
        throttle.refuse_if_too_many(session, where, throttle.LETTERS_FROM_ADDRESS, now)
        throttle.refuse_if_too_many(session, whose, throttle.LETTERS_TO_ACCOUNT, now)
    except throttle.TooManyFailures:
        return False
    throttle.count(session, where, whose, now=now)
    return True


def make(
    session: Session, email: str, *, now: datetime
) -> tuple[Account, PasswordReset, str] | None:
    """Return whose password is asked for, with a new link's token; former links end.

    None: nobody who may enter signs in with this.
    """
    account = known(session, email.strip().lower())
    if account is None:
        return None
    end(session, account, now=now)
    token = sessions.a_token()
    made = PasswordReset(
        community_id=account.community_id,
        reference=uuid4(),
        account_id=account.id,
        token_hash=hashed(token),
        asked_at=now,
    )
    session.add(made)
    session.flush()
    return account, made, token


def end(session: Session, account: Account, *, now: datetime) -> None:
    """Let no letter of this account open any more."""
    session.execute(
        update(PasswordReset)
        .where(
            PasswordReset.community_id == account.community_id,
            PasswordReset.account_id == account.id,
            PasswordReset.ended_at.is_(None),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def asked(
    session: Session, token: str, *, lock: bool = False, now: datetime
) -> tuple[Account, PasswordReset]:
    """Return whose password this token lets choose.

    Raises:
        ResetUnusable: if it does not, or not any more.
    """
    wanted = (
        select(Account, PasswordReset)
        .join(
            PasswordReset,
            (PasswordReset.community_id == Account.community_id)
            & (PasswordReset.account_id == Account.id),
        )
        .where(
            PasswordReset.token_hash == hashed(token),
            PasswordReset.ended_at.is_(None),
            PasswordReset.asked_at > now - GOOD_FOR,
            sessions.may_enter(),
        )
    )
    if lock:
        wanted = wanted.with_for_update(of=PasswordReset).execution_options(populate_existing=True)
    found = session.execute(wanted).one_or_none()
    if found is None:
        raise ResetUnusable
    return found[0], found[1]


def use(session: Session, token: str, password: str, *, now: datetime) -> Account:
    """Keep the new password: every session ends, and signing in takes the second factor as ever.

    Raises:
        ResetUnusable: see `asked`; of two who press the button one is too late.
        passwords.PasswordRefused: if it is short, common or personal.
    """
    account, _asked = asked(session, token, lock=True, now=now)
    passwords.check(password, about=(account.email, account.display_name))
    account.password_hash = passwords.hashed(password)
    end(session, account, now=now)
    sessions.end_all(session, account, now=now)
    invitations.end(session, account, now=now)
    unit.by_account(Action.PASSWORD, account)
    return account
