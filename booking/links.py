"""Unguessable addresses: made from a secret, kept as a hash, opening one thing each."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from uuid import UUID

TOKEN_BYTES = 16
"""128 bits: attacked at a hundred tries a second it outlives us all."""

SPOKEN = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters and figures of a spoken code: no 0 and O, no 1 and I."""


def hashed(token: str) -> bytes:
    """Return what the database keeps of a token."""
    return sha256(token.encode()).digest()


def code_of(reference: UUID) -> str:
    """Return the short code of a booking, to say aloud, as « K7P 2M ». It opens nothing."""
    number = reference.int
    letters = ""
    for _ in range(5):
        number, place = divmod(number, len(SPOKEN))
        letters += SPOKEN[place]
    return f"{letters[:3]} {letters[3:]}"


@dataclass(frozen=True)
class Links:
    """Makes the addresses that go into messages and pages.

    A token is derived from a row's reference and this secret: whoever reads the database alone
    can make none, and a reminder can repeat the link that nobody stored.
    """

    base_url: str
    host: str
    secret: bytes = field(repr=False)

    def token(self, purpose: str, reference: UUID) -> str:
        """Return 22 characters that open one thing, for one purpose."""
        made = digest(self.secret, f"{purpose}:{reference}".encode(), sha256)
        return urlsafe_b64encode(made[:TOKEN_BYTES]).decode().rstrip("=")

    def booking_token(self, reference: UUID) -> str:
        """Return the token of a patient's appointment page."""
        return self.token("booking", reference)

    def booking(self, reference: UUID) -> str:
        """Return the whole address of a patient's appointment page."""
        return f"{self.base_url}/r/{self.booking_token(reference)}"

    def request_token(self, reference: UUID) -> str:
        """Return the token in the addresses of one request's form."""
        return self.token("request", reference)

    def request(self, reference: UUID) -> str:
        """Return the whole address where a patient follows their request."""
        return f"{self.base_url}/demande/{self.request_token(reference)}"

    def offer_token(self, reference: UUID) -> str:
        """Return the token of the page of one slot that is offered."""
        return self.token("offer", reference)

    def offer(self, reference: UUID) -> str:
        """Return the whole address of the page of one slot that is offered."""
        return f"{self.base_url}/offre/{self.offer_token(reference)}"

    def outcome_token(self, reference: UUID) -> str:
        """Return the token of the page that asks a professional what became of a day."""
        return self.token("outcome", reference)

    def outcome(self, reference: UUID) -> str:
        """Return the whole address of the page that asks what became of a day."""
        return f"{self.base_url}/issues/{self.outcome_token(reference)}"

    def help_token(self, reference: UUID) -> str:
        """Return the token of the page on which one professional answers one call for help."""
        return self.token("help", reference)

    def help(self, reference: UUID) -> str:
        """Return the whole address of the page on which a professional answers."""
        return f"{self.base_url}/aide/{self.help_token(reference)}"

    def feed(self, token: str) -> str:
        """Return the whole address at which a calendar subscribes."""
        return f"{self.base_url}/agenda/{token}.ics"

    def invitation(self, token: str) -> str:
        """Return the whole address at which a new member chooses a password."""
        return f"{self.base_url}/invitation/{token}"

    def password_reset(self, token: str) -> str:
        """Return the whole address at which whoever forgot their password chooses another."""
        return f"{self.base_url}/mot-de-passe-oublie/{token}"

    def day(self) -> str:
        """Return the address where a professional sees who comes, after signing in."""
        return f"{self.base_url}/journee"

    def console(self) -> str:
        """Return the address where an operator sees who waits, after signing in."""
        return f"{self.base_url}/console"
