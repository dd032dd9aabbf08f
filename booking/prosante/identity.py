"""Pure: what Pro Santé Connect says of somebody → their RPPS number, or why that is not enough."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

RPPS = re.compile(r"8(\d{11})", re.ASCII)
"""The national identifier of a person by RPPS; with 0 in front it is an ADELI, with 3, 4, 5 not one
person's own."""

LEVELS = ("eidas1", "eidas2", "eidas3")
"""How well somebody proved who they are, the least first."""


class Why(StrEnum):
    """Why somebody is not let in by what Pro Santé Connect said."""

    NOT_BEGUN_HERE = auto()
    """Another browser's attempt, one that took too long, or one that was answered before."""
    DECLINED = auto()
    """They pressed cancel there, or were refused there."""
    NOT_BELIEVED = auto()
    """The answer is forged, for somebody else, too old, or the code was used before."""
    TOO_WEAK = auto()
    NO_RPPS = auto()
    NO_EXERCISE = auto()
    UNKNOWN = auto()
    """Nobody with this number has an account that opens."""


class Refused(Exception):
    """Somebody is not let in."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Demands:
    """How much is asked of whoever comes."""

    least: str = LEVELS[0]
    """Of `acr`, in the signed token."""
    palier: str | None = None
    """Of `Palier_Authentification`, before its « ^ »: « APPPRIP3 »; none: any."""


def rpps_of(token: Mapping[str, object], userinfo: Mapping[str, object], demands: Demands) -> str:
    """Return the eleven digits of whoever the checked token and the userinfo speak of.

    Raises:
        Refused: NOT_BELIEVED, if they speak of two; TOO_WEAK, NO_RPPS, NO_EXERCISE.
    """
    if not token.get("sub") or userinfo.get("sub") != token["sub"]:
        raise Refused(Why.NOT_BELIEVED)
    if not _is_enough(token, userinfo, demands):
        raise Refused(Why.TOO_WEAK)
    found = RPPS.fullmatch(_text(userinfo.get("SubjectNameID")))
    if found is None:
        raise Refused(Why.NO_RPPS)
    if not _exercises(userinfo):
        raise Refused(Why.NO_EXERCISE)
    return found[1]


def _is_enough(
    token: Mapping[str, object], userinfo: Mapping[str, object], demands: Demands
) -> bool:
    shown = token.get("acr")
    if shown not in LEVELS or LEVELS.index(_text(shown)) < LEVELS.index(demands.least):
        return False
    palier = _text(userinfo.get("Palier_Authentification")).partition("^")[0]
    return demands.palier is None or palier == demands.palier


def _exercises(userinfo: Mapping[str, object]) -> bool:
    """Whether they are registered in a profession: students and former professionals are not."""
    about = userinfo.get("SubjectRefPro")
    found = about.get("exercices") if isinstance(about, dict) else None
    return isinstance(found, list) and any(
        isinstance(one, dict) and _text(one.get("codeProfession")) for one in found
    )


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""
