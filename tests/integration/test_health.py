"""What machines ask: alive, ready, how is it going; and the page of messages that never left."""

import re
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from markupsafe import escape
from sqlalchemy import select, text

from booking import heartbeats, leader, protocols, worker
from booking.app import create_app
from booking.extensions import db
from booking.models import CareRequest, Channel, RequestStatus, SignInFailure
from booking.web import dev, health
from config.clock import utc_now
from config.settings import Settings
from notifications.models import Channel as MessageChannel
from notifications.models import Kind, OutboxMessage, Status
from schedules.models import BusyCalendar, Community
from tests import builders
from tests.clockwork import NOON

ALERTS = Path(__file__).parents[2] / "config/deploy/alerts.yaml"


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
    heartbeats.note(session, heartbeats.LEADER, now=NOON - ago)
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
        "clock": "ok",
        "worker": "ok",
        "disk": "ok",
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


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(seconds=-3)])
def test_a_machine_whose_clock_is_not_the_databases_is_not_ready(client, monkeypatch, ahead):
    monkeypatch.setattr(health, "utc_now", lambda: utc_now() + ahead)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["clock"]) == (503, "differs")


@pytest.mark.parametrize(
    ("free", "state"),
    [(201 << 20, "ok"), (199 << 20, "low"), (0, "low")],
)
def test_a_disk_that_is_nearly_full_degrades_and_booking_goes_on(
    client, session, monkeypatch, free, state
):
    beat(session, timedelta(seconds=3))
    space = shutil.disk_usage("/")._replace(total=1 << 30, free=free)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: space)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert (answer.json["disk"], answer.json["degraded"]) == (state, state != "ok")


def test_a_large_disk_keeps_a_twentieth_free(client, monkeypatch):
    space = shutil.disk_usage("/")._replace(total=100 << 30, free=4 << 30)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: space)

    assert client.get("/readyz").json["disk"] == "low"


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


NOT_FROM_THE_DATABASE = (
    "jourmeme_http_",
    "jourmeme_job_period_seconds",
    "jourmeme_audit_chain_ok",
)


def test_the_figures_of_an_empty_database_are_noughts(client):
    said = figures(client)

    assert {v for name, v in said.items() if not name.startswith(NOT_FROM_THE_DATABASE)} == {0}
    assert "jourmeme_worker_heartbeat_age_seconds" not in said


def test_the_figures_tell_when_background_work_last_ended_well(client, session):
    heartbeats.note(session, heartbeats.row_of("drain_outbox"), now=NOON - timedelta(seconds=8))
    heartbeats.note(session, heartbeats.BACKUP, now=NOON - timedelta(hours=3))
    session.add(SignInFailure(who_hash=b"w", at=NOON - timedelta(minutes=59)))
    session.add(SignInFailure(who_hash=b"w", at=NOON - timedelta(minutes=61)))
    community = builders.a_community(session)
    for status in (Status.DELIVERED, Status.DELIVERED, Status.UNDELIVERED):
        a_message(session, community, status=status)
    session.commit()

    said = figures(client)

    assert said['jourmeme_job_age_seconds{job="drain_outbox"}'] == 8
    assert 'jourmeme_job_age_seconds{job="forget"}' not in said
    assert said['jourmeme_job_period_seconds{job="make_slots"}'] == 600
    assert said["jourmeme_backup_age_seconds"] == 3 * 3600
    assert said["jourmeme_sign_in_failures_hour"] == 1
    assert said['jourmeme_sms_day{status="delivered"}'] == 2
    assert said['jourmeme_sms_day{status="undelivered"}'] == 1


def test_the_figures_count_who_leads(client, engine):
    with engine.connect() as one:
        one.execute(text("SELECT pg_advisory_xact_lock(73731)"))
        assert figures(client)["jourmeme_leaders"] == 1
    assert heartbeats.LEADERS_LOCK == leader.LEADERS_LOCK


def test_every_answer_is_counted_by_its_kind(client):
    before = figures(client)
    client.get("/nowhere")
    after = figures(client)

    def more(kind):
        name = f'jourmeme_http_answers_total{{kind="{kind}"}}'
        return after[name] - before[name]

    assert (more("4xx"), more("2xx"), more("5xx")) == (1, 1, 0)
    assert after["jourmeme_http_answer_seconds_count"] > 0


def test_no_two_jobs_share_a_row():
    rows = {heartbeats.row_of(job.name) for job in worker.JOBS}

    assert len(rows) == len(worker.JOBS)
    assert not rows & {heartbeats.LEADER, heartbeats.PURGE, heartbeats.BACKUP}


def test_every_figure_that_wakes_somebody_is_there(client, session):
    """An alert on a metric that was renamed is silent for ever."""
    beat(session, timedelta(seconds=1))
    heartbeats.note(session, heartbeats.BACKUP, now=NOON)
    heartbeats.note(session, heartbeats.row_of("forget"), now=NOON)
    slot = builders.a_slot(session)
    session.get_one(Community, slot.community_id).promises_checked_at = NOON
    session.add(
        BusyCalendar(
            community_id=slot.community_id,
            professional_id=slot.professional_id,
            url="https://calendar.example/a.ics",
            next_try_at=NOON,
            created_at=NOON,
        )
    )
    session.commit()
    there = {name.partition("{")[0] for name in figures(client)}
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]

    named = {name for rule in rules for name in re.findall(r"jourmeme_\w+", rule["expr"])}

    assert len(rules) >= 15
    assert named - there == set()
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "day")
        assert rule["annotations"]["summary"].endswith(".")


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

    said = client.get("/metrics").text
    assert "39980012" not in said
    assert "illeuls" not in said


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
