"""A process that must not serve patients does not start, and says why in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from booking import demo, production
from booking.app import create_app
from booking.extensions import db
from config import walls
from config.settings import SettingMissing, Settings
from tests import builders
from tests.conftest import address_of
from tests.unit.test_settings import PRODUCTION

ROOT = Path(__file__).parents[2]

ENVIRONMENT = {name.upper(): str(value) for name, value in PRODUCTION.items()}
CANARIES = ("token-canary", "mail-canary", "forty letters", "a2V5")

REFUSED = {
    "the secret that everybody knows": (
        {"SECRET_KEY": "development-only-secret-not-for-production"},
        "SECRET_KEY",
    ),
    "a short secret": ({"SECRET_KEY": "short-canary"}, "SECRET_KEY"),
    "no secret": ({"SECRET_KEY": ""}, "SECRET_KEY"),
    "no database": ({"DATABASE_URL": ""}, "DATABASE_URL"),
    "no public address": ({"PUBLIC_BASE_URL": ""}, "PUBLIC_BASE_URL"),
    "an address without TLS": ({"PUBLIC_BASE_URL": "http://rdv.example"}, "PUBLIC_BASE_URL"),
    "no proxy in front": ({"TRUSTED_PROXIES": "0"}, "TRUSTED_PROXIES"),
    "no account at Twilio": ({"TWILIO_ACCOUNT_SID": ""}, "TWILIO"),
    "no token of Twilio's": ({"TWILIO_AUTH_TOKEN": ""}, "TWILIO"),
    "no sender": ({"TWILIO_FROM": ""}, "TWILIO"),
    "Twilio without TLS": ({"TWILIO_API_BASE_URL": "http://api.example"}, "TWILIO_API_BASE_URL"),
    "no mail server": ({"SMTP_URL": ""}, "SMTP_URL"),
    "mail from nowhere": ({"MAIL_FROM": "a@b.invalid"}, "MAIL_FROM"),
    "calendars of this machine": ({"CALENDARS_MAY_BE_LOCAL": "true"}, "CALENDARS_MAY_BE_LOCAL"),
    "an unknown kind of installation": ({"JOURMEME_ENV": "prod"}, "JOURMEME_ENV"),
    "a port that is none": ({"PORT": "eighty"}, "PORT"),
    "no key for columns": ({"ENCRYPTION_KEYS": ""}, "ENCRYPTION_KEYS"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_no_setting_may_be_unsafe(monkeypatch, what):
    but, named = REFUSED[what]
    for name, value in (ENVIRONMENT | but).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=f"(?i){named}") as refused:
        Settings()

    assert not [c for c in CANARIES if c in str(refused.value)]


@pytest.fixture
def new_production(app_settings, hands):
    made = []

    def new(**but):
        said = {name: v for name, v in PRODUCTION.items() if name != "encryption_keys"}
        said |= {"database_url": app_settings.database_url, **but}
        for name in ("secret_key", "twilio_auth_token", "smtp_url"):
            said[name] = SecretStr(said[name])
        made.append(create_app(app_settings.model_copy(update=said), clock=hands, senders={}))
        return made[-1]

    yield new
    for app in made:
        with app.app_context():
            db.engine.dispose()


def test_a_whole_production_starts(new_production, session):
    builders.a_community(session)
    session.commit()

    assert new_production()


def test_a_page_of_errors_for_developers_is_refused(new_production, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")

    with pytest.raises(SettingMissing, match="FLASK_DEBUG"):
        new_production()


def test_the_demonstration_is_refused_for_its_passwords_are_in_a_file(new_production, session):
    builders.a_community(session, slug=demo.territory.written().community.slug)
    session.commit()

    with pytest.raises(SettingMissing, match="demonstration"):
        new_production()


def test_a_role_that_may_do_everything_is_refused(new_production, monkeypatch):
    class Database:
        rowcount = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def execute(self, *_):
            return self

        def fetchone(self):
            return (True,)

    monkeypatch.setattr(production.psycopg, "connect", lambda *_, **__: Database())

    with pytest.raises(SettingMissing, match="superuser"):
        new_production()


def test_a_login_that_cannot_stand_behind_the_wall_is_refused(new_production, monkeypatch):
    monkeypatch.setattr(walls, "ONE", "nobody_has_made_this_role")

    with pytest.raises(SettingMissing, match=f"DATABASE_URL: .* {walls.ALL}"):
        new_production()


VERIFIED = "?sslmode=verify-full&sslrootcert=system&connect_timeout=1"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://app@db.example/jourmeme",
        "postgres://app@db.example/jourmeme?sslmode=require",
        "postgresql+psycopg://app@db.example/jourmeme?sslmode=verify-ca",
        "postgresql://app@192.0.2.1/jourmeme?sslmode=prefer",
        "postgresql://app@/jourmeme?host=db.example",
        "postgresql://app@127.0.0.1,db.example/jourmeme",
        "postgresql://app@localhost/jourmeme?hostaddr=192.0.2.1",
        "postgresql://app@127.0.0.1.example/jourmeme",
        "postgresql:///jourmeme?service=elsewhere",
    ],
)
def test_a_database_of_another_machine_that_nobody_verifies_is_refused(new_production, address):
    with pytest.raises(SettingMissing, match="sslmode=verify-full"):
        new_production(database_url=address)


def test_a_host_that_the_environment_names_is_another_machine_too(new_production, monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")

    with pytest.raises(SettingMissing, match="sslmode=verify-full"):
        new_production(database_url="postgresql://app@/jourmeme")


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://app@192.0.2.1/jourmeme{VERIFIED}",
        "postgresql://app@127.0.0.1:9/jourmeme",
        "postgresql://app@localhost:9/jourmeme",
        "postgresql://app@[::1]:9/jourmeme",
        "postgresql://app@/jourmeme?host=/nowhere",
    ],
)
def test_a_verified_database_and_one_of_this_machine_are_not_refused(
    new_production, address, monkeypatch
):
    def silent(*_, **__):
        raise psycopg.OperationalError

    monkeypatch.setattr(production.psycopg, "connect", silent)

    assert new_production(database_url=address)


def test_an_address_that_is_none_is_refused_without_its_password(new_production):
    with pytest.raises(SettingMissing, match="DATABASE_URL") as refused:
        new_production(database_url=f"postgresql://app:{CANARIES[0]}@db?{CANARIES[0]}")

    assert CANARIES[0] not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_database_without_tables_may_still_get_them(new_production, new_database):
    assert new_production(database_url=new_database().render_as_string(hide_password=False))


def test_a_database_that_does_not_answer_keeps_no_process_from_saying_whom_to_call(
    new_production, tmp_path
):
    assert new_production(database_url=f"postgresql:///nobody?host={tmp_path}")


def test_a_developers_process_is_asked_nothing(app, app_settings, monkeypatch):
    def nobody(*_, **__):
        raise AssertionError("asked")

    monkeypatch.setattr(psycopg, "connect", nobody)

    production.refuse_unsafe(app, app_settings)


@pytest.mark.slow  # processes come up
@pytest.mark.parametrize(
    "command",
    [["gunicorn", "-c", "config/gunicorn.py", "wsgi:app"], ["flask", "--app", "wsgi", "worker"]],
    ids=["pages", "worker"],
)
def test_a_process_that_is_refused_ends_and_tells_no_secret(command, engine, tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ  # noqa: TID251 - handed on
        | ENVIRONMENT
        | {
            "DATABASE_URL": address_of(engine),
            "TRUSTED_PROXIES": "0",
            "JOURMEME_VAR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert said.returncode != 0
    assert "TRUSTED_PROXIES: a buffering proxy" in said.stderr
    assert not [c for c in CANARIES if c in said.stderr + said.stdout]
