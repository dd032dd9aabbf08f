"""Refusals as other software reads them: RFC 9457, in French, or in English where it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Response, request
from flask_babel import force_locale
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException

from booking.api.writing import written
from booking.extensions import equipment

MEDIA_TYPE = "application/problem+json"


class Kind(StrEnum):
    """What went wrong, for programs: the last part of the problem's `type`."""

    NOT_JSON = "not-json"
    BAD_REQUEST = "bad-request"
    UNAUTHORIZED = "unauthorized"
    BEYOND_SCOPE = "beyond-scope"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    SLOT_TAKEN = "slot-taken"
    ALREADY_BOOKED = "already-booked"
    TOO_LATE = "too-late"
    TOO_LARGE = "too-large"
    MEDIA_TYPE = "media-type"
    INVALID = "invalid"
    LEVEL_FORBIDS = "level-forbids"
    TRIAGE_AGAIN = "triage-again"
    SIGNS_AGAIN = "signs-again"
    KEY_REUSED = "idempotency-key-reused"
    FAILURE = "failure"
    BUSY = "busy"
    NO_PROTOCOL = "no-protocol"


@dataclass(frozen=True)
class Meaning:
    """The status that a kind of problem has, and what it is called."""

    status: int
    title: Any


MEANINGS: Mapping[Kind, Meaning] = {
    Kind.NOT_JSON: Meaning(400, _("Le corps n’est pas un document JSON acceptable.")),
    Kind.BAD_REQUEST: Meaning(400, _("La requête n’est pas lisible.")),
    Kind.UNAUTHORIZED: Meaning(401, _("Une clé valable est nécessaire.")),
    Kind.BEYOND_SCOPE: Meaning(403, _("Cette clé n’est pas faite pour cela.")),
    Kind.NOT_FOUND: Meaning(404, _("Rien ne porte ce nom ici.")),
    Kind.METHOD_NOT_ALLOWED: Meaning(405, _("Cette méthode ne s’emploie pas ici.")),
    Kind.SLOT_TAKEN: Meaning(409, _("Ce créneau n’est plus libre.")),
    Kind.ALREADY_BOOKED: Meaning(409, _("Cette demande a déjà un rendez-vous.")),
    Kind.TOO_LATE: Meaning(409, _("Ce rendez-vous a déjà commencé.")),
    Kind.TOO_LARGE: Meaning(413, _("Le corps dépasse 64 ko.")),
    Kind.MEDIA_TYPE: Meaning(415, _("Le corps doit être du type application/json.")),
    Kind.INVALID: Meaning(422, _("Des champs sont à corriger.")),
    Kind.LEVEL_FORBIDS: Meaning(422, _("Cette demande ne permet pas de rendez-vous.")),
    Kind.TRIAGE_AGAIN: Meaning(422, _("À cet âge, les questions doivent être reposées.")),
    Kind.SIGNS_AGAIN: Meaning(
        422, _("Les signes d’alerte doivent être reposés avant de réserver.")
    ),
    Kind.KEY_REUSED: Meaning(422, _("Cette clé d’idempotence a servi à une autre requête.")),
    Kind.FAILURE: Meaning(500, _("Une erreur s’est produite de notre côté.")),
    Kind.BUSY: Meaning(503, _("Le service est surchargé.")),
    Kind.NO_PROTOCOL: Meaning(503, _("Aucun protocole de tri n’est en vigueur.")),
}

BY_STATUS: Mapping[int, Kind] = {
    400: Kind.BAD_REQUEST,
    401: Kind.UNAUTHORIZED,
    403: Kind.BEYOND_SCOPE,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.TOO_LARGE,
    415: Kind.MEDIA_TYPE,
    422: Kind.INVALID,
    500: Kind.FAILURE,
    503: Kind.BUSY,
}
"""What an answer of Flask's own is called here."""

AFTER_SECONDS = {503: "2"}


class Problem(Exception):
    """The request is refused, and whatever its transaction had written is undone."""

    def __init__(
        self,
        kind: Kind,
        detail: object = None,
        *,
        errors: Sequence[Mapping[str, object]] = (),
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.more = more or {}
        self.headers = headers or {}


def invalid(field: str, detail: object) -> Problem:
    """Return the refusal of one field."""
    return Problem(Kind.INVALID, errors=[{"field": field, "detail": detail}])


def language() -> str:
    """Return the language that this client reads: French unless it prefers English."""
    return request.accept_languages.best_match(("fr", "en"), default="fr")


def type_of(kind: Kind) -> str:
    """Return the problem's type: an address that leads to its entry in the API's description."""
    return f"{equipment().links.base_url}/api/openapi.json#/x-problems/{kind}"


def of_problem(problem: Problem) -> Response:
    """Answer with a refusal of ours."""
    meaning = MEANINGS[problem.kind]
    with force_locale(language()):
        said: dict[str, object] = {
            "type": type_of(problem.kind),
            "title": str(meaning.title),
            "status": meaning.status,
            "detail": str(problem.detail or meaning.title),
            **problem.more,
        }
        if problem.errors:
            said["errors"] = [
                {name: str(text) for name, text in error.items()} for error in problem.errors
            ]
    return _sent(meaning.status, said, problem.headers)


def of_http(refusal: HTTPException) -> Response:
    """Answer with a refusal of Flask's or Werkzeug's, in the same form as ours."""
    status = refusal.code or 500
    kind = BY_STATUS.get(status, Kind.FAILURE if status >= 500 else Kind.BAD_REQUEST)  # noqa: PLR2004 - RFC 9110
    kept = dict(refusal.get_headers())
    passed_on = ("Allow", "Retry-After")
    headers: dict[str, str] = {name: kept[name] for name in passed_on if name in kept}
    with force_locale(language()):
        title = str(MEANINGS[kind].title)
    said = {"type": type_of(kind), "title": title, "status": status, "detail": title}
    return _sent(status, said, headers)


def _sent(status: int, said: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    answer = Response(written(said), status, mimetype=MEDIA_TYPE)
    answer.headers["Content-Language"] = language()
    if status in AFTER_SECONDS:
        answer.headers["Retry-After"] = AFTER_SECONDS[status]
    answer.headers.update(headers)
    return answer
