"""Screen C3: a medical committee reads, changes, tries, signs and defends its protocol."""

from booking.web.protocol import changing, explanation, preview, reading, rules, signing
from booking.web.protocol.door import protocol

__all__ = [
    "changing",
    "explanation",
    "preview",
    "protocol",
    "reading",
    "rules",
    "signing",
]
