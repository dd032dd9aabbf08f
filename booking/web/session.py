"""Staff sign in and out; each request learns here who it comes from."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking import accounts, guards, scope
from booking.accounts import sessions
from booking.extensions import db, equipment, now
from booking.web import entry, step
from booking.web.entry import DOORS, inside
from config.database import transaction

__all__ = ["inside", "session"]

session = Blueprint("session", __name__)

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
    if half := entry.token(entry.HALF):
        scope.hold(half)
    token = entry.token()
    if not token:
        return
    scope.hold(token)
    demanded = equipment().settings.demands_second_factor
    with transaction(db.session) as rows:
        member = accounts.who(rows, token, demanded=demanded, is_use=not _is_by_itself(), now=now())
        if member is None:
            g.is_resting = sessions.resting(rows, token, demanded=demanded, now=now()) is not None
    if member is not None:
        g.identity = guards.Identity(**asdict(member))


def _is_by_itself() -> bool:
    """Whether a page asks by itself, with perhaps nobody at it: that keeps no session awake."""
    is_by_script = request.headers.get("HX-Request") == "true"
    if request.method == "POST":
        return is_by_script and request.form.get("faire") == "voir"
    return is_by_script and request.endpoint == "coordination.today"


@session.app_context_processor
def for_staff_layout() -> dict[str, Any]:
    """Tell templates who is signed in, and which doors are theirs."""
    somebody = guards.identity_or_none()
    if somebody is None:
        is_national = equipment().settings.psc_is_set
        return {"identity": None, "doors": (), "offers_pro_sante_connect": is_national}
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
        next=entry.wanted(),
        errors={},
        email="",
        kept=None,
        password_was_changed="mot-de-passe" in request.args,
        is_left_there="pro-sante-connect" in request.args,
    )


@session.post("/connexion")
@guards.open_to(guards.PUBLIC)
def enter() -> ResponseReturnValue:
    """Open a session, or lead to the second step; or say the one sentence."""
    email = request.form.get("email", "")
    try:
        with transaction(db.session) as rows:
            scope.enter_by_email(rows, email)
            entered = accounts.sign_in(
                rows,
                email,
                request.form.get("password", ""),
                **entry.origin(),
                device=entry.device(),
                known_device=entry.known_device(),
                demanded=equipment().settings.demands_second_factor,
                now=now(),
            )
            if entered is not None and entered.step is accounts.Step.ENROL:
                step.begin_enrolment(rows, entered.token)
    except accounts.TooManyFailures:
        return _refused(email, 429)
    if entered is None:
        return _refused(email, 422)
    entry.end_present_session()
    if entered.step is not accounts.Step.DONE:
        return step.lead_to(entered)
    entry.hold(entered.token)
    return entry.go_in(entered.token)


def _refused(email: str, status: int) -> ResponseReturnValue:
    page = render_template(
        "session/sign_in.html",
        next=entry.wanted(),
        errors={"email": _("Adresse ou mot de passe incorrect.")},
        email=email,
        kept=entry.handed_on(),
    )
    return page, status


@session.post("/deconnexion")
@guards.open_to(guards.PUBLIC)
def leave() -> ResponseReturnValue:
    """End this session, here and in the database; whoever has none is sent to sign in as well."""
    entry.end_present_session()
    was_national = cookie.pop(entry.NATIONAL, False)
    cookie.clear()
    return redirect(
        url_for("session.sign_in") + ("?pro-sante-connect" if was_national else ""), 303
    )


@session.get("/mot-de-passe")
@guards.open_to(*guards.STAFF)
def password() -> ResponseReturnValue:
    """Show the form that changes one's own password."""
    return render_template("session/password.html", errors={})


@session.post("/mot-de-passe")
@guards.open_to(*guards.STAFF)
def change_password() -> ResponseReturnValue:
    """Change one's own password; every session of the account ends, this one too."""
    try:
        with transaction(db.session) as rows:
            accounts.change_password(
                rows,
                entry.member(),
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
