"""Servers of other people's calendars, on loopback: one that says anything, and a real one."""

import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

Answer = Callable[[BaseHTTPRequestHandler], None]


def calendar(*events: str, more: str = "") -> bytes:
    """Return a calendar of these events, each with a UID of its own."""
    inside = "".join(
        f"BEGIN:VEVENT\nUID:{number}@elsewhere\n{event.strip()}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    whole = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//FR\n{more}{inside}END:VCALENDAR\n"
    return whole.replace("\n", "\r\n").encode()


def says(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with this, whoever asks."""

    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(status)
        for name, value in headers.items():
            asked.send_header(name.replace("_", "-"), value)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        with suppress(OSError):
            asked.wfile.write(body)

    return answer


class Anything:
    """A server whose every answer a test writes."""

    def __init__(self) -> None:
        self.answer: Answer = says(calendar())
        self.asked: list[dict[str, str]] = []
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append({k.lower(): v for k, v in self.headers.items()})
                outer.answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/secret.ics"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Radicale:
    """A real CalDAV server, in a process of its own, with one calendar that changes under us."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/dr/cal/"

    def put(self, name: str, *lines: str) -> None:
        body = calendar().replace(
            b"END:VCALENDAR",
            (
                "BEGIN:VEVENT\r\n" + "\r\n".join((f"UID:{name}", *lines)) + "\r\nEND:VEVENT\r\n"
            ).encode()
            + b"END:VCALENDAR",
        )
        self._ask("PUT", f"{self.url}{name}.ics", body)

    def remove(self, name: str) -> None:
        self._ask("DELETE", f"{self.url}{name}.ics")

    def make(self) -> None:
        self._ask("MKCALENDAR", self.url)

    def _ask(self, method: str, url: str, body: bytes | None = None) -> None:
        made = Request(url, data=body, method=method)
        made.add_header("Authorization", "Basic " + b64encode(b"dr:x").decode())
        made.add_header("Content-Type", "text/calendar")
        with urlopen(made, timeout=10) as answer:
            answer.read()


@contextmanager
def radicale(folder: Path, port: int) -> Iterator[Radicale]:
    """Run Radicale on this port until the end of the block."""
    rights = folder / "rights"
    rights.write_text("[all]\nuser: .*\ncollection: .*\npermissions: RrWw\n")
    settings = folder / "config"
    settings.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = none\n"
        f"[rights]\ntype = from_file\nfile = {rights}\n"
        f"[storage]\nfilesystem_folder = {folder / 'collections'}\n[web]\ntype = none\n"
    )
    command = [sys.executable, "-m", "radicale", "--config", str(settings)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = Radicale(port)
        for _ in range(100):
            with suppress(OSError):
                made.make()
                break
            time.sleep(0.1)
        yield made
    finally:
        running.terminate()
        running.wait(10)
