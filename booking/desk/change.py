"""What becomes of an appointment: seen by its link, cancelled, moved, arrived, missed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import alternatives, promises, tell, wishes
from booking.desk.reach import ITS_PROFESSIONAL, ITS_REQUEST
from booking.desk.suits import suits
from booking.desk.validity import latest_start
from booking.links import Links, hashed
from booking.models import (
    Booking,
    BookingState,
    BookingStatus,
    CancelledBy,
    CareRequest,
    RequestStatus,
    SentOnTo,
)
from notifications import outbox
from notifications.messages import By
from schedules import beside, slots
from schedules.calendars import closing
from schedules.models import Community, Professional, Site, Slot

LINK_OUTLIVES = timedelta(hours=2)
"""How long after the appointment its link still opens something."""


class NoSuchBooking(LookupError):
    """No booking with that name in this community, or that link."""


class LinkDied(LookupError):
    """The appointment is over: its link opens nothing any more."""


class TooLate(Exception):
    """The appointment has begun, or has ended otherwise."""


@dataclass(frozen=True)
class Kept:
    """An appointment with all that its page, its calendar entry and its messages need."""

    booking: Booking
    request: CareRequest
    slot: Slot
    professional: Professional
    site: Site
    community: Community

    @property
    def is_live(self) -> bool:
        """Whether the patient is still expected."""
        return self.booking.status is not BookingStatus.CANCELLED

    def appointment(self) -> tell.Appointment:
        """Return it as messages tell of it."""
        return tell.Appointment(
            reference=self.booking.reference,
            version=self.booking.version,
            starts_at=self.slot.starts_at,
            ends_at=self.slot.ends_at,
            changed_at=self.booking.changed_at,
            site=tell.Where(self.site.name, self.site.address, self.site.phone),
            professional_email=self.professional.email,
            phone=tell.told_at(self.request),
            email=self.request.email,
            language=self.request.language,
        )


def by_link(session: Session, token: str, *, now: datetime, lock: bool = False) -> Kept:
    """Return the appointment that this link opens; locked with its request if it is to change.

    Raises:
        NoSuchBooking: if the token opens none.
        LinkDied: from two hours after the appointment on.
    """
    kept = _kept(session, Booking.link_hash == hashed(token), lock=lock)
    if now > kept.slot.ends_at + LINK_OUTLIVES:
        raise LinkDied
    return kept


def by_reference(
    session: Session, community_id: int, reference: UUID, *, lock: bool = False
) -> Kept:
    """Return a community's appointment by its public name.

    Raises:
        NoSuchBooking: if this community has none of that name.
    """
    return _kept(
        session,
        Booking.community_id == community_id,
        Booking.reference == reference,
        lock=lock,
    )


def of_request(session: Session, request: CareRequest) -> Kept:
    """Return the live appointment of a request.

    Raises:
        NoSuchBooking: if it has none.
    """
    return _kept(
        session,
        Booking.community_id == request.community_id,
        Booking.request_id == request.id,
        Booking.status != BookingStatus.CANCELLED,
        lock=False,
    )


def _kept(session: Session, *which: object, lock: bool) -> Kept:
    query = (
        select(Booking, CareRequest, Slot, Professional, Site, Community)
        .where(*which)  # type: ignore[arg-type]
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .join(Slot, (Slot.community_id == Booking.community_id) & (Slot.id == Booking.slot_id))
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, (Site.community_id == Slot.community_id) & (Site.id == Slot.site_id))
        .join(Community, Community.id == Booking.community_id)
        .execution_options(populate_existing=True)
    )
    if lock:
        _lock_request(session, *which)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NoSuchBooking
    return Kept(*found)


def _lock_request(session: Session, *which: object) -> None:
    """Wait for whoever is changing this appointment: the request is what all of them lock first.

    Alone, and before the rest is read: a query that waits and joins the slot would look for the
    booking at the slot that it had before, and find nothing.
    """
    session.execute(
        select(CareRequest.id)
        .join(
            Booking,
            (Booking.community_id == CareRequest.community_id)
            & (Booking.request_id == CareRequest.id),
        )
        .where(*which)  # type: ignore[arg-type]
        .with_for_update(of=CareRequest)
    )


def cancel(
    session: Session,
    kept: Kept,
    *,
    cancelled_by: CancelledBy,
    by: str,
    links: Links,
    now: datetime,
) -> None:
    """End a locked appointment: its slot is free again at once, and both sides are told.

    Cancelling twice is the same as once. A patient who cancels has declined; when the practice
    cancels, the request is open again with its first deadline, and what suits is kept for it.

    Raises:
        TooLate: if the appointment has begun.
    """
    booking = kept.booking
    if booking.status is BookingStatus.CANCELLED:
        return
    _refuse_if_begun(kept, now)
    slots.release(session, kept.community.id, kept.slot.id, asker=kept.request.reference)
    # Their own calendar may have said busy since it was booked.
    closing.settle(session, kept.community.id, kept.slot.professional_id, now=now)
    booking.status, booking.cancelled_by = BookingStatus.CANCELLED, cancelled_by
    _changed(session, booking, by=by, now=now)
    kept.request.status = (
        RequestStatus.DECLINED if cancelled_by is CancelledBy.PATIENT else RequestStatus.OPEN
    )
    if cancelled_by is CancelledBy.PRACTICE:
        promises.resume(session, kept.request, kept.community, by=by, now=now)
    session.flush()
    common = (session, kept.community, kept.appointment())
    if cancelled_by is CancelledBy.PATIENT:
        tell.cancelled(*common, by=By.PATIENT, links=links, now=now)
    else:
        until = alternatives.keep(
            session, kept.request, kept.community, instead_of=kept.slot, now=now
        )
        wishes.want(session, kept.request, now=now)
        tell.cancelled(*common, by=By.PRACTICE, kept_until=until, links=links, now=now)


def move(session: Session, kept: Kept, slot: UUID, *, by: str, links: Links, now: datetime) -> None:
    """Give a locked appointment another slot; the one it leaves is free again at once.

    Moving to the slot it already has, or another place of the same hour, changes nothing.

    Raises:
        TooLate: if the appointment has begun, or was cancelled.
        slots.SlotTaken: if somebody else was faster. The appointment stays as it was.
    """
    if slot in (
        kept.slot.reference,
        *beside.places(session, kept.community.id, kept.slot.reference),
    ):
        return
    _refuse_if_begun(kept, now)
    asker = kept.request.reference
    left, was = kept.slot.id, kept.appointment()
    # Given back before the new one is claimed: one asker has one claim. If the new one is taken,
    # the whole transaction is undone, and with it this line.
    slots.release(session, kept.community.id, left, asker=asker)
    taken = beside.take(
        session, kept.community.id, slot, lambda place: _claim(session, kept, place, now)
    )
    closing.settle(session, kept.community.id, kept.slot.professional_id, now=now)
    slots.let_go(session, kept.community.id, asker=asker, now=now)
    kept.booking.slot_id = taken
    _changed(session, kept.booking, by=by, now=now)
    after = by_reference(session, kept.community.id, kept.booking.reference)
    tell.moved(
        session,
        kept.community,
        after.appointment(),
        was=was,
        links=links,
        now=now,
    )


def _claim(session: Session, kept: Kept, slot: UUID, now: datetime) -> int:
    """Claim a slot for whom an appointment is for, and return its number; or SlotTaken."""
    fit = suits(
        kept.booking.assessment_id,
        kept.request.regular_doctor,
        until=latest_start(kept.request.deadline or now, now),
    )
    claiming = slots.claiming(kept.community.id, slot, asker=kept.request.reference, now=now)
    taken: int | None = session.scalar(claiming.where(fit).returning(Slot.id))
    if taken is None:
        raise slots.SlotTaken(slot)
    return taken


def relocated(
    session: Session, kept: Kept, was: tell.Appointment, *, by: str, links: Links, now: datetime
) -> Kept:
    """Note that the slot of a locked appointment is at another site now, and tell both sides.

    `was` is the appointment before. Returns it as it is by now.

    Raises:
        TooLate: if the appointment has begun, or was cancelled.
    """
    _refuse_if_begun(kept, now)
    _changed(session, kept.booking, by=by, now=now)
    after = by_reference(session, kept.community.id, kept.booking.reference)
    tell.relocated(session, kept.community, after.appointment(), was=was, links=links, now=now)
    return after


def note(
    session: Session,
    kept: Kept,
    status: BookingStatus,
    *,
    sent_on_to: SentOnTo | None = None,
    by: str,
    now: datetime,
) -> None:
    """Note that the patient arrived, was seen, or did not come; noted twice is noted once.

    Who was seen may have been sent on.

    Raises:
        TooLate: if the appointment was cancelled.
    """
    booking = kept.booking
    if booking.status is BookingStatus.CANCELLED:
        raise TooLate
    if (booking.status, booking.sent_on_to) == (status, sent_on_to):
        return
    booking.status, booking.sent_on_to, booking.changed_at = status, sent_on_to, now
    _noted(session, booking, by=by, now=now)
    session.flush()


def excuse(session: Session, kept: Kept, *, by: str, now: datetime) -> None:
    """End a locked appointment whose patient said that they cannot come, at the hour or after it.

    Not an absence: the patient has cancelled, late. Nobody is told, both sides know; the slot's
    hour has gone, and what was still to be sent of the appointment is called back.

    Raises:
        TooLate: if the patient was seen or noted as absent, or the appointment was cancelled.
    """
    booking = kept.booking
    if booking.status not in (BookingStatus.CONFIRMED, BookingStatus.ARRIVED):
        raise TooLate
    slots.release(session, kept.community.id, kept.slot.id, asker=kept.request.reference)
    booking.status, booking.cancelled_by = BookingStatus.CANCELLED, CancelledBy.PATIENT
    kept.request.status = RequestStatus.DECLINED
    _changed(session, booking, by=by, now=now)
    outbox.withdraw(session, kept.community.id, booking.reference, now=now)


def _refuse_if_begun(kept: Kept, now: datetime) -> None:
    if kept.booking.status is not BookingStatus.CONFIRMED or kept.slot.starts_at <= now:
        raise TooLate


def _changed(session: Session, booking: Booking, *, by: str, now: datetime) -> None:
    booking.version += 1
    booking.changed_at, booking.coming_at = now, None
    _noted(session, booking, by=by, now=now)
    session.flush()


def _noted(session: Session, booking: Booking, *, by: str, now: datetime) -> None:
    session.add(
        BookingState(
            community_id=booking.community_id,
            booking_id=booking.id,
            version=booking.version,
            status=booking.status,
            slot_id=booking.slot_id,
            by=by,
            at=now,
        )
    )
