"""Reads calendars, several at once, and applies what they say; no database is held meanwhile."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from config.clock import Clock
from config.database import OpenTransaction
from schedules.calendars import keeping
from schedules.calendars.reading import Failed, Order, Outcome

AT_ONCE = 4
LONGEST_ROUND = timedelta(seconds=45)
"""After that no other reading begins: the next round goes on."""

Read = Callable[[Order], Outcome]
"""What reads one calendar: `Reader.read`."""


def read_due(open_transaction: OpenTransaction, read: Read, *, clock: Clock) -> tuple[int, int]:
    """Read what is due, and return how many calendars were read and how many could not be."""
    begun, count, failed = monotonic(), 0, 0
    while monotonic() - begun < LONGEST_ROUND.total_seconds():
        with open_transaction() as session:
            orders = keeping.due(session, now=clock(), most=AT_ONCE)
        if not orders:
            break
        for outcome in _applied(open_transaction, read, orders, clock=clock):
            count, failed = count + 1, failed + isinstance(outcome, Failed)
    return count, failed


def read_old(open_transaction: OpenTransaction, read: Read, slot: UUID, *, clock: Clock) -> None:
    """Read the calendars behind a slot that somebody is about to book, if we know little of them.

    Whatever becomes of it the booking goes on, with what is known.
    """
    with open_transaction() as session:
        orders = keeping.old(session, slot, now=clock())
    for _ in _applied(open_transaction, read, orders, clock=clock):
        pass


def _applied(
    open_transaction: OpenTransaction, read: Read, orders: Sequence[Order], *, clock: Clock
) -> Iterator[Outcome]:
    if not orders:
        return
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="calendar") as threads:
        for order, outcome in zip(orders, threads.map(read, orders), strict=True):
            try:
                with open_transaction() as session:
                    keeping.apply(session, order, outcome, now=clock())
            except SQLAlchemyError as refused:
                # One that cannot be kept must not stop the others; it is due again in minutes.
                logs.event("calendar_not_kept", level=logging.ERROR, error=refused)
                continue
            yield outcome
