"""A past month in numbers that may leave: by level and how it ended, small numbers hidden.

The coordinator's page of the day counts people who can be opened one by one: that is care. This
is what is shown to others: whole months only, that no two tables of it overlap.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import Session

from booking.desk.masking import Row, masked
from booking.desk.sample import Month
from booking.models import Booking, BookingStatus, CareRequest, Promise, PromiseEnd, RequestStatus
from booking.triage.protocol import Level


class Ending(StrEnum):
    """How a request ended; each has one."""

    SEEN = auto()
    """There was an appointment, kept or not noted."""
    MISSED = auto()
    HANDED_OVER = auto()
    CLOSED = auto()
    """Declined, cancelled by the patient, or told whom to turn to."""
    WITHOUT = auto()
    """No appointment was found."""


@dataclass(frozen=True)
class Numbers:
    """Rows by level, cells by ending, as they may be shown."""

    by_level: Mapping[Level, Row]


def of_month(session: Session, month: Month) -> Numbers:
    """Return a whole month's requests by level and ending."""
    missed = _has_booking(Booking.status == BookingStatus.NO_SHOW)
    booked = _has_booking(Booking.status != BookingStatus.CANCELLED)
    handed_over = (
        select(Promise.id)
        .where(
            Promise.community_id == CareRequest.community_id,
            Promise.request_id == CareRequest.id,
            Promise.ended_as == PromiseEnd.HANDED_OVER,
        )
        .correlate(CareRequest)
        .exists()
    )
    ending = case(
        (missed, literal(Ending.MISSED.value)),
        (booked, literal(Ending.SEEN.value)),
        (handed_over, literal(Ending.HANDED_OVER.value)),
        (CareRequest.status == RequestStatus.OPEN, literal(Ending.WITHOUT.value)),
        else_=literal(Ending.CLOSED.value),
    )
    rows = session.execute(
        select(CareRequest.level, ending, func.count())
        .where(
            CareRequest.community_id == month.community_id,
            CareRequest.level.is_not(None),
            month.holds(CareRequest.created_at),
        )
        .group_by(CareRequest.level, ending)
    )
    counted = Counter({(level, Ending(end)): count for level, end, count in rows})
    return Numbers({level: masked([counted[level, end] for end in Ending]) for level in Level})


def _has_booking(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(Booking.id)
        .where(
            and_(
                Booking.community_id == CareRequest.community_id,
                Booking.request_id == CareRequest.id,
                which,
            )
        )
        .correlate(CareRequest)
        .exists()
    )
