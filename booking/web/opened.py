"""The appointment that a patient's link opens, or the page that says why it opens none."""

from flask import abort
from sqlalchemy.orm import Session

from booking.desk import change
from booking.desk.change import Kept
from booking.extensions import now
from booking.web.errors import remember

BY_PATIENT = "PATIENT"
"""How the history calls whoever holds the link."""


def opened(session: Session, token: str, *, lock: bool = False) -> Kept:
    """Return the appointment, or end this request with 404 or, once it is over, 410."""
    try:
        kept = change.by_link(session, token, now=now(), lock=lock)
    except change.NoSuchBooking:
        abort(404)
    except change.LinkDied:
        abort(410)
    remember(kept.community)
    return kept
