"""The application that shows a code every thirty seconds (TOTP, RFC 6238): set up, then asked."""

import hmac
import re
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from booking.models import Account, Authenticator
from config.sealing import Keys, Place

ISSUER = "JourMême"
SECONDS = 30
WINDOW = 1
"""How many half minutes a phone's clock may be early or late."""
CODE = re.compile(r"[0-9]{6}")


def is_set_up() -> ColumnElement[bool]:
    """Return the condition that an account has a second factor."""
    return (
        select(Authenticator.account_id)
        .where(
            Authenticator.community_id == Account.community_id,
            Authenticator.account_id == Account.id,
            Authenticator.confirmed_at.is_not(None),
        )
        .correlate(Account)
        .exists()
    )


def begin(session: Session, account: Account, *, keys: Keys, now: datetime) -> None:
    """Make a secret to be shown; it counts once a code of it was typed, and not before."""
    kept = _locked(session, account)
    if kept is None:
        kept = Authenticator(community_id=account.community_id, account_id=account.id)
        session.add(kept)
    secret = pyotp.random_base32().encode()
    kept.pending = keys.seal(secret, about=_place("pending", account.reference))
    kept.pending_since = now
    session.flush()


def pending(session: Session, account: Account, *, keys: Keys) -> str | None:
    """Return the secret that waits for its first code, in base32; None: nothing was begun."""
    sealed = session.scalar(
        select(Authenticator.pending).where(
            Authenticator.community_id == account.community_id,
            Authenticator.account_id == account.id,
        )
    )
    if sealed is None:
        return None
    return keys.open(sealed, about=_place("pending", account.reference)).decode()


def address_of(secret: str, email: str) -> str:
    """Return the otpauth address that applications read from a QR code."""
    return pyotp.TOTP(secret, interval=SECONDS).provisioning_uri(name=email, issuer_name=ISSUER)


def confirm(session: Session, account: Account, code: str, *, keys: Keys, now: datetime) -> bool:
    """Let the pending secret count from now on, if this is a code of it; the former one ends."""
    kept = _locked(session, account)
    if kept is None or kept.pending is None:
        return False
    secret = keys.open(kept.pending, about=_place("pending", account.reference))
    counter = matching(secret.decode(), code, after=None, now=now)
    if counter is None:
        return False
    kept.secret = keys.seal(secret, about=_place("secret", account.reference))
    kept.confirmed_at, kept.last_counter = now, counter
    kept.pending = kept.pending_since = None
    session.flush()
    return True


def takes(session: Session, account: Account, code: str, *, keys: Keys, now: datetime) -> bool:
    """Whether this is a code of now that was not taken yet; it never will be again.

    The row is locked: of two who type one code together, one is too late.
    """
    kept = _locked(session, account)
    if kept is None or kept.secret is None:
        return False
    secret = keys.open(kept.secret, about=_place("secret", account.reference))
    counter = matching(secret.decode(), code, after=kept.last_counter, now=now)
    if counter is None:
        return False
    kept.last_counter = counter
    if not keys.is_newest(kept.secret):
        kept.secret = keys.seal(secret, about=_place("secret", account.reference))
    session.flush()
    return True


def seal_again(kept: Authenticator, account: UUID, keys: Keys) -> bool:
    """Seal a secret with the newest key; False if it is under that key already."""
    changed = False
    for column in ("secret", "pending"):
        value: bytes | None = getattr(kept, column)
        if value is not None and not keys.is_newest(value):
            place = _place(column, account)
            setattr(kept, column, keys.sealed_again(value, about=place))
            changed = True
    return changed


def matching(secret: str, code: str, *, after: int | None, now: datetime) -> int | None:
    """Return the half minute whose code this is, if it is near now and later than `after`. Pure."""
    if not CODE.fullmatch(code):
        return None
    present = int(now.timestamp()) // SECONDS
    made = pyotp.TOTP(secret, interval=SECONDS)
    near = range(present - WINDOW, present + WINDOW + 1)
    hits = [each for each in near if hmac.compare_digest(made.generate_otp(each), code)]
    later = [each for each in hits if after is None or each > after]
    return max(later, default=None)


def _place(column: str, account: UUID) -> Place:
    return Place("authenticator", column, account)


def _locked(session: Session, account: Account) -> Authenticator | None:
    return session.scalar(
        select(Authenticator)
        .where(
            Authenticator.community_id == account.community_id,
            Authenticator.account_id == account.id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
