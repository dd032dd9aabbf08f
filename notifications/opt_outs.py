"""Numbers that asked for no more SMS: the chain takes their next way instead."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import LargeBinary, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from notifications.models import OptOut, recipient_key

_AMONG = select(OptOut.phone_key).where(
    OptOut.phone_key == func.any(bindparam("keys", type_=ARRAY(LargeBinary)))
)
"""Built once: a worker asks it of every few messages that leave."""


def add(session: Session, phone: str, *, now: datetime) -> None:
    """Note that this number wants no more SMS; noted twice is noted once."""
    stopped = OptOut(phone=phone, at=now)
    session.execute(insert(OptOut).values(**stopped.as_set()).on_conflict_do_nothing())


def remove(session: Session, phone: str) -> None:
    """Note that this number takes SMS again."""
    session.execute(delete(OptOut).where(OptOut.phone_key == recipient_key(phone)))


def among(session: Session, phones: Collection[str]) -> set[str]:
    """Return those of these numbers that want no SMS."""
    keys = {recipient_key(phone): phone for phone in phones}
    return {keys[key] for key in keys_among(session, keys)}


def keys_among(session: Session, keys: Collection[bytes]) -> set[bytes]:
    """Return those of these recipients' keys whose number wants no SMS."""
    if not keys:
        return set()
    return set(session.scalars(_AMONG, {"keys": list(keys)}))
