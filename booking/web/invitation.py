"""A new member chooses their password, by the link of the letter that invited them."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from booking import accounts, guards
from booking.desk import board
from booking.extensions import db, now
from booking.web.session import PASSWORD_REFUSED
from config import logs
from config.database import transaction

invitation = Blueprint("invitation", __name__)


@invitation.get("/invitation/<token>")
@guards.open_to(guards.INVITED)
def show(token: str) -> ResponseReturnValue:
    """Show the form, or say that the link does not open any more."""
    return _page(token, {})


def _page(token: str, errors: dict[str, str]) -> ResponseReturnValue:
    try:
        with transaction(db.session) as session:
            account, _invitation = accounts.invited(session, token, now=now())
            community = board.community_of(session, account.community_id)
    except accounts.InvitationUnusable:
        return _over()
    page = render_template(
        "session/invitation.html",
        errors=errors,
        community=community,
        token=token,
        email=account.email,
    )
    return page, 422 if errors else 200


def _over() -> ResponseReturnValue:
    return render_template("session/invitation_over.html", errors={}), 410


@invitation.post("/invitation/<token>")
@guards.open_to(guards.INVITED)
def accept(token: str) -> ResponseReturnValue:
    """Keep the password and lead to the sign-in page."""
    try:
        with transaction(db.session) as session:
            wanted = request.form.get("wanted", "")
            account = accounts.accept(session, token, wanted, now=now())
    except accounts.InvitationUnusable:
        return _over()
    except accounts.PasswordRefused as refused:
        return _page(token, {"wanted": str(PASSWORD_REFUSED[refused.why])})
    logs.event("invitation_accepted", about=account.reference)
    return redirect(url_for("session.sign_in") + "?mot-de-passe", 303)
