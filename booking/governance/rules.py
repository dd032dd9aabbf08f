"""Which legal rules a community uses: chosen by a coordinator, rule by rule, and noted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.governance.journal import Signatory
from booking.models import Act, GovernanceAct
from schedules import enabling, legal
from schedules.legal import LegalRule
from schedules.models import Community, Professional


@dataclass(frozen=True)
class Rule:
    """A legal rule as a community stands to it: on or off, and who has declared it."""

    rule: LegalRule
    is_on: bool
    declared_by: tuple[str, ...]


def of(session: Session, community: Community, *, today: date) -> list[Rule]:
    """Return every legal rule, in the file's order, with the members who are enabled today."""
    members = session.scalars(
        select(Professional)
        .where(Professional.community_id == community.id)
        .order_by(Professional.family_name, Professional.given_name)
    ).all()
    enabled = enabling.of(session, community.id, [m.id for m in members])
    codes = {m.id: enabling.codes_on(enabled[m.id], today) for m in members}
    return [
        Rule(
            rule,
            rule.id in community.legal_rules,
            tuple(m.name for m in members if rule.enabling in codes[m.id]),
        )
        for rule in legal.rules().values()
    ]


def choose(
    session: Session,
    community: Community,
    switched_on: Collection[str],
    *,
    by: Signatory,
    now: datetime,
) -> None:
    """Let the community use these legal rules and no other; what is no rule is passed over."""
    wanted = [rule for rule in legal.rules() if rule in switched_on]
    before = set(community.legal_rules)
    if before == set(wanted):
        return
    community.legal_rules = wanted
    session.add(
        GovernanceAct(
            community_id=community.id,
            version_id=None,
            act=Act.RULES_CHOSEN,
            by_id=by.account_id,
            by_name=by.name,
            at=now,
            detail={"on": sorted(set(wanted) - before), "off": sorted(before - set(wanted))},
        )
    )
    session.flush()


def acts(session: Session, community_id: int, *, most: int) -> list[GovernanceAct]:
    """Return the latest choices, newest first."""
    return list(
        session.scalars(
            select(GovernanceAct)
            .where(
                GovernanceAct.community_id == community_id, GovernanceAct.act == Act.RULES_CHOSEN
            )
            .order_by(GovernanceAct.id.desc())
            .limit(most)
        )
    )
