"""Nobody takes care from others by the patients' form: who may hold, and when it is too much.

Honest visitors share addresses, so an address alone is never refused: it has to show patience. A
rush is sent to the line only where it would take more than a small part of what is free. See
docs/adr/0017-hoarding.md.
"""

import logging
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from booking.desk import visitors
from booking.desk.reach import ITS_REQUEST
from booking.desk.suits import OFFERED
from booking.desk.visitors import Visitor
from booking.models import (
    Booking,
    BookingStatus,
    CareRequest,
    Channel,
    FormDoor,
    FormMode,
    VisitorAct,
    VisitorDid,
)
from config import logs, sealed
from schedules import slots
from schedules.models import Slot

LATELY = timedelta(minutes=10)
"""Twice as long as a hold lasts: who held within it may still hold, or has just booked."""

A_DAY = timedelta(days=1)

USUALLY = timedelta(days=7)

MOST_OF_ADDRESS = 3
"""Requests from one address that hold lately; the next ones show patience."""

MOST_OF_PHONE = 2
"""Requests of one number that held within a day and did not book."""

MOST_BEGUN = 60
"""Requests in an hour from one address: beyond, somebody fills the database, not a form."""

RUSH = 3
"""So many times what is usual is a rush."""

LEAST_RUSH = 5
"""Fewer than that is none, in however quiet a territory."""

SHARE = 0.05
"""The part of what is free in a day that a rush may have at one time."""

LEAST_SHARE = 8
"""Or so many, where a twentieth would be fewer."""


class Verdict(Enum):
    """What becomes of somebody who wants a slot kept."""

    FREE = auto()
    PROVE = auto()
    """They show patience first: some work of their browser, or a short wait."""
    FULL = auto()
    """The form has as much as it may have in a rush: the line helps, or a minute later."""
    CLOSED = auto()
    """The coordinator closed the form: the line helps."""


def mode_of(session: Session, community_id: int) -> FormMode:
    """Return how far the coordinator has the form of this community open."""
    said = session.scalar(select(FormDoor.mode).where(FormDoor.community_id == community_id))
    return said or FormMode.WATCHED


def switch(session: Session, community_id: int, mode: FormMode, *, by: UUID, now: datetime) -> None:
    """Open, watch or close the form of a community."""
    said = {"mode": mode, "changed_by": by, "changed_at": now}
    session.execute(
        insert(FormDoor)
        .values(community_id=community_id, **said)
        .on_conflict_do_update(constraint="uq_form_door_community", set_=said)
    )


def may_begin(session: Session, community_id: int, visitor: Visitor, *, now: datetime) -> Verdict:
    """Count one request begun from this address: FREE, CLOSED, or FULL if it is one too many."""
    if mode_of(session, community_id) is FormMode.CLOSED:
        return Verdict.CLOSED
    visitors.alone_with(session, visitor.hash)
    hour, kind = timedelta(hours=1), VisitorDid.BEGAN
    if visitors.count(session, kind, visitor.hash, within=hour, now=now) >= MOST_BEGUN:
        return Verdict.FULL
    visitors.note(session, kind, visitor.hash, community_id=community_id, now=now)
    return Verdict.FREE


def may_hold(
    session: Session,
    request: CareRequest,
    visitor: Visitor,
    *,
    has_shown_patience: bool = False,
    now: datetime,
) -> Verdict:
    """Say whether a locked request may have a slot kept; if so, it is counted.

    Who holds already, or did lately, goes on. Whoever asks for the same community at the same
    moment waits: they are judged as if they came in turn.
    """
    mode = mode_of(session, request.community_id)
    if mode is FormMode.CLOSED:
        return Verdict.CLOSED
    if _goes_on(session, request, now):
        return Verdict.FREE
    visitors.alone_with(session, visitor.keyed(f"community:{request.community_id}"))
    lately = _lately(session, request.community_id, now)
    is_rush = lately >= max(LEAST_RUSH, RUSH * _usual(session, request.community_id, now))
    if is_rush and mode is FormMode.WATCHED and lately >= _share(session, request, now):
        logs.event("form_hoarded", level=logging.WARNING, count=lately)
        return Verdict.FULL
    if not has_shown_patience and (is_rush or _is_busy(session, visitor, now)):
        return Verdict.PROVE
    visitors.note(
        session,
        VisitorDid.HELD,
        visitor.hash,
        community_id=request.community_id,
        about=request.reference,
        now=now,
    )
    return Verdict.FREE


def _goes_on(session: Session, request: CareRequest, now: datetime) -> bool:
    """Note that this request is still there, if it held lately."""
    done = session.execute(
        update(VisitorAct)
        .where(
            VisitorAct.about == request.reference,
            VisitorAct.kind == VisitorDid.HELD,
            VisitorAct.at > now - LATELY,
        )
        .values(at=now)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # a CursorResult, typed Result


def _is_busy(session: Session, visitor: Visitor, now: datetime) -> bool:
    """Return whether this address has held for so many requests lately that one more waits."""
    held = visitors.count(session, VisitorDid.HELD, visitor.hash, within=LATELY, now=now)
    return held >= MOST_OF_ADDRESS


def _lately(session: Session, community_id: int, now: datetime) -> int:
    """Return how many requests of the form hold, held lately, or have just booked."""
    held = (
        select(func.count())
        .select_from(VisitorAct)
        .where(
            VisitorAct.community_id == community_id,
            VisitorAct.kind.in_((VisitorDid.HELD, VisitorDid.BOOKED)),
            VisitorAct.at > now - LATELY,
        )
    )
    return session.scalar(held) or 0


def _usual(session: Session, community_id: int, now: datetime) -> float:
    """Return how many book in ten minutes in which anybody does, on average of the week before.

    Only what became an appointment, and nothing of today: who besieges the form shall not teach it
    that sieges are usual.
    """
    window = func.floor(func.extract("epoch", VisitorAct.at) / LATELY.total_seconds())
    booked, windows = session.execute(
        select(func.count(), func.count(window.distinct())).where(
            VisitorAct.community_id == community_id,
            VisitorAct.kind == VisitorDid.BOOKED,
            VisitorAct.at > now - USUALLY,
            VisitorAct.at <= now - A_DAY,
        )
    ).one()
    return booked / windows if windows else 0.0


def _share(session: Session, request: CareRequest, now: datetime) -> float:
    """Return how many requests may hold in a rush: a small part of what a day has free."""
    free = session.scalar(
        select(func.count())
        .select_from(Slot)
        .where(
            Slot.community_id == request.community_id,
            Slot.claimed_by.is_(None),
            Slot.withdrawn_at.is_(None),
            Slot.busy_since.is_(None),
            Slot.starts_at > now,
            Slot.starts_at <= now + A_DAY,
            slots.is_seen_by(OFFERED),
        )
    )
    return max(LEAST_SHARE, SHARE * (free or 0))


def held_too_often(
    session: Session, request: CareRequest, phone: str, visitor: Visitor, *, now: datetime
) -> bool:
    """Count this number for a locked request; True if it held twice today and never booked."""
    whose = visitor.of_phone(request.community_id, phone)
    visitors.alone_with(session, whose)
    kind, this = VisitorDid.GAVE_PHONE, request.reference
    if visitors.count(session, kind, whose, within=A_DAY, but=this, now=now) >= MOST_OF_PHONE:
        return True
    session.execute(delete(VisitorAct).where(VisitorAct.about == this, VisitorAct.kind == kind))
    visitors.note(session, kind, whose, community_id=request.community_id, about=this, now=now)
    return False


def note_booked(session: Session, request: CareRequest) -> None:
    """Note that what this request held became an appointment: its number has not only held."""
    this = VisitorAct.about == request.reference
    session.execute(delete(VisitorAct).where(this, VisitorAct.kind == VisitorDid.GAVE_PHONE))
    session.execute(
        update(VisitorAct)
        .where(this, VisitorAct.kind == VisitorDid.HELD)
        .values(kind=VisitorDid.BOOKED)
        .execution_options(synchronize_session=False)
    )


def has_another(
    session: Session, request: CareRequest, phone: str, visitor: Visitor, *, now: datetime
) -> bool:
    """Return whether this number has an appointment to come by the form, of another request.

    Two that ask for the same number at the same moment are answered in turn.
    """
    visitors.alone_with(session, visitor.of_phone(request.community_id, phone))
    found = session.scalar(
        select(Booking.id)
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .join(Slot, (Slot.community_id == Booking.community_id) & (Slot.id == Booking.slot_id))
        .where(
            CareRequest.community_id == request.community_id,
            CareRequest.phone_key == sealed.blind("phone", phone),
            CareRequest.channel == Channel.WEB,
            CareRequest.id != request.id,
            Booking.status == BookingStatus.CONFIRMED,
            Slot.starts_at > now,
        )
        .limit(1)
    )
    return found is not None
