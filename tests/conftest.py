"""What every test may ask for: a real PostgreSQL, a session, an app whose clock stands still."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

import booking.models
import notifications.models
import schedules.models
from booking import protocols
from booking.audit.writing import KNOWN
from booking.extensions import db
from booking.triage.protocol import Protocol
from booking.web.errors import LINES
from config import embedded, schema, sealed
from config.database import Base, with_driver
from config.settings import Settings
from tests.clockwork import Hands

TABLES_ARE_KNOWN = (booking.models, notifications.models, schedules.models)
"""Imported for their tables, which the metadata then holds."""

settings.register_profile(
    "project",
    deadline=None,  # two shared cores: a slow moment is not a failure
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("project"), max_examples=3_000)
settings.load_profile("project")

DEVELOPMENT = Settings()

FORGETS = text("SET LOCAL jourmeme.forgets = 'audit'")


@pytest.fixture(autouse=True)
def _keys_of_development() -> None:
    """An app of another test may have sealed with keys of its own."""
    sealed.use(DEVELOPMENT.keys, DEVELOPMENT.secret_key.get_secret_value().encode())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A PostgreSQL to make databases in: the one that DATABASE_URL names, else the embedded one."""
    url = os.environ.get("DATABASE_URL")  # noqa: TID251 - the tests' own door
    folder: Path | None = None
    if url is None:
        folder = tmp_path_factory.mktemp("pg") / "data"
        url = embedded.start(folder, may_create_databases=True)
    engine = create_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()
    if folder is not None:
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server: Engine) -> Iterator[Callable[[], URL]]:
    """Make empty databases with names of their own; whatever was on the server is left alone."""
    made: list[str] = []

    def new() -> URL:
        made.append(f"test_{uuid4().hex}")
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {made[-1]}"))
        return server.url.set(database=made[-1])

    yield new
    with server.connect() as connection:
        for name in made:
            _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    """Drop a database. FORCE may not end PostgreSQL's own autovacuum, which ends by itself."""
    for is_last in (False, False, False, True):
        try:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        except ProgrammingError:
            if is_last:
                raise
            time.sleep(1)
        else:
            return


@pytest.fixture(scope="session")
def database(new_database: Callable[[], URL]) -> Iterator[Engine]:
    """One migrated database for the run; each test finds it empty."""
    engine = create_engine(new_database(), hide_parameters=True)
    schema.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(database: Engine) -> Engine:
    """The migrated database, with every table empty."""
    names = [table.name for table in Base.metadata.sorted_tables]
    look = " UNION ALL ".join(f"SELECT '{n}' WHERE EXISTS (SELECT 1 FROM {n})" for n in names)
    with database.connect() as connection:
        filled = connection.scalars(text(look)).all()
    KNOWN.clear()
    if filled:
        _empty(database, filled, names)
    return database


def _empty(database: Engine, filled: Sequence[str], names: Sequence[str]) -> None:
    """Delete the few rows of a test: a TRUNCATE, which makes every file anew, takes ten times that.

    One statement, so that rows which point to each other go together. What may not be deleted
    (rows that are kept for ever) has to be truncated.
    """
    gone = ", ".join(f"_{n} AS (DELETE FROM {n})" for n in filled)
    try:
        with database.begin() as connection:
            connection.execute(FORGETS)
            connection.execute(text(f"WITH {gone} SELECT 1"))
    except DBAPIError:
        with database.begin() as connection:
            connection.execute(FORGETS)
            connection.execute(text(f"TRUNCATE {', '.join(names)} CASCADE"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def app_settings(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        var=tmp_path_factory.getbasetemp() / "var",
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url="http://localhost",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count coverage where it costs little: long tests walk, again and again, what others cover.

    Tests of the running product are other processes, of which nothing is counted anyway.
    """
    for item in items:
        if item.get_closest_marker("slow") or item.path.parent.name == "live":
            item.add_marker(pytest.mark.no_cover)


Built = dict[Settings, tuple[Flask, dict[str, object]]]


@pytest.fixture(scope="session")
def built_apps() -> Iterator[Built]:
    """The apps of this run by their settings, each with the configuration it began with."""
    built: Built = {}
    yield built
    for app, _ in built.values():
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(
    app_settings: Settings,
    hands: Hands,
    built_apps: dict[Settings, tuple[Flask, dict[str, object]]],
) -> Iterator[Flask]:
    """The whole app on the test's database; its clock is `hands`.

    Built once for its settings, with its rules and templates compiled; each test finds it as new.
    """
    from booking.app import create_app  # noqa: PLC0415 - most tests need no app

    if app_settings not in built_apps:
        app = create_app(app_settings)
        app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
        built_apps[app_settings] = app, dict(app.config)
    app, configured = built_apps[app_settings]
    app.config.clear()
    app.config.update(configured)
    app.extensions[LINES] = {}
    app.extensions["jourmeme"] = replace(app.extensions["jourmeme"], clock=hands)
    yield app
    with app.app_context():
        db.session.remove()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def address_of(engine: Engine) -> str:
    """Return the whole address of a test's database, for another process."""
    return make_url(engine.url).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    """The protocol that is delivered, in French."""
    return protocols.in_force(date(2027, 1, 4))["fr"]
