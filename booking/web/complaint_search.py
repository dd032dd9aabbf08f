"""Pure: what somebody types for a reason → the complaints that it may mean, best first."""

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from booking.triage.protocol import Complaint

LONGEST = 80
"""Letters of a search that are read."""

TYPED_WRONG = 5
"""From so many letters on, a word may be a little wrong."""

ALIKE = 0.8
LITTLE = frozenset(
    {
        *("a", "ai", "au", "aux", "avec", "d", "de", "des", "du", "en", "et", "j", "je", "l", "la"),
        *("le", "les", "ma", "mal", "mes", "mon", "n", "ne", "pas", "s", "un", "une"),
    }
)
"""Words that most complaints could have in common."""


def matching(complaints: Iterable[Complaint], text: str) -> list[Complaint]:
    """Return the complaints in whose title or synonyms every word occurs, in whatever accents.

    A word may be the beginning of one; a long one may have a letter wrong. Titles come first.
    None for a text without a word that says something.
    """
    words = [word for word in folded(text[:LONGEST]).split() if word not in LITTLE]
    if not words:
        return []
    scored = [(score, c) for c in complaints if (score := _score(c, words)) is not None]
    return [c for _, c in sorted(scored, key=lambda pair: pair[0])]


def folded(text: str) -> str:
    """Return a text in small letters, without accents; signs between words are spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    kept = (c for c in plain if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in kept).split())


def _score(complaint: Complaint, words: list[str]) -> int | None:
    """Return 0 if the title says it, 1 if a synonym does, 2 with a letter wrong, else None."""
    title = folded(complaint.title).split()
    every = [*title, *(w for synonym in complaint.synonyms for w in folded(synonym).split())]
    if all(_begins(word, title) for word in words):
        return 0
    if all(_begins(word, every) for word in words):
        return 1
    return 2 if all(_is_like(word, every) for word in words) else None


def _begins(word: str, others: list[str]) -> bool:
    return any(other.startswith(word) for other in others)


def _is_like(word: str, others: list[str]) -> bool:
    if _begins(word, others):
        return True
    return len(word) >= TYPED_WRONG and any(
        SequenceMatcher(None, word, other[: len(word) + 1]).ratio() >= ALIKE for other in others
    )
