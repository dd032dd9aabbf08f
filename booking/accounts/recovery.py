"""Codes on paper for whoever has lost their phone: ten, shown once, each opens once."""

import secrets
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from booking.links import SPOKEN, hashed
from booking.models import Account, RecoveryCode

HOW_MANY = 10
LETTERS = 24
"""120 bits: whoever steals the hashes guesses none, however plain a hash is."""
LENGTHS = (LETTERS, 16)
"""What may be typed: papers of before have codes of 80 bits, which open until new ones are made."""
GROUP = 4


def make(session: Session, account: Account, *, now: datetime) -> list[str]:
    """Return ten new codes, which nobody can read again; the former ones open nothing."""
    forget(session, account)
    codes = ["".join(secrets.choice(SPOKEN) for _ in range(LETTERS)) for _ in range(HOW_MANY)]
    session.add_all(
        RecoveryCode(
            community_id=account.community_id,
            account_id=account.id,
            code_hash=_hash(account, code),
            made_at=now,
        )
        for code in codes
    )
    session.flush()
    return [in_groups(code) for code in codes]


def in_groups(code: str) -> str:
    """Return letters as people copy them: four by four."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def takes(session: Session, account: Account, code: str, *, now: datetime) -> bool:
    """Whether this is a code that nobody has used; it is used now, by one conditional UPDATE."""
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.community_id == account.community_id,
            RecoveryCode.account_id == account.id,
            RecoveryCode.code_hash == _hash(account, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    ).first()
    return used is not None


def left(session: Session, account: Account) -> int:
    """Return how many codes still open."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RecoveryCode)
            .where(
                RecoveryCode.community_id == account.community_id,
                RecoveryCode.account_id == account.id,
                RecoveryCode.used_at.is_(None),
            )
        )
        or 0
    )


def forget(session: Session, account: Account) -> None:
    """Delete every code of an account."""
    session.execute(
        delete(RecoveryCode).where(
            RecoveryCode.community_id == account.community_id,
            RecoveryCode.account_id == account.id,
        )
    )


def _hash(account: Account, code: str) -> bytes:
    return hashed(f"{account.reference}:{code}")
