"""Pure: a typed phrase, « demain 11h-12h 3x20 », as the slots that it asks for, or why it cannot.

Order, accents and capitals are free; hours may be written « 11 h 30 », « 11h30 » or « 11:30 ».
Nothing is guessed silently: whoever calls shows what was understood before it counts.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import NoReturn

from schedules.openings import LONGEST, MOST_AT_ONCE, SHORTEST, Opening

LONGEST_PHRASE = 120
"""Signs that are read; more is no phrase."""

COUNT, MINUTES = 3, 20
"""Where neither the phrase nor a habit says."""

DAY = 24 * 60
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin"),
    *("juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
)
NUMBERS = (
    *("zero", "un", "deux", "trois", "quatre", "cinq", "six"),
    *("sept", "huit", "neuf", "dix", "onze", "douze"),
)
NEAR = {"aujourd'hui": 0, "aujourdhui": 0, "auj": 0, "demain": 1, "apres-demain": 2}
FILLERS = frozenset(
    {
        *("a", "au", "de", "des", "du", "et", "le", "les", "pour", "par", "chaque", "chacun"),
        *("tous", "toutes", "prochain", "ouvrir", "ouvre", "reserver", "creneau", "creneaux"),
        *("place", "places", "rdv", "rendez-vous"),
    }
)

_UNIT = r"(?:minutes?|min|mn|')"
_TIMES = r"(?:x|\*|fois)"
_THINGS = r"(?:creneau|rdv|rendez|place)"
_SHOWN = rf"""
    (?:midi|[0-9]{{1,2}}(?:\ ?[h:]\ ?(?:[0-9]{{2}}(?![0-9]|\ ?(?:{_UNIT}|{_TIMES}|{_THINGS})))?)?)
"""
_MARKED = rf"(?:midi|(?=[0-9]{{1,2}}\ ?[h:]){_SHOWN})"
TOKEN = re.compile(
    rf"""[\s,;.()]*(?:
    (?P<figures>[0-9]{{1,2}}/[0-9]{{1,2}}(?:/[0-9]{{4}})?)(?![0-9/])
    |(?P<dated>[0-9]{{1,2}}(?:er)?\ (?:{"|".join(MONTHS)})(?:\ [0-9]{{4}}(?![0-9]))?)\b
    |(?P<product>[0-9]{{1,3}}\ ?{_TIMES}\ ?[0-9]{{1,3}}(?![0-9h:])(?:\ ?{_UNIT}(?![a-z]))?)
    |(?P<length>[0-9]{{1,3}}\ ?{_UNIT})(?![a-z])
    |(?P<range>(?:(?:de|entre)\ {_SHOWN}\ ?(?:-|a|et|jusqu'a)\ ?{_SHOWN}
        |{_SHOWN}\ ?-\ ?{_SHOWN}|{_MARKED}\ (?:a|jusqu'a)\ {_SHOWN}))(?![a-z0-9:])
    |(?P<hour>{_MARKED})(?![a-z0-9:])
    |(?P<count>{_TIMES}\ ?[0-9]{{1,3}}|[0-9]{{1,3}}(?:\ ?{_TIMES})?)(?![a-z0-9:])
    |(?P<word>[^\s,;.()]+)
    |$)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Heard:
    """What of a phrase was understood; None where it says nothing of it."""

    day: date | None = None
    starts: int | None = None
    """Minutes of the wall clock since midnight."""
    ends: int | None = None
    count: int | None = None
    minutes: int | None = None


class PhraseRefused(ValueError):
    """A phrase that makes no slots: `why` is a key for the door's sentence.

    `heard` is what was understood all the same, `word` what was not.
    """

    def __init__(self, why: str, heard: Heard, word: str = "") -> None:
        super().__init__(why)
        self.why, self.heard, self.word = why, heard, word


def understood(text: str, *, today: date, usual: Opening | None = None) -> Opening:
    """Return what a phrase asks for; `usual` says number and length where the phrase does not.

    A weekday is the next such day, never today. Whether the moment is past or too far away is
    for `openings.moments` to say.

    Raises:
        PhraseRefused: `empty`, `unknown`, `twice`, `no_day`, `no_such_day`, `days_disagree`,
            `no_hour`, `no_such_hour`, `ends_before`, `does_not_fit`, `count`, `length`.
    """
    reading = _Reading(today)
    plain = folded(text)
    if not plain or len(plain) > LONGEST_PHRASE:
        reading.refuse("unknown" if plain else "empty", plain[:20])
    at = 0
    while at < len(plain) and (token := TOKEN.match(plain, at)):
        if token.lastgroup:
            reading.take(token.lastgroup, token[token.lastgroup])
        at = token.end()
    return reading.opening(usual)


def written(opening: Opening) -> str:
    """Return an opening as a phrase that is understood the same on any day."""
    day, starts = opening.day, opening.starts
    minutes = int(opening.length.total_seconds()) // 60
    named = f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{named}, {starts.hour} h {starts.minute:02}, {opening.count} x {minutes} min"


def clock(minutes: int) -> time:
    """Return the time of the wall clock so many minutes after midnight; a day's end is midnight."""
    hours, rest = divmod(minutes, 60)
    return time(hours % 24, rest)


def folded(text: str) -> str:
    """Return a phrase in small letters without accents, its dashes, crosses and blanks plain."""
    apart = unicodedata.normalize("NFKD", text[: 4 * LONGEST_PHRASE].casefold())
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    for several, one in (("×", "x"), ("–—‑‐−→", "-"), ("’ʼ`", "'")):
        bare = bare.translate(dict.fromkeys(map(ord, several), one))
    return " ".join(bare.split()).replace("apres demain", "apres-demain")


class _Reading:
    """One phrase while it is read, token by token."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.weekday: int | None = None
        self.day: date | None = None
        self.starts: int | None = None
        self.ends: int | None = None
        self.count: int | None = None
        self.minutes: int | None = None

    def refuse(self, why: str, word: str = "") -> NoReturn:
        heard = Heard(self._day(), self.starts, self.ends, self.count, self.minutes)
        raise PhraseRefused(why, heard, word)

    def take(self, kind: str, said: str) -> None:
        match kind:
            case "figures" | "dated":
                self._dated(said)
            case "product":
                count, minutes = re.findall(r"[0-9]+", said)
                self._counted(int(count), said)
                self._long(int(minutes), said)
            case "length":
                self._long(int(re.findall(r"[0-9]+", said)[0]), said)
            case "range":
                self._between(said)
            case "hour":
                self._at(self._wall(said), said)
            case "count":
                self._counted(int(re.findall(r"[0-9]+", said)[0]), said)
            case _:
                self._word(said)

    def _word(self, said: str) -> None:
        named = [i for i, name in enumerate(WEEKDAYS) if said in (name, name[:3])]
        if said in NEAR:
            self._on(self.today + timedelta(days=NEAR[said]), said)
        elif named:
            if self.weekday not in (None, named[0]):
                self.refuse("days_disagree", said)
            self.weekday = named[0]
        elif said in NUMBERS:
            self._counted(NUMBERS.index(said), said)
        elif said not in FILLERS:
            self.refuse("unknown", said)

    def _dated(self, said: str) -> None:
        day, month, *year = re.findall(r"[0-9]+|[a-z]{3,}", said)
        number = int(month) if month.isdigit() else MONTHS.index(month) + 1
        years = [int(year[0])] if year else [self.today.year, self.today.year + 1]
        for each in years:
            try:
                meant = date(each, number, int(day))
            except ValueError:
                continue
            if year or meant >= self.today:
                self._on(meant, said)
                return
        self.refuse("no_such_day", said)

    def _on(self, day: date, said: str) -> None:
        if self.day not in (None, day):
            self.refuse("days_disagree", said)
        self.day = day

    def _between(self, said: str) -> None:
        starts, ends = re.findall(r"midi|[0-9]{1,2}(?: ?[h:] ?(?:[0-9]{2})?)?", said)
        self._at(self._wall(starts), said)
        self.ends = self._wall(ends)

    def _wall(self, said: str) -> int:
        if said == "midi":
            return DAY // 2
        hours, *minutes = map(int, re.findall(r"[0-9]+", said))
        shown = 60 * hours + sum(minutes)
        if sum(minutes) > 59 or shown > DAY:  # noqa: PLR2004 - minutes of a clock
            self.refuse("no_such_hour", said)
        return shown

    def _at(self, starts: int, said: str) -> None:
        if self.starts is not None:
            self.refuse("twice", said)
        if starts >= DAY:
            self.refuse("no_such_hour", said)
        self.starts = starts

    def _counted(self, count: int, said: str) -> None:
        if self.count is not None:
            self.refuse("twice", said)
        self.count = count

    def _long(self, minutes: int, said: str) -> None:
        if self.minutes is not None:
            self.refuse("twice", said)
        self.minutes = minutes

    def _day(self) -> date | None:
        if self.day is not None or self.weekday is None:
            return self.day
        ahead = (self.weekday - self.today.weekday() - 1) % 7 + 1
        return self.today + timedelta(days=ahead)

    def opening(self, usual: Opening | None) -> Opening:
        """Return what all tokens together ask for."""
        day = self._day()
        if day is None:
            self.refuse("no_day")
        if self.weekday is not None and day.weekday() != self.weekday:
            self.refuse("days_disagree")
        if self.starts is None:
            self.refuse("no_hour")
        count, minutes = self._shared(usual)
        if not 1 <= count <= MOST_AT_ONCE:
            self.refuse("count")
        length = timedelta(minutes=minutes)
        if not SHORTEST <= length <= LONGEST:
            self.refuse("length")
        return Opening(day, clock(self.starts), count, length)

    def _shared(self, usual: Opening | None) -> tuple[int, int]:
        """Return number and minutes of the slots: as said, shared out between two hours, or usual.

        Three slots between eleven and noon are twenty minutes each.
        """
        usual_minutes = int(usual.length.total_seconds()) // 60 if usual else MINUTES
        if self.starts is None or self.ends is None:
            usual_count = usual.count if usual else COUNT
            return (
                usual_count if self.count is None else self.count,
                usual_minutes if self.minutes is None else self.minutes,
            )
        room = self.ends - self.starts
        if room <= 0:
            self.refuse("ends_before")
        if self.count is None:
            minutes = usual_minutes if self.minutes is None else self.minutes
            if minutes > room:
                self.refuse("does_not_fit")
            return (room // minutes if minutes else 0), minutes
        minutes = room // max(self.count, 1) if self.minutes is None else self.minutes
        if self.count * minutes > room:
            self.refuse("does_not_fit")
        return self.count, minutes
