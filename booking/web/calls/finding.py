"""Pure: what somebody types → the thing meant: without accents, by first letters, or nearly."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from booking.triage.protocol import Complaint

MOST = 6
"""Complaints shown for a few letters: more would have to be read through."""

LONG_ENOUGH = 4
"""Shorter words are alike too easily."""

SILENT = frozenset(
    {"de", "du", "des", "la", "le", "les", "un", "une", "au", "aux", "et", "ou", "en", "l", "d"}
    | {"j", "ai", "a", "il", "elle", "mal", "depuis", "the", "of", "and", "my"}
)
"""Words that tell nothing apart. « Mal » stands in every complaint of pain."""


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Return letters and figures alone, small, without accents: « Œil rouge » is « oeil rouge »."""
    spelt = text.casefold().replace("œ", "oe").replace("æ", "ae")
    plain = unicodedata.normalize("NFD", spelt)
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def complaints(text: str, among: Iterable[Complaint]) -> list[Complaint]:
    """Return the complaints that these words may mean, best first, six at most.

    A word counts whole, as a beginning, or misspelt a little; half of them have to. One of the
    protocol's own synonyms, typed whole, comes before all others.
    """
    words = [word for word in folded(text).split() if word not in SILENT]
    if not words:
        words = folded(text).split()
    scored = [(_score(folded(text), words, each), n, each) for n, each in enumerate(among)]
    fitting = sorted((-score, n, each.id) for score, n, each in scored if score > 0)
    by_id = {each.id: each for _, _, each in scored}
    return [by_id[found] for _, _, found in fitting[:MOST]]


def _score(whole: str, words: list[str], complaint: Complaint) -> float:
    names = _names(complaint.title, complaint.synonyms)
    if not words:
        return 0
    if whole in names:
        return 10
    if any(name.startswith(whole) for name in names):
        return 6 + (names[0].startswith(whole)) / 2
    parts = _parts(complaint.title, complaint.synonyms)
    heard = [max((_alike(word, part) for part in parts), default=0) for word in words]
    matched = sum(each > 0 for each in heard)
    return sum(heard) / len(heard) if 2 * matched >= len(heard) else 0


@lru_cache(maxsize=1024)
def _names(title: str, synonyms: tuple[str, ...]) -> tuple[str, ...]:
    return (folded(title), *map(folded, synonyms))


@lru_cache(maxsize=1024)
def _parts(title: str, synonyms: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for name in _names(title, synonyms) for part in name.split())


def _alike(word: str, part: str) -> float:
    """Return 4 for the same word, 3 for its beginning, 2 or less for a slip, nought else."""
    if word == part:
        return 4
    if part.startswith(word):
        return 3
    if len(word) < LONG_ENOUGH:
        return 0
    if sounded(part).startswith(sounded(word)):
        return 2
    return 1 if _is_a_slip(word, part) else 0


def _is_a_slip(word: str, part: str) -> bool:
    """Return whether one letter is another, missing, too much, or changed places with the next."""
    if abs(len(word) - len(part)) > 1:
        return False
    same = 0
    while same < min(len(word), len(part)) and word[same] == part[same]:
        same += 1
    rest, other = word[same:], part[same:]
    if len(word) == len(part):
        return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
    return rest[1:] == other or rest == other[1:]


SOUNDS = (
    ("ph", "f"),
    ("qu", "c"),
    ("k", "c"),
    ("y", "i"),
    ("ge", "je"),
    ("gi", "ji"),
    ("ss", "s"),
    ("eau", "o"),
    ("au", "o"),
)
"""Spellings of French that sound alike, as somebody writes who listens."""


@lru_cache(maxsize=8192)
def sounded(word: str) -> str:
    """Return a folded word as it sounds, roughly: « gorj » and « gorge », « sciatik »."""
    for written, heard in SOUNDS:
        word = word.replace(written, heard)
    once = re.sub(r"(.)\1", r"\1", word)
    return once.rstrip("estx") or once


def named(text: str, names: Iterable[tuple[str, str]]) -> list[str]:
    """Return the keys of the names that begin so, or hold a word that does; a whole name wins.

    `names` are pairs of a key and a name; a postal code is a name too.
    """
    typed = folded(text)
    if not typed:
        return []
    known = [(key, folded(name)) for key, name in names]
    for fits in (_is_whole, _begins, _holds):
        found = list(dict.fromkeys(key for key, name in known if fits(typed, name)))
        if found:
            return found
    return []


def _is_whole(typed: str, name: str) -> bool:
    return typed == name


def _begins(typed: str, name: str) -> bool:
    return name.startswith(typed)


def _holds(typed: str, name: str) -> bool:
    return f" {typed}" in f" {name}"
