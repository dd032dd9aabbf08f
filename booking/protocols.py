"""Which protocol is in force: the files of config/protocols, read once when a process begins."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from booking.triage import loading, translation
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Protocol

FOLDER = Path(__file__).parent.parent / "config" / "protocols"

Version = Mapping[str, Protocol]
"""One published version by language: `fr`, and what else there is."""


class ProtocolUnsigned(ValueError):
    """A protocol that no doctor has signed would be used for real patients."""


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


def _read(path: Path) -> Version:
    french = loading.load(path)
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


def refuse_unsigned(versions: Sequence[Version], today: date) -> None:
    """Refuse versions that nobody signed, if one of them is in force, or will be.

    Raises:
        ProtocolUnsigned: with one sentence that names the first of them.
    """
    changes = {v["fr"].valid_from for v in versions}
    changes |= {v["fr"].valid_until + timedelta(days=1) for v in versions}
    for day in sorted({today, *(day for day in changes if day > today)}):
        used = in_force(day, versions)["fr"]
        if not used.reviewed_by:
            raise ProtocolUnsigned(
                f"reviewed_by: nobody has signed {used.id} version {used.version}; "
                "production needs the names of the doctors who did"
            )
