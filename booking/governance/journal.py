"""Who did what to a version, when: written with the act itself, and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.models import Act, GovernanceAct, ProtocolVersion


@dataclass(frozen=True)
class Signatory:
    """Somebody who acts under their name."""

    account_id: int
    name: str


def note(
    session: Session,
    version: ProtocolVersion,
    act: Act,
    *,
    by: Signatory,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write into the journal that somebody did this to a version."""
    session.add(
        GovernanceAct(
            community_id=version.community_id,
            version_id=version.id,
            act=act,
            by_id=by.account_id,
            by_name=by.name,
            at=now,
            detail=dict(detail or {}),
        )
    )
    session.flush()


def acts(session: Session, version: ProtocolVersion) -> list[GovernanceAct]:
    """Return what was done to a version, oldest first."""
    return list(
        session.scalars(
            select(GovernanceAct)
            .where(
                GovernanceAct.community_id == version.community_id,
                GovernanceAct.version_id == version.id,
            )
            .order_by(GovernanceAct.id)
        )
    )
