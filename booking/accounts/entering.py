"""Signing in: a password, then a second factor; and in again, where somebody left the desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from booking.accounts import authenticators, passkeys, passwords, recovery, sessions, throttle
from booking.accounts.passkeys import Party
from booking.audit import unit
from booking.links import hashed
from booking.models import Account, Action, KnownDevice
from config.sealing import Keys

PROOF_LASTS = timedelta(hours=4)
"""How long somebody who left the desk is believed by the password alone."""
FRESH = timedelta(minutes=10)
"""How old a second factor may be for what cannot be taken back by oneself."""
DEVICE_KNOWN_FOR = timedelta(days=180)


class Step(StrEnum):
    """What is left to do after a right password."""

    DONE = auto()
    PROVE = auto()
    ENROL = auto()


@dataclass(frozen=True)
class Entered:
    """A token, and of what: of a session if nothing is left to do, else of the second step."""

    token: str
    step: Step


class StepOver(LookupError):
    """The ten minutes of the second step are over, or it was taken: the password comes first."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What somebody shows beside the password, and what it is checked with."""

    code: str = ""
    """Of the application, or from the paper."""
    passkey: str = ""
    """What a device answered, as JSON."""
    party: Party
    keys: Keys
    secret: bytes


def sign_in(
    session: Session,
    email: str,
    password: str,
    *,
    address: str,
    secret: bytes,
    device: str = "",
    known_device: str = "",
    demanded: bool = False,
    now: datetime,
) -> Entered | None:
    """Return what a right password opens, or None: the e-mail or the password is wrong.

    A refusal is written down, so it must be committed: it is an answer, not an exception. An
    unknown e-mail, a closed account and a wrong password are one answer that takes one time.
    `address` is where the attempt came from; neither it nor the e-mail is kept, only a hash
    keyed with `secret`. `demanded`: nobody gets in without a second factor.

    Raises:
        throttle.TooManyFailures: after 10 failures in an hour for this account, or 30 from this
            address. A device in which its owner has signed in before has 10 of its own.
    """
    typed = email.strip().lower()
    where = throttle.keyed(f"address:{address}", secret)
    throttle.refuse_if_too_many(session, where, throttle.OF_ADDRESS, now)
    whose = throttle.keyed(_counted_as(session, typed, known_device, now), secret)
    throttle.refuse_if_too_many(session, whose, throttle.OF_ACCOUNT, now)
    account = known(session, typed)
    kept = account.password_hash if account else None
    if not passwords.is_right(kept, password) or account is None:
        throttle.count(session, whose, where, now=now)
        unit.refused(account)
        return None
    throttle.forgive(session, whose)
    if is_enrolled(session, account):
        return Entered(sessions.begin_half(session, account, now=now), Step.PROVE)
    if demanded:
        return Entered(sessions.begin_half(session, account, now=now), Step.ENROL)
    token = sessions.open_session(session, account, device=device, proved_at=None, now=now)
    return Entered(token, Step.DONE)


def known(session: Session, email: str) -> Account | None:
    """Return the account that signs in with this, if it opens at all."""
    # What is no e-mail is asked for as well, as an empty one: an answer takes one time.
    asked = email if email.isascii() and email.isprintable() else ""
    return session.scalar(select(Account).where(Account.email == asked, sessions.may_enter()))


def is_enrolled(session: Session, account: Account) -> bool:
    """Whether this account has a second factor."""
    set_up = select(authenticators.is_set_up()).where(
        Account.community_id == account.community_id, Account.id == account.id
    )
    return bool(session.scalar(set_up))


def _counted_as(session: Session, email: str, known_device: str, now: datetime) -> str:
    """Return under which name failures count: strangers' do not slow down a known device."""
    asked = email if email.isascii() and email.isprintable() else ""
    found = known_device and session.scalar(
        select(KnownDevice.id)
        .join(
            Account,
            and_(
                Account.community_id == KnownDevice.community_id,
                Account.id == KnownDevice.account_id,
            ),
        )
        .where(
            Account.email == asked,
            KnownDevice.token_hash == hashed(known_device),
            KnownDevice.last_seen_at > now - DEVICE_KNOWN_FOR,
        )
    )
    return f"device:{known_device}:{email}" if found else f"account:{email}"


def remember_device(
    session: Session, member: sessions.Member, known_device: str, *, now: datetime
) -> str:
    """Note that somebody got in from this device; return the token that it keeps."""
    seen = known_device and session.scalar(
        update(KnownDevice)
        .where(
            KnownDevice.community_id == member.community_id,
            KnownDevice.account_id == member.account_id,
            KnownDevice.token_hash == hashed(known_device),
        )
        .values(last_seen_at=now)
        .returning(KnownDevice.id)
        .execution_options(synchronize_session=False)
    )
    if seen:
        return known_device
    # One browser may be known to several accounts: it keeps its token.
    token = known_device if len(known_device) == TOKEN_LETTERS else sessions.a_token()
    session.add(
        KnownDevice(
            community_id=member.community_id,
            account_id=member.account_id,
            token_hash=hashed(token),
            last_seen_at=now,
        )
    )
    session.flush()
    return token


TOKEN_LETTERS = 43


def prove(session: Session, token: str, proof: Proof, *, device: str, now: datetime) -> str | None:
    """Take the second step: return the token of the session, or None: that was not the proof.

    Raises:
        StepOver: if the password has to be said again.
        throttle.TooManyFailures: after five wrong codes in fifteen minutes.
    """
    found = sessions.half(session, token, lock=True, now=now)
    if found is None:
        raise StepOver
    account, step = found
    if not is_enrolled(session, account):
        raise StepOver
    if not _proves(session, account, proof, passkeys.challenge(token, proof.secret), now):
        unit.refused(account)
        return None
    step.ended_at = now
    return sessions.open_session(session, account, device=device, proved_at=now, now=now)


def prove_again(
    session: Session, member: sessions.Member, token: str, proof: Proof, *, now: datetime
) -> str | None:
    """Show the second factor once more: return the session's new token, or None: it was not that.

    Raises:
        throttle.TooManyFailures: after five wrong codes in fifteen minutes.
    """
    account = account_of(session, member)
    if not _proves(session, account, proof, passkeys.challenge(token, proof.secret), now):
        unit.refused(account)
        return None
    unit.by_account(Action.PROOF, account)
    return sessions.renew(session, token, {"proved_at": now})


def is_fresh(member: sessions.Member, *, now: datetime) -> bool:
    """Whether somebody showed a second factor less than ten minutes ago."""
    return member.proved_at is not None and member.proved_at > now - FRESH


def _proves(session: Session, account: Account, proof: Proof, asked: bytes, now: datetime) -> bool:
    if proof.passkey:
        return passkeys.takes(
            session, account, proof.passkey, party=proof.party, asked=asked, now=now
        )
    return takes_code(session, account, proof.code, keys=proof.keys, secret=proof.secret, now=now)


def takes_code(
    session: Session, account: Account, typed: str, *, keys: Keys, secret: bytes, now: datetime
) -> bool:
    """Whether this is a code of the application, or one from the paper; a wrong one is counted.

    Raises:
        throttle.TooManyFailures: after five wrong codes in fifteen minutes.
    """
    whose = throttle.keyed(f"code:{account.reference}", secret)
    throttle.refuse_if_too_many(session, whose, throttle.OF_CODES, now)
    code = "".join(sign for sign in typed if sign not in " -\u00a0\u202f").upper()
    is_right = authenticators.takes(session, account, code, keys=keys, now=now)
    if not is_right and len(code) in recovery.LENGTHS and code.isascii():
        is_right = recovery.takes(session, account, code, now=now)
    if not is_right:
        throttle.count(session, whose, now=now)
    return is_right


def account_of(session: Session, member: sessions.Member) -> Account:
    """Return the account of whoever is signed in."""
    return session.scalars(
        select(Account).where(
            Account.community_id == member.community_id, Account.id == member.account_id
        )
    ).one()


def unlock(
    session: Session,
    token: str,
    password: str,
    *,
    address: str,
    secret: bytes,
    demanded: bool = False,
    now: datetime,
) -> Entered | None:
    """Open a session that rests again, at its place; None: that is not the password.

    Its twelve hours go on. Whoever showed a second factor more than four hours ago shows it again.

    Raises:
        StepOver: if there is no such session any more: the whole way, then.
        throttle.TooManyFailures: see `sign_in`; this device is known, so its failures are its own.
    """
    where = throttle.keyed(f"address:{address}", secret)
    throttle.refuse_if_too_many(session, where, throttle.OF_ADDRESS, now)
    found = sessions.resting(session, token, demanded=demanded, lock=True, now=now)
    if found is None:
        raise StepOver
    account, rests = found
    whose = throttle.keyed(f"session:{rests.reference}", secret)
    throttle.refuse_if_too_many(session, whose, throttle.OF_ACCOUNT, now)
    if not passwords.is_right(account.password_hash, password):
        throttle.count(session, whose, where, now=now)
        unit.refused(account)
        return None
    throttle.forgive(session, whose)
    unit.by_account(Action.UNLOCK, account)
    was_long_ago = rests.proved_at is not None and rests.proved_at <= now - PROOF_LASTS
    # Who came by Pro Santé Connect may have none of ours to show.
    if was_long_ago and is_enrolled(session, account):
        sessions.sign_out(session, token, now=now)
        return Entered(sessions.begin_half(session, account, now=now), Step.PROVE)
    renewed = sessions.renew(session, token, {"locked_at": None, "last_seen_at": now})
    return Entered(renewed, Step.DONE)
