"""The numbered migrations make exactly the tables that the code describes, and can be undone."""

from datetime import timedelta

from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from booking.desk import ask, orphans
from booking.models import Assessment, CareRequest, Promise, PromiseEnd
from config import schema
from config.database import Base
from schedules.models import Community
from tests import builders
from tests.clockwork import NOON

DRAWING = text("""
    SELECT table_name, column_name || ' ' || data_type || ' ' || is_nullable
           || ' ' || coalesce(identity_generation, '') || ' ' || coalesce(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
       AND contype <> 't'  -- a trigger that waits for the commit: only migrations make these
    UNION SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
""")


def drawing(engine):
    """Everything that the database says of itself: columns, constraints, indexes."""
    with engine.connect() as connection:
        rows = {tuple(row) for row in connection.execute(DRAWING)}
    return {row for row in rows if row[0] != "alembic_version"}


def test_the_migrations_make_what_the_code_describes(new_database):
    by_steps, by_code = create_engine(new_database()), create_engine(new_database())
    schema.upgrade(by_steps)
    Base.metadata.create_all(by_code)

    assert drawing(by_steps) == drawing(by_code)
    by_steps.dispose()
    by_code.dispose()


def test_every_step_can_be_undone_and_done_again(new_database):
    engine = create_engine(new_database())
    schema.upgrade(engine)
    before = drawing(engine)

    schema.downgrade(engine, to="base")

    assert drawing(engine) == set()
    schema.upgrade(engine)
    assert drawing(engine) == before
    engine.dispose()


def test_a_database_says_whether_it_is_current(new_database):
    engine = create_engine(new_database())
    with engine.connect() as connection:
        assert not schema.is_current(connection)
    schema.upgrade(engine)
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert schema.is_current(connection)
    engine.dispose()


def test_every_number_of_a_row_is_a_bigint(engine):
    with engine.connect() as connection:
        narrow = connection.scalars(
            text("""
            SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND (column_name = 'id' OR column_name LIKE '%\\_id')
               AND data_type NOT IN ('bigint', 'character varying', 'bytea')
            """)
        ).all()
    assert narrow == []


def test_every_table_of_a_community_is_led_by_it(engine):
    global_tables = {"community", "sign_in_failure", "worker_heartbeat", "alembic_version"}
    # One sender for all communities: who said STOP said it to all, and one provider stops for all.
    global_tables |= {"opt_out", "sender_pause"}
    # Who tries links that open nothing is of no community.
    global_tables |= {"visitor_act"}
    # Who proved who they are has yet to say in which community.
    global_tables |= {"national_proof"}
    with engine.connect() as connection:
        keys = dict(
            connection.execute(
                text("""
                SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE contype = 'p' AND connamespace = 'public'::regnamespace
                """)
            ).all()
        )
    assert {
        table
        for table, key in keys.items()
        if table not in global_tables and not key.startswith("PRIMARY KEY (community_id,")
    } == set()


def test_whoever_waited_before_there_were_promises_has_one_afterwards(new_database, protocol):
    engine = create_engine(new_database())
    schema.upgrade(engine)
    with Session(engine, expire_on_commit=False) as session:
        slot = builders.a_slot(session, starts_at=NOON + timedelta(hours=4))
        community = session.get_one(Community, slot.community_id)
        waits = builders.a_triaged_request(session, community, protocol)
        builders.a_booking(session, community, protocol, slot)
        ended = builders.a_triaged_request(session, community, protocol)
        ask.decline(session, ended, now=NOON)
        session.commit()
    schema.downgrade(engine, to="0010")
    schema.upgrade(engine)

    with Session(engine) as session:
        made = session.scalars(select(Promise).order_by(Promise.request_id)).all()
        assert [p.ended_as for p in made] == [None, PromiseEnd.KEPT]
        assert {(p.began_at, p.due_at) for p in made} == {(NOON, NOON + timedelta(hours=24))}
        assert made[0].request_id == waits.id
        assert orphans.check(session, community.id, now=NOON) == 0
    engine.dispose()


def test_what_stood_in_clear_is_sealed_and_found_and_can_be_brought_back(new_database, protocol):
    engine = create_engine(new_database())
    schema.upgrade(engine)
    with Session(engine, expire_on_commit=False) as session:
        community = builders.a_community(session)
        asked = builders.a_triaged_request(session, community, protocol, note="Canari")
        session.commit()
    columns = text("SELECT family_name, birth_date::text, phone, note, answers FROM care_request")
    schema.downgrade(engine, to="0019")
    with engine.connect() as connection:
        clear = connection.execute(columns).one()
    schema.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.execute(columns).one()
    with Session(engine) as session:
        again = session.scalars(select(CareRequest)).one()
        judged = session.scalars(select(Assessment)).one()

    assert clear == (
        asked.family_name,
        asked.birth_date and asked.birth_date.isoformat(),
        asked.phone,
        "Canari",
        asked.answers,
    )
    assert not {str(value) for value in kept} & {str(value) for value in clear if value is not None}
    assert (again.family_name, again.answers, again.note) == (*clear[:1], asked.answers, "Canari")
    assert (again.phone_key, again.name_keys) == (asked.phone_key, asked.name_keys)
    assert judged.reasons
    engine.dispose()
