"""The professional's part: what their link shows, hours they may pick, their yes or their no."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import alternatives, ask, choose, proposals, suits, waiting_list
from booking.desk.cascade import calls, candidates
from booking.desk.cascade.candidates import Fit
from booking.links import Links, hashed
from booking.models import (
    Asked,
    CallEnd,
    CallForHelp,
    CareRequest,
    HelpAnswer,
    RequestStatus,
)
from schedules import keeping, slots
from schedules.models import BusyTime, Community, Professional, Site, Slot, Visibility

LENGTH = timedelta(minutes=20)
"""Of the appointment that is made: nobody asks a professional in a hurry for more than an hour."""

TIME_TO_COME = timedelta(minutes=30)
"""The first hour that is proposed leaves the patient that long; a sooner one may be typed."""

STEP = timedelta(minutes=15)
PROPOSED = 5
APART = timedelta(minutes=30)


class State(StrEnum):
    """What the link of one professional shows."""

    OPEN = auto()
    """They may take the patient, or say no."""
    BUSY = auto()
    """A slot is kept for the patient at this moment, or they change their answers."""
    BOOKED = auto()
    """Theirs: the patient has the hour that they gave."""
    KEPT = auto()
    """Theirs: the patient has to confirm it."""
    LAPSED = auto()
    """Theirs: the patient did not confirm it."""
    REFUSED = auto()
    FILLED = auto()
    """Somebody else was faster."""
    OVER = auto()
    """The time has passed, the request is closed, or they are no member any more."""


class NoSuchLink(LookupError):
    """Nobody was asked by this link."""


class NotOpen(Exception):
    """It cannot be taken, or refused, any more or at this moment: the page says why."""


class HourRefused(ValueError):
    """The hour, or the place, cannot be; `why`: `too_soon`, `too_late`, `place`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NobodyCanTell(Exception):
    """The signs must be asked again first, and nobody can tell the patient at this hour."""


@dataclass(frozen=True)
class Opened:
    """One professional's link, with all that its page needs."""

    asked: Asked
    call: CallForHelp
    request: CareRequest
    professional: Professional
    community: Community
    slot: Slot | None
    """The hour that they gave."""

    @property
    def is_theirs_alone(self) -> bool:
        """Whether this professional has taken the patient."""
        return self.asked.answer is HelpAnswer.TAKEN


def by_link(session: Session, token: str, *, lock: bool = False) -> Opened:
    """Return what this link opens; the request locked if it is to be answered.

    Raises:
        NoSuchLink: if nobody was asked by it.
    """
    which = Asked.link_hash == hashed(token)
    if lock:
        # Alone, before the rest is read: what changed while we waited is seen then.
        session.execute(
            select(CareRequest.id)
            .join(CallForHelp, calls.ITS_REQUEST)
            .join(Asked, calls.ITS_CALL)
            .where(which)
            .with_for_update(of=CareRequest)
        )
    found = session.execute(
        select(Asked, CallForHelp, CareRequest, Professional, Community, Slot)
        .join(CallForHelp, calls.ITS_CALL)
        .join(CareRequest, calls.ITS_REQUEST)
        .join(
            Professional,
            and_(
                Professional.community_id == Asked.community_id,
                Professional.id == Asked.professional_id,
            ),
        )
        .join(Community, Community.id == Asked.community_id)
        .outerjoin(Slot, and_(Slot.community_id == Asked.community_id, Slot.id == Asked.slot_id))
        .where(which)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchLink
    return Opened(*found)


def state(session: Session, opened: Opened, *, now: datetime) -> State:
    """Return what this link is at this moment; what was answered stays answered."""
    answered = _answered(opened, now)
    if answered is not None:
        return answered
    request, call = opened.request, opened.call
    if request.status is RequestStatus.BOOKED or call.ended_as is CallEnd.FILLED:
        return State.FILLED
    if call.ended_at is not None or opened.professional.suspended_at is not None:
        return State.OVER
    if request.status is RequestStatus.DRAFT:
        return State.BUSY
    if not calls.waits(request, now) or calls.latest(session, request, now) <= now:
        return State.OVER
    return State.BUSY if calls.holds_something(session, request, now) else State.OPEN


def _answered(opened: Opened, now: datetime) -> State | None:
    answer, slot, request = opened.asked.answer, opened.slot, opened.request.reference
    if answer is HelpAnswer.REFUSED:
        return State.REFUSED
    if answer is None or slot is None:
        return None
    if slot.claimed_by == request:
        return State.BOOKED
    is_held = slot.held_by == request and slot.held_until is not None and slot.held_until > now
    return State.KEPT if is_held else State.LAPSED


def hours(session: Session, opened: Opened, *, now: datetime) -> list[datetime]:
    """Return up to five hours at which this professional has nothing else, soonest first."""
    until = calls.latest(session, opened.request, now)
    taken = _taken(session, opened.professional, now, until + LENGTH)
    free: list[datetime] = []
    hour = now + TIME_TO_COME
    hour += -(hour - hour.replace(minute=0, second=0, microsecond=0)) % STEP
    while hour <= until and len(free) < PROPOSED:
        clash = [end for start, end in taken if start < hour + LENGTH and end > hour]
        if clash:
            hour += STEP
        else:
            free.append(hour)
            hour += APART
    return free


def _taken(
    session: Session, who: Professional, after: datetime, before: datetime
) -> Sequence[tuple[datetime, datetime]]:
    """Return when somebody has a slot, or is busy by their own calendar."""
    own = select(Slot.starts_at, Slot.ends_at).where(
        Slot.community_id == who.community_id,
        Slot.professional_id == who.id,
        Slot.withdrawn_at.is_(None),
        Slot.ends_at > after,
        Slot.starts_at < before,
    )
    busy = select(BusyTime.starts_at, BusyTime.ends_at).where(
        BusyTime.community_id == who.community_id,
        BusyTime.professional_id == who.id,
        BusyTime.ends_at > after,
        BusyTime.starts_at < before,
    )
    return [(start, end) for start, end in session.execute(own.union_all(busy))]


def places(session: Session, opened: Opened, *, now: datetime) -> list[Fit]:
    """Return where this professional may take this patient, the best first."""
    who = opened.professional
    return candidates.places(session, opened.request, opened.community, who, now=now)


def take(
    session: Session,
    opened: Opened,
    starts_at: datetime,
    site: Site,
    *,
    links: Links,
    now: datetime,
) -> None:
    """Make the slot, and give it to the patient; taken twice is taken once.

    Who is known by name, and was judged a moment ago, has the appointment at once, as if the
    line had booked it. For anybody else the hour is kept, and their own page, or a call of the
    line, asks the signs again and who they are. The request is locked: of two professionals the
    second finds it filled.

    Raises:
        NotOpen: if it is filled, over, refused, or another slot is kept for the patient.
        HourRefused: if it is too soon, too late, or not a place that will do.
        slots.SlotsOverlap: if the professional already offers part of that time.
        slots.SlotTaken: if what they are enabled for will not do after all.
        NobodyCanTell: if the hour has to be kept, and nobody can be told of it now.
    """
    if opened.is_theirs_alone:
        return
    if state(session, opened, now=now) is not State.OPEN:
        raise NotOpen
    _refuse_hour(session, opened, starts_at, site, now)
    times = [(starts_at, starts_at + LENGTH)]
    [made] = slots.publish(session, opened.professional, site, times, visibility=(Visibility.CPTS,))
    slot = session.scalars(
        select(Slot).where(Slot.community_id == opened.community.id, Slot.reference == made)
    ).one()
    opened.asked.answer, opened.asked.answered_at = HelpAnswer.TAKEN, now
    opened.asked.slot_id = slot.id
    session.flush()
    if _may_be_booked(opened.request, now):
        _book(session, opened, slot, links=links, now=now)
    else:
        _keep(session, opened, slot, links=links, now=now)


def _refuse_hour(
    session: Session, opened: Opened, starts_at: datetime, site: Site, now: datetime
) -> None:
    if starts_at < now + proposals.SOON_ENOUGH_TO_LEAVE:
        raise HourRefused("too_soon")
    if starts_at > calls.latest(session, opened.request, now):
        raise HourRefused("too_late")
    if site.id not in {fit.site.id for fit in places(session, opened, now=now)}:
        raise HourRefused("place")


def _may_be_booked(request: CareRequest, now: datetime) -> bool:
    has_name = bool(request.family_name and request.given_name)
    return has_name and not choose.is_too_old(request, now)


def _book(session: Session, opened: Opened, slot: Slot, *, links: Links, now: datetime) -> None:
    try:
        choose.book(
            session,
            opened.request,
            opened.community,
            slot.reference,
            by=str(opened.professional.reference),
            links=links,
            now=now,
        )
    except (choose.LevelForbids, ask.AlreadyBooked):
        raise NotOpen from None
    calls.end(session, opened.call, CallEnd.FILLED, now=now)


def _keep(session: Session, opened: Opened, slot: Slot, *, links: Links, now: datetime) -> None:
    """Hold the slot for the patient, and tell them, or the line, for a quarter of an hour."""
    request, community = opened.request, opened.community
    way = waiting_list.how(request, community, now=now)
    if way is None:
        raise NobodyCanTell
    until = now + alternatives.KEPT_FOR
    fit = suits.suits(
        request.assessment_id,
        request.regular_doctor,
        until=suits.latest_start(request.deadline or now, now),
    )
    kept = keeping.keep_for(
        session,
        community.id,
        [slot.reference],
        asker=request.reference,
        only_if=fit,
        most=1,
        until=until,
        now=now,
    )
    if not kept:
        raise slots.SlotTaken(slot.reference)
    waiting_list.note(session, request, community, slot.id, way, until=until, links=links, now=now)


def refuse(session: Session, opened: Opened, *, now: datetime) -> None:
    """Note that this professional cannot, this time; refused twice is refused once."""
    if opened.asked.answer is None:
        opened.asked.answer, opened.asked.answered_at = HelpAnswer.REFUSED, now
        session.flush()
