"""Which providers refuse everything at the moment, so that nobody asks them for a while.

A wrong password, a sender that was taken away: every further call would fail as well. The row is
the alarm: the operators' page and the figures read it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BindParameter, Select, String, Table, bindparam, case, delete, func, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from notifications.models import Channel, SenderPause

PAUSE = timedelta(minutes=1)
"""Then one try tells whether it is mended."""

FORGOTTEN_AFTER = timedelta(minutes=10)
"""A refusal this long after the last one begins a new stop."""

PAUSES = cast("Table", SenderPause.__table__)
_THESE = func.any(bindparam("ways", type_=ARRAY(String)))
RESUMES = delete(PAUSES).where(as_type(PAUSES.c.channel, String) == _THESE)
"""Built once: every message that leaves runs it, within the statement that records it."""


def stop(session: Session, channel: Channel, *, why: str, now: datetime) -> None:
    """Leave a channel alone for a minute; refused again, for another one."""
    begins = insert(SenderPause).values(channel=channel, why=why, since=now, until=now + PAUSE)
    is_new = SenderPause.until < now - FORGOTTEN_AFTER
    session.execute(
        begins.on_conflict_do_update(
            index_elements=["channel"],
            set_={
                "why": why,
                "until": now + PAUSE,
                "since": case((is_new, now), else_=SenderPause.since),
            },
        )
    )


def resume(session: Session, channel: Channel) -> None:
    """Note that the provider takes messages again."""
    session.execute(RESUMES, {"ways": [channel.name]})


def channels(now: datetime | BindParameter[Any]) -> Select[Channel]:
    """Return the channels that are left alone at this moment, as a query."""
    return select(SenderPause.channel).where(SenderPause.until > now)


def stopped(session: Session, *, now: datetime) -> Sequence[SenderPause]:
    """Return what refuses everything: until a message has left, or nobody tried for some time."""
    return session.scalars(
        select(SenderPause)
        .where(SenderPause.until > now - FORGOTTEN_AFTER)
        .order_by(SenderPause.channel)
    ).all()
