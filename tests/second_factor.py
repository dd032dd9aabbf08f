"""A telephone that shows codes and a device that holds passkeys, for tests."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from booking.accounts import authenticators, recovery
from booking.models import Account
from config.settings import DEVELOPMENT_KEYS, Keys
from tests.staffing import PASSWORD

KEYS = Keys.read(DEVELOPMENT_KEYS)


@dataclass(frozen=True)
class Telephone:
    """What holds the secret, and the paper with the codes."""

    secret: str
    paper: list[str] = field(default_factory=list)

    def code(self, now: datetime) -> str:
        return pyotp.TOTP(self.secret).at(now)


def enrolled(session: Session, account: Account, now: datetime) -> Telephone:
    """Give an account a second factor whose last code is an hour old; return what proves it."""
    before = now - timedelta(hours=1)
    authenticators.begin(session, account, keys=KEYS, now=before)
    secret = authenticators.pending(session, account, keys=KEYS)
    assert secret is not None
    assert authenticators.confirm(
        session, account, pyotp.TOTP(secret).at(before), keys=KEYS, now=before
    )
    paper = recovery.make(session, account, now=now)
    session.commit()
    return Telephone(secret, paper)


def half_way(app: Flask, account: Account) -> FlaskClient:
    """Return a browser in which the right password was said, and nothing more."""
    client = app.test_client()
    answer = client.post("/connexion", data={"email": account.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def signed_in_twice(app: Flask, account: Account, phone: Telephone, now: datetime) -> FlaskClient:
    """Return a browser in which both steps were taken."""
    client = half_way(app, account)
    answer = client.post("/connexion/code", data={"code": phone.code(now)})
    assert answer.status_code == 303, answer.text
    return client


@dataclass
class SoftKey:
    """A device that makes a passkey and signs with it, as the WebAuthn standard says."""

    host: str = "localhost"
    origin: str = "http://localhost"
    count: int = 0
    id: bytes = field(default_factory=lambda: token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any]) -> str:
        """Return what a browser answers when it is asked to make a key."""
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        )
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + public
        about = self._about(flags=0x45) + attested
        return self._answer(
            clientDataJSON=self._said("webauthn.create", options["challenge"]),
            attestationObject=cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about}),
        )

    def sign(self, options: dict[str, Any]) -> str:
        """Return what a browser answers when it is asked for a proof."""
        self.count += 1
        about, said = self._about(flags=0x05), self._said("webauthn.get", options["challenge"])
        signed = about + sha256(said).digest()
        return self._answer(
            clientDataJSON=said,
            authenticatorData=about,
            signature=self.key.sign(signed, ec.ECDSA(hashes.SHA256())),
        )

    def _about(self, *, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _said(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, **parts: bytes) -> str:
        name = _text(self.id)
        response = {key: _text(part) for key, part in parts.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
