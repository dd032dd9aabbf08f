"""What is wrong with the shape of a file, said in French to its author, line by line."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel
from pydantic import ValidationError as DocumentInvalid
from pydantic_core import ErrorDetails

from booking.triage.documents import REFUSED, ProtocolInvalid
from booking.triage.lines import Written

Shape = TypeVar("Shape", bound=BaseModel)

EXPECTED = {
    "missing": "il manque ici la ligne « {name}: … » ; ajoutez-la",
    "string_type": "un texte est attendu pour « {name} » ; mettez-le entre guillemets",
    "string_too_short": "« {name} » est trop court ; écrivez au moins {min_length} lettres",
    "string_pattern_mismatch": "« {said} » n'est pas un id ; écrivez-le en minuscules, sans accent "
    "ni espace (lettres, chiffres, _ et -)",
    "enum": "« {said} » n'est pas prévu pour « {name} » ; écrivez {expected}",
    "greater_than_equal": "« {name} » est trop petit ; écrivez au moins {ge}",
    "greater_than": "« {name} » est trop petit ; écrivez plus que {gt}",
    "list_type": "une liste est attendue pour « {name} » ; écrivez-la entre crochets",
}
"""By pydantic's kind of error."""

FAMILIES = (
    (("int", "float"), "un nombre est attendu pour « {name} » ; écrivez-le sans guillemets"),
    (("date",), "une date est attendue pour « {name} » ; écrivez-la comme 2026-11-30"),
    (("bool",), "« {name} » se dit true ou false"),
    (("dict", "model"), "des lignes « clé: valeur » sont attendues pour « {name} »"),
)
"""By how pydantic's kind of error begins."""


def shaped(shape: type[Shape], written: Written) -> Shape:
    """Return what a file says, in this shape.

    Raises:
        ProtocolInvalid: with all that is not in this shape, each with its line.
    """
    try:
        return shape.model_validate(written.said)
    except DocumentInvalid as invalid:
        faults = [written.fault(each["loc"], _said(each, shape)) for each in invalid.errors()]
        raise ProtocolInvalid(*dict.fromkeys(faults)) from invalid


def near(word: str, known: Iterable[str]) -> str:
    """Return « ; vouliez-vous dire … ? » when something known is spelt much like it."""
    close = get_close_matches(word, list(known), n=1)
    return f" ; vouliez-vous dire « {close[0]} » ?" if close else ""


def _said(error: ErrorDetails, shape: type[BaseModel]) -> str:
    kind, name = error["type"], _name(error)
    if kind == REFUSED:
        return error["msg"]
    if kind == "extra_forbidden":
        remedy = near(name, keys_of(shape)) or " ; enlevez cette ligne"
        return f"« {name} » n'existe pas ici{remedy}"
    message = EXPECTED.get(kind) or next(
        (said for begins, said in FAMILIES if kind.startswith(begins)),
        "« {name} » n'est pas possible ({kind}) ; corrigez cette ligne",
    )
    expected = str(error.get("ctx", {}).get("expected", "")).replace(" or ", " ou ")
    words = {
        **error.get("ctx", {}),
        "expected": expected.replace("'", ""),
        "name": name,
        "said": _short(error["input"]),
        "kind": kind,
    }
    return message.format(**words)


def _name(error: ErrorDetails) -> str:
    steps = [step for step in error["loc"] if isinstance(step, str) and not step.startswith("[")]
    return steps[-1] if steps else "fichier"


def _short(said: object) -> str:
    return str(said)[:60]


def keys_of(shape: type[BaseModel]) -> set[str]:
    """Return every key that a file of this shape may have, wherever it stands."""
    found: set[str] = set()
    for definition in [shape.model_json_schema(), *shape.model_json_schema()["$defs"].values()]:
        found |= definition.get("properties", {}).keys()
    return found
