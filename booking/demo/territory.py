"""The demonstration's data, read from config/demo and written as rows of supply."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from booking.models import Channel, Role
from schedules import nomenclature
from schedules.annuaire.file import has_right_key
from schedules.models import Commune, Community, Enablement, Professional, ProfessionalSite, Site

FILE = Path(__file__).parent.parent.parent / "config" / "demo" / "territory.yaml"

FICTITIOUS_RPPS = "9990000"
"""How the number of everybody in the demonstration begins: no real one does."""

ENABLED_FOR = timedelta(days=365)
"""How long ago the demonstration's professionals declared what they are enabled for."""

DOCTORS, DENTISTS = "10", "40"


class _Doc(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CommunityDoc(_Doc):
    """The territory itself; hours are wall time."""

    name: str
    slug: str
    zone: str
    phone: str
    email: str
    opens_at: time
    closes_at: time
    legal_rules: list[str]
    ladder: list[dict[str, Any]]
    cascade: dict[str, Any]
    school_zone: str


class CommuneDoc(_Doc):
    """A town."""

    insee: str
    name: str
    postal_code: str
    latitude: float
    longitude: float


class SiteDoc(_Doc):
    """A place of care."""

    key: str
    name: str
    structure: str
    address_line: str
    commune: str
    phone: str
    latitude: float
    longitude: float
    accessible: bool
    equipment: list[str] = []


class ProfessionalDoc(_Doc):
    """Somebody who gives care at one place, or also at another."""

    given: str
    family: str
    discipline: str
    site: str
    also: str | None = None
    skills: list[str] = []
    languages: list[str] = ["fr"]
    mobile: str | None = None


class HoursDoc(_Doc):
    """What a discipline reserves in a day."""

    minutes: int
    morning: int
    afternoon: int


class AccountDoc(_Doc):
    """Somebody who signs in; a professional is named by their number in the list, from 1."""

    role: Role
    name: str
    email: str
    site: str | None = None
    professional: int | None = None


class PatientDoc(_Doc):
    """Somebody who needs care; what they are asked is answered calmly, but for `answers`."""

    given: str
    family: str
    born: date
    sex: Literal["female", "male"]
    commune: str
    complaint: str
    answers: dict[str, str] = {}
    phone: str
    email: str | None = None
    channel: Channel
    note: str | None = None
    professional: int | None = Field(default=None, alias="with")
    waits: bool = False
    minutes_ago: int = 0
    call_back: str | None = None


class TerritoryDoc(_Doc):
    """The whole file."""

    community: CommunityDoc
    communes: list[CommuneDoc]
    sites: list[SiteDoc]
    professionals: list[ProfessionalDoc]
    hours: Mapping[str, HoursDoc]
    accounts: list[AccountDoc]
    api_client: str
    patients: list[PatientDoc]


@cache
def written() -> TerritoryDoc:
    """Return the demonstration's data."""
    return TerritoryDoc.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Territory:
    """The rows of supply, in the order of the file."""

    community: Community
    communes: Mapping[str, Commune]
    sites: Mapping[str, Site]
    professionals: Sequence[Professional]


def create(session: Session, doc: TerritoryDoc, *, now: datetime) -> Territory:
    """Write the community, its towns, its places and who works there."""
    community = _community(doc.community)
    session.add(community)
    session.flush()
    communes = {c.insee: _commune(community, c) for c in doc.communes}
    sites = {s.key: _site(community, s, communes[s.commune]) for s in doc.sites}
    professionals = [_professional(community, n, p) for n, p in enumerate(doc.professionals, 1)]
    session.add_all([*communes.values(), *sites.values(), *professionals])
    session.flush()
    for person, said in zip(professionals, doc.professionals, strict=True):
        for key in filter(None, (said.site, said.also)):
            session.add(
                ProfessionalSite(
                    community_id=community.id,
                    professional_id=person.id,
                    site_id=sites[key].id,
                )
            )
        session.add_all(_enablements(person, said, now))
    session.flush()
    return Territory(community, communes, sites, professionals)


def _reference(*name: object) -> UUID:
    """Return the same public name at each seeding."""
    return uuid5(NAMESPACE_URL, ":".join(map(str, ("jourmeme-demo", *name))))


def _community(said: CommunityDoc) -> Community:
    return Community(
        reference=_reference("community"),
        name=said.name,
        slug=said.slug,
        zone_name=said.zone,
        phone=said.phone,
        email=said.email,
        opens_at=said.opens_at,
        closes_at=said.closes_at,
        legal_rules=said.legal_rules,
        ladder=said.ladder,
        cascade=said.cascade,
        school_zone=said.school_zone,
    )


def _commune(community: Community, said: CommuneDoc) -> Commune:
    return Commune(community_id=community.id, **said.model_dump())


def _site(community: Community, said: SiteDoc, commune: Commune) -> Site:
    return Site(
        community_id=community.id,
        reference=_reference("site", said.key),
        postal_code=commune.postal_code,
        city=commune.name,
        is_wheelchair_accessible=said.accessible,
        **said.model_dump(exclude={"key", "commune", "accessible"}),
    )


def _professional(community: Community, number: int, said: ProfessionalDoc) -> Professional:
    discipline = nomenclature.disciplines()[said.discipline]
    return Professional(
        community_id=community.id,
        reference=_reference("professional", number),
        rpps=rpps(number),
        civility="Dr" if discipline.profession in (DOCTORS, DENTISTS) else "",
        family_name=said.family,
        given_name=said.given,
        profession=discipline.profession,
        speciality=next(iter(discipline.specialities), None),
        discipline=said.discipline,
        languages=said.languages,
        mobile=said.mobile,
        email=f"pro{number:02}@ambrelle.example",
    )


def _enablements(
    person: Professional, said: ProfessionalDoc, now: datetime
) -> Iterator[Enablement]:
    for code in said.skills:
        yield Enablement(
            community_id=person.community_id,
            reference=_reference("enablement", person.reference, code),
            professional_id=person.id,
            code=code,
            starts_on=now.date() - ENABLED_FOR,
            created_at=now,
        )


def rpps(number: int) -> str:
    """Return an eleven-digit number with the right key, in a range that nobody has."""
    body = f"{FICTITIOUS_RPPS}{number:03}"
    return next(body + key for key in "0123456789" if has_right_key(body + key))
