"""Who still waits for an answer, and whom a message did not reach. Reads for staff only."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session

from booking.desk.ask import NoSuchRequest
from booking.models import Booking, CareRequest, Channel, RequestStatus
from booking.triage.protocol import Level
from notifications.models import Channel as Means
from notifications.models import Kind, OutboxMessage, Status
from schedules.models import Commune, Site, Slot

MOST = 200
"""Lines of one list. Beyond it, somebody has to see to the first ones before all else."""

DID_NOT_ARRIVE = (Status.FAILED, Status.UNDELIVERED, Status.UNKNOWN)
PATIENTS_DEPEND_ON = (Kind.CONFIRMATION, Kind.MOVED, Kind.CANCELLED, Kind.CALL_BACK)
"""Without these a patient does not know where to go, or goes for nothing."""


@dataclass(frozen=True)
class Reach:
    """Whose requests somebody may see: the whole community's, or a practice's own.

    A practice's own are those that `account` opened, and those booked at its sites at one time.
    """

    community_id: int
    is_whole: bool = False
    account: UUID | None = None
    site_ids: tuple[int, ...] = ()

    def requests(self) -> ColumnElement[bool]:
        """Return the condition that a care request is theirs to see."""
        in_community = CareRequest.community_id == self.community_id
        if self.is_whole:
            return in_community
        at_site = (
            select(Booking.id)
            .join(Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id))
            .where(
                Booking.community_id == CareRequest.community_id,
                Booking.request_id == CareRequest.id,
                Slot.site_id.in_(self.site_ids),
            )
            .exists()
        )
        return and_(in_community, or_(CareRequest.opened_by == self.account, at_site))


@dataclass(frozen=True)
class Waiting:
    """An open request, as one line of the operators' list."""

    reference: UUID
    channel: Channel
    level: Level
    deadline: datetime
    assessed_at: datetime | None
    complaints: tuple[str, ...]
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    phone: str | None
    commune: str | None
    call_back_hours: str | None
    call_back_asked_at: datetime | None


def open_requests(session: Session, reach: Reach) -> list[Waiting]:
    """Return requests without an appointment: those who asked for a call first, then by deadline.

    Within the limit of 200 the most urgent are never left out.
    """
    rows = session.execute(
        select(CareRequest, Commune.name)
        .outerjoin(
            Commune,
            and_(
                Commune.community_id == CareRequest.community_id,
                Commune.insee == CareRequest.commune_insee,
            ),
        )
        .where(reach.requests(), CareRequest.status == RequestStatus.OPEN)
        .order_by(CareRequest.call_back_asked_at.is_(None), CareRequest.deadline, CareRequest.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [_waiting(request, commune) for request, commune in rows]


def _waiting(request: CareRequest, commune: str | None) -> Waiting:
    # The table's own constraints: what is open was assessed, and has a deadline.
    assert request.level is not None
    assert request.deadline is not None
    return Waiting(
        reference=request.reference,
        channel=request.channel,
        level=request.level,
        deadline=request.deadline,
        assessed_at=request.assessed_at,
        complaints=tuple(request.complaints),
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        age_months=request.age_months,
        phone=request.phone,
        commune=commune,
        call_back_hours=request.call_back_hours,
        call_back_asked_at=request.call_back_asked_at,
    )


def find(session: Session, reach: Reach, reference: UUID, *, lock: bool = False) -> CareRequest:
    """Return a request whose questions were all answered; locked if it is to change.

    Raises:
        NoSuchRequest: if there is none within reach, or it is still a draft.
    """
    query = (
        select(CareRequest)
        .where(
            reach.requests(),
            CareRequest.reference == reference,
            CareRequest.status != RequestStatus.DRAFT,
        )
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NoSuchRequest
    return found


def commune_of(session: Session, request: CareRequest) -> str | None:
    """Return the name of the commune where the patient is, if it is one of the territory."""
    return session.scalar(
        select(Commune.name).where(
            Commune.community_id == request.community_id, Commune.insee == request.commune_insee
        )
    )


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
    """Return messages with the request they are about, directly or through its appointment."""
    return (
        select(OutboxMessage, CareRequest, Slot, Site)
        .outerjoin(
            Booking,
            and_(
                Booking.community_id == OutboxMessage.community_id,
                Booking.reference == OutboxMessage.about,
            ),
        )
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == OutboxMessage.community_id,
                or_(
                    CareRequest.id == Booking.request_id,
                    CareRequest.reference == OutboxMessage.about,
                ),
            ),
        )
        .outerjoin(
            Slot, and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id)
        )
        .outerjoin(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(OutboxMessage.status.in_(DID_NOT_ARRIVE), OutboxMessage.kind.in_(PATIENTS_DEPEND_ON))
        .order_by(OutboxMessage.expires_at, OutboxMessage.id)
        .execution_options(populate_existing=True)
    )
