"""Running the product at the command line: everything, the worker, tables, demonstration, purge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from booking import demo, privacy, resealing, serve, worker
from booking.audit import unit
from booking.cli import doors
from booking.desk import orphans
from booking.extensions import db, equipment, now
from booking.models import Action
from booking.persons import tombstones
from booking.retention import Kind
from config import address, schema
from config.database import Base, as_owner, transaction
from config.sealing import KeyUnknown, SealBroken


@click.command("seed-demo")
@doors.on_database
def seed_demo() -> None:
    """Créer le territoire de démonstration et écrire ses accès dans var/demo.json."""
    try:
        demo.refuse_in_production(equipment().settings)
        _upgrade()
        told = serve.seed_demo()
    except demo.NotInProduction:
        raise click.ClickException("Pas de démonstration en production.") from None
    except demo.AlreadySeeded:
        raise click.ClickException(
            "La démonstration existe déjà dans cette base ; ses accès sont dans var/demo.json."
        ) from None
    for sentence in serve.sign_ins(told):
        click.echo(sentence)


@click.command("upgrade")
@doors.on_database
def upgrade() -> None:
    """Mettre les tables de la base au niveau de ce code."""
    _upgrade()
    click.echo("La base est à jour.")


def _upgrade() -> None:
    with as_owner(address.of_database(equipment().settings)) as engine:
        schema.upgrade(engine)


@click.command("draft-migration")
@click.argument("what", metavar="CE_QUI_CHANGE")
@doors.on_database
def draft_migration(what: str) -> None:
    """Ébaucher la migration qui mène des tables de la base à celles du code, à relire."""
    if not what.strip():
        raise click.ClickException('Dites ce qui change : make migration m="…"')
    number = _next_step()
    with as_owner(address.of_database(equipment().settings)) as engine:
        with engine.connect() as connection:
            if not schema.is_current(connection):
                raise click.ClickException("La base n’est pas à jour : flask --app wsgi upgrade")
        schema.draft(engine, Base.metadata, what, number)
    for written in _steps(f"{number}_*.py"):
        click.echo(f"À relire et à corriger : {written}")


def _next_step() -> str:
    return f"{max(int(step.name[:4]) for step in _steps('[0-9]*.py')) + 1:04}"


def _steps(named: str) -> list[Path]:
    return sorted((schema.FOLDER / "versions").glob(named))


@click.command("worker")
@doors.on_database
def work() -> None:
    """Envoyer les messages et faire les tâches de fond, jusqu’à l’arrêt."""
    kit = equipment()
    worker.run(
        address.of_database(kit.settings),
        kit.senders,
        reader=kit.reader,
        links=kit.links,
        clock=kit.clock,
        terms=kit.terms,
        tombstones_file=kit.settings.tombstones_file,
    )


@click.command("forget")
@doors.on_database
def forget() -> None:
    """Oublier ce dont la durée de conservation est passée."""
    kit, moment = equipment(), now()
    done = privacy.forget_all(_transactions, now=moment, terms=kit.terms)
    tombstones.forget(kit.settings.tombstones_file, past=moment - kit.terms[Kind.TOMBSTONES])
    unit.note(Action.FORGET, count=done.total)
    click.echo(
        f"Réponses : {done.answers}, évaluations : {done.assessments}, "
        f"identités : {done.identities}, messages : {done.messages}, sessions : {done.sessions}, "
        f"échecs de connexion : {done.sign_in_failures}, "
        f"réponses à des logiciels : {done.idempotency_keys}."
    )


@click.command("reseal")
@doors.on_database
def reseal() -> None:
    """Sceller à nouveau, avec la première clé de ENCRYPTION_KEYS, ce que les autres ont scellé."""
    try:
        done = resealing.seal_all_again(_transactions, equipment().settings.keys)
    except KeyUnknown as unknown:
        raise click.ClickException(
            f"La clé {unknown.key} manque dans ENCRYPTION_KEYS : remettez-la à la fin de la liste."
        ) from None
    except SealBroken as broken:
        raise click.ClickException(
            f"Ce que garde {broken} n’est pas ce qui y a été scellé : quelqu’un l’a changé ou "
            "déplacé. Reprenez cette ligne d’une sauvegarde, puis recommencez."
        ) from None
    unit.note(Action.RESEAL, count=done)
    click.echo(f"Lignes scellées à nouveau : {done}. Seule la première clé sert désormais.")


@contextmanager
def _transactions() -> Iterator[Session]:
    with transaction(db.session) as session:
        yield session


@click.command("check-promises")
@doors.on_database
def check_promises() -> None:
    """Vérifier la promesse de chaque demande ; nommer celles qui ne l’ont pas."""
    wrong = 0
    with transaction(db.session) as session:
        for community_id in orphans.communities(session):
            wrong += orphans.check(session, community_id, now=now())
            for reference in orphans.wrong(session, community_id):
                click.echo(str(reference))
    if wrong:
        raise click.ClickException(f"Demandes sans la promesse qui leur revient : {wrong}.")
    click.echo("Chaque demande a la promesse qui lui revient.")


@click.command("serve")
@doors.on_database
def serve_all() -> None:
    """Tout lancer sur cette machine : base, pages, envois ; Ctrl-C arrête tout."""
    try:
        serve.run()
    except serve.PortTaken as taken:
        raise click.ClickException(
            f"Le port {taken.port} est déjà pris : arrêtez ce qui l’occupe, ou PORT=8001 make run."
        ) from None
