"""How much is sent in a day, to one number and by one community: what goes beyond is a person's.

A mistake of ours, or somebody's joke with another's number, must not ring a telephone all day, nor
cost a community a year's money in a night.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
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


def reached(session: Session, phones: Collection[str], *, now: datetime) -> set[str]:
    """Return those of these numbers that have been told enough within a day."""
    if not phones:
        return set()
    counted = select(OutboxMessage.recipient).where(
        OutboxMessage.recipient.in_(phones),
        OutboxMessage.channel.in_(BY_TELEPHONE),
        OutboxMessage.send_at > now - A_DAY,
        OutboxMessage.attempts > 0,
    )
    return set(
        session.scalars(
            counted.group_by(OutboxMessage.recipient).having(func.count() >= MOST_A_DAY)
        )
    )


def most(session: Session, communities: Collection[int]) -> dict[int, int]:
    """Return how many SMS and calls each of these communities may send in a day."""
    own = select(DailyLimit.community_id, DailyLimit.most).where(
        DailyLimit.community_id.in_(communities)
    )
    return dict.fromkeys(communities, MOST_OF_A_COMMUNITY) | {
        row.community_id: row.most for row in session.execute(own)
    }


def allow(session: Session, community_id: int, count: int) -> None:
    """Let a community send so many SMS and calls in a day from now on."""
    session.execute(
        insert(DailyLimit)
        .values(community_id=community_id, most=count)
        .on_conflict_do_update(constraint="uq_daily_limit_community", set_={"most": count})
    )


def left(session: Session, communities: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """Return how many SMS and calls more each of these communities may send today.

    Counted from what has begun to leave within 24 hours: several workers at once may go beyond by
    what each of them has in hand, eight messages.
    """
    if not communities:
        return {}
    begun = (
        select(OutboxMessage.community_id, func.count().label("count"))
        .where(
            OutboxMessage.community_id.in_(communities),
            OutboxMessage.send_at > now - A_DAY,
            BEGUN_BY_TELEPHONE,
        )
        .group_by(OutboxMessage.community_id)
    )
    counts = {row[0]: row[1] for row in session.execute(begun)}
    allowed = most(session, communities)
    return {community: allowed[community] - counts.get(community, 0) for community in communities}
