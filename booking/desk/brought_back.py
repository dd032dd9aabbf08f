"""A change of site is taken back: the appointments that went there return with their slots."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from booking.desk import board, change
from booking.desk.change import Kept
from booking.desk.tell import Appointment
from booking.links import Links
from booking.models import BookingStatus
from schedules.models import Act


def along(session: Session, act: Act, *, now: datetime) -> list[tuple[Kept, Appointment]]:
    """Lock the appointments of a change of site; return those to take back, as they are there.

    Not those that were cancelled, moved, begun or noted since: somebody decided about them.
    """
    return [
        (each, each.appointment())
        for each in _appointments(session, act, lock=True)
        if each.booking.status is BookingStatus.CONFIRMED
        and each.slot.starts_at > now
        and str(each.slot.reference) in act.touched["left"]
        and str(each.site.reference) == act.touched["site"]
    ]


def tell(
    session: Session,
    returned: Iterable[tuple[Kept, Appointment]],
    *,
    by: str,
    links: Links,
    now: datetime,
) -> None:
    """Note that these locked appointments are where they were before, and tell both sides."""
    for kept, was in returned:
        change.relocated(session, kept, was, by=by, links=links, now=now)


def to_call(session: Session, act: Act) -> list[Kept]:
    """Return whose appointment is back, and whom no message reaches."""
    if act.undone_at is None:
        return []
    return [
        each
        for each in _appointments(session, act)
        if each.booking.status is BookingStatus.CONFIRMED
        and act.touched["left"].get(str(each.slot.reference)) == str(each.site.reference)
        and not board.is_told_by_message(each)
    ]


def _appointments(session: Session, act: Act, *, lock: bool = False) -> Iterator[Kept]:
    # Always in the same order, as whoever relocates them does.
    for reference in sorted(act.touched.get("appointments", [])):
        # An old act may name one that was forgotten since.
        with suppress(change.NoSuchBooking):
            yield change.by_reference(session, act.community_id, UUID(reference), lock=lock)
