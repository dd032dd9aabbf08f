"""What a calendar says: when its owner is busy, where they wrote `#SNP`, and nothing of anybody."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.calendars import understanding
from schedules.calendars.guard import Failure, Refused
from schedules.calendars.keeping import moments
from schedules.calendars.said import Written

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")
MONDAY = datetime(2027, 3, 22, tzinfo=UTC)
WINDOW = (MONDAY, MONDAY + timedelta(days=14))


def a_calendar(*events: str, more: str = "") -> bytes:
    inside = "".join(
        f"BEGIN:VEVENT\nUID:{number}@elsewhere\n{event.strip()}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{more}{inside}END:VCALENDAR\n".replace(
        "\n", "\r\n"
    ).encode()


def said(raw: bytes, zone=PARIS, window=WINDOW):
    return understanding.understood(raw, window, zone, host="rdv.example")


def busy(*events: str, zone=PARIS, more="", window=WINDOW) -> list[str]:
    return [
        f"{begin:%d %H:%M}-{end:%d %H:%M}"
        for begin, end in said(a_calendar(*events, more=more), zone, window).busy
    ]


def refusal(raw: bytes) -> Failure:
    with pytest.raises(Refused) as refused:
        said(raw)
    return refused.value.failure


def test_an_event_makes_its_owner_busy():
    assert busy("DTSTART:20270323T100000Z\nDTEND:20270323T110000Z") == ["23 10:00-23 11:00"]


def test_an_hour_of_a_zone_is_that_zones_before_and_after_clocks_change():
    found = busy(
        "DTSTART;TZID=Europe/Paris:20270327T100000\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=2"
    )

    assert found == ["27 09:00-27 09:30", "28 08:00-28 08:30"]


def test_windows_names_of_zones_are_known():
    assert busy("DTSTART;TZID=Romance Standard Time:20270323T100000\nDURATION:PT1H") == [
        "23 09:00-23 10:00"
    ]


def test_an_hour_without_a_zone_is_the_communitys():
    event = "DTSTART:20270323T100000\nDURATION:PT1H"

    assert busy(event) == ["23 09:00-23 10:00"]
    assert busy(event, zone=REUNION) == ["23 06:00-23 07:00"]


def test_a_whole_day_is_midnight_to_midnight_where_the_community_lives():
    event = "DTSTART;VALUE=DATE:20270328"

    assert busy(event) == ["27 23:00-28 22:00"]  # a day of 23 hours
    assert busy(event, zone=REUNION) == ["27 20:00-28 20:00"]


@pytest.mark.parametrize(
    "line",
    [
        "TRANSP:TRANSPARENT",
        "STATUS:CANCELLED",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "transp:transparent",
    ],
)
def test_who_says_free_is_free(line):
    assert busy(f"DTSTART:20270323T100000Z\nDURATION:PT1H\n{line}") == []


@pytest.mark.parametrize("line", ["TRANSP:OPAQUE", "STATUS:TENTATIVE", "STATUS:CONFIRMED"])
def test_who_does_not_is_busy(line):
    assert len(busy(f"DTSTART:20270323T100000Z\nDURATION:PT1H\n{line}")) == 1


def test_exceptions_additions_and_moved_days_are_honoured():
    series = (
        "DTSTART:20270322T100000Z\nDTEND:20270322T103000Z\nRRULE:FREQ=DAILY;COUNT=4\n"
        "EXDATE:20270323T100000Z\nRDATE:20270401T100000Z"
    )
    moved = (
        b"BEGIN:VEVENT\r\nUID:0@elsewhere\r\nRECURRENCE-ID:20270324T100000Z\r\n"
        b"DTSTART:20270324T150000Z\r\nDTEND:20270324T153000Z\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    raw = a_calendar(series).replace(b"END:VCALENDAR", moved)

    assert [f"{begin:%d %H}" for begin, _ in said(raw).busy] == ["22 10", "24 15", "25 10", "01 10"]


def test_what_we_wrote_ourselves_makes_nobody_busy():
    own = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:3f@rdv.example\r\nDTSTART:20270323T100000Z\r\n"
        b"DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )

    assert said(own).busy == ()
    assert said(own.replace(b"rdv.example", b"notrdv.example.org")).busy != ()


def hours(*lines: str) -> bytes:
    """A calendar that shares when its owner is busy, and no events."""
    inside = "".join(f"{line}\n" for line in lines)
    return a_calendar(
        more=f"BEGIN:VFREEBUSY\nUID:hours@elsewhere\nDTSTART:20270322T000000Z\n"
        f"DTEND:20270405T000000Z\n{inside}END:VFREEBUSY\n"
    )


@pytest.mark.parametrize(
    "kind", ["", ";FBTYPE=BUSY", ";FBTYPE=BUSY-UNAVAILABLE", ";FBTYPE=busy-tentative"]
)
def test_hours_that_are_shared_without_events_make_their_owner_busy(kind):
    found = said(hours(f"FREEBUSY{kind}:20270323T100000Z/PT1H,20270324T080000Z/20270324T083000Z"))

    assert [f"{begin:%d %H:%M}-{end:%H:%M}" for begin, end in found.busy] == [
        "23 10:00-11:00",
        "24 08:00-08:30",
    ]
    assert (found.events, found.unreadable) == (2, 0)


@pytest.mark.parametrize("kind", ["FREE", "X-LUNCH"])
def test_hours_that_are_shared_as_free_are_free(kind):
    assert said(hours(f"FREEBUSY;FBTYPE={kind}:20270323T100000Z/PT1H")).busy == ()


def test_shared_hours_are_cut_by_the_window_and_the_unreadable_among_them_are_counted():
    found = said(
        hours(
            "FREEBUSY:20270301T000000Z/20270322T080000Z,sometime",
            "FREEBUSY:20270501T000000Z/PT1H",
        )
    )

    assert [f"{begin:%d %H:%M}-{end:%H:%M}" for begin, end in found.busy] == ["22 00:00-08:00"]
    assert found.unreadable == 1


def test_more_shared_hours_than_anybody_has_are_refused():
    line = "FREEBUSY:" + ",".join(["20270323T100000Z/PT1H"] * 10_001)

    assert refusal(hours(line)) is Failure.TOO_MANY_EVENTS


def test_times_that_touch_are_one_and_the_window_cuts_them():
    found = busy(
        "DTSTART:20270323T100000Z\nDTEND:20270323T110000Z",
        "DTSTART:20270323T110000Z\nDTEND:20270323T120000Z",
        "DTSTART:20270323T113000Z\nDTEND:20270323T114500Z",
        "DTSTART:20270301T000000Z\nDTEND:20270322T080000Z",
        "DTSTART:20270404T230000Z\nDTEND:20270501T000000Z",
    )

    assert found == ["22 00:00-22 08:00", "23 10:00-23 12:00", "04 23:00-05 00:00"]


def test_nothing_of_a_title_or_a_person_is_in_what_is_said():
    found = said(
        a_calendar(
            "DTSTART:20270323T100000Z\nDURATION:PT1H\nSUMMARY:Mme Morel\nLOCATION:Sens\n"
            "ATTENDEE;CN=Lucie:mailto:l@example.org",
            "DTSTART:20270323T140000Z\nDURATION:PT1H\nSUMMARY:#SNP Mme Morel",
        )
    )

    assert not any(word in repr(found) for word in ("Morel", "Sens", "Lucie", "example"))


@pytest.mark.parametrize(
    ("title", "minutes", "count"),
    [
        ("#SNP", 20, 3),
        ("#snp", 20, 3),
        ("Créneaux #SNP du matin", 20, 3),
        ("#SNP 3x20", 20, 3),
        ("#SNP 2 x 15", 15, 2),
        ("#SNP 2×15", 15, 2),
        ("#SNP 15 min", 15, 4),
        ("#SNP 30min", 30, 2),
        ("#SNP 9x20", 20, 3),
        ("#SNP 2 min", 20, 3),
        ("#SNP 0x20", 20, 0),
        ("#SNP 10x99", 20, 3),
    ],
)
def test_snp_in_a_title_opens_slots_and_makes_nobody_busy(title, minutes, count):
    found = said(a_calendar(f"DTSTART:20270323T100000Z\nDTEND:20270323T110000Z\nSUMMARY:{title}"))

    [opening] = found.openings
    assert found.busy == ()
    assert opening.minutes == minutes
    assert len(moments(opening)) == count


@pytest.mark.parametrize("title", ["#SNPA", "SNP", "snp 3x20", "##", "# SNP"])
def test_another_title_opens_nothing(title):
    found = said(a_calendar(f"DTSTART:20270323T100000Z\nDURATION:PT1H\nSUMMARY:{title}"))

    assert found.openings == ()
    assert len(found.busy) == 1


def test_a_cancelled_or_a_whole_day_snp_opens_nothing():
    cancelled = "DTSTART:20270323T100000Z\nDURATION:PT1H\nSUMMARY:#SNP\nSTATUS:CANCELLED"
    whole = "DTSTART;VALUE=DATE:20270324\nSUMMARY:#SNP"

    found = said(a_calendar(cancelled, whole))

    assert [moments(opening) for opening in found.openings] == [[]]
    assert found.busy == ()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", Failure.NOT_A_CALENDAR),
        (b"<!doctype html><title>Sign in</title>", Failure.NOT_A_CALENDAR),
        (b"\x00\xff\xfe", Failure.NOT_A_CALENDAR),
        (b'{"calendar": []}', Failure.NOT_A_CALENDAR),
        (a_calendar(*["DTSTART:20270323T100000Z"] * 5001), Failure.TOO_MANY_EVENTS),
    ],
)
def test_what_is_no_calendar_or_too_much_of_one_is_said(raw, why):
    assert refusal(raw) is why


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=HOURLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))
        + ";BYMINUTE=" + ",".join(map(str, range(60)))
        + ";BYSECOND=" + ",".join(map(str, range(60))),
    ],
)  # fmt: skip
def test_what_comes_back_for_ever_is_not_counted_out(rule):
    assert (
        refusal(a_calendar(f"DTSTART:20270323T100000Z\nRRULE:{rule}")) is Failure.REPEATS_TOO_MUCH
    )


def test_a_daily_event_since_the_year_one_is_not_counted_out_and_an_old_birthday_is():
    ancient = "DTSTART:00010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    birthday = "DTSTART;VALUE=DATE:19310325\nRRULE:FREQ=YEARLY"

    assert refusal(a_calendar(ancient)) is Failure.REPEATS_TOO_MUCH
    assert busy(birthday) == ["24 23:00-25 23:00"]


@pytest.mark.parametrize(
    "event",
    [
        "SUMMARY:no start",
        "DTSTART:yesterday",
        "DTSTART:20270323T100000Z\nRRULE:often",
        "DTSTART:20270323T100000Z\nRRULE:FREQ=SOMETIMES",
        "DTSTART:20270323T100000Z\nDTEND:later",
        "DTSTART:20270323T100000Z\nDURATION:long",
    ],
)
def test_an_event_without_a_readable_time_is_counted_and_the_others_are_read(event):
    found = said(a_calendar(event, "DTSTART:20270324T100000Z\nDURATION:PT1H"))

    assert found.unreadable == 1
    assert len(found.busy) == 1


def test_an_exception_that_nobody_can_read_leaves_its_owner_busy():
    found = said(
        a_calendar("DTSTART:20270323T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:x")
    )

    assert (len(found.busy), found.unreadable) == (2, 0)


def test_several_calendars_in_one_file_are_all_read():
    one = a_calendar("DTSTART:20270323T100000Z\nDURATION:PT1H")
    other = a_calendar("DTSTART:20270324T100000Z\nDURATION:PT1H")

    assert len(said(one + other).busy) == 2


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=12))
def test_merged_times_cover_exactly_what_was_said(spans):
    def at(hour):
        return MONDAY + timedelta(hours=hour)

    events = [
        f"DTSTART:{at(h):%Y%m%dT%H%M%SZ}\nDTEND:{at(h + length):%Y%m%dT%H%M%SZ}"
        for h, length in spans
    ]
    found = said(a_calendar(*events)).busy

    taken = {h + n for h, length in spans for n in range(length) if h + n < 14 * 24}
    covered = {
        int((begin - MONDAY).total_seconds()) // 3600 + n
        for begin, end in found
        for n in range(int((end - begin).total_seconds()) // 3600)
    }
    assert covered == taken
    assert all(a[1] < b[0] for a, b in pairwise(found))


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_an_answer_or_an_error(junk):
    raw = a_calendar("DTSTART:20270323T100000Z\nDURATION:PT1H").replace(
        b"UID:0", junk + b"\r\nUID:0"
    )
    try:
        found = said(raw)
    except (Refused, ValueError, KeyError, TypeError, AttributeError, OSError, IndexError):
        return
    assert all(begin < end for begin, end in found.busy)


def test_slots_of_an_opening_never_end_after_it():
    opening = Written(MONDAY, MONDAY + timedelta(minutes=50), 20, 24)

    assert [int((s - MONDAY).total_seconds()) // 60 for s, _ in moments(opening)] == [0, 20]
