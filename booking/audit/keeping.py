"""What the worker does for the audit: numbers it, and looks through all of it once a day."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from booking import heartbeats
from booking.audit import chain, checking
from booking.audit.verifying import Broken
from booking.heartbeats import AUDIT_BROKEN, AUDIT_SOUND
from config import logs
from config.clock import Clock
from config.database import OpenTransaction

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
    """Give new lines their numbers."""
    chain.extend_all(bench.open_transaction)


def check(bench: Bench) -> None:
    """Once a day, verify the whole chain, and write to the log how far it goes."""
    now = bench.clock()
    with bench.open_transaction() as session:
        looked = max(filter(None, _last(session)), default=None)
    if looked is not None and now - looked < EVERY:
        return
    try:
        checking.check(bench.open_transaction)
        ended = AUDIT_SOUND
    except Broken as wrong:
        logs.event("audit_broken", level=logging.ERROR, number=wrong.number)
        ended = AUDIT_BROKEN
    with bench.open_transaction() as session:
        heartbeats.note(session, ended, now=now)
        if ended == AUDIT_SOUND:
            chain.anchor(session)


def is_sound(session: Session) -> bool:
    """Whether the chain was not found broken when it was last looked through, if ever."""
    sound, broken = _last(session)
    return broken is None or (sound is not None and sound > broken)


def _last(session: Session) -> tuple[datetime | None, datetime | None]:
    """Return when the chain was last seen to hold, and when it last did not."""
    return heartbeats.noted(session, AUDIT_SOUND), heartbeats.noted(session, AUDIT_BROKEN)
