"""Signing in by one's national number, once Pro Santé Connect has said whose it is.

It has seen both factors, a card or a telephone and its code: nothing more is asked here.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from booking.accounts import invitations, sessions
from booking.links import hashed
from booking.models import Account, NationalProof
from schedules.models import Community, Professional


@dataclass(frozen=True)
class Candidate:
    """One account of somebody, by the community that it is in."""

    account: UUID
    name: str
    community: str


def of_rpps(session: Session, rpps: str) -> list[Candidate]:
    """Return the accounts that open for a professional with this number, in any community."""
    found = session.execute(_theirs(rpps)).all()
    return [Candidate(account.reference, account.display_name, name) for account, name in found]


def _theirs(rpps: str) -> Select[Account, str]:
    return (
        select(Account, Community.name)
        .join(
            Professional,
            and_(
                Professional.community_id == Account.community_id,
                Professional.id == Account.professional_id,
            ),
        )
        .join(Community, Community.id == Account.community_id)
        .where(Professional.rpps == rpps, sessions.may_enter())
        .order_by(Community.name, Account.email)
    )


def enter(session: Session, rpps: str, account: UUID, *, device: str, now: datetime) -> str | None:
    """Return the token of a session of this account; None if it is not open to this number."""
    theirs = session.execute(_theirs(rpps).where(Account.reference == account)).one_or_none()
    if theirs is None:
        return None
    # Whoever is in needs no letter any more.
    invitations.end(session, theirs[0], now=now)
    return sessions.open_session(session, theirs[0], device=device, proved_at=now, now=now)


def begin_choice(session: Session, rpps: str, *, now: datetime) -> str:
    """Return the token of ten minutes in which somebody says which account they mean."""
    token = sessions.a_token()
    session.add(NationalProof(token_hash=hashed(token), rpps=rpps, made_at=now))
    session.flush()
    return token


def choices(session: Session, token: str, *, now: datetime) -> list[Candidate]:
    """Return what there is to choose; nothing once the ten minutes are over, or one was chosen."""
    proof = session.scalar(_running(token, now))
    return [] if proof is None else of_rpps(session, proof.rpps)


def choose(
    session: Session, token: str, account: UUID, *, device: str, now: datetime
) -> str | None:
    """Return the token of a session of the chosen account, once; None if it was not on offer."""
    locked = _running(token, now).with_for_update().execution_options(populate_existing=True)
    proof = session.scalar(locked)
    entered = proof and enter(session, proof.rpps, account, device=device, now=now)
    if proof is not None and entered:
        proof.ended_at = now
    return entered or None


def _running(token: str, now: datetime) -> Select[NationalProof]:
    return select(NationalProof).where(
        NationalProof.token_hash == hashed(token),
        NationalProof.ended_at.is_(None),
        NationalProof.made_at > now - sessions.HALF_LASTS,
    )
