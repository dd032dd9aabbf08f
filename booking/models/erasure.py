"""That somebody was erased: what a database that comes back from yesterday must do again."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id


class ProvedBy(StrEnum):
    """How whoever erased or copied a person's data knew that it was theirs."""

    DOCUMENT = "DOCUMENT"
    """An identity document, seen."""
    CALL = "CALL"
    """They were called back at the number, and said their name and birth date."""
    PATIENT = "PATIENT"
    """They held the link of their own request, and pressed the button on it."""
    COMMAND = "COMMAND"
    """Whoever keeps the installation, at the command line."""


class Tombstone(Base):
    """One name under which somebody who was erased may be found in an older copy.

    Kept as a hash of a keyed hash: it says neither who it was nor that they ever came back.
    """

    __tablename__ = "tombstone"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    mark: Mapped[bytes] = mapped_column(LargeBinary)
    erased_at: Mapped[datetime]
    erased_by: Mapped[UUID | None]
    """Reference of the account; None for a command."""
    proved_by: Mapped[ProvedBy]

    __table_args__ = (
        UniqueConstraint("community_id", "mark", "erased_at", name="uq_tombstone_mark"),
    )
