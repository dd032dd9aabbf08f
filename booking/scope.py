"""Which community this request may touch: said before its transactions begin (config.walls)."""

from typing import cast

from flask import g, has_app_context
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from booking.links import hashed
from config import walls
from config.walls import Scope

_ENTER = text("SELECT set_config('jourmeme.community', CAST(:id AS text), true)")
_ENTER_BY_EMAIL = text(
    "SELECT set_config('jourmeme.community', coalesce(community_of_account(:email), 0)::text, true)"
).bindparams(bindparam("email"))


def present() -> Scope:
    """Return what transactions that begin now may see: nothing, until a door has said more."""
    return cast("Scope", g.get("scope", walls.NOWHERE)) if has_app_context() else walls.NOWHERE


def forget() -> None:
    """See nothing again: another request begins."""
    g.pop("scope", None)


def narrow_to(community_id: int) -> None:
    """See one community from the next transaction on."""
    g.scope = walls.of_community(community_id)


def hold(token: str) -> None:
    """See, from the next transaction on, the community that this secret opens something of."""
    g.scope = walls.of_holder(hashed(token))


def widen() -> None:
    """See all communities from the next transaction on: for machines, commands and providers."""
    g.scope = walls.EVERYWHERE


def enter(session: Session, community_id: int) -> None:
    """See one community now, and in the transactions after this one."""
    narrow_to(community_id)
    session.execute(_ENTER, {"id": str(community_id)})


def enter_by_email(session: Session, email: str) -> None:
    """See, until this transaction ends, the community of whoever signs in with this."""
    typed = email.strip().lower()
    session.execute(
        _ENTER_BY_EMAIL, {"email": typed if typed.isascii() and typed.isprintable() else ""}
    )
