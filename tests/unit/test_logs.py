"""Log lines: what may stand in one, and what never does, whoever writes it."""

import io
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from enum import StrEnum
from ipaddress import ip_network
from uuid import UUID, uuid4

import psycopg.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import logs

BOOKING = UUID("6f1d2c3b-0000-4000-8000-000000000001")

# Put together, so that no line of this file holds one as it is searched for.
NAME = "Zéphyrine " + "Quatresous"
PHONE = "+336" + "39980142"
TOKEN = "kX3v" + "9QpL2mZ8rT5wYb1nD4"
REASON = "douleur " + "thoracique"
CANARIES = (NAME, PHONE, TOKEN, REASON)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process writes, once `configure` has run; afterwards all is as before."""
    root = logging.getLogger()
    names = ("jourmeme", "werkzeug", *logs.QUIET)
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in names}
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    root.handlers[:], root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger("werkzeug").disabled = False


def lines(written: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def holds_no_canary(written: io.StringIO) -> bool:
    text = written.getvalue()
    return not any(part in text or json.dumps(part)[1:-1] in text for part in CANARIES)


class Outcome(StrEnum):
    SENT = "sent"


def test_a_line_says_when_in_utc_what_and_about_which_row(written):
    logs.event("message_sent", message=BOOKING, outcome=Outcome.SENT, ms=12.5, level=logging.INFO)

    (line,) = lines(written)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "message_sent",
        "message": str(BOOKING),
        "outcome": "sent",
        "ms": 12.5,
    }


def test_a_line_carries_the_request_that_is_being_answered(written):
    asked = uuid4()

    def answer():
        logs.REQUEST_ID.set(asked)
        logs.event("answered", status=200)

    copy_context().run(answer)
    logs.event("ticked")

    assert [line.get("request_id") for line in lines(written)] == [str(asked), None]


def test_a_key_that_is_not_listed_is_left_out_and_named(written):
    logs.event("booked", booking=BOOKING, phone=PHONE, name=NAME)

    (line,) = lines(written)
    assert line["dropped"] == ["name", "phone"]
    assert holds_no_canary(written)


@pytest.mark.parametrize("key", sorted(logs.KEYS))
@pytest.mark.parametrize(
    "value",
    [
        *CANARIES,
        PHONE[1:],
        int(PHONE),
        b"raw",
        {"a": NAME},
        [NAME],
        "Quatresous",
        "1940-06-18",
        "tel" + PHONE[1:],
        "d1940_06_18",
        "a1b2c3d4e5f60718",
    ],
)
def test_a_listed_key_refuses_what_a_person_typed(written, key, value):
    logs.event("booked", **{key: value})

    (line,) = lines(written)
    assert key not in line
    assert line["dropped"] == [key]


def test_an_event_that_is_not_a_word_has_no_name(written):
    logs.event(f"booked for {NAME}")

    assert lines(written)[0]["event"] == "unnamed"
    assert holds_no_canary(written)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("route", "patient.answer"),
        ("triage_level", "CALL_15"),
        ("protocol", "adult_v12"),
        ("status", 303),
        ("provider_id", "SM" + "0a1b2c3d" * 4),
        ("network", ip_network("192.0.2.0/24")),
        ("network", ip_network("2001:db8:1::/48")),
    ],
)
def test_what_operators_need_is_written(written, key, value):
    logs.event("happened", **{key: value})

    (line,) = lines(written)
    assert line[key] == (value if isinstance(value, int) else str(value))
    assert "dropped" not in line


@pytest.mark.parametrize("level", [4, "SAME_DAY", None])
def test_a_level_that_logging_does_not_know_loses_no_line(written, level):
    logs.event("happened", level=level)

    assert lines(written)[0]["level"] == "error"


@pytest.mark.parametrize("address", ["192.0.2.7/32", "2001:db8::7/128"])
def test_a_whole_address_is_no_network(written, address):
    logs.event("happened", network=ip_network(address))

    assert "network" not in lines(written)[0]


def test_an_error_is_its_type_and_place_and_not_what_it_says(written):
    try:
        try:
            raise psycopg.errors.UniqueViolation(f"Key (phone)=({PHONE}) already exists.")
        except psycopg.Error as error:
            raise RuntimeError(f"cannot book {NAME}") from error
    except RuntimeError as error:
        logs.event("failed", level=logging.ERROR, error=error)

    (line,) = lines(written)
    assert line["error"]["type"] == "builtins.RuntimeError"
    assert "test_logs.py" in line["error"]["at"][-1]
    assert line["error"]["cause"]["sqlstate"] == "23505"
    assert holds_no_canary(written)


def test_an_error_that_is_its_own_cause_is_told_and_ends(written):
    error = ValueError(NAME)
    error.__context__ = other = TypeError(PHONE)
    other.__context__ = error

    logs.event("failed", error=error)

    assert lines(written)[0]["error"]["cause"]["type"] == "builtins.TypeError"


def test_a_librarys_line_keeps_its_text_and_loses_its_values(written):
    # Not the scheduler's own: the worker silences that one for the whole process.
    logging.getLogger("apscheduler.executors").warning("Job %s missed by %s", NAME, PHONE)

    (line,) = lines(written)
    assert line["event"] == "library"
    assert line["logger"] == "apscheduler.executors"
    assert line["text"] == "Job %s missed by %s"
    assert line["at"].startswith("test_logs.py:")
    assert holds_no_canary(written)


def test_a_librarys_text_that_was_put_together_is_left_out(written):
    logging.getLogger("flask.app").error(f"Exception on /r/{TOKEN} [GET]")  # noqa: G004
    logging.getLogger("some.library").error(NAME)
    logging.getLogger("gunicorn.error").warning(f"Invalid request: {TOKEN}")  # noqa: G004

    assert len(lines(written)) == 3
    assert not any("text" in line for line in lines(written))
    assert holds_no_canary(written)


def test_a_librarys_exception_keeps_its_place_only(written):
    try:
        int(REASON)
    except ValueError:
        logging.getLogger("flask.app").exception("Exception on %s", TOKEN, stack_info=True)

    assert lines(written)[0]["error"]["type"] == "builtins.ValueError"
    assert holds_no_canary(written)


def test_libraries_are_heard_from_warning_on_and_werkzeug_never(written):
    for name in ("twilio.http_client", "sqlalchemy.engine.Engine", "apscheduler.executors"):
        logging.getLogger(name).info("Query Params: %s", PHONE)
    logging.getLogger("werkzeug").error("GET %s", TOKEN)

    assert written.getvalue() == ""


def test_a_line_that_cannot_be_written_is_lost_in_silence(written, capsys):
    class Unspeakable:
        def __str__(self):
            raise ValueError(NAME)

    written.close()
    logs.event("happened", booking=BOOKING, reason=Unspeakable())

    assert capsys.readouterr() == ("", "")


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.floats() | st.none()))
def test_whatever_is_handed_in_gives_one_line_of_json(keys):
    stream = io.StringIO()
    record = logging.makeLogRecord({"name": "jourmeme", "msg": "%s", "args": ("tried",)})
    record.jourmeme_keys = keys

    logs.Lines(stream).emit(record)

    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["event"] == "tried"


@given(st.from_regex(r"\+?[0-9][0-9 .-]{6,16}", fullmatch=True))
def test_no_key_lets_a_telephone_number_through(number):
    stream = io.StringIO()
    record = logging.makeLogRecord({"name": "jourmeme", "msg": "%s", "args": ("tried",)})
    record.jourmeme_keys = dict.fromkeys(logs.KEYS, number)

    logs.Lines(stream).emit(record)

    assert json.loads(stream.getvalue())["dropped"] == sorted(logs.KEYS)
