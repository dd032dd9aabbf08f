"""How an account comes to a second factor, and loses it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from booking.accounts import authenticators, passkeys, passwords, recovery, sessions, throttle
from booking.accounts.entering import StepOver, account_of, is_enrolled
from booking.accounts.people import NoSuchAccount
from booking.audit import unit
from booking.models import Account, Action, Authenticator, Passkey
from config.sealing import Keys


@dataclass(frozen=True)
class Enrolled:
    """The token of a session that is whole now, and the codes to print: nobody reads them again."""

    token: str
    codes: list[str]


class Wrong(StrEnum):
    """What of a confirmation was not right."""

    PASSWORD = auto()
    CODE = auto()


@dataclass(frozen=True)
class Secured:
    """By what an account is proved to be somebody's."""

    is_enrolled: bool
    codes_left: int
    passkeys: Sequence[Passkey]


def secured(session: Session, member: sessions.Member) -> Secured:
    """Return by what somebody proves who they are."""
    account = account_of(session, member)
    return Secured(
        is_enrolled(session, account),
        recovery.left(session, account),
        passkeys.listed(session, account),
    )


def begin(session: Session, member: sessions.Member, *, keys: Keys, now: datetime) -> None:
    """Make a secret for an application; the former one counts until this one is confirmed."""
    authenticators.begin(session, account_of(session, member), keys=keys, now=now)


def begin_in_step(session: Session, token: str, *, keys: Keys, now: datetime) -> None:
    """Make a secret for whoever has said the password and must have a second factor.

    Raises:
        StepOver: if the password has to be said again, or they have one.
    """
    authenticators.begin(session, _not_enrolled(session, token, now=now), keys=keys, now=now)


def _not_enrolled(session: Session, token: str, *, now: datetime) -> Account:
    found = sessions.half(session, token, lock=True, now=now)
    if found is None or is_enrolled(session, found[0]):
        raise StepOver
    return found[0]


def confirm_in_step(
    session: Session,
    token: str,
    code: str,
    *,
    keys: Keys,
    secret: bytes,
    device: str,
    now: datetime,
) -> Enrolled | None:
    """Confirm the application by its first code, and be signed in; None: it was not the code.

    Raises:
        StepOver: if the password has to be said again, or they have one.
        throttle.TooManyFailures: after five wrong codes in fifteen minutes.
    """
    account = _not_enrolled(session, token, now=now)
    if not _confirmed(session, account, code, keys=keys, secret=secret, now=now):
        return None
    return _whole(session, account, device=device, now=now)


def confirm(
    session: Session,
    member: sessions.Member,
    code: str,
    *,
    password: str,
    keys: Keys,
    secret: bytes,
    device: str,
    now: datetime,
) -> Enrolled | Wrong:
    """Confirm a new application by its first code, or say what was wrong: commit it, it is counted.

    The password is asked as well: a screen that was left open gives nobody a second factor.

    Raises:
        throttle.TooManyFailures: after five wrong codes or passwords in fifteen minutes.
    """
    account = account_of(session, member)
    whose = throttle.keyed(f"code:{account.reference}", secret)
    throttle.refuse_if_too_many(session, whose, throttle.OF_CODES, now)
    if not passwords.is_right(account.password_hash, password):
        throttle.count(session, whose, now=now)
        return Wrong.PASSWORD
    if not _confirmed(session, account, code, keys=keys, secret=secret, now=now):
        return Wrong.CODE
    return _whole(session, account, device=device, now=now)


def _confirmed(
    session: Session, account: Account, code: str, *, keys: Keys, secret: bytes, now: datetime
) -> bool:
    whose = throttle.keyed(f"code:{account.reference}", secret)
    throttle.refuse_if_too_many(session, whose, throttle.OF_CODES, now)
    typed = "".join(code.split())
    if authenticators.confirm(session, account, typed, keys=keys, now=now):
        return True
    throttle.count(session, whose, now=now)
    return False


def _whole(session: Session, account: Account, *, device: str, now: datetime) -> Enrolled:
    """End what was open before there was a second factor, and open one session that has it."""
    codes = recovery.make(session, account, now=now)
    unit.by_account(Action.FACTOR, account)
    sessions.end_all(session, account, now=now)
    token = sessions.open_session(session, account, device=device, proved_at=now, now=now)
    return Enrolled(token, codes)


def new_codes(session: Session, member: sessions.Member, *, now: datetime) -> list[str]:
    """Return ten other codes for somebody who has a second factor; the former ones end."""
    account = account_of(session, member)
    unit.of_account(Action.FACTOR, account)
    return recovery.make(session, account, now=now)


def forget(session: Session, community_id: int, account: UUID, *, now: datetime) -> Account:
    """Take the second factor from somebody who has lost it: all their sessions end.

    Where it is demanded they set up another one after their next password.

    Raises:
        NoSuchAccount: if this community has no open account of that name.
    """
    found = session.scalar(
        select(Account)
        .where(
            Account.community_id == community_id,
            Account.reference == account,
            Account.closed_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        raise NoSuchAccount
    session.execute(
        delete(Authenticator).where(
            Authenticator.community_id == community_id, Authenticator.account_id == found.id
        )
    )
    recovery.forget(session, found)
    passkeys.forget(session, found)
    sessions.end_all(session, found, now=now)
    unit.of_account(Action.FACTOR, found)
    return found
