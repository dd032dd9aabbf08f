"""The question that a professional is asked at the end of a day: who came?"""

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


class OutcomeLetter(Base):
    """One mail to one professional, whose link answers for the appointments that it asks about."""

    __tablename__ = "outcome_letter"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    link_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the token in the address that the mail gave."""
    asked_at: Mapped[datetime]
    until: Mapped[datetime]
    """When its link opens nothing any more."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_outcome_letter_reference"),
        CheckConstraint("until > asked_at", name="ends_after_it_begins"),
        Index("ix_outcome_letter_link_hash", "link_hash"),
    )


class OutcomeAsked(Base):
    """An appointment that a letter asks about: each is asked about once, whoever asks."""

    __tablename__ = "outcome_asked"

    community_id: Mapped[CommunityId]
    booking_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    letter_id: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "booking_id"], ["booking.community_id", "booking.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "letter_id"], ["outcome_letter.community_id", "outcome_letter.id"]
        ),
        Index("ix_outcome_asked_letter", "community_id", "letter_id"),
    )
