"""What the worker does for the audit: numbers, forgets, and looks through all of it once a day."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.audit import chain, checking
from booking.audit.verifying import Broken
from booking.models import WorkerHeartbeat
from config import logs
from config.clock import Clock
from config.database import OpenTransaction

SOUND, BROKEN = 4, 5
"""Rows of `worker_heartbeat`: when the chain was last seen to hold; when it last did not."""

EVERY = timedelta(hours=24)


class Bench(Protocol):
    """What the worker gives its jobs."""

    @property
    def clock(self) -> Clock:
        """Say what time it is."""
        ...

    @property
    def open_transaction(self) -> OpenTransaction:
        """Open a transaction of one's own."""
        ...


def number(bench: Bench) -> None:
    """Give new lines their numbers, and let go what is a year old."""
    chain.extend_all(bench.open_transaction)
    with bench.open_transaction() as session:
        gone = chain.forget(session, now=bench.clock())
    if gone:
        logs.event("audit_forgotten", count=gone)


def check(bench: Bench) -> None:
    """Once a day, verify the whole chain, and write to the log how far it goes."""
    now = bench.clock()
    with bench.open_transaction() as session:
        looked = max(filter(None, (last(session, SOUND), last(session, BROKEN))), default=None)
    if looked is not None and now - looked < EVERY:
        return
    try:
        checking.check(bench.open_transaction)
        ended = SOUND
    except Broken as wrong:
        logs.event("audit_broken", level=logging.ERROR, number=wrong.number)
        ended = BROKEN
    with bench.open_transaction() as session:
        _note(session, ended, now)
        if ended == SOUND:
            chain.anchor(session)


def last(session: Session, row: int) -> datetime | None:
    """Return when the chain was last seen to hold, or not to."""
    return session.scalar(select(WorkerHeartbeat.at).where(WorkerHeartbeat.id == row))


def is_sound(session: Session) -> bool:
    """Whether the chain was not found broken when it was last looked through, if ever."""
    sound, broken = last(session, SOUND), last(session, BROKEN)
    return broken is None or (sound is not None and sound > broken)


def _note(session: Session, row: int, now: datetime) -> None:
    session.execute(
        insert(WorkerHeartbeat)
        .values(id=row, at=now)
        .on_conflict_do_update(index_elements=["id"], set_={"at": now})
    )
