"""What went wrong, or nearly, and what the coordinator says of each case of the month. For ever."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from booking.models.doors import Role
from config import sealed
from config.database import Base, CommunityId, Id, Reference

LONGEST_REPORT = 1000
"""Letters of a report or a comment."""


class EventKind(StrEnum):
    """Whether somebody came to harm, or could have: FHIR's `AdverseEvent.actuality`."""

    INCIDENT = "INCIDENT"
    NEAR_MISS = "NEAR_MISS"


class SafetyEvent(sealed.Row, Base):
    """What somebody on the staff reports about a request. Append-only: a trigger refuses all else.

    It names no patient: its request forgets who they are, and these words stay.
    """

    __tablename__ = "safety_event"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[EventKind]
    what = sealed.words()
    account: Mapped[UUID]
    name: Mapped[str]
    """As the account was called then."""
    role: Mapped[Role]
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_safety_event_reference"),
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        CheckConstraint(
            f"what IS NOT NULL AND octet_length(what) <= {sealed.most_bytes(LONGEST_REPORT)}",
            name="what_is_said",
        ),
        Index("ix_safety_event_request", "community_id", "request_id"),
        Index("ix_safety_event_at", "community_id", "at"),
    )


class WhyRead(StrEnum):
    """Why a case is among those that are read again every month (SR-08, SR-13)."""

    EVENT = "EVENT"
    DECISION = "DECISION"
    ADVICE = "ADVICE"
    """Triage, or somebody, asked for the advice of the 15."""
    ASKED_AGAIN = "ASKED_AGAIN"
    """The same phone asked again within 72 hours of an answer that was not the 15."""
    DRAWN = "DRAWN"


class Verdict(StrEnum):
    """What the coordinator says of a case."""

    SOUND = "SOUND"
    TO_DISCUSS = "TO_DISCUSS"


class CaseReview(sealed.Row, Base):
    """That somebody has read a case of a month again, and what they say. Append-only.

    The last one of a case and a month is what counts.
    """

    __tablename__ = "case_review"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date]
    """Its first day, where the community is."""
    why: Mapped[list[str]] = mapped_column(ARRAY(String))
    """As it was when it was read: a phone that is forgotten later tells nothing any more."""
    verdict: Mapped[Verdict]
    comment = sealed.text()
    account: Mapped[UUID]
    name: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        CheckConstraint("extract(day FROM month) = 1", name="month_is_its_first_day"),
        CheckConstraint("cardinality(why) > 0", name="read_for_a_reason"),
        CheckConstraint(
            f"octet_length(comment) <= {sealed.most_bytes(LONGEST_REPORT)}", name="comment_is_short"
        ),
        CheckConstraint("verdict = 'SOUND' OR comment IS NOT NULL", name="doubt_is_said"),
        Index("ix_case_review_month", "community_id", "month", "request_id"),
    )
