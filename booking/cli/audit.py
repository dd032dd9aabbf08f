"""Commands about the audit: is it as it was written, and who has seen somebody's file."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking.audit import chain, checking, reading, unit
from booking.audit.verifying import Anchor, Broken
from booking.audit.writing import About
from booking.cli import doors
from booking.extensions import db
from booking.models import Action
from booking.web import access_words, staff_forms
from config.database import transaction
from schedules.models import Community

WHY = {
    "the beginning was changed": "le début a été changé",
    "a number is missing, or there twice": "un numéro manque, ou existe deux fois",
    "a line is missing": "une ligne manque",
    "a line was changed, or is not ours": "une ligne a été changée, ou ajoutée",
    "a line is not in its place": "une ligne n’est pas à sa place",
    "a line has no number, and is old": "une ligne ancienne n’a pas de numéro",
    "an anchor says otherwise": "le repère dit autre chose",
    "the end is missing": "la fin manque",
}


class _AnchorType(click.ParamType[Anchor]):
    name = "NUMÉRO:EMPREINTE"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Anchor:
        number, _colon, written = value.partition(":")
        try:
            return Anchor(int(number), bytes.fromhex(written))
        except ValueError:
            self.fail("écrivez le numéro et l’empreinte du journal, 120:9f3c…", param, ctx)


@click.command("verify-audit")
@click.option("--anchor", type=_AnchorType(), multiple=True, help="audit_anchor du journal.")
@doors.on_database
def verify(anchor: tuple[Anchor, ...]) -> None:
    """Vérifier que rien n’a été changé, ôté ni ajouté au registre des accès."""
    chain.extend_all(_transactions)
    try:
        found = checking.check(_transactions, anchor)
    except Broken as wrong:
        raise click.ClickException(
            f"Le registre ne tient pas. Premier numéro faux : {wrong.number} ({WHY[wrong.why]})."
        ) from None
    click.echo(
        f"Le registre tient : {found.count} lignes, jusqu’au numéro {found.number}. "
        f"Repère : {found.number}:{found.hash.hex()}"
    )


@click.command("who-saw")
@click.argument("what", metavar="CODE_OU_DEMANDE")
@doors.on_database
def who_saw(what: str) -> None:
    """Dire qui a ouvert ou changé la demande d’un rendez-vous (CSV) : son code, ou sa référence."""
    asked = staff_forms.a_reference(what)
    with transaction(db.session) as session:
        about = [asked] if asked else reading.of_code(session, _as_kept(what))
        found = reading.of_rows(session, about)
        if not found:
            raise click.ClickException("Rien n’est noté de cette demande.")
        communities = {each.id: each for each in session.scalars(select(Community))}
        said = [access_words.cells(each, communities[each.community_id]) for each in found]
        unit.note(Action.EXPORT, About("care_request", about[0]), count=len(said))
    click.echo(access_words.table(said).decode("utf-8-sig"), nl=False)


def _as_kept(code: str) -> str:
    letters = "".join(code.split()).upper()
    return f"{letters[:3]} {letters[3:]}"


@contextmanager
def _transactions() -> Iterator[Session]:
    with transaction(db.session) as session:
        yield session
