"""What a professional reads who is asked to take somebody for whom nothing is free. Pure.

Age, distance, until when, and the protocol's coarse group where the community says it: no name, no
reason, no place.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import ClassVar
from zoneinfo import ZoneInfo

from notifications.messages import Message
from notifications.models import Kind
from notifications.texts import Language

MONTHS_UNTIL = 24
"""Below this many months an age is said in months."""


@dataclass(frozen=True, kw_only=True)
class HelpWanted(Message):
    """To a professional: `place` is the coarse group, `starts_at` the last moment to begin."""

    kind: ClassVar[Kind] = Kind.HELP
    case: ClassVar[str] = "help_wanted"

    age_months: int | None
    distance_km: float | None

    @classmethod
    def of(
        cls,
        *,
        before: datetime,
        group: str,
        age_months: int | None,
        distance_km: float | None,
        link: str,
        zone: ZoneInfo,
        language: Language = "fr",
    ) -> "HelpWanted":
        """Ask for somebody to be seen `before` a moment; an empty `group` is not said."""
        return cls(
            starts_at=before,
            place=group,
            age_months=age_months,
            distance_km=distance_km,
            link=link,
            zone=zone,
            language=language,
        )

    def _more(self) -> dict[str, str]:
        unsaid = "not said" if self.language == "en" else "non précisé"
        known = [said for said in (self._age(), self._away()) if said]
        return {
            "who": "".join(f", {said}" for said in known),
            "known": ", ".join(known) or unsaid,
            "what": self.place or unsaid,
        }

    def _age(self) -> str:
        months, is_english = self.age_months, self.language == "en"
        if months is None:
            return ""
        if months == 0:
            return "newborn" if is_english else "nouveau-né"
        if months < MONTHS_UNTIL:
            return f"{months} months" if is_english else f"{months} mois"
        return f"{months // 12} years" if is_english else f"{months // 12} ans"

    def _away(self) -> str:
        if self.distance_km is None:
            return ""
        kilometres, is_english = ceil(self.distance_km), self.language == "en"
        if kilometres <= 1:
            return "under 1 km away" if is_english else "à moins de 1 km"
        return f"{kilometres} km away" if is_english else f"à {kilometres} km"
