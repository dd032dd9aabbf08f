"""Bodies that break the rules of HTTP itself, as only a real server meets them."""

import socket

import pytest


def _answer(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/care-requests", b"application/json"),
        ("/demande", b"application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("torn", [b"zz\r\nabc\r\n0\r\n\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n"])
def test_a_body_of_broken_chunks_is_refused_and_is_no_failure_of_ours(product, path, kind, torn):
    key = product.demo["api_key"].encode()

    said = _answer(
        product.port,
        b"POST "
        + path.encode()
        + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
        + key
        + b"\r\nContent-Type: "
        + kind
        + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        + torn,
    )

    assert said.startswith(b"HTTP/1.1 400")
