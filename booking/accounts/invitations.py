"""Links by which whoever has an account, and no password yet, chooses one."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from booking.accounts import passwords, sessions
from booking.audit import unit
from booking.links import hashed
from booking.models import Account, Action, Invitation, StaffSession

GOOD_FOR = timedelta(days=7)
TOKEN_BYTES = 32


class InvitationUnusable(LookupError):
    """The link was used, replaced or is too old; or it never was one."""


def invite(
    session: Session, account: Account, *, by: UUID | None, now: datetime
) -> tuple[Invitation, str]:
    """Return a new invitation and its token, which nobody can read again; former ones end."""
    end(session, account, now=now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = Invitation(
        community_id=account.community_id,
        reference=uuid4(),
        account_id=account.id,
        token_hash=hashed(token),
        created_by=by,
        created_at=now,
        expires_at=now + GOOD_FOR,
    )
    session.add(made)
    unit.of_account(Action.INVITE, account)
    session.flush()
    return made, token


def end(session: Session, account: Account, *, now: datetime) -> None:
    """Let no link of this account open any more."""
    session.execute(
        update(Invitation)
        .where(
            Invitation.community_id == account.community_id,
            Invitation.account_id == account.id,
            Invitation.ended_at.is_(None),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


def was_opened(session: Session, account: Account) -> bool:
    """Whether somebody has been in this account, by whatever door."""
    been = exists().where(
        StaffSession.community_id == account.community_id, StaffSession.account_id == account.id
    )
    accepted = exists().where(
        Invitation.community_id == account.community_id,
        Invitation.account_id == account.id,
        Invitation.accepted_at.is_not(None),
    )
    return bool(session.scalar(select(or_(been, accepted))))


def invited(
    session: Session, token: str, *, lock: bool = False, now: datetime
) -> tuple[Account, Invitation]:
    """Return whose password this token lets choose.

    Raises:
        InvitationUnusable: if it does not, or not any more.
    """
    wanted = (
        select(Account, Invitation)
        .join(
            Invitation,
            (Invitation.community_id == Account.community_id)
            & (Invitation.account_id == Account.id),
        )
        .where(
            Invitation.token_hash == hashed(token),
            Invitation.ended_at.is_(None),
            Invitation.expires_at > now,
            Account.closed_at.is_(None),
            ~sessions.is_suspended(),
        )
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.execute(wanted).one_or_none()
    if found is None:
        raise InvitationUnusable
    return found[0], found[1]


def accept(session: Session, token: str, password: str, *, now: datetime) -> Account:
    """Give the account its first password, and let the link open nothing more.

    Raises:
        InvitationUnusable: see `invited`; of two who press the button one is too late.
        passwords.PasswordRefused: if the password is short, common or personal.
    """
    account, invitation = invited(session, token, lock=True, now=now)
    passwords.check(password, about=(account.email, account.display_name))
    account.password_hash = passwords.hashed(password)
    invitation.accepted_at = invitation.ended_at = now
    session.flush()
    sessions.end_all(session, account, now=now)
    unit.by_account(Action.PASSWORD, account)
    return account
