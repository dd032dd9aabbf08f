"""Somebody has lost their phone: a coordinator or administrator takes their second factor away."""

from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from booking import accounts, guards
from booking.desk import account_letters, board, members
from booking.extensions import db, now
from booking.models import Role
from booking.web import entry
from booking.web.own import ask_first
from config import logs
from config.database import transaction

lost_factor = Blueprint("lost_factor", __name__)

WHO = (Role.ADMINISTRATOR, Role.COORDINATOR)


@lost_factor.get("/comptes/<uuid:reference>/deuxieme-etape")
@guards.open_to(*WHO)
def show(reference: UUID) -> ResponseReturnValue:
    """Ask whether it is really them: a voice on the telephone is not enough."""
    with transaction(db.session) as rows:
        found = _theirs(rows, reference)
        community = board.community_of(rows, guards.identity().community_id)
    if not entry.is_proved_lately():
        return ask_first(url_for("lost_factor.show", reference=reference))
    return render_template(
        "administration/lost_factor.html",
        errors={},
        community=community,
        account=found,
        back_url=url_for(entry.DOORS[guards.identity().role][0]),
    )


@lost_factor.post("/comptes/<uuid:reference>/deuxieme-etape")
@guards.open_to(*WHO)
def remove(reference: UUID) -> ResponseReturnValue:
    """Take the second factor away and tell its owner; all their sessions end."""
    somebody = guards.identity()
    with transaction(db.session) as rows:
        _theirs(rows, reference)
        if not entry.is_proved_lately():
            return ask_first(url_for("lost_factor.show", reference=reference))
        account_letters.remove_second_factor(rows, somebody.community_id, reference, now=now())
    logs.event("second_factor_removed", about=reference, actor=somebody.account)
    return redirect(url_for(entry.DOORS[somebody.role][0]), 303)


def _theirs(rows: Session, reference: UUID) -> accounts.Listed:
    """Return an account of whoever may be helped by this one: never one's own.

    An administrator helps everybody of the community, a coordinator its members.
    """
    somebody = guards.identity()
    try:
        found = members.account(rows, somebody.community_id, reference)
    except accounts.NoSuchAccount:
        abort(404)
    is_member = found.role is Role.PROFESSIONAL
    may = somebody.role is Role.ADMINISTRATOR or is_member
    if not may or reference == somebody.account or found.closed_at or not found.has_second_factor:
        abort(404)
    return found
