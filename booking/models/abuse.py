"""What people who are not signed in have done lately, so that nobody takes care from others."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id


class VisitorDid(StrEnum):
    """What is counted of people who are not signed in."""

    BEGAN = "BEGAN"
    """Opened a request; `who_hash` is of the address."""
    HELD = "HELD"
    """Had a slot kept, once a request; its time is the last at which it was kept longer."""
    BOOKED = "BOOKED"
    """What it held became an appointment."""
    GAVE_PHONE = "GAVE_PHONE"
    """Gave a number for what is kept; `who_hash` is of the number. It goes with the booking."""
    WRONG_LINK = "WRONG_LINK"
    """Opened an address with a token that opens nothing."""


class VisitorAct(Base):
    """One thing that somebody not signed in did: counted alike on every machine and process."""

    __tablename__ = "visitor_act"

    id: Mapped[Id]
    community_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("community.id"))
    kind: Mapped[VisitorDid]
    who_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the address or the phone: neither is kept here."""
    about: Mapped[UUID | None]
    """Reference of the request."""
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_visitor_act_who", "kind", "who_hash", "at"),
        Index("ix_visitor_act_community", "community_id", "kind", "at"),
        Index("ix_visitor_act_about", "about"),
    )


class FormMode(StrEnum):
    """How far the patients' form of a community is open."""

    WATCHED = "WATCHED"
    """As always: what looks like hoarding is slowed down, then sent to the line."""
    OPEN = "OPEN"
    """The coordinator says that this rush is of real patients."""
    CLOSED = "CLOSED"
    """Nobody holds anything by the form: the line alone gives appointments."""


class FormDoor(Base):
    """What the coordinator last said of the form; a community that has none is watched."""

    __tablename__ = "form_door"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    mode: Mapped[FormMode]
    changed_by: Mapped[UUID]
    changed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("community_id", name="uq_form_door_community"),)
