"""Count what people who are not signed in do: in the database, so that every process agrees."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.models import VisitorAct, VisitorDid

ONE_AT_A_TIME = 0x4A56
"""First half of this module's locks: one visitor, whom two processes count, is counted twice."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is not signed in: where they come from, and the key of what is kept of it."""

    address: str
    secret: bytes = field(repr=False)

    @property
    def hash(self) -> bytes:
        """Return what is kept of the address."""
        return self.keyed(f"visitor:{self.address}")

    def of_phone(self, community_id: int, phone: str) -> bytes:
        """Return what is kept of a phone, another in each community."""
        return self.keyed(f"phone:{community_id}:{phone}")

    def keyed(self, text: str) -> bytes:
        """Return the keyed hash of a text."""
        return hmac.digest(self.secret, text.encode("utf-8", "surrogatepass"), "sha256")


def alone_with(session: Session, who: bytes) -> None:
    """Make whoever counts the same until this transaction ends wait for it."""
    number = int.from_bytes(who[:4], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME, number)))


def count(
    session: Session,
    kind: VisitorDid,
    who: bytes,
    *,
    within: timedelta,
    but: UUID | None = None,
    now: datetime,
) -> int:
    """Return how often this visitor did this lately, for other requests than `but`."""
    query = (
        select(func.count())
        .select_from(VisitorAct)
        .where(VisitorAct.kind == kind, VisitorAct.who_hash == who, VisitorAct.at > now - within)
    )
    if but is not None:
        query = query.where(VisitorAct.about != but)
    return session.scalar(query) or 0


def note(
    session: Session,
    kind: VisitorDid,
    who: bytes,
    *,
    community_id: int | None = None,
    about: UUID | None = None,
    now: datetime,
) -> None:
    """Write down that this visitor did this."""
    session.add(VisitorAct(community_id=community_id, kind=kind, who_hash=who, about=about, at=now))
    session.flush()


MOST_WRONG_LINKS = 10
"""In an hour, from one address: an old link is opened twice or three times, not eleven."""


def may_try_links(session: Session, visitor: Visitor, *, now: datetime) -> bool:
    """Count one link that opened nothing; False once it is one too many, and nothing is written."""
    alone_with(session, visitor.hash)
    hour = timedelta(hours=1)
    if (
        count(session, VisitorDid.WRONG_LINK, visitor.hash, within=hour, now=now)
        >= MOST_WRONG_LINKS
    ):
        return False
    note(session, VisitorDid.WRONG_LINK, visitor.hash, now=now)
    return True
