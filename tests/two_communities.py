"""One community with all that can be named in an address, and its neighbours: who must see none."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from booking import clients
from booking.accounts import invitations
from booking.desk import choose
from booking.links import Links, hashed
from booking.models import (
    Account,
    ApiClient,
    Booking,
    CareRequest,
    Channel,
    Offer,
    OfferKind,
    Passkey,
    Role,
    StaffSession,
)
from booking.triage.protocol import Protocol
from notifications.models import InboundMessage, Meaning, OutboxMessage
from schedules.models import (
    Absence,
    Act,
    ActKind,
    BusyCalendar,
    Community,
    Enablement,
    Feed,
    Opening,
    Professional,
    Site,
)
from tests import builders
from tests.clockwork import NOON
from tests.governing import a_draft
from tests.integration.patient_walk import Town, a_town
from tests.staffing import an_account

CANARIES = ("Canarinom", "Canariprenom", "canarimotif", "39 98 77 01", "33639987701", "canarimail")
"""Name, reason, phone and mail of the one patient: strangers read none of them anywhere."""

PATIENT = {
    "family_name": CANARIES[0],
    "given_name": CANARIES[1],
    "note": CANARIES[2],
    "phone": "+33639987701",
    "email": f"{CANARIES[5]}@patient.example",
    "has_regular_doctor": "no",
    "commune_insee": "77001",
    "may_leave_message": True,
}

PLACES = ("own", "beside", "elsewhere")
"""The practice of the patient, another one of the same community, another community."""


@dataclass
class World:
    """Everybody who may knock, and the name of everything that an address can name."""

    staff: dict[tuple[str, Role], Account]
    keys: dict[str, str]
    named: dict[str, str]
    tokens: dict[str, str]


def a_world(session: Session, protocol: Protocol, links: Links) -> World:
    """Write it: one practice with a patient of each kind, one beside it, one elsewhere."""
    town = a_town(session)
    beside = _practice(session, town.community)
    far = a_town(session)
    staff: dict[tuple[str, Role], Account] = {}
    for place, (community, site, doctor) in {
        "own": (town.community, town.site, town.doctor),
        "beside": (town.community, *beside),
        "elsewhere": (far.community, far.site, far.doctor),
    }.items():
        for role in Role:
            staff[place, role] = an_account(
                session,
                community,
                role,
                email=f"{place}-{role.lower()}@tilleuls.example",
                professional=doctor if role is Role.PROFESSIONAL else None,
                sites=(site,) if role is Role.SECRETARY else (),
            )
    keys = {
        place: clients.issue_key(session, community.id, place, now=NOON)
        for place, community in (
            ("own", town.community),
            ("beside", town.community),
            ("elsewhere", far.community),
        )
    }
    named, tokens = _patients(session, town, protocol, links, staff)
    named |= _supply(session, town, staff["own", Role.PROFESSIONAL])
    named |= _office(session, town, staff)
    tokens |= _tokens(session, town, staff)
    session.commit()
    return World(staff, keys, named, tokens)


def _practice(session: Session, community: Community) -> tuple[Site, Professional]:
    site = builders.a_site(session, community)
    return site, builders.a_professional(session, community, site)


def _patients(
    session: Session,
    town: Town,
    protocol: Protocol,
    links: Links,
    staff: dict[tuple[str, Role], Account],
) -> tuple[dict[str, str], dict[str, str]]:
    """Write one who waits, one who is booked, and one whom software asked for."""

    def asked(**but: Any) -> CareRequest:
        return builders.a_triaged_request(session, town.community, protocol, **PATIENT | but)

    waits = asked(opened_by=staff["own", Role.SECRETARY].reference)
    booked = asked()
    choose.book(
        session,
        booked,
        town.community,
        town.slots[0].reference,
        by="PATIENT",
        links=links,
        now=NOON,
    )
    client = session.scalars(select(ApiClient).where(ApiClient.name == "own")).one()
    by_software = asked(channel=Channel.API, opened_by=client.reference)
    decided = asked(doctor_asked_at=NOON)
    booking = session.scalars(select(Booking).where(Booking.request_id == booked.id)).one()
    offered = town.slots[3]
    offer = Offer(
        community_id=town.community.id,
        reference=uuid4(),
        request_id=waits.id,
        slot_id=offered.id,
        kind=OfferKind.WAITING_LIST,
        offered_at=NOON,
        until=NOON + timedelta(minutes=10),
    )
    offer.link_hash = hashed(links.offer_token(offer.reference))
    reply = InboundMessage(
        community_id=town.community.id,
        reference=uuid4(),
        provider_id="SM1",
        phone=PATIENT["phone"],
        text=CANARIES[2],
        meaning=Meaning.OTHER,
        came_at=NOON,
        needs_somebody=True,
    )
    session.add_all([offer, reply])
    session.flush()
    for each in (waits, booked, by_software, decided):
        session.execute(
            update(CareRequest)
            .where(CareRequest.id == each.id)
            .values(link_hash=hashed(links.request_token(each.reference)))
        )
    message = session.scalars(select(OutboxMessage)).first()
    return (
        {
            "request": str(waits.reference),
            "booked request": str(booked.reference),
            "decision": str(decided.reference),
            "api request": str(by_software.reference),
            "booking": str(booking.reference),
            "slot": str(town.slots[1].reference),
            "claimed slot": str(town.slots[0].reference),
            "reply": str(reply.reference),
            "message": str(message.reference if message else UUID(int=0)),
        },
        {
            "request": links.request_token(waits.reference),
            "booking": links.booking_token(booking.reference),
            "offer": links.offer_token(offer.reference),
        },
    )


def _supply(session: Session, town: Town, by: Account) -> dict[str, str]:
    """Write reserved time, an absence, a calendar in each direction, and an act to take back."""
    whose: dict[str, Any] = {
        "community_id": town.community.id,
        "professional_id": town.doctor.id,
        "created_at": NOON,
    }
    monday = date(2027, 4, 5)
    rows = {
        "opening": Opening(
            reference=uuid4(),
            site_id=town.site.id,
            starts_on=monday,
            weekdays=[1],
            from_time=time(9),
            until_time=time(11),
            slot_minutes=20,
            visibility=["CPTS"],
            created_by=by.reference,
            **whose,
        ),
        "absence": Absence(
            reference=uuid4(), starts_on=monday, ends_on=monday, weekdays=[1], **whose
        ),
        "feed": Feed(
            reference=uuid4(),
            token_hash=hashed("feed-of-the-tests"),
            created_by=by.reference,
            **whose,
        ),
        "calendar": BusyCalendar(
            reference=uuid4(),
            url="https://calendar.example/canarimotif.ics",
            next_try_at=NOON,
            **whose,
        ),
        "act": Act(
            reference=uuid4(),
            community_id=town.community.id,
            professional_id=town.doctor.id,
            kind=ActKind.PUBLISHED,
            touched={"slots": [str(town.slots[6].reference)]},
            by=by.reference,
            at=NOON,
        ),
    }
    session.add_all(rows.values())
    session.flush()
    return {name: str(row.reference) for name, row in rows.items()}


def _office(session: Session, town: Town, staff: dict[tuple[str, Role], Account]) -> dict[str, str]:
    """Write what coordinator and administrator keep."""
    enabled: Enablement = builders.an_enablement(session, town.doctor, "PC_CYSTITE")
    version = a_draft(session, staff["own", Role.COORDINATOR])
    client = session.scalars(select(ApiClient).where(ApiClient.name == "beside")).one()
    operator = staff["own", Role.OPERATOR]
    whose = {"community_id": town.community.id, "account_id": operator.id, "reference": uuid4()}
    key = Passkey(
        name="Canarinom", credential_id=b"1", public_key=b"2", sign_count=0, added_at=NOON, **whose
    )
    signed_in = StaffSession(token_hash=b"3", created_at=NOON, last_seen_at=NOON, **whose)
    session.add_all([key, signed_in])
    session.flush()
    return {
        "professional": str(town.doctor.reference),
        "enablement": str(enabled.reference),
        "version": str(version.reference),
        "account": str(staff["beside", Role.OPERATOR].reference),
        "client": str(client.reference),
        "passkey": str(key.reference),
        "session": str(signed_in.reference),
    }


def _tokens(session: Session, town: Town, staff: dict[tuple[str, Role], Account]) -> dict[str, str]:
    invited = staff["beside", Role.OPERATOR]
    _, token = invitations.invite(session, invited, by=None, now=NOON)
    return {"feed": "feed-of-the-tests", "invitation": token, "unknown": "opens-nothing"}
