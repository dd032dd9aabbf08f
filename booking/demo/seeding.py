"""Make the demonstration once: the territory, its hours, its people, and what they asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import accounts, clients
from booking.demo import hours, patients, territory, usual
from booking.desk.ask import ProtocolNotInForce
from booking.links import Links
from booking.models import Role
from booking.triage.protocol import Protocol
from config.settings import Settings
from schedules.models import Community


class AlreadySeeded(Exception):
    """The demonstration's community is there: its sign-ins were told when it was made."""


class NotInProduction(Exception):
    """Invented people have no place among real patients."""


@dataclass(frozen=True)
class SignIn:
    """An account to try, with its password, which nothing else holds."""

    role: Role
    email: str
    password: str


@dataclass(frozen=True)
class Demo:
    """What somebody needs to know to try everything."""

    community: str
    api_key: str
    accounts: Sequence[SignIn]
    slots: int
    bookings: int


def refuse_in_production(settings: Settings) -> None:
    """Let pass only where no real patient is.

    Raises:
        NotInProduction: as its name says.
    """
    if settings.is_production:
        raise NotInProduction


def seed(session: Session, *, protocol: Protocol, links: Links, now: datetime) -> Demo:
    """Write the demonstration; passwords and the API key are new and told this once.

    Raises:
        AlreadySeeded: if it is there.
    """
    doc = territory.written()
    if is_there(session):
        raise AlreadySeeded
    place = territory.create(session, doc, now=now)
    made = hours.replenish(session, place.community, now=now)
    made += usual.reserve(session, place.community, now=now)
    sign_ins, references = _open_accounts(session, place, doc.accounts, now)
    booked = 0
    try:
        for each in doc.patients:
            booked += patients.book(
                session,
                place,
                each,
                protocol=protocol,
                links=links,
                operator=references[Role.OPERATOR],
                now=now,
            )
    except ProtocolNotInForce:
        # The rest can still be looked at; the pages say what is wrong.
        pass
    return Demo(
        community=place.community.slug,
        api_key=clients.issue_key(session, place.community.id, doc.api_client, now=now),
        accounts=sign_ins,
        slots=made,
        bookings=booked,
    )


def is_there(session: Session) -> bool:
    """Return whether the demonstration was made in this database."""
    return the_community(session) is not None


def the_community(session: Session) -> Community | None:
    """Return the demonstration's community, if it was made."""
    slug = territory.written().community.slug
    return session.scalar(select(Community).where(Community.slug == slug))


def _open_accounts(
    session: Session,
    place: territory.Territory,
    wanted: Sequence[territory.AccountDoc],
    now: datetime,
) -> tuple[list[SignIn], dict[Role, UUID]]:
    sign_ins, references = [], {}
    for said in wanted:
        password = accounts.proposed()
        who = None if said.professional is None else place.professionals[said.professional - 1].id
        account = accounts.create(
            session,
            place.community.id,
            email=said.email,
            name=said.name,
            role=said.role,
            password=password,
            professional_id=who,
            site_ids=[place.sites[said.site].id] if said.site else (),
            now=now,
        )
        sign_ins.append(SignIn(said.role, said.email, password))
        references[said.role] = account.reference
    return sign_ins, references


def described(demo: Demo, url: str) -> dict[str, object]:
    """Return what var/demo.json holds: where to go, and how to get in."""
    return {
        "url": url,
        "community": demo.community,
        "api_key": demo.api_key,
        "accounts": [
            {"role": each.role.value.lower(), "email": each.email, "password": each.password}
            for each in demo.accounts
        ],
    }
