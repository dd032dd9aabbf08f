"""What the database keeps sealed: AES-256-GCM, by a list of keys, each value tied to its place.

Whoever reads the database alone reads none of it, and can move none of it: a sealed value opens
only in the column and the row that it was sealed for. Keys are added in front of the list and stay
in it until everything was sealed again: nothing is lost by a change of key. Pure.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import NamedTuple, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
"""Random: one key may seal 2^32 values before two of them are likely enough to meet."""
TAG_BYTES = 16
FORM = b"\x01"
"""First byte of every sealed value: how the rest of it is written."""

LONGEST_KEY_ID = 32
KEY_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_KEY_ID}}}")


class Place(NamedTuple):
    """Where a value stands: its table, its column, and the public name of its row."""

    table: str
    column: str
    row: UUID

    @property
    def said(self) -> bytes:
        """Return what is bound to the value: no two places are written alike."""
        return f"{self.table}:{self.column}:{self.row}".encode()


class KeysInvalid(ValueError):
    """A list of keys that cannot be used; the text says which of them, never what it is."""


class KeyUnknown(LookupError):
    """A value was sealed with a key that is not in the list any more."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no key of the name {key!r}: put it back at the end of ENCRYPTION_KEYS")
        self.key = key


class SealBroken(ValueError):
    """What is kept here was not sealed for this place, or is not what was sealed."""


UNREADABLE = (KeyUnknown, SealBroken)
"""Why a sealed value cannot be read: its key is not there, or it is not what was sealed here."""


@dataclass(frozen=True)
class Keys:
    """Keys by their names, the newest first: that one seals, all of them open."""

    by_id: Mapping[str, bytes] = field(repr=False)
    _ciphers: Mapping[str, AESGCM] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make each cipher once: it takes longer than to seal a short text."""
        object.__setattr__(self, "_ciphers", {k: AESGCM(v) for k, v in self.by_id.items()})

    @classmethod
    def read(cls, written: str) -> Self:
        """Return the keys of a setting, as `id:base64,id:base64`.

        Raises:
            KeysInvalid: if there is none, one is not 32 bytes in base64, or a name comes twice.
        """
        found: dict[str, bytes] = {}
        for number, entry in enumerate(written.split(","), 1):
            name, _colon, encoded = entry.strip().partition(":")
            if not KEY_ID.fullmatch(name):
                raise KeysInvalid(f"key {number}: write id:base64, the id in letters and figures")
            if name in found:
                raise KeysInvalid(f"key {number}: the id {name!r} is there twice")
            try:
                key = b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise KeysInvalid(f"key {name!r}: not base64") from None
            if len(key) != KEY_BYTES:
                raise KeysInvalid(f"key {name!r}: {KEY_BYTES} bytes are wanted, not {len(key)}")
            found[name] = key
        return cls(found)

    def seal(self, value: bytes, *, about: Place) -> bytes:
        """Return the value sealed with the newest key, to be kept at one place and no other."""
        name, cipher = next(iter(self._ciphers.items()))
        head = FORM + bytes([len(name)]) + name.encode()
        nonce = token_bytes(NONCE_BYTES)
        return head + nonce + cipher.encrypt(nonce, value, head + about.said)

    def open(self, sealed: bytes, *, about: Place) -> bytes:
        """Return what was sealed for this place.

        Raises:
            KeyUnknown: if its key is not in the list.
            SealBroken: if it was changed, cut, or sealed for another place.
        """
        head, name = _head(sealed)
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise KeyUnknown(name)
        nonce, rest = sealed[len(head) :][:NONCE_BYTES], sealed[len(head) + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, head + about.said)
        except InvalidTag:
            raise SealBroken(f"{about.table}.{about.column} of {about.row}") from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key sealed this; otherwise `sealed_again` is due.

        Raises:
            SealBroken: if it is no sealed value at all.
        """
        return _head(sealed)[1] == next(iter(self.by_id))

    def sealed_again(self, sealed: bytes, *, about: Place) -> bytes:
        """Return the same value under the newest key; afterwards the former one may go.

        Raises:
            KeyUnknown, SealBroken: see `open`.
        """
        return self.seal(self.open(sealed, about=about), about=about)


def _head(sealed: bytes) -> tuple[bytes, str]:
    """Return the first bytes of a sealed value, and the name of the key that they tell."""
    if sealed[:1] != FORM or len(sealed) < len(FORM) + 1:
        raise SealBroken("not a sealed value")
    start = len(FORM) + 1
    end = start + sealed[len(FORM)]
    name = sealed[start:end].decode("ascii", "replace")
    if not KEY_ID.fullmatch(name) or len(sealed) < end + NONCE_BYTES + TAG_BYTES:
        raise SealBroken("not a sealed value")
    return sealed[:end], name
