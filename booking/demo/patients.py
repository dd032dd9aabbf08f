"""People who ask for care in the demonstration, through the same use cases as everybody."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from booking.demo.territory import PatientDoc, Territory
from booking.desk import again, ask, choose
from booking.desk.validity import is_too_old
from booking.links import Links
from booking.models import CareRequest, Channel
from booking.triage import cases, engine
from booking.triage.facts import NO
from booking.triage.protocol import Protocol
from config.clock import local_day
from schedules import search

BY_PATIENT = "PATIENT"


def book(
    session: Session,
    territory: Territory,
    said: PatientDoc,
    *,
    protocol: Protocol,
    links: Links,
    operator: UUID,
    now: datetime,
) -> bool:
    """Let one patient ask and, unless they wait, take a slot; return whether they have one."""
    asked_at = now - timedelta(minutes=said.minutes_ago)
    opened_by = operator if said.channel is Channel.PHONE else None
    request = _asked(
        session, territory, said, protocol=protocol, links=links, opened_by=opened_by, now=asked_at
    )
    if said.waits:
        if said.call_back:
            ask.ask_for_call(session, request, phone=said.phone, hours=said.call_back, now=asked_at)
        return False
    if is_too_old(request, now):
        calm = {sign.id: NO for sign in again.questions(protocol, request)}
        again.answer(session, request, protocol, territory.community, calm, now=now)
    slot = _slot_for(session, territory, said, request, now)
    if slot is None:
        return False
    choose.hold(session, request, slot, now=now)
    choose.book(
        session,
        request,
        territory.community,
        slot,
        by=str(opened_by or BY_PATIENT),
        links=links,
        now=now,
    )
    return True


def _asked(
    session: Session,
    territory: Territory,
    said: PatientDoc,
    *,
    protocol: Protocol,
    links: Links,
    opened_by: UUID | None,
    now: datetime,
) -> CareRequest:
    """Open a request, answer every question, and let the protocol judge it."""
    community = territory.community
    request = ask.start(
        session,
        community,
        channel=said.channel,
        language="fr",
        links=links,
        opened_by=opened_by,
        now=now,
    )
    commune = territory.communes[said.commune]
    who = {
        "birth_date": said.born,
        "age_months": ask.age_in_months(said.born, local_day(now, community.zone)),
        "sex": said.sex,
        "pregnant": "no",
        "commune_insee": commune.insee,
        "latitude": commune.latitude,
        "longitude": commune.longitude,
        "complaints": [said.complaint],
        "note": said.note,
        "family_name": said.family,
        "given_name": said.given,
        "phone": said.phone,
        "email": said.email,
    }
    ask.amend(session, request, who)
    asked = engine.questions_for(protocol, ask.patient_of(request), request.complaints)
    calm = {q.id: cases.calmly(q) for q in asked.all()}
    ask.amend(session, request, {"answers": calm | said.answers})
    ask.assess(session, request, protocol, community, now=now)
    return request


MANY = 60
"""Proposals looked through for a slot of one professional."""


def _slot_for(
    session: Session, territory: Territory, said: PatientDoc, request: CareRequest, now: datetime
) -> UUID | None:
    proposals = choose.propose(session, request, territory.community, limit=MANY, now=now)
    if said.professional is not None:
        wanted = territory.professionals[said.professional - 1].reference
        theirs = sorted(
            (p.slot for p in proposals if p.slot.professional == wanted),
            key=lambda slot: slot.starts_at,
        )[:2]
        # The second, so that the first is free for whoever tries the demonstration.
        return theirs[-1].reference if theirs else None
    # Among equals the rank decides by a random name; the demonstration is the same each time.
    equals = [p.slot for p in proposals if _is_as_good(p.slot, proposals[0].slot)]
    return min(equals, key=lambda slot: slot.professional_name).reference if equals else None


def _is_as_good(slot: search.FreeSlot, best: search.FreeSlot) -> bool:
    return (slot.starts_at, slot.site, slot.discipline) == (
        best.starts_at,
        best.site,
        best.discipline,
    )
