"""Erase one person: what says who they are and what they suffer from goes, the skeleton stays.

What stays names nobody: moments, level, outcome, what the staff decided, and who looked (audit).
Nobody is erased while they are expected somewhere: the appointment is cancelled first, and its
practice told.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from booking import privacy
from booking.audit import unit
from booking.audit.writing import About
from booking.desk import alternatives, ask, board, change, second_look, wishes
from booking.links import Links
from booking.models import (
    Action,
    Assessment,
    Booking,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Offer,
    VisitorAct,
)
from booking.persons import belonging, finding, tombstones
from booking.persons.finding import Visit, Whose
from booking.persons.tombstones import Order
from notifications.models import InboundMessage, OutboxMessage, Status


class StillExpected(Exception):
    """There is an appointment to come, and nobody said that it is to be cancelled."""


class CareGoesOn(Exception):
    """The appointment runs at this moment: those who give the care must know whom they see."""


@dataclass(frozen=True)
class Erased:
    """How much of it there was."""

    requests: int
    cancelled: int
    messages: int


def erase(
    session: Session,
    whose: Whose,
    *,
    cancels: bool,
    order: Order,
    links: Links,
    file: Path,
) -> Erased:
    """Erase whoever this is, in each community that is meant, and note it for a restore.

    `cancels`: whether appointments to come are cancelled, as by the patient.

    Raises:
        StillExpected: if there is one, and they are not.
        CareGoesOn: if one has begun and has not ended.
        tombstones.NotNoted: if it could not be noted outside the database.
    """
    asked = finding.requests(session, whose, lock=True)
    ahead = [each for each in finding.visits(session, asked) if each.is_ahead(order.at)]
    if any(_is_here(each, order.at) for each in ahead):
        raise CareGoesOn
    if ahead and not cancels:
        raise StillExpected
    by_community: dict[int, set[bytes]] = {}
    for request in asked:
        by_community.setdefault(request.community_id, set()).update(_marks(request, whose))
    done = _erase(session, asked, order=order, links=links)
    _erase_replies(session, whose.phone_key, whose.community_id)
    # Also of whom nothing is here any more: an older copy may hold them.
    if whose.community_id is not None and whose.community_id not in by_community:
        by_community[whose.community_id] = {tombstones.of_number(whose.phone_key, whose.born)}
    for community_id, made in by_community.items():
        community = board.community_of(session, community_id)
        tombstones.note(session, file, community, made, order)
    return Erased(len(asked), len(ahead), done)


def erase_own(
    session: Session, request: CareRequest, *, order: Order, links: Links, file: Path
) -> None:
    """Erase one locked request because whoever holds its link wishes it, and note it for a restore.

    Other requests of the number stay: whoever holds one link has shown nothing of the others.

    Raises:
        StillExpected: if it has an appointment to come: that is cancelled by its own link.
        tombstones.NotNoted: if it could not be noted outside the database.
    """
    if any(each.is_ahead(order.at) for each in finding.visits(session, [request])):
        raise StillExpected
    community = board.community_of(session, request.community_id)
    made = tombstones.of_request(request)
    _erase(session, [request], order=order, links=links, forgets_visitor=False)
    tombstones.note(session, file, community, [made], order)


def erase_again(session: Session, file: Path, *, links: Links, now: datetime) -> tuple[int, int]:
    """Erase in a database that came back from yesterday whoever was erased since.

    Return how many requests were erased, and how many lines of the file cannot be believed.
    """
    doubtful = tombstones.bring_back(session, file)
    graves, count = tombstones.latest(session), 0
    if not graves:
        return 0, doubtful
    # What is emptied has neither number nor link; a form that was left early may have no number.
    is_somebodys = or_(CareRequest.phone_key.is_not(None), CareRequest.link_hash.is_not(None))
    named = select(CareRequest).where(is_somebodys).with_for_update()
    for request in session.scalars(named).all():
        keys = [(request.community_id, mark) for mark in tombstones.marks(request)]
        theirs = [graves[key] for key in keys if key in graves]
        if any(request.created_at <= grave.erased_at for grave in theirs):
            phone_key = request.phone_key
            order = Order(now, theirs[0].erased_by, theirs[0].proved_by)
            _erase(session, [request], order=order, links=links)
            if phone_key is not None:
                _erase_replies(session, phone_key, request.community_id)
            count += 1
    return count, doubtful


def _marks(request: CareRequest, whose: Whose) -> set[bytes]:
    """Return the marks to keep: not the number's own, where others share it."""
    number = tombstones.of_number(whose.phone_key, whose.born)
    return {tombstones.of_request(request), number}


def _erase(
    session: Session,
    asked: Sequence[CareRequest],
    *,
    order: Order,
    links: Links,
    forgets_visitor: bool = True,
) -> int:
    """Cancel, end and empty these locked requests; return how many messages were emptied.

    `forgets_visitor`: whether what was counted of whoever came by the form goes too. By their own
    button it stays its day: it would be a way around the limits.
    """
    by = str(order.by) if order.by else order.proved_by.value
    for visit in finding.visits(session, asked):
        if visit.is_ahead(order.at) and not _is_here(visit, order.at):
            reference = visit.booking.reference
            kept = change.by_reference(session, visit.booking.community_id, reference, lock=True)
            who = CancelledBy.PATIENT
            change.cancel(session, kept, cancelled_by=who, by=by, links=links, now=order.at)
    for request in asked:
        ask.decline(session, request, by=by, now=order.at)
        second_look.overtake(session, request, now=order.at)
        wishes.end(session, request, now=order.at)
        its_offers = (Offer.community_id == request.community_id, Offer.request_id == request.id)
        alternatives.lapse(session, *its_offers, now=order.at)
    session.flush()
    abouts = belonging.references(belonging.rows(session, asked))
    _empty(session, [(each.community_id, each.id) for each in asked])
    if forgets_visitor:
        session.execute(delete(VisitorAct).where(VisitorAct.about.in_(abouts)))
    for request in asked:
        unit.note(
            Action.FORGET,
            About("care_request", request.reference),
            community_id=request.community_id,
        )
        session.expire(request)
    return _empty_messages(session, abouts)


def _is_here(visit: Visit, now: datetime) -> bool:
    """Whether somebody is being seen, or waits there: too late for a cancellation."""
    return visit.slot.starts_at <= now or visit.booking.status is BookingStatus.ARRIVED


def _empty(session: Session, keys: Sequence[tuple[int, int]]) -> None:
    at_once = {"synchronize_session": False}
    session.execute(
        update(CareRequest)
        .where(tuple_(CareRequest.community_id, CareRequest.id).in_(keys))
        .values(**privacy.NO_ANSWERS, **privacy.NO_IDENTITY),
        execution_options=at_once,
    )
    session.execute(
        update(Assessment)
        .where(tuple_(Assessment.community_id, Assessment.request_id).in_(keys))
        .values(**privacy.NO_REASONS),
        execution_options=at_once,
    )
    # The address in their SMS opens nothing any more.
    theirs = select(Booking).where(tuple_(Booking.community_id, Booking.request_id).in_(keys))
    for booking in session.scalars(theirs):
        booking.link_hash = secrets.token_bytes(32)
    session.flush()


def _empty_messages(session: Session, abouts: Sequence[UUID]) -> int:
    """Empty what was written about these rows; what is on its way to the person never leaves."""
    leaving = OutboxMessage.status.in_((Status.WAITING, Status.SENDING))
    session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.about.in_(abouts), leaving, OutboxMessage.kind.not_in(belonging.TO_STAFF)
        )
        .values(status=Status.WITHDRAWN, lease=None, lease_until=None),
        execution_options={"synchronize_session": False},
    )
    done = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.about.in_(abouts), ~leaving)
        .values(**privacy.NO_TEXT),
        execution_options={"synchronize_session": False},
    )
    return done.rowcount  # type: ignore[no-any-return,attr-defined]  # a CursorResult, typed Result


def _erase_replies(session: Session, phone_key: bytes, community_id: int | None) -> None:
    """Delete what came from a number, unless others have it too: nobody knows who wrote."""
    others = select(CareRequest.id).where(CareRequest.phone_key == phone_key)
    query = delete(InboundMessage).where(InboundMessage.phone_key == phone_key)
    if community_id is not None:
        others = others.where(CareRequest.community_id == community_id)
        query = query.where(InboundMessage.community_id == community_id)
    if session.scalar(others.limit(1)) is None:
        session.execute(query)
