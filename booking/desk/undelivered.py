"""Whom a message did not reach, so that somebody telephones. Reads for staff only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from booking.desk.reach import ITS_PROFESSIONAL, ITS_REQUEST, ITS_SITE, ITS_SLOT, Reach, is_owed
from booking.models import Booking, CareRequest
from config import sealed
from notifications.messages import Change
from notifications.models import Channel as Means
from notifications.models import Kind, OutboxMessage, Status
from schedules.models import Professional, Site, Slot

MOST = 200

DID_NOT_ARRIVE = (Status.FAILED, Status.UNDELIVERED, Status.UNKNOWN)
PATIENTS_DEPEND_ON = (Kind.CONFIRMATION, Kind.MOVED, Kind.CANCELLED, Kind.CALL_BACK)
"""Without these a patient does not know where to go, or goes for nothing."""

IS_LAST_WORD = and_(
    Booking.community_id == OutboxMessage.community_id,
    Booking.reference == OutboxMessage.about,
    Booking.version == OutboxMessage.version,
)
"""That a message tells of an appointment as it is now, not as it was before a change."""


def _needs_somebody() -> ColumnElement[bool]:
    """Return the condition that a message did not arrive, and that no other way took over.

    A call or an SMS that arrived told it: nobody has to say it again.
    """
    after, heard = aliased(OutboxMessage), aliased(OutboxMessage)
    has_next = select(after.id).where(
        after.community_id == OutboxMessage.community_id, after.follows == OutboxMessage.id
    )
    was_told = select(heard.id).where(
        heard.community_id == OutboxMessage.community_id,
        heard.about == OutboxMessage.about,
        heard.version == OutboxMessage.version,
        heard.kind == OutboxMessage.kind,
        heard.channel.in_((Means.SMS, Means.VOICE)),
        heard.status == Status.DELIVERED,
    )
    return and_(OutboxMessage.status.in_(DID_NOT_ARRIVE), ~has_next.exists(), ~was_told.exists())


@dataclass(frozen=True)
class Untold:
    """A message that did not arrive: somebody tells it by telephone.

    Its own text stays where it is: it may hold the link that opens the patient's page.
    """

    kind: Kind
    means: Means
    status: Status
    promised_at: datetime
    request: UUID
    family_name: str | None
    given_name: str | None
    phone: str | None
    deadline: datetime | None
    starts_at: datetime | None
    """Of the appointment that it tells of; none for a promise to call back."""
    site_name: str | None
    site_address: str | None


def untold(session: Session, reach: Reach, *, now: datetime) -> list[Untold]:
    """Return what patients depend on and did not get, while it still matters; soonest first."""
    rows = session.execute(
        _untold().where(reach.requests(), OutboxMessage.expires_at > now).limit(MOST)
    )
    return [_untold_line(row) for row in rows]


def of_bookings(session: Session, community_id: int, bookings: Collection[UUID]) -> set[UUID]:
    """Return those of these appointments whose patient did not get the message about them."""
    return set(
        session.scalars(
            select(Booking.reference)
            .join(OutboxMessage, IS_LAST_WORD)
            .where(
                Booking.community_id == community_id,
                Booking.reference.in_(bookings),
                _needs_somebody(),
                OutboxMessage.kind.in_(PATIENTS_DEPEND_ON),
            )
        )
    )


def _untold_line(row: Row[OutboxMessage, CareRequest, Slot, Site]) -> Untold:
    message, request, *outer = row
    # The two are outer joined: None, both, for a promise to call back.
    slot, site = cast("tuple[Slot | None, Site | None]", outer)
    return Untold(
        kind=message.kind,
        means=message.channel,
        status=message.status,
        promised_at=message.send_at,
        request=request.reference,
        family_name=request.family_name,
        given_name=request.given_name,
        phone=request.phone,
        deadline=request.deadline,
        starts_at=slot.starts_at if slot else None,
        site_name=site.name if site else None,
        site_address=site.address if site else None,
    )


def _untold() -> Select[OutboxMessage, CareRequest, Slot, Site]:
    """Return messages that still say what is so, with the request they are about.

    About an appointment: of its last version. A promise to call back: while it is to be kept.
    """
    return (
        select(OutboxMessage, CareRequest, Slot, Site)
        .outerjoin(Booking, IS_LAST_WORD)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == OutboxMessage.community_id,
                or_(
                    CareRequest.id == Booking.request_id,
                    and_(CareRequest.reference == OutboxMessage.about, is_owed()),
                ),
            ),
        )
        .outerjoin(Slot, ITS_SLOT)
        .outerjoin(Site, ITS_SITE)
        .where(_needs_somebody(), OutboxMessage.kind.in_(PATIENTS_DEPEND_ON))
        .order_by(OutboxMessage.expires_at, OutboxMessage.id)
        .execution_options(populate_existing=True)
    )


@dataclass(frozen=True)
class Unnoticed:
    """A mail to a professional that did not arrive: their own time, and nothing of the patient."""

    status: Status
    promised_at: datetime
    professional: str
    """Their name, or the address itself where it is nobody's any more."""
    phone: str | None
    """Of the site where the appointment is; none for whoever it was taken from."""
    change: Change
    starts_at: datetime


def unnoticed(session: Session, reach: Reach, *, now: datetime) -> list[Unnoticed]:
    """Return what professionals were not told of their own day, while it is so; soonest first."""
    rows = session.execute(
        _unnoticed().where(reach.requests(), OutboxMessage.expires_at > now).limit(MOST)
    ).all()
    names: dict[str | None, str] = {
        who.email: who.name
        for who in session.scalars(
            select(Professional).where(
                Professional.community_id == reach.community_id,
                Professional.email.in_({_said(message)[0] for message, *_ in rows}),
            )
        )
    }
    return [_unnoticed_line(row, names) for row in rows]


def _unnoticed_line(
    row: Row[OutboxMessage, Slot, Professional, Site], names: dict[str | None, str]
) -> Unnoticed:
    message, slot, theirs, site = row
    recipient, shown = _said(message)
    is_theirs = recipient in (theirs.email, None)
    told = Change.MOVED if message.version else Change.BOOKED
    return Unnoticed(
        status=message.status,
        promised_at=message.send_at,
        professional=theirs.name if is_theirs else names.get(recipient, str(recipient)),
        phone=site.phone if is_theirs else None,
        change=Change.CANCELLED if shown.get("is_cancelled") else told,
        starts_at=datetime.fromisoformat(shown["starts_at"]) if shown else slot.starts_at,
    )


def _said(message: OutboxMessage) -> tuple[str | None, dict[str, Any]]:
    """Return whom a mail was for, and the calendar entry in it; None and none if unreadable.

    The entry: whoever an appointment was taken from had it at another time.
    """
    if not all(sealed.is_readable(message, name) for name in ("recipient", "invitation")):
        return None, {}
    return message.recipient, (message.invitation or {}).get("entry", {})


def _unnoticed() -> Select[OutboxMessage, Slot, Professional, Site]:
    """Return mails to professionals about the last version of an appointment."""
    return (
        select(OutboxMessage, Slot, Professional, Site)
        .join(Booking, IS_LAST_WORD)
        .join(
            CareRequest,
            ITS_REQUEST,
        )
        .join(Slot, ITS_SLOT)
        .join(
            Professional,
            ITS_PROFESSIONAL,
        )
        .join(Site, ITS_SITE)
        .where(OutboxMessage.status.in_(DID_NOT_ARRIVE), OutboxMessage.kind == Kind.NOTICE)
        .order_by(OutboxMessage.expires_at, OutboxMessage.id)
        .execution_options(populate_existing=True)
    )
