"""The coordinator reads a month's cases again, and says of each: sound, or to discuss."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from booking.desk import sample
from booking.desk.sample import AskedAgain, Month
from booking.desk.staff import Actor
from booking.models import (
    LONGEST_REPORT,
    Assessment,
    CareRequest,
    CaseReview,
    LevelDecision,
    RequestStatus,
    SafetyEvent,
    Verdict,
    WhyRead,
)
from booking.triage.protocol import Level

LONGEST = LONGEST_REPORT
"""Letters of a comment."""


class CommentMissing(ValueError):
    """What is to be discussed says why."""


class TooLong(ValueError):
    """A comment is of 1000 letters at most."""


@dataclass(frozen=True)
class Case:
    """A request that is read again in a month, with what put it there. It holds no identity."""

    request_id: int
    reference: UUID
    at: datetime
    """Of its last judgement in the month, or of the request."""
    level: Level | None
    """None where triage has not ended."""
    complaints: tuple[str, ...]
    is_forgotten: bool
    """Whether the answers were erased at the end of their term."""
    has_explanation: bool
    """False while the patient has reopened their own form: nobody looks into it."""
    why: tuple[WhyRead, ...]
    events: tuple[SafetyEvent, ...]
    decisions: tuple[LevelDecision, ...]
    asked_again: AskedAgain | None
    reviews: tuple[CaseReview, ...]
    """Oldest first."""

    @property
    def verdict(self) -> Verdict | None:
        """What was said of it last; None where something happened that nobody has read."""
        if not self.reviews:
            return None
        last = self.reviews[-1]
        happened = [
            *(event.at for event in self.events),
            *(decision.decided_at for decision in self.decisions),
            *([self.asked_again.at] if self.asked_again else []),
        ]
        return last.verdict if all(moment <= last.at for moment in happened) else None


Row = TypeVar("Row", SafetyEvent, LevelDecision, CaseReview)


def cases(session: Session, month: Month) -> list[Case]:
    """Return every case of a month that is read again, in the order in which they were judged."""
    drawn = sample.of(session, month)
    requests = session.scalars(
        select(CareRequest).where(
            CareRequest.community_id == month.community_id, CareRequest.id.in_(drawn.why)
        )
    ).all()
    judged = _last_judgements(session, requests, month)
    events = _by_request(session, SafetyEvent, month, month.holds(SafetyEvent.at))
    decided = month.holds(LevelDecision.decided_at)
    decisions = _by_request(session, LevelDecision, month, decided)
    reviews = _by_request(session, CaseReview, month, CaseReview.month == month.first)
    found = [
        Case(
            request_id=each.id,
            reference=each.reference,
            **_judgement(each, judged.get(each.id)),
            why=drawn.why[each.id],
            events=tuple(events[each.id]),
            decisions=tuple(decisions[each.id]),
            asked_again=drawn.asked_again.get(each.id),
            reviews=tuple(reviews[each.id]),
        )
        for each in requests
    ]
    return sorted(found, key=lambda case: (case.at, case.request_id))


def _judgement(request: CareRequest, judged: Assessment | None) -> dict[str, Any]:
    if judged is None:
        return {
            "at": request.created_at,
            "level": None,
            "complaints": tuple(request.complaints),
            "is_forgotten": False,
            "has_explanation": False,
        }
    is_reopened = request.status is RequestStatus.DRAFT and request.owner is None
    return {
        "at": judged.assessed_at,
        "level": judged.level,
        "complaints": tuple(judged.complaints),
        "is_forgotten": not judged.patient,
        "has_explanation": not is_reopened or request.call_back_asked_at is not None,
    }


def _last_judgements(
    session: Session, requests: Collection[CareRequest], month: Month
) -> dict[int, Assessment]:
    """Return what triage, or somebody, said last of each before the month ended."""
    if not requests:
        return {}
    rows = session.scalars(
        select(Assessment)
        .where(
            Assessment.community_id == month.community_id,
            # Nothing was judged before it was asked: the index leads to the month's own.
            Assessment.assessed_at >= min(each.created_at for each in requests),
            Assessment.assessed_at < month.until,
            Assessment.request_id.in_([each.id for each in requests]),
        )
        .order_by(Assessment.id)
    )
    return {each.request_id: each for each in rows}


def _by_request(
    session: Session, table: type[Row], month: Month, is_of_month: ColumnElement[bool]
) -> Mapping[int, list[Row]]:
    rows = session.scalars(
        select(table)
        .where(table.community_id == month.community_id, is_of_month)
        .order_by(table.id)
    )
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.request_id].append(row)
    return found


def note(
    session: Session,
    case: Case,
    month: Month,
    verdict: Verdict,
    comment: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Keep what somebody says of a case: beside what was said before, for ever.

    Raises:
        CommentMissing: if it is to be discussed and nothing says why.
        TooLong: if the comment is of more than 1000 letters.
    """
    said = comment.strip()
    if verdict is Verdict.TO_DISCUSS and not said:
        raise CommentMissing
    if len(said) > LONGEST:
        raise TooLong
    session.add(
        CaseReview(
            community_id=month.community_id,
            request_id=case.request_id,
            month=month.first,
            why=[why.value for why in case.why],
            verdict=verdict,
            comment=said or None,
            account=by.account,
            name=by.name,
            at=now,
        )
    )
    session.flush()
