"""Danger words: which signs a free text makes us ask again. It can raise a question, no more."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from string import ascii_lowercase

from booking.triage.protocol import Protocol, Question

SHORTEST_MISTYPED = 6
"""A shorter word must be typed as it is: «mort», «fort» and «port» are one letter apart."""

MOST_WORDS_BETWEEN = 1
"""«N’arrive plus *du* respirer»: a phrase may be interrupted by so many words at each place."""

_SPELT = {"œ": "oe", "æ": "ae", "’": " ", "‘": " ", "ʼ": " ", "‐": " ", "–": " ", "—": " "}
_SPACED = bytes(sign if chr(sign).isalnum() else ord(" ") for sign in range(128)).ljust(256)
_ELISIONS = frozenset(["c", "d", "j", "l", "m", "n", "s", "t", "qu"])
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu)(?=[aehiouy])")

Words = tuple[str, ...]


def raised(protocol: Protocol, text: str) -> tuple[Question, ...]:
    """Return the signs of stages 1 and 2 that this text makes us ask again, in the file's order.

    Accents, case, apostrophes, hyphens and repeated letters do not matter, nor one typing
    error in a word of six letters or more. «Pas de malaise» raises the question too: telling
    a denial from a plea is not for a list of words. Any text is read; nothing is ever lowered.
    """
    named = _phrasebook(protocol.danger_words).signs_in(folded(text))
    return tuple(sign for sign in protocol.general_questions if sign.id in named)


def folded(text: str) -> Words:
    """Return the words of a text as they are compared: «J’ÉTOUFFFE» is `etoufe`."""
    spelt = unicodedata.normalize("NFKD", text.casefold())
    for sign, letters in _SPELT.items():
        spelt = spelt.replace(sign, letters)
    plain = _without_repeats(spelt.encode("ascii", "ignore").translate(_SPACED).decode())
    return tuple([word for word in plain.split() if word not in _ELISIONS])


def _without_repeats(text: str) -> str:
    for letter in ascii_lowercase:
        while letter * 2 in text:
            text = text.replace(letter * 2, letter)
    return text


class _Phrasebook:
    """The phrases of one protocol, ready to be looked for."""

    def __init__(self, danger_words: Iterable[tuple[str, Words]]) -> None:
        spelt = ((sign, folded(each)) for sign, phrases in danger_words for each in phrases)
        self._phrases = [(sign, phrase, frozenset(phrase)) for sign, phrase in spelt if phrase]
        self._known = {word for _, _, words in self._phrases for word in words}
        self._long = {word for word in self._known if len(word) >= SHORTEST_MISTYPED}
        self._lengths = range(SHORTEST_MISTYPED - 1, max(map(len, self._long), default=0) + 2)
        self._starts = {word[:2] for word in self._long}
        self._ends = {word[-3:] for word in self._long}
        self._same = {word: {word} for word in self._known}
        self._like: dict[str, list[str]] = {}
        for word in self._long:
            for typed in (word, *_one_letter_less(word)):
                self._like.setdefault(typed, []).append(word)
                # «Dispa(r)aître»: the letters on both sides of a missing one fold into one.
                self._same.setdefault(_without_repeats(typed), set()).add(word)

    def signs_in(self, words: Words) -> set[str]:
        """Return the signs of which a phrase is among these words."""
        meant = {word: self._meant_by(word) for word in set(words)}
        places: dict[str, set[int]] = {}
        for place, word in enumerate(words):
            for known in meant[word]:
                places.setdefault(known, set()).add(place)
        signs: set[str] = set()
        for sign, phrase, needed in self._phrases:
            if needed <= places.keys() and sign not in signs and _is_said(phrase, places):
                signs.add(sign)
        return signs

    def _meant_by(self, word: str) -> set[str]:
        """Return the words of phrases that this one may stand for; «dair» stands for «air» too."""
        meant = set(self._same.get(word, ()))
        elided = _ELIDED.match(word)
        if elided and word[elided.end() :] in self._known:
            meant.add(word[elided.end() :])
        # One error leaves the two first letters or the three last as they were…
        has_edge = word[:2] in self._starts or word[-3:] in self._ends
        if has_edge and len(word) in self._lengths:
            # … and the two words look alike once each has lost at most one letter.
            for typed in (word, *_one_letter_less(word)):
                for known in self._like.get(typed, ()):
                    if _is_one_error_away(word, known):
                        meant.add(known)
        return meant


@cache
def _phrasebook(danger_words: tuple[tuple[str, Words], ...]) -> _Phrasebook:
    return _Phrasebook(danger_words)


def _is_said(phrase: Words, places: Mapping[str, set[int]]) -> bool:
    """Return whether the words of a phrase follow each other, with few words between."""
    ends = places[phrase[0]]
    for word in phrase[1:]:
        near = {end + step for end in ends for step in range(1, MOST_WORDS_BETWEEN + 2)}
        ends = near & places[word]
    return bool(ends)


def _one_letter_less(word: str) -> list[str]:
    return [word[:place] + word[place + 1 :] for place in range(len(word))]


def _is_one_error_away(typed: str, meant: str) -> bool:
    """Return whether one letter is missing, added or wrong, or two neighbours are swapped."""
    start = 0
    for one, other in zip(typed, meant, strict=False):
        if one != other:
            break
        start += 1
    rest, wanted = typed[start:], meant[start:]
    return (
        rest[1:] == wanted[1:]
        or rest == wanted[1:]
        or rest[1:] == wanted
        or (rest[1::-1] == wanted[:2] and rest[2:] == wanted[2:])
    )
