"""The table of messages: one row is one text to one recipient, finished when it is promised.

Beside it: who wants no SMS, which provider is left alone for a while, and what came back.
"""

from datetime import datetime
from enum import StrEnum, auto
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config import sealed
from config.database import Base, CommunityId, Id, Reference

STILL_TO_SEND = text("status IN ('WAITING', 'SENDING')")
"""Said in the same words by the index and by who reads it, so that PostgreSQL sees it fits."""

UNREPORTED = text("status = 'SENT' AND channel <> 'EMAIL'")
"""Gone to a provider that will say more of it; nobody reports a mail."""

BEGUN_BY_TELEPHONE = text("attempts > 0 AND channel <> 'EMAIL'")
"""What a community pays for: a provider was asked to send or to call."""

FOLLOWING = text("follows IS NOT NULL")
"""What stands in for another message: few do."""

UNSEEN = text("needs_somebody AND seen_at IS NULL")
"""A reply that somebody still has to read."""


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
    ESCALATION = auto()
    """To whoever is on call for the community: the time of a promise is nearly over."""
    OFFER = auto()
    """To who waits: a slot is kept for them, for some minutes."""
    HELP = auto()
    """To a professional: somebody for whom nothing is free, whom they may take by a link."""
    OUTCOME = auto()
    """To the professional, once: what became of the appointments of a day?"""


class Channel(StrEnum):
    """How a message travels; each has one sender."""

    SMS = auto()
    VOICE = auto()
    """A call that says the text, to a landline or where no SMS arrived."""
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


def recipient_key(recipient: str) -> bytes:
    """Return the keyed hash by which a number or an address is found without being read."""
    return sealed.blind("recipient", recipient)


def _keep_recipient_key(message: "OutboxMessage") -> None:
    message.recipient_key = recipient_key(message.recipient)


class OutboxMessage(sealed.Row, Base):
    """One message, written in the transaction that makes it true; written on by outbox, receipts.

    `about` is the asker's own reference and means nothing here: messages know no bookings.
    `attempts` counts the calls to the provider that began. `expires_at` is when the message
    stops being worth sending: past it, it never leaves. `fallbacks` are the ways that are left,
    each finished (channel, recipient, subject, text); when this one fails for good, the first of
    them becomes a row that `follows` it.
    """

    __tablename__ = "outbox_message"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    about: Mapped[UUID]
    version: Mapped[int]
    kind: Mapped[Kind]
    channel: Mapped[Channel]
    recipient = sealed.words(then=_keep_recipient_key)
    recipient_key: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the recipient: the same number, of any community, has the same."""
    subject = sealed.text()
    text = sealed.words()
    invitation = sealed.record()
    """What the attached calendar entry says, as plain values: it is drawn when the mail leaves."""
    language: Mapped[str] = mapped_column(server_default="fr")
    fallbacks = sealed.sequence()
    follows: Mapped[int | None] = mapped_column(BigInteger)
    """The message that this one stands in for: at most one does."""
    send_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[Status] = mapped_column(default=Status.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    call_started_at: Mapped[datetime | None]
    provider_id: Mapped[str | None]
    given_up_id: Mapped[str | None]
    """The provider's name of a copy that it could not deliver: bad news of it is no news."""
    failure: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint(
            "community_id",
            "about",
            "version",
            "kind",
            "channel",
            "recipient_key",
            name="uq_outbox_message_promised_once",
        ),
        ForeignKeyConstraint(
            ["community_id", "follows"], ["outbox_message.community_id", "outbox_message.id"]
        ),
        CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="lease_is_whole"),
        CheckConstraint("(lease IS NOT NULL) = (status = 'SENDING')", name="lease_is_for_sending"),
        # What was forgotten has neither.
        CheckConstraint(
            "channel <> 'EMAIL' OR subject IS NOT NULL OR text IS NULL", name="email_has_subject"
        ),
        CheckConstraint("attempts >= 0", name="attempts_are_counted"),
        Index(
            "uq_outbox_message_follows",
            "community_id",
            "follows",
            unique=True,
            postgresql_where=FOLLOWING,
        ),
        # A provider's report knows the reference alone, not the community.
        Index("ix_outbox_message_reference", "reference"),
        # What lease() walks through, oldest first: never more than what is still to be sent.
        Index("ix_outbox_message_due", "send_at", postgresql_where=STILL_TO_SEND),
        # What nobody has reported of yet: some minutes' worth.
        Index("ix_outbox_message_unreported", "call_started_at", postgresql_where=UNREPORTED),
        # Whom a reply comes from, and how often a number was written to.
        Index("ix_outbox_message_recipient", "recipient_key", "send_at"),
        # How much a community has sent in a day.
        Index(
            "ix_outbox_message_begun",
            "community_id",
            "send_at",
            postgresql_where=BEGUN_BY_TELEPHONE,
        ),
    )


class DailyLimit(Base):
    """How many SMS and calls a community may send in a day, where it is not what all may."""

    __tablename__ = "daily_limit"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    most: Mapped[int]

    __table_args__ = (
        UniqueConstraint("community_id", name="uq_daily_limit_community"),
        CheckConstraint("most >= 0", name="most_is_counted"),
    )


def _keep_opt_out_key(stopped: "OptOut") -> None:
    stopped.phone_key = recipient_key(stopped.phone)


class OptOut(sealed.Row, Base):
    """A number that asked for no more SMS, of any community: all of them have one sender.

    Nothing reads `phone`: it is there so that what was asked survives a change of the secret
    that hashes are keyed with.
    """

    __tablename__ = "opt_out"

    phone_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """As messages have it: `recipient_key`."""
    reference: Mapped[Reference]
    phone = sealed.words(then=_keep_opt_out_key)
    at: Mapped[datetime]


class SenderPause(Base):
    """A channel whose provider refuses everything: left alone until a moment, then tried again."""

    __tablename__ = "sender_pause"

    channel: Mapped[Channel] = mapped_column(primary_key=True)
    why: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]


class Meaning(StrEnum):
    """What somebody wrote back."""

    CANCEL = auto()
    STOP = auto()
    START = auto()
    WORSE = auto()
    """« 1 »: their state got worse."""
    OTHER = auto()


def _keep_phone_key(message: "InboundMessage") -> None:
    message.phone_key = sealed.blind("phone", message.phone)


class InboundMessage(sealed.Row, Base):
    """An SMS that somebody sent to us, once, whatever the provider repeats.

    `answer` is what was answered: the same report gets the same answer. `seen_at` is when somebody
    of the community had read it; none is needed for what was done by itself.
    """

    __tablename__ = "inbound_message"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    provider_id: Mapped[str] = mapped_column(unique=True)
    phone = sealed.words(then=_keep_phone_key)
    phone_key: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the phone, as requests have it."""
    text = sealed.words()
    meaning: Mapped[Meaning]
    answer = sealed.sequence()
    came_at: Mapped[datetime]
    needs_somebody: Mapped[bool]
    seen_at: Mapped[datetime | None]
    seen_by: Mapped[UUID | None]

    __table_args__ = (
        UniqueConstraint("community_id", "reference"),
        Index(
            "ix_inbound_message_unseen",
            "community_id",
            "came_at",
            postgresql_where=UNSEEN,
        ),
        Index("ix_inbound_message_phone", "phone_key", "came_at"),
    )
