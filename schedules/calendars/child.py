"""The process in which one calendar is fetched and read: `python -m schedules.calendars.child`.

It gets an order on its standard input, answers on its standard output, and may die of what it
reads: nothing else is lost then. It knows no database and none of our secrets.
"""

import json
import resource
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

CPU_SECONDS = 5
MEMORY = 512 << 20
FILES = 64


def limit() -> None:
    """Bound what this process may use, for good: before anything that is read can ask for more."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answered(order: dict[str, Any]) -> dict[str, Any]:
    """Return, as plain values, what the calendar says, or why it could not be read."""
    # After the limits: they hold for the libraries too.
    from schedules.calendars import fetching  # noqa: PLC0415
    from schedules.calendars.guard import Failure, Refused  # noqa: PLC0415

    try:
        found = fetching.fetch(
            order["url"],
            etag=order["etag"],
            last_modified=order["last_modified"],
            may_be_local=order["may_be_local"],
        )
        copy = {"etag": found.etag, "last_modified": found.last_modified}
        if found.raw is None:
            return {**copy, "is_unchanged": True}
        # Most readings find nothing new, and need none of this.
        from schedules.calendars import understanding  # noqa: PLC0415

        since, until = (datetime.fromisoformat(order[name]) for name in ("since", "until"))
        said = understanding.understood(
            found.raw, (since, until), ZoneInfo(order["zone"]), host=order["host"]
        )
    except Refused as refused:
        return {"failure": refused.failure}
    except MemoryError:
        return {"failure": Failure.TOO_LARGE}
    return {
        **copy,
        "busy": [[begin.isoformat(), end.isoformat()] for begin, end in said.busy],
        "openings": [
            [o.starts_at.isoformat(), o.ends_at.isoformat(), o.minutes, o.most]
            for o in said.openings
        ],
        "events": said.events,
        "unreadable": said.unreadable,
    }


if __name__ == "__main__":
    limit()
    json.dump(answered(json.load(sys.stdin)), sys.stdout)
