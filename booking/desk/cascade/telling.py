"""The one message by which a professional is asked: an SMS, else a mail, worth nothing too late."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from booking import protocols
from booking.desk import ask, post, proposals
from booking.desk.cascade import calls, terms
from booking.desk.cascade.fair import Candidate
from booking.governance import serving
from booking.models import CareRequest
from booking.triage.protocol import Complaint, Protocol
from config.clock import local_day
from notifications import outbox
from notifications.help_wanted import HelpWanted
from notifications.letters import Draft, Way
from notifications.models import Channel
from schedules.models import Community, Professional


def said(
    session: Session,
    request: CareRequest,
    community: Community,
    to: Candidate,
    *,
    link: str,
    now: datetime,
) -> HelpWanted:
    """Return what one professional reads: age, distance, until when; never who, nor why."""
    return HelpWanted.of(
        before=calls.latest(session, request, now),
        group=", ".join(groups(session, request, community, now)),
        age_months=age_months(request, community, now),
        distance_km=to.distance_km,
        link=link,
        zone=community.zone,
    )


def age_months(request: CareRequest, community: Community, now: datetime) -> int | None:
    """Return how old the patient is, if that is known."""
    if request.birth_date is not None:
        return ask.age_in_months(request.birth_date, local_day(now, community.zone))
    return request.age_months


def groups(
    session: Session, request: CareRequest, community: Community, now: datetime
) -> list[str]:
    """Return the coarse groups of the complaints, in the protocol's words, where they may be said.

    Nothing finer: « Peau, piqûres », never which of its complaints.
    """
    if not terms.of(community.cascade).says_group:
        return []
    titles = dict(_protocol(session, community, now).groups)
    asked = _complaints(session, request, community, now)
    return list(dict.fromkeys(titles[each.group] for each in asked if each.group in titles))


def says_sex(
    session: Session,
    request: CareRequest,
    community: Community,
    discipline: str,
    *,
    now: datetime,
) -> bool:
    """Return whether the route by which this discipline may take the patient looks at the sex."""
    return any(
        route.when.facts.sex is not None
        for each in _complaints(session, request, community, now)
        for route in each.routes
        if route.discipline == discipline
    )


def _complaints(
    session: Session, request: CareRequest, community: Community, now: datetime
) -> list[Complaint]:
    known = _protocol(session, community, now).by_complaint
    judged = proposals.assessment_of(session, request).complaints
    return [known[each] for each in judged if each in known]


def _protocol(session: Session, community: Community, now: datetime) -> Protocol:
    """Return the community's protocol, for its words alone: nobody is judged here."""
    return serving.version(
        session,
        community.id,
        delivered=protocols.in_force(local_day(now, community.zone)),
        may_be_unsigned=True,
        now=now,
    )["fr"]


def promise(
    session: Session,
    community: Community,
    who: Professional,
    reference: UUID,
    said: HelpWanted,
    *,
    now: datetime,
) -> None:
    """Promise it to one professional: to their mobile, with the mail behind it; or by mail."""
    by_sms = who.mobile and Way(channel=Channel.SMS, recipient=who.mobile, text=said.sms())
    ways = [*([by_sms] if by_sms else []), *post.mail_ways(said, who.email)]
    if not ways:
        return
    first, *others = ways
    outbox.promise(
        session,
        Draft(
            community_id=community.id,
            about=reference,
            version=0,
            kind=said.kind,
            **vars(first),
            send_at=now,
            expires_at=said.starts_at,
            language=said.language,
            fallbacks=tuple(others),
        ),
    )
