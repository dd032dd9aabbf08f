"""Appointments and their history."""

from datetime import datetime
from enum import StrEnum

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

from booking.triage.protocol import Level
from config.database import Base, Id, Reference, SameCommunityId


class BookingStatus(StrEnum):
    """The life of an appointment."""

    CONFIRMED = "CONFIRMED"
    ARRIVED = "ARRIVED"
    HONOURED = "HONOURED"
    NO_SHOW = "NO_SHOW"
    CANCELLED = "CANCELLED"


class CancelledBy(StrEnum):
    """Who ended an appointment: FHIR's `cancelationReason`, in two words."""

    PATIENT = "PATIENT"
    PRACTICE = "PRACTICE"


class SentOnTo(StrEnum):
    """To whom a professional sent on whom they saw."""

    EMERGENCY = "EMERGENCY"
    """An emergency department."""
    COLLEAGUE = "COLLEAGUE"
    """Another professional: a specialist, a hospital's ward."""
    EXAM = "EXAM"
    """An X-ray, a blood test."""


class Booking(Base):
    """A request that owns a slot. Moving keeps the row: its reference is the calendar's UID."""

    __tablename__ = "booking"

    community_id: Mapped[SameCommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    assessment_id: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[Level]
    slot_id: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[BookingStatus] = mapped_column(server_default="CONFIRMED")
    cancelled_by: Mapped[CancelledBy | None]
    version: Mapped[int] = mapped_column(server_default="0")
    """SEQUENCE of the calendar entry: rises when time, place or status changes."""
    link_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code: Mapped[str]
    """Short code to say aloud; it opens nothing by itself."""
    booked_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    coming_at: Mapped[datetime | None]
    """When the patient, reminded of this hour at this place, said that they come."""
    sent_on_to: Mapped[SentOnTo | None]
    """To whom who was seen was sent on, if the professional said so."""

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_booking_reference"),
        # The request is the assessment's own: its key says that it exists.
        ForeignKeyConstraint(
            ["community_id", "assessment_id", "request_id", "level"],
            [
                "assessment.community_id",
                "assessment.id",
                "assessment.request_id",
                "assessment.level",
            ],
            name="fk_booking_triaged",
        ),
        ForeignKeyConstraint(["community_id", "slot_id"], ["slot.community_id", "slot.id"]),
        CheckConstraint("level IN ('SAME_DAY', 'WITHIN_24H')", name="level_allows_booking"),
        CheckConstraint(
            "(status = 'CANCELLED') = (cancelled_by IS NOT NULL)", name="cancelled_by_somebody"
        ),
        Index(
            "uq_booking_live_slot",
            "community_id",
            "slot_id",
            unique=True,
            postgresql_where=text("status <> 'CANCELLED'"),
        ),
        Index(
            "uq_booking_live_request",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("status <> 'CANCELLED'"),
        ),
        Index("ix_booking_link_hash", "link_hash"),
    )


class BookingState(Base):
    """What happened to a booking, when, and by whom. Append-only."""

    __tablename__ = "booking_state"

    community_id: Mapped[SameCommunityId]
    id: Mapped[Id]
    booking_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    status: Mapped[BookingStatus]
    slot_id: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str]
    """`PATIENT`, `API`, or the reference of an account."""
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "booking_id"], ["booking.community_id", "booking.id"]
        ),
        Index("ix_booking_state_booking", "community_id", "booking_id"),
    )
