"""The wording of every message, by language: what may be said of a visit is its time and place.

No name, reason, speciality or doctor stands here, and none can: the messages do not know them.
`{place}` in an SMS brings its own comma, or nothing where there is no room for it.
"""

from collections.abc import Mapping

from notifications.texts.english import ENGLISH
from notifications.texts.french import FRENCH
from notifications.texts.spoken import REPLIES, SPOKEN
from notifications.texts.wording import Language, Reply, Spoken, Wording

__all__ = ["REPLIES", "SPOKEN", "TEXTS", "Language", "Reply", "Spoken", "Wording"]

TEXTS: Mapping[Language, Mapping[str, Wording]] = {"fr": FRENCH, "en": ENGLISH}
"""By language, then by the name that notifications.messages gives each case."""
