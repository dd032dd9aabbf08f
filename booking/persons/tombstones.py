"""That somebody was erased, noted in the database and in a file beside it.

A backup brings back yesterday's rows; the file is not in it, and says who must go again. A line
holds hashes keyed with this installation's secret and a seal of its own: whoever has the file
learns nobody's name, and can add nobody.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hmac import compare_digest
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.models import CareRequest, ProvedBy, Tombstone
from config import sealed
from schedules.models import Community

NOBODY = "-"
"""Stands in a line for the account, where a command erased."""


@dataclass(frozen=True)
class Order:
    """When somebody was erased, by which account, and how it was known that it was their wish."""

    at: datetime
    by: UUID | None
    proved_by: ProvedBy


class NotNoted(OSError):
    """The file cannot be written: an erasure that a restore would undo is not done at all."""


def of_number(phone_key: bytes, born: date | None) -> bytes:
    """Return the mark of a number; of one person behind it, where a birth date is said."""
    return sealed.blind("erased", f"{phone_key.hex()}:{born.isoformat() if born else ''}")


def of_request(request: CareRequest) -> bytes:
    """Return the mark of one request, whatever its number was before."""
    return sealed.blind("erased", str(request.reference))


def marks(request: CareRequest) -> set[bytes]:
    """Return every mark under which this request may have been erased."""
    found = {of_request(request)}
    if request.phone_key is not None:
        # A birth date that cannot be read any more must not bring everybody else back.
        born = request.birth_date if sealed.is_readable(request, "birth_date") else None
        found |= {of_number(request.phone_key, each) for each in (None, born)}
    return found


def note(
    session: Session, file: Path, community: Community, made: Iterable[bytes], order: Order
) -> None:
    """Write that who has these marks is erased: the file first, on the disk, then the table.

    Raises:
        NotNoted: if the file cannot be written.
    """
    lines = [_line(community.reference, mark, order) for mark in sorted(set(made))]
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(file):
            _add(file, "".join(f"{line}\n" for line in lines).encode())
    except OSError as refused:
        raise NotNoted(refused.errno, refused.strerror) from None
    _keep(session, [_read(line, {community.reference: community.id}) for line in lines])


def forget(file: Path, *, past: datetime) -> int:
    """Take lines from before that moment out of the file; return how many there were.

    What cannot be believed stays: somebody has to ask why it is there.

    Raises:
        OSError: if the file cannot be written anew; it is then as it was.
    """
    if not file.exists():
        return 0
    with _alone(file):
        lines = file.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _is_past(line, past)]
        if len(kept) < len(lines):
            new = file.with_name(f"{file.name}.new")
            new.unlink(missing_ok=True)
            _add(new, b"".join(kept))
            new.replace(file)
    return len(lines) - len(kept)


def bring_back(session: Session, file: Path) -> int:
    """Write into the table what the file says; return how many lines of it cannot be believed.

    Brought back twice is brought back once. A community that is not there is passed over.
    """
    rows = session.execute(select(Community.reference, Community.id))
    communities = {reference: number for reference, number in rows}  # noqa: C416 - rows to pairs
    lines = file.read_text(encoding="ascii", errors="replace").splitlines() if file.exists() else []
    good = [line for line in lines if _is_ours(line)]
    _keep(session, [_read(line, communities) for line in good])
    return len(lines) - len(good)


def latest(session: Session) -> dict[tuple[int, bytes], Tombstone]:
    """Return the last tombstone of every mark, by community."""
    rows = session.scalars(select(Tombstone).order_by(Tombstone.erased_at, Tombstone.id))
    return {(row.community_id, row.mark): row for row in rows}


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Let one process at a time write: a line added to a file that is being replaced is lost.

    The folder is locked and not the file, which is another one after it was made shorter.
    """
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _add(file: Path, content: bytes) -> None:
    """Add to a file that only we may read; it is on the disk when this returns."""
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(opened, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def _is_past(written: bytes, past: datetime) -> bool:
    line = written.decode("ascii", "replace").rstrip("\n")
    return _is_ours(line) and datetime.fromisoformat(line.split(" ")[2]) <= past


def _line(community: UUID, mark: bytes, order: Order) -> str:
    said = (
        f"{community} {mark.hex()} {order.at.isoformat()} {order.by or NOBODY} "
        f"{order.proved_by.value}"
    )
    return f"{said} {sealed.blind('tombstone', said).hex()}"


def _is_ours(line: str) -> bool:
    said, _space, seal = line.rpartition(" ")
    return compare_digest(sealed.blind("tombstone", said).hex().encode(), seal.encode())


def _read(line: str, communities: dict[UUID, int]) -> dict[str, object] | None:
    community, mark, at, by, proved_by, _seal = line.split(" ")
    if UUID(community) not in communities:
        return None
    return {
        "community_id": communities[UUID(community)],
        "mark": bytes.fromhex(mark),
        "erased_at": datetime.fromisoformat(at),
        "erased_by": None if by == NOBODY else UUID(by),
        "proved_by": ProvedBy(proved_by),
    }


def _keep(session: Session, rows: Iterable[dict[str, object] | None]) -> None:
    kept = [row for row in rows if row]
    if kept:
        session.execute(insert(Tombstone).on_conflict_do_nothing(), kept)
