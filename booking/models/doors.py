"""Who may come in: accounts, sessions, other software; and what doors and workers note."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from config import sealed
from config.database import Base, CommunityId, Id, Reference


class Role(StrEnum):
    """What an account may do here."""

    OPERATOR = "OPERATOR"
    SECRETARY = "SECRETARY"
    PROFESSIONAL = "PROFESSIONAL"
    COORDINATOR = "COORDINATOR"
    ADMINISTRATOR = "ADMINISTRATOR"


class Account(Base):
    """Somebody who works with JourMême, and what they may do."""

    __tablename__ = "account"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    email: Mapped[str] = mapped_column(unique=True)
    """Lower case: people sign in with it before we know their community."""
    display_name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[Role]
    professional_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    news_seen_at: Mapped[datetime | None]
    """Up to when they have read what happened to their practice's appointments; none: never."""
    last_seen_at: Mapped[datetime | None]
    """When sessions that were deleted since were last used; the others tell it themselves."""
    warned_at: Mapped[datetime | None]
    """When they were last told that their account, which nobody uses, will close."""

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_account_reference"),
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        CheckConstraint("email = lower(email)", name="email_is_lower_case"),
        CheckConstraint(
            "(role = 'PROFESSIONAL') = (professional_id IS NOT NULL)",
            name="professional_is_somebody",
        ),
    )


class AccountSite(Base):
    """The practices whose day a secretary keeps."""

    __tablename__ = "account_site"

    community_id: Mapped[CommunityId]
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "account_id"], ["account.community_id", "account.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
    )


class Invitation(Base):
    """A letter to somebody who has an account and no password yet: its link lets them choose one.

    It opens once, for seven days, and only while no later one was sent.
    """

    __tablename__ = "invitation"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    account_id: Mapped[int] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """It was accepted, or another took its place."""
    accepted_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "account_id"], ["account.community_id", "account.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_invitation_reference"),
        Index("ix_invitation_account", "community_id", "account_id"),
    )


class StaffSession(Base):
    """One sign-in, on one device; ended here, it is ended everywhere."""

    __tablename__ = "staff_session"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    reference: Mapped[Reference] = mapped_column(server_default=text("gen_random_uuid()"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    proved_at: Mapped[datetime | None]
    """When whoever holds it last showed a second factor; none: never."""
    locked_at: Mapped[datetime | None]
    """Somebody left the desk: the password opens it again, at this place."""
    device: Mapped[str] = mapped_column(server_default="")
    """Coarse, « Firefox, Windows »: enough to know one's own again."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "account_id"], ["account.community_id", "account.id"]
        ),
        UniqueConstraint("community_id", "token_hash", name="uq_staff_session_token"),
        UniqueConstraint("community_id", "reference", name="uq_staff_session_reference"),
        Index("ix_staff_session_account", "community_id", "account_id"),
        Index("ix_staff_session_token_hash", "token_hash"),
    )


class SignInFailure(Base):
    """A refused proof, or a letter asked for: slowed down on every machine and process alike."""

    __tablename__ = "sign_in_failure"

    id: Mapped[Id]
    who_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the address or the e-mail: neither is kept."""
    at: Mapped[datetime]

    __table_args__ = (Index("ix_sign_in_failure_who", "who_hash", "at"),)


class SmsAsked(Base):
    """An SMS that somebody not signed in made us promise, so that nobody has us write to all."""

    __tablename__ = "sms_asked"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    who_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the address it was asked from, which is not kept."""
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_sms_asked_who", "who_hash", "at"),
        Index("ix_sms_asked_at", "community_id", "at"),
    )


class Scope(StrEnum):
    """One thing that other software may do with its key."""

    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"
    SLOTS_READ = "slots:read"
    BOOKINGS_WRITE = "bookings:write"


class ApiClient(Base):
    """Other software that may ask and book, its key's hash, and what the key is for."""

    __tablename__ = "api_client"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    """What nobody said it may do, it may not."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("community_id", "key_hash", name="uq_api_client_key"),
        CheckConstraint(
            "scopes <@ ARRAY['bookings:write', 'requests:read', 'requests:write', 'slots:read']"
            "::varchar[]",
            name="scopes_are_known",
        ),
        Index("ix_api_client_key_hash", "key_hash"),
    )


class IdempotencyKey(sealed.Row, Base):
    """The answer that a client's write was given, so that its repetition gets the same one."""

    __tablename__ = "idempotency_key"

    community_id: Mapped[CommunityId]
    client_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[Reference]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of method, path and body: the same key with another body is a mistake."""
    status: Mapped[int]
    body = sealed.mapping()
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "client_id"], ["api_client.community_id", "api_client.id"]
        ),
        Index("ix_idempotency_key_created", "created_at"),
    )


class WorkerHeartbeat(Base):
    """When the worker that leads was last alive: what /readyz and operators look at."""

    __tablename__ = "worker_heartbeat"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
