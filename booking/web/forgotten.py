"""A forgotten password: one sentence for everybody, and a letter for whoever has an account."""

from typing import Any

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from booking import accounts, guards, scope
from booking.accounts import resets
from booking.desk import account_letters, board
from booking.extensions import db, equipment, now
from booking.web import entry
from booking.web.session import PASSWORD_REFUSED
from config import logs
from config.database import transaction

forgotten = Blueprint("forgotten", __name__)


@forgotten.get("/mot-de-passe-oublie")
@guards.open_to(guards.PUBLIC)
def show() -> str:
    """Ask for the e-mail."""
    return render_template("session/forgotten.html", errors={})


@forgotten.post("/mot-de-passe-oublie")
@guards.open_to(guards.PUBLIC)
def ask() -> ResponseReturnValue:
    """Say the one sentence; whether there is such an account is looked up once it has left."""
    email = request.form.get("email", "")
    with transaction(db.session) as rows:
        may_leave = resets.count_asked(rows, email, **entry.origin(), now=now())
    answer = make_response(render_template("session/forgotten_sent.html", errors={}))
    if may_leave:
        app: Any = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way
        answer.call_on_close(lambda: _write(app, email))
    return answer


def _write(app: Any, email: str) -> None:
    """Promise the letter, if somebody signs in with this: nobody waits for it, so none can tell."""
    with app.app_context(), transaction(db.session) as rows:
        scope.enter_by_email(rows, email)
        account_letters.password_reset(rows, email, links=equipment().links, now=now())


@forgotten.get("/mot-de-passe-oublie/<token>")
@guards.open_to(guards.INVITED)
def choose(token: str) -> ResponseReturnValue:
    """Show the form, or say that the link does not open any more. Looking changes nothing."""
    return _page(token, {})


def _page(token: str, errors: dict[str, str]) -> ResponseReturnValue:
    try:
        with transaction(db.session) as rows:
            account, _asked = resets.asked(rows, token, now=now())
            community = board.community_of(rows, account.community_id)
    except accounts.ResetUnusable:
        return _over()
    page = render_template(
        "session/reset.html", errors=errors, community=community, token=token, email=account.email
    )
    return page, 422 if errors else 200


def _over() -> ResponseReturnValue:
    return render_template("session/reset_over.html", errors={}), 410


@forgotten.post("/mot-de-passe-oublie/<token>")
@guards.open_to(guards.INVITED)
def keep(token: str) -> ResponseReturnValue:
    """Keep the password, end every session, and lead to the sign-in page."""
    try:
        with transaction(db.session) as rows:
            account = resets.use(rows, token, request.form.get("wanted", ""), now=now())
            account_letters.password_was_changed(rows, account, now=now())
    except accounts.ResetUnusable:
        return _over()
    except accounts.PasswordRefused as refused:
        return _page(token, {"wanted": str(PASSWORD_REFUSED[refused.why])})
    logs.event("password_chosen_again", about=account.reference)
    return redirect(url_for("session.sign_in") + "?mot-de-passe", 303)
