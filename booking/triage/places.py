"""Where the parts of a file stand, so that whatever is wrong is said with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

Part = tuple[str, ...]
"""A part of a protocol, by kind and id: `("rule", "mg_phlegmon")`."""


class Fault(str):
    """What is wrong and what to do, in one French sentence that begins with file and line.

    `line` counts from one, None where it is not known; `text` is the sentence without its place.
    """

    __slots__ = ("line", "text")
    line: int | None
    text: str

    def __new__(cls, text: str, line: int | None = None, file: str = "") -> Self:
        """Return the sentence, after its place as far as it is known."""
        place = ", ".join([*([file] if file else []), *([f"ligne {line}"] if line else [])])
        fault = super().__new__(cls, f"{place} : {text}" if place else text)
        fault.line, fault.text = line, text
        return fault


@dataclass(frozen=True)
class Places:
    """The file of a protocol, and the line of each of its parts; empty when it has no file."""

    file: str = ""
    lines: Mapping[Part, int] = field(default_factory=dict)

    def fault(self, text: str, *parts: Part) -> Fault:
        """Return what is wrong at the first of these parts that stands somewhere."""
        line = next((self.lines[part] for part in parts if part in self.lines), None)
        return Fault(text, line, self.file)
