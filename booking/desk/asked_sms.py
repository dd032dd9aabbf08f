"""How many SMS people who are not signed in may have us send: from one address, in one community.

A call back needs no slot, so that nothing else bounds it. Counted in the database: every process
and machine counts the same. Whatever is over is told by mail or by a person: the call stands.
"""

import hmac
import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from booking.models import SmsAsked
from config import logs

COUNT_FOR = timedelta(hours=1)

MOST_OF_ADDRESS = 20
"""In an hour: a care home or a school stands behind one address, a telephone operator too."""

MOST_OF_COMMUNITY = 200
"""In an hour, from all addresses: more than a territory asks for on its worst day."""

ONE_AT_A_TIME = 0x4A53
"""First half of the lock's name: what is counted by this module."""

TOO_OFTEN = "asked_too_often"
"""Why such a message did not leave."""


def may_ask(
    session: Session, community_id: int, *, address: str, secret: bytes, now: datetime
) -> bool:
    """Count one SMS asked for from this address; False, and an alarm, if it is one too many.

    The address is not kept, only a hash keyed with `secret`.
    """
    who = hmac.digest(secret, f"sms:{address}".encode(), "sha256")
    # Who asks at the same moment waits: they are counted as if they came in turn.
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME, community_id)))
    of_address = _count(session, SmsAsked.who_hash == who, now)
    of_community = _count(session, SmsAsked.community_id == community_id, now)
    if of_address >= MOST_OF_ADDRESS or of_community >= MOST_OF_COMMUNITY:
        logs.event("sms_" + TOO_OFTEN, level=logging.WARNING, count=of_community)
        return False
    session.add(SmsAsked(community_id=community_id, who_hash=who, at=now))
    session.flush()
    return True


def _count(session: Session, whose: ColumnElement[bool], now: datetime) -> int:
    counted = select(func.count()).select_from(SmsAsked)
    return session.scalar(counted.where(whose, SmsAsked.at > now - COUNT_FOR)) or 0
