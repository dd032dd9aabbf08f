"""Headers of every answer, and the nonce of the one stylesheet that patient pages carry inside."""

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from flask import Flask, Response, g, request, url_for
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"

PATIENT_DOORS = frozenset({None, "patient", "appointment", "lost", "offered", "pages"})
"""Blueprints whose pages carry no script at all. None: an address that leads nowhere."""

PATIENT_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STAFF_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
NO_PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page of ours: JSON, calendars, plain text."""

ONE_YEAR = 31_536_000

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Addresses open appointments: no other site may learn them.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_app(app: Flask) -> None:
    """Give every answer of the app its headers, and templates what the layout needs of them."""
    app.after_request(_guarded)
    app.context_processor(_for_layout)


def is_staff_page() -> bool:
    """Return whether this request is for a page behind a staff door, with its own look."""
    return request.blueprint not in PATIENT_DOORS


def csp_nonce() -> str:
    """Return the word, new for each answer, that lets our one inlined stylesheet in."""
    if "csp_nonce" not in g:
        g.csp_nonce = token_urlsafe(16)
    return str(g.csp_nonce)


@cache
def patient_css() -> Markup:
    """Return the stylesheet of patient pages, to stand inside the page: one request less."""
    written = (STATIC / "patient.css").read_text(encoding="utf-8")
    return Markup(compact(written))  # noqa: S704 - our own file, no text of anybody's


def compact(css: str) -> str:
    """Return a stylesheet without comments and blanks that mean nothing."""
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    one_line = re.sub(r"\s+", " ", bare).strip()
    return re.sub(r" ?([{};,>+]) ?", r"\1", one_line).replace(": ", ":").replace(";}", "}")


@cache
def version_of(filename: str) -> str:
    """Return a word that changes whenever this file of the static folder does."""
    return sha256((STATIC / filename).read_bytes()).hexdigest()[:12]


def file_url(filename: str) -> str:
    """Return the address of a static file, good for ever: a changed file has another."""
    return url_for("static", filename=filename, v=version_of(filename))


def staff_css_url() -> str:
    """Return the address of the stylesheet of every staff page."""
    return file_url("staff.css")


def _for_layout() -> dict[str, Any]:
    return {
        "is_staff_page": is_staff_page(),
        "csp_nonce": csp_nonce,
        "patient_css": patient_css,
        "staff_css_url": staff_css_url,
        "file_url": file_url,
    }


def _guarded(answer: Response) -> Response:
    answer.headers.update(EVERYWHERE)
    answer.headers["Content-Security-Policy"] = _content_policy(answer)
    if request.is_secure:
        answer.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
    if "token" in (request.view_args or {}):
        # The address is a secret: search engines are told to keep away.
        answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    answer.headers["Cache-Control"] = _kept_for(answer)
    return answer


def _content_policy(answer: Response) -> str:
    if answer.mimetype != "text/html":
        return NO_PAGE_POLICY
    if is_staff_page():
        return STAFF_POLICY
    policy = PATIENT_POLICY.format(nonce=csp_nonce())
    # The page on which a rush waits is the only one that carries a script of ours.
    return f"{policy}; script-src 'self'" if g.get("has_script") else policy


def _kept_for(answer: Response) -> str:
    """Return how long a copy may be kept: files with a version for ever, all else not at all.

    A door that has said otherwise itself, as a calendar feed does, is left its word.
    """
    if request.endpoint == "static":
        lasts = ONE_YEAR if "v" in request.args else 3600
        return f"public, max-age={lasts}" + (", immutable" if "v" in request.args else "")
    return answer.headers.get("Cache-Control", "no-store")
