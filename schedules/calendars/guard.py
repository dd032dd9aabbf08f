"""Which addresses of calendars are read: public ones, and connected to as they were checked."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

HTTPS = 443

Resolve = Callable[[str, int], Sequence[str]]
"""From a host and a port to its addresses, as text. Tests hand in another."""


class Failure(StrEnum):
    """Why a calendar could not be read. Doors turn each into a sentence with its mend."""

    REFUSED_ADDRESS = "REFUSED_ADDRESS"
    """Not https, or it leads into a private network."""
    UNREACHABLE = "UNREACHABLE"
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    NEEDS_SIGN_IN = "NEEDS_SIGN_IN"
    GONE = "GONE"
    NOT_A_CALENDAR = "NOT_A_CALENDAR"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"
    """It looks like a calendar, and nobody can make sense of it."""
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_EVENTS = "TOO_MANY_EVENTS"
    REPEATS_TOO_MUCH = "REPEATS_TOO_MUCH"
    """An event that comes back every minute, or since the year 1."""
    TOO_SLOW = "TOO_SLOW"


class Refused(Exception):
    """An address, or what it answered, that is not read; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass(frozen=True)
class Target:
    """An address that was checked: where to connect, and for which name."""

    is_tls: bool
    host: str
    port: int
    path: str
    """With its query: a secret, like the whole address."""
    address: str
    """The one that the check saw. A second answer of the DNS counts for nothing."""

    @property
    def url(self) -> str:
        """The whole address, by which a redirect that names only a path is completed."""
        return f"{'https' if self.is_tls else 'http'}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """The host as the server is asked for it, with its port where that is not the usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS and self.is_tls else f"{host}:{self.port}"


def resolved(host: str, port: int) -> Sequence[str]:
    """Return every address of a host, as this machine's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(info[4][0]) for info in found})


def host_of(url: str) -> str:
    """Return the name of whoever keeps the calendar: all of its address that a screen may show."""
    try:
        return urlsplit(_with_scheme(url)).hostname or ""
    except ValueError:
        return ""


def checked(url: str, *, may_be_local: bool, resolve: Resolve = resolved) -> Target:
    """Return where to connect for this address.

    `may_be_local` is for tests and developers: plain http, and any port, on this very machine.

    Raises:
        Refused: REFUSED_ADDRESS; UNREACHABLE, if nobody knows the host.
    """
    try:
        parts = urlsplit(_with_scheme(url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(Failure.REFUSED_ADDRESS) from None
    is_tls = parts.scheme == "https"
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.password:
        raise Refused(Failure.REFUSED_ADDRESS)
    if not may_be_local and (not is_tls or port not in (None, HTTPS)):
        raise Refused(Failure.REFUSED_ADDRESS)
    port = port or (HTTPS if is_tls else 80)
    address = _checked_address(host, port, resolve, may_be_local=may_be_local)
    if not _is_public(address) and not _is_loopback(address):
        raise Refused(Failure.REFUSED_ADDRESS)
    if _is_public(address) and not (is_tls and port == HTTPS):
        raise Refused(Failure.REFUSED_ADDRESS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_tls, host, port, path, address)


def _with_scheme(url: str) -> str:
    return re.sub(r"^webcals?://", "https://", url.strip(), flags=re.IGNORECASE)


def _checked_address(host: str, port: int, resolve: Resolve, *, may_be_local: bool) -> str:
    """Return one address of the host; a single one that is not allowed refuses them all."""
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError):
        raise Refused(Failure.UNREACHABLE) from None
    if not found:
        raise Refused(Failure.UNREACHABLE)
    for address in found:
        if not (_is_public(address) or (may_be_local and _is_loopback(address))):
            raise Refused(Failure.REFUSED_ADDRESS)
    return found[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # Forms in which an IPv4 address hides: what counts is that one, or nothing at all.
        if address.sixtofour or address.teredo:
            return False
        if address.ipv4_mapped:
            return _is_public(str(address.ipv4_mapped))
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_loopback(text: str) -> bool:
    return ipaddress.ip_address(text.partition("%")[0]).is_loopback
