"""What the law lets each profession do without a doctor: dated data, switched on by people."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).parent.parent / "config" / "legal_rules.yaml"


class LegalRule(BaseModel):
    """One thing a profession may do, where, between which dates, by which text.

    `enabled_as` is what professionals declare to use it, its own id where the file says nothing.
    `structures` (TRE_R66) and `departements` are places; empty means any. `when` is what must be
    certain of the patient, in the words of a protocol.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    disciplines: tuple[str, ...]
    enabled_as: str = ""
    valid_from: date
    valid_until: date | None = None
    structures: tuple[str, ...] = ()
    departements: tuple[str, ...] = ()
    when: Mapping[str, Any] = Field(default_factory=dict)
    source: str
    dated: date

    @property
    def enabling(self) -> str:
        """What a professional declares to use it."""
        return self.enabled_as or self.id

    def is_in_force(self, on: date) -> bool:
        """Return whether its text applies on that day."""
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)

    def is_for_place(self, structure: str, postal_code: str) -> bool:
        """Return whether it may be used in this kind of place, there."""
        return (not self.structures or structure in self.structures) and (
            not self.departements or departement_of(postal_code) in self.departements
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    review_by: date
    rules: tuple[LegalRule, ...]


@cache
def rules(file: Path = FILE) -> Mapping[str, LegalRule]:
    """Return every rule by its id, in the file's order.

    Raises:
        ValueError: if the file is not such data, or names a rule twice.
    """
    read = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))).rules
    by_id = {rule.id: rule for rule in read}
    if len(by_id) < len(read):
        raise ValueError(f"{file.name}: a rule is written twice")
    return by_id


def usable_at(enablings: Iterable[str], *, structure: str, postal_code: str) -> set[str]:
    """Return what somebody declared and may use in this place; what is no legal rule stays."""
    ruled = {rule.enabling for rule in rules().values()}
    allowed = {
        rule.enabling for rule in rules().values() if rule.is_for_place(structure, postal_code)
    }
    return {each for each in enablings if each not in ruled or each in allowed}


def enablings(discipline: str) -> dict[str, str]:
    """Return what a discipline can be enabled for, with a title for people, in the file's order.

    What several rules share is called by what their titles have before the comma.
    """
    titles: dict[str, list[str]] = {}
    for rule in rules().values():
        if discipline in rule.disciplines:
            titles.setdefault(rule.enabling, []).append(rule.title)
    return {
        code: named[0] if len(named) == 1 else named[0].partition(",")[0]
        for code, named in titles.items()
    }


def departement_of(postal_code: str) -> str:
    """Return the département's code: `59`, `2A`, `974`."""
    if postal_code.startswith(("97", "98")):
        return postal_code[:3]
    if postal_code.startswith("20"):
        return "2A" if postal_code < "20200" else "2B"
    return postal_code[:2]
