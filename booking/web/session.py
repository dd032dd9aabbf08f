"""Staff sign in and out; each request learns here who it comes from."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking import accounts, guards
from booking.extensions import db, equipment, now
from booking.models import Role
from config.database import transaction

session = Blueprint("session", __name__)

TOKEN = "staff"  # noqa: S105 - the name of a key, not a secret
"""The one thing, with the CSRF token, that the signed cookie holds: it is readable by anybody."""

DOORS = {
    Role.OPERATOR: ("console.waiting",),
    Role.SECRETARY: ("day.show", "supply.show", "console.waiting"),
    Role.PROFESSIONAL: ("day.show", "supply.show", "protocol.listing"),
    Role.COORDINATOR: ("coordination.today", "console.waiting", "protocol.listing"),
    Role.ADMINISTRATOR: ("administration.show",),
}
"""The pages of each role; the first is where signing in leads to."""

NAMES = {
    "console.waiting": lazy("Demandes"),
    "day.show": lazy("Journée"),
    "supply.show": lazy("Créneaux"),
    "console.followed.decisions": lazy("Décisions"),
    "coordination.today": lazy("Coordination"),
    "protocol.listing": lazy("Protocole"),
    "administration.show": lazy("Administration"),
}

PASSWORD_REFUSED = {
    "short": lazy("Choisissez au moins 12 caractères"),
    "long": lazy("Choisissez 256 caractères au plus"),
    "common": lazy("Ce mot de passe est trop courant. Choisissez plusieurs mots sans lien"),
    "personal": lazy("Ce mot de passe contient votre nom. Choisissez plusieurs mots sans lien"),
}


@session.before_app_request
def find_identity() -> None:
    """Learn who is signed in, from the token in the cookie; requests without one ask nothing."""
    if request.endpoint in guards.NOT_OURS:
        return
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return
    token = cookie.get(TOKEN)
    if not isinstance(token, str):
        return
    with transaction(db.session) as rows:
        member = accounts.who(rows, token, now=now())
    if member is not None:
        g.identity = guards.Identity(**asdict(member))


@session.app_context_processor
def for_staff_layout() -> dict[str, Any]:
    """Tell templates who is signed in, and which doors are theirs."""
    somebody = guards.identity_or_none()
    if somebody is None:
        return {"identity": None, "doors": ()}
    return {
        "identity": somebody,
        "doors": [(name, NAMES[name]) for name in DOORS[somebody.role]],
        "home_url": url_for(DOORS[somebody.role][0]),
    }


@session.get("/connexion")
@guards.open_to(guards.PUBLIC)
def sign_in() -> ResponseReturnValue:
    """Show the sign-in form; whoever is signed in goes on to their page."""
    somebody = guards.identity_or_none()
    if somebody is not None:
        return redirect(url_for(DOORS[somebody.role][0]), 303)
    return render_template(
        "session/sign_in.html",
        next=inside(request.args.get("next", "")) or "",
        errors={},
        email="",
        password_was_changed="mot-de-passe" in request.args,
    )


@session.post("/connexion")
@guards.open_to(guards.PUBLIC)
def enter() -> ResponseReturnValue:
    """Open a session, and go to the page that was asked for; or say the one sentence."""
    email = request.form.get("email", "")
    try:
        with transaction(db.session) as rows:
            token = accounts.sign_in(
                rows,
                email,
                request.form.get("password", ""),
                address=request.remote_addr or "",
                secret=equipment().settings.secret_key.get_secret_value().encode(),
                now=now(),
            )
            member = accounts.who(rows, token, now=now()) if token else None
    except accounts.TooManyFailures:
        return _refused(email, 429)
    if token is None or member is None:
        return _refused(email, 422)
    _end_present_session()
    # A cookie from before the sign-in opens nothing after it.
    cookie.clear()
    cookie[TOKEN] = token
    wanted = inside(request.form.get("next", ""))
    return redirect(wanted or url_for(DOORS[member.role][0]), 303)


def _refused(email: str, status: int) -> ResponseReturnValue:
    page = render_template(
        "session/sign_in.html",
        next=inside(request.form.get("next", "")) or "",
        errors={"email": _("Adresse ou mot de passe incorrect.")},
        email=email,
    )
    return page, status


def inside(target: str) -> str | None:
    """Return a path of this site, or None for what might lead to another."""
    plain = target.isprintable() and "\\" not in target and " " not in target
    if not plain or not target.startswith("/") or target.startswith("//"):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target


@session.post("/deconnexion")
@guards.open_to(guards.PUBLIC)
def leave() -> ResponseReturnValue:
    """End this session, here and in the database; whoever has none is sent to sign in as well."""
    _end_present_session()
    cookie.clear()
    return redirect(url_for("session.sign_in"), 303)


def _end_present_session() -> None:
    token = cookie.get(TOKEN)
    if isinstance(token, str):
        with transaction(db.session) as rows:
            accounts.sign_out(rows, token, now=now())


@session.get("/mot-de-passe")
@guards.open_to(*guards.STAFF)
def password() -> ResponseReturnValue:
    """Show the form that changes one's own password."""
    return render_template("session/password.html", errors={})


@session.post("/mot-de-passe")
@guards.open_to(*guards.STAFF)
def change_password() -> ResponseReturnValue:
    """Change one's own password; every session of the account ends, this one too."""
    member = accounts.Member(**asdict(guards.identity()))
    try:
        with transaction(db.session) as rows:
            accounts.change_password(
                rows,
                member,
                present=request.form.get("present", ""),
                wanted=request.form.get("wanted", ""),
                now=now(),
            )
    except accounts.WrongPassword:
        errors = {"present": _("Ce n’est pas votre mot de passe actuel")}
    except accounts.PasswordRefused as refused:
        errors = {"wanted": str(PASSWORD_REFUSED[refused.why])}
    else:
        cookie.clear()
        return redirect(url_for("session.sign_in") + "?mot-de-passe", 303)
    return render_template("session/password.html", errors=errors), 422
