"""Who read and wrote what: lines that nobody changes, and the chain that shows if somebody did."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, Id, Reference


class ActorKind(StrEnum):
    """What kind of somebody, or of something, did it."""

    ACCOUNT = "ACCOUNT"
    API_CLIENT = "API_CLIENT"
    PATIENT_LINK = "PATIENT_LINK"
    """Whoever holds the link of a request, an appointment or an offer."""
    STAFF_LINK = "STAFF_LINK"
    """Whoever holds a link that a letter to a professional carried."""
    PROVIDER = "PROVIDER"
    """The provider of messages, when it tells us what somebody wrote back."""
    VISITOR = "VISITOR"
    WORKER = "WORKER"
    COMMAND = "COMMAND"


class Action(StrEnum):
    """What was done."""

    READ = "READ"
    WRITE = "WRITE"
    """Also read: whoever changes a file has it before their eyes."""
    EXPORT = "EXPORT"
    FORGET = "FORGET"
    RESEAL = "RESEAL"
    REFUSED = "REFUSED"
    """Asked for what is not theirs, or with a key that opens nothing."""
    SIGN_IN = "SIGN_IN"
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    SIGN_OUT = "SIGN_OUT"
    LOCK = "LOCK"
    UNLOCK = "UNLOCK"
    PASSWORD = "PASSWORD"  # noqa: S105 - a word, not a secret
    """Chosen, changed or reset."""
    FACTOR = "FACTOR"
    """A second factor set up, changed or taken away."""
    PROOF = "PROOF"
    """The second factor shown once more, in a session."""
    ACCOUNT = "ACCOUNT"
    """Opened or closed."""
    INVITE = "INVITE"
    MEMBER = "MEMBER"
    """Added, changed, suspended or brought back."""
    KEY = "KEY"
    """The key of a software issued or revoked."""


class AuditLine(Base):
    """One thing that somebody did, once. Written with what it tells of, and never changed.

    It points to no row: what it tells of may be erased, and the line stays. `mac` covers every
    other column but `id`, which the chain covers.
    """

    __tablename__ = "audit_line"

    id: Mapped[Id]
    reference: Mapped[Reference]
    community_id: Mapped[int | None] = mapped_column(BigInteger)
    """Whose it is; none: the whole installation's, or nobody knew."""
    at: Mapped[datetime]
    actor_kind: Mapped[ActorKind]
    actor: Mapped[UUID | None]
    action: Mapped[Action]
    about_table: Mapped[str | None]
    about: Mapped[UUID | None]
    """Public name of the row: of the request, wherever something is a request's."""
    route: Mapped[str]
    """Name of the page, the job or the command."""
    trace: Mapped[UUID | None]
    """The request of the log to which it belongs."""
    how_many: Mapped[int | None]
    """How many rows, where one line tells of many."""
    once: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The same for what is noted once in a quarter of an hour."""
    mac: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint("reference", name="uq_audit_line_reference"),
        Index("uq_audit_line_once", "once", unique=True, postgresql_where=text("once IS NOT NULL")),
        Index("ix_audit_line_at", "at"),
        Index("ix_audit_line_about", "about", postgresql_where=text("about IS NOT NULL")),
    )


class AuditLink(Base):
    """A line's place in the order of all: each holds on to the one before."""

    __tablename__ = "audit_link"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    line: Mapped[UUID]
    hash: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (UniqueConstraint("line", name="uq_audit_link_line"),)


class AuditStart(Base):
    """Where the chain begins now: after what was forgotten when its year was over. One row."""

    __tablename__ = "audit_start"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    """Of the last line that is gone."""
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    mac: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (CheckConstraint("id = 1", name="is_alone"),)
