"""The numbered migrations make exactly the tables that the code describes, and can be undone."""

from datetime import timedelta

from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from booking.desk import ask, decide, incidents, orphans, staff
from booking.models import Assessment, CareRequest, EventKind, Promise, PromiseEnd, Role
from booking.triage.protocol import Level
from config import schema
from config.database import Base
from notifications import opt_outs
from notifications.models import OutboxMessage, recipient_key
from schedules.models import Community
from tests import builders
from tests.clockwork import NOON
from tests.staffing import an_account

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
    # One chain for the installation: what everybody did, in one order.
    global_tables |= {"audit_line", "audit_link", "audit_start"}
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


MESSAGES = """
    INSERT INTO outbox_message (community_id, reference, about, version, kind, channel, recipient,
        subject, text, invitation, fallbacks, send_at, expires_at, status, attempts)
    SELECT c.id, gen_random_uuid(), gen_random_uuid(), 0, 'CONFIRMATION', 'EMAIL', 'a' || n || '@b',
        'Canarisujet', CASE WHEN n = 7 THEN '' ELSE 'Canaritexte' END, '{"canari": 1}',
        '[{"canari": 2}]', now(), now(), 'SENT', 1
      FROM community c, generate_series(1, 1201) n
"""


def test_messages_and_staffs_words_are_sealed_batch_by_batch_and_can_be_brought_back(
    new_database, protocol
):
    engine = create_engine(new_database())
    schema.upgrade(engine)
    with Session(engine, expire_on_commit=False) as session:
        community = builders.a_community(session, on_call_phone="+33639980099")
        asked = builders.a_triaged_request(session, community, protocol)
        by = staff.actor(
            session, community.id, an_account(session, community, Role.OPERATOR).reference
        )
        how = {"by": by, "now": NOON}
        incidents.report(session, asked, EventKind.INCIDENT, "Canarifait", **how)
        decided = {"protocol": protocol, "community": community, "reason": "Canariraison"}
        decide.level(session, asked, Level.SAME_DAY, **how, **decided)
        opt_outs.add(session, "+33639980001", now=NOON)
        session.commit()
    schema.downgrade(engine, to="0022")
    with engine.begin() as connection:
        connection.execute(text(MESSAGES))
        clear = connection.execute(CLEAR).one()
    schema.upgrade(engine)

    with engine.connect() as connection:
        kept = connection.execute(CLEAR).one()
    with Session(engine) as session:
        messages = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
        said = {(m.subject, m.text, str(m.invitation), str(m.fallbacks)) for m in messages}
        assert opt_outs.among(session, ["+33639980001"]) == {"+33639980001"}
    assert clear == ("Canariraison", "Canarifait", "+33639980001", "+33639980099")
    assert not {str(value) for value in kept} & set(clear)
    whole = ("Canarisujet", "Canaritexte", "{'canari': 1}", "[{'canari': 2}]")
    assert said == {whole, (None, "", *whole[2:])}
    assert [m.recipient for m in messages[5:8]] == ["a6@b", "", "a8@b"]
    assert {m.recipient_key for m in messages[:6]} == {
        recipient_key(f"a{n}@b") for n in range(1, 7)
    }
    schema.downgrade(engine, to="0022")
    with engine.connect() as connection:
        assert connection.execute(CLEAR).one() == clear
        texts = text("SELECT text, count(*)::int FROM outbox_message GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in connection.execute(texts)] == [("", 1), ("Canaritexte", 1200)]
    engine.dispose()


CLEAR = text("""
    SELECT level_decision.reason, safety_event.what, opt_out.phone, community.on_call_phone
      FROM level_decision, safety_event, opt_out, community
""")
