"""What somebody wrote back, as far as a machine may understand it. Pure."""

import re
import unicodedata

from notifications.models import Meaning

WORSE = "1"

WORDS = {
    Meaning.CANCEL: {
        "annuler",
        "annule",
        "annulation",
        "annuler rdv",
        "annuler le rdv",
        "annuler mon rdv",
        "annuler rendez vous",
        "annuler le rendez vous",
        "annuler mon rendez vous",
        "c",
        "cancel",
    },
    Meaning.STOP: {"stop", "stop sms", "arret", "stopall", "unsubscribe"},
    Meaning.START: {"start", "unstop", "reprendre"},
}
"""The whole message, without accents and signs: « C’est où ? » cancels nothing."""


def meaning_of(text: str) -> Meaning:
    """Return what a message asks for; whatever is not surely one of ours is for a person.

    A message that begins with « 1 » says that it got worse, whatever follows: doubt counts as the
    gravest.
    """
    said = _plain(text)
    if said.split(" ")[0] == WORSE:
        return Meaning.WORSE
    return next((each for each, words in WORDS.items() if said in words), Meaning.OTHER)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()
