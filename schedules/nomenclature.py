"""National codes of professions, and the discipline by which protocols call each professional."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).parent.parent / "config" / "nomenclatures" / "professions.yaml"


class ProfessionUnknown(ValueError):
    """A profession code that the nomenclature does not hold."""


@dataclass(frozen=True)
class Discipline:
    """A kind of professional as protocols count them: `MG`, `PH`, `SF`.

    `profession` is a TRE_G15 code (none: a service, which no professional is), `specialities`
    are TRE_R38 codes (empty: all that are left).
    """

    code: str
    profession: str | None
    specialities: tuple[str, ...]
    fr: str
    en: str

    def label(self, language: str) -> str:
        """Return the word for people, in lower case, in French unless `language` is `en`."""
        return self.en if language == "en" else self.fr


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    profession: str | None = None
    specialities: tuple[str, ...] = ()
    fr: str
    en: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    disciplines: dict[str, _Entry]
    structures: dict[str, str]


@cache
def _file() -> _File:
    return _File.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@cache
def disciplines() -> dict[str, Discipline]:
    """Return every discipline by its code, in the file's order."""
    return {
        code: Discipline(code, e.profession, e.specialities, e.fr, e.en)
        for code, e in _file().disciplines.items()
    }


def discipline_of(profession: str, speciality: str | None) -> str:
    """Return the discipline of a professional with these TRE_G15 and TRE_R38 codes.

    Raises:
        ProfessionUnknown: if no discipline has that profession.
    """
    of_profession = [d for d in disciplines().values() if d.profession == profession]
    fitting = [d for d in of_profession if speciality in d.specialities] or [
        d for d in of_profession if not d.specialities
    ]
    if not fitting:
        raise ProfessionUnknown(profession)
    return fitting[0].code


def label(discipline: str, language: str = "fr") -> str:
    """Return what people call this discipline; the code itself where the file has no word."""
    known = disciplines().get(discipline)
    return known.label(language) if known else discipline
