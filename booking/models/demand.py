"""Care requests, what triage said of them, bookings and their history."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from booking.triage.protocol import Level
from config.database import Base, CommunityId, Id, Reference, SameCommunityId

LONGEST_ADDRESS = 200
"""Signs: a street, a floor, a door code, and how to find it."""


class Channel(StrEnum):
    """The door through which a request came."""

    WEB = "WEB"
    PHONE = "PHONE"
    """The community's own line."""
    PRACTICE = "PRACTICE"
    """A practice's secretary, for whoever called or came there."""
    PHARMACIST = "PHARMACIST"
    SAS = "SAS"
    """The service d'accès aux soins, whose regulators share the territory's slots."""
    API = "API"
    """Other software that said no more than that."""


class CallerIs(StrEnum):
    """Where whoever speaks stands: what somebody away cannot see counts as unknown (SR-16)."""

    PATIENT = "PATIENT"
    BESIDE = "BESIDE"
    ELSEWHERE = "ELSEWHERE"
    """Not beside the patient: the patient has to be called back."""


class RequestStatus(StrEnum):
    """Where a request stands. From OPEN on somebody owes this person an answer."""

    DRAFT = "DRAFT"
    """The form is being answered; triage has not ended."""
    OPEN = "OPEN"
    """The deadline runs, and there is no appointment yet."""
    BOOKED = "BOOKED"
    EMERGENCY = "EMERGENCY"
    """Sent to the 15: nothing can be booked."""
    ADVISED = "ADVISED"
    """Not unscheduled care: told whom to turn to."""
    DECLINED = "DECLINED"
    """The patient cancelled, or wants no more."""


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


class CareRequest(Base):
    """Who asks for care, what they answered, what triage said, and until when we owe them."""

    __tablename__ = "care_request"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    link_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the token in the address of this request's pages; none for other doors."""
    channel: Mapped[Channel]
    language: Mapped[str] = mapped_column(server_default="fr")
    status: Mapped[RequestStatus] = mapped_column(server_default="DRAFT")
    created_at: Mapped[datetime]
    opened_by: Mapped[UUID | None]
    """Reference of the account or API client that asked on behalf of the patient."""

    birth_date: Mapped[date | None]
    age_months: Mapped[int | None]
    older_by_months: Mapped[int] = mapped_column(server_default="0")
    """The patient may be this much older: 11 where only whole years were said."""
    sex: Mapped[str | None]
    pregnant: Mapped[str | None]
    commune_insee: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    complaints: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    note: Mapped[str | None]
    """Eighty characters at most, read by the professional; never by triage."""
    has_regular_doctor: Mapped[str | None]
    regular_doctor: Mapped[UUID | None]
    """The médecin traitant, when they are a member of this community."""

    level: Mapped[Level | None]
    assessment_id: Mapped[int | None] = mapped_column(BigInteger)
    assessed_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]

    is_for_another: Mapped[bool] = mapped_column(server_default="false")
    family_name: Mapped[str | None]
    given_name: Mapped[str | None]
    phone: Mapped[str | None]
    """E.164."""
    current_address: Mapped[str | None]
    """Where the person is now, in words, floor and door code too: for the 15, of one call alone."""
    may_leave_message: Mapped[bool | None]
    email: Mapped[str | None]
    wants_sms: Mapped[bool] = mapped_column(server_default="true")
    call_back_hours: Mapped[str | None]
    call_back_asked_at: Mapped[datetime | None]
    declined_because: Mapped[str | None]
    """Why it ended without an appointment: a code that the door chose."""

    version: Mapped[int] = mapped_column(server_default="0")
    """Rises with every change: who saves on an older one is told who was faster."""
    owner: Mapped[UUID | None]
    """Reference of the account that has this call; None for a patient alone."""
    saved_by: Mapped[UUID | None]
    """Reference of the account that saved last; None for the patient."""
    saved_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    caller: Mapped[CallerIs | None]
    call_by: Mapped[datetime | None]
    """Until when a call was promised; never beyond the hours at which somebody is there."""
    doctor_asked_at: Mapped[datetime | None]
    """Since when nothing is free in time, so that a doctor has to decide."""
    reasked: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    """Signs that the patient's own words made us ask again, and that were answered."""

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_care_request_reference"),
        ForeignKeyConstraint(
            ["community_id", "assessment_id"],
            ["assessment.community_id", "assessment.id"],
            use_alter=True,
        ),
        CheckConstraint("(level IS NULL) = (assessment_id IS NULL)", name="level_is_assessed"),
        CheckConstraint(
            "status NOT IN ('OPEN', 'BOOKED') OR deadline IS NOT NULL", name="owed_has_deadline"
        ),
        CheckConstraint("note IS NULL OR length(note) <= 80", name="note_is_short"),
        CheckConstraint(f"length(current_address) <= {LONGEST_ADDRESS}", name="address_is_short"),
        Index("ix_care_request_link_hash", "link_hash"),
        Index(
            "ix_care_request_open",
            "community_id",
            "deadline",
            # Whoever is owed an answer: also who changes an answer after a call was promised.
            postgresql_where=text(
                "status = 'OPEN' OR (status = 'DRAFT' AND call_back_asked_at IS NOT NULL)"
            ),
        ),
        Index(
            "ix_care_request_phone",
            "community_id",
            "phone",
            "created_at",
            postgresql_where=text("phone IS NOT NULL"),
        ),
        Index(
            "ix_care_request_call",
            "community_id",
            "created_at",
            postgresql_where=text("status = 'DRAFT' AND (owner IS NOT NULL OR phone IS NOT NULL)"),
        ),
    )


class Assessment(Base):
    """What triage said once, with all it heard. Append-only: a new answer makes a new row."""

    __tablename__ = "assessment"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[Level]
    protocol: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    """SHA-256 of the protocol file, in hexadecimal."""
    patient: Mapped[dict[str, Any]] = mapped_column(JSONB)
    complaints: Mapped[list[str]] = mapped_column(ARRAY(String))
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    routes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    safety_net: Mapped[str]
    assessed_at: Mapped[datetime]
    latest_start_at: Mapped[datetime | None]
    """What it allows starts at this moment at the latest; none where nothing may be booked."""
    decision_id: Mapped[int | None] = mapped_column(BigInteger)
    """The decision of a human whose level this is; None where it is triage's own."""

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
            name="fk_assessment_decided",
            use_alter=True,
        ),
        CheckConstraint(
            "(level IN ('SAME_DAY', 'WITHIN_24H')) = (latest_start_at IS NOT NULL)",
            name="bookable_has_limit",
        ),
        # What a booking points to: the pair cannot be true of a level that allows none.
        UniqueConstraint("community_id", "id", "request_id", "level", name="uq_assessment_level"),
        # What is read again every month.
        Index("ix_assessment_assessed_at", "community_id", "assessed_at"),
    )


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
