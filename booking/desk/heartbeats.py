"""When background work was last done, in rows that pages, commands and the worker share."""

from collections.abc import Iterable
from datetime import datetime
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.models import WorkerHeartbeat

LEADER, PURGE, BACKUP = 1, 2, 3
"""Rows: when the leader was last alive, when all was last forgotten, last backed up."""

LEADERS_LOCK = 73_731
"""The advisory lock that the worker that leads holds."""

JOBS_BEGIN = 1_000


def row_of(job: str) -> int:
    """Return the row in which a job's last end is noted."""
    return JOBS_BEGIN + crc32(job.encode())


def last_ends(session: Session, jobs: Iterable[str]) -> dict[str, datetime]:
    """Return when each job last ended well; none that never did."""
    names = {row_of(job): job for job in jobs}
    rows = session.execute(
        select(WorkerHeartbeat.id, WorkerHeartbeat.at).where(WorkerHeartbeat.id.in_(names))
    )
    return {names[row]: at for row, at in rows}
