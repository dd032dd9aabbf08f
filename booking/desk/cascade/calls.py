"""One call for help: begun, found, ended, stopped and begun again by somebody of ours."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, false, func, select, update
from sqlalchemy.orm import Session

from booking.desk import proposals
from booking.desk.cascade import terms
from booking.desk.validity import latest_start
from booking.models import (
    Asked,
    Booking,
    BookingStatus,
    CallEnd,
    CallForHelp,
    CareRequest,
    HelpAnswer,
    RequestStatus,
)
from notifications import outbox
from schedules import slots
from schedules.models import Community, Slot

ITS_CALL = and_(CallForHelp.community_id == Asked.community_id, CallForHelp.id == Asked.call_id)
ITS_REQUEST = and_(
    CareRequest.community_id == CallForHelp.community_id, CareRequest.id == CallForHelp.request_id
)

FOR_GOOD = (CallEnd.STOPPED, CallEnd.EXHAUSTED)
"""After these nobody is asked again by itself: somebody of ours has to say so."""


class CannotBegin(Exception):
    """The community asks nobody, or the request waits for no appointment."""


def live(session: Session, request: CareRequest) -> CallForHelp | None:
    """Return the call that runs for a locked request, if one does."""
    return session.scalar(
        select(CallForHelp)
        .where(
            CallForHelp.community_id == request.community_id,
            CallForHelp.request_id == request.id,
            CallForHelp.ended_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def begin(session: Session, request: CareRequest, *, by: UUID | None, now: datetime) -> CallForHelp:
    """Begin to ask for a locked request that nobody is asked for yet; the first wave is due."""
    made = CallForHelp(
        community_id=request.community_id,
        request_id=request.id,
        started_at=now,
        started_by=by,
        wave=0,
        next_wave_at=now,
        everybody_asked=False,
    )
    session.add(made)
    session.flush()
    return made


def start(
    session: Session, request: CareRequest, community: Community, *, by: UUID, now: datetime
) -> None:
    """Let the worker ask professionals for a locked request, whatever ended before.

    Raises:
        CannotBegin: if the community has not chosen it, or nobody waits who can be told.
    """
    if not (terms.of(community.cascade).is_on and waits(request, now)):
        raise CannotBegin
    if live(session, request) is None:
        begin(session, request, by=by, now=now)


def stop(session: Session, request: CareRequest, *, by: UUID, now: datetime) -> None:
    """Ask nobody more for a locked request; every link that was sent is dead. Twice is once."""
    call = live(session, request)
    if call is not None:
        end(session, call, CallEnd.STOPPED, by=by, now=now)


def end(
    session: Session, call: CallForHelp, how: CallEnd, *, by: UUID | None = None, now: datetime
) -> None:
    """End a call, and call back what has not reached those who have not answered."""
    call.ended_at, call.ended_as, call.ended_by = now, how, by
    call.next_wave_at = None
    session.flush()
    unanswered = session.scalars(
        select(Asked.reference).where(
            Asked.community_id == call.community_id,
            Asked.call_id == call.id,
            Asked.answer.is_(None),
        )
    )
    for reference in unanswered.all():
        outbox.withdraw(session, call.community_id, reference, now=now)


def waits(request: CareRequest, now: datetime) -> bool:
    """Return whether somebody waits for an appointment in time, and can be told of one."""
    return (
        request.status is RequestStatus.OPEN
        and request.level is not None
        and request.level.is_bookable
        and request.phone is not None
        and request.deadline is not None
        and request.deadline > now
    )


def latest(session: Session, request: CareRequest, now: datetime) -> datetime:
    """Return the moment at which an hour for this request starts at the latest."""
    until = latest_start(request.deadline or now, now)
    allowed = proposals.assessment_of(session, request).latest_start_at
    return min(until, allowed) if allowed else now


def holds_something(session: Session, request: CareRequest, now: datetime) -> bool:
    """Return whether a slot is kept for this request at this moment: offered, or chosen."""
    held = select(Slot.id).where(
        Slot.community_id == request.community_id,
        Slot.held_by == request.reference,
        Slot.held_until > now,
    )
    return session.scalar(held.limit(1)) is not None


def lapse(session: Session, request: CareRequest, call: CallForHelp, *, now: datetime) -> None:
    """Take back the hour that a professional offered and the patient has not confirmed in time."""
    its_slot = and_(Slot.community_id == Asked.community_id, Slot.id == Asked.slot_id)
    booked = select(Booking.id).where(
        Booking.community_id == Asked.community_id,
        Booking.slot_id == Asked.slot_id,
        Booking.request_id == request.id,
        Booking.status != BookingStatus.CANCELLED,
    )
    is_kept = and_(Slot.held_by == request.reference, Slot.held_until > now)
    gone = session.execute(
        select(Asked.id, Slot.id)
        .join(Slot, its_slot)
        .where(
            Asked.community_id == call.community_id,
            Asked.call_id == call.id,
            Asked.answer == HelpAnswer.TAKEN,
            ~func.coalesce(is_kept, false()),
            ~booked.correlate(Asked).exists(),
        )
    ).all()
    for asked_id, slot_id in gone:
        slots.withdraw_free(
            session, and_(Slot.community_id == call.community_id, Slot.id == slot_id), now=now
        )
        session.execute(
            update(Asked)
            .where(Asked.community_id == call.community_id, Asked.id == asked_id)
            .values(answer=HelpAnswer.LAPSED, answered_at=now)
            .execution_options(synchronize_session="fetch")
        )
