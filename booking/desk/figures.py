"""The community's day in figures: what was asked, what was kept, what is left. No names."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum, auto
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from booking.desk.reach import is_owed
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    LevelDecision,
    RequestStatus,
    SecondLook,
    Transfer,
    TransferState,
)
from booking.triage.protocol import Level
from config.clock import at, day_bounds, local_day
from schedules.models import Professional, Slot

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
class Promise:
    """What became of the requests whose questions ended today and that are owed care."""

    kept: int
    """Booked at an hour before their deadline, and not cancelled."""
    late: int
    """Booked beyond it, or still open after it."""
    waiting: int
    """Open, with time left."""
    declined: int

    @property
    def asked(self) -> int:
        """All of them."""
        return self.kept + self.late + self.waiting + self.declined


@dataclass(frozen=True)
class Offer:
    """Free slots of one discipline, by half-day; what has begun is not counted."""

    discipline: str
    by_half: dict[Half, int]


@dataclass(frozen=True)
class Silent:
    """A member who offers nothing in the two days that come."""

    name: str
    discipline: str
    last_offer: datetime | None
    """When their last slot began, or begins."""


def promise(session: Session, community_id: int, zone: ZoneInfo, *, now: datetime) -> Promise:
    """Return what became of the requests assessed since midnight in the territory."""
    since, until = day_bounds(local_day(now, zone), zone)
    is_in_time = Slot.starts_at <= CareRequest.deadline
    booked = Booking.id.is_not(None)
    is_open = CareRequest.status == RequestStatus.OPEN
    row = session.execute(
        select(
            _count(and_(booked, is_in_time)),
            _count(or_(and_(booked, not_(is_in_time)), and_(is_open, CareRequest.deadline <= now))),
            _count(and_(is_open, CareRequest.deadline > now)),
            _count(CareRequest.status == RequestStatus.DECLINED),
        )
        .select_from(CareRequest)
        .outerjoin(
            Booking,
            and_(
                Booking.community_id == CareRequest.community_id,
                Booking.request_id == CareRequest.id,
                Booking.status != BookingStatus.CANCELLED,
            ),
        )
        .outerjoin(
            Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id)
        )
        .where(
            CareRequest.community_id == community_id,
            CareRequest.deadline.is_not(None),
            CareRequest.assessed_at >= since,
            CareRequest.assessed_at < until,
        )
    ).one()
    return Promise(*row)


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
    today = local_day(now, zone)
    end = day_bounds(today + timedelta(days=1), zone)[1]
    rows = session.execute(
        select(Slot.discipline, Slot.starts_at).where(
            Slot.community_id == community_id,
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.starts_at > now,
            Slot.starts_at < end,
            or_(Slot.held_by.is_(None), Slot.held_until <= now),
        )
    )
    counted = Counter((discipline, _half(starts, zone, now)) for discipline, starts in rows)
    return [
        Offer(discipline, {half: counted[discipline, half] for half in Half})
        for discipline in sorted({discipline for discipline, _ in counted})
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
        .where(Professional.community_id == community_id, or_(last.is_(None), last <= now))
        .order_by(last.asc().nulls_first(), Professional.family_name, Professional.id)
    )
    return [Silent(who.name, who.discipline, latest) for who, latest in rows]
