"""A community at the command line: made, filled from the national directory, opened to people."""

import sys
from collections.abc import Callable, Iterator
from datetime import time
from pathlib import Path
from uuid import uuid4
from zoneinfo import available_timezones

import click
from sqlalchemy import select, text

from booking import accounts
from booking.cli import doors
from booking.extensions import db, now
from booking.models import Role
from config.database import transaction
from notifications import limits
from schedules import annuaire
from schedules.models import Community

PASSWORD_REFUSED = {
    "short": "il faut au moins 12 caractères",
    "long": "il faut 256 caractères au plus",
    "common": "il est trop courant",
    "personal": "il contient le nom ou l’adresse",
}
ACCOUNT_REFUSED = {
    "email": "L’adresse n’est pas une adresse électronique.",
    "name": "Le nom ne convient pas.",
}
COMMUNE_REFUSED = {
    "insee": "un code de 5 signes est attendu, une seule fois",
    "name": "un nom est attendu",
    "postal_code": "5 chiffres sont attendus",
    "latitude": "des degrés sont attendus, de -90 à 90",
    "longitude": "des degrés sont attendus, de -180 à 180",
}
LINES_A_STEP = 10_000
"""The bar moves this often: asking more often costs more than it shows."""
MOST_TOLD = 100

MOST_MESSAGES = 1_000_000
"""No limit at all would be a slip of the finger."""

UNREADABLE = "Ce fichier n’est pas une extraction de l’Annuaire Santé lisible (UTF-8)."


@click.command("create-community")
@click.argument("slug", metavar="NOM_COURT")
@click.option("--name", prompt="Nom de la CPTS")
@click.option("--phone", prompt="Téléphone de la ligne", help="Tel que les gens le lisent.")
@click.option("--email", prompt="Adresse électronique")
@click.option("--zone", default="Europe/Paris", help="Fuseau horaire (base IANA).")
@doors.on_database
def create_community(slug: str, name: str, phone: str, email: str, zone: str) -> None:
    """Enregistrer une CPTS, dont la ligne répond de 8 h à 20 h."""
    if zone not in available_timezones():
        raise click.ClickException(f"Aucun fuseau horaire ne s’appelle « {zone} ».")
    with transaction(db.session) as session:
        if session.scalar(select(Community).where(Community.slug == slug)):
            raise click.ClickException(f"Une CPTS s’appelle déjà « {slug} ».")
        session.add(
            Community(
                reference=uuid4(),
                name=name,
                slug=slug,
                zone_name=zone,
                phone=phone,
                email=email,
                opens_at=time(8),
                closes_at=time(20),
            )
        )
    click.echo(f"{name} est enregistrée.")


@click.command("limit-messages")
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@click.argument("count", metavar="NOMBRE", type=click.IntRange(0, MOST_MESSAGES))
@doors.on_database
def limit_messages(slug: str, count: int) -> None:
    """Fixer combien de SMS et d’appels une CPTS peut envoyer par jour (2 000 sans cela)."""
    with transaction(db.session) as session:
        community = doors.community(session, slug)
        limits.allow(session, community.id, count)
        name = community.name
    click.echo(f"{name} : {count} SMS et appels par jour au plus.")


@click.command("create-admin")
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@click.option("--email", prompt="Adresse électronique")
@click.option("--name", prompt="Nom")
@click.password_option(prompt="Mot de passe", confirmation_prompt="Encore une fois")
@doors.on_database
def create_admin(slug: str, email: str, name: str, password: str) -> None:
    """Ouvrir un compte d’administration ; le mot de passe est demandé, ou lu sur l’entrée."""
    try:
        with transaction(db.session) as session:
            accounts.create(
                session,
                doors.community(session, slug).id,
                email=email,
                name=name,
                role=Role.ADMINISTRATOR,
                password=password,
                now=now(),
            )
    except accounts.PasswordRefused as refused:
        why = PASSWORD_REFUSED[refused.why]
        raise click.ClickException(f"Ce mot de passe ne convient pas : {why}.") from None
    except accounts.EmailTaken:
        raise click.ClickException("Cette adresse a déjà un compte.") from None
    except accounts.AccountRefused as refused:
        raise click.ClickException(ACCOUNT_REFUSED[refused.field]) from None
    click.echo(f"Le compte de {email} est ouvert.")


@click.command("import-communes")
@click.argument(
    "file", metavar="FICHIER", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@doors.on_database
def import_communes(file: Path, slug: str) -> None:
    """Lire les communes du territoire (CSV : insee, name, postal_code, latitude, longitude)."""
    try:
        with transaction(db.session) as session, file.open(encoding="utf-8-sig", newline="") as csv:
            community = doors.community(session, slug)
            done = annuaire.keep_communes(session, community, csv)
    except annuaire.ColumnMissing as missing:
        raise click.ClickException(f"Il manque la colonne « {missing.column} ».") from None
    except annuaire.CommuneRefused as refused:
        why = COMMUNE_REFUSED[refused.column]
        raise click.ClickException(
            f"Ligne {refused.line}, colonne « {refused.column} » : {why}. Rien n’est enregistré."
        ) from None
    except annuaire.FileUnreadable:
        raise click.ClickException("Ce fichier n’est pas un tableau CSV lisible (UTF-8).") from None
    new, changed, same = (done[key] for key in ("new", "changed", "same"))
    click.echo(f"Communes : {new} nouvelles, {changed} modifiées, {same} inchangées.")


@click.command("import-directory")
@click.argument(
    "file", metavar="FICHIER", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@click.option("--everywhere", is_flag=True, help="Sans se limiter aux communes du territoire.")
@click.option(
    "--departement", "departements", multiple=True, help="De ce département seulement ; répétable."
)
@click.option("--rpps", multiple=True, help="De cette personne seulement ; répétable.")
@doors.on_database
def import_directory(
    file: Path, slug: str, *, everywhere: bool, departements: tuple[str, ...], rpps: tuple[str, ...]
) -> None:
    """Lire une extraction de l’Annuaire Santé (PS_LibreAcces_Personne_activite)."""
    wanted = annuaire.Wanted(
        departements=frozenset(map(str.upper, departements)) or None, rpps=frozenset(rpps) or None
    )
    try:
        with transaction(db.session) as session, annuaire.opened(file) as source:
            community = doors.community(session, slug)
            # Reading a gigabyte takes longer than a page may keep a transaction waiting.
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            with click.progressbar(length=source.size, label="Lecture", file=sys.stderr) as advance:
                kept = annuaire.keep(
                    session,
                    community,
                    _followed(source, advance.update),
                    wanted=wanted,
                    everywhere=everywhere,
                )
    except annuaire.ColumnMissing as missing:
        raise click.ClickException(f"Il manque la colonne « {missing.column} ».") from None
    except annuaire.FileUnreadable:
        raise click.ClickException(UNREADABLE) from None
    except annuaire.TooMuch:
        raise click.ClickException(
            "Ce fichier dépasse un territoire : enregistrez d’abord les communes de la CPTS."
        ) from None
    for sentence in _told(kept):
        click.echo(sentence)


def _followed(source: annuaire.Lines, advance: Callable[[int], None]) -> Iterator[str]:
    """Return the lines, and tell now and then how many bytes more were read."""
    told = 0
    for number, line in enumerate(source):
        if number % LINES_A_STEP == 0:
            read = source.read()
            advance(read - told)
            told = read
        yield line
    advance(source.size - told)


def _told(kept: annuaire.Kept) -> Iterator[str]:
    reading = kept.reading
    yield f"Lignes lues : {reading.rows}, hors du territoire : {reading.elsewhere}."
    for what, counts in (("Professionnels", kept.professionals), ("Lieux", kept.places)):
        new, changed, same = (counts[key] for key in ("new", "changed", "same"))
        yield f"{what} : {new} nouveaux, {changed} modifiés, {same} inchangés."
    for change in kept.changes[:MOST_TOLD]:
        yield f"Modifié : {change.whose} ({', '.join(change.columns)})."
    if len(kept.changes) > MOST_TOLD:
        yield f"Et {len(kept.changes) - MOST_TOLD} autres modifications."
    for why, sentence in (
        ("rpps", "numéro RPPS qui n’a pas 11 chiffres"),
        ("identifier", "identifiant qui n’est pas un RPPS"),
        ("name", "nom absent"),
        ("fields", "ligne incomplète"),
    ):
        if count := reading.refused[why]:
            yield f"Lignes refusées, {sentence} : {count}."
    for code, count in sorted(kept.professions_unserved.items()):
        yield f"Profession {code} sans place dans les protocoles : {count} personne(s) écartée(s)."
    for insee, count in sorted(kept.communes_unknown.items()):
        yield f"Commune {insee} inconnue, donc sans position : {count} lieu(x) écarté(s)."
    if kept.wrong_keys:
        yield f"À vérifier, clé du RPPS inattendue : {', '.join(kept.wrong_keys)}."
    if kept.wrong_finess:
        yield f"À vérifier, clé du FINESS inattendue : {', '.join(kept.wrong_finess)}."
