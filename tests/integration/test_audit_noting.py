"""Whoever opens or changes a patient's file leaves a line, and so does who signs in."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from booking import guards, worker
from booking.audit import unit
from booking.audit.writing import KNOWN, Who
from booking.extensions import equipment
from booking.models import Account, Action, ActorKind, Assessment, AuditLine, CareRequest, Role
from booking.triage.protocol import Protocol
from config.sealed import Row, Sealed
from schedules.models import Professional
from tests import builders
from tests.clockwork import NOON, Hands
from tests.conftest import FORGETS
from tests.integration.test_audit_chain import transactions
from tests.integration.test_who_may import cases, knock
from tests.staffing import PASSWORD, an_account, signed_in
from tests.two_communities import CANARIES, World, a_world

OF_PATIENTS = {Action.READ, Action.WRITE}
OF_CHANGES = set(Action) - {Action.READ, Action.REFUSED, Action.SIGN_IN_REFUSED}


@pytest.fixture
def world(app: Flask, session: Session, protocol: Protocol) -> World:
    with app.app_context():
        return a_world(session, protocol, equipment().links)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, Any]]:
    """Every row of which something is deciphered, whatever the audit believes."""
    found: set[tuple[str, Any]] = set()
    plain = Sealed._plain

    def told(self: Sealed[Any], table: type[Row], row: UUID, kept: bytes) -> str:
        if table.__tablename__ in unit.OF_PATIENTS:
            found.add((table.__tablename__, row))
        return plain(self, table, row, kept)

    monkeypatch.setattr(Sealed, "_plain", told)
    return found


def lines(engine: Engine) -> list[AuditLine]:
    with Session(engine, expire_on_commit=False) as session:
        return list(session.scalars(select(AuditLine).order_by(AuditLine.id)))


def forgotten(engine: Engine) -> None:
    KNOWN.clear()
    with engine.begin() as connection:
        connection.execute(FORGETS)
        connection.execute(text("DELETE FROM audit_line"))


def as_references(engine: Engine, rows: set[tuple[str, Any]]) -> set[tuple[str, UUID]]:
    with Session(engine) as session:
        judged = dict(
            session.execute(
                select(Assessment.reference, CareRequest.reference).where(
                    CareRequest.community_id == Assessment.community_id,
                    CareRequest.id == Assessment.request_id,
                )
            ).all()
        )
    # A judgement is its request's.
    return {
        ("care_request", judged[row]) if table == "assessment" else (table, row)
        for table, row in rows
    }


@pytest.mark.parametrize("role", list(Role))
def test_each_page_leaves_one_line_for_each_patient_it_opens_and_none_for_others(
    app: Flask, engine: Engine, world: World, role: Role, opened: set[tuple[str, Any]]
):
    account = world.staff["own", role]
    client = signed_in(app, account)

    wrong, shown = [], 0
    for case in cases(app, world):
        if role not in case.who or case.method != "GET":
            continue
        forgotten(engine)
        opened.clear()
        knock(client, case)
        noted = [each for each in lines(engine) if each.action in OF_PATIENTS]
        expected = as_references(engine, opened)
        counted = Counter((each.about_table, each.about) for each in noted)
        if counted != Counter(expected) or {each.actor for each in noted} - {account.reference}:
            wrong.append((str(case), len(expected), counted))
        shown += len(expected)

    assert wrong == []
    assert bool(shown) is (role is not Role.ADMINISTRATOR)


def test_a_patients_own_pages_are_noted_as_the_links_and_name_nobody(
    app: Flask, engine: Engine, world: World, opened: set[tuple[str, Any]]
):
    wrong = []
    for case in cases(app, world):
        if guards.PATIENT in case.who and case.method == "GET":
            forgotten(engine)
            opened.clear()
            knock(app.test_client(), case)
            noted = [each for each in lines(engine) if each.action in OF_PATIENTS]
            named = {(each.about_table, each.about) for each in noted}
            if named != as_references(engine, opened) or any(
                (each.actor_kind, each.actor) != (ActorKind.PATIENT_LINK, None) for each in noted
            ):
                wrong.append((str(case), named))

    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_a_form_that_is_refused_leaves_no_line_that_says_that_something_was_changed(
    app: Flask, engine: Engine, world: World, role: Role
):
    client = signed_in(app, world.staff["own", role])

    wrong, refused = [], 0
    for case in cases(app, world):
        if role not in case.who or case.method != "POST":
            continue
        forgotten(engine)
        answer = knock(client, case)
        if 400 <= answer.status_code < 500:
            refused += 1
            said = {each.action for each in lines(engine)} & OF_CHANGES
            wrong += [(str(case), answer.status_code, said)] if said else []

    assert wrong == []
    assert refused


def test_a_member_is_said_to_be_changed_when_they_are_and_not_when_the_form_is_refused(
    app: Flask, engine: Engine, world: World
):
    client = signed_in(app, world.staff["own", Role.COORDINATOR])
    with Session(engine) as session:
        who = session.scalars(
            select(Professional).where(
                Professional.community_id == world.staff["own", Role.COORDINATOR].community_id
            )
        ).first()
    here = f"/coordination/membres/{who.reference}"

    forgotten(engine)
    answers = [
        client.post(here, data={"name": ""}),
        client.post(f"{here}/habilitations", data={}),
        client.post(f"{here}/inviter", data={"email": "none"}),
    ]
    assert [each.status_code for each in answers] == [422] * 3
    assert Action.MEMBER not in {each.action for each in lines(engine)}

    assert client.post(f"{here}/lieux", data={}).status_code == 303
    assert [each.action for each in lines(engine)].count(Action.MEMBER) == 1


def test_no_line_says_who_the_patient_is_or_what_they_have(
    app: Flask, engine: Engine, world: World
):
    for role in (Role.OPERATOR, Role.COORDINATOR):
        client = signed_in(app, world.staff["own", role])
        for case in cases(app, world):
            if role in case.who and case.method in ("GET", "POST"):
                knock(client, case)

    with engine.connect() as connection:
        written = connection.scalar(text("SELECT string_agg(l::text, '|') FROM audit_line l"))
    assert written
    assert [word for word in (*CANARIES, "tilleuls.example") if word in written] == []


@pytest.fixture
def clerk(session: Session, protocol: Protocol) -> tuple[Account, CareRequest]:
    """An operator, and one who waits."""
    community = builders.a_community(session)
    account = an_account(session, community, Role.OPERATOR)
    asked = builders.a_triaged_request(session, community, protocol, family_name="Canarinom")
    session.commit()
    return account, asked


def of_patients(engine: Engine) -> list[tuple[Action, UUID | None]]:
    return [(each.action, each.actor) for each in lines(engine) if each.action in OF_PATIENTS]


def test_what_is_looked_at_again_is_noted_once_in_a_quarter_of_an_hour(
    app: Flask, engine: Engine, clerk: tuple[Account, CareRequest], hands: Hands
):
    account, asked = clerk
    client = signed_in(app, account)
    with app.test_request_context():
        page = app.url_for("console.call.show", reference=asked.reference)

    for _ in range(3):
        assert client.get(page).status_code == 200
    assert of_patients(engine) == [(Action.READ, account.reference)]
    # Another process knows nothing of what this one has noted.
    KNOWN.clear()
    client.get(page)
    assert len(of_patients(engine)) == 1

    hands.wait(timedelta(minutes=15))
    client.get(page)
    assert len(of_patients(engine)) == 2


def test_what_cannot_be_noted_is_not_shown(
    app: Flask, engine: Engine, clerk: tuple[Account, CareRequest]
):
    account, asked = clerk
    client = signed_in(app, account)
    with app.test_request_context():
        page = app.url_for("console.call.show", reference=asked.reference)

    with engine.begin() as other:
        other.execute(text("LOCK TABLE audit_line"))
        refused = client.get(page)

    assert refused.status_code == 503
    assert "Canarinom" not in refused.text
    assert "Canarinom" in client.get(page).text


def noting(kind: ActorKind = ActorKind.ACCOUNT) -> unit.Unit:
    begun = unit.Unit("a.route", lambda: Who(kind, uuid4(), 1), lambda: NOON)
    unit.begin(begun)
    return begun


@pytest.fixture
def begun():
    yield noting()
    unit.begin(None)


def test_what_is_rolled_back_was_not_written_but_was_seen(
    engine: Engine, clerk: tuple[Account, CareRequest], begun: unit.Unit
):
    with Session(engine) as session:
        mine = session.get_one(CareRequest, (clerk[1].community_id, clerk[1].id))
        mine.note = f"{mine.family_name} tousse"
        session.rollback()
        # The same request goes on: a second transaction of the same unit.
        session.commit()

    assert [action for action, _ in of_patients(engine)] == [Action.READ]


def test_who_writes_has_read_and_one_line_says_so(
    engine: Engine, clerk: tuple[Account, CareRequest], begun: unit.Unit
):
    with Session(engine) as session:
        mine = session.get_one(CareRequest, (clerk[1].community_id, clerk[1].id))
        mine.note = f"{mine.family_name} tousse"
        mine.given_name = "Camille"
        session.commit()
        mine.note = f"{mine.family_name} tousse"
        session.commit()

    # The second time what is set is what was there already.
    assert [action for action, _ in of_patients(engine)] == [Action.WRITE, Action.READ]


def test_a_commit_that_fails_is_noted_by_none_and_the_reading_comes_again(
    engine: Engine, clerk: tuple[Account, CareRequest], begun: unit.Unit
):
    with Session(engine) as session:
        mine = session.get_one(CareRequest, (clerk[1].community_id, clerk[1].id))
        assert mine.family_name
        mine.deadline = None
        with pytest.raises(Exception, match="owed_has_deadline"):
            session.commit()
        session.rollback()
        unit.close(session)
        session.commit()

    assert [action for action, _ in of_patients(engine)] == [Action.READ]


def test_what_a_worker_reads_is_shown_to_nobody_and_is_one_line(
    engine: Engine, session: Session, protocol: Protocol
):
    community = builders.a_community(session)
    for _ in range(3):
        builders.a_triaged_request(session, community, protocol)
    session.commit()
    noting(ActorKind.WORKER)
    try:
        with Session(engine) as reading:
            for each in reading.scalars(select(CareRequest)):
                assert each.phone
            reading.commit()
    finally:
        unit.begin(None)

    found = lines(engine)
    assert [(each.action, each.about, each.how_many) for each in found] == [(Action.READ, None, 3)]


def test_without_a_unit_nothing_is_collected(engine: Engine, clerk: tuple[Account, CareRequest]):
    with Session(engine) as session:
        assert session.get_one(CareRequest, (clerk[1].community_id, clerk[1].id)).family_name
        session.commit()

    assert lines(engine) == []


# Signing in, and being refused


def said(engine: Engine) -> list[tuple[Action, ActorKind]]:
    return [(each.action, each.actor_kind) for each in lines(engine)]


def test_signing_in_locking_and_leaving_each_leave_a_line(
    app: Flask, engine: Engine, clerk: tuple[Account, CareRequest]
):
    account = clerk[0]
    client = app.test_client()
    for password in ("pas le bon du tout", PASSWORD):
        client.post("/connexion", data={"email": account.email, "password": password})
    client.post("/verrouiller")
    client.post("/verrou", data={"password": PASSWORD})
    client.post("/deconnexion")

    assert said(engine) == [
        (Action.SIGN_IN_REFUSED, ActorKind.VISITOR),
        (Action.SIGN_IN, ActorKind.ACCOUNT),
        (Action.LOCK, ActorKind.ACCOUNT),
        (Action.UNLOCK, ActorKind.ACCOUNT),
        (Action.SIGN_OUT, ActorKind.ACCOUNT),
    ]
    assert {each.about for each in lines(engine)} <= {account.reference, None}


def test_an_unknown_account_costs_the_same_lines_as_a_wrong_password(
    app: Flask, engine: Engine, clerk: tuple[Account, CareRequest]
):
    for email in (clerk[0].email, "nobody@tilleuls.example"):
        for _ in range(2):
            app.test_client().post("/connexion", data={"email": email, "password": "x" * 12})

    assert said(engine) == [(Action.SIGN_IN_REFUSED, ActorKind.VISITOR)] * 4


def test_beyond_the_limit_one_line_says_so_for_a_quarter_of_an_hour(
    app: Flask, engine: Engine, clerk: tuple[Account, CareRequest]
):
    for _ in range(13):
        answer = app.test_client().post(
            "/connexion", data={"email": clerk[0].email, "password": "x" * 12}
        )
    assert answer.status_code == 429
    assert len(lines(engine)) == 11


def test_who_asks_for_what_is_not_theirs_leaves_a_line_and_a_wrong_key_too(
    app: Flask, engine: Engine, world: World
):
    client = signed_in(app, world.staff["elsewhere", Role.OPERATOR])
    forgotten(engine)
    with app.test_request_context():
        page = app.url_for("console.call.show", reference=world.named["request"])
        theirs = app.url_for("api.show", reference=world.named["api request"])

    assert client.get(page).status_code == 404
    assert client.get(page).status_code == 404
    api: FlaskClient = app.test_client()
    assert (
        api.get(theirs, headers={"Authorization": f"Bearer {world.keys['beside']}"}).status_code
        == 404
    )
    wrong = {"Authorization": "Bearer jm_" + "x" * 43}
    assert api.get(theirs, headers=wrong).status_code == 401

    assert said(engine) == [
        (Action.REFUSED, ActorKind.ACCOUNT),
        (Action.REFUSED, ActorKind.API_CLIENT),
        (Action.REFUSED, ActorKind.VISITOR),
    ]
    assert str(lines(engine)[0].about) == world.named["request"]


def test_taking_members_away_as_a_file_leaves_a_line(app: Flask, engine: Engine, world: World):
    client = signed_in(app, world.staff["own", Role.COORDINATOR])
    forgotten(engine)
    assert client.get("/coordination/membres.csv").status_code == 200

    assert [each.how_many for each in lines(engine) if each.action is Action.EXPORT] == [2]


def test_every_job_acts_as_the_worker(engine: Engine, session: Session, protocol: Protocol):
    community = builders.a_community(session)
    asked = builders.a_triaged_request(session, community, protocol)
    session.commit()

    def work(bench: Any) -> None:
        with bench.open_transaction() as rows:
            rows.get_one(CareRequest, (asked.community_id, asked.id)).note = "x"

    bench: Any = SimpleNamespace(
        open_transaction=transactions(engine), clock=lambda: NOON, noted_at={}
    )
    worker.once(worker.Job("a_job", timedelta(seconds=1), work, is_for_leader=False), bench)

    assert [(each.action, each.actor_kind, each.route) for each in lines(engine)] == [
        (Action.WRITE, ActorKind.WORKER, "a_job")
    ]
