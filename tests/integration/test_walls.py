"""PostgreSQL shows a page the rows of one community, also where a query forgets to ask for it."""

import pytest
from flask import Blueprint, jsonify
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from booking import guards, scope
from booking.api import door
from booking.app import create_app
from booking.clients import issue_key
from booking.extensions import db, equipment
from booking.links import hashed
from booking.models import CareRequest, Role
from booking.models import Scope as ClientScope
from config import schema, walls
from config.database import engine_options, transaction
from tests import builders
from tests.clockwork import NOON
from tests.conftest import address_of
from tests.staffing import an_account, signed_in

TABLES = text("""
    SELECT relname, relrowsecurity, EXISTS (
               SELECT FROM pg_attribute
                WHERE attrelid = pg_class.oid AND attname = 'community_id' AND NOT attisdropped)
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
""")

HASHES = text("""
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'bytea'
       AND column_name IN ('key_hash', 'link_hash', 'token_hash')
""")

OPENS_NOTHING_ALONE = {("known_device", "token_hash"), ("national_proof", "token_hash")}
"""A device is known only beside a right password; a national number is of no community yet."""

BARE = text("""
    DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT tgrelid::regclass AS tbl, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', each.tgname, each.tbl);
    END LOOP;
    FOR each IN SELECT conrelid::regclass AS tbl, conname FROM pg_constraint
                 WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
                   AND contype IN ('f', 'c', 'x', 'u', 'p')
                 ORDER BY contype <> 'f' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE',
                       each.tbl, each.conname);
    END LOOP;
    FOR each IN SELECT indexrelid::regclass AS idx FROM pg_index
                 WHERE indisunique AND indrelid IN (
                       SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) LOOP
        EXECUTE format('DROP INDEX %s', each.idx);
    END LOOP;
    FOR each IN SELECT attrelid::regclass AS tbl, attname FROM pg_attribute
                  JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'
                 WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND attnotnull
                   AND NOT attisdropped AND attidentity = '' LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', each.tbl, each.attname);
    END LOOP;
    END $$
""")
"""Takes away all that keeps a row of two numbers from standing in any table."""


def walled(connection):
    return sorted(
        name
        for name, _, is_of_community in connection.execute(TABLES).all()
        if is_of_community and name not in walls.OPEN
    )


@pytest.fixture
def rows(engine):
    """A connection as the pages have it: in every table there is one row of each community."""
    with engine.connect() as connection, connection.begin() as begun:
        connection.execute(BARE)
        tables = walled(connection)
        assert len(tables) > 40
        for table in tables:
            connection.execute(text(f"INSERT INTO {table} (community_id) VALUES (1), (2)"))
        connection.execute(text(f"SET LOCAL ROLE {walls.ONE}"))
        yield connection, tables
        begun.rollback()


def become(connection, community_id):
    connection.execute(text(f"SET LOCAL jourmeme.community = '{community_id}'"))


def seen(connection, tables):
    return {
        table: connection.scalars(text(f"SELECT community_id FROM {table}")).all()
        for table in tables
    }


def test_every_table_is_behind_the_wall_or_says_why_not(engine):
    with engine.connect() as connection:
        there = connection.execute(TABLES).all()

    open_ = (set(walls.OPEN) | set(walls.CLOSED)) - {"community"}
    assert {name for name, is_walled, _ in there if not is_walled} == open_, (
        "give it a community_id, or say in config.walls.OPEN why everybody may read it"
    )


def test_who_has_named_no_community_sees_no_row(rows):
    connection, tables = rows

    assert {name: found for name, found in seen(connection, tables).items() if found} == {}


def test_one_community_sees_its_own_rows_and_no_other(rows):
    connection, tables = rows
    become(connection, 1)

    assert seen(connection, tables) == {key: [1] for key in tables}


def test_nothing_of_another_community_is_written_changed_or_deleted(rows):
    connection, tables = rows
    become(connection, 1)

    for table in tables:
        if table == "audit_line":
            continue  # see the next test
        for act in (
            f"INSERT INTO {table} (community_id) VALUES (2)",
            f"UPDATE {table} SET community_id = 2",
        ):
            refused = pytest.raises(ProgrammingError, match="row-level security")
            with refused, connection.begin_nested():
                connection.execute(text(act))
        for act in (f"UPDATE {table} SET community_id = 2", f"DELETE FROM {table}"):
            assert connection.execute(text(f"{act} WHERE community_id = 2")).rowcount == 0, table


def test_a_page_notes_whatever_it_refused_and_neither_changes_nor_forges_what_was_noted(rows):
    connection, _ = rows
    become(connection, 1)

    connection.execute(text("INSERT INTO audit_line (community_id) VALUES (2), (NULL)"))
    for act in (
        "UPDATE audit_line SET community_id = 1",
        "DELETE FROM audit_line",
        "SELECT 1 FROM audit_link",
        "INSERT INTO audit_start (id) VALUES (1)",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), connection.begin_nested():
            connection.execute(text(act))


def test_the_worker_sees_every_community(rows):
    connection, tables = rows
    connection.execute(text(f"SET LOCAL ROLE {walls.ALL}"))

    assert seen(connection, tables) == {key: [1, 2] for key in tables}


def test_a_community_changes_its_own_name_and_no_other(session, engine):
    own, other = builders.a_community(session), builders.a_community(session)
    session.commit()
    with engine.connect() as connection, connection.begin() as begun:
        connection.execute(text(f"SET LOCAL ROLE {walls.ONE}"))
        become(connection, own.id)
        said = connection.execute(text("UPDATE community SET name = 'Autre' RETURNING id"))
        assert said.scalars().all() == [own.id]
        assert len(connection.scalars(text("SELECT id FROM community")).all()) == 2
        begun.rollback()
    assert other.id != own.id


FORGOT = select(CareRequest.reference)
"""The query of this file that says nothing of a community: the bug that the wall is for."""


def all_there_are():
    with transaction(db.session) as session:
        return sorted(map(str, session.scalars(FORGOT)))


@pytest.fixture
def forgetful(app_settings, hands):
    """The product with four more routes, one for each kind of door, which all forgot the filter."""
    app = create_app(app_settings, clock=hands)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    more = Blueprint("more", __name__)
    views = {
        "/tout": guards.PUBLIC,
        "/tout/equipe": Role.COORDINATOR,
        "/tout/<token>": guards.PATIENT,
    }
    for number, (rule, who) in enumerate(views.items()):
        view = guards.open_to(who)(lambda **_named: jsonify(all_there_are()))
        more.add_url_rule(rule, f"view_{number}", view)
    api = guards.open_to(guards.API_CLIENT, needs=ClientScope.REQUESTS_READ)(
        lambda: door.read(lambda call: sorted(map(str, call.session.scalars(FORGOT))))
    )
    more.add_url_rule("/tout/logiciel", "api", api)
    app.register_blueprint(more)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def two(session):
    """Two communities, each with one patient."""
    return [
        (community, builders.a_request(session, community))
        for community in (builders.a_community(session), builders.a_community(session))
    ]


def test_a_filter_forgotten_on_purpose_shows_nothing_of_another_community(forgetful, session, two):
    (own, patient), (_, stranger) = two
    key = issue_key(session, own.id, "Logiciel", now=NOON)
    coordinator = an_account(session, own, Role.COORDINATOR, email="c@tilleuls.example")
    with forgetful.app_context():
        token = equipment().links.request_token(patient.reference)
    patient.link_hash = hashed(token)
    session.commit()
    mine = [str(patient.reference)]

    assert sorted(map(str, session.scalars(FORGOT))) == sorted(
        [str(patient.reference), str(stranger.reference)]
    )
    assert signed_in(forgetful, coordinator).get("/tout/equipe").json == mine
    assert forgetful.test_client().get(f"/tout/{token}").json == mine
    assert forgetful.test_client().get("/tout/personne").json == []
    bearer = {"Authorization": f"Bearer {key}"}
    assert forgetful.test_client().get("/tout/logiciel", headers=bearer).json == mine
    assert forgetful.test_client().get("/tout").json == []


def test_what_one_request_may_see_is_forgotten_before_the_next(forgetful, session, two):
    coordinator = an_account(session, two[0][0], Role.COORDINATOR, email="c@tilleuls.example")
    session.commit()

    with forgetful.app_context():  # shared by both requests, as nothing else is
        inside = signed_in(forgetful, coordinator)
        assert len(inside.get("/tout/equipe").json) == 1
        assert forgetful.test_client().get("/tout").json == []


def test_a_connection_that_goes_from_one_to_another_takes_nothing_along(engine, session, two):
    (own, patient), (other, stranger) = two
    session.commit()
    within = [walls.NOWHERE]
    options = engine_options(lambda: address_of(engine), pool_size=1, scope=lambda: within[0])
    pages = create_engine("postgresql+psycopg://", **options)

    def now_seen(scope_now):
        within[0] = scope_now
        with Session(pages) as each, transaction(each):
            return each.scalars(FORGOT).all()

    assert now_seen(walls.of_community(own.id)) == [patient.reference]
    assert now_seen(walls.NOWHERE) == []
    assert now_seen(walls.of_community(other.id)) == [stranger.reference]
    assert len(now_seen(walls.EVERYWHERE)) == 2
    assert now_seen(walls.of_holder(b"opens nothing")) == []
    assert now_seen(walls.NOWHERE) == []
    pages.dispose()


def test_a_transaction_that_begins_with_several_rows_at_once_begins_behind_the_wall(
    engine, session, two
):
    (own, _), (other, _) = two
    session.commit()
    options = engine_options(
        lambda: address_of(engine), pool_size=1, scope=lambda: walls.of_community(own.id)
    )
    pages = create_engine("postgresql+psycopg://", **options)
    renamed = text("UPDATE community SET name = 'Autre' WHERE id = :id")

    with pages.begin() as connection:
        connection.execute(renamed, [{"id": own.id}, {"id": other.id}])
    pages.dispose()

    session.expire_all()
    assert own.name == "Autre"
    assert other.name != "Autre"


def test_pages_are_neither_owner_nor_superuser(app, engine):
    with app.app_context(), db.engine.connect() as connection:
        who = connection.execute(
            text(
                "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles"
                " WHERE rolname = current_user"
            )
        ).one()
        assert tuple(who) == (walls.ONE, False, False, False)
        for act in (
            "ALTER TABLE booking DISABLE ROW LEVEL SECURITY",
            "DROP POLICY community ON booking",
            "TRUNCATE booking",
            "UPDATE alembic_version SET version_num = '0001'",
            "CREATE TABLE mine ()",
        ):
            with pytest.raises(ProgrammingError, match=r"must be owner|permission denied"):
                connection.execute(text(act))
            connection.rollback()
        connection.execute(text("RESET ROLE"))
        assert connection.scalar(text("SELECT current_user")) == walls.ONE


def test_the_wall_knows_every_secret_that_opens_something(engine):
    with engine.connect() as connection:
        there = {tuple(row) for row in connection.execute(HASHES)}

    assert there - OPENS_NOTHING_ALONE == set(walls.SECRETS)


def test_a_wall_that_fell_is_put_up_by_the_next_upgrade(new_database):
    engine = create_engine(new_database())
    schema.upgrade(engine)
    with engine.begin() as connection:
        before = connection.execute(TABLES).all()
        connection.execute(text("DROP POLICY community ON booking"))
        connection.execute(text("DROP POLICY everywhere ON booking"))
        connection.execute(text("ALTER TABLE booking DISABLE ROW LEVEL SECURITY"))
        connection.execute(text(f"REVOKE ALL ON booking FROM {walls.ONE}, {walls.ALL}"))
        assert connection.execute(TABLES).all() != before
    schema.upgrade(engine)

    with engine.connect() as connection:
        assert sorted(connection.execute(TABLES).all()) == sorted(before)
        connection.execute(text(f"SET ROLE {walls.ONE}"))
        become(connection, 1)
        assert connection.scalars(text("SELECT id FROM booking")).all() == []
    engine.dispose()


def test_who_may_not_make_the_roles_is_told_what_to_do(engine, monkeypatch):
    monkeypatch.setattr(walls, "ONE", "nobody_has_made_this_role")
    with engine.connect() as connection:
        mine = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        if connection.scalar(text(mine)):
            pytest.skip("this user may make roles")
        with pytest.raises(walls.NoRoles):
            walls.provide_roles(connection)
    assert f"GRANT {walls.ALL} TO jourmeme" in walls.NoRoles.statements


def test_the_command_says_what_a_superuser_has_to_do(app, monkeypatch):
    def refuse(_connection):
        raise walls.NoRoles

    monkeypatch.setattr(walls, "provide_roles", refuse)

    result = app.test_cli_runner().invoke(args=["upgrade"])

    assert result.exit_code == 1
    assert "CREATE ROLE jourmeme_everywhere NOLOGIN" in result.stderr


def test_without_a_request_nothing_is_seen(app):
    assert scope.present() is walls.NOWHERE
    with app.app_context():
        assert scope.present() is walls.NOWHERE
        scope.widen()
        assert scope.present() is walls.EVERYWHERE
        scope.forget()
        assert scope.present() is walls.NOWHERE
