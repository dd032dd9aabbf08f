"""Care requests, and what triage said of them."""

from datetime import datetime
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
from config import sealed
from config.database import Base, CommunityId, Id, Reference

LONGEST_NOTE = 80
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


SHORTEST_NAME = 2
"""Letters of a name after which it is looked for."""


def _keep_phone_key(request: "CareRequest") -> None:
    phone = request.phone
    request.phone_key = None if phone is None else sealed.blind("phone", phone)


def _keep_name_keys(request: "CareRequest") -> None:
    request.name_keys = sealed.blind_beginnings(
        "name", request.family_name, request.given_name, least=SHORTEST_NAME
    )


class CareRequest(sealed.Row, Base):
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

    birth_date = sealed.day()
    age_months: Mapped[int | None]
    older_by_months: Mapped[int] = mapped_column(server_default="0")
    """The patient may be this much older: 11 where only whole years were said."""
    sex: Mapped[str | None]
    pregnant = sealed.text()
    commune_insee: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    complaints: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    answers = sealed.mapping()
    note = sealed.text()
    """Eighty characters at most, read by the professional; never by triage."""
    has_regular_doctor: Mapped[str | None]
    regular_doctor: Mapped[UUID | None]
    """The médecin traitant, when they are a member of this community."""

    level: Mapped[Level | None]
    assessment_id: Mapped[int | None] = mapped_column(BigInteger)
    assessed_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]

    is_for_another: Mapped[bool] = mapped_column(server_default="false")
    family_name = sealed.text(then=_keep_name_keys)
    given_name = sealed.text(then=_keep_name_keys)
    name_keys: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default="{}")
    """Keyed hashes of the beginnings of both names: a search compares them."""
    phone = sealed.text(then=_keep_phone_key)
    """E.164."""
    phone_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keyed hash of the phone: the same number has the same."""
    current_address = sealed.text()
    """Where the person is now, in words, floor and door code too: for the 15, of one call alone."""
    may_leave_message: Mapped[bool | None]
    email = sealed.text()
    wants_sms: Mapped[bool] = mapped_column(server_default="true")
    call_back_hours = sealed.text()
    """In somebody's own words."""
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
    notice_version: Mapped[int | None]
    """Which information notice the form led to when it was opened; none for other doors."""

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
        CheckConstraint(
            f"octet_length(note) <= {sealed.most_bytes(LONGEST_NOTE)}", name="note_is_short"
        ),
        CheckConstraint(
            f"octet_length(current_address) <= {sealed.most_bytes(LONGEST_ADDRESS)}",
            name="address_is_short",
        ),
        CheckConstraint("(phone IS NULL) = (phone_key IS NULL)", name="phone_is_found"),
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
            "phone_key",
            "created_at",
            postgresql_where=text("phone IS NOT NULL"),
        ),
        Index("ix_care_request_name_keys", "name_keys", postgresql_using="gin"),
        Index(
            "ix_care_request_call",
            "community_id",
            "created_at",
            postgresql_where=text("status = 'DRAFT' AND (owner IS NOT NULL OR phone IS NOT NULL)"),
        ),
    )


class Assessment(sealed.Row, Base):
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
    patient = sealed.mapping()
    complaints: Mapped[list[str]] = mapped_column(ARRAY(String))
    answers = sealed.mapping()
    reasons = sealed.sequence()
    routes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    safety_net = sealed.words()
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
