"""Table of what professionals are enabled for: one dated row for each."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference


class Enablement(Base):
    """A cooperation protocol or legal enabling that a professional has declared, with its days.

    It counts on the day on which care is given. A row is withdrawn, never deleted: who was
    enabled when can always be said.
    """

    __tablename__ = "enablement"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str]
    """As protocols and config/legal_rules.yaml call it."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """The last day, included; none: until further notice."""
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    """Since then it counts for nothing, whatever its days."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_enablement_reference"),
        CheckConstraint("ends_on >= starts_on", name="last_day_after_first"),
        Index("ix_enablement_professional", "community_id", "professional_id"),
    )
