"""Who works here: accounts, passwords, sessions. Knows no HTTP; callers import this module."""

from booking.accounts.enrolling import Enrolled, Secured, Wrong
from booking.accounts.entering import Entered, Proof, Step, StepOver, is_enrolled, sign_in
from booking.accounts.invitations import InvitationUnusable, accept, invite, invited, was_opened
from booking.accounts.passkeys import NoSuchPasskey, Party, PasskeyRefused
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
from booking.accounts.resets import ResetUnusable
from booking.accounts.sessions import Member, sign_out, sign_out_professional, who
from booking.accounts.throttle import TooManyFailures

__all__ = [
    "LONGEST_NAME",
    "AccountRefused",
    "EmailTaken",
    "Enrolled",
    "Entered",
    "InvitationUnusable",
    "Listed",
    "Member",
    "NoSuchAccount",
    "NoSuchPasskey",
    "Party",
    "PasskeyRefused",
    "PasswordRefused",
    "Proof",
    "ResetUnusable",
    "Secured",
    "Step",
    "StepOver",
    "TooManyFailures",
    "Wrong",
    "WrongPassword",
    "accept",
    "change_password",
    "close",
    "create",
    "invite",
    "invited",
    "is_enrolled",
    "listed",
    "proposed",
    "set_password",
    "sign_in",
    "sign_out",
    "sign_out_professional",
    "was_opened",
    "who",
]
