"""The embedded PostgreSQL: real processes, started, killed; what stays, who is refused."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from config import embedded

REPOSITORY = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0

USER = """
import sys
from pathlib import Path
from config import embedded
print(embedded.start(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

CALLER = """
import os, socket, sys
os.setgroups([])
os.setuid(int(sys.argv[1]))
socket.socket(socket.AF_UNIX).connect(sys.argv[2])
"""


@contextmanager
def a_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that uses the server until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, folder],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()
        process.wait(20)


def started(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().strip()


def postmaster(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def has_ended(pid: int) -> bool:
    give_up_at = monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if monotonic() > give_up_at:
            return False
        sleep(0.05)
    return True


def ask(url: str, *questions: str) -> list:
    """Put questions to the server, each in a transaction of its own; return the last one's rows."""
    engine = create_engine(url)
    rows = []
    try:
        for question in questions:
            with engine.begin() as connection:
                result = connection.execute(text(question))
                rows = [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a server, which is stopped in the end, whoever was killed meanwhile."""
    folder = tmp_path / "postgres"
    yield folder
    if (folder / "cluster" / "postmaster.pid").exists():
        embedded.start(folder)
        embedded.stop(folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Path]:
    """A server for the tests that only look."""
    folder = tmp_path_factory.mktemp("embedded") / "postgres"
    embedded.start(folder)
    yield folder
    embedded.stop(folder)


def test_the_application_owns_its_database_and_nothing_else(shared):
    url = embedded.start(shared)

    assert ask(
        url,
        """SELECT current_user::text, rolsuper, rolcreaterole, rolcreatedb, rolreplication,
                  rolbypassrls, pg_get_userbyid(datdba)::text
             FROM pg_roles, pg_database
            WHERE rolname = current_user AND datname = current_database()""",
    ) == [("jourmeme", False, False, False, False, False, "jourmeme")]


def test_the_cluster_is_utf8_in_utc_with_checksums_and_without_network(shared):
    url = embedded.start(shared)

    names = ("server_encoding", "TimeZone", "data_checksums", "listen_addresses")
    assert [ask(url, f"SHOW {name}")[0][0] for name in names] == ["UTF8", "UTC", "on", ""]
    assert ask(url, "SELECT upper('é'), datlocprovider, datlocale FROM pg_database LIMIT 1") == [
        ("É", "b", "C.UTF-8")
    ]


@pytest.mark.parametrize(
    "change",
    [{"password": ""}, {"password": "wrong"}, {"username": "owner"}, {"username": "postgres"}],
)
def test_nobody_connects_without_the_password(shared, change, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    url = make_url(embedded.start(shared)).set(**change)

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=url.query["host"],
            user=url.username,
            password=url.password,
            dbname="postgres",
        )


def test_the_application_runs_no_program_and_reads_no_file_of_the_server(shared):
    url = embedded.start(shared)

    for forbidden in ("COPY (SELECT 1) TO PROGRAM 'true'", "SELECT pg_read_file('PG_VERSION')"):
        with pytest.raises(Exception, match="permission denied"):
            ask(url, forbidden)


def test_only_their_owner_reads_the_files(shared):
    embedded.start(shared)

    for path in (shared / "cluster", shared / "passwords.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_only_who_asks_for_it_may_create_databases(folder):
    url = embedded.start(folder, may_create_databases=True)
    embedded.start(folder)  # joined: takes nothing away

    ask(url, "CREATE TABLE still_works ()")
    may = "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user"
    assert ask(url, may) == [(True,)]

    embedded.stop(folder)
    assert ask(embedded.start(folder), may) == [(False,)]


def test_a_server_whose_user_was_killed_is_joined(folder):
    with a_process(folder) as killed:
        ask(started(killed), "CREATE TABLE kept AS SELECT 7 AS n")
        running = postmaster(folder)
        killed.kill()

    url = embedded.start(folder)

    assert postmaster(folder) == running
    assert ask(url, "SELECT n FROM kept") == [(7,)]


def test_a_killed_user_does_not_keep_the_server_running(folder):
    with a_process(folder) as killed:
        started(killed)
        killed.kill()
    embedded.start(folder)
    running = postmaster(folder)

    embedded.stop(folder)

    assert has_ended(running)


def test_a_killed_server_starts_again_with_its_data(folder):
    url = embedded.start(folder)
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    running = postmaster(folder)
    os.kill(running, signal.SIGKILL)
    assert has_ended(running)

    again = embedded.start(folder)

    assert again == url
    assert postmaster(folder) != running
    assert ask(again, "SELECT n FROM kept") == [(7,)]


def test_the_server_stops_with_the_last_process_that_uses_it(folder):
    with a_process(folder) as last:
        started(last)
        running = postmaster(folder)
        with a_process(folder) as first:
            url = started(first)

        assert ask(url, "SELECT 1") == [(1,)]

    assert has_ended(running)


def test_two_processes_that_start_at_once_share_one_new_server(folder):
    with a_process(folder) as one, a_process(folder) as other:
        assert started(one) == started(other) != ""
        assert one.poll() is None
        assert other.poll() is None


@pytest.mark.parametrize(
    "name", ["Mes documents, à l'hôpital", 'x$HOME`id`"y', "l" * 120 + "/" + "g" * 120]
)
def test_the_path_may_be_long_or_strange(tmp_path, name):
    folder = tmp_path / name / "postgres"

    url = embedded.start(folder)

    assert ask(url, "SELECT 1") == [(1,)]
    short = Path(make_url(url).query["host"])
    assert short.resolve() == folder / "cluster"
    embedded.stop(folder)
    assert not short.parent.exists()


def test_a_link_that_another_user_could_have_laid_is_refused(tmp_path):
    folder = tmp_path / "with space"
    url = embedded.start(folder)
    Path(make_url(url).query["host"]).parent.chmod(0o777)

    with pytest.raises(embedded.ClusterUnsafe):
        embedded.start(folder)

    embedded.stop(folder)


def test_a_long_temporary_folder_does_not_keep_a_long_path_from_working(tmp_path, monkeypatch):
    long = tmp_path / ("t" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = tmp_path / "with space"

    assert ask(embedded.start(folder), "SELECT 1") == [(1,)]

    embedded.stop(folder)


def test_the_end_of_a_start_that_was_killed_halfway_is_a_whole_cluster(folder):
    (folder / "cluster.new" / "base").mkdir(parents=True)
    (folder / "cluster.new" / "PG_VERSION").write_text("18\n")

    assert ask(embedded.start(folder), "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "note", [str(os.getpid()), "", "not a number"], ids=["of a live process", "empty", "nonsense"]
)
def test_a_stale_pid_file_does_not_keep_the_server_from_starting(folder, note):
    embedded.start(folder)
    embedded.stop(folder)
    owner = (folder / "cluster").stat()
    stale = folder / "cluster" / "postmaster.pid"
    stale.write_text(f"{note}\n")
    os.chown(stale, owner.st_uid, owner.st_gid)

    assert ask(embedded.start(folder), "SELECT 1") == [(1,)]


def test_a_dead_server_that_nobody_buried_does_not_count_as_running(folder, tmp_path):
    embedded.start(folder)
    embedded.stop(folder)
    (tmp_path / "programs").mkdir()
    namesake = shutil.copy(shutil.which("sleep"), tmp_path / "programs" / "postgres")
    with subprocess.Popen([namesake, "60"]) as dead:
        dead.kill()
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # a zombie until `with` ends
        (folder / "cluster" / "postmaster.pid").write_text(f"{dead.pid}\n")

        assert ask(embedded.start(folder), "SELECT 1") == [(1,)]


def test_no_file_and_no_setting_opens_the_server_again(folder):
    url = make_url(embedded.start(folder))
    embedded.stop(folder)
    (folder / "cluster" / "pg_hba.conf").write_text("local all all trust\n")
    with (folder / "cluster" / "postgresql.auto.conf").open("a") as settings:
        settings.write("listen_addresses = '127.0.0.1'\nlog_error_verbosity = 'verbose'\n")

    again = embedded.start(folder)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=url.query["host"], user="owner", dbname="postgres")
    assert ask(again, "SHOW listen_addresses") == [("",)]
    assert ask(again, "SHOW log_error_verbosity") == [("terse",)]


@pytest.mark.parametrize("spoil", ["cluster", "passwords.json", "no passwords", "version"])
def test_a_cluster_that_is_not_as_it_was_left_is_refused(folder, spoil):
    embedded.start(folder)
    embedded.stop(folder)
    if spoil == "no passwords":
        (folder / "passwords.json").unlink()
    elif spoil == "version":
        (folder / "cluster" / "PG_VERSION").write_text("16\n")
    else:
        (folder / spoil).chmod(0o755)

    with pytest.raises(embedded.ClusterUnsafe):
        embedded.start(folder)

    embedded.stop(folder)


def test_the_servers_log_holds_no_value_and_no_password(folder):
    canary = "+336" + "39980142"
    url = embedded.start(folder)
    ask(url, "CREATE TABLE person (phone text UNIQUE, day date)")
    ask(url, f"INSERT INTO person VALUES ('{canary}')")

    for refused in (
        f"INSERT INTO person VALUES ('{canary}')",
        f"SELECT '{canary}'::uuid",
        f"INSERT INTO person (day) VALUES ('{canary}')",
        f"SELECT {canary} FROM nowhere",
    ):
        with pytest.raises(Exception, match="psycopg"):
            ask(url, refused)

    said = (folder / "cluster" / "server.log").read_text()
    assert "ready to accept connections" in said
    assert canary.lstrip("+") not in said
    assert make_url(url).password not in said


def test_a_folder_that_is_gone_is_no_error_when_stopping(folder):
    embedded.start(folder)
    os.kill(postmaster(folder), signal.SIGKILL)
    shutil.rmtree(folder)

    embedded.stop(folder)


def test_the_folders_above_the_cluster_stay_closed(tmp_path):
    folder = tmp_path / "private" / "postgres"
    folder.parent.mkdir(mode=0o700)
    url = embedded.start(folder)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    embedded.stop(folder)

    assert "PANIC" not in (folder / "cluster" / "server.log").read_text()
    assert ask(embedded.start(folder), "SELECT n FROM kept") == [(7,)]
    embedded.stop(folder)


def test_stopping_what_was_not_started_does_nothing(tmp_path):
    embedded.stop(tmp_path / "postgres")


@pytest.mark.skipif(not AS_ROOT, reason="only root may become another user")
def test_run_as_root_the_server_is_not_root_and_other_users_stay_out(shared):
    url = make_url(embedded.start(shared))
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    socket = f"{url.query['host']}/.s.PGSQL.5432"

    tried = subprocess.run(
        [sys.executable, "-c", CALLER, nobody, socket], check=False, capture_output=True, text=True
    )

    assert psutil.Process(postmaster(shared)).username() == "pgserver"
    assert "PermissionError" in tried.stderr
