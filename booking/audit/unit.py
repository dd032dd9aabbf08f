"""One request, job or command: what it read and wrote is collected, and noted with its commit.

A door begins a unit and says who acts. Sealed columns tell it by themselves what was opened and
set; whoever signs somebody in, refuses or exports says so by `note`. Without a unit nothing is
collected. Lines are written with the transaction that they tell of: at each commit all that is not
noted yet, and at the end of the unit (`close`) what was read after the last one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from booking.audit import writing
from booking.audit.writing import About, Deed, Who
from booking.models import Account, Action, ActorKind, Assessment
from config import sealed
from config.sealed import Row

REFUSALS = frozenset({Action.REFUSED, Action.SIGN_IN_REFUSED})
"""They are noted also when the transaction in which they happened is rolled back."""


OF_PATIENTS = frozenset({"care_request", "assessment", "inbound_message"})
"""Tables whose rows are a patient's file. What else is sealed is met beside one of them, or names
nobody: messages on their way, calendars' addresses."""


class _Seen(NamedTuple):
    """A row that was opened: by its own name, or by the number of the request it belongs to."""

    table: str
    community_id: int | None
    reference: UUID | None
    number: int | None


@dataclass
class Unit:
    """What somebody reads and writes from one beginning to one end."""

    route: str
    who: Callable[[], Who]
    clock: Callable[[], datetime]
    trace: UUID | None = None
    _read: dict[_Seen, None] = field(default_factory=dict, init=False)
    _written: dict[int, Row] = field(default_factory=dict, init=False)
    _deeds: list[Deed] = field(default_factory=list, init=False)
    _numbers: dict[tuple[int, int], UUID] = field(default_factory=dict, init=False)
    """Names of requests by their numbers, as far as this unit has met them."""

    def notice(self, row: Row, is_set: bool) -> None:  # noqa: FBT001 - a sealed.Watch
        """Collect that something of a row was opened or set."""
        if row.__tablename__ not in OF_PATIENTS:
            return
        if is_set:
            self._written[id(row)] = row
        elif not inspect(row).transient:
            self._read[self._seen(row)] = None

    def _seen(self, row: Row) -> _Seen:
        known = row.__dict__
        community, number = known.get("community_id"), known.get("id")
        if isinstance(row, Assessment):
            # A judgement is its request's: one patient is one line.
            return _Seen("care_request", community, None, known.get("request_id"))
        if row.__tablename__ == "care_request" and community and number:
            self._numbers[community, number] = row.reference
        return _Seen(row.__tablename__, community, row.reference, None)

    def add(self, deed: Deed) -> None:
        """Collect something else that was done."""
        self._deeds.append(deed)

    def has_something(self) -> bool:
        """Whether anything is not noted yet."""
        return bool(self._read or self._written or self._deeds)

    def write(self, session: Session) -> None:
        """Write all that is not noted yet, in the transaction that this session has."""
        if not self.has_something():
            return
        # A form that is shown filled, and never kept, writes nothing.
        kept = (row for row in self._written.values() if inspect(row).session is session)
        written = {self._seen(row): None for row in kept}
        deeds = [
            *self._of(Action.WRITE, written, session),
            *self._of(Action.READ, self._read, session),
            *self._deeds,
        ]
        session.info[_SENT] = self._read, self._deeds
        self._read, self._written, self._deeds = {}, {}, []
        writing.write(session, deeds, self.who(), self.route, self.trace, now=self.clock())

    def _of(self, action: Action, rows: dict[_Seen, None], session: Session) -> Iterator[Deed]:
        missing = {
            (each.community_id, each.number)
            for each in rows
            if each.community_id
            and each.number
            and (each.community_id, each.number) not in self._numbers
        }
        if missing:
            self._numbers |= writing.names(session, missing)
        for each in rows:
            key = (each.community_id or 0, each.number or 0)
            reference = each.reference or self._numbers.get(key)
            if reference is not None:
                yield Deed(action, About(each.table, reference), community_id=each.community_id)

    def undo(self, session: Session) -> None:
        """Forget what was done in a transaction that is rolled back; what was seen, was seen."""
        read, deeds = session.info.pop(_SENT, ({}, []))
        self._read = read | self._read
        self._written = {}
        self._deeds = [each for each in (*deeds, *self._deeds) if each.action in REFUSALS]


_SENT = "jourmeme.audit_sent"
"""Under this name a session keeps what its present transaction notes."""

_CURRENT: ContextVar[Unit | None] = ContextVar("audit_unit", default=None)


def begin(unit: Unit | None) -> None:
    """Collect for this unit from now on, in this thread; with None, for nobody."""
    _CURRENT.set(unit)
    sealed.WATCH.set(unit.notice if unit is not None else None)


def current() -> Unit | None:
    """Return the unit of this thread, if a door has begun one."""
    return _CURRENT.get()


def is_open() -> bool:
    """Whether something waits to be noted in this thread."""
    unit = _CURRENT.get()
    return unit is not None and unit.has_something()


def close(session: Session) -> None:
    """Write what the unit of this thread has not noted yet; the caller's transaction commits it."""
    unit = _CURRENT.get()
    if unit is not None:
        unit._written.clear()  # noqa: SLF001 - set, and never committed
        unit.write(session)


@contextmanager
def working(unit: Unit, open_transaction: writing.OpenTransaction) -> Iterator[None]:
    """Collect for a job or a command, and note at its end what is left, however it ends."""
    begin(unit)
    try:
        yield
    finally:
        try:
            if is_open():
                with open_transaction() as session:
                    close(session)
        finally:
            begin(None)


def note(
    action: Action,
    about: About | None = None,
    *,
    community_id: int | None = None,
    by: UUID | None = None,
    count: int | None = None,
    is_often: bool = False,
) -> None:
    """Collect that something was done that no sealed column tells.

    `by`: the account that did it, where the door cannot know yet. `is_often`: what others may make
    happen as often as they like is noted once in a quarter of an hour.
    """
    unit = _CURRENT.get()
    if unit is not None:
        who = None if by is None else Who(ActorKind.ACCOUNT, by, community_id)
        unit.add(Deed(action, about, community_id, who, count, is_often=is_often))


def of_account(action: Action, account: Account) -> None:
    """Collect that something was done to an account, by whoever acts."""
    note(action, About("account", account.reference), community_id=account.community_id)


def by_account(action: Action, account: Account) -> None:
    """Collect that somebody did something to their own account, whom the door knows only now."""
    note(
        action,
        About("account", account.reference),
        community_id=account.community_id,
        by=account.reference,
    )


def refused(account: Account | None) -> None:
    """Collect that a password or a proof was wrong; one line either way: time tells nothing."""
    if account is None:
        note(Action.SIGN_IN_REFUSED)
    else:
        of_account(Action.SIGN_IN_REFUSED, account)


@event.listens_for(Session, "before_commit")
def _commits(session: Session) -> None:
    unit = _CURRENT.get()
    if unit is not None and not session.in_nested_transaction():
        unit.write(session)


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_SENT, None)
        writing.committed(session)


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: Session) -> None:
    unit = _CURRENT.get()
    # What a savepoint undoes may have been collected before it: rather a line too many.
    if unit is not None and not session.in_nested_transaction():
        session.info.pop(writing.TO_KNOW, None)
        unit.undo(session)
