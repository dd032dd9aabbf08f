"""A backup is one only once it was restored: the same rows, and links that still open."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.orm import Session

from booking import heartbeats
from booking.app import create_app
from booking.audit import chain
from booking.desk import soundness
from booking.extensions import db
from booking.models import Booking, BookingStatus, WorkerHeartbeat
from config import backup, schema
from config.database import Base
from schedules.models import Community, Slot
from tests import builders
from tests.conftest import address_of
from tests.integration.test_audit_chain import as_its_owner, noted, transactions

ROOT = Path(__file__).parents[2]


def counts(engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def booked(session, protocol):
    """The appointment in a database that has one."""
    slot = builders.a_slot(session)
    community = session.get_one(Community, slot.community_id)
    booked = builders.a_booking(session, community, protocol, slot)
    session.commit()
    return booked


@pytest.fixture
def copy(engine, booked, tmp_path):
    file = tmp_path / "copy"
    with file.open("wb") as opened:
        backup.dump(address_of(engine), opened)
    return file


@pytest.fixture
def empty(new_database):
    return new_database().render_as_string(hide_password=False)


@pytest.fixture
def back(engine):
    """Open what was restored; closed in the end."""
    made = []

    def back(url):
        made.append(create_engine(url, hide_parameters=True))
        return made[-1]

    back.source = engine
    yield back
    for each in made:
        each.dispose()


@pytest.fixture
def new_app(app_settings, hands):
    """Make an app on another database; its connections end with the test."""
    made = []

    def new_app(url, **but):
        settings = app_settings.model_copy(update={"database_url": url, **but})
        made.append(create_app(settings, clock=hands))
        return made[-1]

    yield new_app
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def token_of(booked) -> str:
    return booked.link.rpartition("/")[2]


def restore(file: Path, url: str, **how) -> None:
    with file.open("rb") as opened:
        backup.restore(url, opened, **how)


@pytest.fixture
def command(engine, new_app, tmp_path):
    """Run one of our commands on the tests' database."""
    return new_app(address_of(engine), var=tmp_path / "var").test_cli_runner().invoke


def test_what_was_backed_up_comes_back_row_by_row_and_links_still_open(
    copy, booked, back, new_app, new_database
):
    empty = new_database().render_as_string(hide_password=False)
    restore(copy, empty)

    there = back(empty)
    assert counts(there) == counts(back.source)
    with there.connect() as connection:
        assert schema.is_current(connection)
    page = new_app(empty).test_client().get(f"/r/{token_of(booked)}")
    assert page.status_code == 200
    assert booked.code in page.text


def test_a_copy_from_before_an_update_comes_back_too(new_database, back, tmp_path):
    old, empty = (new_database().render_as_string(hide_password=False) for _ in range(2))
    former = create_engine(old)
    schema.upgrade(former, to="0020")
    former.dispose()
    with (tmp_path / "copy").open("wb") as written:
        backup.dump(old, written)
    with (tmp_path / "copy").open("rb") as written:
        backup.restore(empty, written)

    with back(empty).connect() as connection:
        assert schema.is_current(connection)


def test_a_database_that_holds_something_is_not_overwritten_by_mistake(engine, copy, empty, back):
    restore(copy, empty)
    there = back(empty)
    with there.begin() as connection:
        connection.execute(text("UPDATE community SET name = 'Une autre'"))

    with pytest.raises(backup.NotEmpty):
        restore(copy, empty)
    with there.connect() as connection:
        assert connection.scalar(text("SELECT name FROM community")) == "Une autre"

    restore(copy, empty, replace=True)
    with there.connect() as connection:
        assert connection.scalar(text("SELECT name FROM community")) != "Une autre"
        assert (
            connection.scalars(
                text("SELECT nspname FROM pg_namespace WHERE nspname = 'before_restore'")
            ).all()
            == []
        )


DAMAGES = {
    "empty": lambda whole: whole[:0],
    "ten bytes": lambda whole: whole[:10],
    "half": lambda whole: whole[: len(whole) // 2],
    "the last tables lost": lambda whole: whole[: len(whole) * 97 // 100],
    "one byte lost": lambda whole: whole[:-1],
    "one byte more": lambda whole: whole + b"x",
    "one bit turned": lambda whole: whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_and_what_was_there_stays(copy, empty, back, damage):
    restore(copy, empty)
    before = counts(back(empty))
    copy.write_bytes(DAMAGES[damage](copy.read_bytes()))

    with pytest.raises(backup.BackupFailed):
        restore(copy, empty, replace=True)

    assert counts(back(empty)) == before


def test_a_drill_finds_a_backup_sound_and_leaves_nothing_behind(command, copy, tmp_path):
    said = command(args=["check-backup", str(copy)])

    assert said.exit_code == 0, said.output
    assert "rendez-vous : 1" in said.output
    assert "Elle est saine" in said.output
    assert list((tmp_path / "var").iterdir()) == []


def test_a_drill_finds_that_somebody_changed_the_audit_of_the_copy(
    command, engine, booked, tmp_path
):
    noted(engine, 5)
    chain.extend_all(transactions(engine))
    sound, changed = tmp_path / "sound", tmp_path / "changed"
    for file, touch in (
        (sound, "SELECT 1"),
        (changed, "UPDATE audit_line SET route = 'x' WHERE id = (SELECT max(id) FROM audit_line)"),
    ):
        with as_its_owner(engine) as connection:
            connection.execute(text(touch))
        with file.open("wb") as opened:
            backup.dump(address_of(engine), opened)

    well = command(args=["check-backup", str(sound)])
    ill = command(args=["check-backup", str(changed)])

    assert well.exit_code == 0, well.output
    assert "Son registre des accès tient" in well.output
    assert ill.exit_code == 1
    assert "une ligne a été changée, ou ajoutée" in ill.output


def test_a_drill_says_that_a_backup_is_not_whole(command, copy):
    copy.write_bytes(copy.read_bytes()[:5000])

    said = command(args=["check-backup", str(copy)])

    assert said.exit_code == 1
    assert "Échec, rien n’est changé" in said.output


def test_two_people_at_one_time_and_an_appointment_that_can_be_taken_are_found(
    session, booked, protocol
):
    """Both are refused by the tables: for a copy that lost its constraints they are taken away."""
    assert soundness.look(session).is_sound
    slot = session.scalars(select(Slot)).one()
    community = session.get_one(Community, slot.community_id)
    session.execute(text("DROP INDEX uq_booking_live_slot"))
    session.execute(text("UPDATE slot SET claimed_by = NULL, claimed_at = NULL"))
    session.expire_all()
    assert soundness.look(session).unclaimed == 1

    builders.a_booking(session, community, protocol, slot)

    found = soundness.look(session)
    assert (found.doubled, found.unclaimed, found.is_sound) == (1, 0, False)
    session.execute(update(Booking).values(status=BookingStatus.CANCELLED, cancelled_by="PATIENT"))
    assert soundness.look(session).doubled == 0
    session.rollback()


def test_the_command_writes_a_file_for_its_owner_alone_and_notes_when(
    engine, booked, command, tmp_path
):
    file = tmp_path / "copy"

    said = command(args=["backup", str(file)])

    assert said.exit_code == 0, said.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.with_name("copy.part").exists()
    with Session(engine) as fresh:
        assert fresh.get(WorkerHeartbeat, heartbeats.BACKUP) is not None


def test_a_backup_passes_through_a_pipe_in_both_directions(engine, booked, empty, back, tmp_path):
    flask = f"{sys.executable} -m flask --app wsgi"
    environment = os.environ | {  # noqa: TID251 - handed on
        "FROM": address_of(engine),
        "TO": empty,
        "JOURMEME_VAR": str(tmp_path),
    }
    subprocess.run(
        f"DATABASE_URL=$FROM {flask} backup - | DATABASE_URL=$TO {flask} restore -",
        shell=True,
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )

    assert counts(back(empty))["booking"] == 1


def test_a_backup_that_cannot_be_written_is_told(command, tmp_path):
    said = command(args=["backup", str(tmp_path / "no" / "copy")])

    assert said.exit_code == 1
    assert "Échec" in said.output


def test_the_password_is_not_among_the_arguments(engine, monkeypatch, tmp_path):
    seen = []
    begin = subprocess.Popen
    monkeypatch.setattr(
        backup.subprocess, "Popen", lambda words, **how: seen.append(words) or begin(words, **how)
    )
    with (tmp_path / "copy").open("wb") as opened:
        backup.dump(address_of(engine), opened)

    assert seen
    assert engine.url.password not in str(seen)


def test_the_page_for_when_all_is_down_tells_the_lines(command, session):
    builders.a_community(session, name="CPTS <des> Tilleuls", phone="01 99 00 00 15")
    session.commit()

    page = command(args=["down-page"]).output

    assert '<a href="tel:0199000015">01 99 00 00 15</a>' in page
    assert "CPTS &lt;des&gt; Tilleuls" in page
    assert "<!-- lignes -->" not in page
