"""A copy of the whole database in one file, and the way back: pg_dump and pg_restore, called right.

The programs are those of the PostgreSQL that comes with pip, or the system's: whichever is as new
as the server and no newer than it needs to be. Nothing is encrypted here: see docs/operations.md.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, cast

import psycopg
from psycopg import conninfo, sql
from psycopg.pq import Conninfo

from config import embedded, schema, walls
from config.database import as_owner, with_driver

END = b"\njourmeme-backup-ends-here\n"
"""Then comes the SHA-256 of all before it: pg_restore takes a file that lost its last tables for
a whole one. By hand it restores one of ours as well: it does not look behind the tables."""

PART = 1 << 20

BEFORE = "before_restore"
"""Where the tables that were there wait until their successors have all come."""


class BackupFailed(RuntimeError):
    """pg_dump or pg_restore ended badly; the text is what it said, without any row."""


class NotEmpty(Exception):
    """There are tables where a backup was to go."""


class NoProgram(Exception):
    """No pg_dump is on this machine that is as new as the server."""


def dump(url: str, to: BinaryIO) -> None:
    """Write the whole database, as it is at one moment, to an open file; pages go on meanwhile.

    Raises:
        NoProgram: if no pg_dump here can read this server.
        BackupFailed: if it ended before all was written.
    """
    # What only this server's roles may do is not part of what people entrusted to us.
    whole = ("--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=30s")
    digest = sha256()
    with _running(_program("pg_dump", url), *whole, url=url) as written:
        while part := written.read(PART):
            digest.update(part)
            to.write(part)
    to.write(END + digest.digest())
    to.flush()


def restore(url: str, source: BinaryIO, *, replace: bool = False) -> None:
    """Fill a database with a backup: all of it or nothing.

    Nobody else may be using the database. What is there is kept aside until the backup has come
    whole, then dropped.

    Raises:
        NotEmpty: if there are tables, and they are not to be replaced.
        NoProgram: if no pg_restore is there.
        BackupFailed: if the file is not a whole backup; the database is then as it was.
        walls.NoRoles: if the roles of the wall between communities have to be made first.
    """
    program = _program("pg_restore", url)
    with as_owner(lambda: url) as engine, engine.begin() as connection:
        walls.provide_roles(connection)
    there = _is_filled(url)
    if there and not replace:
        raise NotEmpty
    if there:
        _say(url, f"ALTER SCHEMA public RENAME TO {BEFORE}", "CREATE SCHEMA public")
    whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    try:
        with _checked(source) as file:
            name = conninfo.conninfo_to_dict(_libpq(url))["dbname"]
            _run(program, *whole, f"--dbname={name}", str(file), url=url)
    except BackupFailed:
        if there:
            _say(url, "DROP SCHEMA public CASCADE", f"ALTER SCHEMA {BEFORE} RENAME TO public")
        raise
    if there:
        _say(url, f"DROP SCHEMA {BEFORE} CASCADE")
    # A copy may be older than this code, and holds no privileges: those of the pages come with it.
    with as_owner(lambda: url) as engine:
        schema.upgrade(engine)


@contextmanager
def elsewhere(source: BinaryIO, near: Path) -> Iterator[str]:
    """Restore into an embedded server that lives as long as the block; yield its address.

    Raises:
        BackupFailed: if the file is not a whole backup.
        ServerDidNotStart, ModuleNotFoundError: if there is no such server here.
    """
    near.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="drill-", dir=near) as folder:
        url = embedded.start(Path(folder) / "postgres")
        try:
            restore(url, source)
            yield url
        finally:
            embedded.stop(Path(folder) / "postgres")


@contextmanager
def _checked(source: BinaryIO) -> Iterator[Path]:
    """Yield the path of a whole copy that pg_restore can go back and forth in.

    Raises:
        BackupFailed: if its end is missing, or any byte of it is not the one that was written.
    """
    with tempfile.NamedTemporaryFile(prefix="restore-") as copy:
        shutil.copyfileobj(source, copy, PART)
        behind = len(END) + sha256().digest_size
        length = max(copy.tell() - behind, 0)
        copy.seek(length)
        end = copy.read()
        copy.truncate(length)
        copy.seek(0)
        if end != END + file_digest(copy, "sha256").digest():
            raise BackupFailed("the file is not whole")
        yield Path(copy.name)


def _is_filled(url: str) -> bool:
    with psycopg.connect(_libpq(url), connect_timeout=10) as connection:
        asked = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"
        row = connection.execute(asked).fetchone()
    return bool(row and row[0])


def _say(url: str, *sentences: str) -> None:
    with psycopg.connect(_libpq(url), connect_timeout=10) as connection:
        for sentence in sentences:
            connection.execute(sql.SQL(sentence))


def _program(name: str, url: str) -> Path:
    """Return the oldest program of that name that is as new as the server."""
    with psycopg.connect(_libpq(url), connect_timeout=10) as connection:
        server = connection.info.server_version // 10_000
    found = {_major(path): path for path in _programs(name)}
    able = sorted(major for major in found if major >= server)
    if not able:
        raise NoProgram(f"{name} {server}")
    return found[able[0]]


def _programs(name: str) -> Iterator[Path]:
    installed = shutil.which(name)
    if installed:
        yield Path(installed)
    yield from embedded.programs(name)


def _major(program: Path) -> int:
    said = subprocess.run(  # noqa: S603 - a program that we looked for
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    numbers = re.search(r"(\d+)", said.rpartition(")")[2])
    return int(numbers.group(1)) if numbers else 0


def _run(program: Path, *words: str, url: str) -> None:
    with _running(program, *words, url=url) as said:
        said.read()


@contextmanager
def _running(program: Path, *words: str, url: str) -> Iterator[BinaryIO]:
    """Run a program; yield what it writes.

    Raises:
        BackupFailed: when the block ends, if the program ended badly.
    """
    with (
        tempfile.TemporaryFile() as complaint,
        subprocess.Popen(  # noqa: S603 - our own words, without a shell
            [program, *words],
            env=_environment(url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaint,
        ) as process,
    ):
        yield cast("BinaryIO", process.stdout)
        if process.wait():
            complaint.seek(0)
            said = complaint.read().decode(errors="replace")
            # COPY quotes the row that it refused behind these words.
            said = said.partition("CONTEXT")[0].partition("DETAIL")[0]
            raise BackupFailed(said.strip()[-500:])


def _environment(url: str) -> dict[str, str]:
    """Return where the database is, in libpq's words: a password among the arguments is public."""
    said = conninfo.conninfo_to_dict(_libpq(url))
    words = {each.keyword.decode(): each.envvar for each in Conninfo.get_defaults()}
    where = {words[key]: str(value) for key, value in said.items()}
    named = {name.decode(): value for name, value in where.items() if name}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **named}


def _libpq(url: str) -> str:
    return with_driver(url).replace("postgresql+psycopg://", "postgresql://", 1)
