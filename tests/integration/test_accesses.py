"""The coordinator's journal: who saw whose file, told to the patient who asks, and to no other."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from booking.audit import reading, unit
from booking.audit.reading import Unusual, Why
from booking.audit.writing import About, Who
from booking.extensions import equipment
from booking.models import Account, Action, ActorKind, AuditLine, Role
from booking.triage.protocol import Protocol
from config.clock import local_day
from schedules.models import Community
from tests import builders
from tests.clockwork import NOON, Hands
from tests.staffing import an_account, signed_in, words
from tests.two_communities import CANARIES, World, a_world

PATH = "/coordination/acces"


@pytest.fixture
def world(app: Flask, session: Session, protocol: Protocol) -> World:
    with app.app_context():
        return a_world(session, protocol, equipment().links)


def opened_by(app: Flask, account: Account, reference: str) -> None:
    client = signed_in(app, account)
    with app.test_request_context():
        page = app.url_for("console.call.show", reference=reference)
    assert client.get(page).status_code == 200


@pytest.fixture
def coordinator(app: Flask, world: World) -> FlaskClient:
    opened_by(app, world.staff["own", Role.OPERATOR], world.named["request"])
    return signed_in(app, world.staff["own", Role.COORDINATOR])


def test_the_journal_says_who_opened_what_and_when_and_names_no_patient(
    coordinator: FlaskClient, world: World
):
    page = coordinator.get(PATH)

    assert page.status_code == 200
    assert "Dominique Operator, opérateur Demande ouverte Demande du samedi 27 mars à 12 h" in (
        words(page)
    )
    assert [word for word in CANARIES if word in page.text] == []


def test_a_number_finds_the_patients_lines_and_stands_in_no_address(
    app: Flask, coordinator: FlaskClient, world: World
):
    found = coordinator.post(PATH, data={"telephone": "06 39 98 77 01"})
    other = coordinator.post(PATH, data={"telephone": "06 39 98 77 02"})

    assert "Demande ouverte" in words(found)
    assert "Demande ouverte" not in words(other)
    assert "Rien n’est noté." in words(other)
    # In an address it would stand in the browser's history: there it is not heard.
    assert "Demande ouverte" in words(coordinator.get(f"{PATH}?telephone=0639987702"))


def test_a_day_and_a_member_each_narrow_it(coordinator: FlaskClient, world: World):
    operator = world.staff["own", Role.OPERATOR]
    secretary = world.staff["own", Role.SECRETARY]
    opened = "Demande ouverte"

    assert opened in words(coordinator.post(PATH, data={"membre": str(operator.reference)}))
    assert opened not in words(coordinator.post(PATH, data={"membre": str(secretary.reference)}))
    assert opened in words(coordinator.post(PATH, data={"jour": "27/03/2027"}))
    assert opened not in words(coordinator.post(PATH, data={"jour": "2027-03-26"}))


@pytest.mark.parametrize(
    "typed", [{"jour": "demain"}, {"jour": "9999-12-31"}, {"telephone": "12"}, {"membre": "x"}]
)
def test_what_cannot_be_meant_is_said_beside_its_field(coordinator: FlaskClient, typed: Any):
    assert coordinator.post(PATH, data=typed).status_code == (200 if "membre" in typed else 422)
    assert coordinator.post(f"{PATH}.csv", data=typed).status_code in (200, 422)


def test_only_the_coordinator_of_the_community_sees_it(app: Flask, coordinator, world: World):
    for (place, role), account in world.staff.items():
        client = signed_in(app, account)
        page = client.get(PATH)
        if role is not Role.COORDINATOR:
            assert page.status_code == 404
        elif place == "elsewhere":
            assert "Demande ouverte" not in words(page)


def test_the_file_holds_the_same_and_taking_it_is_a_line(
    app: Flask, engine: Engine, session: Session, coordinator: FlaskClient, world: World
):
    operator = world.staff["own", Role.OPERATOR]
    session.execute(
        update(Account).where(Account.reference == operator.reference).values(display_name="=1+1")
    )
    session.commit()

    answer = coordinator.post(f"{PATH}.csv", data={"membre": str(operator.reference)})

    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Jour", "Heure", "Qui", "Quoi", "À propos de"]
    assert {row[2] for row in rows[1:]} == {"'=1+1, opérateur"}
    assert "Demande ouverte" in {row[3] for row in rows}
    with Session(engine) as looking:
        exports = looking.scalars(select(AuditLine).where(AuditLine.action == Action.EXPORT)).all()
    assert [each.how_many for each in exports] == [len(rows) - 1]


def test_who_saw_answers_by_reference_and_by_code(
    app: Flask, session: Session, coordinator: FlaskClient, world: World
):
    run = app.test_cli_runner().invoke
    by_reference = run(args=["who-saw", world.named["request"]])

    assert by_reference.exit_code == 0, by_reference.output
    assert "Dominique Operator, opérateur;Demande ouverte" in by_reference.output
    assert run(args=["who-saw", str(uuid4())]).exit_code == 1
    assert run(args=["who-saw", "k7p2m"]).exit_code == 1

    signed_in(app, world.staff["own", Role.SECRETARY]).get("/journee")
    code = session.connection().exec_driver_sql("SELECT code FROM booking").scalar()
    assert code
    by_code = run(args=["who-saw", str(code).replace(" ", "").lower()])
    assert "Dominique Secretary, secrétaire;Demande ouverte" in by_code.output


# What is unusual


@pytest.fixture
def team(session: Session) -> tuple[Community, dict[str, Account]]:
    community = builders.a_community(session)
    names = {
        name: an_account(
            session, community, Role.OPERATOR, name=name, email=f"{name}@tilleuls.example"
        )
        for name in ("Ada", "Berthe", "Cleo")
    }
    session.commit()
    return community, names


def read(
    session: Session,
    account: Account,
    count: int,
    *,
    at: datetime,
    action: Action = Action.READ,
) -> None:
    who = Who(ActorKind.ACCOUNT, account.reference, account.community_id)
    unit.begin(unit.Unit("a.page", lambda: who, lambda: at))
    try:
        for _ in range(count):
            unit.note(action, About("care_request", uuid4()))
        session.commit()
    finally:
        unit.begin(None)


def found(session: Session, community: Community) -> list[Unusual]:
    return reading.unusual(session, community, now=NOON)


def test_three_times_somebodys_own_usual_day_is_unusual_and_a_busy_person_is_not(
    session: Session, team: Any
):
    community, people = team
    for days in range(1, 29):
        if (NOON - timedelta(days=days)).weekday() < 6:
            read(session, people["Ada"], 4, at=NOON - timedelta(days=days))
            read(session, people["Berthe"], 15, at=NOON - timedelta(days=days))
    read(session, people["Ada"], 13, at=NOON)
    read(session, people["Berthe"], 40, at=NOON)
    read(session, people["Cleo"], 12, at=NOON)

    today = local_day(NOON, community.zone)
    assert found(session, community) == [Unusual(today, "Ada", Why.MANY, 13)]


def test_at_night_on_a_sunday_and_what_is_refused_are_unusual(session: Session, team: Any):
    community, people = team
    night = NOON - timedelta(hours=11)
    sunday = NOON - timedelta(days=6)
    read(session, people["Ada"], 2, at=night)
    read(session, people["Berthe"], 1, at=sunday)
    read(session, people["Cleo"], 1, at=NOON, action=Action.REFUSED)
    read(session, people["Cleo"], 1, at=NOON)

    assert [(each.name, each.why, each.count) for each in found(session, community)] == [
        ("Ada", Why.LATE, 2),
        ("Cleo", Why.REFUSED, 1),
        ("Berthe", Why.LATE, 1),
    ]


def test_what_is_unusual_stands_on_the_page(app: Flask, session: Session, team: Any, hands: Hands):
    community, people = team
    read(session, people["Ada"], 2, at=NOON - timedelta(hours=11))
    coordinator = an_account(session, community, Role.COORDINATOR)
    session.commit()

    page = signed_in(app, coordinator).get(PATH)
    assert "Ada , samedi 27 mars : 2 dossiers, en dehors des heures de la ligne" in words(page)
