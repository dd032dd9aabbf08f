"""The proxy that we ship, in front of gunicorn, on ports of its own; TLS as in production."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from threading import Event
from typing import Any, Self

import psutil
import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "config/deploy"
PUBLIC = "https://rdv.example"
TLS = ssl._create_unverified_context()

AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/main.log emerg;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{shipped}
}}
"""


class Front:
    """`with Front(folder, environment) as front:` serves at `front.port`, by TLS."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if self.program is None:
            pytest.skip("nginx is not on this machine")
        self.port, self.plain_port, self.behind = (a_free_port() for _ in range(3))
        self.configuration = folder / "nginx.conf"
        self._environment = os.environ | {  # noqa: TID251 - handed on
            "PORT": str(self.behind),
            "JOURMEME_VAR": str(folder / "var"),
            "WEB_SOCKET": str(folder / "web.sock"),
            "PUBLIC_BASE_URL": PUBLIC,
            "TRUSTED_PROXIES": "1",
            "SECRET_KEY": "not a secret, and long enough for the checks",
            **environment,
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._write()
            self.start_pages()
            self.start_proxy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            end(process)

    def start_pages(self) -> None:
        """Start gunicorn; it answers when this returns."""
        command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "wsgi:app"]
        self.gunicorn = self._start(command, "gunicorn.log", self.behind)
        self._wait_for_workers()

    def start_proxy(self) -> None:
        """Start nginx; it answers when this returns."""
        command = [self.program, "-e", self.folder / "early.log", "-c", self.configuration]
        self.nginx = self._start(command, "nginx.log", self.port)

    def reload(self) -> None:
        """Ask gunicorn for new workers, as `systemctl reload` does; wait until they answer."""
        old = set(psutil.Process(self.gunicorn.pid).children())
        self.gunicorn.send_signal(signal.SIGHUP)
        _, living = psutil.wait_procs(old, timeout=60)
        if living:
            raise TimeoutError(self.said()[-3000:])
        self._wait_for_workers()

    def stop_pages(self) -> None:
        """Stop the application; the proxy stays."""
        end(self.gunicorn)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        come_from: str = "127.0.0.1",
        timeout: float = 30,
    ) -> tuple[HTTPResponse, bytes]:
        """Ask the proxy something by TLS; return the answer and what it says."""
        connection = HTTPSConnection("127.0.0.1", self.port)
        try:
            connection.sock = self.opened(come_from, timeout)
            connection.request(method, path, body, {"Host": "rdv.example", **(headers or {})})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def opened(self, come_from: str = "127.0.0.1", timeout: float = 30) -> ssl.SSLSocket:
        """Return a connection that has shaken hands, and said nothing yet."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, (come_from, 0))
        return TLS.wrap_socket(plain, server_hostname="rdv.example")

    def said(self) -> str:
        """Return all that nginx and gunicorn wrote."""
        return "\n".join(p.read_text() for p in self.folder.glob("*.log"))

    def _wait_for_workers(self) -> None:
        """Ask until somebody answers: gunicorn listens before its workers are there."""
        for _ in range(60):
            asked = HTTPConnection("127.0.0.1", self.behind, timeout=90)
            try:
                asked.request("GET", "/healthz")
                asked.getresponse().read()
            except OSError:
                time.sleep(1)
            else:
                return
            finally:
                asked.close()
        raise TimeoutError(self.said()[-3000:])

    def _start(self, command: list, log: str, port: int) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=file, stderr=file
            )
        self._running.append(process)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(self.said()[-3000:])

    def _write(self) -> None:
        pages = self.folder / "pages"
        pages.mkdir()
        shutil.copy(SHIPPED / "indisponible.html", pages)
        make_certificate(self.folder)
        here = {
            "/run/jourmeme/web.sock": str(self.folder / "web.sock"),
            "/etc/ssl/jourmeme/fullchain.pem": str(self.folder / "cert.pem"),
            "/etc/ssl/jourmeme/privkey.pem": str(self.folder / "key.pem"),
            "/etc/jourmeme/pages": str(pages),
            "/var/log/nginx/jourmeme.log": str(self.folder / "errors.log"),
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
        }
        shipped = (SHIPPED / "nginx.conf").read_text()
        for theirs, ours in here.items():
            assert theirs in shipped, theirs
            shipped = shipped.replace(theirs, ours)
        self.configuration.write_text(AROUND.format(folder=self.folder, shipped=shipped))


def make_certificate(folder: Path) -> None:
    """Make a certificate for rdv.example that nobody believes."""
    names = ["-subj", "/CN=rdv.example", "-addext", "subjectAltName=DNS:rdv.example"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *files],
        check=True,
        capture_output=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(40)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def under_load(ask: Callable[[int], Any], clients: int) -> Iterator[list[Any]]:
    """Ask again and again from several threads until the block ends; yield what came of it."""
    over, came = Event(), []

    def keep_asking(number: int) -> None:
        while not over.is_set():
            came.append(ask(number))

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(keep_asking, number) for number in range(clients)]
        try:
            yield came
        finally:
            over.set()
    for each in running:
        each.result()
