"""Passkeys (WebAuthn): a device signs a challenge of ours with a key that it never shows."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from uuid import UUID, uuid4

import webauthn
from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from booking.audit import unit
from booking.models import Account, Action, Passkey

LONGEST_NAME = 40
LONGEST_ANSWER = 16_384
MOST = 10

WRONG = (WebAuthnException, ValueError, TypeError, KeyError, RecursionError)
"""What the library raises for an answer that is not one."""


class PasskeyRefused(ValueError):
    """What the device answered proves nothing here; `why` is a key for the door's sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoSuchPasskey(LookupError):
    """This account has none of that name."""


@dataclass(frozen=True)
class Party:
    """Whom devices make keys for: our host, and the address that pages come from."""

    host: str
    origin: str

    @property
    def has_passkeys(self) -> bool:
        """Whether browsers make keys for it: for names they do, for bare numbers they do not."""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False


def challenge(token: str, secret: bytes) -> bytes:
    """Return what a device signs: of one sign-in or session, whose token changes once it has."""
    return hmac.digest(secret, f"passkey:{token}".encode(), "sha256")


def to_add(session: Session, account: Account, party: Party, asked: bytes) -> str:
    """Return, as JSON, what the browser hands to a device that shall make a key."""
    options = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name="JourMême",
        user_name=account.email,
        user_id=account.reference.bytes,
        user_display_name=account.display_name,
        challenge=asked,
        exclude_credentials=_descriptors(session, account),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return webauthn.options_to_json(options)


def add(
    session: Session,
    account: Account,
    name: str,
    answer: str,
    *,
    party: Party,
    asked: bytes,
    now: datetime,
) -> None:
    """Keep the key that a device has made.

    Raises:
        PasskeyRefused: `name`, `many`, `known` (somebody has it already), `answer`.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise PasskeyRefused("name")
    if len(listed(session, account)) >= MOST:
        raise PasskeyRefused("many")
    try:
        made = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=asked,
            expected_rp_id=party.host,
            expected_origin=party.origin,
        )
    except WRONG:
        raise PasskeyRefused("answer") from None
    kept = Passkey(
        community_id=account.community_id,
        reference=uuid4(),
        account_id=account.id,
        name=name.strip(),
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        added_at=now,
    )
    try:
        with session.begin_nested():
            session.add(kept)
    except IntegrityError:
        raise PasskeyRefused("known") from None
    unit.of_account(Action.FACTOR, account)


def to_prove(session: Session, account: Account, party: Party, asked: bytes) -> str | None:
    """Return, as JSON, what the browser hands to a device that shall sign; None: none is known."""
    known = _descriptors(session, account)
    if not known or not party.has_passkeys:
        return None
    options = webauthn.generate_authentication_options(
        rp_id=party.host, challenge=asked, allow_credentials=known
    )
    return webauthn.options_to_json(options)


def takes(
    session: Session, account: Account, answer: str, *, party: Party, asked: bytes, now: datetime
) -> bool:
    """Whether a device of this account signed the challenge; it is noted that it did."""
    try:
        read = _read(answer)
        signed_by = parse_authentication_credential_json(read).raw_id
    except WRONG:
        return False
    key = session.scalar(
        _of(account)
        .where(Passkey.credential_id == signed_by)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if key is None:
        return False
    try:
        proved = webauthn.verify_authentication_response(
            credential=read,
            expected_challenge=asked,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
        )
    except WRONG:
        return False
    key.sign_count, key.last_used_at = proved.new_sign_count, now
    session.flush()
    return True


def listed(session: Session, account: Account) -> Sequence[Passkey]:
    """Return the passkeys of an account, the first one first."""
    return session.scalars(_of(account).order_by(Passkey.added_at, Passkey.id)).all()


def found(session: Session, account: Account, reference: UUID) -> Passkey:
    """Return one passkey of an account.

    Raises:
        NoSuchPasskey: if this account has none of that name.
    """
    key = session.scalar(_of(account).where(Passkey.reference == reference))
    if key is None:
        raise NoSuchPasskey
    return key


def remove(session: Session, key: Passkey) -> None:
    """Let a passkey prove nothing any more."""
    session.delete(key)
    session.flush()
    unit.note(Action.FACTOR, community_id=key.community_id)


def forget(session: Session, account: Account) -> None:
    """Delete every passkey of an account."""
    session.execute(
        delete(Passkey).where(
            Passkey.community_id == account.community_id, Passkey.account_id == account.id
        )
    )


def _read(answer: str) -> dict[str, object]:
    """Return an answer's JSON; what is too long, or no object, is refused first."""
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise TypeError("no object")
    return read


def _of(account: Account) -> Select[Passkey]:
    return select(Passkey).where(
        Passkey.community_id == account.community_id, Passkey.account_id == account.id
    )


def _descriptors(session: Session, account: Account) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=key.credential_id) for key in listed(session, account)]
