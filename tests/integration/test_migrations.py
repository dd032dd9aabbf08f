"""The numbered migrations make exactly the tables that the code describes, and can be undone."""

from sqlalchemy import create_engine, text

from config import schema
from config.database import Base

DRAWING = text("""
    SELECT table_name, column_name || ' ' || data_type || ' ' || is_nullable
           || ' ' || coalesce(identity_generation, '') || ' ' || coalesce(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
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
               AND data_type NOT IN ('bigint', 'character varying')
            """)
        ).all()
    assert narrow == []


def test_every_table_of_a_community_is_led_by_it(engine):
    global_tables = {"community", "sign_in_failure", "worker_heartbeat", "alembic_version"}
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
