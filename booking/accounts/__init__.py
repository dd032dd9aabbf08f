"""Who works here: accounts, passwords, sessions. Knows no HTTP; callers import this module."""

from booking.accounts.passwords import PasswordRefused, proposed
from booking.accounts.people import (
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
from booking.accounts.sessions import Member, TooManyFailures, sign_in, sign_out, who

__all__ = [
    "AccountRefused",
    "EmailTaken",
    "Listed",
    "Member",
    "NoSuchAccount",
    "PasswordRefused",
    "TooManyFailures",
    "WrongPassword",
    "change_password",
    "close",
    "create",
    "listed",
    "proposed",
    "set_password",
    "sign_in",
    "sign_out",
    "who",
]
