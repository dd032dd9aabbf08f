"""What one person may ask of us, at the command line: a copy of all that is kept, and erasure."""

import json
import os
from datetime import datetime
from pathlib import Path

import click

from booking.audit import unit
from booking.cli import doors
from booking.extensions import db, equipment, now
from booking.models import Action, ProvedBy
from booking.persons import erasing, exporting, finding, french, tombstones
from booking.persons.finding import Whose
from config import logs
from config.clock import PARIS
from config.database import transaction
from notifications.phones import PhoneInvalid, parse

A_DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])


def _whose(phone: str, born: datetime | None) -> Whose:
    try:
        number = parse(phone).e164
    except PhoneInvalid:
        raise click.ClickException("Ce numéro n’est pas un numéro français.") from None
    return Whose(number, born.date() if born else None)


@click.command("export-person")
@click.option("--phone", required=True, metavar="NUMÉRO")
@click.option("--birth-date", type=A_DAY, help="Si plusieurs personnes ont ce numéro.")
@click.option("--to", type=click.Path(path_type=Path), help="Écrit DOSSIER.json et DOSSIER.html.")
@doors.on_database
def export_person(phone: str, birth_date: datetime | None, to: Path | None) -> None:
    """Copier tout ce qui est gardé d’une personne. Vérifiez d’abord son identité."""
    whose = _whose(phone, birth_date)
    with transaction(db.session) as session:
        file = exporting.collect(session, whose, now=now())
        count = len(file.get("care_request", ()))
        unit.note(Action.EXPORT, count=count)
    logs.event("person_exported", count=count)
    written = json.dumps(file, ensure_ascii=False, indent=1)
    if to is None:
        click.echo(written)
        return
    page = exporting.readable(file, PARIS, french.said_by(equipment().delivered["fr"]))
    try:
        for ending, text in ((".json", written), (".html", page)):
            _write(to.with_name(to.name + ending), text)
    except OSError as refused:
        raise click.ClickException(f"Rien n’est écrit. {refused.strerror}") from None
    click.echo(f"Écrit : {to}.json et {to}.html. Donnez-les à la personne, puis effacez-les.")


def _write(file: Path, text: str) -> None:
    """Write a file that is not there yet, and that only we may read."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as written:
        written.write(text)


@click.command("erase-person")
@click.option("--phone", required=True, metavar="NUMÉRO")
@click.option("--birth-date", type=A_DAY, help="Si plusieurs personnes ont ce numéro.")
@click.option("--cancel", is_flag=True, help="Annule aussi ses rendez-vous à venir.")
@click.option("--yes", is_flag=True, help="Ne demande pas de confirmer.")
@doors.on_database
def erase_person(phone: str, birth_date: datetime | None, *, cancel: bool, yes: bool) -> None:
    """Effacer une personne de toutes les CPTS, pour toujours. Vérifiez d’abord son identité."""
    whose, kit = _whose(phone, birth_date), equipment()
    with transaction(db.session) as session:
        count = len(finding.requests(session, whose))
    if not yes:
        click.confirm(f"Demandes à vider : {count}. Effacer pour toujours ?", abort=True)
    order = tombstones.Order(now(), None, ProvedBy.COMMAND)
    try:
        with transaction(db.session) as session:
            done = erasing.erase(
                session,
                whose,
                cancels=cancel,
                order=order,
                links=kit.links,
                file=kit.settings.tombstones_file,
            )
    except erasing.StillExpected:
        raise click.ClickException(
            "Cette personne a un rendez-vous à venir. Pour l’annuler aussi : --cancel"
        ) from None
    except erasing.CareGoesOn:
        raise click.ClickException(
            "Cette personne est en rendez-vous en ce moment : effacez-la après."
        ) from None
    except tombstones.NotNoted as refused:
        raise click.ClickException(
            f"Rien n’est effacé : l’effacement ne peut être noté. {refused.strerror}"
        ) from None
    logs.event("person_erased", count=done.requests)
    click.echo(
        f"Effacé. Demandes : {done.requests}, rendez-vous annulés : {done.cancelled}, "
        f"messages : {done.messages}."
    )
