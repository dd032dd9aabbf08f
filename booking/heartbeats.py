"""When background work was last done, in rows that pages, commands and the worker share."""

from collections.abc import Iterable
from datetime import datetime
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.models import WorkerHeartbeat

LEADER, PURGE, BACKUP, AUDIT_SOUND, AUDIT_BROKEN = 1, 2, 3, 4, 5
"""Rows: when the leader was last alive, when all was last forgotten, last backed up, when the audit
was last seen to hold, when it last did not."""

LEADERS_LOCK = 73_731
"""The advisory lock that the worker that leads holds."""

JOBS_BEGIN = 1_000


def row_of(job: str) -> int:
    """Return the row in which a job's last end is noted."""
    return JOBS_BEGIN + crc32(job.encode())


def note(session: Session, row: int, *, now: datetime) -> None:
    """Write when something was last done."""
    session.execute(
        insert(WorkerHeartbeat)
        .values(id=row, at=now)
        .on_conflict_do_update(index_elements=["id"], set_={"at": now})
    )


def noted(session: Session, row: int) -> datetime | None:
    """Return when something was last done, if ever."""
    return session.scalar(select(WorkerHeartbeat.at).where(WorkerHeartbeat.id == row))


def last_ends(session: Session, jobs: Iterable[str]) -> dict[str, datetime]:
    """Return when each job last ended well; none that never did."""
    names = {row_of(job): job for job in jobs}
    rows = session.execute(
        select(WorkerHeartbeat.id, WorkerHeartbeat.at).where(WorkerHeartbeat.id.in_(names))
    )
    return {names[row]: at for row, at in rows}
