"""Read and keep the communes of a territory: where they are, so that distances can be told.

A table in CSV with a header: `insee`, `name`, `postal_code`, `latitude`, `longitude` in degrees
(WGS 84), between commas, or between semicolons as French spreadsheets write it.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from schedules.annuaire.file import ColumnMissing, FileUnreadable
from schedules.models import Commune, Community

COLUMNS = ("insee", "name", "postal_code", "latitude", "longitude")

INSEE = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
POSTAL_CODE = re.compile(r"[0-9]{5}")
DEGREES = re.compile(r"-?[0-9]{1,3}([.,][0-9]{1,15})?")
FARTHEST = {"latitude": 90, "longitude": 180}
LONGEST_NAME = 100


class CommuneRefused(ValueError):
    """A line that cannot be kept: its number in the file, and the column that is wrong."""

    def __init__(self, line: int, column: str) -> None:
        super().__init__(f"line {line}: {column}")
        self.line, self.column = line, column


@dataclass(frozen=True)
class Town:
    """One line of the table."""

    insee: str
    name: str
    postal_code: str
    latitude: float
    longitude: float


def keep_communes(session: Session, community: Community, lines: Iterable[str]) -> Counter[str]:
    """Create and update this community's communes, and count them: `new`, `changed`, `same`.

    Communes that the table does not name stay as they are.

    Raises:
        ColumnMissing: if the header lacks one. Nothing is kept.
        CommuneRefused: if a line is wrong, or names a commune again. Nothing is kept.
        FileUnreadable: if it is not UTF-8, or no table. Nothing is kept.
    """
    towns = read(lines)
    known = {
        commune.insee: commune
        for commune in session.scalars(select(Commune).where(Commune.community_id == community.id))
    }
    done: Counter[str] = Counter()
    for town in towns:
        done[_kept(session, community, town, known.get(town.insee))] += 1
    session.flush()
    return done


def _kept(session: Session, community: Community, town: Town, known: Commune | None) -> str:
    said = asdict(town)
    if known is None:
        session.add(Commune(community_id=community.id, **said))
        return "new"
    if all(getattr(known, name) == value for name, value in said.items()):
        return "same"
    for name, value in said.items():
        setattr(known, name, value)
    return "changed"


def read(lines: Iterable[str]) -> list[Town]:
    """Return the communes of a table.

    Raises:
        ColumnMissing, CommuneRefused, FileUnreadable: as `keep_communes`.
    """
    towns: dict[str, Town] = {}
    try:
        every = iter(lines)
        header = next(every, "")
        between = ";" if header.count(";") > header.count(",") else ","
        columns = _columns(next(csv.reader([header], delimiter=between), []))
        for number, cells in enumerate(csv.reader(every, delimiter=between), 2):
            if any(cell.strip() for cell in cells):
                town = _town(number, cells, columns)
                if town.insee in towns:
                    raise CommuneRefused(number, "insee")
                towns[town.insee] = town
    except (UnicodeDecodeError, csv.Error) as broken:
        raise FileUnreadable("no table in UTF-8") from broken
    return list(towns.values())


def _columns(header: list[str]) -> dict[str, int]:
    places = {name.strip().casefold(): place for place, name in enumerate(header)}
    for name in COLUMNS:
        if name not in places:
            raise ColumnMissing(name)
    return {name: places[name] for name in COLUMNS}


def _town(number: int, cells: list[str], columns: Mapping[str, int]) -> Town:
    said = {n: cells[place].strip() if place < len(cells) else "" for n, place in columns.items()}
    for column, shape in (("insee", INSEE), ("postal_code", POSTAL_CODE)):
        if not shape.fullmatch(said[column]):
            raise CommuneRefused(number, column)
    if not said["name"].isprintable() or not 0 < len(said["name"]) <= LONGEST_NAME:
        raise CommuneRefused(number, "name")
    return Town(
        insee=said["insee"],
        name=said["name"],
        postal_code=said["postal_code"],
        latitude=_degrees(number, "latitude", said),
        longitude=_degrees(number, "longitude", said),
    )


def _degrees(number: int, column: str, said: Mapping[str, str]) -> float:
    if not DEGREES.fullmatch(said[column]):
        raise CommuneRefused(number, column)
    degrees = float(said[column].replace(",", "."))
    if abs(degrees) > FARTHEST[column]:
        raise CommuneRefused(number, column)
    return degrees
