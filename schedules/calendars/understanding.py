"""Pure: the bytes of a calendar → when its owner is busy, and where they wrote `#SNP`.

Run in the child process only: what somebody else wrote may keep this busy for ever. Of titles
nothing is returned: an answer is made of moments and numbers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import prod
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component, FreeBusy, vPeriod

from schedules.calendars.guard import Failure, Refused
from schedules.calendars.said import Span, Written

MOST_EVENTS = 5_000
MOST_OCCURRENCES = 10_000
OFTEN_ENOUGH = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
MOST_TIMES_A_DAY = 24
FIRST_YEAR, FIRST_BIRTHDAY = 1970, 1900
"""Nothing repeats since before then, but for what comes back once a year."""

FREE_IF = {
    "STATUS": "CANCELLED",
    "TRANSP": "TRANSPARENT",
    "X-MICROSOFT-CDO-BUSYSTATUS": "FREE",
}
BUSY_TYPES = {"BUSY", "BUSY-UNAVAILABLE", "BUSY-TENTATIVE"}
"""What a period of VFREEBUSY says of its owner; the others say FREE, or something of their own."""

NEEDED = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE"}
"""Where one of these cannot be read, nobody knows when the event is."""

WRITTEN = re.compile(r"#snp\b(.{0,40})", re.IGNORECASE)
TIMES = re.compile(r"\b([0-9]{1,2}) ?[x×*] ?([0-9]{1,2})\b", re.IGNORECASE)
MINUTES = re.compile(r"\b([0-9]{1,2}) ?(?:min|mn|['’])", re.IGNORECASE)
USUAL_MINUTES = 20
MINUTES_OF_A_VISIT = range(5, 61)
MOST_SLOTS = 24


# icalendar forgives a broken line in an event, and would refuse the whole file for one here.
FreeBusy.ignore_exceptions = True


@dataclass(frozen=True)
class Understood:
    """What a calendar says of some days, and nothing that it says of people."""

    busy: tuple[Span, ...]
    """Merged, in order, within the window."""
    openings: tuple[Written, ...]
    events: int
    """How many occurrences and periods of the window make the owner busy or open slots."""
    unreadable: int
    """How many events and periods were left out, because nobody could tell when they are."""


def understood(raw: bytes, window: Span, zone: ZoneInfo, *, host: str) -> Understood:
    """Return what a calendar says of a window; `host` ends the UID of what we wrote ourselves.

    A whole day is midnight to midnight in `zone`, an hour without a zone is an hour of `zone`.

    Raises:
        Refused: if it is no calendar, or more than is read.
        Exception: of any other kind, for what nobody foresaw: the child ends with it.
    """
    if not raw.lstrip(b"\xef\xbb\xbf \r\n\t").upper().startswith(b"BEGIN:VCALENDAR"):
        raise Refused(Failure.NOT_A_CALENDAR)
    if raw.upper().count(b"BEGIN:VEVENT") > MOST_EVENTS:
        raise Refused(Failure.TOO_MANY_EVENTS)
    busy: list[Span] = []
    openings: list[Written] = []
    unreadable = 0
    # Bytes, never text: text without a line break would be taken for the name of a file.
    for calendar in Calendar.from_ical(raw, multiple=True):
        unreadable += _leave_out(calendar)
        periods, broken = _periods(calendar, window, zone)
        busy += periods
        unreadable += broken
        for event in _occurrences(calendar, window):
            span = _moment(event.start, zone), _moment(event.end, zone)
            if span[1] <= span[0] or str(event.get("UID", "")).endswith(f"@{host}"):
                continue
            if opening := _opening(event, span):
                openings.append(opening)
            elif not _is_free(event):
                busy.append((max(span[0], window[0]), min(span[1], window[1])))
        if len(busy) + len(openings) > MOST_OCCURRENCES:
            raise Refused(Failure.TOO_MANY_EVENTS)
    distinct = sorted(set(openings), key=lambda o: (o.starts_at, o.ends_at, o.minutes, o.most))
    return Understood(_merged(busy), tuple(distinct), len(busy) + len(openings), unreadable)


def _leave_out(calendar: Component) -> int:
    """Take out of a calendar the events that have no readable time; return how many they were.

    Raises:
        Refused: REPEATS_TOO_MUCH.
    """
    kept, left = [], 0
    for part in calendar.subcomponents:
        if part.name != "VEVENT" or _is_readable(part):
            kept.append(part)
        else:
            left += 1
    calendar.subcomponents = kept
    return left


def _is_readable(event: Component) -> bool:
    broken = {name for name, _ in event.errors}
    if "DTSTART" not in event or broken & NEEDED:
        return False
    # Without the exceptions that nobody can read the owner is busy too often: never too seldom.
    for name in broken & {"EXDATE"}:
        del event[name]
    rules = list(_rules(event))
    for rule in rules:
        _refuse_if_endless(rule, event.decoded("DTSTART"))
    return all(rule.get("FREQ") for rule in rules)


def _rules(event: Component) -> Iterator[Any]:
    found = event.get("RRULE", [])
    yield from found if isinstance(found, list) else [found]


def _refuse_if_endless(rule: Any, since: date) -> None:
    """Refuse a rule that would keep a machine busy for nothing.

    This is for the sentence that its owner reads: the limits that hold are the child's.
    """
    often = {str(each).upper() for each in rule.get("FREQ", [])}
    times = prod(len(rule.get(part, [0])) for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    interval = min((int(each) for each in rule.get("INTERVAL", [1])), default=1)
    first_year = FIRST_BIRTHDAY if often == {"YEARLY"} else FIRST_YEAR
    if (
        not often <= OFTEN_ENOUGH
        or times > MOST_TIMES_A_DAY
        or interval < 1
        or since.year < first_year
    ):
        raise Refused(Failure.REPEATS_TOO_MUCH)


def _occurrences(calendar: Component, window: Span) -> Sequence[Any]:
    found = recurring_ical_events.of(calendar, skip_bad_series=True).between(*window)
    if len(found) > MOST_OCCURRENCES:
        raise Refused(Failure.TOO_MANY_EVENTS)
    return list(found)


def _periods(calendar: Component, window: Span, zone: ZoneInfo) -> tuple[list[Span], int]:
    """Return what VFREEBUSY says is busy within the window, and how many periods are unreadable.

    Where a server shares hours and no events, this is all that there is.
    """
    busy: list[Span] = []
    broken = 0
    for part in calendar.walk("VFREEBUSY"):
        said = part.get("FREEBUSY", [])
        for period in said if isinstance(said, list) else [said]:
            if not isinstance(period, vPeriod):
                broken += 1
            elif str(period.params.get("FBTYPE", "BUSY")).upper() in BUSY_TYPES:
                begin, end = (_moment(each, zone) for each in (period.start, period.end))
                busy.append((max(begin, window[0]), min(end, window[1])))
    return [(begin, end) for begin, end in busy if begin < end], broken


def _is_free(event: Component) -> bool:
    return any(str(event.get(name, "")).upper() == free for name, free in FREE_IF.items())


def _opening(event: Any, span: Span) -> Written | None:
    """Return what an event opens, if its title says `#SNP`: « #SNP 3x20 », « #SNP 15 min ».

    A whole day opens nothing, and closes nothing either: nobody means seventy slots by it.
    """
    found = WRITTEN.search(str(event.get("SUMMARY", "")))
    if not found or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    count, minutes = MOST_SLOTS, USUAL_MINUTES
    if both := TIMES.search(found[1]):
        count, minutes = int(both[1]), int(both[2])
    elif length := MINUTES.search(found[1]):
        minutes = int(length[1])
    if minutes not in MINUTES_OF_A_VISIT:
        minutes = USUAL_MINUTES
    if not isinstance(event.start, datetime):
        count = 0
    return Written(*span, minutes, min(count, MOST_SLOTS))


def _moment(at: date, zone: ZoneInfo) -> datetime:
    whole = at if isinstance(at, datetime) else datetime.combine(at, time())
    return (whole if whole.tzinfo else whole.replace(tzinfo=zone)).astimezone(UTC)


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > begin:
            merged.append((begin, end))
    return tuple(merged)
