"""What one wording of a message, a call or an answer is made of."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en"]


@dataclass(frozen=True)
class Wording:
    """One message in one language. `sms` has to leave 70 letters for the link.

    `voice` is what a call says before it names the keys; nobody is called about what has none.
    """

    sms: str
    subject: str
    email: str
    voice: str = ""


@dataclass(frozen=True)
class Spoken:
    """What calls say besides their message, in one language."""

    again: str
    again_or_cancel: str
    confirm: str
    cancelled: str
    unchanged: str
    changed: str
    too_late: str
    goodbye: str


@dataclass(frozen=True)
class Reply:
    """What we answer to an SMS, in one language; each is one segment."""

    worse: str
    which: str
    other: str
