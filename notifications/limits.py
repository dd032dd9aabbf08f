"""How much is sent in a day, to one number and by one community: what goes beyond is a person's.

A mistake of ours, or somebody's joke with another's number, must not ring a telephone all day, nor
cost a community a year's money in a night.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Row,
    Select,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from notifications.models import BEGUN_BY_TELEPHONE, Channel, DailyLimit, Kind, OutboxMessage

A_DAY = timedelta(days=1)

MOST_A_DAY = 20
"""SMS and calls to one number, of all communities: a family of four with two changes each."""

MOST_OF_A_COMMUNITY = 2000
"""SMS and calls of one community in a day, where it has no `DailyLimit` of its own."""

BY_TELEPHONE = (Channel.SMS, Channel.VOICE)

ALWAYS = (Kind.ESCALATION,)
"""Kinds that leave whatever a community has sent: somebody on call has to look at it."""

TO_PROFESSIONALS = (Kind.HELP,)
"""Kinds that count for themselves: whom we ask for help takes nothing from what patients get."""

PART_OF_PROFESSIONALS = 10
"""Beside it, a community may send professionals a tenth as much; the others are asked by mail."""


_SENT = cast("Table", OutboxMessage.__table__).c
_WITHIN_A_DAY = _SENT.send_at > bindparam("since")
_COMMUNITIES = func.any(bindparam("communities", type_=ARRAY(BigInteger)))
_OWN_LIMITS = select(DailyLimit.community_id, DailyLimit.most).where(
    DailyLimit.community_id == _COMMUNITIES
)
_REACHED = (
    select(_SENT.recipient_key)
    .where(
        _SENT.recipient_key == func.any(bindparam("keys", type_=ARRAY(LargeBinary))),
        _SENT.channel.in_(BY_TELEPHONE),
        _WITHIN_A_DAY,
        _SENT.attempts > 0,
    )
    .group_by(_SENT.recipient_key)
    .having(func.count() >= MOST_A_DAY)
)


def _counting(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_SENT.community_id, func.count())
        .where(_SENT.community_id == _COMMUNITIES, _WITHIN_A_DAY, BEGUN_BY_TELEPHONE, which)
        .group_by(_SENT.community_id)
    )


_TO_PATIENTS_BEGUN = _counting(_SENT.kind.not_in(TO_PROFESSIONALS))
_TO_PROFESSIONALS_BEGUN = _counting(_SENT.kind.in_(TO_PROFESSIONALS))
"""All built once: a worker asks them of every few messages that leave."""


def reached(session: Session, keys: Collection[bytes], *, now: datetime) -> set[bytes]:
    """Return those of these recipients' keys whose number has been told enough within a day."""
    if not keys:
        return set()
    return set(session.scalars(_REACHED, {"keys": list(keys), "since": now - A_DAY}))


def most(session: Session, communities: Collection[int]) -> dict[int, int]:
    """Return how many SMS and calls each of these communities may send in a day."""
    own = session.execute(_OWN_LIMITS, {"communities": list(communities)})
    return dict.fromkeys(communities, MOST_OF_A_COMMUNITY) | {row[0]: row[1] for row in own}


def allow(session: Session, community_id: int, count: int) -> None:
    """Let a community send so many SMS and calls in a day from now on."""
    session.execute(
        insert(DailyLimit)
        .values(community_id=community_id, most=count)
        .on_conflict_do_update(constraint="uq_daily_limit_community", set_={"most": count})
    )


def left(session: Session, communities: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """Return how many SMS and calls more each of these communities may send patients today.

    Counted from what has begun to leave within 24 hours: several workers at once may go beyond by
    what each of them has in hand, eight messages.
    """
    if not communities:
        return {}
    counts = _begun(session, communities, _TO_PATIENTS_BEGUN, now)
    allowed = most(session, communities)
    return {community: allowed[community] - counts.get(community, 0) for community in communities}


def left_for_professionals(
    session: Session, communities: Collection[int], *, now: datetime
) -> Mapping[int, int]:
    """Return how many SMS more each of these communities may send today to ask for help."""
    if not communities:
        return {}
    counts = _begun(session, communities, _TO_PROFESSIONALS_BEGUN, now)
    return {
        community: allowed // PART_OF_PROFESSIONALS - counts.get(community, 0)
        for community, allowed in most(session, communities).items()
    }


def beyond(session: Session, messages: Sequence[Row[Any]], *, now: datetime) -> Iterator[int]:
    """Yield the numbers of those of these messages for which nothing is left of the day."""
    to_help = [message for message in messages if message.kind in TO_PROFESSIONALS]
    to_patients = [message for message in messages if message.kind not in TO_PROFESSIONALS]
    for some, counted in ((to_patients, left), (to_help, left_for_professionals)):
        still = dict(counted(session, {message.community_id for message in some}, now=now))
        for message in some:
            still[message.community_id] -= 1
            if still[message.community_id] < 0:
                yield message.id


def _begun(
    session: Session, communities: Collection[int], which: Select[Any], now: datetime
) -> dict[int, int]:
    """Return how many of these have begun to leave within a day, by community."""
    begun = session.execute(which, {"communities": list(communities), "since": now - A_DAY})
    return {row[0]: row[1] for row in begun}
