"""Commands that keep an installation: backup, restore, its drill, the page for when all is down."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from booking import heartbeats
from booking.audit import checking, unit
from booking.audit.verifying import Broken
from booking.cli import doors
from booking.cli.audit import WHY
from booking.desk import soundness
from booking.extensions import db, equipment, now
from booking.models import Action
from booking.persons import erasing
from booking.web.wording import dialled
from config import address, backup, sealed
from config.database import OpenTransaction, transaction, with_driver
from config.embedded import ServerDidNotStart
from schedules.models import Community

DOWN = Path(__file__).parents[2] / "config/deploy/indisponible.html"
LINES_HERE = "<!-- lignes -->"

STANDARD = "-"
"""The name that stands for standard input or output."""


@click.command("backup")
@click.argument("file", metavar="FICHIER", type=click.Path(path_type=Path))
@doors.on_database
def make_backup(file: Path) -> None:
    """Copier toute la base dans un fichier (- : sortie standard, à chiffrer aussitôt)."""
    url = address.of_database(equipment().settings)()
    with _told():
        if str(file) == STANDARD:
            backup.dump(url, sys.stdout.buffer)
        else:
            with _written_whole(file) as opened:
                backup.dump(url, opened)
    with transaction(db.session) as session:
        heartbeats.note(session, heartbeats.BACKUP, now=now())
        unit.note(Action.EXPORT)
    click.echo("La sauvegarde est faite. Essayez-la : flask --app wsgi check-backup", err=True)


@click.command("restore")
@click.argument("file", metavar="FICHIER", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="À la place de ce qui est dans la base.")
@doors.on_database
def restore_backup(file: BinaryIO, *, replace: bool) -> None:
    """Remplir la base avec une sauvegarde (- : entrée). Arrêtez d’abord pages et envois."""
    url = address.of_database(equipment().settings)()
    with _told():
        backup.restore(url, file, replace=replace)
    with transaction(db.session) as session:
        found = _made_ready(session)
    _tell(found)


@click.command("erase-again")
@doors.on_database
def erase_again() -> None:
    """Effacer à nouveau qui l’a été, après une restauration faite sans « restore »."""
    with transaction(db.session) as session:
        found = _made_ready(session)
    _tell(found)


@click.command("check-backup")
@click.argument("file", metavar="FICHIER", type=click.File("rb"))
@doors.on_database
def check_backup(file: BinaryIO) -> None:
    """Essayer une sauvegarde : la rétablir ailleurs, la vérifier, l’effacer."""
    with _told(), backup.elsewhere(file, equipment().settings.var.resolve()) as url:
        engine = create_engine(with_driver(url), hide_parameters=True)
        try:
            # As it came: what is erased again adds lines of its own.
            _tell_of_audit(partial(_on, engine))
            with _on(engine) as session:
                found = _made_ready(session)
        finally:
            engine.dispose()
    _tell(found)


@contextmanager
def _on(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session, transaction(session):
        yield session


def _tell_of_audit(open_transaction: OpenTransaction) -> None:
    try:
        found = checking.check(open_transaction)
    except Broken as wrong:
        raise click.ClickException(
            "Le registre des accès de cette sauvegarde ne tient pas. "
            f"Premier numéro faux : {wrong.number} ({WHY[wrong.why]})."
        ) from None
    click.echo(f"Son registre des accès tient : {found.count} lignes, jusqu’au {found.number}.")


@click.command("down-page")
@doors.on_database
def down_page() -> None:
    """Écrire la page que le serveur frontal montre quand l’application ne répond pas."""
    with transaction(db.session) as session:
        communities = session.scalars(select(Community).order_by(Community.name)).all()
        lines = [
            f'<p>{escape(each.name)}\u00a0: <a href="tel:{dialled(each.phone)}">'
            f"{escape(each.phone)}</a></p>"
            for each in communities
        ]
    click.echo(DOWN.read_text(encoding="utf-8").replace(LINES_HERE, "\n".join(lines)), nl=False)


@contextmanager
def _written_whole(file: Path) -> Iterator[BinaryIO]:
    """Open a file that only we may read, and that has its name once all is on the disk."""
    if file.exists() and not file.is_file():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))  # a device is no place
    draft = file.with_name(f"{file.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            yield opened
            os.fsync(opened.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    """Say in one sentence what kept a backup from being made or restored."""
    try:
        yield
    except backup.NotEmpty:
        raise click.ClickException(
            "La base n’est pas vide. Pour la remplacer par la sauvegarde : --replace"
        ) from None
    except backup.NoProgram as missing:
        raise click.ClickException(
            f"Il manque {missing} : installez le client de la même version que le serveur."
        ) from None
    except backup.BackupFailed as failed:
        raise click.ClickException(f"Échec, rien n’est changé. {failed}") from None
    except OSError as failed:
        raise click.ClickException(f"Échec, rien n’est changé. {failed.strerror}") from None
    except (ServerDidNotStart, ModuleNotFoundError):
        raise click.ClickException(
            "L’essai demande le PostgreSQL livré avec les paquets Python : make setup"
        ) from None


def _made_ready(session: Session) -> soundness.Soundness:
    """Do again what a backup undoes, erasures above all; return what is there by then."""
    kit = equipment()
    file = kit.settings.tombstones_file
    if not file.exists():
        click.echo(f"{file} n’est pas là : qui a été effacé depuis reste à effacer.", err=True)
    # Every file is opened to find some: that is nobody's reading.
    with sealed.unwatched():
        again, doubtful = erasing.erase_again(session, file, links=kit.links, now=now())
    click.echo(f"Demandes effacées à nouveau : {again}.")
    if doubtful:
        click.echo(f"Lignes illisibles dans {file} : {doubtful}. Cherchez pourquoi.", err=True)
    return soundness.look(session)


def _tell(found: soundness.Soundness) -> None:
    last = found.last_booked_at
    click.echo(
        f"CPTS : {found.communities}, demandes : {found.requests}, "
        f"rendez-vous : {found.bookings}, messages : {found.messages}, "
        f"dernier rendez-vous pris : {last.isoformat(timespec='minutes') if last else 'aucun'}."
    )
    if not found.is_sound:
        raise click.ClickException(
            f"Elle n’est pas saine : {found.doubled} heures données deux fois, "
            f"{found.unclaimed} rendez-vous sans créneau."
        )
    click.echo("Elle est saine, et au niveau de ce code.")
