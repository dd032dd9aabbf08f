"""The whole product, started as its users start it, with a Twilio and a mail server of our own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from tests.smtp_server import SmtpServer
from tests.twilio_server import ACCOUNT, TOKEN, TwilioServer

PATIENCE_SECONDS = 90


class Product:
    """`with Product(folder) as product:` serves at `product.url`; `twilio`, `smtp` get messages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.twilio, self.smtp = TwilioServer(), SmtpServer()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.twilio.__enter__()
        self.smtp.__enter__()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.smtp.__exit__()
        self.twilio.__exit__()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE_SECONDS)

    def kill(self, *names: str) -> int:
        """Kill -9 the processes whose command line holds all of these words; return how many."""
        mine = [pid for pid, line in self._processes() if all(name in line for name in names)]
        for pid in mine:
            os.kill(pid, signal.SIGKILL)
        return len(mine)

    @property
    def demo(self) -> dict[str, Any]:
        """What the demonstration wrote for scripts."""
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return found

    def account(self, role: str) -> dict[str, str]:
        """Return the demonstration's sign-in for a role."""
        return next(a for a in self.demo["accounts"] if a["role"].lower() == role)

    def api(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, Any]:
        """Call the JSON API with the demonstration's key."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Authorization": f"Bearer {self.demo['api_key']}",
            "Content-Type": "application/json",
            **({"Idempotency-Key": key} if key else {}),
        }
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, json.loads(said) if said else None

    def questionnaire(self) -> dict[str, Any]:
        """Return what `triage questionnaire` prints."""
        printed = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", "triage", "questionnaire"],
            env=self._environment(),
            check=True,
            capture_output=True,
        ).stdout
        found: dict[str, Any] = json.loads(printed)
        return found

    def request_for_an_ankle(self) -> dict[str, Any]:
        """Ask, by the API, for somebody with a sprained ankle; return the answer."""
        status, said = self.api("POST", "/api/v1/care-requests", self.ankle(), key=str(uuid4()))
        if status != 201:
            raise RuntimeError(f"{status}: {said}")
        return dict(said)

    def ankle(self) -> dict[str, Any]:
        """Return the body that asks for somebody with a sprained ankle, and nothing worse."""
        return {
            "community": self.demo["community"],
            "channel": "API",
            "patient": {"age_years": 34, "sex": "female", "pregnant": "no"},
            "complaints": ["trauma_membre"],
            "answers": self.calm_answers("trauma_membre"),
        }

    def calm_answers(self, complaint: str) -> dict[str, Any]:
        """Return answers of somebody with this complaint and nothing worse."""
        known = self.questionnaire()
        asked = known["universal"] + next(
            c["questions"] for c in known["complaints"] if c["id"] == complaint
        )
        answers: dict[str, Any] = {q["id"]: "no" for q in asked if q["kind"] == "yes_no"}
        return answers | CALM.get(complaint, {})

    def _environment(self) -> dict[str, str]:
        return os.environ | {  # noqa: TID251 - handed on to the product
            "JOURMEME_VAR": str(self.folder),
            "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.url,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": "RDVCPTS",
            "TWILIO_API_BASE_URL": self.twilio.url,
            "SMTP_URL": self.smtp.url,
        }

    def _wait_until_ready(self) -> None:
        for _ in range(10 * PATIENCE_SECONDS):
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(self._log.read_text()[-4000:])
            if self._is_ready():
                return
            time.sleep(0.1)
        raise TimeoutError(self._log.read_text()[-4000:])

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _processes(self) -> list[tuple[int, str]]:
        """Return every process that was started for this product: its environment says so."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if f"PORT={self.port}\0".encode() in environment:
                found.append((int(folder.name), line))
        return found


CALM: dict[str, dict[str, Any]] = {
    "trauma_membre": {"tm_zone": "cheville", "tm_appui": "oui", "tm_quand": "recent"},
}
"""Choices that say that nothing is grave."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
