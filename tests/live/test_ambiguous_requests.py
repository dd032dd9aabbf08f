"""Requests that two servers could read differently: each is one request, or none, for both.

Behind each of them a second one is hidden, which a server that counts its length otherwise would
answer to whoever asks next.
"""

import json
import re
import socket
import ssl
from contextlib import suppress

import pytest

from tests.conftest import address_of
from tests.nginx import Front

pytestmark = pytest.mark.slow

HIDDEN_ROUTE = "forgotten.show"
HIDDEN = b"GET /mot-de-passe-oublie HTTP/1.1\r\nHost: rdv.example\r\n\r\n"
LAST = b"0\r\n\r\n"
WHOLE = len(LAST + HIDDEN)


def posted(*headers: str, body: bytes = LAST + HIDDEN, end: str = "\r\n") -> bytes:
    """Return a request to sign in, by headers as they are said, and what follows them."""
    lines = ("POST /connexion HTTP/1.1", "Host: rdv.example", *headers, "", "")
    return end.join(lines).encode() + body


AMBIGUOUS = {
    "a length, and chunks that end earlier": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: chunked"
    ),
    "chunks, and a length that ends earlier": posted(
        "Transfer-Encoding: chunked",
        "Content-Length: 4",
        body=b"%x\r\n%b\r\n%b" % (len(HIDDEN), HIDDEN, LAST),
    ),
    "two lengths": posted(f"Content-Length: {WHOLE}", "Content-Length: 5"),
    "two lengths in one": posted(f"Content-Length: 5, {WHOLE}"),
    "a length with a sign": posted("Content-Length: +5"),
    "a space before the colon": posted(f"Content-Length: {WHOLE}", "Transfer-Encoding : chunked"),
    "a tab before the coding": posted(f"Content-Length: {WHOLE}", "Transfer-Encoding:\tchunked"),
    "a vertical tab before the coding": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: \x0bchunked"
    ),
    "a coding in capitals": posted(f"Content-Length: {WHOLE}", "Transfer-Encoding: CHUNKED"),
    "a coding after another": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: identity, chunked"
    ),
    "a coding said twice": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"
    ),
    "a coding on a line of its own": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding:", " chunked"
    ),
    "a coding in a name with an underscore": posted(
        f"Content-Length: {WHOLE}", "Transfer_Encoding: chunked"
    ),
    "lines without a return": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: chunked", end="\n"
    ),
    "a return alone within a line": posted(
        f"Content-Length: {WHOLE}", "X: y\rTransfer-Encoding: chunked"
    ),
    "a chunk of plus nothing": posted("Transfer-Encoding: chunked", body=b"+0\r\n\r\n" + HIDDEN),
    "a chunk of minus one": posted("Transfer-Encoding: chunked", body=b"-1\r\n\r\n" + HIDDEN),
    "a chunk in hexadecimal as programs write it": posted(
        "Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + HIDDEN
    ),
    "a chunk larger than any number": posted(
        "Transfer-Encoding: chunked", body=b"10000000000000000\r\n\r\n" + HIDDEN
    ),
    "a chunk whose extension breaks a line": posted(
        "Transfer-Encoding: chunked", body=b"5;a\nb\r\nemail\r\n" + LAST + HIDDEN
    ),
    "chunks of a version that has none": posted(
        f"Content-Length: {WHOLE}", "Transfer-Encoding: chunked", "Connection: keep-alive"
    ).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a length as programs write it": posted("Content-Length: 0_5"),
    "a length below nothing": posted("Content-Length: -5"),
    "a length larger than any number": posted("Content-Length: 18446744073709551621"),
}

WITHOUT_RETURN = posted("Transfer-Encoding: chunked", body=b"0\n\n" + HIDDEN)


@pytest.fixture(scope="module")
def front(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ambiguous")
    with Front(folder, {"DATABASE_URL": address_of(database), "WEB_WORKERS": "1"}) as front:
        yield front


def to_nginx(front: Front) -> socket.socket:
    return front.opened(timeout=8)


def to_gunicorn(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.behind), 8)


def served(front: Front) -> list[str]:
    """Return the routes that the application has answered, in their order."""
    lines = (front.folder / "gunicorn.log").read_text().splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return [each["route"] for each in said if each["event"] == "request"]


def heard(connection: socket.socket, request: bytes) -> bytes:
    """Say a request; return all that is answered until the other side hangs up, or falls silent."""
    said = b""
    with connection, suppress(ConnectionError, ssl.SSLError, TimeoutError):
        connection.sendall(request)
        while more := connection.recv(65536):
            said += more
    return said


def statuses(said: bytes) -> list[int]:
    """Return the status of each answer: no page of ours holds what an answer begins with."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)]


def next_is_served(front: Front) -> bool:
    """Whether whoever asks next gets what they asked for."""
    answer, page = front.ask("GET", "/healthz")
    return (answer.status, page) == (200, b"ok\n")


@pytest.mark.parametrize("what", AMBIGUOUS)
@pytest.mark.parametrize("to", [to_nginx, to_gunicorn])
def test_what_can_be_read_as_two_requests_is_one_or_none(front, to, what):
    before = len(served(front))

    got = statuses(heard(to(front), AMBIGUOUS[what]))

    assert served(front)[before:] in ([], ["session.enter"])
    assert got[0] >= 400
    # Having answered, gunicorn refuses what is left of the body, and hangs up.
    assert got[1:] == [] or (to, got[1:]) == (to_gunicorn, [400])
    assert next_is_served(front)


def test_chunks_without_a_return_are_refused_by_gunicorn(front):
    before = len(served(front))

    assert set(statuses(heard(to_gunicorn(front), WITHOUT_RETURN))) == {400}
    assert HIDDEN_ROUTE not in served(front)[before:]


@pytest.mark.parametrize(
    "two",
    [posted("Content-Length: 5", body=LAST + HIDDEN), WITHOUT_RETURN],
    ids=["plain", "chunks"],
)
def test_two_requests_of_one_sender_are_answered_to_that_sender_alone(front, two):
    # nginx ends chunks at a line feed alone. It stands first, and says the length anew to
    # gunicorn: both see two requests, whose answers go back on the connection they came by.
    before = len(served(front))

    assert statuses(heard(to_nginx(front), two)) == [400, 200]
    assert served(front)[before:] == ["session.enter", HIDDEN_ROUTE]
    assert next_is_served(front)


@pytest.mark.parametrize(
    ("line", "hosts", "ends"),
    [
        ("/connexion", ["rdv.example", "elsewhere.example"], [400]),
        ("/connexion", ["elsewhere.example", "rdv.example"], [400]),
        ("https://rdv.example/connexion", ["rdv.example", "elsewhere.example"], [400]),
        ("/connexion", [], [400]),
        ("/connexion", ["rdv.example elsewhere.example"], [400]),
        ("/connexion", ["rdv.example, elsewhere.example"], [400]),
        ("/connexion", ["rdv.example\r\n\telsewhere.example"], [400]),
        ("/connexion", ["rdv.example@elsewhere.example"], []),
        ("https://elsewhere.example/connexion", ["rdv.example"], []),
        ("https://rdv.example/connexion", ["elsewhere.example"], [200]),
    ],
)
def test_of_two_hosts_neither_is_believed_or_ours_alone(front, line, hosts, ends):
    names = "".join(f"Host: {host}\r\n" for host in hosts)
    request = f"GET {line} HTTP/1.1\r\nConnection: close\r\n{names}\r\n".encode()

    said = heard(to_nginx(front), request)

    assert statuses(said) == ends
    assert b"elsewhere" not in said
    assert len(statuses(heard(to_gunicorn(front), request))) == 1
