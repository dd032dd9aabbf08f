"""One typed value for each kind of message, and its SMS, subject and e-mail text. Pure.

A day is always named: "today" would lie to whoever reads the message tomorrow.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum, auto
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo

from babel.dates import format_date

from notifications import own_words
from notifications.gsm7 import ONE_SMS, gsm7, segments, septets
from notifications.models import Kind
from notifications.own_words import Own
from notifications.texts import SPOKEN, TEXTS, Language, Wording

LONGEST_LINK = 70
"""Up to here, every SMS is one segment, whatever the place is called."""

CANCELLED_BY_KEY = (Kind.CONFIRMATION, Kind.MOVED, Kind.REMINDER)
"""Kinds that tell of an appointment to come: a call about it offers to cancel it."""

ARTICLE = 3
"""Letters of "de", "la", "des": no end for a name that is cut short."""

ENOUGH_LETTERS = 8

LOCALES = {"fr": "fr", "en": "en_GB"}


class By(StrEnum):
    """Who cancelled."""

    PATIENT = auto()
    PRACTICE = auto()


class Change(StrEnum):
    """What happened to a professional's time."""

    BOOKED = auto()
    MOVED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, kw_only=True)
class Message:
    """A moment, a place and a link, to be told in one language; hours are those of `zone`."""

    kind: ClassVar[Kind]
    case: ClassVar[str]

    starts_at: datetime
    place: str
    link: str
    zone: ZoneInfo
    address: str = ""
    language: Language = "fr"
    own: Own = field(default_factory=dict, hash=False)
    """What the community says in its own words."""

    def sms(self) -> str:
        """Return one SMS of one GSM-7 segment, for links of up to 70 letters.

        The name of the place is shortened to make room, or left out; day, hour and link never.
        Words of the community that leave no room for those are not used.
        """
        said = self._sms(self._wording().sms)
        return said if segments(said) == 1 else self._sms(self._ours().sms)

    def room_for_place(self, template: str) -> int:
        """Return how many letters an SMS of these words leaves for the place; below 0, none fit."""
        return ONE_SMS - septets(self._filled(template, "")) - len(", ")

    def _sms(self, template: str) -> str:
        # The address before the name: « Cabinet de kinésithérapie » would say too much.
        place = _shortened(self.address or self.place, self.room_for_place(template))
        return self._filled(template, f", {place}" if place else "")

    def _filled(self, template: str, place: str) -> str:
        day = gsm7(_day(self.starts_at, self.zone, self.language))
        return gsm7(template).format(
            day=day, hour=self._hour(), place=place, link=self.link, **self._more()
        )

    def subject(self) -> str:
        """Return the subject of the e-mail: what, and when."""
        return self._wording().subject.format(moment=self._moment(self.starts_at), **self._more())

    def email(self) -> str:
        """Return the plain text of the e-mail."""
        where = ", ".join(filter(None, (_one_line(self.place), _one_line(self.address))))
        return self._wording().email.format(
            moment=self._moment(self.starts_at), where=where, link=self.link, **self._more()
        )

    def voice(self) -> str:
        """Return what a call says of it, or nothing where nobody is called; the link is keys."""
        # The address before the name, as in an SMS.
        text = self._wording().voice.format(
            moment=self._moment(self.starts_at),
            where=_one_line(self.address or self.place),
            **self._more(),
        )
        spoken = SPOKEN[self.language]
        keys = spoken.again_or_cancel if self.kind in CANCELLED_BY_KEY else spoken.again
        return f"{text} {keys}" if text else ""

    def name(self) -> str:
        """Return which of our texts it says."""
        return self._case()

    def _wording(self) -> Wording:
        return own_words.wording(self.own, self._case(), self.language)

    def _ours(self) -> Wording:
        return TEXTS[self.language][self._case()]

    def _case(self) -> str:
        return self.case

    def _more(self) -> dict[str, str]:
        return {}

    def _hour(self) -> str:
        return self._clock(self.starts_at)

    def _clock(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return f"{local:%H:%M}" if self.language == "en" else f"{local.hour}h{local:%M}"

    def _moment(self, moment: datetime) -> str:
        """Return day and hour as an e-mail has room to say them."""
        local = moment.astimezone(self.zone)
        day = _written(local.date(), "EEEE d MMMM y", self.language)
        if self.language == "en":
            return f"{day}, {local:%H:%M}"
        return f"{day} à {local.hour}\u00a0h\u00a0{local:%M}"


@dataclass(frozen=True, kw_only=True)
class BookingConfirmed(Message):
    """To the patient: the appointment stands."""

    kind: ClassVar[Kind] = Kind.CONFIRMATION
    case: ClassVar[str] = "confirmed"


@dataclass(frozen=True, kw_only=True)
class BookingMoved(Message):
    """To the patient: it is at `starts_at` now, and no more at `before`."""

    kind: ClassVar[Kind] = Kind.MOVED
    case: ClassVar[str] = "moved"

    before: datetime

    def _more(self) -> dict[str, str]:
        return {"before": self._moment(self.before)}


@dataclass(frozen=True, kw_only=True)
class BookingRelocated(Message):
    """To the patient: the hour stands, but at `place` now, and no more at `before`."""

    kind: ClassVar[Kind] = Kind.MOVED
    case: ClassVar[str] = "relocated"

    before: str

    def _more(self) -> dict[str, str]:
        return {"before": _one_line(self.before)}


@dataclass(frozen=True, kw_only=True)
class BookingCancelled(Message):
    """To the patient: there is no such appointment any more; `link` leads to what comes next."""

    kind: ClassVar[Kind] = Kind.CANCELLED

    by: By
    kept_until: datetime | None = None
    """Until when others are kept for whom the practice cancelled; none where nothing is."""

    def _case(self) -> str:
        return "cancelled_others_kept" if self.kept_until else f"cancelled_by_{self.by}"

    def _more(self) -> dict[str, str]:
        return {"until": self._clock(self.kept_until)} if self.kept_until else {}


@dataclass(frozen=True, kw_only=True)
class CallBackPromised(Message):
    """To the patient without a slot: `place` is who calls, `starts_at` the moment before which."""

    kind: ClassVar[Kind] = Kind.CALL_BACK
    case: ClassVar[str] = "call_back"

    @classmethod
    def of(
        cls,
        *,
        caller: str,
        by: datetime,
        link: str,
        zone: ZoneInfo,
        language: Language = "fr",
        own: Own | None = None,
    ) -> "CallBackPromised":
        """Promise that `caller` calls before `by`."""
        return cls(
            starts_at=by, place=caller, link=link, zone=zone, language=language, own=own or {}
        )


@dataclass(frozen=True, kw_only=True)
class RunningLate(Message):
    """To the patient: who receives them is about so many minutes late; the hour stands."""

    kind: ClassVar[Kind] = Kind.LATE
    case: ClassVar[str] = "late"

    minutes: int

    def _more(self) -> dict[str, str]:
        return {"minutes": str(self.minutes)}


@dataclass(frozen=True, kw_only=True)
class BookingReminder(Message):
    """To the patient, before an appointment of another day: it stands, or is to be cancelled."""

    kind: ClassVar[Kind] = Kind.REMINDER
    case: ClassVar[str] = "reminder"


@dataclass(frozen=True, kw_only=True)
class SlotOffered(Message):
    """To who waits: a slot is kept for them, until a moment, at `link`."""

    kind: ClassVar[Kind] = Kind.OFFER
    case: ClassVar[str] = "offered"

    until: datetime

    def _more(self) -> dict[str, str]:
        return {"until": self._clock(self.until)}


@dataclass(frozen=True, kw_only=True)
class DeadlineNear(Message):
    """To whoever is on call: somebody has no appointment yet, and `starts_at` is when it is due."""

    kind: ClassVar[Kind] = Kind.ESCALATION
    case: ClassVar[str] = "deadline_near"


@dataclass(frozen=True, kw_only=True)
class OutcomeQuestion(Message):
    """To the professional, after their day: who came? `starts_at` is the first hour asked about."""

    kind: ClassVar[Kind] = Kind.OUTCOME
    case: ClassVar[str] = "outcome"

    count: int

    def _more(self) -> dict[str, str]:
        return {"count": str(self.count)}


@dataclass(frozen=True, kw_only=True)
class ProfessionalNotice(Message):
    """To the professional: time and place only; who comes and why is shown after sign-in."""

    kind: ClassVar[Kind] = Kind.NOTICE

    change: Change

    def _case(self) -> str:
        return f"notice_{self.change}"


def _day(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return a day as an SMS has room to say it: "samedi 21 nov.", "Sat 21 Nov"."""
    pattern = "EEE d MMM" if language == "en" else "EEEE d MMM"
    return _written(moment.astimezone(zone).date(), pattern, language)


@lru_cache(maxsize=64)
def _written(day: date, pattern: str, language: Language) -> str:
    """Return a day in words: kept, as all that is told for hours is of the same two or three."""
    return format_date(day, pattern, locale=LOCALES[language])


def sms_moment(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return day and hour as an SMS has room to say them, in its letters."""
    local = moment.astimezone(zone)
    hour = f"{local:%H:%M}" if language == "en" else f"{local.hour}h{local:%M}"
    return gsm7(f"{_day(moment, zone, language)} {'at' if language == 'en' else 'à'} {hour}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(name: str, room: int) -> str:
    """Return a name in GSM-7 letters, cut after a word that says something, to fit the room."""
    whole = gsm7(_one_line(name))
    if septets(whole) <= room:
        return whole
    words = whole.split(" ")
    while words and (septets(" ".join(words)) > room or len(words[-1]) <= ARTICLE):
        words.pop()
    if words:
        return " ".join(words).rstrip(",;:-(")
    # Not even the first word fits: its first letters, where they are enough to know it by.
    start = whole[: max(room, 0)]
    return start if len(start) >= ENOUGH_LETTERS and septets(start) <= room else ""
