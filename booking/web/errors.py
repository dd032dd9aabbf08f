"""What people see when something is wrong: plain French, the 15, and the phone of the service."""

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as lazy
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, SecurityError

from booking.desk.ask import ProtocolNotInForce
from booking.extensions import equipment
from config import logs
from config.sealing import UNREADABLE
from schedules.models import Community

LINES = "jourmeme.lines"
PROBES = ("127.0.0.1", "localhost")
"""Names by which this machine's own probes may call the health pages, and nothing else."""
RETRY_SECONDS = "30"
SENT_AGAIN = frozenset({"patient", "console.call"})
"""Doors whose forms are shown again, whole, when their page had grown too old to be trusted."""


@dataclass(frozen=True)
class Line:
    """Whom to call instead: kept in memory, so that it is known while the database is not."""

    name: str
    phone: str


@dataclass(frozen=True)
class Said:
    """One error page: its title, and what to do now."""

    title: Any
    advice: Any


PAGES = {
    400: Said(
        lazy("Cette demande n’est pas comprise"),
        lazy("Revenez à la page d’avant et recommencez."),
    ),
    404: Said(
        lazy("Cette page n’existe pas"),
        lazy("Le lien est peut-être incomplet, ou trop ancien."),
    ),
    405: Said(
        lazy("Cette page ne s’ouvre pas ainsi"), lazy("Revenez à la page d’avant et recommencez.")
    ),
    410: Said(
        lazy("Ce lien ne marche plus"),
        lazy(
            "Le rendez-vous est passé. Il vous faut un autre rendez-vous ? "
            "Allez à la première page."
        ),
    ),
    413: Said(
        lazy("Votre texte est trop long"),
        lazy("Revenez à la page d’avant et écrivez moins de mots."),
    ),
    429: Said(lazy("Trop de demandes à la fois"), lazy("Attendez une minute, puis recommencez.")),
    500: Said(
        lazy("Le service ne marche pas en ce moment"),
        lazy("Vos réponses sont gardées. Réessayez dans quelques minutes."),
    ),
    503: Said(
        lazy("Le service ne marche pas en ce moment"),
        lazy("Vos réponses sont gardées. Réessayez dans quelques minutes."),
    ),
}

CLOSED = Said(
    lazy("Appelez le 15, ou votre médecin"),
    lazy(
        "Ici, personne ne peut juger votre demande en ce moment. Si c’est grave ou si vous avez un "
        "doute, appelez le 15. Sinon, appelez votre médecin."
    ),
)

SEALED = Said(
    lazy("Cette page ne peut pas s’ouvrir"),
    lazy(
        "Ce qui est gardé ici ne peut pas être lu en ce moment. Téléphonez plutôt, et prévenez la "
        "personne qui gère le service."
    ),
)


def init_app(app: Flask) -> None:
    """Give every error of the app a page that helps."""
    app.extensions[LINES] = {}
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _too_old)
    app.register_error_handler(ParseException, _unreadable)
    for busy in (OperationalError, PoolTimeout):
        app.register_error_handler(busy, _unavailable)
    app.register_error_handler(ProtocolNotInForce, _closed)
    for reason in UNREADABLE:
        app.register_error_handler(reason, _sealed)


def refuse_other_hosts() -> ResponseReturnValue | None:
    """Answer whoever calls production by another name than its own, before anything is done.

    In plain text: without a name that is ours no page can tell where its links lead.
    """
    settings = equipment().settings
    if not settings.is_production:
        return None
    is_lost = isinstance(request.routing_exception, SecurityError)
    if not is_lost and (request.blueprint == "health" or _host() == settings.host):
        return None
    return Response("400: unknown host\n", 400, mimetype="text/plain")


def _host() -> str | None:
    return urlsplit(f"//{request.host}").hostname


def remember(community: Community) -> None:
    """Keep whom to call for the pages of this request, and for the time when nothing works."""
    g.community = community
    current_app.extensions[LINES][community.id] = Line(community.name, community.phone)


def whom_to_call() -> Line | None:
    """Return the line of the territory of this request, or of the only one that is known."""
    community = g.get("community")
    if community is not None:
        return Line(community.name, community.phone)
    known = list(current_app.extensions[LINES].values())
    return known[0] if len(known) == 1 else None


def page(status: int) -> str:
    """Return the page for an HTTP status, in plain French; for one without words, the 400's."""
    said = PAGES.get(status, PAGES[500 if status >= 500 else 400])  # noqa: PLR2004 - HTTP
    return render_template("errors/error.html", said=said, community=whom_to_call())


def _http(refusal: HTTPException) -> ResponseReturnValue:
    if refusal.response is not None or refusal.code is None or refusal.code < 400:  # noqa: PLR2004
        return refusal
    kept = {k: v for k, v in refusal.get_headers() if k in ("Allow", "Retry-After")}
    return page(refusal.code), refusal.code, kept


def _unreadable(_error: Exception) -> ResponseReturnValue:
    """Refuse a body whose chunks are not what HTTP says: gunicorn finds out while it is read."""
    return page(400), 400


def _unavailable(_error: Exception) -> ResponseReturnValue:
    """Answer when the database is away or busy."""
    return page(503), 503, {"Retry-After": RETRY_SECONDS}


def _closed(_error: Exception) -> ResponseReturnValue:
    """Send to the 15 or to their doctor whoever asks while no signed protocol covers the day."""
    return render_template("errors/error.html", said=CLOSED, community=whom_to_call()), 503


def _sealed(error: Exception) -> ResponseReturnValue:
    """Say that what is kept cannot be read: its key is not there, or somebody changed it."""
    logs.event("unreadable", level=logging.ERROR, error=error)
    return render_template("errors/error.html", said=SEALED, community=whom_to_call()), 500


def _too_old(_refused: CSRFError) -> ResponseReturnValue:
    """Offer to send again what a page sent whose session has ended: nothing typed is lost."""
    fields = list(request.form.items(multi=True)) if request.blueprint in SENT_AGAIN else []
    kept = [(name, value) for name, value in fields if name != "csrf_token"]
    return (
        render_template(
            "errors/too_old.html", fields=kept, action=request.path, community=whom_to_call()
        ),
        400,
    )
