"""How long each kind of data is kept, and what happens then: the one table of it. Pure.

What the night forgets, what patients are told and what the register says are all read from here.
The terms are proposals for a data protection officer to sign. They may only get shorter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, auto

NOTICE = 2
"""The information notice that patients read (docs/privacy/notice.md): its version is kept with what
they ask. It rises with every change of what the notice says."""


class Kind(StrEnum):
    """What is kept for a time: kinds of data as people speak of them, not tables."""

    DRAFTS = auto()
    """A form that nobody finished: all that was typed."""
    ANSWERS = auto()
    """Complaints, answers, notes, and why triage judged as it did."""
    IDENTITY = auto()
    """Names, birth date, phone, mail, where the person lives."""
    MESSAGES = auto()
    """SMS, calls and mails: recipient and text."""
    REPLIES = auto()
    """What patients write back: it may say what they suffer from."""
    SESSIONS = auto()
    SIGN_INS = auto()
    """Refused or unfinished sign-ins, letters for a password, SMS counted by address."""
    KNOWN_DEVICES = auto()
    INVITATIONS = auto()
    """Letters to new members that were used, or replaced."""
    PARTNER_ANSWERS = auto()
    """What other software was answered, for whoever repeats a write."""
    VISITORS = auto()
    """Keyed hashes of addresses and numbers that took slots, or tried links."""
    VISITORS_WHO_BOOKED = auto()
    """The same, of those who booked: what is usual is learnt from them."""
    AUDIT = auto()
    """Who opened or changed what, and who signed in: lines that name no patient."""
    TOMBSTONES = auto()
    """That somebody was erased: keyed hashes, which a restore reads."""
    ACCOUNTS = auto()
    """Accounts of the staff that nobody uses: closed, after a letter."""


class Then(StrEnum):
    """What happens to it."""

    EMPTIED = auto()
    """The row stays, and names nobody: moments, level, outcome."""
    DELETED = auto()
    CLOSED = auto()


class Since(StrEnum):
    """What the time is counted from."""

    ITSELF = auto()
    """When it was written, sent, or tried."""
    CARE = auto()
    """The end of the appointment; of the request, where there was none."""
    LAST_USE = auto()


@dataclass(frozen=True)
class Term:
    """How long one kind is kept, from when, and what happens then."""

    kept: timedelta
    since: Since
    then: Then


BACKUPS = timedelta(days=35)
"""How long backups are kept: config/deploy/systemd/jourmeme-backup.service deletes older ones."""

TABLE: Mapping[Kind, Term] = {
    Kind.DRAFTS: Term(timedelta(days=1), Since.ITSELF, Then.EMPTIED),
    Kind.ANSWERS: Term(timedelta(days=7), Since.CARE, Then.EMPTIED),
    Kind.IDENTITY: Term(timedelta(days=90), Since.CARE, Then.EMPTIED),
    Kind.MESSAGES: Term(timedelta(days=90), Since.ITSELF, Then.EMPTIED),
    Kind.REPLIES: Term(timedelta(days=7), Since.ITSELF, Then.DELETED),
    Kind.SESSIONS: Term(timedelta(days=30), Since.LAST_USE, Then.DELETED),
    Kind.SIGN_INS: Term(timedelta(days=1), Since.ITSELF, Then.DELETED),
    Kind.KNOWN_DEVICES: Term(timedelta(days=180), Since.LAST_USE, Then.DELETED),
    Kind.INVITATIONS: Term(timedelta(days=90), Since.ITSELF, Then.DELETED),
    Kind.PARTNER_ANSWERS: Term(timedelta(days=1), Since.ITSELF, Then.DELETED),
    Kind.VISITORS: Term(timedelta(days=1), Since.ITSELF, Then.DELETED),
    Kind.VISITORS_WHO_BOOKED: Term(timedelta(days=7), Since.ITSELF, Then.DELETED),
    # A year, as the recommendation of the CNIL has it (six months to one year).
    Kind.AUDIT: Term(timedelta(days=365), Since.ITSELF, Then.DELETED),
    Kind.TOMBSTONES: Term(timedelta(days=60), Since.ITSELF, Then.DELETED),
    Kind.ACCOUNTS: Term(timedelta(days=730), Since.LAST_USE, Then.CLOSED),
}

SHORTEST: Mapping[Kind, timedelta] = {
    Kind.AUDIT: timedelta(days=180),
    # It outlives every backup made before it, also one that is forgotten some days late: a restore
    # of one that is older than its tombstones would bring the erased back for good.
    Kind.TOMBSTONES: BACKUPS + timedelta(days=5),
    # Its letter leaves a month before.
    Kind.ACCOUNTS: timedelta(days=90),
}
"""What may not be kept for a day only."""

Terms = Mapping[Kind, timedelta]

TERMS: Terms = {kind: term.kept for kind, term in TABLE.items()}
"""What holds where nobody shortened anything."""

SAID = re.compile(r"([A-Z_]+)=([0-9]{1,4})")


class TermsInvalid(ValueError):
    """A setting that lengthens a term, or that cannot be read; the text says which part of it."""


def read(said: str) -> Terms:
    """Return the terms of a setting, as `ANSWERS=5,IDENTITY=60`: days, never more than ours.

    Raises:
        TermsInvalid: for a kind that there is not, no number of days, or too many of them.
    """
    terms = dict(TERMS)
    for part in filter(None, (each.strip() for each in said.split(","))):
        found = SAID.fullmatch(part)
        if not found or found[1] not in Kind.__members__:
            raise TermsInvalid(f"RETENTION_DAYS: {part!r}: write KIND=DAYS")
        kind, kept = Kind[found[1]], timedelta(days=int(found[2]))
        least = SHORTEST.get(kind, timedelta(days=1))
        if not least <= kept <= TERMS[kind]:
            allowed = f"{least.days} to {TERMS[kind].days} days"
            raise TermsInvalid(f"RETENTION_DAYS: {part!r}: {allowed}")
        terms[kind] = kept
    return terms
