"""Sessions: opened, looked up, locked, listed, ended; and the half ones that are none yet."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from booking.accounts import authenticators
from booking.audit import unit
from booking.links import hashed
from booking.models import (
    Account,
    AccountSite,
    Action,
    HalfSignIn,
    KnownDevice,
    Role,
    StaffSession,
)
from schedules.models import Professional

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
"""One duty day: after it, everybody signs in again."""
SEEN_EVERY = timedelta(minutes=1)
"""How often a session's last use is written down: bookkeeping, not on each page."""
HALF_LASTS = timedelta(minutes=10)

TOKEN_BYTES = 32
LONGEST_DEVICE = 40


@dataclass(frozen=True)
class Member:
    """Who holds a live session, with all that decides what they may see."""

    community_id: int
    account_id: int
    account: UUID
    role: Role
    name: str
    professional_id: int | None
    site_ids: tuple[int, ...]
    session: UUID
    """The public name of the session, among others of the same account."""
    proved_at: datetime | None
    """When they last showed a second factor in this session; none: they have none."""


def a_token() -> str:
    """Return 256 random bits: the cookie holds them, the database their hash."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def open_session(
    session: Session, account: Account, *, device: str, proved_at: datetime | None, now: datetime
) -> str:
    """Return the token of a new session."""
    token = a_token()
    session.add(
        StaffSession(
            community_id=account.community_id,
            account_id=account.id,
            reference=uuid4(),
            token_hash=hashed(token),
            created_at=now,
            last_seen_at=now,
            proved_at=proved_at,
            device=device[:LONGEST_DEVICE],
        )
    )
    unit.by_account(Action.SIGN_IN, account)
    session.flush()
    return token


def begin_half(session: Session, account: Account, *, now: datetime) -> str:
    """Return the token of ten minutes in which the second step can be taken, and nothing else."""
    token = a_token()
    session.add(
        HalfSignIn(
            community_id=account.community_id,
            account_id=account.id,
            token_hash=hashed(token),
            made_at=now,
        )
    )
    session.flush()
    return token


def half(
    session: Session, token: str, *, lock: bool = False, now: datetime
) -> tuple[Account, HalfSignIn] | None:
    """Return whose second step this token lets take; None once it ended or is ten minutes old."""
    wanted = (
        select(Account, HalfSignIn)
        .join(HalfSignIn, _is_of(HalfSignIn))
        .where(
            HalfSignIn.token_hash == hashed(token),
            HalfSignIn.ended_at.is_(None),
            HalfSignIn.made_at > now - HALF_LASTS,
            may_enter(),
        )
    )
    if lock:
        wanted = wanted.with_for_update(of=HalfSignIn).execution_options(populate_existing=True)
    found = session.execute(wanted).one_or_none()
    return (found[0], found[1]) if found else None


def _is_of(table: Any) -> ColumnElement[bool]:
    return and_(table.community_id == Account.community_id, table.account_id == Account.id)


def may_enter() -> ColumnElement[bool]:
    """Return the condition that an account opens at all: it is neither closed nor suspended."""
    return and_(Account.closed_at.is_(None), ~is_suspended())


def is_suspended() -> ColumnElement[bool]:
    """Return the condition that an account is a professional's who is suspended."""
    return (
        select(Professional.id)
        .where(
            Professional.community_id == Account.community_id,
            Professional.id == Account.professional_id,
            Professional.suspended_at.is_not(None),
        )
        .correlate(Account)
        .exists()
    )


def who(
    session: Session, token: str, *, demanded: bool = False, is_use: bool = True, now: datetime
) -> Member | None:
    """Return who holds this token; None once it ended, is locked, idled 30 minutes or lasted 12 h.

    `demanded`: a session without a second factor is nobody's, whoever opened it. `is_use`: false
    for what a page asks by itself, with nobody at it. One query; at most once a minute a second
    statement notes that the session is in use.
    """
    found = session.execute(
        _members().where(
            _is_running(token, demanded, now),
            StaffSession.locked_at.is_(None),
            StaffSession.last_seen_at > now - IDLE,
        )
    ).one_or_none()
    if found is None:
        return None
    if is_use and now - found.last_seen_at >= SEEN_EVERY:
        _seen(session, found.community_id, found.session_id, now)
    return Member(
        community_id=found.community_id,
        account_id=found.id,
        account=found.reference,
        role=found.role,
        name=found.display_name,
        professional_id=found.professional_id,
        site_ids=tuple(sorted(found.site_ids or ())),
        session=found.session_reference,
        proved_at=found.proved_at,
    )


def _is_running(token: str, demanded: bool, now: datetime) -> ColumnElement[bool]:  # noqa: FBT001
    """Return the condition that a session has not ended, though it may have idled."""
    is_proved = StaffSession.proved_at.is_not(None)
    # Without a second factor: neither demanded of all, nor chosen by this one.
    is_enough = is_proved if demanded else or_(is_proved, ~authenticators.is_set_up())
    return and_(
        StaffSession.token_hash == hashed(token),
        StaffSession.ended_at.is_(None),
        StaffSession.created_at > now - LONGEST,
        may_enter(),
        is_enough,
    )


def _members() -> Select[Any]:
    """Return accounts with their sessions and the sites they keep."""
    sites = (
        select(func.array_agg(AccountSite.site_id))
        .where(
            AccountSite.community_id == Account.community_id, AccountSite.account_id == Account.id
        )
        .scalar_subquery()
    )
    return select(
        Account.community_id,
        Account.id,
        Account.reference,
        Account.role,
        Account.display_name,
        Account.professional_id,
        sites.label("site_ids"),
        StaffSession.id.label("session_id"),
        StaffSession.reference.label("session_reference"),
        StaffSession.last_seen_at,
        StaffSession.proved_at,
    ).join(StaffSession, _is_of(StaffSession))


def _seen(session: Session, community_id: int, session_id: int, now: datetime) -> None:
    session.execute(
        update(StaffSession)
        .where(
            StaffSession.community_id == community_id,
            StaffSession.id == session_id,
            StaffSession.last_seen_at < now,
        )
        .values(last_seen_at=now)
        .execution_options(synchronize_session=False)
    )


def resting(
    session: Session, token: str, *, demanded: bool = False, lock: bool = False, now: datetime
) -> tuple[Account, StaffSession] | None:
    """Return whose session idled or was locked, and can be opened again by its owner."""
    wanted = (
        select(Account, StaffSession)
        .join(StaffSession, _is_of(StaffSession))
        .where(
            _is_running(token, demanded, now),
            or_(StaffSession.locked_at.is_not(None), StaffSession.last_seen_at <= now - IDLE),
        )
    )
    if lock:
        wanted = wanted.with_for_update(of=StaffSession).execution_options(populate_existing=True)
    found = session.execute(wanted).one_or_none()
    return (found[0], found[1]) if found else None


def lock(session: Session, token: str, *, now: datetime) -> None:
    """Lock a session: nothing opens by it until its owner has said the password again."""
    change(session, StaffSession.token_hash == hashed(token), {"locked_at": now})
    unit.note(Action.LOCK)


def renew(session: Session, token: str, values: Mapping[str, Any]) -> str:
    """Give a session another token, after each proof; return it. The former opens nothing."""
    new = a_token()
    change(session, StaffSession.token_hash == hashed(token), {**values, "token_hash": hashed(new)})
    return new


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """End the session that this token stands for, on every machine at once."""
    if change(session, StaffSession.token_hash == hashed(token), {"ended_at": now}):
        unit.note(Action.SIGN_OUT)


def change(session: Session, which: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    """Change the sessions that have not ended and are these; return how many there were."""
    done = session.execute(
        update(StaffSession)
        .where(which, StaffSession.ended_at.is_(None))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return done.rowcount  # type: ignore[no-any-return,attr-defined]  # a CursorResult, typed Result


def sign_out_professional(
    session: Session, community_id: int, professional_id: int, *, now: datetime
) -> None:
    """End every session of a professional's accounts."""
    for account in session.scalars(
        select(Account).where(
            Account.community_id == community_id, Account.professional_id == professional_id
        )
    ):
        end_all(session, account, now=now)


def end_all(session: Session, account: Account, *, now: datetime) -> None:
    """End every session of an account, half ones too, on every machine; no device is known then."""
    session.flush()
    for table in (StaffSession, HalfSignIn):
        session.execute(
            update(table)
            .where(
                table.community_id == account.community_id,
                table.account_id == account.id,
                table.ended_at.is_(None),
            )
            .values(ended_at=now)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        delete(KnownDevice).where(
            KnownDevice.community_id == account.community_id, KnownDevice.account_id == account.id
        )
    )
