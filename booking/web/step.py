"""The second step of signing in: a code, a passkey, or setting up what shows the codes."""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import accounts, guards
from booking.accounts import authenticators, enrolling, entering, passkeys, sessions
from booking.extensions import db, equipment, now
from booking.models import Account
from booking.web import entry, qr
from booking.web.carried import Carried
from booking.web.entry import HALF
from config import logs
from config.database import transaction

step = Blueprint("step", __name__)


def begin_enrolment(rows: Session, token: str) -> None:
    """Make the secret that the page of enrolment will show: looking at the page makes none."""
    enrolling.begin_in_step(rows, token, keys=equipment().settings.keys, now=now())


def lead_to(entered: accounts.Entered) -> ResponseReturnValue:
    """Lead whoever has said the password to what is left to do, with what they were sending."""
    entry.hold(entered.token, kind=HALF)
    if entered.step is accounts.Step.ENROL:
        return redirect(url_for("step.enrol", next=entry.wanted() or None), 303)
    kept = entry.handed_on()
    if kept.fields:
        # No redirect carries a form: the page of the step does.
        return _page(entered.token, {}, kept)
    return redirect(url_for("step.show", next=entry.wanted() or None), 303)


def _to_the_beginning() -> ResponseReturnValue:
    return redirect(url_for("session.sign_in", next=entry.wanted() or None), 303)


@step.get("/connexion/code")
@guards.open_to(guards.HALF_SIGNED_IN)
def show() -> ResponseReturnValue:
    """Ask for a code of the application, one from the paper, or a passkey."""
    return _page(entry.token(HALF), {}, None)


def _page(
    token: str, errors: dict[str, str], kept: Carried | None, status: int = 200
) -> ResponseReturnValue:
    with transaction(db.session) as rows:
        found = token and sessions.half(rows, token, now=now())
        if not found or not entering.is_enrolled(rows, found[0]):
            return _to_the_beginning()
        asked = passkeys.challenge(token, entry.secret())
        options = passkeys.to_prove(rows, found[0], entry.party(), asked)
    page = render_template(
        "session/step.html",
        errors=errors,
        action=url_for("step.prove"),
        next=entry.wanted(),
        options=options,
        kept=kept,
        is_sign_in=True,
    )
    return page, status


@step.post("/connexion/code")
@guards.open_to(guards.HALF_SIGNED_IN)
def prove() -> ResponseReturnValue:
    """Open the session, if that was the proof; the token of the first step ends with it."""
    token = entry.token(HALF)
    try:
        with transaction(db.session) as rows:
            new = entering.prove(rows, token, entry.proof(), device=entry.device(), now=now())
    except accounts.StepOver:
        return _to_the_beginning()
    except accounts.TooManyFailures:
        return _page(token, {"code": too_many()}, entry.handed_on(), 429)
    if new is None:
        return _page(token, {"code": not_right()}, entry.handed_on(), 422)
    entry.hold(new)
    return entry.go_in(new)


def not_right() -> str:
    """Return what is said of a proof that was none, in whatever way."""
    if request.form.get("passkey"):
        return str(_("Cette clé d’accès n’est pas reconnue. Tapez un code."))
    return str(_("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant."))


def too_many() -> str:
    """Return what is said after five wrong codes."""
    return str(_("Cinq codes faux : attendez 15 minutes."))


@step.get("/connexion/activer")
@guards.open_to(guards.HALF_SIGNED_IN)
def enrol() -> ResponseReturnValue:
    """Show the secret to whoever must have a second factor and has none."""
    return _enrolment({})


def _enrolment(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    with transaction(db.session) as rows:
        account, secret = _enrolling(rows)
    if account is None or secret is None:
        return _to_the_beginning()
    page = render_template(
        "session/enrol.html",
        errors=errors,
        action=url_for("step.confirm"),
        qr_url=url_for("step.picture"),
        secret=qr.in_groups(secret),
        next=entry.wanted(),
        asks_password=False,
    )
    return page, status


def _enrolling(rows: Session) -> tuple[Account | None, str | None]:
    token = entry.token(HALF)
    found = sessions.half(rows, token, now=now()) if token else None
    if found is None or entering.is_enrolled(rows, found[0]):
        return None, None
    return found[0], authenticators.pending(rows, found[0], keys=equipment().settings.keys)


@step.get("/connexion/qr.svg")
@guards.open_to(guards.HALF_SIGNED_IN)
def picture() -> Response:
    """Return the secret as a picture that telephones read; nobody keeps a copy of it."""
    with transaction(db.session) as rows:
        account, secret = _enrolling(rows)
    if account is None or secret is None:
        abort(404)
    return qr.picture(secret, account.email)


@step.post("/connexion/activer")
@guards.open_to(guards.HALF_SIGNED_IN)
def confirm() -> ResponseReturnValue:
    """Open the session once the application has shown its first code, and show the ten codes."""
    try:
        with transaction(db.session) as rows:
            made = enrolling.confirm_in_step(
                rows,
                entry.token(HALF),
                request.form.get("code", ""),
                keys=equipment().settings.keys,
                secret=entry.secret(),
                device=entry.device(),
                now=now(),
            )
    except accounts.StepOver:
        return _to_the_beginning()
    except accounts.TooManyFailures:
        return _enrolment({"code": too_many()}, 429)
    if made is None:
        return _enrolment({"code": not_right()}, 422)
    entry.hold(made.token)
    logs.event("second_factor_set_up")
    return render_template(
        "session/codes.html",
        errors={},
        codes=made.codes,
        onward=entry.wanted() or url_for("own.show"),
    )
