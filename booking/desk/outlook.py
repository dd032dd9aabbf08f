"""What is free soon, before triage has said for whom: so that an operator knows what to expect.

Nothing of it can be held: only a judgement gives a patient a slot.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from booking import routing
from booking.desk.proposals import SOON_ENOUGH_TO_LEAVE
from booking.desk.suits import OFFERED
from schedules import search
from schedules.geography import Place
from schedules.models import Community

USUAL = (search.Wanted("MG"), search.Wanted("CSNP"))
"""Who takes most of what has no better place."""

AHEAD = timedelta(hours=24)
SHOWN = 4
NOBODY = UUID(int=0)
"""Asks on behalf of nobody: what somebody holds is not free."""


def soonest(
    session: Session, community: Community, *, home: Place | None, now: datetime
) -> list[routing.Proposal]:
    """Return the next free slots of general practice, soonest first; `home` gives distances."""
    found = search.free(
        session,
        community.id,
        USUAL,
        asker=NOBODY,
        visible_to=OFFERED,
        after=now + SOON_ENOUGH_TO_LEAVE,
        until=now + AHEAD,
        each=SHOWN,
        now=now,
    )
    ranked = routing.rank(map(routing.Candidate, found), home=home, now=now)
    return sorted(ranked, key=lambda each: each.slot.starts_at)[:SHOWN]
