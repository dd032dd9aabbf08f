"""Numbers that asked for no more SMS: the chain takes their next way instead."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from notifications.models import OptOut

_AMONG = select(OptOut.phone).where(
    OptOut.phone == func.any(bindparam("phones", type_=ARRAY(String)))
)
"""Built once: a worker asks it of every few messages that leave."""


def add(session: Session, phone: str, *, now: datetime) -> None:
    """Note that this number wants no more SMS; noted twice is noted once."""
    session.execute(insert(OptOut).values(phone=phone, at=now).on_conflict_do_nothing())


def remove(session: Session, phone: str) -> None:
    """Note that this number takes SMS again."""
    session.execute(delete(OptOut).where(OptOut.phone == phone))


def among(session: Session, phones: Collection[str]) -> set[str]:
    """Return those of these numbers that want no SMS."""
    if not phones:
        return set()
    return set(session.scalars(_AMONG, {"phones": list(phones)}))
