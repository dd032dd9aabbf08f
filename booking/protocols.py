"""The protocol that is delivered: the files of config/protocols, read once when a process begins.

What triages a community is its own signed version (`booking.governance`). These files are the
first draft of each, and what a demonstration uses; with real patients they serve nobody.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from booking.triage import loading, translation
from booking.triage.documents import LawDoc, ProtocolInvalid, WhenDoc
from booking.triage.protocol import Protocol
from schedules import legal

FOLDER = Path(__file__).parent.parent / "config" / "protocols"

Version = Mapping[str, Protocol]
"""One published version by language: `fr`, and what else there is."""


def files(folder: Path = FOLDER) -> list[Path]:
    """Return every published version, in French, the language that is signed."""
    versions = folder.glob("*.v[0-9]*.yaml")
    return sorted(path for path in versions if path.suffixes[-2].startswith(".v"))


@cache
def published(folder: Path = FOLDER) -> tuple[Version, ...]:
    """Return every version, in each of its languages.

    A version never changes, and takes a third of a second to read and check: a process does it
    once, when it begins, so that what is faulty is known before a patient asks.

    Raises:
        ProtocolInvalid: if a file is not a protocol, or there is none.
    """
    versions = tuple(_read(path) for path in files(folder))
    if not versions:
        raise ProtocolInvalid(f"no protocol in {folder.name}")
    return versions


@cache
def laws() -> loading.Laws:
    """Return the legal rules, as protocols stand on them.

    Raises:
        ValueError: if the file of legal rules is faulty.
    """
    return {
        rule.id: LawDoc(
            id=rule.id,
            disciplines=rule.disciplines,
            enabling=rule.enabling,
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
            when=WhenDoc.model_validate(rule.when),
        )
        for rule in legal.rules().values()
    }


def _read(path: Path) -> Version:
    french = loading.load(path, laws())
    english = path.with_suffix(".en.yaml")
    if not english.exists():
        return {"fr": french}
    words = translation.load_translation(english)
    return {"fr": french, "en": translation.translated(french, words)}


def in_force(on: date, versions: Sequence[Version] | None = None) -> Version:
    """Return the newest version whose dates cover that day.

    When none covers the day, the newest is returned all the same: whoever assesses with it is
    told that it is not in force, and sends people to a doctor instead.

    Raises:
        ProtocolInvalid: if a file is not a protocol, or there is none.
    """
    return max(
        versions or published(),
        key=lambda each: (each["fr"].is_in_force(on), each["fr"].version),
    )
