"""Somebody reports that something went wrong, or nearly did: kept for ever, read every month."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk.staff import Actor
from booking.models import LONGEST_REPORT, CareRequest, EventKind, SafetyEvent

LONGEST = LONGEST_REPORT
"""Letters of what happened."""


class NothingSaid(ValueError):
    """A report says what happened."""


class TooLong(ValueError):
    """A report is of 1000 letters at most."""


def report(
    session: Session,
    request: CareRequest,
    kind: EventKind,
    what: str,
    *,
    by: Actor,
    now: datetime,
) -> SafetyEvent:
    """Keep what somebody reports about a locked request, and return it.

    The same words by the same person are the same report: a button pressed twice adds nothing.

    Raises:
        NothingSaid: if it says nothing.
        TooLong: if it says more than 1000 letters.
    """
    said = what.strip()
    if not said:
        raise NothingSaid
    if len(said) > LONGEST:
        raise TooLong
    for before in reported(session, request):
        if (before.kind, before.what, before.account) == (kind, said, by.account):
            return before
    event = SafetyEvent(
        community_id=request.community_id,
        reference=uuid4(),
        request_id=request.id,
        kind=kind,
        what=said,
        account=by.account,
        name=by.name,
        role=by.role,
        at=now,
    )
    session.add(event)
    session.flush()
    return event


def reported(session: Session, request: CareRequest) -> Sequence[SafetyEvent]:
    """Return everything that was reported about this request, in order."""
    return session.scalars(
        select(SafetyEvent)
        .where(
            SafetyEvent.community_id == request.community_id,
            SafetyEvent.request_id == request.id,
        )
        .order_by(SafetyEvent.id)
    ).all()
