"""Calendars read at a door: before somebody books, if we know little; when one is given.

Always before the door opens its transaction: nobody keeps a connection while a stranger answers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from booking.extensions import db, equipment
from config.database import transaction
from schedules.calendars import keeping, rounds
from schedules.calendars.guard import Failure
from schedules.calendars.reading import Failed, Order, Outcome

P = ParamSpec("P")
R = TypeVar("R")

LONGEST = timedelta(seconds=3)

AT_ONCE = BoundedSemaphore(2)
"""Threads of this process that may wait for a calendar: the others go on with what is known."""

FIELDS = ("rendez-vous", "slot", "creneau")
"""How forms name the slot that is chosen."""


def before_booking(view: Callable[P, R]) -> Callable[P, R]:
    """Look again, before this view begins, at the calendars behind the slot that its form names."""

    @wraps(view)
    def looked(*args: P.args, **kwargs: P.kwargs) -> R:
        chosen = next(filter(None, map(request.form.get, FIELDS)), None)
        look_again(chosen)
        return view(*args, **kwargs)

    return looked


def are_old(session: Session, slot: UUID, *, now: datetime) -> bool:
    """Return whether `look_again` has something to read: asked in a transaction of the caller's."""
    return keeping.any_old(session, slot, now=now)


def look_again(slot: object) -> None:
    """Read what is older than 15 minutes of the calendars behind a slot, then go on in any case.

    What nobody can read leaves things as they were, unless nobody could for two hours: then the
    slot closes, and who asked for it is shown others.
    """
    try:
        wanted = UUID(str(slot))
    except ValueError:
        return
    kit = equipment()
    reader = replace(kit.reader, longest=LONGEST)
    with _turn() as is_ours:
        if is_ours:
            rounds.read_old(_transactions, reader.read, wanted, clock=kit.clock)


def tried(order: Order) -> Outcome:
    """Read a calendar that somebody has just given, and return what is in it."""
    with _turn() as is_ours:
        return equipment().reader.read(order) if is_ours else Failed(Failure.TOO_SLOW)


@contextmanager
def _turn() -> Iterator[bool]:
    """Take one of the places of those who wait, if one is free."""
    is_ours = AT_ONCE.acquire(blocking=False)
    try:
        yield is_ours
    finally:
        if is_ours:
            AT_ONCE.release()


@contextmanager
def _transactions() -> Iterator[Session]:
    with transaction(db.session) as session:
        yield session
