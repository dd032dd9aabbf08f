"""Cuts a protocol's text into the blocks that one person edits at a time, and puts one back.

The text itself is cut, never written anew from what it means: comments, order and line breaks of
all the other blocks stay as their authors left them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent, indent

import yaml

COMPLAINT = "motif:"
"""What the names of complaints' blocks begin with; the others are keys of the file."""

EDITED = (
    "universal",
    "stage2",
    "floors",
    "shared",
    "danger_words",
    "emergency_advice",
    "groups",
    "families",
    "deadline_hours",
    "sources",
)
"""Keys whose block may be edited by itself, in the order of the screen; some may be missing."""


class NotBlocks(ValueError):
    """A text that cannot be cut: it is not YAML, or not a mapping. `line` counts from one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class Block:
    """Some whole lines of a text, shown without the indentation that they share.

    `first` is the number of its first line, from one; `last` that of its last line.
    """

    name: str
    first: int
    last: int
    text: str

    def line_here(self, line: int) -> int | None:
        """Return which line of the block a line of the text is, None when it is elsewhere."""
        return line - self.first + 1 if self.first <= line <= self.last else None


def blocks(document: str) -> dict[str, Block]:
    """Return the blocks of a protocol that may be edited, by name, in the order of the text.

    Raises:
        NotBlocks: it is not YAML, no mapping, or a complaint's name is missing or taken.
    """
    lines, found = document.splitlines(), dict[str, Block]()
    for key, value, last in _keys(document):
        if key.value == "complaints" and isinstance(value, yaml.SequenceNode):
            for item, first, end in _items(value, lines, last):
                name = COMPLAINT + _said(item, "id")
                if name == COMPLAINT or name in found:
                    raise NotBlocks("id", first + 1)
                found[name] = _cut(lines, name, first, end)
        elif key.value in EDITED:
            found[key.value] = _cut(lines, key.value, key.start_mark.line, last)
    return found


def replaced(document: str, block: Block, text: str) -> str:
    """Return the document with another text in the place of this block; none removes it."""
    lines = document.splitlines()
    before = lines[block.first - 1] if block.first <= len(lines) else ""
    margin = " " * (len(before) - len(before.lstrip(" ")))
    written = indent(tidy(text), margin).splitlines()
    return "\n".join([*lines[: block.first - 1], *written, *lines[block.last :], ""])


def version_of(document: str) -> int:
    """Return the version number that a text says.

    Raises:
        NotBlocks: it is not YAML, or says none.
    """
    for key, value in _pairs(document):
        if key.value == "version" and str(value.value).isdecimal():
            return int(value.value)
    raise NotBlocks("«version»")


def with_version(document: str, number: int) -> str:
    """Return the text with another version number, and not a letter else changed.

    Raises:
        NotBlocks: it is not YAML, or says no version.
    """
    for key, value in _pairs(document):
        if key.value == "version":
            start, end = value.start_mark.index, value.end_mark.index
            return f"{document[:start]}{number}{document[end:]}"
    raise NotBlocks("«version»")


def cases_of(cases: str, complaint: str) -> str:
    """Return the cases of which this complaint is the first, as they are written.

    Raises:
        NotBlocks: it is no file of cases.
    """
    return "\n".join(block.text for block in _cases_of(cases, complaint))


def with_cases(cases: str, complaint: str, text: str) -> str:
    """Return the file of cases with these in the place of the complaint's own; new ones at the end.

    Raises:
        NotBlocks: it is no file of cases.
    """
    lines = cases.splitlines()
    theirs = _cases_of(cases, complaint)
    margin = " " * _margin_of_cases(cases)
    at = theirs[0].first - 1 if theirs else len(lines)
    gone = {n for block in theirs for n in range(block.first - 1, block.last)}
    written = indent(tidy(text), margin).splitlines()
    kept = [line for n, line in enumerate(lines) if n < at and n not in gone]
    rest = [line for n, line in enumerate(lines) if n >= at and n not in gone]
    return "\n".join([*kept, *written, *rest, ""])


def check(text: str) -> None:
    """Let pass only a text that can be cut.

    Raises:
        NotBlocks: it is not YAML, or no mapping.
    """
    if text.strip():
        _pairs(text)


def tidy(text: str) -> str:
    """Return what was typed with one kind of line end, without the margin that all lines share."""
    return dedent(re.sub(r"\r\n?", "\n", text)).strip("\n")


def _cases_of(cases: str, complaint: str) -> list[Block]:
    lines = cases.splitlines()
    return [
        _cut(lines, complaint, first, end)
        for key, value, last in _keys(cases)
        if key.value == "cases" and isinstance(value, yaml.SequenceNode)
        for item, first, end in _items(value, lines, last)
        if _first(item, "complaints") == complaint
    ]


def _margin_of_cases(cases: str) -> int:
    for key, value in _pairs(cases):
        if key.value == "cases" and isinstance(value, yaml.SequenceNode) and value.value:
            line = cases.splitlines()[value.value[0].start_mark.line]
            return len(line) - len(line.lstrip(" "))
    return 2


def _keys(text: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node, int]]:
    """Yield each key with its value and the number, from nought, of the last line that is its."""
    pairs = _pairs(text)
    starts = [key.start_mark.line for key, _ in pairs]
    ends = [*(start - 1 for start in starts[1:]), len(text.splitlines()) - 1]
    for (key, value), end in zip(pairs, ends, strict=True):
        yield key, value, end


def _items(
    value: yaml.SequenceNode, lines: list[str], last: int
) -> Iterator[tuple[yaml.Node, int, int]]:
    """Yield each item of a list with its first and last line, from nought.

    An item ends where the next begins: what it says may be written anywhere else (an alias).
    """
    starts = [_dash(item, lines) for item in value.value]
    ends = [*(start - 1 for start in starts[1:]), last]
    for item, first, end in zip(value.value, starts, ends, strict=True):
        if end < first:
            raise NotBlocks("- id: …", first + 1)
        yield item, first, end


def _dash(item: yaml.Node, lines: list[str]) -> int:
    """Return the line of an item's dash; it may stand alone above what it says.

    Raises:
        NotBlocks: if there is none, as in a list between brackets.
    """
    first = int(item.start_mark.line)
    for at in (first, first - 1):
        if at >= 0 and lines[at].strip().split(" ")[0] == "-":
            return at
    raise NotBlocks("- id: …", first + 1)


def _pairs(text: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    try:
        node = yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotBlocks(str(error.problem), mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError, UnicodeError) as error:
        raise NotBlocks(str(error)) from error
    if not isinstance(node, yaml.MappingNode):
        raise NotBlocks("«clé : valeur»", 1)
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _said(item: yaml.Node, name: str) -> str:
    for key, value in item.value if isinstance(item, yaml.MappingNode) else ():
        if key.value == name and isinstance(value, yaml.ScalarNode):
            return str(value.value)
    return ""


def _first(item: yaml.Node, name: str) -> str | None:
    for key, value in item.value if isinstance(item, yaml.MappingNode) else ():
        if key.value == name and isinstance(value, yaml.SequenceNode) and value.value:
            return str(value.value[0].value)
    return None


def _cut(lines: list[str], name: str, first: int, last: int) -> Block:
    """Cut whole lines, without the blank ones and comments before what follows."""
    while last > first and (not lines[last].strip() or _is_comment(lines[last])):
        last -= 1
    return Block(name, first + 1, last + 1, dedent("\n".join(lines[first : last + 1])).strip("\n"))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
