"""Gets the bytes of a calendar: from where the guard allows, and no more than are read."""

from dataclasses import dataclass
from urllib.parse import urljoin

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from schedules.calendars import guard
from schedules.calendars.guard import Failure, Refused, Resolve, Target

LARGEST = 5_000_000
"""Bytes, once unpacked: a year of a busy practice is a tenth of it."""

MOST_REDIRECTS = 3
PIECE = 65_536

WAITS = Timeout(connect=3, read=5)
"""For each wait. None of them is a limit for the whole: that one is the parent's."""

UNCHANGED = 304
MOVED = (301, 302, 303, 307, 308)
REFUSALS = {
    401: Failure.NEEDS_SIGN_IN,
    403: Failure.NEEDS_SIGN_IN,
    404: Failure.GONE,
    410: Failure.GONE,
}


@dataclass(frozen=True)
class Fetched:
    """What a server answered, and by what it will know that it has nothing newer."""

    raw: bytes | None
    """None: nothing changed since the last time."""
    etag: str | None
    last_modified: str | None


def fetch(
    url: str,
    *,
    etag: str | None,
    last_modified: str | None,
    may_be_local: bool,
    resolve: Resolve = guard.resolved,
) -> Fetched:
    """Return what stands at this address; each redirect is checked as the first address was.

    Raises:
        Refused: with the reason.
    """
    known = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    headers = {
        "Accept": "text/calendar",
        "User-Agent": "JourMeme",
        **{name: value for name, value in known.items() if value},
    }
    for _ in range(MOST_REDIRECTS + 1):
        target = guard.checked(url, may_be_local=may_be_local, resolve=resolve)
        try:
            found = _asked(target, headers)
        except (HTTPError, OSError, ValueError):
            raise Refused(Failure.UNREACHABLE) from None
        if isinstance(found, Fetched):
            return found
        url = found
    raise Refused(Failure.TOO_MANY_REDIRECTS)


def _asked(target: Target, headers: dict[str, str]) -> Fetched | str:
    """Ask once: what was fetched, or the address to go on with."""
    pool = pool_of(target)
    answer = pool.urlopen(
        "GET",
        target.path,
        headers={**headers, "Host": target.authority},
        redirect=False,
        retries=False,
        assert_same_host=False,
        preload_content=False,
    )
    try:
        return _heard(
            target, answer, has_copy="If-None-Match" in headers or "If-Modified-Since" in headers
        )
    finally:
        answer.close()
        pool.close()


def pool_of(target: Target) -> HTTPConnectionPool:
    """Return a connection to the very address that was checked, with the name for TLS."""
    if not target.is_tls:
        return HTTPConnectionPool(target.address, target.port, timeout=WAITS)
    return HTTPSConnectionPool(
        target.address,
        target.port,
        timeout=WAITS,
        server_hostname=target.host,
        assert_hostname=target.host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
    )


def _heard(target: Target, answer: BaseHTTPResponse, *, has_copy: bool) -> Fetched | str:
    where = answer.headers.get("Location")
    if answer.status in MOVED and where:
        return urljoin(target.url, where)
    etag, last_modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    if answer.status == UNCHANGED and has_copy:
        return Fetched(None, etag, last_modified)
    if answer.status != 200:  # noqa: PLR2004 - the one that carries a calendar
        raise Refused(REFUSALS.get(answer.status, Failure.UNREACHABLE))
    return Fetched(_read(answer), etag, last_modified)


def _read(answer: BaseHTTPResponse) -> bytes:
    read = bytearray()
    # Counted once unpacked: what is sent packed may be a thousand times larger.
    for piece in answer.stream(PIECE, decode_content=True):
        read += piece
        if len(read) > LARGEST:
            raise Refused(Failure.TOO_LARGE)
    return bytes(read)
