"""What a community says in its own words, and how it stands in for ours. Pure.

The marks of a text (`{day}`, `{link}` …) are those of our text of the same case and part: a closed
set, in which nothing names a person, a reason, a speciality or a doctor. Coordinators read and
write them in French.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notifications.texts import TEXTS, Language, Wording

Own = Mapping[str, Mapping[str, Any]]
"""By `name`: `text`, with `saved_at` and `saved_by` beside it."""

CASES = (
    "confirmed",
    "reminder",
    "moved",
    "relocated",
    "cancelled_by_practice",
    "cancelled_others_kept",
    "cancelled_by_patient",
    "late",
    "call_back",
    "offered",
)
"""What patients are told: a community may say it otherwise."""

PARTS = ("sms", "voice", "email")

MARK = re.compile(r"\{([^{}]*)\}")

IN_FRENCH = {
    "day": "jour",
    "hour": "heure",
    "place": "lieu",
    "where": "lieu",
    "moment": "moment",
    "link": "lien",
    "before": "avant",
    "until": "limite",
    "minutes": "minutes",
}


def name(case: str, part: str, language: str) -> str:
    """Return how one text is called where a community's own are kept."""
    return f"{case}.{part}.{language}"


def ours(case: str, part: str, language: Language) -> str:
    """Return our text, or nothing where there is none to say otherwise."""
    text: str = getattr(TEXTS[language][case], part)
    return text


def marks(text: str) -> set[str]:
    """Return what stands between braces."""
    return set(MARK.findall(text))


def in_french(text: str) -> str:
    """Return a text with its marks as coordinators read them."""
    return MARK.sub(lambda found: f"{{{IN_FRENCH[found[1]]}}}", text)


def from_french(text: str, like: str) -> str:
    """Return what a coordinator wrote with the marks of our text `like`; unknown ones stay."""
    known = {IN_FRENCH[mark]: mark for mark in marks(like)}
    return MARK.sub(lambda found: f"{{{known.get(found[1].strip().lower(), found[1])}}}", text)


def wording(own: Own, case: str, language: Language) -> Wording:
    """Return our wording of a case, with what the community says itself instead of it.

    A text kept from before whose marks are not ours any more is not said: nothing could fill it.
    """
    wording = TEXTS[language][case]
    if not own:
        return wording
    kept = {
        part: own[name(case, part, language)]["text"]
        for part in PARTS
        if name(case, part, language) in own
    }
    return replace(
        wording,
        **{
            part: text
            for part, text in kept.items()
            if marks(text) <= marks(getattr(wording, part))
        },
    )
