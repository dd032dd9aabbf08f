"""What a rush asks of a visitor before a slot is kept: some work of their browser, or 20 seconds.

Nobody is asked to read letters or to find pictures, and no third party is told of anything. The
puzzle names its request and its moment: it is good for no other, and the server keeps nothing.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

WAIT = timedelta(seconds=20)
"""For whoever has no script: nothing to do, nothing to understand."""

GOOD_FOR = timedelta(minutes=10)

BITS = 17
"""Zero bits that the browser looks for: a second of an old telephone."""

MARK = 32
"""Hexadecimal figures of the seal."""

LONGEST_WORK = 20


@dataclass(frozen=True)
class Puzzle:
    """What the page hands out, and what comes back with the form."""

    text: str
    began_at: datetime

    def left(self, now: datetime) -> int:
        """Return how many seconds there are still to wait; 0: none."""
        return max(0, round((self.began_at + WAIT - now).total_seconds()))


def begun(request: UUID, secret: bytes, *, now: datetime) -> Puzzle:
    """Return a new puzzle for this request."""
    moment = int(now.timestamp())
    return Puzzle(f"{moment}.{_seal(request, moment, secret)}", now)


def read(text: str, request: UUID, secret: bytes, *, now: datetime) -> Puzzle | None:
    """Return the puzzle that came back; None if it is not ours, of another request, or too old."""
    moment, _, seal = text.partition(".")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= len("9999999999")):
        return None
    if not hmac.compare_digest(
        _seal(request, int(moment), secret).encode(), seal.encode("utf-8", "surrogatepass")
    ):
        return None
    began = datetime.fromtimestamp(int(moment), UTC)
    return Puzzle(text, began) if began <= now <= began + GOOD_FOR else None


def is_solved(puzzle: Puzzle, work: str, *, now: datetime) -> bool:
    """Return whether the browser has done its work, or its person has waited."""
    return puzzle.left(now) == 0 or is_work(puzzle.text, work)


def is_work(text: str, work: str) -> bool:
    """Return whether this number is one that a browser had to look for."""
    if not (work.isascii() and work.isdigit() and len(work) <= LONGEST_WORK):
        return False
    found = sha256(f"{text}:{work}".encode()).digest()
    return int.from_bytes(found[:4]) >> (32 - BITS) == 0


def _seal(request: UUID, moment: int, secret: bytes) -> str:
    return hmac.digest(secret, f"patience:{request}:{moment}".encode(), sha256).hex()[:MARK]
