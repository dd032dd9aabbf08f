"""By what somebody proves who they are, beside their password; and sign-ins that are half done."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference

OF_AN_ACCOUNT = (["community_id", "account_id"], ["account.community_id", "account.id"])


class Authenticator(Base):
    """The application on somebody's phone that shows a new code every thirty seconds (TOTP).

    `secret` counts; `pending` is one that is shown and not confirmed by a code yet: until it is,
    the former one counts.
    """

    __tablename__ = "authenticator"

    community_id: Mapped[CommunityId]
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed (config.sealing), for the account's reference."""
    confirmed_at: Mapped[datetime | None]
    last_counter: Mapped[int | None] = mapped_column(BigInteger)
    """The half minute of the last code that was taken: none up to it is taken again."""
    pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    pending_since: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        CheckConstraint("(secret IS NULL) = (confirmed_at IS NULL)", name="confirmed_is_whole"),
        CheckConstraint("(pending IS NULL) = (pending_since IS NULL)", name="pending_is_whole"),
    )


class RecoveryCode(Base):
    """A code on paper, for whoever has lost their phone: each opens once."""

    __tablename__ = "recovery_code"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigInteger)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        UniqueConstraint("community_id", "account_id", "code_hash", name="uq_recovery_code_hash"),
    )


class Passkey(Base):
    """A key that somebody's device, or a stick, keeps and never shows (WebAuthn)."""

    __tablename__ = "passkey"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    account_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """How often the device says it has signed: a copy of it would fall behind."""
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        UniqueConstraint("community_id", "reference", name="uq_passkey_reference"),
        Index("ix_passkey_account", "community_id", "account_id"),
    )


class HalfSignIn(Base):
    """Somebody has said the password and nothing more: ten minutes for the second step.

    It is no session: nothing opens by it but that step.
    """

    __tablename__ = "half_sign_in"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        Index("ix_half_sign_in_account", "community_id", "account_id"),
    )


class NationalProof(Base):
    """Somebody proved by Pro Santé Connect who they are, and has yet to say in which community.

    Ten minutes, once; it is no session: it opens only accounts of professionals with this number.
    """

    __tablename__ = "national_proof"

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    rpps: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class PasswordReset(Base):
    """A letter to whoever forgot their password: its link opens once, for half an hour."""

    __tablename__ = "password_reset"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    account_id: Mapped[int] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """It was used, or another took its place."""

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        UniqueConstraint("community_id", "reference", name="uq_password_reset_reference"),
        Index("ix_password_reset_account", "community_id", "account_id"),
    )


class KnownDevice(Base):
    """A browser in which somebody has signed in to the end: strangers' guesses do not slow it."""

    __tablename__ = "known_device"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    last_seen_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(*OF_AN_ACCOUNT),
        UniqueConstraint("community_id", "account_id", "token_hash", name="uq_known_device_token"),
        Index("ix_known_device_token_hash", "token_hash"),
    )
