"""The community's day in figures: what was asked, what was kept, what is left. No names."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum, auto
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from booking.desk.reach import is_owed
from booking.models import (
    CareRequest,
    LevelDecision,
    Promise,
    PromiseEnd,
    RequestStatus,
    SecondLook,
    Transfer,
    TransferState,
)
from booking.triage.protocol import Level
from config.clock import at, day_bounds, local_day
from schedules.models import Professional, Site, Slot

NOON, EVENING = time(13), time(18)
"""Wall time at which a morning, and an afternoon, end on the coordinator's page."""

AHEAD = timedelta(days=2)


class Half(StrEnum):
    """A part of the two days for which care is owed."""

    TODAY_MORNING = auto()
    TODAY_AFTERNOON = auto()
    TODAY_EVENING = auto()
    TOMORROW_MORNING = auto()
    TOMORROW_AFTERNOON = auto()
    TOMORROW_EVENING = auto()


@dataclass(frozen=True)
class Kept:
    """What became of the promises that triage made today."""

    kept: int
    """An appointment within the time, and not cancelled."""
    late: int
    """An appointment beyond it, or none yet after it."""
    waiting: int
    """None yet, with time left."""
    declined: int
    handed_over: int

    @property
    def asked(self) -> int:
        """All of them."""
        return self.kept + self.late + self.waiting + self.declined + self.handed_over


@dataclass(frozen=True)
class Offer:
    """Free slots of one discipline, or in one town, by half-day; what has begun is not counted."""

    what: str
    by_half: dict[Half, int]


@dataclass(frozen=True)
class Silent:
    """A member who offers nothing in the two days that come."""

    name: str
    discipline: str
    last_offer: datetime | None
    """When their last slot began, or begins."""


def promise(session: Session, community_id: int, zone: ZoneInfo, *, now: datetime) -> Kept:
    """Return what became of the promises that began since midnight in the territory.

    Of a request that was promised more than once, the last one counts.
    """
    since, until = day_bounds(local_day(now, zone), zone)
    runs, later = Promise.ended_at.is_(None), aliased(Promise)
    is_declined = CareRequest.status == RequestStatus.DECLINED
    row = session.execute(
        select(
            _count(and_(Promise.ended_as == PromiseEnd.KEPT, not_(is_declined))),
            _count(
                or_(
                    and_(Promise.ended_as == PromiseEnd.LATE, not_(is_declined)),
                    and_(runs, Promise.due_at <= now),
                )
            ),
            _count(and_(runs, Promise.due_at > now)),
            _count(and_(is_declined, Promise.ended_as != PromiseEnd.HANDED_OVER)),
            _count(Promise.ended_as == PromiseEnd.HANDED_OVER),
        )
        .select_from(Promise)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Promise.community_id,
                CareRequest.id == Promise.request_id,
            ),
        )
        .where(
            Promise.community_id == community_id,
            Promise.began_at >= since,
            Promise.began_at < until,
            ~select(later.id)
            .where(
                later.community_id == Promise.community_id,
                later.request_id == Promise.request_id,
                later.id > Promise.id,
            )
            .exists(),
        )
    ).one()
    return Kept(*row)


@dataclass(frozen=True)
class Open:
    """Requests that are owed an appointment or a promised call, whenever they were asked."""

    total: int
    overdue: int
    to_call_back: int


def open_now(session: Session, community_id: int, *, now: datetime) -> Open:
    """Return how many requests wait at this moment."""
    row = session.execute(
        select(
            func.count(),
            _count(CareRequest.deadline <= now),
            _count(CareRequest.call_back_asked_at.is_not(None)),
        ).where(CareRequest.community_id == community_id, is_owed())
    ).one()
    return Open(*row)


UNANSWERED_AFTER = timedelta(minutes=30)
"""A promised call that nobody made for so long is the coordinator's to see."""


def unanswered(session: Session, community_id: int, *, now: datetime) -> int:
    """Return how many patients wait for their call for more than half an hour."""
    return (
        session.scalar(
            select(func.count()).where(
                CareRequest.community_id == community_id,
                is_owed(),
                CareRequest.call_back_asked_at <= now - UNANSWERED_AFTER,
            )
        )
        or 0
    )


@dataclass(frozen=True)
class Decided:
    """What humans decided otherwise than triage, and what nobody has done in time."""

    raised: int
    lowered: int
    looks_late: int
    """Second looks that are due and not done."""
    rechecks_late: int
    """People sent to the 15 of whom nobody has made sure within ten minutes."""


def decisions(session: Session, community_id: int, zone: ZoneInfo, *, now: datetime) -> Decided:
    """Return the decisions of level since midnight in the territory, and what is late now."""
    since, until = day_bounds(local_day(now, zone), zone)
    to, before = _rank(LevelDecision.to_level), _rank(LevelDecision.from_level)
    raised, lowered = session.execute(
        select(_count(to > before), _count(to < before)).where(
            LevelDecision.community_id == community_id,
            LevelDecision.decided_at >= since,
            LevelDecision.decided_at < until,
        )
    ).one()
    looks = select(func.count()).where(
        SecondLook.community_id == community_id,
        SecondLook.outcome.is_(None),
        SecondLook.due_at <= now,
    )
    rechecks = select(func.count()).where(
        Transfer.community_id == community_id,
        Transfer.state.in_((TransferState.TO_RECHECK, TransferState.NO_ANSWER)),
        Transfer.recheck_by <= now,
    )
    return Decided(raised, lowered, session.scalar(looks) or 0, session.scalar(rechecks) or 0)


def _rank(level: InstrumentedAttribute[Level]) -> ColumnElement[int]:
    return case(*((level == each, int(each)) for each in Level))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def offers(session: Session, community_id: int, zone: ZoneInfo, *, now: datetime) -> list[Offer]:
    """Return the free slots of today and tomorrow, by discipline and half-day."""
    rows = session.execute(_free(Slot.discipline, community_id, zone, now))
    return _by_half(((discipline, starts) for discipline, starts in rows), zone, now)


def offers_by_town(
    session: Session, community_id: int, zone: ZoneInfo, *, now: datetime
) -> list[Offer]:
    """Return the free slots of today and tomorrow, by the town where they are and half-day."""
    rows = session.execute(
        _free(Site.city, community_id, zone, now).join(
            Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id)
        )
    )
    return _by_half(((town, starts) for town, starts in rows), zone, now)


def _free(
    what: InstrumentedAttribute[str], community_id: int, zone: ZoneInfo, now: datetime
) -> Select[str, datetime]:
    end = day_bounds(local_day(now, zone) + timedelta(days=1), zone)[1]
    return (
        select(what, Slot.starts_at)
        .select_from(Slot)
        .where(
            Slot.community_id == community_id,
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.busy_since.is_(None),
            Slot.starts_at > now,
            Slot.starts_at < end,
            or_(Slot.held_by.is_(None), Slot.held_until <= now),
        )
    )


def _by_half(rows: Iterable[tuple[str, datetime]], zone: ZoneInfo, now: datetime) -> list[Offer]:
    counted = Counter((what, _half(starts, zone, now)) for what, starts in rows)
    return [
        Offer(what, {half: counted[what, half] for half in Half})
        for what in sorted({what for what, _ in counted})
    ]


def _half(starts: datetime, zone: ZoneInfo, now: datetime) -> Half:
    today = local_day(now, zone)
    day = local_day(starts, zone)
    part = (starts >= at(day, NOON, zone)) + (starts >= at(day, EVENING, zone))
    return list(Half)[part + (3 if day > today else 0)]


def silent_members(session: Session, community_id: int, *, now: datetime) -> list[Silent]:
    """Return who offers nothing in the next two days; who was last heard of long ago first."""
    last = (
        select(func.max(Slot.starts_at))
        .where(
            Slot.community_id == Professional.community_id,
            Slot.professional_id == Professional.id,
            Slot.withdrawn_at.is_(None),
            Slot.starts_at <= now + AHEAD,
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Professional, last.label("last"))
        .where(
            Professional.community_id == community_id,
            Professional.suspended_at.is_(None),
            or_(last.is_(None), last <= now),
        )
        .order_by(last.asc().nulls_first(), Professional.family_name, Professional.id)
    )
    return [Silent(who.name, who.discipline, latest) for who, latest in rows]
