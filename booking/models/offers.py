"""Slots that are kept for a request until it answers or time is up; who waits for one."""

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

from config.database import Base, CommunityId, Id, Reference


class OfferKind(StrEnum):
    """Why a slot is offered."""

    ALTERNATIVE = "ALTERNATIVE"
    """The practice cancelled: one of up to three that are kept together."""
    WAITING_LIST = "WAITING_LIST"
    """It was free again, or new: one at a time, to one request at a time."""


class OfferAnswer(StrEnum):
    """How an offer ended."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    LAPSED = "LAPSED"
    """Nobody answered in time, or something else was taken."""


class Offer(Base):
    """One slot that is kept for one request until a moment that both sides see.

    What keeps it is the slot's own hold, for the same request until the same moment: where that
    has ended, so has the offer, whatever stands here. This row says what was offered, and why.
    """

    __tablename__ = "offer"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    request_id: Mapped[int] = mapped_column(BigInteger)
    slot_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[OfferKind]
    link_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the token in the address that the message gave; none where there is no message."""
    is_to_call: Mapped[bool] = mapped_column(server_default="false")
    """No message can say it in time: somebody of the line telephones. So they do where the SMS
    did not arrive (booking.desk.offered)."""
    offered_at: Mapped[datetime]
    until: Mapped[datetime]
    answer: Mapped[OfferAnswer | None]
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        ForeignKeyConstraint(["community_id", "slot_id"], ["slot.community_id", "slot.id"]),
        UniqueConstraint("community_id", "reference", name="uq_offer_reference"),
        CheckConstraint("until > offered_at", name="ends_after_it_begins"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer_is_whole"),
        # What is live; a slot is offered to one request at a time.
        Index(
            "uq_offer_live_slot",
            "community_id",
            "slot_id",
            unique=True,
            postgresql_where=text("answered_at IS NULL"),
        ),
        # Of the waiting list, one at a time.
        Index(
            "uq_offer_live_request",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("answered_at IS NULL AND kind = 'WAITING_LIST'"),
        ),
        Index("ix_offer_request", "community_id", "request_id"),
        Index("ix_offer_link_hash", "link_hash", postgresql_where=text("link_hash IS NOT NULL")),
    )


class Wish(Base):
    """Somebody who wants to be told of a slot that frees up: they have none, or want it sooner.

    It counts for the appointment that they had then, or had not: who books another way has what
    they wished for.
    """

    __tablename__ = "wish"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "request_id"], ["care_request.community_id", "care_request.id"]
        ),
        CheckConstraint("ended_at >= since", name="ends_after_it_begins"),
        Index(
            "uq_wish_live",
            "community_id",
            "request_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
