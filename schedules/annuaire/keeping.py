"""Keep what the national directory says of one community: professionals, places, who works where.

What people declared here (enablements, languages, e-mail, equipment, access, a corrected point on
the map) stays; nobody is removed: who left the directory is for a person to decide.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from schedules import nomenclature
from schedules.annuaire.file import (
    EVERYTHING,
    Activity,
    Place,
    Reading,
    Wanted,
    activities,
    has_right_finess_key,
    has_right_key,
)
from schedules.annuaire.naming import holds_name
from schedules.models import Commune, Community, Professional, ProfessionalSite, Site

MOST_ACTIVITIES = 100_000
"""A large territory has some thousand. More is a file of the whole country, without a filter."""


class TooMuch(ValueError):
    """More activities than any territory has: the community's communes must be known first."""


@dataclass(frozen=True)
class Change:
    """Somebody, or a place, of whom the directory says something new."""

    whose: str
    """The RPPS of a person, the name of a place."""
    columns: tuple[str, ...]


@dataclass
class Kept:
    """What an import did, to be shown to whoever asked for it."""

    reading: Reading
    professionals: Counter[str] = field(default_factory=Counter)
    """`new`, `changed`, `same`."""
    places: Counter[str] = field(default_factory=Counter)
    """`new`, `changed`, `same`."""
    professions_unserved: Counter[str] = field(default_factory=Counter)
    """TRE_G15 codes of which no protocol has a discipline, and how many people have them."""
    communes_unknown: Counter[str] = field(default_factory=Counter)
    """INSEE codes whose places were left out: nobody knows where they are on the map."""
    wrong_keys: list[str] = field(default_factory=list)
    """RPPS numbers with a key that does not fit. They were kept: some real ones do not fit."""
    wrong_finess: list[str] = field(default_factory=list)
    """FINESS numbers with a key that does not fit. They were kept too."""
    changes: list[Change] = field(default_factory=list)
    """What differed from what was known, person by person and place by place."""


def keep(
    session: Session,
    community: Community,
    lines: Iterable[str],
    *,
    wanted: Wanted = EVERYTHING,
    everywhere: bool = False,
) -> Kept:
    """Create and update this community's professionals and places from the directory's lines.

    Only activities in the community's communes count, unless it has none or `everywhere` is said;
    of those, only the `wanted`. Doing it again changes nothing.

    Raises:
        ColumnMissing: if the header lacks one that is needed. Nothing is kept.
        FileUnreadable: if it is not UTF-8, or no table. Nothing is kept.
        TooMuch: if it goes beyond what a territory has. Nothing is kept.
    """
    communes = {
        c.insee: c
        for c in session.scalars(select(Commune).where(Commune.community_id == community.id))
    }
    kept = Kept(Reading())
    if communes and not everywhere:
        wanted = replace(wanted, communes=frozenset(communes))
    found = _by_person(activities(lines, wanted=wanted, reading=kept.reading))
    served = _served(found, kept)
    people = _keep_people(session, community, served, kept)
    places = _keep_places(session, community, served, communes, kept)
    session.flush()
    _keep_who_works_where(session, community, served, people, places)
    return kept


def _by_person(found: Iterable[Activity]) -> dict[str, list[Activity]]:
    people: dict[str, list[Activity]] = {}
    for number, activity in enumerate(found, 1):
        if number > MOST_ACTIVITIES:
            raise TooMuch
        people.setdefault(activity.rpps, []).append(activity)
    return people


def _served(people: Mapping[str, list[Activity]], kept: Kept) -> dict[str, list[Activity]]:
    """Return those whose profession some protocol may call, and note the others."""
    served = {}
    for rpps, theirs in people.items():
        try:
            nomenclature.discipline_of(theirs[0].profession, None)
        except nomenclature.ProfessionUnknown:
            kept.professions_unserved[theirs[0].profession] += 1
            continue
        served[rpps] = theirs
        if not has_right_key(rpps):
            kept.wrong_keys.append(rpps)
    return served


def _keep_people(
    session: Session, community: Community, people: Mapping[str, list[Activity]], kept: Kept
) -> dict[str, Professional]:
    known = {
        p.rpps: p
        for p in session.scalars(
            select(Professional).where(
                Professional.community_id == community.id, Professional.rpps.in_(people)
            )
        )
    }
    for rpps, theirs in people.items():
        person = known.get(rpps)
        if person is None:
            person = Professional(community_id=community.id, rpps=rpps, languages=["fr"])
            session.add(person)
            known[rpps] = person
            kept.professionals["new"] += 1
            _set(person, _said_of(theirs))
        else:
            _keep_change(kept, kept.professionals, rpps, _set(person, _said_of(theirs)))
    return known


def _said_of(theirs: list[Activity]) -> dict[str, Any]:
    """Return one person's columns from all of their rows; the first with a speciality counts."""
    first = theirs[0]
    speciality = next((a.speciality for a in theirs if a.speciality), None)
    return {
        "civility": first.civility,
        "family_name": first.family_name,
        "given_name": first.given_name,
        "profession": first.profession,
        "speciality": speciality,
        "discipline": nomenclature.discipline_of(first.profession, speciality),
    }


def _keep_change(kept: Kept, counts: Counter[str], whose: str, changed: Sequence[str]) -> None:
    counts["changed" if changed else "same"] += 1
    if changed:
        kept.changes.append(Change(whose, tuple(changed)))


def _set(row: object, said: Mapping[str, Any]) -> list[str]:
    """Write what differs, and return the names of what did."""
    changed = {name: value for name, value in said.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return list(changed)


def _keep_places(
    session: Session,
    community: Community,
    people: Mapping[str, list[Activity]],
    communes: Mapping[str, Commune],
    kept: Kept,
) -> dict[str, Site]:
    every = _every_place(people)
    known = _known_sites(session, community, every)
    for key, place in every.items():
        commune = communes.get(place.insee)
        if place.finess and not has_right_finess_key(place.finess):
            kept.wrong_finess.append(place.finess)
        if site := known.get(key):
            _keep_change(kept, kept.places, site.name, _set(site, _said_of_place(place)))
        elif commune is None:
            kept.communes_unknown[place.insee] += 1
        else:
            known[key] = _new_site(community, place, commune)
            session.add(known[key])
            kept.places["new"] += 1
    return known


def _every_place(people: Mapping[str, list[Activity]]) -> dict[str, Place]:
    """Return each place by its key. One that is named after somebody there is called otherwise.

    The place's name goes into SMS, which may not tell whom a patient sees.
    """
    found = [activity for theirs in people.values() for activity in theirs]
    names: dict[str, set[str]] = {}
    for activity in found:
        names.setdefault(activity.place.key, set()).add(activity.family_name)
    every = {activity.place.key: activity.place for activity in found}
    return {
        key: place
        if place.name and not any(holds_name(place.name, name) for name in names[key])
        else replace(place, name=place.unnamed)
        for key, place in every.items()
    }


def _name_of(community: Community, key: str) -> UUID:
    """Return the reference of a place of the directory: the same at each import."""
    return uuid5(community.reference, f"annuaire-sante:{key}")


def _known_sites(
    session: Session, community: Community, places: Mapping[str, Place]
) -> dict[str, Site]:
    """Return the places we have: by the name that an import gave them, else by their FINESS."""
    ours = list(session.scalars(select(Site).where(Site.community_id == community.id)))
    by_reference = {site.reference: site for site in ours}
    by_finess = {site.finess: site for site in ours if site.finess}
    found = {
        key: by_reference.get(_name_of(community, key))
        or (by_finess.get(place.finess) if place.finess else None)
        for key, place in places.items()
    }
    return {key: site for key, site in found.items() if site}


def _said_of_place(place: Place) -> dict[str, Any]:
    said = {
        "name": place.name,
        "finess": place.finess,
        "structure": place.structure,
        "address_line": place.address_line,
        "postal_code": place.postal_code,
        "city": place.city,
        "phone": place.phone,
    }
    # What the directory does not know is no reason to forget what somebody entered.
    return {name: value for name, value in said.items() if value}


def _new_site(community: Community, place: Place, commune: Commune) -> Site:
    return Site(
        community_id=community.id,
        reference=_name_of(community, place.key),
        latitude=commune.latitude,
        longitude=commune.longitude,
        is_wheelchair_accessible=False,
        equipment=[],
        **_without_gaps(place, commune),
    )


def _without_gaps(place: Place, commune: Commune) -> dict[str, Any]:
    gaps = {"phone": "", "address_line": "", "finess": None}
    there = {"postal_code": commune.postal_code, "city": commune.name}
    return gaps | there | _said_of_place(place)


def _keep_who_works_where(
    session: Session,
    community: Community,
    people: Mapping[str, list[Activity]],
    known: Mapping[str, Professional],
    places: Mapping[str, Site],
) -> None:
    pairs = {
        (known[rpps].id, places[activity.place.key].id)
        for rpps, theirs in people.items()
        for activity in theirs
        if activity.place.key in places
    }
    rows = [
        {"community_id": community.id, "professional_id": person, "site_id": site}
        for person, site in sorted(pairs)
    ]
    if rows:
        session.execute(insert(ProfessionalSite).on_conflict_do_nothing(), rows)
