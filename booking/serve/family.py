"""The child processes of `serve`: brought back when they die, ended together."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from config import logs

ROOT = Path(__file__).parent.parent.parent

PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before a child that died is brought back: longer each time."""

LIVED_WELL = 60.0
"""Seconds after which an earlier death of a child no longer counts."""

TO_END = 40.0
"""Seconds that children get to end what they began; gunicorn takes up to 30 itself."""

LOOK_EVERY = 0.1
"""Seconds between two looks at the children."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


@dataclass
class Child:
    """A process that is brought back whenever it dies."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    again_at: float = 0.0


@dataclass
class Family:
    """The children, and the environment that they get."""

    children: Sequence[Child]
    environment: Mapping[str, str]
    is_ending: bool = field(default=False, init=False)

    def end_soon(self, *_: object) -> None:
        """Ask for the end; asked again, do not wait for anything."""
        if self.is_ending:
            self.kill()
        self.is_ending = True

    def watch(self) -> None:
        """Start what does not run and is due."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._mourn(child)
            if child.process is None and monotonic() >= child.again_at and not self.is_ending:
                child.process = self._born(child)
                child.started_at = monotonic()

    def _born(self, child: Child) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own words, no shell
            child.command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for us: we end the children, in order.
            process_group=0,
            preexec_fn=die_with_parent(os.getpid()),  # noqa: PLW1509 - this process has one thread
        )

    def _mourn(self, child: Child) -> None:
        status = child.process.returncode if child.process else 0
        child.process = None
        if self.is_ending:
            return
        child.deaths = 1 if monotonic() - child.started_at > LIVED_WELL else child.deaths + 1
        pause = PAUSES[min(child.deaths, len(PAUSES)) - 1]
        child.again_at = monotonic() + pause
        logs.event("child_died", kind=child.name, code=status, attempt=child.deaths, seconds=pause)

    def end(self) -> None:
        """Let every child end what it began, and wait for it; then kill who is still there."""
        for process in self._living():
            process.terminate()
        give_up_at = monotonic() + TO_END
        while self._living() and monotonic() < give_up_at:
            sleep(LOOK_EVERY)
        self.kill()

    def kill(self) -> None:
        """End every child at once."""
        for process in self._living():
            process.kill()
            process.wait()

    def _living(self) -> list[subprocess.Popen[bytes]]:
        return [c.process for c in self.children if c.process and c.process.poll() is None]


def die_with_parent(parent: int) -> Callable[[], None]:
    """Return what a child does before it begins: ask Linux for SIGTERM when this process dies.

    Elsewhere `kill -9` of this process leaves the children, and their port must be freed by hand.
    """
    libc = ctypes.CDLL(None)

    def ask() -> None:
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)  # it died before we could ask

    return ask
