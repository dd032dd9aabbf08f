"""How a community asks its professionals: data of its own, with defaults.

Nobody is asked unless the coordinator says so.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "wave_size": (1, 20),
        "minutes": (5, 60),
        "most_a_day": (1, 10),
        "farthest_km": (1, 200),
    }
)
"""Between which numbers each may be."""


@dataclass(frozen=True)
class Terms:
    """What a community has chosen."""

    is_on: bool = False
    says_group: bool = True
    """The protocol's coarse group of the complaint may be said; never the complaint."""
    wave_size: int = 5
    minutes: int = 10
    """Between two waves."""
    most_a_day: int = 3
    """How often one professional may be asked on one day."""
    farthest_km: int = 30


def of(kept: Mapping[str, Any]) -> Terms:
    """Return what was kept; what is missing, or no such number any more, is the default."""
    return Terms(**{each.name: kept[each.name] for each in fields(Terms) if _is_right(each, kept)})


def _is_right(field: Any, kept: Mapping[str, Any]) -> bool:
    said = kept.get(field.name)
    if field.name not in LIMITS:
        return isinstance(said, bool)
    least, most = LIMITS[field.name]
    return isinstance(said, int) and not isinstance(said, bool) and least <= said <= most


def kept(terms: Terms) -> dict[str, Any]:
    """Return what a community keeps of them."""
    return asdict(terms)
