"""Who works here: accounts, passwords, sessions. Knows no HTTP; callers import this module."""

from booking.accounts.invitations import InvitationUnusable, accept, invite, invited
from booking.accounts.passwords import PasswordRefused, proposed
from booking.accounts.people import (
    LONGEST_NAME,
    AccountRefused,
    EmailTaken,
    Listed,
    NoSuchAccount,
    WrongPassword,
    change_password,
    close,
    create,
    listed,
    set_password,
)
from booking.accounts.sessions import (
    Member,
    TooManyFailures,
    sign_in,
    sign_out,
    sign_out_professional,
    who,
)

__all__ = [
    "LONGEST_NAME",
    "AccountRefused",
    "EmailTaken",
    "InvitationUnusable",
    "Listed",
    "Member",
    "NoSuchAccount",
    "PasswordRefused",
    "TooManyFailures",
    "WrongPassword",
    "accept",
    "change_password",
    "close",
    "create",
    "invite",
    "invited",
    "listed",
    "proposed",
    "set_password",
    "sign_in",
    "sign_out",
    "sign_out_professional",
    "who",
]
