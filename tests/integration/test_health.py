"""What machines ask: alive, ready, how is it going; and the page of messages that never left."""

from datetime import timedelta
from uuid import uuid4

import pytest
from markupsafe import escape
from sqlalchemy import select, text

from booking import protocols, worker
from booking.app import create_app
from booking.extensions import db
from booking.models import CareRequest, Channel, RequestStatus
from booking.web import dev, health
from config.settings import Settings
from notifications.models import Channel as MessageChannel
from notifications.models import Kind, OutboxMessage, Status
from schedules.models import Community
from tests import builders
from tests.clockwork import NOON


@pytest.fixture
def new_app():
    """Make apps of one's own; their connections end with the test."""
    made = []

    def new(*settings, **equipment):
        made.append(create_app(*settings, **equipment))
        return made[-1]

    yield new
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def a_message(session, community, **but):
    said = {
        "about": uuid4(),
        "version": 0,
        "kind": Kind.CONFIRMATION,
        "channel": MessageChannel.SMS,
        "recipient": "+33639980012",
        "text": "RDV confirmé. Changer : http://localhost/r/abc",
        "send_at": NOON,
        "expires_at": NOON + timedelta(hours=2),
        "status": Status.WAITING,
    }
    message = OutboxMessage(community_id=community.id, **said | but)
    session.add(message)
    session.flush()
    return message


def beat(session, ago):
    worker.note(session, worker.LEADER, now=NOON - ago)
    session.commit()


def without_database(tmp_path):
    """Return a client of an app whose database nobody listens at."""
    return create_app(Settings(database_url=f"postgresql:///nobody?host={tmp_path}")).test_client()


def figures(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_process_that_answers_is_alive(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_process_is_alive_without_its_database(tmp_path):
    assert without_database(tmp_path).get("/healthz").status_code == 200


def test_ready_needs_a_database_its_tables_and_a_worker(client, session):
    beat(session, timedelta(seconds=3))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "degraded": False,
        "database": "ok",
        "migrations": "ok",
        "worker": "ok",
    }


@pytest.mark.parametrize(
    ("ago", "state"), [(timedelta(seconds=90), "ok"), (timedelta(seconds=91), "silent")]
)
def test_a_silent_worker_degrades_and_booking_goes_on(client, session, ago, state):
    beat(session, ago)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["worker"] == state
    assert answer.json["degraded"] is (state != "ok")


def test_a_worker_that_never_led_is_told(client):
    assert client.get("/readyz").json["worker"] == "never seen"


def test_without_its_database_nothing_is_ready(tmp_path):
    answer = without_database(tmp_path).get("/readyz")

    assert answer.status_code == 503
    assert answer.json["ready"] is False
    assert answer.json["database"] == "unreachable"


def test_a_database_of_another_version_is_not_ready(client, engine):
    with engine.begin() as connection:
        kept = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        answer = client.get("/readyz")
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": kept})

    assert answer.status_code == 503
    assert answer.json["migrations"] == "pending"


def test_a_slow_database_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(health, "SLOWEST_ANSWER", timedelta(0))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json["database"] == "slow"


def test_the_figures_count_what_an_operator_watches(client, session):
    slot = builders.a_slot(session)
    builders.a_slot(session, starts_at=NOON - timedelta(hours=1))
    community = slot.community_id
    for deadline in (NOON - timedelta(minutes=1), NOON + timedelta(hours=1)):
        asked = CareRequest(
            community_id=community,
            channel=Channel.PHONE,
            status=RequestStatus.OPEN,
            created_at=NOON,
            deadline=deadline,
        )
        session.add(asked)
        session.flush()
        builders.a_promise(session, asked)
    a_message(session, builders.a_community(session), send_at=NOON - timedelta(seconds=42))
    beat(session, timedelta(seconds=7))

    said = figures(client)

    assert said["jourmeme_slots_free"] == 1
    assert (said["jourmeme_requests_open"], said["jourmeme_requests_late"]) == (2, 1)
    assert said["jourmeme_promises_wrong"] == 0
    assert said["jourmeme_outbox_waiting"] == 1
    assert said["jourmeme_outbox_oldest_seconds"] == 42
    assert said["jourmeme_worker_heartbeat_age_seconds"] == 7
    assert said['jourmeme_bookings{status="confirmed"}'] == 0


def test_the_figures_of_an_empty_database_are_noughts(client):
    said = figures(client)

    assert set(said.values()) == {0}
    assert "jourmeme_worker_heartbeat_age_seconds" not in said


@pytest.mark.parametrize(
    "from_afar",
    [
        {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
        {"environ_base": {"REMOTE_ADDR": ""}},
        {"headers": {"X-Forwarded-For": "192.0.2.7"}},
        {"headers": {"Forwarded": "for=192.0.2.7"}},
    ],
)
def test_the_figures_are_for_this_machine_only(client, from_afar):
    assert client.get("/metrics", **from_afar).status_code == 404


def test_the_figures_name_nobody(client, session):
    a_message(session, builders.a_community(session))
    session.commit()

    assert "06" not in client.get("/metrics").text.replace("0.0", "")
    assert "tilleuls" not in client.get("/metrics").text


def test_messages_are_shown_newest_first_with_a_link_to_press(client, session):
    community = builders.a_community(session)
    a_message(session, community, text="le premier")
    a_message(session, community)
    session.commit()

    page = client.get("/dev/messages").text

    assert '<a href="http://localhost/r/abc" rel="noreferrer">' in page
    assert page.index("RDV confirmé") < page.index("le premier")
    assert "06\u00a039\u00a098\u00a000\u00a012" in page
    assert "1 segment<" in page
    assert "en attente" in page


def test_a_message_cannot_write_html_into_the_page(client, session):
    a_message(session, builders.a_community(session), text="<script>x</script> http://a/<b>")
    session.commit()

    page = client.get("/dev/messages").text

    assert "<script>x" not in page
    assert "http://a/<b>" not in page


def test_a_long_message_is_told_to_cost_more(client, session):
    a_message(session, builders.a_community(session), text="x" * 161)
    session.commit()

    assert "2 segments" in client.get("/dev/messages").text


def test_a_mail_has_its_subject_and_its_calendar_file(client, session):
    slot = builders.a_slot(session)
    community = session.get_one(Community, slot.community_id)
    builders.a_booking(session, community, protocols.in_force(NOON.date())["fr"], slot)
    mail = session.scalars(
        select(OutboxMessage).where(OutboxMessage.channel == MessageChannel.EMAIL)
    ).one()
    session.commit()

    assert escape(mail.subject) in client.get("/dev/messages").text
    calendar = client.get(f"/dev/messages/{mail.reference}.ics")
    assert calendar.data.startswith(b"BEGIN:VCALENDAR")
    assert calendar.mimetype == "text/calendar"


def test_a_calendar_file_that_is_not_there_is_not_found(client, session):
    text_only = a_message(session, builders.a_community(session))
    session.commit()

    for reference in (uuid4(), text_only.reference):
        assert client.get(f"/dev/messages/{reference}.ics").status_code == 404


def test_an_empty_page_says_what_to_do(client):
    assert "Aucun message pour l’instant" in client.get("/dev/messages").text


def production(app_settings):
    return app_settings.model_copy(
        update={
            "jourmeme_env": "production",
            "public_base_url": "https://localhost",
            "secret_key": type(app_settings.secret_key)("x" * 40),
        }
    )


def test_in_production_nobody_reads_messages(new_app, app_settings):
    app = new_app(production(app_settings), senders={})

    assert app.test_client().get("/dev/messages").status_code == 404


def test_the_page_refuses_production_even_if_its_door_is_opened(new_app, app_settings):
    app = new_app(production(app_settings), senders={})
    app.register_blueprint(dev.dev)

    answer = app.test_client().get("/dev/messages", base_url="https://localhost")

    assert answer.status_code == 404
