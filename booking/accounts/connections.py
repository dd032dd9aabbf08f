"""From where somebody is signed in: their own sessions, listed and ended."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from booking.accounts import sessions
from booking.models import StaffSession


@dataclass(frozen=True)
class Listed:
    """One of somebody's sessions, as they see it."""

    reference: UUID
    device: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool
    is_resting: bool
    """It idled or was locked: a password opens it again."""


def listed(session: Session, member: sessions.Member, *, now: datetime) -> list[Listed]:
    """Return the sessions of somebody that are not over, this one first, then the latest used."""
    rows = session.scalars(
        select(StaffSession)
        .where(
            _is_theirs(member),
            StaffSession.ended_at.is_(None),
            StaffSession.created_at > now - sessions.LONGEST,
        )
        .order_by(
            (StaffSession.reference == member.session).desc(), StaffSession.last_seen_at.desc()
        )
    )
    return [
        Listed(
            row.reference,
            row.device,
            row.created_at,
            row.last_seen_at,
            row.reference == member.session,
            row.locked_at is not None or row.last_seen_at <= now - sessions.IDLE,
        )
        for row in rows
    ]


def _is_theirs(member: sessions.Member) -> ColumnElement[bool]:
    return and_(
        StaffSession.community_id == member.community_id,
        StaffSession.account_id == member.account_id,
    )


def end_one(session: Session, member: sessions.Member, reference: UUID, *, now: datetime) -> bool:
    """End one of somebody's own sessions; whether there was one of that name."""
    which = and_(_is_theirs(member), StaffSession.reference == reference)
    return sessions.change(session, which, {"ended_at": now}) > 0


def end_others(session: Session, member: sessions.Member, *, now: datetime) -> None:
    """End all of somebody's sessions but the one they look from."""
    which = and_(_is_theirs(member), StaffSession.reference != member.session)
    sessions.change(session, which, {"ended_at": now})
