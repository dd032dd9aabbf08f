"""Nothing is free: professionals are asked, wave after wave, and the first to accept wins."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference


class CallEnd(StrEnum):
    """How asking professionals ended."""

    FILLED = "FILLED"
    """There is an appointment, whoever gave it."""
    GONE = "GONE"
    """The request was closed, or went to the 15."""
    EXHAUSTED = "EXHAUSTED"
    """Everybody was asked and nobody can, or the time has passed."""
    STOPPED = "STOPPED"
    """Somebody of ours stopped it."""


class HelpAnswer(StrEnum):
    """What a professional who was asked has said."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    LAPSED = "LAPSED"
    """They took it, and the patient did not confirm the hour in time: it was withdrawn."""


class CallForHelp(Base):
    """Professionals are being asked to take one request: in waves, until it has an appointment."""

    __tablename__ = "call_for_help"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    started_by: Mapped[UUID | None]
    """Reference of the account that asked for it; None where it began by itself."""
    wave: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many waves have left."""
    next_wave_at: Mapped[datetime | None]
    """When the next one leaves, or is thought about again; none once it has ended."""
    everybody_asked: Mapped[bool] = mapped_column(server_default="false")
    """At the last look nobody was left to ask: only answers are awaited."""
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[CallEnd | None]
    ended_by: Mapped[UUID | None]
    """Reference of the account that stopped it."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="end_is_whole"),
        CheckConstraint(
            "(ended_at IS NULL) = (next_wave_at IS NOT NULL)", name="ended_asks_nobody"
        ),
        CheckConstraint(
            "(ended_by IS NOT NULL) = (ended_as IS NOT DISTINCT FROM 'STOPPED')",
            name="stopped_by_somebody",
        ),
        CheckConstraint("wave >= 0", name="waves_are_counted"),
        Index(
            "uq_call_for_help_live",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_call_for_help_request", "community_id", "request_id"),
    )


class Asked(Base):
    """One professional who was asked to take one request: once for each time that we ask."""

    __tablename__ = "asked"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    call_id: Mapped[int] = mapped_column(BigInteger)
    professional_id: Mapped[int] = mapped_column(BigInteger)
    wave: Mapped[int] = mapped_column(SmallInteger)
    asked_at: Mapped[datetime]
    link_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the token in the address that the message gave."""
    answer: Mapped[HelpAnswer | None]
    answered_at: Mapped[datetime | None]
    slot_id: Mapped[int | None] = mapped_column(BigInteger)
    """The hour that they offered."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "call_id"], ["call_for_help.community_id", "call_for_help.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "slot_id"], ["slot.community_id", "slot.id"]),
        UniqueConstraint("community_id", "reference", name="uq_asked_reference"),
        UniqueConstraint("community_id", "call_id", "professional_id", name="uq_asked_once"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer_is_whole"),
        CheckConstraint(
            "(slot_id IS NULL) = (COALESCE(answer, 'REFUSED') = 'REFUSED')", name="taken_has_hour"
        ),
        CheckConstraint("wave >= 1", name="waves_are_counted"),
        # The first to accept wins: there is no second.
        Index(
            "uq_asked_taken",
            "community_id",
            "call_id",
            unique=True,
            postgresql_where=text("answer = 'TAKEN'"),
        ),
        Index("ix_asked_link_hash", "link_hash"),
        # Whose turn it is.
        Index("ix_asked_professional", "community_id", "professional_id", "asked_at"),
    )
