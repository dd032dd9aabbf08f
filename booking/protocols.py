"""Which protocol is in force: the files of config/protocols, read once when a process begins."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from booking.triage import loading, translation
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Protocol

FOLDER = Path(__file__).parent.parent / "config" / "protocols"


def files(folder: Path = FOLDER) -> list[Path]:
    """Return every published version, in French, the language that is signed."""
    versions = folder.glob("*.v[0-9]*.yaml")
    return sorted(path for path in versions if path.suffixes[-2].startswith(".v"))


_read = cache(loading.load)
"""A published version never changes, and takes a third of a second to read and check."""


def in_force(on: date, folder: Path = FOLDER) -> Mapping[str, Protocol]:
    """Return the newest version whose dates cover that day, by language: `fr`, and what else is.

    When none covers the day, the newest is returned all the same: whoever assesses with it is
    told that it is not in force, and sends people to a doctor instead.

    Raises:
        ProtocolInvalid: if a file is not a protocol, or there is none.
    """
    versions = {path: _read(path) for path in files(folder)}
    if not versions:
        raise ProtocolInvalid(f"no protocol in {folder.name}")
    path, french = max(
        versions.items(), key=lambda kept: (kept[1].is_in_force(on), kept[1].version)
    )
    english = path.with_suffix(".en.yaml")
    if not english.exists():
        return {"fr": french}
    words = translation.load_translation(english)
    return {"fr": french, "en": translation.translated(french, words)}
