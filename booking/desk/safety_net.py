"""What to do if it gets worse: who has said it to the person, and was understood (SR-15)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk.proposals import assessment_of
from booking.desk.staff import Actor
from booking.models import Assessment, CareRequest, SafetyNetSaid


class Overtaken(Exception):
    """Another judgement counts by now: what was said belongs to the one before."""


def note(
    session: Session, request: CareRequest, judgement: UUID | None, *, by: Actor, now: datetime
) -> None:
    """Note that the safety net of the judgement that counts was said, and understood.

    The request is locked, and `judgement` is the one whose words were on the page. Whoever said
    it first stays the one who did.

    Raises:
        NotAssessed: if none counts, for an answer is being changed.
        Overtaken: if it is not the judgement that counts. Nothing is written.
    """
    counts = assessment_of(session, request)
    if counts.reference != judgement:
        raise Overtaken
    if of(session, counts) is None:
        session.add(
            SafetyNetSaid(
                community_id=counts.community_id,
                assessment_id=counts.id,
                account=by.account,
                name=by.name,
                said_at=now,
            )
        )
        session.flush()


def of(session: Session, judged: Assessment) -> SafetyNetSaid | None:
    """Return who said the safety net of this very judgement, and when; None if nobody has."""
    return session.scalar(
        select(SafetyNetSaid).where(
            SafetyNetSaid.community_id == judged.community_id,
            SafetyNetSaid.assessment_id == judged.id,
        )
    )
