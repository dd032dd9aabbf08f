"""The table of messages: one row is one text to one recipient, finished when it is promised."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference

STILL_TO_SEND = text("status IN ('WAITING', 'SENDING')")
"""Said in the same words by the index and by who reads it, so that PostgreSQL sees it fits."""


class Kind(StrEnum):
    """What a message tells; with `about` and `version` it says which message this is."""

    CONFIRMATION = auto()
    MOVED = auto()
    CANCELLED = auto()
    CALL_BACK = auto()
    NOTICE = auto()
    """To the professional: a time of theirs was taken, moved or given back."""
    REMINDER = auto()
    LATE = auto()
    """To the patient: the professional is running late."""


class Channel(StrEnum):
    """How a message travels; each has one sender."""

    SMS = auto()
    EMAIL = auto()


class Status(StrEnum):
    """Where a message is. All but the first three are ends; a report may still mend UNKNOWN."""

    WAITING = auto()
    SENDING = auto()
    SENT = auto()
    DELIVERED = auto()
    UNDELIVERED = auto()
    FAILED = auto()
    WITHDRAWN = auto()
    EXPIRED = auto()
    UNKNOWN = auto()
    """A call began, nobody saw its end, and it must not be repeated."""


class OutboxMessage(Base):
    """One message, written in the transaction that makes it true; written on by outbox, receipts.

    `about` is the asker's own reference and means nothing here: messages know no bookings.
    `attempts` counts the calls to the provider that began. `expires_at` is when the message
    stops being worth sending: past it, it never leaves.
    """

    __tablename__ = "outbox_message"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    about: Mapped[UUID]
    version: Mapped[int]
    kind: Mapped[Kind]
    channel: Mapped[Channel]
    recipient: Mapped[str]
    subject: Mapped[str | None]
    text: Mapped[str]
    invitation: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the attached calendar entry says, as plain values: it is drawn when the mail leaves."""
    send_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[Status] = mapped_column(default=Status.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    call_started_at: Mapped[datetime | None]
    provider_id: Mapped[str | None]
    failure: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("community_id", "reference"),
        UniqueConstraint(
            "community_id",
            "about",
            "version",
            "kind",
            "channel",
            "recipient",
            name="uq_outbox_message_promised_once",
        ),
        CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="lease_is_whole"),
        CheckConstraint("(lease IS NOT NULL) = (status = 'SENDING')", name="lease_is_for_sending"),
        CheckConstraint("channel <> 'EMAIL' OR subject IS NOT NULL", name="email_has_subject"),
        CheckConstraint("attempts >= 0", name="attempts_are_counted"),
        # A provider's report knows the reference alone, not the community.
        Index("ix_outbox_message_reference", "reference"),
        # What lease() walks through, oldest first: never more than what is still to be sent.
        Index("ix_outbox_message_due", "send_at", postgresql_where=STILL_TO_SEND),
    )
