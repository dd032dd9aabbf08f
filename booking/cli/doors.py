"""What commands that use the database have in common: refusals of the database in plain words."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask.cli import with_appcontext
from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from booking import scope
from booking.audit import unit
from booking.audit.writing import Who
from booking.extensions import db, now
from booking.models import ActorKind
from config.database import transaction
from config.walls import NoRoles
from schedules.models import Community

P = ParamSpec("P")
R = TypeVar("R")


def on_database(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command inside the app; say in one sentence what keeps the database from it."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        scope.widen()
        noted = unit.Unit(command.__name__, lambda: Who(ActorKind.COMMAND), now)
        try:
            with unit.working(noted, lambda: transaction(db.session)):
                return command(*args, **kwargs)
        except NoRoles as missing:
            raise click.ClickException(
                "À faire une fois, en superutilisateur de PostgreSQL (jourmeme : l’utilisateur de "
                f"DATABASE_URL) :\n{missing.statements}"
            ) from None
        except OperationalError:
            raise click.ClickException("La base de données ne répond pas.") from None
        except ProgrammingError as refused:
            if isinstance(refused.orig, UndefinedTable | UndefinedColumn):
                raise click.ClickException(
                    "La base n’est pas à jour : flask --app wsgi upgrade"
                ) from None
            raise

    return with_appcontext(run)


def community(session: Session, slug: str) -> Community:
    """Return the community of that short name, or end the command with a sentence."""
    found = session.scalar(select(Community).where(Community.slug == slug))
    if found is None:
        raise click.ClickException(f"Aucune CPTS ne s’appelle « {slug} ».")
    return found
