"""Passwords of staff: which are accepted, how they are kept, how long a check takes. Pure."""

import secrets
import unicodedata
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256
FEWEST_DIFFERENT = 5
SHORTEST_PART_OF_A_NAME = 4

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id, 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet
accepts, and about 25 ms of one core, so that signing in cannot starve the booking pages."""

NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$BJpoAYPGGd78s/Ew6hsm6w"
    "$ccQm55+OlI4OtKa629kKrAL6VT09Hhh8d4QbfR0GXds"
)
"""What the password of an unknown account is compared with: of random bytes that nobody kept."""

AT_ONCE = BoundedSemaphore(2)
"""Checks that run together in one process; others wait, and pages go on being served."""

COMMON = (
    "motdepasse", "password", "passw", "azerty", "qwerty", "bonjour", "bienvenue", "soleil",
    "jetaime", "loulou", "doudou", "chouchou", "marseille", "france", "iloveyou", "welcome",
    "letmein", "changeme", "changezmoi", "admin", "administrateur", "secret", "secretaire",
    "docteur", "medecin", "infirmier", "infirmiere", "cabinet", "sante", "patient", "cpts",
    "jourmeme", "rendezvous", "test", "demo", "user", "utilisateur", "compte", "temporaire",
    "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre",
    "octobre", "novembre", "decembre", "printemps", "ete", "automne", "hiver",
)  # fmt: skip
"""Words that lists of leaked passwords are full of, and those of this trade: a password made of
nothing else is one of the first that anybody tries, whatever figures stand around it."""

RUNS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890123456789",
    "azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm", "1234567890",
)  # fmt: skip
"""What fingers do by themselves."""

AS_LETTERS = str.maketrans("013457@$€", "oieastase")
"""Figures and signs that people write for letters."""

LEAST_GUESSES = 10**9
"""Of whoever tries 30 000 leaked passwords and 60 000 words first, and what is made of them."""

MOST_ESTIMATED = 40
"""Letters and figures. More, and signs that may stand for letters, can keep zxcvbn for seconds."""

SYLLABLES = tuple(a + b for a in "bdfglmnprtv" for b in ("a", "e", "i", "o", "u"))


class PasswordRefused(ValueError):
    """A password that we would not keep; `why` is a key for the door's sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def check(password: str, *, about: tuple[str, ...] = ()) -> None:
    """Accept a password, or say why not; `about` are its owner's name and e-mail.

    Raises:
        PasswordRefused: `short`, `long`, `common` or `personal`.
    """
    if len(password) < SHORTEST:
        raise PasswordRefused("short")
    if len(password) > LONGEST:
        raise PasswordRefused("long")
    plain = _plain(password)
    if len(set(plain)) < FEWEST_DIFFERENT or _is_made_of_common(plain):
        raise PasswordRefused("common")
    if _is_made_of_common(_without(plain, _parts_of(about))):
        raise PasswordRefused("personal")
    if _is_soon_guessed(password.lower(), plain):
        raise PasswordRefused("common")


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(sign for sign in decomposed if sign.isalnum())


def _is_made_of_common(plain: str) -> bool:
    """Return whether fewer than five characters are left once the usual words are taken out."""
    return any(
        len(_without(form, COMMON).strip("0123456789")) < FEWEST_DIFFERENT or _runs(form)
        for form in (plain, plain.translate(AS_LETTERS))
    )


def _is_soon_guessed(typed: str, plain: str) -> bool:
    # Its lists take 10 MB and a sixth of a second, and most processes never see a new password.
    from zxcvbn import zxcvbn  # noqa: PLC0415
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    is_leaked = typed in FREQUENCY_LISTS["passwords"]
    return is_leaked or zxcvbn(plain[:MOST_ESTIMATED])["guesses"] < LEAST_GUESSES


def _runs(plain: str) -> bool:
    lines = [line + line for line in RUNS] + [(line + line)[::-1] for line in RUNS]
    return any(plain in line for line in lines)


def _without(plain: str, words: tuple[str, ...]) -> str:
    for word in sorted(words, key=len, reverse=True):
        plain = plain.replace(word, "")
    return plain


def _parts_of(about: tuple[str, ...]) -> tuple[str, ...]:
    words = " ".join(about).replace("@", " ").replace(".", " ").replace("-", " ").split()
    return tuple(p for p in map(_plain, words) if len(p) >= SHORTEST_PART_OF_A_NAME)


def hashed(password: str) -> str:
    """Return what the database keeps of a password: Argon2id with its own salt."""
    with AT_ONCE:
        return HASHER.hash(_bytes(password))


def is_right(kept: str | None, password: str) -> bool:
    """Return whether this is the password; for nobody's (None) it takes as long, and is false."""
    with AT_ONCE:
        try:
            return HASHER.verify(kept or NOBODYS, _bytes(password)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    # The same letters typed on another keyboard are the same password. What no browser sends
    # (half a surrogate pair) is still bytes, and wrong.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def proposed() -> str:
    """Return a new password that can be read out on the phone: « lobu-tave-fime-dora-1937 »."""
    words = ["".join(secrets.choice(SYLLABLES) for _ in range(2)) for _ in range(4)]
    return "-".join([*words, f"{secrets.randbelow(10_000):04}"])
