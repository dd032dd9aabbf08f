"""The PostgreSQL that comes with `pip install`: started, joined and stopped, for one machine.

Of the wheel only the programs are used. Its own Python opens the cluster to whoever reaches the
socket, hands out a superuser, and counts processes in a file that a killed one never leaves.
"""

import atexit
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

from config.embedded import files, server
from config.embedded.files import ClusterUnsafe, Home
from config.embedded.server import ServerDidNotStart

__all__ = ["ClusterUnsafe", "ServerDidNotStart", "programs", "start", "stop"]

_shares: dict[tuple[int, Path], int] = {}
"""What keeps each server running for this process: an open, locked file by process and folder."""


def start(folder: Path, *, may_create_databases: bool = False) -> str:
    """Start the server that keeps its files in `folder`, or join it; return a SQLAlchemy URL.

    The URL is for the role `jourmeme`, which owns the database `jourmeme` and is no superuser; it
    holds a password, and is good for as long as the server runs. The last process to end stops
    the server; one that was killed does not count. `may_create_databases` is for tests; joining
    without it takes nothing from a server that has it.

    Run as root, the server runs as the system user `pgserver`, which is made when missing, and
    the folders above the installed programs become traversable, not readable, to all users.

    Raises:
        ClusterUnsafe: if the files are open to others, of another version, or incomplete.
        ServerDidNotStart: if it cannot be made, or does not answer within half a minute.
        ModuleNotFoundError: if the wheel that carries PostgreSQL is not installed.
    """
    home = Home(folder.expanduser().resolve())
    home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(home):
        _take_share(home)
        if not home.cluster.exists():
            server.create_cluster(home)
        files.refuse_if_unsafe(home)
        launched = server.ensure_running(home)
        server.provide_role(home, may_create_databases=may_create_databases, launched=launched)
    return URL.create(
        "postgresql+psycopg",
        username=files.ROLE,
        password=files.passwords(home)[files.ROLE],
        database=files.ROLE,
        query={"host": str(server.address(home.cluster)), "port": str(server.PORT)},
    ).render_as_string(hide_password=False)


def runs(folder: Path) -> bool:
    """Return whether the server that keeps its files in `folder` lives; it may not answer yet."""
    return server.runs(Home(folder.expanduser().resolve()).cluster)


def programs(name: str) -> list[Path]:
    """Return where the wheel has a program of PostgreSQL's; nothing, where it is not installed."""
    return server.programs(name)


def stop(folder: Path) -> None:
    """Give up this process's share in the server; when nobody else has one, stop it.

    Called by itself when the process ends. Connections that are still open are ended.
    """
    home = Home(folder.expanduser().resolve())
    share = _shares.pop((os.getpid(), home.folder), None)
    if share is None:
        return
    # The folder may be gone before the process: the server then notices, and ends by itself.
    with suppress(FileNotFoundError), _alone(home):
        if _is_last(share):
            server.end(home)
    os.close(share)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let one process at a time start or stop this server. The system frees a dead one's lock."""
    lock = os.open(home.folder / "starting.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _take_share(home: Home) -> None:
    """Count this process among those that use the server, until it ends, however it ends.

    A shared lock rather than a list of numbers: `kill -9` gives it back, and no number is reused.
    A forked child takes one of its own; the one that it inherits is its parent's.
    """
    mine = (os.getpid(), home.folder)
    if mine in _shares:
        return
    share = os.open(home.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(share, fcntl.LOCK_SH)
    _shares[mine] = share
    atexit.register(stop, home.folder)


def _is_last(share: int) -> bool:
    """Return whether no other process uses the server; give the share back either way."""
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # A forked child may hold the same open file, and must not count for its parent.
        fcntl.flock(share, fcntl.LOCK_UN)
        return False
    return True
