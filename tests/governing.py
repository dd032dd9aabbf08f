"""Versions of a protocol for tests: drafted, tried and signed by people with names."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from booking.governance import trial, versions
from booking.governance.journal import Signatory
from booking.governance.texts import Texts
from booking.models import Account, ProtocolVersion, Role
from schedules import nomenclature
from schedules.models import Community
from tests.clockwork import NOON
from tests.small_protocol import FIRST
from tests.staffing import an_account

NAME = "soins-non-programmes"
TODAY = date(2027, 3, 27)
"""The day it is at NOON in Paris."""


def a_coordinator(session: Session, community: Community, name: str) -> Account:
    email = f"{name.rsplit(maxsplit=1)[-1].lower()}-{community.id}@tilleuls.example"
    return an_account(session, community, Role.COORDINATOR, name=name, email=email)


def signing(account: Account) -> Signatory:
    return Signatory(account.id, account.display_name)


def a_draft(
    session: Session,
    author: Account,
    texts: Texts = FIRST,
    *,
    based_on: ProtocolVersion | None = None,
    now: datetime = NOON,
) -> ProtocolVersion:
    return versions.draft(
        session,
        author.community_id,
        texts,
        protocol=NAME,
        based_on=based_on,
        by=signing(author),
        now=now,
    )


def tried(session: Session, version: ProtocolVersion, by: Account) -> ProtocolVersion:
    done = trial.run(
        versions.texts_of(version),
        protocol=version.protocol,
        number=version.number,
        disciplines=nomenclature.disciplines(),
    )
    versions.record_trial(session, version, done, by=signing(by), now=NOON)
    return version


def signed(
    session: Session,
    author: Account,
    approver: Account,
    texts: Texts = FIRST,
    *,
    first: date = TODAY,
    today: date | None = None,
    now: datetime = NOON,
) -> ProtocolVersion:
    """Return a version that one wrote, tried, and the other signed."""
    version = tried(session, a_draft(session, author, texts, now=now), author)
    versions.approve(
        session,
        version,
        digest=version.digest,
        in_force_from=first,
        today=today or min(first, TODAY),
        by=signing(approver),
        now=now,
    )
    return version
