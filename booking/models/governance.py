"""Protocol versions of each community, who wrote and who signed them; and every act on them.

Triggers of migration 0003 guard what a check cannot see: a version begins as a draft, only what
was tested is signed, and what was signed never changes.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference

_FINGERPRINT = "encode(sha256(convert_to({0}, 'UTF8')), 'hex')"


class VersionStatus(StrEnum):
    """How far a version has come. In force and expired are read from its dates."""

    DRAFT = "DRAFT"
    TESTED = "TESTED"
    """Its proofs and all its cases passed, and not a letter was changed since."""
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"
    """Taken back, before or after it was signed."""


class Act(StrEnum):
    """What somebody did to a protocol, or to the legal rules of a community."""

    IMPORTED = "IMPORTED"
    DRAFTED = "DRAFTED"
    EDITED = "EDITED"
    TESTED = "TESTED"
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"
    RULES_CHOSEN = "RULES_CHOSEN"


class ProtocolVersion(Base):
    """One version of a community's protocol: its text, its cases, and the two who answer for it.

    `document`, `cases` and `english` are large: read them only where they are needed.
    """

    __tablename__ = "protocol_version"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    protocol: Mapped[str]
    number: Mapped[int]
    document: Mapped[str] = mapped_column(deferred=True)
    """YAML, in French: the language that is signed."""
    cases: Mapped[str] = mapped_column(deferred=True)
    """YAML: what it must answer, in callers' words."""
    english: Mapped[str | None] = mapped_column(deferred=True)
    digest: Mapped[str]
    """SHA-256 of the document, in hexadecimal: what every assessment keeps."""
    english_digest: Mapped[str | None]
    based_on_id: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[VersionStatus] = mapped_column(server_default="DRAFT")

    written_by_id: Mapped[int] = mapped_column(BigInteger)
    written_by_name: Mapped[str]
    """As it was when it was written: a signature stays what it was."""
    written_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    trial: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the last run of proofs and cases found; none once a letter was changed."""
    tested_by_id: Mapped[int | None] = mapped_column(BigInteger)
    tested_by_name: Mapped[str | None]
    tested_at: Mapped[datetime | None]

    approved_by_id: Mapped[int | None] = mapped_column(BigInteger)
    approved_by_name: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    in_force_from: Mapped[date | None]
    """First day, where the community is."""
    valid_until: Mapped[date | None]
    """Last day: twelve months at most."""

    withdrawn_by_id: Mapped[int | None] = mapped_column(BigInteger)
    withdrawn_by_name: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_because: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_protocol_version_reference"),
        UniqueConstraint("community_id", "protocol", "number", name="uq_protocol_version_number"),
        ForeignKeyConstraint(
            ["community_id", "based_on_id"],
            ["protocol_version.community_id", "protocol_version.id"],
        ),
        *(
            ForeignKeyConstraint(["community_id", by], ["account.community_id", "account.id"])
            for by in ("written_by_id", "tested_by_id", "approved_by_id", "withdrawn_by_id")
        ),
        CheckConstraint("number >= 1", name="number_counts"),
        CheckConstraint("approved_by_id <> written_by_id", name="author_does_not_approve"),
        CheckConstraint(
            f"digest = {_FINGERPRINT.format('document')}", name="digest_is_of_document"
        ),
        CheckConstraint(
            "(english IS NULL) = (english_digest IS NULL) AND "
            f"(english IS NULL OR english_digest = {_FINGERPRINT.format('english')})",
            name="english_digest_is_of_english",
        ),
        CheckConstraint(
            "num_nulls(tested_by_id, tested_by_name, tested_at, trial) IN (0, 4)",
            name="trial_is_whole",
        ),
        CheckConstraint(
            "status NOT IN ('TESTED', 'APPROVED') OR coalesce(trial ->> 'is_sound', '') = 'true'",
            name="tested_is_sound",
        ),
        CheckConstraint(
            "num_nulls(approved_by_id, approved_by_name, approved_at, in_force_from, valid_until)"
            " IN (0, 5)",
            name="approval_is_whole",
        ),
        CheckConstraint(
            "CASE status WHEN 'APPROVED' THEN approved_at IS NOT NULL "
            "WHEN 'WITHDRAWN' THEN true ELSE approved_at IS NULL END",
            name="approved_is_signed",
        ),
        CheckConstraint(
            "valid_until >= in_force_from AND valid_until < in_force_from + interval '1 year'",
            name="lasts_a_year_at_most",
        ),
        CheckConstraint(
            "num_nulls(withdrawn_by_id, withdrawn_by_name, withdrawn_at, withdrawn_because) = "
            "CASE status WHEN 'WITHDRAWN' THEN 0 ELSE 4 END",
            name="withdrawn_by_somebody",
        ),
        # What every request asks: which signed version counts today.
        Index(
            "ix_protocol_version_signed",
            "community_id",
            "in_force_from",
            postgresql_where=text("approved_at IS NOT NULL"),
        ),
        Index("ix_protocol_version_digest", "community_id", "digest"),
    )


class GovernanceAct(Base):
    """Who did what to the protocol, when. Append-only: a trigger refuses all else."""

    __tablename__ = "governance_act"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    version_id: Mapped[int | None] = mapped_column(BigInteger)
    """None where the act was on the legal rules."""
    act: Mapped[Act]
    by_id: Mapped[int] = mapped_column(BigInteger)
    by_name: Mapped[str]
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "version_id"],
            ["protocol_version.community_id", "protocol_version.id"],
        ),
        ForeignKeyConstraint(["community_id", "by_id"], ["account.community_id", "account.id"]),
        CheckConstraint(
            "(version_id IS NULL) = (act = 'RULES_CHOSEN')", name="act_is_on_something"
        ),
        Index("ix_governance_act_version", "community_id", "version_id"),
    )
