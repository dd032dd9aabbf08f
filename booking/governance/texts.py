"""The three texts of a version: what is asked, what it must answer, the same in English."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import cast

from booking import protocols
from booking.governance import blocks
from booking.triage import cases, loading, translation
from booking.triage.cases import Case
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Protocol

LARGEST = 1024 * 1024
"""No text of a version is longer, in bytes."""


class Part(StrEnum):
    """Which of the texts a fault is in."""

    DOCUMENT = "DOCUMENT"
    CASES = "CASES"
    ENGLISH = "ENGLISH"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, with its remedy, in French; `line` from one where it is known."""

    part: Part
    line: int | None
    text: str


@dataclass(frozen=True)
class _InMemory:
    """A text that is read like a file."""

    name: str
    text: str

    def read_bytes(self) -> bytes:
        return self.text.encode()


@dataclass(frozen=True)
class Texts:
    """What a version says, as it is written."""

    document: str
    cases: str
    english: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the document, in hexadecimal."""
        return fingerprint(self.document)

    @cached_property
    def french(self) -> Protocol:
        """Return the protocol as it is signed.

        Raises:
            ProtocolInvalid: if the document is none.
        """
        return loading.read(self.document.encode(), protocols.laws())

    @cached_property
    def examples(self) -> tuple[Case, ...]:
        """Return the cases.

        Raises:
            ProtocolInvalid: if they, or the document, cannot be read.
        """
        return cases.load_cases(cast("Path", _InMemory("cas", self.cases)), self.french)

    @cached_property
    def version(self) -> protocols.Version:
        """Return the protocol in each of its languages.

        Raises:
            ProtocolInvalid: if one of them cannot be read.
        """
        if self.english is None:
            return {"fr": self.french}
        words = translation.load_translation(cast("Path", _InMemory("anglais", self.english)))
        return {"fr": self.french, "en": translation.translated(self.french, words)}

    def numbered(self, number: int) -> "Texts":
        """Return them all under this version number.

        Raises:
            blocks.NotBlocks: if one says no version, or is no YAML.
        """
        return replace(
            self,
            document=blocks.with_version(self.document, number),
            cases=blocks.with_version(self.cases, number),
            english=None if self.english is None else blocks.with_version(self.english, number),
        )

    def faults(self) -> Iterator[Fault]:
        """Yield everything that keeps them from being read, each with its remedy."""
        for part, attribute in (
            (Part.DOCUMENT, "french"),
            (Part.CASES, "examples"),
            (Part.ENGLISH, "version"),
        ):
            try:
                getattr(self, attribute)
            except ProtocolInvalid as wrong:
                yield from (Fault(part, fault.line, fault.text) for fault in wrong.faults)
                if part is Part.DOCUMENT:
                    return


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal, as the database computes it."""
    return hashlib.sha256(text.encode()).hexdigest()


def delivered() -> Texts:
    """Return the texts of the newest version that is delivered with the product.

    Raises:
        ProtocolInvalid: if there is none.
        OSError: if its cases cannot be read.
    """
    read = zip(protocols.files(), protocols.published(), strict=True)
    newest, _ = max(read, key=lambda each: each[1]["fr"].version)
    english = newest.with_suffix(".en.yaml")
    name = newest.name.split(".", 1)[0]
    return Texts(
        newest.read_text(encoding="utf-8"),
        newest.with_name(f"{name}.cases.yaml").read_text(encoding="utf-8"),
        english.read_text(encoding="utf-8") if english.exists() else None,
    )
