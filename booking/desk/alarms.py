"""Nobody is forgotten: as the time of a promise passes, one more person is made to look at it."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.desk import escalation, promises
from booking.desk.ask import DRAFT_LIVES
from booking.desk.waiting import is_choosing
from booking.links import Links
from booking.models import CareRequest, EscalatedTo, Promise
from config import sealed
from notifications import outbox
from notifications.letters import Draft
from notifications.messages import DeadlineNear
from notifications.models import Channel
from schedules.models import Community

BATCH = 200
"""Promises in one transaction; whoever books one of them meanwhile waits for no more."""

LOOK_AGAIN = timedelta(minutes=5)
"""When to look again at somebody who is choosing, or who has left no number yet."""

STILL_WORTH_READING = timedelta(minutes=30)
"""An SMS to whoever is on call leaves at the latest so long after its moment."""


def sound(session: Session, *, links: Links, now: datetime) -> Counter[EscalatedTo]:
    """Make whoever has to look at a promise by now do so, and return how often for whom.

    Of every community, up to 200. Once each: what was said is written with it. Nobody is alarmed
    about a patient who is choosing at this moment, nor about one who left no number to call.
    """
    told: Counter[EscalatedTo] = Counter()
    for promise, request, community, chooses in _due(session, now):
        if chooses or request.phone_key is None:
            _wait(promise, request, now)
            continue
        every = escalation.steps(promise.began_at, promise.due_at, community.alarm_percents)
        to = escalation.due_step(every, promise.escalated_to, now=now)
        if to is None:
            # The community has changed its percents since: the moment is another one.
            promise.next_step_at = escalation.next_moment(every, promise.escalated_to)
            continue
        promises.escalate(session, promise, community, to, now=now)
        told[to] += 1
        # A number that cannot be read keeps nobody from being alarmed on the screens.
        is_known = sealed.is_readable(community, "on_call_phone")
        if to is EscalatedTo.ON_CALL and is_known and community.on_call_phone:
            outbox.promise(session, _sms(promise, community, community.on_call_phone, links, now))
    session.flush()
    return told


def _due(session: Session, now: datetime) -> list[tuple[Promise, CareRequest, Community, bool]]:
    rows = session.execute(
        select(Promise, CareRequest, Community, is_choosing(now))
        .join(
            CareRequest,
            and_(
                CareRequest.community_id == Promise.community_id,
                CareRequest.id == Promise.request_id,
            ),
        )
        .join(Community, Community.id == Promise.community_id)
        .where(Promise.next_step_at <= now)
        .order_by(Promise.next_step_at)
        .limit(BATCH)
        # Whoever is booking has locked it: then it ends in a moment, and is left alone.
        .with_for_update(of=Promise, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [(promise, request, community, chooses) for promise, request, community, chooses in rows]


def _wait(promise: Promise, request: CareRequest, now: datetime) -> None:
    can_come_back = now < request.created_at + DRAFT_LIVES
    promise.next_step_at = now + LOOK_AGAIN if can_come_back else None


def _sms(promise: Promise, community: Community, phone: str, links: Links, now: datetime) -> Draft:
    """Return what whoever is on call reads: that somebody waits, until when, and where to look."""
    said = DeadlineNear(
        starts_at=promise.due_at, place=community.name, link=links.console(), zone=community.zone
    )
    return Draft(
        community_id=community.id,
        about=promise.reference,
        version=0,
        kind=said.kind,
        channel=Channel.SMS,
        recipient=phone,
        text=said.sms(),
        send_at=now,
        expires_at=max(promise.due_at, now + STILL_WORTH_READING),
    )
