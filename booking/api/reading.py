"""The one reader of what clients send. What it lets through can be stored as it is."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NoReturn, TypeVar

from flask import request
from flask_babel import lazy_gettext as _
from pydantic import BaseModel, ValidationError

from booking.api import wrong
from booking.api.problems import Kind, Problem

M = TypeVar("M", bound=BaseModel)

LARGEST_BODY = 64 * 1024
DEEPEST = 32
LONGEST_NUMBER = 40
"""Digits and signs of one number. Beyond, Python itself refuses to read it."""

KEY = re.compile(r"jm_[0-9A-Za-z_-]{43}")
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")

BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)
"""Strings, to pass over them, and brackets. Possessive: no text makes it look twice."""


def bearer() -> str:
    """Return the key in the Authorization header.

    Raises:
        Problem: UNAUTHORIZED, if there is none, or none of ours.
    """
    scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorized()
    if not KEY.fullmatch(key.strip()):
        raise unauthorized(error="invalid_token")
    return key.strip()


def unauthorized(*, error: str | None = None) -> Problem:
    """Return the refusal of somebody without a live key (RFC 6750)."""
    said = f', error="{error}"' if error else ""
    return Problem(
        Kind.UNAUTHORIZED, headers={"WWW-Authenticate": f'Bearer realm="jourmeme"{said}'}
    )


def beyond(scope: str) -> Problem:
    """Return the refusal of a live key that is not for this (RFC 6750)."""
    challenge = f'Bearer realm="jourmeme", error="insufficient_scope", scope="{scope}"'
    return Problem(
        Kind.BEYOND_SCOPE,
        _("Cette clé n’est pas faite pour cela : il faut « %(scope)s ».", scope=scope),
        more={"scope": scope},
        headers={"WWW-Authenticate": challenge},
    )


def idempotency_key() -> str | None:
    """Return the client's own name for this write, if it gave one.

    Raises:
        Problem: BAD_REQUEST, if it is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem(
            Kind.BAD_REQUEST,
            _("Idempotency-Key : 1 à 255 caractères ASCII visibles, sans espace."),
        )
    return key


def body() -> bytes:
    """Return what was sent, 64 kB at most; more is a 413 of Flask's own."""
    request.max_content_length = LARGEST_BODY
    return request.get_data(cache=False)


def parsed(raw: bytes, expected: type[M]) -> tuple[M, bytes]:
    """Return a body as the expected values, and 32 bytes that are the same for the same content.

    Raises:
        Problem: MEDIA_TYPE, NOT_JSON or INVALID. What was sent is never repeated in it.
    """
    if request.mimetype != "application/json":
        raise Problem(Kind.MEDIA_TYPE)
    said = load(raw)
    canonical = json.dumps(said, sort_keys=True).encode()
    try:
        return expected.model_validate_json(canonical), fingerprint(canonical)
    except ValidationError as refused:
        raise Problem(Kind.INVALID, errors=wrong.fields(refused)) from None


def fingerprint(content: bytes = b"") -> bytes:
    """Return 32 bytes that tell this request from any other: method, path, content."""
    return sha256(b"\n".join((request.method.encode(), request.path.encode(), content))).digest()


def load(raw: bytes) -> Any:
    """Return what a JSON document says; stricter than the standard library.

    Refused: other encodings than UTF-8, more than 32 levels, one name twice, NaN and infinite
    numbers, and text that PostgreSQL cannot store (NUL, half of a surrogate pair).

    Raises:
        Problem: NOT_JSON.
    """
    try:
        text = raw.decode("utf-8")
        if _deepest(text) > DEEPEST:
            raise _not_json(_("Plus de 32 niveaux."))
        said = json.loads(
            text,
            object_pairs_hook=_without_twins,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_short,
        )
    except ValueError:  # of decoding and of parsing alike; its message quotes the document
        raise _not_json(_("Ce n’est pas du JSON en UTF-8.")) from None
    if any(_cannot_be_stored(string) for string in _strings(said)):
        raise _not_json(_("Un texte contient un caractère qui ne s’écrit pas."))
    return said


def _deepest(text: str) -> int:
    depth = deepest = 0
    for opened, closed in BRACKETS.findall(text):
        depth += bool(opened) - bool(closed)
        deepest = max(depth, deepest)
    return deepest


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise _not_json(_("Un nom est donné deux fois dans le même objet."))
    return said


def _no_number(_said: str) -> NoReturn:
    raise _not_json(_("Un nombre n’en est pas un, ou il est trop grand."))


def _finite(said: str) -> float:
    number = float(said)
    if abs(number) == float("inf"):
        _no_number(said)
    return number


def _short(said: str) -> int:
    if len(said) > LONGEST_NUMBER:
        _no_number(said)
    return int(said)


def _strings(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for name, value in said.items():
            yield name
            yield from _strings(value)
    elif isinstance(said, list):
        for value in said:
            yield from _strings(value)


def _cannot_be_stored(text: str) -> bool:
    return "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text)


def _not_json(detail: object) -> Problem:
    return Problem(Kind.NOT_JSON, detail)
