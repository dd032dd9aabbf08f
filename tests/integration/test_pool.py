"""Connections that waited in the pool are alive when they are used, whatever the server did."""

import pytest
from sqlalchemy import create_engine, text

from config import database
from config.database import engine_options


@pytest.fixture
def pooled(engine):
    url = engine.url.render_as_string(hide_password=False)
    options = engine_options(lambda: url, pool_size=1)
    made = create_engine("postgresql+psycopg://", **options)
    yield made
    made.dispose()


def _number_of_its_server_process(pooled):
    with pooled.connect() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))


def test_a_connection_that_died_while_it_rested_is_replaced(pooled, engine, monkeypatch):
    monkeypatch.setattr(database, "RESTED", 0.0)
    before = _number_of_its_server_process(pooled)
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:it, 2000)"), {"it": before})

    after = _number_of_its_server_process(pooled)

    assert after != before


def test_a_connection_in_constant_use_is_not_asked_whether_it_lives(pooled):
    asked = []
    with pooled.connect() as connection:
        connection.connection.driver_connection.execute = asked.append

    with pooled.connect():
        pass

    assert asked == []


def test_a_connection_that_rested_still_knows_the_statements_that_it_has_prepared(
    pooled, monkeypatch
):
    monkeypatch.setattr(database, "RESTED", 0.0)
    often = text("SELECT 73730")
    for _ in range(7):
        with pooled.begin() as connection:
            connection.execute(often)

    with pooled.begin() as connection:
        prepared = connection.scalars(text("SELECT statement FROM pg_prepared_statements")).all()

    assert "SELECT 73730" in prepared
