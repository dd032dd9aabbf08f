"""Pure: whether the audit is as it was written, line by line, and where it is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import NamedTuple

from booking.audit import lines
from booking.audit.lines import Line
from config import sealed


class Start(NamedTuple):
    """Where a chain begins: the number and hash of the last line that was forgotten."""

    number: int
    hash: bytes
    mac: bytes


class Anchor(NamedTuple):
    """How far the chain went once, as it was written elsewhere."""

    number: int
    hash: bytes


class Kept(NamedTuple):
    """A link with its line, or one without the other, as the tables have them."""

    number: int | None
    hash: bytes | None
    id: int | None
    mac: bytes | None
    line: Line | None


@dataclass
class Broken(Exception):
    """The chain does not hold from here on; `number` is the first that is wrong."""

    number: int
    why: str


@dataclass(frozen=True)
class Sound:
    """Everything is as it was written."""

    count: int
    number: int
    hash: bytes
    waiting: int
    """Lines that have no number yet: of the last minute, if the worker works."""


def link(before: bytes, number: int, id_: int, mac: bytes) -> bytes:
    """Return the hash of a place in the chain."""
    return sealed.authentic("audit link", b"%b:%d:%d:%b" % (before, number, id_, mac))


def sealed_start(number: int, before: bytes) -> Start:
    """Return a beginning that only this installation can have said."""
    return Start(number, before, sealed.authentic("audit start", b"%d:%b" % (number, before)))


NOTHING_BEFORE = Start(0, b"", b"")
"""Of a chain from which nothing was ever forgotten."""


def verify(
    start: Start,
    rows: Iterable[Kept],
    anchors: Iterable[Anchor] = (),
    *,
    late: timedelta,
) -> Sound:
    """Return how far the chain holds, if it holds to its end.

    `rows`: every link by its number, each with its line; then the lines that have none. `late`:
    how much older than the last of the chain such a line may be.

    Raises:
        Broken: at the first number that is not as it was.
    """
    if start != NOTHING_BEFORE and start != sealed_start(start.number, start.hash):
        raise Broken(start.number, "the beginning was changed")
    wanted = {each.number: each.hash for each in anchors}
    number, before, at = start.number, start.hash, None
    _hold(wanted, number, before)
    waiting = 0
    for row in rows:
        if row.number is None:
            _refuse_if_changed(row, number + 1)
            _refuse_if_late(row, number + 1, at, late)
            waiting += 1
            continue
        number += 1
        before = _next(row, number, before)
        _hold(wanted, number, before)
        at = row.line.at if row.line else at
    if any(each > number for each in wanted):
        raise Broken(number + 1, "the end is missing")
    return Sound(number - start.number, number, before, waiting)


def _next(row: Kept, number: int, before: bytes) -> bytes:
    if row.number != number:
        raise Broken(number, "a number is missing, or there twice")
    if row.line is None or row.id is None or row.mac is None:
        raise Broken(number, "a line is missing")
    _refuse_if_changed(row, number)
    hashed = link(before, number, row.id, row.mac)
    if not compare_digest(hashed, row.hash or b""):
        raise Broken(number, "a line is not in its place")
    return hashed


def _refuse_if_changed(row: Kept, number: int) -> None:
    if row.line is None or not compare_digest(lines.seal(row.line), row.mac or b""):
        raise Broken(number, "a line was changed, or is not ours")


def _refuse_if_late(row: Kept, number: int, at: datetime | None, late: timedelta) -> None:
    if row.line is not None and at is not None and row.line.at < at - late:
        raise Broken(number, "a line has no number, and is old")


def _hold(wanted: dict[int, bytes], number: int, before: bytes) -> None:
    if number in wanted and not compare_digest(wanted[number], before):
        raise Broken(number, "an anchor says otherwise")
