"""Members as a table for spreadsheets, and back: pure reading and writing of the text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from schedules.enabling import LIKELY_YEARS

COLUMNS = (
    "RPPS",
    "Civilité",
    "Nom",
    "Prénom",
    "Profession",
    "Spécialité",
    "E-mail",
    "Langues",
    "Lieux",
    "Habilitations",
)
"""What is written and read again; more columns may follow, and mean nothing to the reader."""

NEEDED = ("RPPS", "Nom", "Prénom", "Profession")
TOLD = ("Discipline", "Compte", "Dernière publication")
"""What is only written."""

MOST_LINES = 5_000
LONGEST_CELL = 2_000
BETWEEN = " | "
"""Between the parts of one cell: a comma would be read as a column by some."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Cells that begin so are computed by spreadsheets: an apostrophe keeps them text."""

CODE = re.compile(r"[a-z0-9_-]{1,60}")
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class RosterUnreadable(ValueError):
    """The file is no such table; `why` is a key for the door's sentence, `column` what it lacks."""

    def __init__(self, why: str, column: str = "") -> None:
        super().__init__(f"{why} {column}")
        self.why = why
        self.column = column


@dataclass(frozen=True)
class Line:
    """One line of a file: its number, as a spreadsheet counts, and its cells by column."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def parts(self, column: str) -> list[str]:
        """Return the parts of one cell."""
        return [part for each in self[column].split("|") if (part := each.strip())]


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the table as French spreadsheets open it: UTF-8 with its mark, semicolons."""
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow((*COLUMNS, *TOLD))
    table.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _as_meant(cell: str) -> str:
    said = cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())


def decoded(content: bytes) -> str:
    """Return the text of a file, in UTF-8 or as French Windows writes it.

    Raises:
        RosterUnreadable: `encoding`, if it is no text at all.
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise RosterUnreadable("encoding")


def read(text: str) -> list[Line]:
    """Return the lines of a table, empty ones left out.

    Raises:
        RosterUnreadable: `empty`, `column` (with its name), `long` (too many lines), `cell`
            (one is too long), `table` (no table at all).
    """
    first, _, _ = text.lstrip("\r\n").partition("\n")
    comma = "," if first.count(",") > first.count(";") else ";"
    table = csv.reader(io.StringIO(text, newline=""), delimiter=comma)
    try:
        return list(_lines(table))
    except csv.Error as broken:
        raise RosterUnreadable("table") from broken


def _lines(table: Iterator[list[str]]) -> Iterator[Line]:
    header = next((row for row in table if any(cell.strip() for cell in row)), None)
    if header is None:
        raise RosterUnreadable("empty")
    known = {name.casefold(): name for name in COLUMNS}
    columns = [known.get(_as_meant(name).casefold(), "") for name in header]
    for name in NEEDED:
        if name not in columns:
            raise RosterUnreadable("column", name)
    found = 0
    for number, row in enumerate(table, 2):
        if not any(cell.strip() for cell in row):
            continue
        found += 1
        if found > MOST_LINES:
            raise RosterUnreadable("long")
        if any(len(cell) > LONGEST_CELL for cell in row):
            raise RosterUnreadable("cell")
        cells = {name: _as_meant(cell) for name, cell in zip(columns, row, strict=False) if name}
        yield Line(number, cells)


@dataclass(frozen=True)
class Enabled:
    """One enablement, as a cell says it: « protocole-cystite 2026-03-01 2027-02-28 »."""

    code: str
    starts_on: date
    ends_on: date | None

    def __str__(self) -> str:
        days = [self.starts_on.isoformat()]
        if self.ends_on is not None:
            days.append(self.ends_on.isoformat())
        return " ".join((self.code, *days))


def enabled(part: str) -> Enabled | None:
    """Return what one part of the cell « Habilitations » says; None for what says nothing."""
    words = part.split()
    if not 2 <= len(words) <= 3 or not CODE.fullmatch(words[0]):  # noqa: PLR2004 - code, days
        return None
    if not all(ISO_DAY.fullmatch(word) for word in words[1:]):
        return None
    try:
        days = [date.fromisoformat(word) for word in words[1:]]
    except ValueError:
        return None
    if any(day.year not in LIKELY_YEARS for day in days):
        return None
    ends_on = days[1] if len(days) > 1 else None
    if ends_on is not None and ends_on < days[0]:
        return None
    return Enabled(words[0], days[0], ends_on)
