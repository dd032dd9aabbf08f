"""`make run`: everything comes up from nothing, and goes down again, well or by `kill -9`."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from booking.serve import PortTaken, family, refuse_taken_port
from booking.serve.family import Child, Family

ROOT = Path(__file__).parent.parent.parent
COMES_UP_IN, GOES_DOWN_IN = 120.0, 60.0


def until(holds, seconds, why=lambda: ""):
    begun = monotonic()
    while not holds():
        assert monotonic() - begun < seconds, why()
        sleep(0.05)


def a_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Everything:
    """One `flask --app wsgi serve`, in a folder of its own."""

    def __init__(self, folder, port):
        self.port, self.said, self.var = port, folder / "said.txt", folder / "var"
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}  # noqa: TID251 - handed on
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
                cwd=ROOT,
                env={**kept, "PORT": str(port), "JOURMEME_VAR": str(self.var)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def text(self):
        return self.said.read_text(encoding="utf-8")

    def wait_until_ready(self):
        until(lambda: "Ctrl-C arrête tout." in self.text(), COMES_UP_IN, self.text)
        return self

    def get(self, path):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.status, answer.read().decode()
        connection.close()
        return said

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word):
        """Return the child whose command has this word; None while there is none."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if word in child.cmdline():
                    return child
        return None


def still_there(processes):
    """Return those that live: one that nobody has buried yet does not."""
    left = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(port):
        started.append(Everything(tmp_path, port))
        return started[-1]

    yield start
    for each in started:
        each.process.terminate()
        each.process.wait(timeout=GOES_DOWN_IN)


@pytest.mark.slow  # a whole installation comes up, three times
def test_everything_comes_up_from_nothing_goes_on_after_a_death_and_goes_down(serve):
    port = a_free_port()
    first = serve(port).wait_until_ready()
    told = json.loads((first.var / "demo.json").read_text(encoding="utf-8"))

    assert told["url"] == f"http://127.0.0.1:{port}"
    assert all(
        a["email"] in first.text() and a["password"] in first.text() for a in told["accounts"]
    )
    assert first.get("/healthz") == (200, "ok\n")
    until(lambda: json.loads(first.get("/readyz")[1])["worker"] == "ok", 30)
    assert "jourmeme_bookings" in first.get("/metrics")[1]

    # A child that dies is brought back.
    worker = first.child("worker")
    worker.kill()
    until(lambda: (first.child("worker") or worker).pid != worker.pid, 30, first.text)

    # Whoever is killed takes the children with them, and the next start finds what was there.
    living = first.family()
    first.process.kill()
    first.process.wait()
    until(lambda: not still_there(living), GOES_DOWN_IN)
    again = serve(port).wait_until_ready()
    assert all(a["password"] in again.text() for a in told["accounts"])

    # Asked to end, everything does: pages, worker, database.
    living = again.family()
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(timeout=GOES_DOWN_IN) == 0
    assert "JourMême est arrêté." in again.text()
    assert not still_there(living)
    assert not (again.var / "postgres" / "cluster" / "postmaster.pid").exists()


@pytest.mark.slow  # a process comes up
def test_a_port_that_is_taken_is_told_in_one_sentence(serve):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        everything = serve(port)

        assert everything.process.wait(timeout=COMES_UP_IN) == 1
    assert f"Le port {port} est déjà pris" in everything.text()
    assert "Traceback" not in everything.text()
    assert not (everything.var / "postgres").exists()


def test_a_port_that_is_left_in_a_moment_is_waited_for():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken):
            refuse_taken_port(port)

    refuse_taken_port(port)


@pytest.fixture
def one_child(monkeypatch):
    """Make a family of one child, whose pauses are short; it ends with the test."""
    monkeypatch.setattr(family, "PAUSES", (0.1, 0.3))
    made = []

    def make(program):
        made.append(Family([Child("test", [sys.executable, "-c", program])], dict(os.environ)))  # noqa: TID251 - handed on
        return made[-1]

    yield make
    for each in made:
        each.kill()


def test_a_child_that_dies_at_once_is_brought_back_after_a_growing_pause(one_child):
    parents = one_child("raise SystemExit(3)")
    [child] = parents.children

    def has_died(times):
        parents.watch()
        return child.deaths >= times

    until(lambda: has_died(1), 20)
    assert child.again_at - monotonic() <= 0.1
    until(lambda: has_died(3), 20)
    assert 0.1 < child.again_at - monotonic() <= 0.3


def test_a_child_that_lived_well_comes_back_as_if_it_had_never_died(one_child, monkeypatch):
    monkeypatch.setattr(family, "LIVED_WELL", 0.0)
    parents = one_child("raise SystemExit(3)")
    [child] = parents.children

    def births(seen=set()):  # noqa: B006 - it remembers
        parents.watch()
        seen.add(child.started_at)
        return len(seen)

    until(lambda: births() >= 3, 20)

    assert child.deaths <= 1


def test_a_child_that_does_not_end_is_killed(one_child, monkeypatch):
    monkeypatch.setattr(family, "TO_END", 0.5)
    parents = one_child(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
    )
    parents.watch()
    [child] = parents.children
    sleep(0.5)

    parents.end()

    assert child.process.returncode in {-signal.SIGKILL, -signal.SIGTERM}


def test_while_everything_ends_nothing_is_brought_back(one_child):
    parents = one_child("pass")
    parents.watch()
    [child] = parents.children
    parents.end_soon()
    child.process.wait()

    parents.watch()

    assert child.process is None


def test_who_asks_twice_does_not_wait(one_child):
    parents = one_child("import time; time.sleep(60)")
    parents.watch()
    [child] = parents.children

    parents.end_soon()
    parents.end_soon()

    assert child.process.returncode == -signal.SIGKILL
