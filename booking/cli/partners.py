"""Keys of partners' software at the command line: made once, listed, revoked."""

from uuid import UUID

import click

from booking import clients
from booking.cli import doors
from booking.desk import members
from booking.extensions import db, now
from booking.models import Scope
from config.database import transaction

SCOPES = click.Choice([scope.value for scope in Scope])


@click.command("create-api-client")
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@click.option("--name", prompt="Nom du logiciel")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=SCOPES,
    help="Ce que la clé permet ; à répéter. Sans cette option : tout.",
)
@doors.on_database
def create_api_client(slug: str, name: str, scopes: tuple[str, ...]) -> None:
    """Autoriser un logiciel et montrer sa clé, une seule fois."""
    wanted = frozenset(map(Scope, scopes)) or clients.EVERYTHING
    with transaction(db.session) as session:
        community_id = doors.community(session, slug).id
        key = clients.issue_key(session, community_id, name, scopes=wanted, now=now())
    click.echo(key)


@click.command("list-api-clients")
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@doors.on_database
def list_api_clients(slug: str) -> None:
    """Dire quels logiciels ont une clé, pour quoi, depuis quand ; jamais la clé."""
    with transaction(db.session) as session:
        listed = members.clients(session, doors.community(session, slug).id)
    for client in listed:
        ended = f"révoquée le {client.revoked_at:%Y-%m-%d}" if client.revoked_at else "valable"
        scopes = " ".join(client.scopes)
        click.echo(
            f"{client.reference}  {client.created_at:%Y-%m-%d}  {ended}  {scopes}  {client.name}"
        )


@click.command("revoke-api-client")
@click.option("--community", "slug", required=True, help="Nom court de la CPTS.")
@click.argument("reference", metavar="RÉFÉRENCE", type=click.UUID)
@doors.on_database
def revoke_api_client(slug: str, reference: UUID) -> None:
    """Fermer une clé à l'instant ; ce que le logiciel a réservé reste."""
    try:
        with transaction(db.session) as session:
            community_id = doors.community(session, slug).id
            clients.revoke(session, community_id, reference, now=now())
    except clients.NoSuchClient:
        raise click.ClickException("Aucune clé valable ne porte cette référence.") from None
    click.echo("La clé est révoquée.")
