"""Who has seen somebody's file, and whose readings are unlike their own: no name of a patient."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, auto
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Time,
    and_,
    cast,
    extract,
    func,
    or_,
    select,
    union,
)
from sqlalchemy.orm import Session

from booking.models import (
    Account,
    Action,
    ActorKind,
    ApiClient,
    AuditLine,
    Booking,
    CareRequest,
    Role,
)
from config import sealed
from config.clock import day_bounds, local_day
from notifications.models import InboundMessage
from schedules.models import Community

MOST = 200
"""Lines on one page; a file holds them all."""

LOOKED_BACK = timedelta(days=7)
COMPARED_WITH = timedelta(days=30)
TIMES_USUAL = 3
LEAST = 10
"""So many files a day are nobody's concern: three times few is few."""

OF_FILES = (Action.READ, Action.WRITE)
SUNDAY = 7


@dataclass(frozen=True)
class Wanted:
    """Which lines: of a day, of a member, of some rows; all that is None is left open."""

    day: date | None = None
    member: UUID | None = None
    about: Collection[UUID] | None = None


@dataclass(frozen=True)
class Access:
    """One line, with the names that it needs to be read."""

    community_id: int
    at: datetime
    action: Action
    kind: ActorKind
    name: str | None
    """Of the account or the software."""
    role: Role | None
    table: str | None
    reference: UUID | None
    asked_at: datetime | None
    """When the request that it is about was made."""
    whom: str | None
    """Whose account it is about."""
    how_many: int | None


def accesses(
    session: Session, community: Community, wanted: Wanted, *, most: int | None = MOST
) -> list[Access]:
    """Return what is noted of a community, the newest first."""
    which = [AuditLine.community_id == community.id]
    if wanted.day is not None:
        begins, ends = day_bounds(wanted.day, community.zone)
        which += [AuditLine.at >= begins, AuditLine.at < ends]
    if wanted.member is not None:
        which.append(AuditLine.actor == wanted.member)
    if wanted.about is not None:
        which.append(AuditLine.about.in_(wanted.about))
    rows = session.execute(
        _named().where(*which).order_by(AuditLine.at.desc(), AuditLine.id.desc()).limit(most)
    )
    return [_access(row) for row in rows]


def of_rows(session: Session, about: Collection[UUID]) -> list[Access]:
    """Return all that is noted of these rows, in whatever community, the newest first."""
    rows = session.execute(
        _named()
        .where(AuditLine.about.in_(about), AuditLine.community_id.is_not(None))
        .order_by(AuditLine.at.desc(), AuditLine.id.desc())
    )
    return [_access(row) for row in rows]


_WHOM = Account.__table__.alias("whom")


def _named() -> Select[Any]:
    here = AuditLine.community_id
    return (
        select(
            AuditLine.community_id,
            AuditLine.at,
            AuditLine.action,
            AuditLine.actor_kind,
            func.coalesce(Account.display_name, ApiClient.name),
            Account.role,
            AuditLine.about_table,
            AuditLine.about,
            CareRequest.created_at,
            _WHOM.c.display_name,
            AuditLine.how_many,
        )
        .outerjoin(
            Account, and_(Account.community_id == here, Account.reference == AuditLine.actor)
        )
        .outerjoin(
            ApiClient, and_(ApiClient.community_id == here, ApiClient.reference == AuditLine.actor)
        )
        .outerjoin(
            CareRequest,
            and_(CareRequest.community_id == here, CareRequest.reference == AuditLine.about),
        )
        .outerjoin(_WHOM, and_(_WHOM.c.community_id == here, _WHOM.c.reference == AuditLine.about))
    )


def _access(row: Iterable[Any]) -> Access:
    return Access(*row)


def of_phone(session: Session, community_id: int, phone: str) -> list[UUID]:
    """Return the requests made with a number (E.164), and what was written from it."""
    key = sealed.blind("phone", phone)
    found = union(
        *(
            select(table.reference).where(
                table.community_id == community_id, table.phone_key == key
            )
            for table in (CareRequest, InboundMessage)
        )
    )
    return list(session.scalars(found))


def of_code(session: Session, code: str) -> list[UUID]:
    """Return the requests whose appointment has this spoken code."""
    return list(
        session.scalars(
            select(CareRequest.reference)
            .join(
                Booking,
                and_(
                    Booking.community_id == CareRequest.community_id,
                    Booking.request_id == CareRequest.id,
                ),
            )
            .where(Booking.code == code)
        )
    )


def members(session: Session, community_id: int) -> Sequence[Account]:
    """Return the accounts of a community, closed ones too, by name."""
    return session.scalars(
        select(Account)
        .where(Account.community_id == community_id)
        .order_by(Account.display_name, Account.id)
    ).all()


# What is unlike somebody's own days


class Why(StrEnum):
    """In what somebody's day is unusual."""

    MANY = auto()
    """More than three times the files of their usual day."""
    LATE = auto()
    """While nobody answers the line: at night, on a Sunday."""
    REFUSED = auto()
    """They asked for what is another practice's or community's."""


@dataclass(frozen=True)
class Unusual:
    """One member's day, and what is unusual in it; it accuses nobody."""

    day: date
    name: str
    why: Why
    count: int


def unusual(session: Session, community: Community, *, now: datetime) -> list[Unusual]:
    """Return the unusual days of the last week, the newest first."""
    today = local_day(now, community.zone)
    found = [*_many(session, community, today), *_counted(session, community, today)]
    return sorted(found, key=lambda each: (-each.day.toordinal(), each.name, each.why))


def _many(session: Session, community: Community, today: date) -> list[Unusual]:
    since = today - LOOKED_BACK - COMPARED_WITH
    day = _local_day(community)
    rows = session.execute(
        select(Account.display_name, AuditLine.actor, day, func.count(AuditLine.about.distinct()))
        .join(Account, _is_by())
        .where(*_since(community, since), AuditLine.action.in_(OF_FILES))
        .group_by(Account.display_name, AuditLine.actor, day)
    )
    of_each: dict[tuple[str, UUID | None], dict[date, int]] = defaultdict(dict)
    for name, actor, that_day, count in rows:
        of_each[name, actor][that_day] = count
    return [
        Unusual(that_day, name, Why.MANY, count)
        for (name, _), days in of_each.items()
        for that_day, count in days.items()
        if that_day > today - LOOKED_BACK and count > _usual(days, that_day) * TIMES_USUAL
    ]


def _usual(days: dict[date, int], day: date) -> float:
    before = [count for each, count in days.items() if day - COMPARED_WITH <= each < day]
    return max(median(before) if before else LEAST, LEAST / TIMES_USUAL)


def _counted(session: Session, community: Community, today: date) -> list[Unusual]:
    day = _local_day(community)
    wall = func.timezone(community.zone_name, AuditLine.at)
    hour = cast(wall, Time)
    opens, closes = community.opens_at, community.closes_at
    within = and_(hour >= opens, hour < closes)
    if closes <= opens:
        within = or_(hour >= opens, hour < closes)
    is_late = or_(extract("isodow", wall) == SUNDAY, ~within)
    kinds = {
        Why.LATE: and_(AuditLine.action.in_(OF_FILES), is_late),
        Why.REFUSED: AuditLine.action == Action.REFUSED,
    }
    found = []
    for why, which in kinds.items():
        rows = session.execute(
            select(Account.display_name, day, func.count(AuditLine.about.distinct()))
            .join(Account, _is_by())
            .where(*_since(community, today - LOOKED_BACK), which)
            .group_by(Account.display_name, AuditLine.actor, day)
        )
        found += [Unusual(row[1], row[0], why, row[2]) for row in rows if row[2]]
    return found


def _local_day(community: Community) -> ColumnElement[date]:
    return cast(func.timezone(community.zone_name, AuditLine.at), Date)


def _is_by() -> ColumnElement[bool]:
    return and_(
        Account.community_id == AuditLine.community_id, Account.reference == AuditLine.actor
    )


def _since(community: Community, day: date) -> tuple[ColumnElement[bool], ...]:
    begins, _ends = day_bounds(day, community.zone)
    return AuditLine.community_id == community.id, AuditLine.at >= begins
