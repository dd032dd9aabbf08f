"""Reads one calendar in a child process, under limits: whatever stands in it, 10 s and no more."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from schedules.calendars.guard import Failure
from schedules.calendars.said import Span, Written

ROOT = Path(__file__).parents[2]
LONGEST = timedelta(seconds=10)
"""By the wall's clock: who sends a byte a second is not waited for."""

PAST, AHEAD = timedelta(days=1), timedelta(days=15)
"""What is looked at: slots are reserved for the coming days."""

CHILD = (sys.executable, "-B", "-m", "schedules.calendars.child")


@dataclass(frozen=True)
class Order:
    """A calendar to read, with all that its reader needs: no database is open meanwhile."""

    community_id: int
    calendar_id: int
    url: str = field(repr=False)
    etag: str | None
    last_modified: str | None
    zone_name: str
    asked_at: datetime


@dataclass(frozen=True)
class Reader:
    """How calendars are read in this installation."""

    host: str
    """Ours, that ends the UID of every appointment we write: none of them makes anybody busy."""
    may_be_local: bool = False
    longest: timedelta = LONGEST

    def read(self, order: Order) -> "Read | Unchanged | Failed":
        """Return what a calendar says of the days around that moment, or why it cannot be read."""
        asked = {
            "url": order.url,
            "etag": order.etag,
            "last_modified": order.last_modified,
            "zone": order.zone_name,
            "since": (order.asked_at - PAST).isoformat(),
            "until": (order.asked_at + AHEAD).isoformat(),
            "host": self.host,
            "may_be_local": self.may_be_local,
        }
        try:
            done = subprocess.run(  # noqa: S603 - our own module; the order comes on its input
                CHILD,
                input=json.dumps(asked).encode(),
                # What it says of an error may quote the calendar: nobody reads it.
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self.longest.total_seconds(),
                check=False,
                cwd=ROOT,
                # None of our settings: what breaks into the child finds no secret in it.
                env={"LANG": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired:
            return Failed(Failure.TOO_SLOW)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return Failed(Failure.TOO_SLOW)
        if done.returncode:
            return Failed(Failure.NOT_UNDERSTOOD)
        return _outcome(json.loads(done.stdout), until=order.asked_at + AHEAD)


@dataclass(frozen=True)
class Read:
    """What a calendar says: only moments, and how many events they come from."""

    busy: tuple[Span, ...]
    openings: tuple[Written, ...]
    events: int
    unreadable: int
    until: datetime
    """The end of the days that were looked at."""
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True)
class Unchanged:
    """What was known is still true."""


@dataclass(frozen=True)
class Failed:
    """It could not be read this time."""

    failure: Failure


Outcome = Read | Unchanged | Failed


def _outcome(said: Mapping[str, Any], *, until: datetime) -> Outcome:
    if "failure" in said:
        return Failed(Failure(said["failure"]))
    if "is_unchanged" in said:
        return Unchanged()
    at = datetime.fromisoformat
    return Read(
        busy=tuple((at(begin), at(end)) for begin, end in said["busy"]),
        openings=tuple(
            Written(at(s), at(e), minutes, most) for s, e, minutes, most in said["openings"]
        ),
        events=said["events"],
        unreadable=said["unreadable"],
        until=until,
        etag=said["etag"],
        last_modified=said["last_modified"],
    )
