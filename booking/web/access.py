"""One line of the log a request: which route, how it ended, how long it took; never an address."""

from time import monotonic
from uuid import uuid4

from flask import Flask, Response, g, request

from booking.web import traffic
from config import logs

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
"""What a client may have made up itself is written as OTHER."""


def init_app(app: Flask) -> None:
    """Write the line of every request, last of all, and give each a name that its lines share."""
    app.before_request(_begins)
    app.after_request(_ends)
    app.teardown_request(_is_over)


def _begins() -> None:
    logs.REQUEST_ID.set(uuid4())
    g.begun = monotonic()


def _ends(answer: Response) -> Response:
    seconds = monotonic() - g.begun
    traffic.count(answer.status_code, seconds)
    logs.event(
        "request",
        route=request.endpoint or "none",
        method=request.method if request.method in METHODS else "OTHER",
        status=answer.status_code,
        ms=round(seconds * 1000),
    )
    return answer


def _is_over(_error: BaseException | None) -> None:
    logs.REQUEST_ID.set(None)
