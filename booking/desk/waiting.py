"""Who still waits for an answer, and whom a message did not reach. Reads for staff only."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, or_, select
from sqlalchemy.orm import Session

from booking.desk.ask import NoSuchRequest
from booking.models import Booking, CareRequest, Channel, RequestStatus
from booking.triage.protocol import Level
from notifications.messages import Change
from notifications.models import Channel as Means
from notifications.models import Kind, OutboxMessage, Status
from schedules.models import Commune, Professional, Site, Slot

MOST = 200
"""Lines of one page of requests, and of the list of messages that did not arrive."""

DID_NOT_ARRIVE = (Status.FAILED, Status.UNDELIVERED, Status.UNKNOWN)
PATIENTS_DEPEND_ON = (Kind.CONFIRMATION, Kind.MOVED, Kind.CANCELLED, Kind.CALL_BACK)
"""Without these a patient does not know where to go, or goes for nothing."""

IS_LAST_WORD = and_(
    Booking.community_id == OutboxMessage.community_id,
    Booking.reference == OutboxMessage.about,
    Booking.version == OutboxMessage.version,
)
"""That a message tells of an appointment as it is now, not as it was before a change."""

ITS_SLOT = and_(Slot.community_id == Booking.community_id, Slot.id == Booking.slot_id)
ITS_SITE = and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id)


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
            .join(Slot, ITS_SLOT)
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
    """A request that is owed an answer, as one line of the operators' list."""

    reference: UUID
    channel: Channel
    level: Level | None
    """None while an answer is being changed after a call was promised."""
    deadline: datetime | None
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


@dataclass(frozen=True)
class Page:
    """One page of those who wait, and how many they are on all pages."""

    requests: list[Waiting]
    total: int
    number: int
    """From 1 to `last`."""
    last: int


def is_owed() -> ColumnElement[bool]:
    """Return the condition that somebody waits: for an appointment, or for a promised call.

    Who goes back to change an answer after the promise is a draft again, and still owed the call.
    """
    return or_(
        CareRequest.status == RequestStatus.OPEN,
        and_(
            CareRequest.status == RequestStatus.DRAFT, CareRequest.call_back_asked_at.is_not(None)
        ),
    )


def open_requests(session: Session, reach: Reach, *, page: int = 1, now: datetime) -> Page:
    """Return 200 of those who wait; a page that does not exist is the nearest that does.

    Who left no phone comes after all others, on the last pages. Before that: those who asked for
    a call, then deadlines that still run, soonest first, then those that passed, newest first.
    """
    theirs = and_(reach.requests(), is_owed())
    total = session.scalar(select(func.count()).select_from(CareRequest).where(theirs)) or 0
    last = max(1, -(-total // MOST))
    number = min(max(1, page), last)
    rows = session.execute(
        select(CareRequest, Commune.name)
        .outerjoin(
            Commune,
            and_(
                Commune.community_id == CareRequest.community_id,
                Commune.insee == CareRequest.commune_insee,
            ),
        )
        .where(theirs)
        .order_by(*_most_urgent_first(now))
        .limit(MOST)
        .offset((number - 1) * MOST)
        .execution_options(populate_existing=True)
    )
    return Page([_waiting(request, commune) for request, commune in rows], total, number, last)


def _most_urgent_first(now: datetime) -> tuple[Any, ...]:
    has_passed = func.coalesce(CareRequest.deadline <= now, false())
    return (
        CareRequest.phone.is_(None),
        CareRequest.call_back_asked_at.is_(None),
        has_passed,
        case((has_passed, None), else_=CareRequest.deadline).asc().nulls_last(),
        CareRequest.deadline.desc(),
        CareRequest.id,
    )


def _waiting(request: CareRequest, commune: str | None) -> Waiting:
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
    """Return a request whose questions were answered, or that is owed a call; locked if asked.

    Raises:
        NoSuchRequest: if there is none within reach, or it is a draft without a promise.
    """
    query = (
        select(CareRequest)
        .where(
            reach.requests(),
            CareRequest.reference == reference,
            or_(CareRequest.status != RequestStatus.DRAFT, is_owed()),
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
        .where(OutboxMessage.status.in_(DID_NOT_ARRIVE), OutboxMessage.kind.in_(PATIENTS_DEPEND_ON))
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
                Professional.email.in_({message.recipient for message, *_ in rows}),
            )
        )
    }
    return [_unnoticed_line(row, names) for row in rows]


def _unnoticed_line(
    row: Row[OutboxMessage, Slot, Professional, Site], names: dict[str | None, str]
) -> Unnoticed:
    message, slot, theirs, site = row
    is_theirs = theirs.email == message.recipient
    # The calendar entry in it: whoever an appointment was taken from had it at another time.
    shown = (message.invitation or {}).get("entry", {})
    told = Change.MOVED if message.version else Change.BOOKED
    return Unnoticed(
        status=message.status,
        promised_at=message.send_at,
        professional=theirs.name if is_theirs else names.get(message.recipient, message.recipient),
        phone=site.phone if is_theirs else None,
        change=Change.CANCELLED if shown.get("is_cancelled") else told,
        starts_at=datetime.fromisoformat(shown["starts_at"]) if shown else slot.starts_at,
    )


def _unnoticed() -> Select[OutboxMessage, Slot, Professional, Site]:
    """Return mails to professionals about the last version of an appointment."""
    return (
        select(OutboxMessage, Slot, Professional, Site)
        .join(Booking, IS_LAST_WORD)
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Booking.community_id,
                CareRequest.id == Booking.request_id,
            ),
        )
        .join(Slot, ITS_SLOT)
        .join(
            Professional,
            and_(
                Professional.community_id == Slot.community_id,
                Professional.id == Slot.professional_id,
            ),
        )
        .join(Site, ITS_SITE)
        .where(OutboxMessage.status.in_(DID_NOT_ARRIVE), OutboxMessage.kind == Kind.NOTICE)
        .order_by(OutboxMessage.expires_at, OutboxMessage.id)
        .execution_options(populate_existing=True)
    )
