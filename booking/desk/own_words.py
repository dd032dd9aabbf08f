"""The texts that a community has in its own words: kept, taken back, tried on its longest place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from booking.links import Links
from notifications import own_words, proofreading
from notifications.proofreading import Example
from notifications.texts import Language
from schedules.models import Community, Site

NOBODYS = UUID(int=0)
"""What the link of an example opens: nothing."""


def example(session: Session, community: Community, case: str, links: Links) -> Example:
    """Return the longest values that this community's messages of a case get."""
    site = _longest_site(session, community.id)
    to = {
        "cancelled_by_patient": links.base_url + "/",
        "call_back": links.request(NOBODYS),
        "offered": links.offer(NOBODYS),
    }
    return Example(
        community=community.name,
        place=site.name if site else community.name,
        address=site.address if site else "",
        link=to.get(case, links.booking(NOBODYS)),
        zone=community.zone,
    )


def _longest_site(session: Session, community_id: int) -> Site | None:
    length = func.length(Site.address_line) + func.length(Site.postal_code) + func.length(Site.city)
    return session.scalar(
        select(Site)
        .where(Site.community_id == community_id)
        .order_by(length.desc(), Site.id)
        .limit(1)
    )


def save(
    session: Session,
    community_id: int,
    text: str,
    *,
    case: str,
    part: str,
    language: Language,
    links: Links,
    by: UUID,
    now: datetime,
) -> None:
    """Say one text in these words from now on; what is promised already keeps its own.

    Raises:
        WordsRefused: if they may not be said. Ours stay, or those of before.
    """
    community = _locked(session, community_id)
    message = proofreading.example_of(case, language, example(session, community, case, links))
    proofreading.check(message, part, text)
    if text == own_words.ours(case, part, language):
        back_to_ours(session, community_id, case=case, part=part, language=language)
        return
    kept: Mapping[str, Any] = {"text": text, "saved_at": now.isoformat(), "saved_by": str(by)}
    community.wording = {**community.wording, own_words.name(case, part, language): kept}
    session.flush()


def back_to_ours(
    session: Session, community_id: int, *, case: str, part: str, language: Language
) -> None:
    """Say one text in our words again; done twice it is done once."""
    community = _locked(session, community_id)
    gone = own_words.name(case, part, language)
    community.wording = {name: kept for name, kept in community.wording.items() if name != gone}
    session.flush()


def _locked(session: Session, community_id: int) -> Community:
    """Return the community, so that two who change two texts at once keep both.

    Bookings go on: they point to the community, and this lock lets them.
    """
    return session.scalars(
        select(Community)
        .where(Community.id == community_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
