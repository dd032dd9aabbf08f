"""One typed value for each kind of message, and its SMS, subject and e-mail text. Pure.

A day is always named: "today" would lie to whoever reads the message tomorrow.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import ClassVar
from zoneinfo import ZoneInfo

from babel.dates import format_date

from notifications.gsm7 import ONE_SMS, gsm7, septets
from notifications.models import Kind
from notifications.texts import TEXTS, Language, Wording

LONGEST_LINK = 70
"""Up to here, every SMS is one segment, whatever the place is called."""

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

    def sms(self) -> str:
        """Return one SMS of one GSM-7 segment, for links of up to 70 letters.

        The name of the place is shortened to make room, or left out; day, hour and link never.
        """
        day, hour = _day(self.starts_at, self.zone, self.language), self._hour()
        template = gsm7(self._wording().sms)
        fixed = template.format(day=gsm7(day), hour=hour, place="", link=self.link, **self._more())
        # The address before the name: « Cabinet de kinésithérapie » would say too much.
        place = _shortened(self.address or self.place, ONE_SMS - septets(fixed) - len(", "))
        named = f", {place}" if place else ""
        return template.format(
            day=gsm7(day), hour=hour, place=named, link=self.link, **self._more()
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

    def _wording(self) -> Wording:
        return TEXTS[self.language][self._case()]

    def _case(self) -> str:
        return self.case

    def _more(self) -> dict[str, str]:
        return {}

    def _hour(self) -> str:
        local = self.starts_at.astimezone(self.zone)
        return f"{local:%H:%M}" if self.language == "en" else f"{local.hour}h{local:%M}"

    def _moment(self, moment: datetime) -> str:
        """Return day and hour as an e-mail has room to say them."""
        local = moment.astimezone(self.zone)
        day = format_date(local, "EEEE d MMMM y", locale=LOCALES[self.language])
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
class BookingCancelled(Message):
    """To the patient: there is no such appointment any more; `link` leads to a new request."""

    kind: ClassVar[Kind] = Kind.CANCELLED

    by: By

    def _case(self) -> str:
        return f"cancelled_by_{self.by}"


@dataclass(frozen=True, kw_only=True)
class CallBackPromised(Message):
    """To the patient without a slot: `place` is who calls, `starts_at` the moment before which."""

    kind: ClassVar[Kind] = Kind.CALL_BACK
    case: ClassVar[str] = "call_back"

    @classmethod
    def of(
        cls, *, caller: str, by: datetime, link: str, zone: ZoneInfo, language: Language = "fr"
    ) -> "CallBackPromised":
        """Promise that `caller` calls before `by`."""
        return cls(starts_at=by, place=caller, link=link, zone=zone, language=language)


@dataclass(frozen=True, kw_only=True)
class RunningLate(Message):
    """To the patient: who receives them is about so many minutes late; the hour stands."""

    kind: ClassVar[Kind] = Kind.LATE
    case: ClassVar[str] = "late"

    minutes: int

    def _more(self) -> dict[str, str]:
        return {"minutes": str(self.minutes)}


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
    return format_date(moment.astimezone(zone), pattern, locale=LOCALES[language])


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
