"""What humans do about what triage said: decide otherwise, look again, follow a call to the 15."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from booking.models.doors import Role
from booking.triage.protocol import Level
from config import sealed
from config.database import Base, CommunityId, Id, Reference
from schedules.models import DOCTOR

MIDWIFE = "50"
"""TRE_G15 code of « sage-femme »."""


def _level(name: str) -> Enum:
    """Return the type of a column that holds a level, where a table has more than one."""
    return Enum(Level, native_enum=False, create_constraint=True, length=20, name=name)


ORDER = "'{NOT_UNSCHEDULED,WITHIN_24H,SAME_DAY,CALL_15_ADVICE,CALL_15}'::varchar[]"
IS_RAISED = f"array_position({ORDER}, to_level) > array_position({ORDER}, from_level)"


class LevelDecision(sealed.Row, Base):
    """Somebody's decision that a need is more, or less, urgent than it stood. Kept for ever.

    It starts from the level that a judgement really has (`fk_level_decision_from`), and the
    judgement that follows has the level that it says (`fk_assessment_decided`): no booking stands
    on a lower level without a row here that a clinician signed.
    """

    __tablename__ = "level_decision"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    assessment_id: Mapped[int] = mapped_column(BigInteger)
    """The judgement that it changes, and that stays as it was."""
    from_level: Mapped[Level] = mapped_column(_level("from_level"))
    to_level: Mapped[Level] = mapped_column(_level("to_level"))
    reason = sealed.words()
    account: Mapped[UUID]
    name: Mapped[str]
    """As the account was called then."""
    role: Mapped[Role]
    professional_id: Mapped[int | None] = mapped_column(BigInteger)
    profession: Mapped[str | None]
    """TRE_G15 code, of a professional's own account."""
    decided_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "assessment_id", "request_id", "from_level"],
            [
                "assessment.community_id",
                "assessment.id",
                "assessment.request_id",
                "assessment.level",
            ],
            name="fk_level_decision_from",
        ),
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        # What the judgement that follows points to: its level is the one that was decided.
        UniqueConstraint("community_id", "id", "request_id", "to_level", name="uq_decision_level"),
        CheckConstraint("from_level <> to_level", name="changes_the_level"),
        CheckConstraint("reason IS NOT NULL", name="reason_is_said"),
        CheckConstraint(
            "(professional_id IS NULL) = (profession IS NULL)", name="clinician_is_whole"
        ),
        CheckConstraint(
            f"{IS_RAISED} OR coalesce(profession, '') IN ('{DOCTOR}', '{MIDWIFE}')",
            name="lowering_has_clinician",
        ),
        CheckConstraint(
            f"{IS_RAISED} OR from_level NOT IN ('CALL_15', 'CALL_15_ADVICE')"
            f" OR coalesce(profession, '') = '{DOCTOR}'",
            name="emergency_lowered_by_doctor",
        ),
        Index("ix_level_decision_request", "community_id", "request_id"),
    )


class LookReason(StrEnum):
    """Why a second person looks at an advice without an appointment (SR-14)."""

    UNDER_2 = "UNDER_2"
    FROM_75 = "FROM_75"
    PREGNANCY = "PREGNANCY"


class LookOutcome(StrEnum):
    """What the second person said."""

    CONFIRMED = "CONFIRMED"
    RAISED = "RAISED"
    OVERTAKEN = "OVERTAKEN"
    """The patient changed an answer, or ended the request, before anybody looked."""


class SecondLook(Base):
    """A « not unscheduled care » that somebody else than its author has to look at."""

    __tablename__ = "second_look"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(BigInteger)
    assessment_id: Mapped[int] = mapped_column(BigInteger)
    why: Mapped[list[str]] = mapped_column(ARRAY(String))
    opened_by: Mapped[UUID | None]
    """Whoever asked on behalf of the patient, who therefore cannot be the second person."""
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    outcome: Mapped[LookOutcome | None]
    looked_by: Mapped[UUID | None]
    looked_name: Mapped[str | None]
    looked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "assessment_id"], ["assessment.community_id", "assessment.id"]
        ),
        CheckConstraint("looked_by <> opened_by", name="second_person"),
        CheckConstraint("(outcome IS NULL) = (looked_at IS NULL)", name="look_is_whole"),
        CheckConstraint(
            "outcome IS NULL OR outcome = 'OVERTAKEN' OR looked_by IS NOT NULL",
            name="looked_by_somebody",
        ),
        Index(
            "uq_second_look_open",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_second_look_due",
            "community_id",
            "due_at",
            postgresql_where=text("outcome IS NULL"),
        ),
    )


class TransferState(StrEnum):
    """Where somebody who was sent to the 15 stands, until a human knows that they were heard."""

    TO_RECHECK = "TO_RECHECK"
    LINE_TAKEN = "LINE_TAKEN"
    """The 15 has answered, and the caller was put through."""
    CALLED_BACK = "CALLED_BACK"
    """Somebody called back, and the patient says that the 15 has answered."""
    NO_ANSWER = "NO_ANSWER"
    """Somebody called back, and nobody answered: to be called again."""
    CLOSED = "CLOSED"


class Transfer(Base):
    """One request that was sent to the 15: on a list until somebody has made sure of it."""

    __tablename__ = "transfer"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[TransferState]
    opened_at: Mapped[datetime]
    recheck_by: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        Index(
            "uq_transfer_open",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("state <> 'CLOSED'"),
        ),
        Index(
            "ix_transfer_open",
            "community_id",
            "opened_at",
            postgresql_where=text("state <> 'CLOSED'"),
        ),
    )


class TransferStep(Base):
    """What was done about a transfer, by whom and when. Append-only."""

    __tablename__ = "transfer_step"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    transfer_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[TransferState]
    account: Mapped[UUID | None]
    """None for the step that triage took by itself."""
    name: Mapped[str | None]
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "transfer_id"], ["transfer.community_id", "transfer.id"]
        ),
        CheckConstraint("(account IS NULL) = (name IS NULL)", name="somebody_is_named"),
        Index("ix_transfer_step_transfer", "community_id", "transfer_id"),
    )


class SafetyNetSaid(Base):
    """Somebody said what to do if it gets worse, and was understood (SR-15). Append-only.

    It belongs to one judgement: a newer one has to be said again.
    """

    __tablename__ = "safety_net_said"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    assessment_id: Mapped[int] = mapped_column(BigInteger)
    account: Mapped[UUID]
    name: Mapped[str]
    """As the account was called then."""
    said_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "assessment_id"], ["assessment.community_id", "assessment.id"]
        ),
        UniqueConstraint("community_id", "assessment_id", name="uq_safety_net_said_assessment"),
    )
