"""Who could take a request for which nothing is free, where, and how often each was asked."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from booking.desk import proposals
from booking.desk.cascade.calls import ITS_CALL
from booking.desk.cascade.fair import LATELY, Candidate
from booking.desk.cascade.terms import Terms
from booking.models import Asked, CallForHelp, CareRequest, HelpAnswer
from config import sealed
from config.clock import day_bounds, local_day
from notifications import opt_outs
from schedules import directory, enabling
from schedules.geography import Place, distance_km
from schedules.models import DOCTOR, Community, Professional, Site


@dataclass(frozen=True)
class Reachable:
    """Who may still be asked, and who will be again once this day is over."""

    now: list[Candidate]
    later: int
    """How many have been asked as often as they may be today."""


@dataclass(frozen=True)
class Fit:
    """A place at which a professional may take this patient."""

    site: Site
    preference: int
    distance_km: float | None


def reachable(
    session: Session,
    request: CareRequest,
    community: Community,
    call: CallForHelp,
    terms: Terms,
    *,
    now: datetime,
) -> Reachable:
    """Return who suits, is near enough, wants to be asked and was not asked by this call yet.

    Nor whoever said no to this patient before.
    """
    people = _people(session, request, community)
    fits = _fits(session, request, people, community, now)
    counts = counted(session, community, [who.id for who, _ in people], now=now)
    done = _asked_already(session, request, call)
    free, later = [], 0
    for who, own in _each(people, fits):
        near = own.distance_km is None or own.distance_km <= terms.farthest_km
        if who.id in done or not near:
            continue
        lately, today, last = counts.get(who.id, (0, 0, None))
        if today >= terms.most_a_day:
            later += 1
            continue
        free.append(
            Candidate(
                professional_id=who.id,
                reference=who.reference,
                is_regular_doctor=_is_own_doctor(who, request),
                preference=own.preference,
                distance_km=own.distance_km,
                asked_lately=lately,
                last_asked_at=last,
            )
        )
    return Reachable(free, later)


def places(
    session: Session,
    request: CareRequest,
    community: Community,
    who: Professional,
    *,
    now: datetime,
) -> list[Fit]:
    """Return where one professional may take this patient, the best first."""
    theirs = [(who, site) for site in _sites_of(session, who)]
    found = _fits(session, request, theirs, community, now)[who.id]
    return sorted(found, key=lambda fit: (fit.preference, fit.distance_km or 0.0, fit.site.id))


def _sites_of(session: Session, who: Professional) -> Iterator[Site]:
    query = directory.at_their_sites().where(
        Professional.community_id == who.community_id, Professional.id == who.id
    )
    return (site for _, site in session.execute(query))


def counted(
    session: Session, community: Community, ids: Collection[int], *, now: datetime
) -> Mapping[int, tuple[int, int, datetime | None]]:
    """Return how often each was asked in 30 days and on this day, and when last."""
    midnight, _ = day_bounds(local_day(now, community.zone), community.zone)
    rows = session.execute(
        select(
            Asked.professional_id,
            func.count(),
            func.count().filter(Asked.asked_at >= midnight),
            func.max(Asked.asked_at),
        )
        .where(
            Asked.community_id == community.id,
            Asked.professional_id.in_(ids),
            Asked.asked_at > now - LATELY,
        )
        .group_by(Asked.professional_id)
    )
    return {who: (lately, today, last) for who, lately, today, last in rows}


def _people(
    session: Session, request: CareRequest, community: Community
) -> Sequence[tuple[Professional, Site]]:
    """Return who works where, of the disciplines that will do, and may be asked at all."""
    routes = proposals.assessment_of(session, request).routes
    rows = session.execute(
        directory.at_their_sites().where(
            Professional.community_id == community.id,
            Professional.suspended_at.is_(None),
            Professional.accepts_calls_for_help,
            or_(Professional.mobile.is_not(None), Professional.email.is_not(None)),
            or_(
                Professional.discipline.in_({route["discipline"] for route in routes}),
                Professional.reference == request.regular_doctor,
            ),
        )
    )
    pairs = [(who, site) for who, site in rows if sealed.is_readable(who, "mobile")]
    stopped = opt_outs.among(session, {who.mobile for who, _ in pairs if who.mobile})
    return [(who, site) for who, site in pairs if who.mobile not in stopped]


def _fits(
    session: Session,
    request: CareRequest,
    people: Sequence[tuple[Professional, Site]],
    community: Community,
    now: datetime,
) -> Mapping[int, list[Fit]]:
    """Return, for each professional, the places where they have what the judgement asks for."""
    routes = proposals.assessment_of(session, request).routes
    enabled = enabling.of(session, community.id, {who.id for who, _ in people})
    home, today = proposals.home(request), local_day(now, community.zone)
    found = defaultdict[int, list[Fit]](list)
    for who, site in people:
        codes = set(enabling.offered(enabled[who.id], site, today))
        place = _preference(who, codes, routes, request)
        if place is not None:
            there = Place(site.latitude, site.longitude)
            found[who.id].append(Fit(site, place, distance_km(home, there) if home else None))
    return found


def _preference(
    who: Professional,
    codes: set[str],
    routes: Sequence[Mapping[str, Any]],
    request: CareRequest,
) -> int | None:
    if _is_own_doctor(who, request):
        return 0
    for number, route in enumerate(routes):
        if route["discipline"] == who.discipline and {*route["needs"]} <= codes:
            return number
    return None


def _is_own_doctor(who: Professional, request: CareRequest) -> bool:
    return who.reference == request.regular_doctor and who.profession == DOCTOR


def _each(
    people: Sequence[tuple[Professional, Site]], fits: Mapping[int, list[Fit]]
) -> Iterator[tuple[Professional, Fit]]:
    """Yield each professional once, with the place that is best for this patient."""
    for who in {who.id: who for who, _ in people}.values():
        own = fits.get(who.id)
        if own:
            yield who, min(own, key=lambda fit: (fit.preference, fit.distance_km or 0.0))


def _asked_already(session: Session, request: CareRequest, call: CallForHelp) -> set[int]:
    return set(
        session.scalars(
            select(Asked.professional_id)
            .join(CallForHelp, ITS_CALL)
            .where(
                Asked.community_id == request.community_id,
                CallForHelp.request_id == request.id,
                or_(
                    Asked.call_id == call.id,
                    Asked.answer.in_((HelpAnswer.REFUSED, HelpAnswer.LAPSED)),
                ),
            )
        )
    )
