"""Pure: whether the name of a place tells who works there."""

import re
import unicodedata

TELLING = 3
"""Letters from which a part of a family name tells whose it is: not «Le», not «Da»."""


def holds_name(place: str, family_name: str) -> bool:
    """Return whether a place's name holds a person's family name, or a telling part of it."""
    parts = {part for part in _words(family_name) if len(part) >= TELLING}
    return not (parts or {"".join(_words(family_name))}).isdisjoint(_words(place))


def _words(text: str) -> list[str]:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.findall(r"[a-z0-9]+", bare.replace("'", " "))
