"""Tables of calendars: the feeds that we give out, the calendars that we read, busy times."""

from datetime import datetime
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

from config import sealed
from config.database import Base, CommunityId, Id, Reference


class Feed(Base):
    """An address at which a calendar subscribes to bookings: a professional's, a site's, or both.

    With both, only what the professional does at that site: all that its secretaries may know.
    The address is shown once; only its hash is kept. It is ended, never deleted: who still asks
    is told that it is gone.
    """

    __tablename__ = "feed"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int | None] = mapped_column(BigInteger)
    site_id: Mapped[int | None] = mapped_column(BigInteger)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    last_read_at: Mapped[datetime | None]
    """To within ten minutes: whether somebody still uses it."""
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of what was last read here."""
    changed_at: Mapped[datetime | None]
    """When a reader first found that content: what HTTP calls Last-Modified."""
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
        UniqueConstraint("community_id", "reference", name="uq_feed_reference"),
        CheckConstraint(
            "professional_id IS NOT NULL OR site_id IS NOT NULL", name="is_of_somebody"
        ),
        Index(
            "ix_feed_live",
            "community_id",
            "professional_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class BusyCalendar(sealed.Row, Base):
    """A professional's own calendar, read again and again for the times when they are busy."""

    __tablename__ = "busy_calendar"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    url = sealed.words()
    """A secret: whoever has it reads the whole calendar. Never on a screen again, nor in a log."""
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    tried_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    """When it was last understood, changed or not: how old our knowledge is."""
    covers_until: Mapped[datetime | None]
    """The end of the days whose times were worked out: an unchanged calendar is read again then."""
    next_try_at: Mapped[datetime]
    failure: Mapped[str | None]
    """Why the last try did not work: a code that doors turn into a sentence."""
    offers_when_unreadable: Mapped[bool] = mapped_column(server_default="false")
    """Its owner wants slots offered although nobody can read it."""
    site_id: Mapped[int | None] = mapped_column(BigInteger)
    """Where slots are opened that the owner writes in the calendar with `#SNP`."""
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
        UniqueConstraint("community_id", "reference", name="uq_busy_calendar_reference"),
        CheckConstraint("ended_at IS NULL OR url IS NULL", name="ended_is_forgotten"),
        Index(
            "ix_busy_calendar_due",
            "next_try_at",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_busy_calendar_professional", "community_id", "professional_id"),
    )


class CalendarOpening(Base):
    """Time that a calendar opens: its owner wrote `#SNP` in a title. It makes slots, once."""

    __tablename__ = "calendar_opening"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    calendar_id: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    slot_minutes: Mapped[int] = mapped_column(SmallInteger)
    most_slots: Mapped[int] = mapped_column(SmallInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "calendar_id"], ["busy_calendar.community_id", "busy_calendar.id"]
        ),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_calendar_opening_of", "community_id", "calendar_id", "starts_at"),
    )


class BusyTime(Base):
    """A time when a calendar says that its owner is busy: merged, without a title."""

    __tablename__ = "busy_time"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    calendar_id: Mapped[int] = mapped_column(BigInteger)
    professional_id: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "calendar_id"], ["busy_calendar.community_id", "busy_calendar.id"]
        ),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_busy_time_of", "community_id", "professional_id", "starts_at"),
    )
