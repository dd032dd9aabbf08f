"""Signing in with Pro Santé Connect: there, back, which account; and out."""

import hmac
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as lazy
from pydantic import BaseModel, ValidationError

from booking import accounts, guards, scope
from booking.accounts import national, throttle
from booking.audit import unit
from booking.extensions import db, equipment, now
from booking.models import Action
from booking.prosante.identity import Demands, Refused, Why
from booking.prosante.provider import Begun, Provider, Registration, Unreachable
from booking.web import answers, entry
from config import logs
from config.database import transaction
from config.settings import Settings

prosante = Blueprint("prosante", __name__)

ATTEMPT = "psc_attempt"
"""In the signed cookie, while somebody is over there: one at a time, and read once."""
CHOICE = "psc_choice"
"""In its place: the token of whoever came back and has several accounts."""
ATTEMPT_LASTS = timedelta(minutes=10)
RETRY_SECONDS = "15"

WORDS = {
    Why.NOT_BEGUN_HERE: lazy("Cette connexion a trop duré, ou n’a pas commencé ici. Recommencez."),
    Why.DECLINED: lazy("Pro Santé Connect n’a pas confirmé votre identité. Recommencez."),
    Why.NOT_BELIEVED: lazy("La réponse de Pro Santé Connect n’est pas acceptée. Recommencez."),
    Why.TOO_WEAK: lazy(
        "Identifiez-vous auprès de Pro Santé Connect avec votre carte CPS ou l’application e-CPS."
    ),
    Why.NO_RPPS: lazy(
        "Il faut un numéro RPPS. Un ancien numéro ADELI ne suffit pas : demandez à votre "
        "coordination comment entrer."
    ),
    Why.NO_EXERCISE: lazy(
        "Le répertoire national ne vous connaît pas d’exercice en cours. Si c’est une erreur, "
        "voyez avec votre Ordre. Votre coordination peut vous ouvrir un autre accès."
    ),
    Why.UNKNOWN: lazy(
        "Aucun compte ouvert ne porte votre numéro RPPS. Demandez à la coordination de votre "
        "CPTS de vous inviter, ou de vérifier votre numéro."
    ),
}
STATUS = {Why.NOT_BEGUN_HERE: 400, Why.DECLINED: 400}


class Attempt(BaseModel):
    """What only the browser that left may come back with."""

    state: str
    nonce: str
    verifier: str
    at: datetime
    onward: str

    @classmethod
    def of(cls, begun: Begun) -> "Attempt":
        """Return what this browser keeps until it is back."""
        said = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier}
        return cls(**said, at=now(), onward=entry.wanted())

    def is_answered_by(self, state: str) -> bool:
        """Whether this state is the one that left from here, lately."""
        is_ours = hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))
        return is_ours and self.at > now() - ATTEMPT_LASTS


@lru_cache(maxsize=8)
def _made(settings: Settings) -> Provider:
    secret = settings.psc_client_secret
    return Provider(
        Registration(
            discovery_url=settings.psc_discovery_url or "",
            client_id=settings.psc_client_id or "",
            client_secret=secret.get_secret_value() if secret else "",
            returns_to=f"{settings.base_url}{url_for('prosante.come_back')}",
            demands=Demands(settings.psc_acr, settings.psc_palier),
            may_be_local=not settings.is_production,
        )
    )


def _provider() -> Provider:
    """Return Pro Santé Connect; where it is not set up, there are no such pages."""
    settings = equipment().settings
    if not settings.psc_is_set:
        abort(404)
    return _made(settings)


@prosante.get("/connexion/pro-sante-connect")
@guards.open_to(guards.PUBLIC)
def begin() -> ResponseReturnValue:
    """Lead to Pro Santé Connect; by a link, for no form may be answered by another site."""
    provider = _provider()
    if guards.identity_or_none() is not None:
        return redirect(url_for("session.sign_in"), 303)
    try:
        begun = provider.begin(now=now())
    except Unreachable:
        return _away()
    cookie[ATTEMPT] = Attempt.of(begun).model_dump(mode="json")
    return redirect(begun.url, 303)


@prosante.get("/connexion/pro-sante-connect/retour")
@guards.open_to(guards.PUBLIC)
def come_back() -> ResponseReturnValue:
    """Let in whom Pro Santé Connect says it is, if this browser had left to ask."""
    provider, attempt = _provider(), _attempt()
    if attempt is None or not attempt.is_answered_by(request.args.get("state", "")):
        return _refused(Why.NOT_BEGUN_HERE)
    if "code" not in request.args:
        return _refused(Why.DECLINED)
    from_here = throttle.keyed(f"address:{request.remote_addr or ''}", entry.secret())
    try:
        with transaction(db.session) as rows:
            throttle.refuse_if_too_many(rows, from_here, throttle.OF_ADDRESS, now())
        # Between two transactions: nobody keeps a connection while a stranger answers.
        rpps = provider.rpps(
            request.args["code"], nonce=attempt.nonce, verifier=attempt.verifier, now=now()
        )
    except accounts.TooManyFailures:
        return _refused(Why.NOT_BELIEVED, 429)
    except Unreachable:
        return _away()
    except Refused as refused:
        if refused.why is Why.NOT_BELIEVED:
            with transaction(db.session) as rows:
                throttle.count(rows, from_here, now=now())
        return _refused(refused.why)
    return _enter(rpps, attempt.onward)


def _attempt() -> Attempt | None:
    said = cookie.pop(ATTEMPT, None)
    try:
        return Attempt.model_validate(said)
    except ValidationError:
        return None


def _enter(rpps: str, onward: str) -> ResponseReturnValue:
    """Open a session where there is one account; ask which one where there are several."""
    # Somebody's number is theirs in every community: only then is it known which one they enter.
    scope.widen()
    with transaction(db.session) as rows:
        found = national.of_rpps(rows, rpps)
        if len(found) > 1:
            token = national.begin_choice(rows, rpps, now=now())
        elif found:
            account = found[0].account
            token = national.enter(rows, rpps, account, device=entry.device(), now=now()) or ""
    if not found:
        return _refused(Why.UNKNOWN)
    entry.end_present_session()
    if len(found) > 1:
        entry.hold(token, kind=CHOICE)
        return redirect(url_for("prosante.choices", next=onward or None), 303)
    return _go_in(token, onward)


def _go_in(token: str, onward: str) -> ResponseReturnValue:
    entry.hold(token)
    cookie[entry.NATIONAL] = True
    return entry.go_in(token, onward)


@prosante.get("/connexion/pro-sante-connect/compte")
@guards.open_to(guards.HALF_SIGNED_IN)
def choices() -> ResponseReturnValue:
    """Ask which of their accounts somebody means."""
    _provider()
    return _choices({})


def _choices(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    scope.widen()
    with transaction(db.session) as rows:
        found = national.choices(rows, entry.token(CHOICE), now=now())
    if not found:
        return redirect(url_for("session.sign_in", next=entry.wanted() or None), 303)
    page = render_template(
        "session/choose_account.html",
        errors=errors,
        next=entry.wanted(),
        options=[{"value": str(c.account), "text": c.community, "hint": c.name} for c in found],
    )
    return page, status


@prosante.post("/connexion/pro-sante-connect/compte")
@guards.open_to(guards.HALF_SIGNED_IN)
def choose() -> ResponseReturnValue:
    """Open a session of the account that was chosen, once."""
    _provider()
    account: UUID | None = answers.reference(request.form.get("compte", ""))
    scope.widen()
    with transaction(db.session) as rows:
        token = account and national.choose(
            rows, entry.token(CHOICE), account, device=entry.device(), now=now()
        )
    if not token:
        return _choices({"compte": str(lazy("Choisissez un compte"))}, 422)
    return _go_in(token, entry.wanted())


@prosante.get("/deconnexion/pro-sante-connect")
@guards.open_to(guards.PUBLIC)
def leave() -> ResponseReturnValue:
    """Lead to where somebody ends their session of Pro Santé Connect; ours is over by then."""
    provider = _provider()
    back = equipment().settings.base_url + url_for("session.sign_in")
    try:
        there = provider.farewell(back, now=now())
    except Unreachable:
        return _away()
    return redirect(there or back, 303)


def _refused(why: Why, status: int | None = None) -> ResponseReturnValue:
    logs.event("national_sign_in_refused", reason=why)
    unit.note(Action.SIGN_IN_REFUSED, is_often=True)
    page = render_template("session/prosante.html", errors={}, text=WORDS[why], is_away=False)
    return page, status or STATUS.get(why, 403)


def _away() -> ResponseReturnValue:
    logs.event("national_sign_in_away")
    text = lazy("Pro Santé Connect ne répond pas en ce moment. Votre mot de passe marche toujours.")
    page = render_template("session/prosante.html", errors={}, text=text, is_away=True)
    return page, 503, {"Retry-After": RETRY_SECONDS}
