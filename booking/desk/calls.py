"""A call that somebody of ours has taken: whose it is, kept at every field, resumed after a drop.

Two people never overwrite each other: whoever saves says which version they saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import ask, transfers
from booking.desk.reach import ITS_COMMUNE, Reach
from booking.desk.staff import Actor
from booking.links import Links
from booking.models import Account, CallerIs, CareRequest, Channel, RequestStatus
from booking.triage.facts import UNKNOWN, YES
from booking.triage.protocol import Protocol
from schedules import slots
from schedules.models import Commune, Community

JUDGED = frozenset(
    {
        "birth_date",
        "age_months",
        "older_by_months",
        "sex",
        "pregnant",
        "complaints",
        "answers",
    }
)
"""What triage looks at: another value undoes its judgement."""

TOLD = frozenset(
    {
        "phone",
        "family_name",
        "given_name",
        "email",
        "wants_sms",
        "may_leave_message",
        "commune_insee",
        "latitude",
        "longitude",
        "current_address",
        "note",
        "reasked",
        "caller",
        "is_for_another",
        "has_regular_doctor",
        "regular_doctor",
        "call_back_hours",
        "language",
    }
)
"""What it never looks at."""

LISTED_FOR = timedelta(hours=24)
"""An interrupted call stays on the list as long as its draft lives."""

MOST = 100


class Stale(Exception):
    """Somebody saved since; nothing of this was written.

    `by` is the name of their account, None for the patient on the web.
    """

    def __init__(self, by: str | None, at: datetime | None, version: int) -> None:
        super().__init__(version)
        self.by = by
        self.at = at
        self.version = version


class AddressChanged(Exception):
    """Somebody else has said where the person is since: their address was kept."""


def pick_up(
    session: Session,
    community: Community,
    *,
    by: Actor,
    channel: Channel = Channel.PHONE,
    phone: str | None = None,
    language: str,
    links: Links,
    now: datetime,
) -> CareRequest:
    """Open a request for whoever calls; it belongs to who picked up. `phone` is E.164."""
    request = ask.start(
        session,
        community,
        channel=channel,
        language=language,
        links=links,
        opened_by=by.account,
        now=now,
    )
    request.owner, request.phone = by.account, phone
    request.saved_by, request.saved_at = by.account, now
    session.flush()
    return request


def save(
    session: Session,
    request: CareRequest,
    changes: Mapping[str, Any],
    *,
    version: int,
    by: Actor,
    protocol: Protocol,
    now: datetime,
) -> int:
    """Keep what differs from what a locked request holds; return the version that this makes.

    Facts of triage undo its judgement and let go of what was held. A warning sign, once somebody
    can be called about it, is on the list of those sent to the 15 at once.

    Raises:
        Stale: if somebody else saved since this version was shown. Nothing is written.
        ask.AlreadyBooked: if the request has its appointment.
        KeyError: if a change is of nothing that a call may say.
    """
    if unknown := changes.keys() - JUDGED - TOLD:
        raise KeyError(*sorted(unknown))
    if request.version != version:
        raise Stale(_name_of(session, request), request.saved_at, request.version)
    fresh = _fresh(request, changes)
    judged = {name: value for name, value in fresh.items() if name in JUDGED}
    told = {name: value for name, value in fresh.items() if name in TOLD}
    if told:
        ask.identify(session, request, told)
    if judged:
        ask.amend(session, request, judged)
        slots.let_go(session, request.community_id, asker=request.reference, now=now)
    if fresh:
        request.saved_by, request.saved_at = by.account, now
        _follow_a_sign(session, request, protocol, now)
    session.flush()
    return request.version


def _fresh(request: CareRequest, changes: Mapping[str, Any]) -> dict[str, Any]:
    fresh = {
        name: value
        for name, value in changes.items()
        if name != "answers" and getattr(request, name) != value
    }
    said = changes.get("answers", {})
    answers = {k: v for k, v in said.items() if request.answers.get(k) != v}
    return fresh | ({"answers": answers} if answers else {})


def _follow_a_sign(
    session: Session, request: CareRequest, protocol: Protocol, now: datetime
) -> None:
    signs = transfers.signs_of(protocol)
    if any(request.answers.get(sign) in (YES, UNKNOWN) for sign in signs):
        transfers.follow(session, request, now=now)


def locate(
    session: Session,
    request: CareRequest,
    address: str | None,
    *,
    seen: str | None,
    by: Actor,
    now: datetime,
) -> None:
    """Keep where somebody sent to the 15 is now. The request is locked.

    `seen` is the address that was on the page: one that was not touched changes nothing, and what
    a colleague has kept since is not overwritten. A left form gets its line, as with a note.

    Raises:
        AddressChanged: if a colleague has kept another than was seen. Nothing is written.
        transfers.NoTransfer: if it was closed already.
    """
    if address in (seen, request.current_address):
        return
    if request.current_address != seen and request.saved_by != by.account:
        raise AddressChanged
    transfers.followed(session, request, now=now)
    request.current_address = address
    request.saved_by, request.saved_at = by.account, now
    request.version += 1
    session.flush()


def _name_of(session: Session, request: CareRequest) -> str | None:
    return session.scalar(
        select(Account.display_name).where(
            Account.community_id == request.community_id, Account.reference == request.saved_by
        )
    )


def suspend(session: Session, request: CareRequest, *, by: Actor, now: datetime) -> None:
    """Set a locked call aside: it stays on the list of interrupted calls, with its owner."""
    request.owner = request.owner or by.account
    request.suspended_at = request.suspended_at or now
    session.flush()


def take_over(session: Session, request: CareRequest, *, by: Actor, now: datetime) -> None:
    """Go on with a locked call, one's own or another's: it belongs to whoever goes on."""
    request.owner, request.suspended_at = by.account, None
    request.saved_by, request.saved_at = by.account, now
    request.version += 1
    session.flush()


def must_call_patient(request: CareRequest) -> bool:
    """Return whether whoever speaks is not beside the patient: what they cannot see is unknown."""
    return request.caller is CallerIs.ELSEWHERE


@dataclass(frozen=True)
class Interrupted:
    """A call that has not ended, with what is known of it: enough to call back."""

    reference: UUID
    version: int
    phone: str | None
    since: datetime
    owner: UUID | None
    owner_name: str | None
    is_own: bool
    is_suspended: bool
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    age_months: int | None
    commune: str | None
    complaints: tuple[str, ...]
    caller: CallerIs | None


def interrupted(
    session: Session, reach: Reach, *, account: UUID, now: datetime
) -> list[Interrupted]:
    """Return the calls of a day that have not ended: one's own first, then by age, oldest first."""
    rows = session.execute(
        select(CareRequest, Account.display_name, Commune.name)
        .outerjoin(
            Account,
            and_(
                Account.community_id == CareRequest.community_id,
                Account.reference == CareRequest.owner,
            ),
        )
        .outerjoin(Commune, ITS_COMMUNE)
        .where(
            reach.requests(),
            CareRequest.status == RequestStatus.DRAFT,
            CareRequest.owner.is_not(None),
            CareRequest.created_at > now - LISTED_FOR,
        )
        .order_by((CareRequest.owner == account).desc(), CareRequest.created_at, CareRequest.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return [_interrupted(request, name, commune, account) for request, name, commune in rows]


def _interrupted(
    request: CareRequest, owner_name: str | None, commune: str | None, account: UUID
) -> Interrupted:
    return Interrupted(
        reference=request.reference,
        version=request.version,
        phone=request.phone,
        since=request.created_at,
        owner=request.owner,
        owner_name=owner_name,
        is_own=request.owner == account,
        is_suspended=request.suspended_at is not None,
        family_name=request.family_name,
        given_name=request.given_name,
        birth_date=request.birth_date,
        age_months=request.age_months,
        commune=commune,
        complaints=tuple(request.complaints),
        caller=request.caller,
    )
