"""What is behind for too long is said, and nothing else: the part `fresh` of `make audit`."""

from datetime import UTC, date, datetime, timedelta

from packaging.version import Version

from tests.freshness import TERM, WAIVED, Behind, Waiver, closure, overdue, releases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
READ = Waiver("some-thing", read_up_to="1.3", until=date(2026, 12, 1), reason="held by another")


def behind(**newer: timedelta) -> Behind:
    """`behind(v1_3=days(5))`: 1.2 is here, 1.3 came five days ago."""
    came = {Version(v[1:].replace("_", ".")): NOW - ago for v, ago in newer.items()}
    return Behind("some-thing", Version("1.2"), came)


def days(count: int) -> timedelta:
    return timedelta(days=count)


def test_two_days_after_a_newer_one_came_the_term_is_over():
    assert overdue(behind(v1_3=TERM), (), NOW) is None
    assert overdue(behind(v1_3=TERM + timedelta(seconds=1)), (), NOW) is not None


def test_the_term_runs_from_the_first_newer_one_not_from_the_last():
    # Else whoever publishes every day would keep everybody in time.
    told = overdue(behind(v1_3=days(5), v1_4=days(1)), (), NOW)

    assert told == "some-thing 1.2: newer since 17 November 2026"


def test_what_somebody_has_read_and_left_for_a_reason_is_in_time_until_its_day():
    late = behind(v1_3=days(5))

    assert overdue(late, [READ], NOW) is None
    assert overdue(late, [READ], NOW + days(9)) is None
    assert overdue(late, [READ], NOW + days(10)) is not None


def test_what_came_after_somebody_read_has_its_own_term():
    assert overdue(behind(v1_3=days(9), v1_4=days(1)), [READ], NOW) is None
    assert overdue(behind(v1_3=days(9), v1_4=days(3)), [READ], NOW) is not None


def test_a_waiver_is_for_its_own_component():
    other = Waiver("something-else", "9", date(2027, 1, 1), "another")

    assert overdue(behind(v1_3=days(5)), [other], NOW) is not None


def test_what_is_withdrawn_or_not_stable_was_never_there():
    said = {
        "files": [
            file("some_thing-1.3-py3-none-any.whl", "2026-11-02T08:00:00Z"),
            file("some_thing-1.3.tar.gz", "2026-11-01T08:00:00.123456Z"),
            file("some_thing-1.3.post1.tar.gz", "2026-11-05T08:00:00Z"),
            file("some_thing-1.4.tar.gz", "2026-11-03T08:00:00Z", yanked="it hung"),
            file("some_thing-2.0rc1.tar.gz", "2026-11-04T08:00:00Z"),
            file("some_thing-0.1.win32.exe", "2006-11-04T08:00:00Z"),
            file("some_thing-0.1-py2.4.egg", "2006-11-04T08:00:00Z"),
        ]
    }

    assert {str(v): at.isoformat() for v, at in releases(said).items()} == {
        "1.3": "2026-11-01T08:00:00.123456+00:00",
        "1.3.post1": "2026-11-05T08:00:00+00:00",
    }


def file(name: str, at: str, *, yanked: bool | str = False) -> dict:
    return {"filename": name, "upload-time": at, "yanked": yanked}


def test_what_a_component_brings_is_asked_about_and_tools_are_not():
    brought = closure("flask==3.1.3   # HTTP\n\n# none\npsycopg[binary]==3.3.9\n")

    assert {"flask", "jinja2", "markupsafe", "psycopg", "psycopg-binary"} <= brought
    assert not brought & {"pytest", "ruff", "psycopg-pool", "asgiref"}


def test_every_waiver_says_why_and_which_release_was_read():
    for waiver in WAIVED:
        assert len(waiver.reason) > 30, waiver.name
        assert Version(waiver.read_up_to)
