"""What is free in time for a judged request, best first. Reads only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import routing
from booking.desk.suits import OFFERED
from booking.desk.validity import is_too_old, latest_start
from booking.models import Assessment, CareRequest
from schedules import search
from schedules.geography import Place
from schedules.models import DOCTOR, WHEELCHAIR, Community

SHOWN = 5
LOOKED_AT = 12
"""Free slots fetched for each profession: enough to rank, whatever the size of the territory."""

SOON_ENOUGH_TO_LEAVE = timedelta(minutes=10)
"""A slot that starts sooner than this cannot be reached: it is not proposed."""


class NotAssessed(Exception):
    """Triage has not ended for this request."""


def assessment_of(session: Session, request: CareRequest) -> Assessment:
    """Return the judgement that counts now: triage's own, or the one that a human decided.

    Raises:
        NotAssessed: if triage has not ended, or an answer was changed since.
    """
    found = session.scalar(
        select(Assessment).where(
            Assessment.community_id == request.community_id,
            Assessment.id == request.assessment_id,
        )
    )
    if found is None:
        raise NotAssessed
    return found


def propose(
    session: Session,
    request: CareRequest,
    community: Community,
    *,
    only_wheelchair: bool = False,
    limit: int = SHOWN,
    now: datetime,
) -> list[routing.Proposal]:
    """Return the best slots for an assessed request before its deadline, each with its reasons.

    Past the deadline, from whatever the next 24 hours hold; for a need of today, never beyond
    today. Empty for a level that allows no booking, when the signs must be asked again, and when
    nothing is free in time.

    Raises:
        NotAssessed: if triage has not ended.
    """
    if is_too_old(request, now):
        assessment_of(session, request)
        return []
    access = (WHEELCHAIR,) if only_wheelchair else ()
    after, each = now + SOON_ENOUGH_TO_LEAVE, max(LOOKED_AT, limit)
    found = in_time(session, request, community, access, after=after, each=each, now=now)
    return found[:limit]


def in_time(
    session: Session,
    request: CareRequest,
    community: Community,
    access: Sequence[str] = (),
    *,
    after: datetime,
    each: int,
    now: datetime,
) -> list[routing.Proposal]:
    """Return what would suit by the judgement that counts, however old it is, best first.

    What is only kept, not taken, may be looked for before the signs are asked again.

    Raises:
        NotAssessed: if triage has not ended.
    """
    assessment = assessment_of(session, request)
    latest = assessment.latest_start_at
    if latest is None or request.deadline is None:
        return []
    wanted = [search.Wanted(r["discipline"], (*r["needs"], *access)) for r in assessment.routes]
    said: dict[str, Any] = {
        "asker": request.reference,
        "complaints": assessment.complaints,
        "visible_to": OFFERED,
        "after": after,
        "until": min(latest, latest_start(request.deadline, now)),
        "each": each,
        "now": now,
    }
    found = [
        routing.Candidate(slot, is_regular_doctor=_is_own_doctors(slot, request))
        for slot in search.free(session, community.id, wanted, **said)
    ]
    if request.regular_doctor is not None:
        found += [
            routing.Candidate(slot, is_regular_doctor=True)
            for slot in search.free_of(
                session, community.id, request.regular_doctor, access, **said
            )
        ]
    return routing.rank(found, home=home(request), now=now)


def _is_own_doctors(slot: search.FreeSlot, request: CareRequest) -> bool:
    return slot.professional == request.regular_doctor and slot.profession == DOCTOR


def home(request: CareRequest) -> Place | None:
    """Return where distances are counted from: the patient's commune, if they said which."""
    if request.latitude is None or request.longitude is None:
        return None
    return Place(request.latitude, request.longitude)
