"""What a table of members would change, line by line; and doing just that. Nothing is deleted."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum, auto
from hashlib import sha256
from uuid import UUID

from babel import Locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from schedules import enabling, legal, members, nomenclature, roster, slots
from schedules.annuaire.file import has_right_finess_key, has_right_key
from schedules.members import Person
from schedules.models import Community, Enablement, Professional, ProfessionalSite, Site
from schedules.roster import Enabled, Line

CIVILITIES = ("", "Dr", "Pr")
LONGEST_NAME = 80
EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
LONGEST_EMAIL = 254
RPPS = re.compile(r"[0-9]{11}")
FINESS = re.compile(r"[0-9][0-9AB][0-9]{7}")


class Effect(StrEnum):
    """What a line would do."""

    NEW = auto()
    CHANGED = auto()
    SAME = auto()
    REFUSED = auto()


@dataclass(frozen=True)
class Remark:
    """Something about one cell: why the line is refused, or what of it is left out."""

    column: str
    why: str
    said: str = ""


@dataclass
class Planned:
    """What one line would do."""

    number: int
    rpps: str
    name: str
    effect: Effect = Effect.REFUSED
    person: Person | None = None
    changes: list[str] = field(default_factory=list)
    """The columns that would change."""
    sites: list[int] = field(default_factory=list)
    enablements: list[Enabled] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """What is there already."""

    people: Mapping[str, Professional]
    enabled: Mapping[int, Sequence[Enablement]]
    sites: Mapping[str, Site]
    works_at: Mapping[int, set[int]]


def plan(session: Session, community: Community, lines: Sequence[Line]) -> list[Planned]:
    """Return what each line would do, in the file's order. Nothing is written."""
    known = _known(session, community, lines)
    seen = set[str]()
    planned = []
    for line in lines:
        it = Planned(line.number, line["RPPS"], f"{line['Prénom']} {line['Nom']}".strip())
        planned.append(it)
        if it.rpps in seen:
            it.remarks.append(Remark("RPPS", "twice"))
        elif _is_possible(line, it):
            seen.add(it.rpps)
            _compare(line, it, known)
    return planned


def is_email(text: str) -> bool:
    """Return whether this looks like an address that a letter can reach."""
    return len(text) <= LONGEST_EMAIL and EMAIL.fullmatch(text) is not None


def seal(planned: Iterable[Planned]) -> str:
    """Return what tells one plan from another: what was read is what will be done."""
    return sha256(repr(list(planned)).encode()).hexdigest()


def apply(
    session: Session,
    community: Community,
    planned: Sequence[Planned],
    *,
    by: UUID | None,
    now: datetime,
) -> None:
    """Do what was planned in this same transaction."""
    doing = [it for it in planned if it.effect in (Effect.NEW, Effect.CHANGED)]
    people = _people(session, community.id, [it.rpps for it in doing])
    before = {who.id for who in people.values()}
    slots.alone_with(session, community.id, sorted(before))
    for it in doing:
        assert it.person is not None
        who = people.get(it.rpps)
        if who is None:
            people[it.rpps] = members.new(community, it.rpps, it.person)
            session.add(people[it.rpps])
        else:
            members.change(session, who, it.person, now=now)
    session.flush()
    pairs = [(people[it.rpps].id, site) for it in doing for site in it.sites]
    members.join(session, community.id, pairs)
    wanted = {people[it.rpps].id: it.enablements for it in doing if it.enablements}
    _enable(session, community, wanted, by=by, now=now)
    # Who is new has no slots yet.
    for professional_id in sorted(before & wanted.keys()):
        enabling.copy_again(session, community, professional_id, now=now)


def _enable(
    session: Session,
    community: Community,
    wanted: Mapping[int, Sequence[Enabled]],
    *,
    by: UUID | None,
    now: datetime,
) -> None:
    """Write what was planned: a new last day where the first is noted, a new row elsewhere."""
    noted = enabling.of(session, community.id, wanted.keys())
    for professional_id, enablements in wanted.items():
        kept = {(each.code, each.starts_on): each for each in noted[professional_id]}
        for said in enablements:
            if (said.code, said.starts_on) in kept:
                kept[said.code, said.starts_on].ends_on = said.ends_on
                continue
            session.add(
                Enablement(
                    community_id=community.id,
                    professional_id=professional_id,
                    created_by=by,
                    created_at=now,
                    **vars(said),
                )
            )
    session.flush()


# What is there


def _known(session: Session, community: Community, lines: Sequence[Line]) -> _Known:
    people = _people(session, community.id, [line["RPPS"] for line in lines])
    ids = [who.id for who in people.values()]
    works_at = defaultdict[int, set[int]](set)
    for who, where in session.execute(
        select(ProfessionalSite.professional_id, ProfessionalSite.site_id).where(
            ProfessionalSite.community_id == community.id, ProfessionalSite.professional_id.in_(ids)
        )
    ):
        works_at[who].add(where)
    named = {part for line in lines for part in line.parts("Lieux")}
    return _Known(
        people,
        enabling.of(session, community.id, ids),
        members.sites_named(session, community.id, named),
        works_at,
    )


def _people(session: Session, community_id: int, rpps: Sequence[str]) -> dict[str, Professional]:
    found = session.scalars(
        select(Professional).where(
            Professional.community_id == community_id, Professional.rpps.in_(set(rpps))
        )
    )
    return {who.rpps: who for who in found}


# One line


def _is_possible(line: Line, it: Planned) -> bool:
    """Note why a line cannot be kept; what is only doubtful does not stop it."""
    if not RPPS.fullmatch(it.rpps):
        it.remarks.append(Remark("RPPS", "digits"))
    elif not has_right_key(it.rpps):
        it.remarks.append(Remark("RPPS", "key"))
    for column in ("Nom", "Prénom"):
        if not line[column] or len(line[column]) > LONGEST_NAME:
            it.remarks.append(Remark(column, "name"))
    try:
        nomenclature.discipline_of(line["Profession"], line["Spécialité"] or None)
    except nomenclature.ProfessionUnknown:
        it.remarks.append(Remark("Profession", "unknown", line["Profession"][:LONGEST_NAME]))
    return all(remark.why == "key" for remark in it.remarks)


def _compare(line: Line, it: Planned, known: _Known) -> None:
    """Note what a possible line would change."""
    who = known.people.get(it.rpps)
    it.person = _person(line, it, who)
    it.sites = _new_sites(
        line, it, known.sites, known.works_at.get(who.id, set()) if who else set()
    )
    it.enablements = _new_enablements(line, it, known.enabled[who.id] if who else ())
    if who is None:
        it.effect = Effect.NEW
        return
    said = it.person
    for column, is_same in (
        ("Civilité", who.civility == said.civility),
        ("Nom", who.family_name == said.family_name),
        ("Prénom", who.given_name == said.given_name),
        ("Profession", who.profession == said.profession),
        ("Spécialité", who.speciality == said.speciality),
        ("E-mail", who.email == said.email),
        ("Langues", who.languages == list(said.languages)),
        ("Lieux", not it.sites),
        ("Habilitations", not it.enablements),
    ):
        if not is_same:
            it.changes.append(column)
    it.effect = Effect.CHANGED if it.changes else Effect.SAME


def _person(line: Line, it: Planned, who: Professional | None) -> Person:
    """Return what a line says of somebody; where it says nothing, what is known stays."""
    civility = line["Civilité"]
    if civility not in CIVILITIES:
        it.remarks.append(Remark("Civilité", "unknown", civility[:LONGEST_NAME]))
        civility = ""
    email = line["E-mail"]
    if email and not is_email(email):
        it.remarks.append(Remark("E-mail", "invalid"))
        email = ""
    speciality = line["Spécialité"] or (
        who.speciality if who and who.profession == line["Profession"] else None
    )
    return Person(
        civility=civility or (who.civility if who else ""),
        family_name=line["Nom"],
        given_name=line["Prénom"],
        profession=line["Profession"],
        speciality=speciality,
        discipline=nomenclature.discipline_of(line["Profession"], speciality),
        languages=_languages(line, it) or tuple(who.languages if who else ("fr",)),
        email=email or (who.email if who else None),
    )


def _languages(line: Line, it: Planned) -> tuple[str, ...]:
    spoken = dict.fromkeys(part.casefold() for part in line.parts("Langues"))
    known = Locale("fr").languages
    for code in spoken:
        if code not in known:
            it.remarks.append(Remark("Langues", "unknown", code[:LONGEST_NAME]))
    return tuple(code for code in spoken if code in known)


def _new_sites(line: Line, it: Planned, sites: Mapping[str, Site], already: set[int]) -> list[int]:
    found = []
    for name in line.parts("Lieux"):
        if FINESS.fullmatch(name) and not has_right_finess_key(name):
            it.remarks.append(Remark("Lieux", "key", name))
        if name not in sites:
            it.remarks.append(Remark("Lieux", "unknown", name[:LONGEST_NAME]))
        elif sites[name].id not in already:
            found.append(sites[name].id)
    return sorted(set(found))


def _new_enablements(line: Line, it: Planned, already: Sequence[Enablement]) -> list[Enabled]:
    assert it.person is not None
    possible = legal.enablings(it.person.discipline)
    kept = {(e.code, e.starts_on): e.ends_on for e in already}
    found: list[Enabled] = []
    for part in line.parts("Habilitations"):
        said = roster.enabled(part)
        if said is None:
            it.remarks.append(Remark("Habilitations", "unreadable", part[:LONGEST_NAME]))
        elif said.code not in possible:
            it.remarks.append(Remark("Habilitations", "unknown", said.code))
        elif _overlaps(said, kept):
            it.remarks.append(Remark("Habilitations", "overlaps", said.code))
        elif ((said.code, said.starts_on), said.ends_on) not in kept.items():
            kept[said.code, said.starts_on] = said.ends_on
            found.append(said)
    return found


def _overlaps(said: Enabled, kept: Mapping[tuple[str, date], date | None]) -> bool:
    """Return whether other days of the same code are noted that these would touch."""
    others = [Enabled(code, starts_on, ends_on) for (code, starts_on), ends_on in kept.items()]
    return any(
        each.code == said.code
        and each.starts_on != said.starts_on
        and (each.ends_on is None or said.starts_on <= each.ends_on)
        and (said.ends_on is None or each.starts_on <= said.ends_on)
        for each in others
    )
