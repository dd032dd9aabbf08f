"""Which cases of a month are read again, and why: SR-13 and SR-08 of the safety requirements.

All that was reported, every level that a human decided, all « advice of the 15 », all who asked
again within 72 hours, and 20 drawn at random: the same 20 for whoever looks.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Interval, and_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from booking.models import (
    Assessment,
    CareRequest,
    CaseReview,
    LevelDecision,
    RequestStatus,
    SafetyEvent,
    WhyRead,
)
from booking.triage.protocol import Level
from config.clock import day_bounds, local_day
from schedules.models import Community

DRAWN = 20
ASKED_AGAIN_WITHIN = timedelta(hours=72)

THE_15 = [level for level in Level if level.is_emergency]

FIRST_MONTH = date(2026, 1, 1)
"""Nobody was triaged before."""


@dataclass(frozen=True)
class Month:
    """A community's month: its first day, and the moments between which it lies there."""

    community_id: int
    first: date
    since: datetime
    until: datetime

    def holds(self, moment: InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
        """Return the condition that a moment is of this month."""
        return and_(moment >= self.since, moment < self.until)


def month_of(community: Community, first: date) -> Month:
    """Return the month of a community that begins with this day."""
    since, _ = day_bounds(first, community.zone)
    until, _ = day_bounds(after(first), community.zone)
    return Month(community.id, first, since, until)


def this_month(zone: ZoneInfo, *, now: datetime) -> date:
    """Return the first day of the month that it is in `zone`."""
    return local_day(now, zone).replace(day=1)


def before(first: date) -> date:
    """Return the first day of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def after(first: date) -> date:
    """Return the first day of the month after."""
    return (first + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True)
class AskedAgain:
    """The request that came from the same phone so soon after."""

    reference: UUID
    at: datetime


@dataclass(frozen=True)
class Sample:
    """Why each request is read again in a month, and who asked again, by the request's number."""

    why: dict[int, tuple[WhyRead, ...]]
    asked_again: dict[int, AskedAgain]


def of(session: Session, month: Month) -> Sample:
    """Return which requests are read again in this month, and why.

    What somebody has read already stays, also when nothing else tells any more why it was there.
    """
    again = _asked_again(session, month)
    found: dict[int, set[WhyRead]] = defaultdict(set)
    for why, requests in (
        (WhyRead.EVENT, _reported(session, month)),
        (WhyRead.DECISION, _decided(session, month)),
        (WhyRead.ADVICE, _advised(session, month)),
        (WhyRead.ASKED_AGAIN, again),
        (WhyRead.DRAWN, _drawn(session, month)),
    ):
        for request_id in requests:
            found[request_id].add(why)
    for request_id, kept in _read_before(session, month):
        found[request_id] |= {WhyRead(why) for why in kept}
    why_each = {number: tuple(w for w in WhyRead if w in why) for number, why in found.items()}
    return Sample(why_each, again)


def _reported(session: Session, month: Month) -> list[int]:
    return _numbers(
        session,
        SafetyEvent,
        SafetyEvent.community_id == month.community_id,
        month.holds(SafetyEvent.at),
    )


def _decided(session: Session, month: Month) -> list[int]:
    return _numbers(
        session,
        LevelDecision,
        LevelDecision.community_id == month.community_id,
        month.holds(LevelDecision.decided_at),
    )


def _advised(session: Session, month: Month) -> list[int]:
    is_advice = Assessment.level == Level.CALL_15_ADVICE
    return _numbers(session, Assessment, _judged(month), is_advice)


def _judged(month: Month) -> ColumnElement[bool]:
    return and_(Assessment.community_id == month.community_id, month.holds(Assessment.assessed_at))


def _numbers(
    session: Session,
    table: type[SafetyEvent | LevelDecision | Assessment],
    *conditions: ColumnElement[bool],
) -> list[int]:
    return list(session.scalars(select(table.request_id).where(*conditions).distinct()))


def _drawn(session: Session, month: Month) -> list[int]:
    """Draw 20 of all who were judged: by a hash of community, month and reference."""
    ticket = func.concat_ws(":", month.community_id, month.first.isoformat(), CareRequest.reference)
    judged = select(Assessment.request_id).where(_judged(month))
    return list(
        session.scalars(
            select(CareRequest.id)
            .where(CareRequest.community_id == month.community_id, CareRequest.id.in_(judged))
            .order_by(func.sha256(func.convert_to(ticket, "UTF8")))
            .limit(DRAWN)
        )
    )


def _asked_again(session: Session, month: Month) -> dict[int, AskedAgain]:
    """Return who asked again within 72 hours of an answer that was not the 15, and how.

    By the number of the first request; of several the soonest. A number that is forgotten finds
    nobody.
    """
    later = aliased(CareRequest)
    rows = session.execute(
        select(CareRequest.id, later.reference, later.created_at)
        .select_from(Assessment)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Assessment.community_id,
                CareRequest.id == Assessment.request_id,
            ),
        )
        .join(
            later,
            and_(
                later.community_id == CareRequest.community_id,
                later.phone_key == CareRequest.phone_key,
                later.status != RequestStatus.DRAFT,
                later.created_at > Assessment.assessed_at,
                later.created_at
                <= Assessment.assessed_at + literal(ASKED_AGAIN_WITHIN, Interval()),
            ),
        )
        .where(_judged(month), Assessment.level.not_in(THE_15))
        .order_by(later.created_at.desc(), later.id.desc())
    )
    return {number: AskedAgain(reference, at) for number, reference, at in rows}


def _read_before(session: Session, month: Month) -> list[tuple[int, list[str]]]:
    rows = session.execute(
        select(CaseReview.request_id, CaseReview.why).where(
            CaseReview.community_id == month.community_id, CaseReview.month == month.first
        )
    )
    return [(number, why) for number, why in rows]
