"""What is wrong with each field, in words; the value that was sent is never repeated."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from pydantic import ValidationError
from pydantic_core import ErrorDetails

MOST_ERRORS = 20
LONGEST_NAME = 100

SENTENCES: Mapping[str, Any] = {
    "missing": _("Ce champ est obligatoire."),
    "extra_forbidden": _("Ce champ n’existe pas."),
    "string_type": _("Un texte est attendu."),
    "string_too_short": _("Ce texte est trop court."),
    "string_too_long": _("Ce texte est trop long."),
    "bool_type": _("true ou false est attendu."),
    "model_type": _("Un objet est attendu."),
    "dict_type": _("Un objet est attendu."),
    "list_type": _("Une liste est attendue."),
    "too_long": _("Il y a trop d’éléments."),
    "float_type": _("Un nombre est attendu."),
    "greater_than_equal": _("Ce nombre est trop petit."),
    "less_than_equal": _("Ce nombre est trop grand."),
    "uuid_type": _("Une référence (UUID) est attendue."),
    "uuid_parsing": _("Une référence (UUID) est attendue."),
    "date_type": _("Une date est attendue : AAAA-MM-JJ."),
    "date_from_datetime_parsing": _("Une date est attendue : AAAA-MM-JJ."),
    "date_parsing": _("Une date est attendue : AAAA-MM-JJ."),
    "written": _("Ce texte contient un caractère qui n’a pas sa place dans un nom."),
    "phone": _("Un numéro de téléphone français est attendu."),
}

OTHERWISE = _("Cette valeur n’est pas acceptée.")
ONE_OF = "enum"


def fields(refused: ValidationError) -> list[dict[str, object]]:
    """Return one entry for each wrong field: its path, as `person.phone`, and a sentence."""
    found: dict[str, object] = {}
    for error in refused.errors(include_input=False, include_url=False, include_context=True):
        found.setdefault(_path(error["loc"]), _sentence(error))
    return [
        {"field": name, "detail": sentence} for name, sentence in list(found.items())[:MOST_ERRORS]
    ]


def _sentence(error: ErrorDetails) -> object:
    if error["type"] == ONE_OF:
        known = str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
        return _("Une de ces valeurs est attendue : %(known)s.", known=known)
    return SENTENCES.get(error["type"], OTHERWISE)


def _path(loc: tuple[int | str, ...]) -> str:
    # pydantic adds which of several types it tried; an answer's name is the second part.
    kept = loc[:2] if loc[:1] == ("answers",) else loc
    return ".".join(str(part)[:LONGEST_NAME] for part in kept)
