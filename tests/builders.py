"""Rows for tests: each says only what matters to the one who calls."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.desk import ask, choose
from booking.links import Links
from booking.models import CareRequest, Channel, Promise
from booking.triage import engine, facts
from booking.triage.protocol import Kind, Level, Protocol, Question
from schedules import legal, slots
from schedules.models import (
    Community,
    Enablement,
    Professional,
    ProfessionalSite,
    Site,
    Slot,
    Visibility,
)
from tests.clockwork import NOON

LINKS = Links("http://localhost", "localhost", b"a secret of the tests, long enough")
MOBILE = "+33639980001"

_numbers = count(1)


def a_community(session: Session, **but: Any) -> Community:
    number = next(_numbers)
    said = {
        "name": f"CPTS des Tilleuls {number}",
        "slug": f"tilleuls-{number}",
        "phone": "01 99 00 00 15",
        "email": "rdv@tilleuls.example",
        "zone_name": "Europe/Paris",
        "opens_at": time(8),
        "closes_at": time(20),
        "legal_rules": list(legal.rules()),
    }
    return _added(session, Community(**said | but))


def a_site(session: Session, community: Community, **but: Any) -> Site:
    number = next(_numbers)
    said = {
        "name": f"Maison de santé {number}",
        "structure": "603",
        "address_line": "12 rue des Lilas",
        "postal_code": "77999",
        "city": "Saint-Loup-sur-Orvanne",
        "latitude": 48.3,
        "longitude": 2.9,
        "phone": "01 99 00 00 20",
        "is_wheelchair_accessible": True,
        "equipment": [],
    }
    return _added(session, Site(community_id=community.id, **said | but))


def a_professional(
    session: Session, community: Community, site: Site | None = None, **but: Any
) -> Professional:
    number = next(_numbers)
    said = {
        "rpps": f"{99_000_000_000 + number}",
        "civility": "Dr",
        "given_name": "Camille",
        "family_name": f"Bernard{number}",
        "profession": "10",
        "speciality": "SM54",
        "discipline": "MG",
        "languages": ["fr"],
        "email": f"c.bernard{number}@tilleuls.example",
    }
    skills = but.pop("skills", ())
    who = _added(session, Professional(community_id=community.id, **said | but))
    for code in skills:
        an_enablement(session, who, code)
    if site is not None:
        _added(
            session,
            ProfessionalSite(community_id=community.id, professional_id=who.id, site_id=site.id),
        )
    return who


def an_enablement(session: Session, who: Professional, code: str, **but: Any) -> Enablement:
    said = {"code": code, "starts_on": date(2020, 1, 1), "created_at": NOON}
    return _added(
        session,
        Enablement(community_id=who.community_id, professional_id=who.id, **said | but),
    )


def a_slot(
    session: Session,
    *,
    professional: Professional | None = None,
    site: Site | None = None,
    starts_at: datetime = NOON + timedelta(hours=2),
    minutes: int = 20,
    visibility: Sequence[Visibility] = slots.RESERVED,
) -> Slot:
    if professional is None:
        community = a_community(session)
        site = a_site(session, community)
        professional = a_professional(session, community, site)
    elif site is None:
        community = session.get_one(Community, professional.community_id)
        site = a_site(session, community)
    [reference] = slots.publish(
        session,
        professional,
        site,
        [(starts_at, starts_at + timedelta(minutes=minutes))],
        visibility=visibility,
    )
    return slot_of(session, reference)


def slot_of(session: Session, reference: UUID) -> Slot:
    return session.scalars(
        select(Slot).where(Slot.reference == reference).execution_options(populate_existing=True)
    ).one()


_calm: dict[tuple[Any, ...], tuple[Protocol, dict[str, Any]]] = {}


def nothing_wrong(
    protocol: Protocol, complaints: Sequence[str], patient: facts.Patient
) -> dict[str, Any]:
    """Return to every question that this patient is asked the answer that worries least."""
    asked = (id(protocol), *complaints, patient)
    if asked not in _calm:  # the protocol is kept with it: another must not get its id
        _calm[asked] = protocol, _least_worrying(protocol, complaints, patient)
    return dict(_calm[asked][1])


def _least_worrying(
    protocol: Protocol, complaints: Sequence[str], patient: facts.Patient
) -> dict[str, Any]:
    questions = engine.questions_for(protocol, patient, complaints).all()
    calm: dict[str, Any] = {question.id: _possible(question)[0] for question in questions}

    def level(answers: dict[str, Any]) -> Level:
        return engine.assess(protocol, patient, complaints, answers).level

    for question in questions:
        calm[question.id] = min(
            _possible(question), key=lambda said, q=question: level(calm | {q.id: said})
        )
    return calm


def _possible(question: Question) -> list[Any]:
    if question.kind is Kind.CHOICE:
        return [choice for choice, _ in question.choices]
    if question.kind is Kind.NUMBER:
        return [37, 1, 0]
    return ["no", "yes"]


def a_request(
    session: Session,
    community: Community,
    *,
    age_months: int = 34 * 12,
    sex: str = "male",
    complaints: Sequence[str] = ("trauma_membre",),
    now: datetime = NOON,
    **but: Any,
) -> CareRequest:
    request = ask.start(
        session, community, channel=Channel.WEB, language="fr", links=LINKS, now=now
    )
    said = {
        "age_months": age_months,
        "sex": sex,
        "pregnant": "no",
        "complaints": list(complaints),
        "family_name": "Morel",
        "given_name": "Lucie",
        "phone": MOBILE,
    }
    ask.amend(session, request, said | but)
    return request


def a_triaged_request(
    session: Session, community: Community, protocol: Protocol, *, now: datetime = NOON, **but: Any
) -> CareRequest:
    """Return a request that the protocol lets book: an ankle that hurts, and nothing worse."""
    request = a_request(session, community, now=now, **but)
    answers = nothing_wrong(protocol, request.complaints, ask.patient_of(request))
    recent = {"tm_quand": "recent"} if "trauma_membre" in request.complaints else {}
    ask.amend(session, request, {"answers": answers | recent | but.get("answers", {})})
    ask.assess(session, request, protocol, community, now=now)
    return request


def a_booking(
    session: Session, community: Community, protocol: Protocol, slot: Slot, *, now: datetime = NOON
) -> choose.Booked:
    request = a_triaged_request(session, community, protocol, now=now)
    return choose.book(
        session, request, community, slot.reference, by="PATIENT", links=LINKS, now=now
    )


def a_promise(session: Session, request: CareRequest, **but: Any) -> Promise:
    """Return the promise that a request written by hand would have from its judgement."""
    due = request.deadline or request.created_at + timedelta(hours=24)
    said = {
        "community_id": request.community_id,
        "request_id": request.id,
        "level": request.level or Level.WITHIN_24H,
        "began_at": min(request.created_at, due - timedelta(minutes=1)),
        "due_at": due,
    }
    return _added(session, Promise(**said | but))


def _added(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
