"""Guessing slows down in the database: every process and machine counts together."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from booking.audit import unit
from booking.models import Action, SignInFailure

ONE_AT_A_TIME = 0x4A4D
"""Advisory locks of sign-ins share this first number, and no other use of them has it."""


class TooManyFailures(Exception):
    """Nothing was looked at: too many wrong tries came for this account, or from there."""


@dataclass(frozen=True)
class Limit:
    """How many tries may fail in how long."""

    most: int
    within: timedelta


OF_ACCOUNT = Limit(10, timedelta(hours=1))
OF_ADDRESS = Limit(30, timedelta(hours=1))
"""A practice, or a mobile operator's customers, share one address: so it may fail more often."""
OF_CODES = Limit(5, timedelta(minutes=15))
LETTERS_TO_ACCOUNT = Limit(3, timedelta(hours=1))
LETTERS_FROM_ADDRESS = Limit(10, timedelta(hours=1))


def keyed(text: str, secret: bytes) -> bytes:
    """Return what is kept of who tries: a hash that names nobody without the secret."""
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")


def refuse_if_too_many(session: Session, who: bytes, limit: Limit, now: datetime) -> None:
    """Count under a lock: guesses that come together are counted as if they came in turn.

    Raises:
        TooManyFailures: if as many as may fail did.
    """
    number = int.from_bytes(who[:4], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME, number)))
    failures = session.scalar(
        select(func.count())
        .select_from(SignInFailure)
        .where(SignInFailure.who_hash == who, SignInFailure.at > now - limit.within)
    )
    if (failures or 0) >= limit.most:
        unit.note(Action.SIGN_IN_REFUSED, is_often=True)
        raise TooManyFailures


def count(session: Session, *who: bytes, now: datetime) -> None:
    """Write down one more try; it must be committed: a refusal is an answer, not an exception."""
    session.add_all(SignInFailure(who_hash=each, at=now) for each in who)
    session.flush()


def forgive(session: Session, who: bytes) -> None:
    """Forget the failures of whoever has got in."""
    session.execute(delete(SignInFailure).where(SignInFailure.who_hash == who))
