"""The promise: care before a moment, from triage until it is kept, declined or handed over."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from booking.triage.protocol import Level
from config.database import Base, CommunityId, Id, Reference, SameCommunityId


class PromiseEnd(StrEnum):
    """How a promise ended."""

    KEPT = "KEPT"
    """An appointment that begins within the time."""
    LATE = "LATE"
    """An appointment that begins after it."""
    DECLINED = "DECLINED"
    """Whoever asked wants no more, or cannot be reached."""
    HANDED_OVER = "HANDED_OVER"
    """Somebody else answers for it now: the 15, another service, or advice that was given."""


class EscalatedTo(StrEnum):
    """Who has been made to look at a promise whose time passes, one after the other."""

    OPERATOR = "OPERATOR"
    COORDINATOR = "COORDINATOR"
    ON_CALL = "ON_CALL"
    """The telephone of whoever is on call for the community, by SMS."""


class Promise(Base):
    """What one request is owed, and until when. Never deleted; once it has ended it never changes.

    A request that is open has exactly one that has not ended, due at its deadline; one that is
    booked has none, and one that was kept or late: a trigger refuses all else when a transaction
    commits. When a practice cancels, a new row goes on with the first row's times.
    """

    __tablename__ = "promise"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[Level]
    began_at: Mapped[datetime]
    """When triage first promised; fractions of the time are counted from here."""
    due_at: Mapped[datetime]
    """Any judgement may move it to an earlier moment; to a later one, a clinician's alone."""
    decision_id: Mapped[int | None] = mapped_column(BigInteger)
    """The decision of a human whose level this is; None where it is triage's own."""
    next_step_at: Mapped[datetime | None]
    """When somebody else is made to look; None once nobody is left, or it has ended."""
    escalated_to: Mapped[EscalatedTo | None]
    escalated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[PromiseEnd | None]
    reason: Mapped[str | None]
    """Why it was declined or handed over: a code, never words about anybody."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "decision_id", "request_id", "level"],
            [
                "level_decision.community_id",
                "level_decision.id",
                "level_decision.request_id",
                "level_decision.to_level",
            ],
            name="fk_promise_decided",
        ),
        CheckConstraint("level IN ('SAME_DAY', 'WITHIN_24H')", name="level_is_owed_care"),
        CheckConstraint("due_at > began_at", name="due_after_it_began"),
        CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="end_is_whole"),
        CheckConstraint(
            "(reason IS NOT NULL) = coalesce(ended_as IN ('DECLINED', 'HANDED_OVER'), false)",
            name="other_end_has_reason",
        ),
        CheckConstraint(
            "(escalated_to IS NULL) = (escalated_at IS NULL)", name="escalation_is_whole"
        ),
        CheckConstraint("ended_at IS NULL OR next_step_at IS NULL", name="quiet_once_ended"),
        Index(
            "uq_promise_open",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_promise_due", "community_id", "due_at", postgresql_where=text("ended_at IS NULL")
        ),
        Index("ix_promise_request", "community_id", "request_id"),
        Index("ix_promise_began", "community_id", "began_at"),
        # What the worker walks through, of every community.
        Index(
            "ix_promise_next_step",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL"),
        ),
    )


class PromiseChange(StrEnum):
    """What happened to a promise."""

    BEGAN = "BEGAN"
    SOONER = "SOONER"
    LATER = "LATER"
    ESCALATED = "ESCALATED"
    TAKEN = "TAKEN"
    """Somebody said that they see to it."""
    ENDED = "ENDED"
    RESUMED = "RESUMED"
    """The practice cancelled: the same time goes on, in a new row."""


class PromiseEvent(Base):
    """What happened to a promise, when, and by whom. Append-only: a trigger refuses all else."""

    __tablename__ = "promise_event"

    community_id: Mapped[SameCommunityId]
    id: Mapped[Id]
    promise_id: Mapped[int] = mapped_column(BigInteger)
    what: Mapped[PromiseChange]
    due_at: Mapped[datetime]
    """As it was from then on."""
    escalated_to: Mapped[EscalatedTo | None]
    by: Mapped[str]
    """`PATIENT`, `API`, `TRIAGE`, `CLOCK`, or the reference of an account."""
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "promise_id"], ["promise.community_id", "promise.id"]
        ),
        CheckConstraint(
            "(what = 'ESCALATED') = (escalated_to IS NOT NULL)", name="escalated_to_somebody"
        ),
        Index("ix_promise_event_promise", "community_id", "promise_id"),
    )
