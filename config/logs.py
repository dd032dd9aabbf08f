"""JSON lines on stderr, one an event: references and numbers; never a name, a phone or a text.

Not a place for what somebody typed. A key that is not in KEYS, or a value that is not of its
key's shape, is left out, and the key's name is put in `dropped`.
"""

import json
import linecache
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePath
from types import TracebackType
from typing import TextIO
from uuid import UUID

REQUEST_ID: ContextVar[UUID | None] = ContextVar("request_id", default=None)
"""The request being answered; a door sets it, and every line carries it."""

MOST_DIGITS = 6
"""A code or a version has fewer; a phone, a date of birth, an RPPS or a token has more."""

LONGEST_WORD = 64
LARGEST_NUMBER = 10**8
"""Milliseconds of a day fit; a phone written as a number does not."""

DIGEST_BYTES = 32

NARROWEST_IPV4 = 24
NARROWEST_IPV6 = 48
MOST_PLACES = 6
MOST_CAUSES = 4

_WORD = re.compile(r"[a-z][a-z0-9_]*(?:[.:/-][a-z0-9_]+)*|[A-Z][A-Z0-9_]*")
_PROVIDER_ID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


def _reference(value: object) -> str | None:
    """Accept a public name of a row."""
    return str(value) if isinstance(value, UUID) else None


def _number(value: object) -> float | None:
    """Accept a count, a length or a code."""
    is_number = isinstance(value, int | float) and abs(value) < LARGEST_NUMBER
    return value if is_number else None  # type: ignore[return-value]  # said in is_number


def _word(value: object) -> str | None:
    """Accept a word of the code's own: `sent`, `CALL_15`, `patient.answer`; not «Dupont»."""
    if not isinstance(value, str) or len(value) > LONGEST_WORD or not _WORD.fullmatch(value):
        return None
    return str(value) if sum(sign.isdigit() for sign in value) <= MOST_DIGITS else None


def _provider_id(value: object) -> str | None:
    """Accept Twilio's name of a message or call: two letters and 32 hexadecimal digits."""
    return value if isinstance(value, str) and _PROVIDER_ID.fullmatch(value) else None


def _digest(value: object) -> str | None:
    """Accept a hash of thirty-two octets: what it is of cannot be read from it."""
    return value.hex() if isinstance(value, bytes) and len(value) == DIGEST_BYTES else None


def _network(value: object) -> str | None:
    """Accept a part of the network, /24 or /48 at the narrowest; never an address."""
    if isinstance(value, IPv4Network) and value.prefixlen <= NARROWEST_IPV4:
        return str(value)
    if isinstance(value, IPv6Network) and value.prefixlen <= NARROWEST_IPV6:
        return str(value)
    return None


Shape = Callable[[object], str | float | None]

REFERENCES = "about actor booking client community message opening professional request site slot"
NUMBERS = "attempt code count failed ms number pid port seconds status threads version workers"
WORDS = (
    "channel door job kind method outcome protocol provider reason role route state triage_level"
)

KEYS: Mapping[str, Shape] = {
    **dict.fromkeys(REFERENCES.split(), _reference),
    **dict.fromkeys(NUMBERS.split(), _number),
    **dict.fromkeys(WORDS.split(), _word),
    "digest": _digest,
    "network": _network,
    "provider_id": _provider_id,
}
"""What a line may hold, and in which shape."""

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)

QUIET = ("twilio", "sqlalchemy", "apscheduler", "urllib3", "alembic")
"""Libraries of which a warning is worth a line: below it, they write numbers and parameters."""

WRAPPED = ("gunicorn.error",)
"""Libraries that log through a function of their own, which hides the line that wrote. Their texts
with values beside them are all literals (gunicorn 27.0.1, every call read); the others stay out."""

_ours = logging.getLogger("jourmeme")


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every line of this process, ours and the libraries', to `stream` (stderr) as JSON.

    May be called again. Takes the place of whatever else writes text to a stream.
    """
    lines = Lines(stream or sys.stderr)
    root = logging.getLogger()
    ours = (logging.StreamHandler, Lines)
    root.handlers[:] = [lines, *(h for h in root.handlers if type(h) not in ours)]
    root.setLevel(logging.WARNING)
    _ours.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its line per request holds the path, and so the tokens of links; the door writes its own.
    logging.getLogger("werkzeug").disabled = True


def event(
    name: str,
    /,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    **keys: object,
) -> None:
    """Write that something happened: a word of ours, and what KEYS allows about it.

    Of `error` come the type, the place in the code and PostgreSQL's code, never the text: it may
    quote what a patient typed. `level` is one of logging's; how urgent a request is, is
    `triage_level`. A level that logging does not know is an error: no line may be lost by it.
    """
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    _ours.log(
        level if level in LEVELS else logging.ERROR,
        "%s",
        name,
        exc_info=exc_info,
        extra={"jourmeme_keys": keys},
        stacklevel=2,
    )


class Lines(logging.StreamHandler[TextIO]):
    """Where lines leave the process."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.setFormatter(JsonLine())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Lose the line: the standard way prints it whole on stderr, values and all."""


class JsonLine(logging.Formatter):
    """One record → one line of JSON, whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        keys = getattr(record, "jourmeme_keys", None)
        if record.name == _ours.name and isinstance(keys, dict):
            line |= {"event": _word(record.getMessage()) or "unnamed", **_allowed(keys)}
        else:
            line |= _of_a_library(record)
        if asked := REQUEST_ID.get():
            line["request_id"] = str(asked)
        if record.exc_info and record.exc_info[1]:
            line["error"] = _of_an_error(record.exc_info[1])
        return json.dumps(line)


def _allowed(keys: Mapping[str, object]) -> dict[str, object]:
    """Return what may be written of these, and the names of what may not."""
    given = {key: value for key, value in keys.items() if value is not None}
    kept = {key: KEYS[key](value) for key, value in given.items() if key in KEYS}
    written: dict[str, object] = {key: value for key, value in kept.items() if value is not None}
    if dropped := sorted(key for key in given if key not in written and _word(key)):
        written["dropped"] = dropped
    return written


def _of_a_library(record: logging.LogRecord) -> dict[str, object]:
    """Return who wrote it, from where, and its text where that holds no value."""
    place = f"{PurePath(record.pathname).name}:{record.lineno}"
    written: dict[str, object] = {"event": "library", "logger": record.name, "at": place}
    if _stands_in_the_source(record):
        written["text"] = record.msg
    return written


def _stands_in_the_source(record: logging.LogRecord) -> bool:
    """Return whether the text is a literal of the line that logged it: then no value is in it.

    The values of «%s» are beside the text, in `args`, and stay there. A text that was put
    together before (an f-string, an exception's sentence) is not found in the source.
    """
    if not isinstance(record.msg, str):
        return False
    if record.name in WRAPPED:
        return bool(record.args)
    call = "".join(linecache.getline(record.pathname, record.lineno + n) for n in range(4))
    return any(f"{quote}{record.msg}{quote}" in call for quote in "'\"")


def _of_an_error(error: BaseException, causes: int = MOST_CAUSES) -> dict[str, object]:
    """Return what failed and where, and the same of its causes; nothing that any of them says."""
    told: dict[str, object] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": _places(error.__traceback__),
    }
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) and _SQLSTATE.fullmatch(sqlstate):
        told["sqlstate"] = sqlstate
    cause = error.__cause__ or error.__context__
    if cause and causes:
        told["cause"] = _of_an_error(cause, causes - 1)
    return told


def _places(traceback: TracebackType | None) -> list[str]:
    """Return the last places in the code that an error came through, the innermost last."""
    places = []
    while traceback:
        code = traceback.tb_frame.f_code
        file = "/".join(PurePath(code.co_filename).parts[-2:])
        places.append(f"{file}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-MOST_PLACES:]
