"""Slots as lines to choose: when, with whom, where, how far, and why they are proposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from booking.desk import choose
from booking.models import CareRequest
from booking.routing import Proposal
from booking.web import wording
from schedules import nomenclature
from schedules.models import Community

MOST_LOOKED_AT = 60
"""So far a patient can leaf through the proposals."""

FEW = choose.ALTERNATIVES
"""So many others are shown to whoever lost theirs."""


@dataclass(frozen=True)
class Offer:
    """A slot as a line to choose: when, with whom, where, how far, and why it is proposed."""

    value: str
    hour: str
    who: str
    where: str
    why: str


def leaf(
    session: Session, asked: CareRequest, community: Community, here: str, now: datetime
) -> dict[str, Any]:
    """Return the proposals of this page of the list, and the addresses of the others.

    `?apres=5` begins after the fifth, `?fauteuil=1` keeps places that a wheelchair can enter.
    """
    only_wheelchair = "fauteuil" in request.args
    first = max(0, min(request.args.get("apres", 0, type=int), MOST_LOOKED_AT))
    after = first + choose.SHOWN
    found = choose.propose(
        session, asked, community, only_wheelchair=only_wheelchair, limit=after + 1, now=now
    )
    filtered = f"{here}?fauteuil=1" if only_wheelchair else here
    joint = "&" if only_wheelchair else "?"
    return {
        "offers": [offer(p, community, now) for p in found[first:after]],
        "only_wheelchair": only_wheelchair,
        "all_url": here,
        "wheelchair_url": f"{here}?fauteuil=1",
        "later_url": f"{filtered}{joint}apres={after}" if len(found) > after else None,
        "sooner_url": filtered if first else None,
    }


def who(name: str, discipline: str) -> str:
    """Return somebody's name with what they are: a patient shall not wonder."""
    return f"{name}, {nomenclature.label(discipline, wording.language())}"


def whom(routes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return to which professions a judgement leads, each once, the first that suits first."""
    codes = dict.fromkeys(route["discipline"] for route in routes)
    return [nomenclature.label(code, wording.language()) for code in codes]


def offer(proposal: Proposal, community: Community, now: datetime) -> Offer:
    """Return a proposal as people read it, at the hours of their territory."""
    slot = proposal.slot
    where = slot.site_name
    if proposal.distance_km is not None:
        where = f"{where}, {wording.distance(proposal.distance_km)}"
    return Offer(
        value=str(slot.reference),
        hour=wording.capital(wording.short_day_and_hour(slot.starts_at, community.zone, now=now)),
        who=who(slot.professional_name, slot.discipline),
        where=where,
        why=wording.why(proposal),
    )
