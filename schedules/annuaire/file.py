"""Read the national directory's open file: one row an activity of a professional, at one place.

The file is `PS_LibreAcces_Personne_activite` of the Annuaire Santé (ANS, Licence Ouverte 2.0):
UTF-8, a header, columns between `|` and one more at the end of each line. Columns were added over
the years, so they are read by name. Only what lies in the community's communes is kept.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

FILE_NAME = "PS_LibreAcces_Personne_activite"

NEEDED = (
    "type d'identifiant pp",
    "identifiant pp",
    "nom d'exercice",
    "prénom d'exercice",
    "code profession",
    "code commune",
)
"""Without these no row says who works where; any other column may be missing."""

RPPS_TYPE = "8"
"""«Type d'identifiant PP» of an RPPS number; 0 is an ADELI number, which is being replaced."""
RPPS_DIGITS = 11
ORDINAL_SPECIALITY = "S"
"""«Code type savoir-faire» of the speciality that the Order knows (TRE_R38)."""

CIVILITIES = {"DR": "Dr", "PR": "Pr"}

STRUCTURES = {
    "SA01": "355", "SA05": "124", "SA07": "SA07", "SA08": "SA08", "SA09": "SA08",
    "SA33": "620", "SA52": "603",
}  # fmt: skip
"""From a sector (TRE_R02) to the structure (TRE_R66) that our nomenclature has a word for."""
PRACTICE = "SA07"

UNNAMED = {"603": "Maison de santé", "124": "Centre de santé", "620": "Pharmacie"}
"""What a place of that structure is called when it has no name of its own; others: Cabinet."""

PHONE_DIGITS = 10

OVERSEAS = ("97", "98")
"""There, a département's code has three signs."""

SMALL_WORDS = re.compile(
    r"(?<=[\s'’-])(?:à|au|aux|de|des|du|en|et|la|le|les|lès|sous|sur|d|l)(?=[\s'’-])",
    re.IGNORECASE,
)
"""Words that stay small inside a place's name: Ambrelle-le-Château, 12 rue des Lavoirs."""


class ColumnMissing(ValueError):
    """The file lacks a column without which no row says who works where; `column` names it."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class FileUnreadable(ValueError):
    """Not a text in UTF-8, nor an archive that holds the file."""


@dataclass(frozen=True)
class Place:
    """Where one activity takes place."""

    key: str
    """The structure's technical number, or whatever else tells it from others."""
    finess: str | None
    name: str
    """What its sign says; empty if the file does not know. It may hold a person's name."""
    unnamed: str
    """What to call it otherwise, after its street: no message then tells whom somebody sees."""
    structure: str
    address_line: str
    postal_code: str
    insee: str
    city: str
    phone: str


@dataclass(frozen=True)
class Activity:
    """One row: one professional, one place, perhaps one speciality."""

    rpps: str
    civility: str
    family_name: str
    given_name: str
    profession: str
    speciality: str | None
    place: Place


@dataclass
class Reading:
    """What was met on the way through a file; complete once the last activity was drawn."""

    rows: int = 0
    elsewhere: int = 0
    """Rows about other communes, départements or people."""
    refused: Counter[str] = field(default_factory=Counter)
    """`fields` (too few of them), `identifier` (no RPPS), `rpps` (not eleven digits), `name`."""


@dataclass(frozen=True)
class Lines:
    """An open file, line by line, that knows how far it has been read."""

    text: TextIO
    size: int
    """In bytes."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.text)

    def read(self) -> int:
        """Return how many bytes were read by now."""
        return self.text.buffer.tell()


@dataclass(frozen=True)
class Wanted:
    """Which rows count: all conditions that are set must hold; None sets none."""

    communes: frozenset[str] | None = None
    """INSEE codes."""
    departements: frozenset[str] | None = None
    """Codes as `59`, `2A`, `974`."""
    rpps: frozenset[str] | None = None

    def has(self, insee: str, rpps: str) -> bool:
        """Return whether a row about this commune and this person counts."""
        return (
            (self.communes is None or insee in self.communes)
            and (
                self.departements is None
                or insee[: 3 if insee[:2] in OVERSEAS else 2] in self.departements
            )
            and (self.rpps is None or rpps in self.rpps)
        )


EVERYTHING = Wanted()


@contextmanager
def opened(path: Path) -> Iterator[Lines]:
    """Open the file, or the daily archive that it comes in.

    Raises:
        FileUnreadable: if an archive does not hold it.
    """
    if not zipfile.is_zipfile(path):
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield Lines(text, path.stat().st_size)
        return
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if Path(name).name.startswith(FILE_NAME)]
        if not inside:
            raise FileUnreadable(f"no {FILE_NAME} in the archive")
        with archive.open(inside[0]) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            yield Lines(text, archive.getinfo(inside[0]).file_size)


def activities(lines: Iterable[str], *, wanted: Wanted, reading: Reading) -> Iterator[Activity]:
    """Return the activities one after the other, and count in `reading` what was left out.

    Of a file of any size, one row is in memory.

    Raises:
        ColumnMissing: if the header lacks one that is needed.
        FileUnreadable: if it is not UTF-8, or no table.
    """
    # Quotation marks are letters here: a practice may be called «L'Éveil».
    table = csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE)
    try:
        columns = _columns(next(table, []))
        for cells in table:
            reading.rows += 1
            found = _activity(cells, columns, wanted, reading)
            if found:
                yield found
    except (UnicodeDecodeError, csv.Error) as broken:
        raise FileUnreadable(f"row {reading.rows + 1}") from broken


def _columns(header: Sequence[str]) -> dict[str, int]:
    columns = {_plain(name): place for place, name in reversed(list(enumerate(header)))}
    for name in NEEDED:
        if name not in columns:
            raise ColumnMissing(name)
    return columns


def _plain(name: str) -> str:
    """Return a column's name without what editions of the file spell differently."""
    return " ".join(name.replace("’", "'").replace("(coord. structure)", "").casefold().split())


class _Row:
    """The cells of one row, by the names of columns; what a file lacks is empty."""

    def __init__(self, cells: Sequence[str], columns: Mapping[str, int]) -> None:
        self._cells, self._columns = cells, columns

    def __getitem__(self, column: str) -> str:
        place = self._columns.get(column)
        if place is None or place >= len(self._cells):
            return ""
        return " ".join("".join(filter(str.isprintable, self._cells[place])).split())


def _activity(
    cells: Sequence[str],
    columns: Mapping[str, int],
    wanted: Wanted,
    reading: Reading,
) -> Activity | None:
    row = _Row(cells, columns)
    if len(cells) <= max(columns[name] for name in NEEDED):
        reading.refused["fields"] += 1
    elif not wanted.has(row["code commune"], row["identifiant pp"]):
        reading.elsewhere += 1
    elif fault := _fault(row):
        reading.refused[fault] += 1
    else:
        return _read(row)
    return None


def _fault(row: _Row) -> str | None:
    if row["type d'identifiant pp"] != RPPS_TYPE:
        return "identifier"
    rpps = row["identifiant pp"]
    if len(rpps) != RPPS_DIGITS or not (rpps.isascii() and rpps.isdigit()):
        return "rpps"
    return None if row["nom d'exercice"] else "name"


def _read(row: _Row) -> Activity:
    is_speciality = row["code type savoir-faire"] == ORDINAL_SPECIALITY
    family_name = _cased(row["nom d'exercice"])
    return Activity(
        rpps=row["identifiant pp"],
        civility=CIVILITIES.get(row["code civilité d'exercice"], ""),
        family_name=family_name,
        given_name=_cased(row["prénom d'exercice"]),
        profession=row["code profession"],
        speciality=(row["code savoir-faire"] or None) if is_speciality else None,
        place=_place(row),
    )


def _place(row: _Row) -> Place:
    name = row["enseigne commerciale site"] or row["raison sociale site"]
    finess = row["numéro finess site"]
    number = " ".join(filter(None, (row["numéro voie"], row["indice répétition voie"].lower())))
    street = " ".join(filter(None, (row["libellé type de voie"].lower(), row["libellé voie"])))
    address_line = " ".join(filter(None, (number, street))) or row["mention distribution"]
    structure = STRUCTURES.get(row["code secteur d'activité"], PRACTICE)
    city = row["libellé commune"] or row["bureau cedex"]
    known_by = row["identifiant technique de la structure"] or finess or row["numéro siret site"]
    return Place(
        # Two who work alone in one village do not share a place: without a name it is theirs.
        key=known_by
        or "|".join((name or row["identifiant pp"], address_line, row["code commune"])),
        finess=finess or None,
        name=_placed(name),
        unnamed=", ".join(
            filter(
                None, (UNNAMED.get(structure, "Cabinet"), _placed(street or address_line or city))
            )
        ),
        structure=structure,
        address_line=_placed(address_line),
        postal_code=row["code postal"],
        insee=row["code commune"],
        city=_placed(city),
        phone=_phone(row["téléphone"] or row["téléphone 2"]),
    )


def _cased(name: str) -> str:
    """Return a name as people write it: the file has many in capitals only."""
    return name.title() if name.isupper() else name


def _placed(name: str) -> str:
    """Return a place's name or address as people write it, with its small words small."""
    written = " ".join(_cased(word) for word in name.split())
    return SMALL_WORDS.sub(lambda word: word[0].lower(), written)


def _phone(said: str) -> str:
    digits = "".join(filter(str.isdigit, said))
    if len(digits) != PHONE_DIGITS:
        return said
    return " ".join(digits[i : i + 2] for i in range(0, PHONE_DIGITS, 2))


def has_right_finess_key(finess: str) -> bool:
    """Return whether the last digit is the key. Of real numbers some fail: only warn."""
    # In Corsica a letter stands for a digit of the old département, 20.
    digits = finess.replace("A", "0").replace("B", "0")
    return digits.isascii() and digits.isdigit() and has_right_key(digits)


def has_right_key(rpps: str) -> bool:
    """Return whether the last digit is the key (Luhn). Of real numbers some fail: only warn."""
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(rpps))]
    return sum(sum(divmod(d, 10)) for d in doubled) % 10 == 0
