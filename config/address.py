"""Where the database answers: what DATABASE_URL says, else the embedded server."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from config import embedded
from config.settings import Settings


def of_database(settings: Settings) -> Callable[[], str]:
    """Return what gives the database's address; the embedded server starts when it is asked."""

    @cache
    def address() -> str:
        return settings.database_url or embedded.start(folder(settings))

    return address


def folder(settings: Settings) -> Path:
    """Return where the embedded server keeps its files."""
    return settings.var.resolve() / "postgres"
