"""Hostile and broken calendars cost their child process, ten seconds at most, and nothing else."""

import gzip
import os
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.calendars import child, reading
from schedules.calendars.guard import Failure
from schedules.calendars.reading import Failed, Order, Read, Reader, Unchanged
from tests.calendar_server import Anything, calendar, says
from tests.clockwork import NOON

HERE = Reader("rdv.example", may_be_local=True)
AN_HOUR = "DTSTART:20270327T140000Z\nDURATION:PT1H"


@pytest.fixture
def outside():
    made = Anything()
    yield made
    made.stop()


def order(outside, **but) -> Order:
    whole = Order(1, 1, outside.url, None, None, "Europe/Paris", NOON)
    return replace(whole, **but)


def asked_of(outside):
    return {
        "url": outside.url,
        "etag": None,
        "last_modified": None,
        "zone": "Europe/Paris",
        "since": NOON.isoformat(),
        "until": (NOON + timedelta(days=15)).isoformat(),
        "host": "rdv.example",
        "may_be_local": True,
    }


def test_a_calendar_is_read_in_another_process(outside):
    outside.answer = says(
        calendar(AN_HOUR), ETag='"1"', Last_Modified="Sat, 27 Mar 2027 10:00:00 GMT"
    )

    found = HERE.read(order(outside))

    assert isinstance(found, Read)
    assert [f"{b:%H:%M}-{e:%H:%M}" for b, e in found.busy] == ["14:00-15:00"]
    assert (found.events, found.etag) == (1, '"1"')
    assert outside.asked[0]["accept"] == "text/calendar"


def test_what_is_known_is_asked_for_and_an_unchanged_calendar_costs_nothing(outside):
    outside.answer = says(b"", 304)

    found = HERE.read(order(outside, etag='"1"', last_modified="Sat, 27 Mar 2027 10:00:00 GMT"))

    assert found == Unchanged()
    assert outside.asked[0]["if-none-match"] == '"1"'
    assert "if-modified-since" in outside.asked[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(b"", 304), Failure.UNREACHABLE),  # of what nobody has a copy
        (says(b"", 401), Failure.NEEDS_SIGN_IN),
        (says(b"", 403), Failure.NEEDS_SIGN_IN),
        (says(b"", 404), Failure.GONE),
        (says(b"", 410), Failure.GONE),
        (says(b"", 500), Failure.UNREACHABLE),
        (says(b"<html>Connexion</html>", content_type="text/html"), Failure.NOT_A_CALENDAR),
        (says(b"", 302, Location="https://127.0.0.1:1/"), Failure.UNREACHABLE),
        (says(b"", 302, Location="https://10.0.0.1/"), Failure.REFUSED_ADDRESS),
        (says(b"", 302, Location="file:///etc/passwd"), Failure.REFUSED_ADDRESS),
        (says(b"", 302, Location="/again"), Failure.TOO_MANY_REDIRECTS),
        (says(b"BEGIN:VCALENDAR\r\n" + b"X:" + b"a" * 50_000_000), Failure.TOO_LARGE),
        (says(gzip.compress(b"a" * 50_000_000), Content_Encoding="gzip"), Failure.TOO_LARGE),
        (says(calendar(*[AN_HOUR] * 20_000)), Failure.TOO_MANY_EVENTS),
        (says(calendar(f"{AN_HOUR}\nRRULE:FREQ=SECONDLY")), Failure.REPEATS_TOO_MUCH),
    ],
)  # fmt: skip
def test_every_way_of_failing_has_its_own_word(outside, answer, why):
    outside.answer = answer

    # The child's own work, without the cost of a process for each.
    assert child.answered(asked_of(outside)) == {"failure": why}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(calendar("DTSTART;TZID=Europe/:20270327T140000")), Failure.NOT_UNDERSTOOD),
        (says(gzip.compress(b"a" * 50_000_000), Content_Encoding="gzip"), Failure.TOO_LARGE),
        (says(b"<html>Connexion</html>"), Failure.NOT_A_CALENDAR),
    ],
    ids=["nobody foresaw it", "a bomb", "a page"],
)
def test_a_child_that_ends_badly_is_a_word_like_any_other(outside, answer, why):
    outside.answer = answer

    assert HERE.read(order(outside)) == Failed(why)


def test_outside_of_tests_this_machine_is_not_asked_at_all(outside):
    found = Reader("rdv.example").read(order(outside))

    assert found == Failed(Failure.REFUSED_ADDRESS)
    assert outside.asked == []


def test_who_sends_a_byte_a_second_is_not_waited_for(outside):
    def slowly(asked):
        asked.send_response(200)
        asked.end_headers()
        with suppress(OSError):
            for _ in range(60):
                asked.wfile.write(b"B")
                asked.wfile.flush()
                sleep(0.2)

    outside.answer = slowly
    begun = monotonic()

    found = replace(HERE, longest=timedelta(seconds=2)).read(order(outside))

    assert found == Failed(Failure.TOO_SLOW)
    assert monotonic() - begun < 4
    assert not [
        p for p in psutil.Process().children() if "schedules.calendars.child" in p.cmdline()
    ]


@pytest.mark.slow  # five seconds of CPU: that is the limit under test
def test_what_passes_every_filter_is_stopped_by_the_limit_that_holds(outside):
    # Each rule is allowed; two thousand of them since 1970 are 40 million days to count.
    rules = [
        f"DTSTART:19700101T{h % 24:02}0000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY" for h in range(2000)
    ]
    outside.answer = says(calendar(*rules))
    begun = monotonic()

    found = HERE.read(order(outside))

    assert found in (
        Failed(Failure.TOO_SLOW),
        Failed(Failure.TOO_LARGE),
        Failed(Failure.TOO_MANY_EVENTS),
    )
    assert monotonic() - begun < 12


def test_the_child_knows_none_of_our_secrets_and_what_it_says_aloud_is_heard_by_nobody(
    outside, monkeypatch, capfd
):
    monkeypatch.setenv("SECRET_KEY", "canary")
    started = []
    real = subprocess.run

    def run(*args, **kwargs):
        started.append(kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(reading.subprocess, "run", run)
    outside.answer = says(calendar("DTSTART;TZID=Europe/:20270327T140000\nSUMMARY:Mme Morel"))
    HERE.read(order(outside))

    assert "SECRET_KEY" in os.environ  # noqa: TID251 - the test's own
    assert started[0]["env"] == {"LANG": "C.UTF-8"}
    assert "Morel" not in "".join(capfd.readouterr())


def test_an_address_is_in_no_text_that_an_order_becomes(outside):
    assert "secret" not in repr(order(outside))


WORDS = st.sampled_from(
    [
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "TRANSP"),
        *("BEGIN", "END", "VEVENT", "VALARM", "VTIMEZONE", "VCALENDAR", "TZID=", "VALUE=DATE"),
        *("20270327T140000Z", "20270327", "99991231T235959", "00010101", "-P1D", "P99999999D"),
        *("FREQ=DAILY", "FREQ=SECONDLY", "INTERVAL=0", "COUNT=-1", "BYDAY=XX", "UNTIL=", "Europe/"),
        *(":", ";", ",", "=", "\r\n", "\n ", "\\", '"', "SNP", "é", "\x00", "\ud7ff", "/../"),
    ]
)  # fmt: skip


def test_whatever_a_calendar_holds_the_parent_hears_one_of_our_words(outside):
    @settings(max_examples=max(6, settings.default.max_examples // 30))
    @given(st.lists(WORDS | st.text(max_size=5), max_size=40).map("".join), st.binary(max_size=30))
    def read(text, junk):
        event = text.encode("utf-8", "surrogatepass") + junk
        outside.answer = says(calendar(AN_HOUR).replace(b"DURATION:PT1H", event))
        found = HERE.read(order(outside))
        assert isinstance(found, Read | Failed)
        if isinstance(found, Read):
            assert all(begin < end for begin, end in found.busy)

    read()
