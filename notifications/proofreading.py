"""Whether a community's own words may be said, and what they look like when they are. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Any
from zoneinfo import ZoneInfo

from notifications import own_words
from notifications.gsm7 import ONE_SMS, gsm7, septets
from notifications.messages import (
    BookingCancelled,
    BookingConfirmed,
    BookingMoved,
    BookingRelocated,
    BookingReminder,
    By,
    CallBackPromised,
    Message,
    RunningLate,
    SlotOffered,
)
from notifications.own_words import MARK
from notifications.texts import Language

LONGEST = {"sms": 2 * ONE_SMS, "voice": 600, "email": 3000}
"""Letters of a template; an SMS is measured with what fills it."""

ROOM_FOR_PLACE = 40
"""Of a longer address, so much is enough to find it by."""

SITE = re.compile(r"://|\\|[\w-]\.\w{2,}", re.UNICODE)
"""What a telephone makes a link of: words joined by a point, with or without « https »."""

FIFTEEN = re.compile(r"\b15\b")


class Fault(StrEnum):
    """Why words may not be said."""

    EMPTY = auto()
    TOO_LONG = auto()
    """`detail` is by how many letters."""
    UNKNOWN_MARK = auto()
    """`detail` is the first of them."""
    MISSING_MARK = auto()
    """`detail` is the first of them."""
    LINK_IS_STUCK = auto()
    ANOTHER_SITE = auto()
    WITHOUT_15 = auto()


class WordsRefused(ValueError):
    """These words may not be said: `fault` says why, `detail` what."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(fault)
        self.fault, self.detail = fault, detail


@dataclass(frozen=True)
class Example:
    """Believable values, as long as this community's get: its longest address, a real link."""

    community: str
    place: str
    address: str
    link: str
    zone: ZoneInfo


def example_of(case: str, language: Language, values: Example) -> Message:
    """Return a message of a case with these values; its hour and day are the longest there are."""
    # « mercredi 23 sept. », at 22h30: none is longer.
    at = datetime(2026, 9, 23, 22, 30, tzinfo=values.zone)
    before = at - timedelta(hours=1)
    told: dict[str, Any] = {
        "starts_at": at,
        "place": values.place,
        "address": values.address,
        "link": values.link,
        "zone": values.zone,
        "language": language,
    }
    examples: Mapping[str, Message] = {
        "confirmed": BookingConfirmed(**told),
        "reminder": BookingReminder(**told),
        "moved": BookingMoved(**told, before=before),
        "relocated": BookingRelocated(**told, before=values.place),
        "cancelled_by_practice": BookingCancelled(**told, by=By.PRACTICE),
        "cancelled_others_kept": BookingCancelled(**told, by=By.PRACTICE, kept_until=before),
        "cancelled_by_patient": BookingCancelled(**told, by=By.PATIENT),
        "late": RunningLate(**told, minutes=60),
        "call_back": CallBackPromised(**told | {"place": values.community, "address": ""}),
        "offered": SlotOffered(**told, until=before),
    }
    return examples[case]


def said(message: Message, part: str, text: str) -> str:
    """Return what a message says by one part, in these words."""
    kept = {own_words.name(message.name(), part, message.language): {"text": text}}
    filled: str = getattr(replace(message, own=kept), part)()
    return filled


def check(message: Message, part: str, text: str) -> None:
    """Look over words for one part of a message, filled as `example_of` fills it.

    Raises:
        WordsRefused: with the first thing that is wrong.
    """
    ours = own_words.ours(message.name(), part, message.language)
    bare = MARK.sub(" ", text)
    if not text.strip():
        raise WordsRefused(Fault.EMPTY)
    if len(text) > LONGEST[part]:
        raise WordsRefused(Fault.TOO_LONG, str(len(text) - LONGEST[part]))
    _check_marks(text, bare, ours)
    if SITE.search(bare):
        raise WordsRefused(Fault.ANOTHER_SITE)
    if FIFTEEN.search(ours) and not FIFTEEN.search(bare):
        raise WordsRefused(Fault.WITHOUT_15)
    if part == "sms":
        _check_room(message, text, ours)


def _check_marks(text: str, bare: str, ours: str) -> None:
    """Every mark of ours, and no other; the link alone, so that a telephone finds its ends."""
    known, used = own_words.marks(ours), own_words.marks(text)
    unknown = sorted(used - known) or re.findall(r"[{}]", bare)
    if unknown:
        raise WordsRefused(Fault.UNKNOWN_MARK, unknown[0])
    missing = [mark for mark in MARK.findall(ours) if mark not in used]
    if missing:
        raise WordsRefused(Fault.MISSING_MARK, missing[0])
    if re.search(r"\S\{link\}|\{link\}\S", text):
        raise WordsRefused(Fault.LINK_IS_STUCK)


def _check_room(message: Message, text: str, ours: str) -> None:
    """One segment, with the longest place there is or as much of it as we would say ourselves."""
    longest = septets(gsm7(message.address or message.place))
    # Where our own words leave it no room at all, theirs need leave none.
    needed = min(longest, ROOM_FOR_PLACE, max(message.room_for_place(ours), -len(", ")))
    lacking = needed - message.room_for_place(text)
    if lacking > 0:
        raise WordsRefused(Fault.TOO_LONG, str(lacking))
