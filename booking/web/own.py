"""One's own account: second factor, passkeys, codes on paper, and from where one is signed in."""

from uuid import UUID

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import accounts, guards
from booking.accounts import authenticators, enrolling, entering, passkeys
from booking.accounts import connections as connections_of
from booking.desk import board
from booking.extensions import db, equipment, now
from booking.web import devices, entry, qr, step, wording
from booking.web.entry import TOKEN
from config import logs
from config.database import transaction

own = Blueprint("own", __name__)

PASSKEY_REFUSED = {
    "name": lazy("Donnez-lui un nom de 40 caractères au plus"),
    "many": lazy("Vous avez déjà dix clés d’accès : retirez-en une"),
    "known": lazy("Cette clé d’accès est déjà enregistrée"),
    "answer": lazy("Votre appareil n’a pas fait de clé d’accès. Recommencez."),
}


def ask_first(leading_to: str) -> ResponseReturnValue:
    """Ask for the second factor before what cannot be taken back, and lead to a page after it."""
    return redirect(url_for("own.ask", next=leading_to), 303)


@own.get("/mon-compte")
@guards.open_to(*guards.STAFF)
def show() -> str:
    """Show by what one proves who one is, and where to change it."""
    return _page({})


def _page(errors: dict[str, str]) -> str:
    with transaction(db.session) as rows:
        member = entry.member()
        community = board.community_of(rows, member.community_id)
        secured = enrolling.secured(rows, member)
        options = None
        if secured.is_enrolled and entry.party().has_passkeys:
            options = passkeys.to_add(
                rows, entering.account_of(rows, member), entry.party(), _challenge()
            )
    moment = now()

    def when(at: object) -> str:
        return wording.short_day_and_hour(at, community.zone, now=moment)  # type: ignore[arg-type]

    return render_template(
        "session/account.html",
        errors=errors,
        community=community,
        secured=secured,
        is_fresh=entry.is_proved_lately(),
        options=options,
        passkeys=[
            {
                "reference": key.reference,
                "name": key.name,
                "added": when(key.added_at),
                "used": key.last_used_at and when(key.last_used_at),
            }
            for key in secured.passkeys
        ],
        name_typed=request.form.get("name", ""),
    )


def _challenge() -> bytes:
    return passkeys.challenge(entry.token(), entry.secret())


@own.post("/mon-compte/application")
@guards.open_to(*guards.STAFF)
def begin() -> ResponseReturnValue:
    """Make a secret for an application; whoever has one already proves it first."""
    with transaction(db.session) as rows:
        member = entry.member()
        has_one = enrolling.secured(rows, member).is_enrolled
        if has_one and not entry.is_proved_lately():
            return ask_first(url_for("own.show"))
        enrolling.begin(rows, member, keys=equipment().settings.keys, now=now())
    return redirect(url_for("own.enrol"), 303)


@own.get("/mon-compte/application")
@guards.open_to(*guards.STAFF)
def enrol() -> ResponseReturnValue:
    """Show the secret that waits for its first code."""
    return _enrolment({})


def _enrolment(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    with transaction(db.session) as rows:
        secret = _pending(rows)
    if secret is None:
        return redirect(url_for("own.show"), 303)
    page = render_template(
        "session/enrol.html",
        errors=errors,
        action=url_for("own.confirm"),
        qr_url=url_for("own.picture"),
        secret=qr.in_groups(secret),
        next="",
        asks_password=True,
    )
    return page, status


def _pending(rows: Session) -> str | None:
    account = entering.account_of(rows, entry.member())
    return authenticators.pending(rows, account, keys=equipment().settings.keys)


@own.get("/mon-compte/application/qr.svg")
@guards.open_to(*guards.STAFF)
def picture() -> Response:
    """Return the secret as a picture that telephones read; nobody keeps a copy of it."""
    with transaction(db.session) as rows:
        secret = _pending(rows)
        email = entering.account_of(rows, entry.member()).email
    if secret is None:
        abort(404)
    return qr.picture(secret, email)


@own.post("/mon-compte/application/confirmer")
@guards.open_to(*guards.STAFF)
def confirm() -> ResponseReturnValue:
    """Let the application count, show the ten codes once; every other session ends."""
    try:
        with transaction(db.session) as rows:
            made = enrolling.confirm(
                rows,
                entry.member(),
                request.form.get("code", ""),
                password=request.form.get("password", ""),
                keys=equipment().settings.keys,
                secret=entry.secret(),
                device=entry.device(),
                now=now(),
            )
    except accounts.TooManyFailures:
        return _enrolment({"code": step.too_many()}, 429)
    if made is accounts.Wrong.PASSWORD:
        return _enrolment({"password": _("Ce n’est pas le bon mot de passe.")}, 422)
    if made is accounts.Wrong.CODE:
        return _enrolment({"code": step.not_right()}, 422)
    cookie[TOKEN] = made.token
    logs.event("second_factor_set_up", actor=guards.identity().account)
    return _codes(made.codes)


def _codes(codes: list[str]) -> str:
    """Answer the POST itself: what is kept for a redirect would be kept somewhere."""
    return render_template("session/codes.html", errors={}, codes=codes, onward=url_for("own.show"))


@own.post("/mon-compte/codes")
@guards.open_to(*guards.STAFF)
def new_codes() -> ResponseReturnValue:
    """Make ten other codes for paper, and show them once."""
    if not entry.is_proved_lately():
        return ask_first(url_for("own.show"))
    with transaction(db.session) as rows:
        made = enrolling.new_codes(rows, entry.member(), now=now())
    logs.event("recovery_codes_made", actor=guards.identity().account)
    return _codes(made)


@own.post("/mon-compte/cles")
@guards.open_to(*guards.STAFF)
def add_passkey() -> ResponseReturnValue:
    """Keep the passkey that this device has made."""
    if not entry.is_proved_lately():
        return ask_first(url_for("own.show"))
    member = entry.member()
    try:
        with transaction(db.session) as rows:
            passkeys.add(
                rows,
                entering.account_of(rows, member),
                request.form.get("name", ""),
                request.form.get("passkey", ""),
                party=entry.party(),
                asked=_challenge(),
                now=now(),
            )
    except accounts.PasskeyRefused as refused:
        return _page({"name": str(PASSKEY_REFUSED[refused.why])}), 422
    logs.event("passkey_added", actor=member.account)
    return redirect(url_for("own.show"), 303)


@own.post("/mon-compte/cles/<uuid:reference>/retirer")
@guards.open_to(*guards.STAFF)
def remove_passkey(reference: UUID) -> ResponseReturnValue:
    """Let one passkey prove nothing any more."""
    try:
        with transaction(db.session) as rows:
            account = entering.account_of(rows, entry.member())
            key = passkeys.found(rows, account, reference)
            if not entry.is_proved_lately():
                return ask_first(url_for("own.show"))
            passkeys.remove(rows, key)
    except accounts.NoSuchPasskey:
        abort(404)
    logs.event("passkey_removed", actor=guards.identity().account)
    return redirect(url_for("own.show"), 303)


@own.get("/preuve")
@guards.open_to(*guards.STAFF)
def ask() -> ResponseReturnValue:
    """Ask for the second factor once more; whoever has none is led to where it is set up."""
    return _asked({})


def _asked(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    with transaction(db.session) as rows:
        account = entering.account_of(rows, entry.member())
        if not entering.is_enrolled(rows, account):
            return redirect(url_for("own.show"), 303)
        options = passkeys.to_prove(rows, account, entry.party(), _challenge())
    page = render_template(
        "session/step.html",
        errors=errors,
        action=url_for("own.prove"),
        next=entry.wanted(),
        options=options,
        kept=None,
        is_sign_in=False,
    )
    return page, status


@own.post("/preuve")
@guards.open_to(*guards.STAFF)
def prove() -> ResponseReturnValue:
    """Note that the second factor was shown now; the session gets another token."""
    try:
        with transaction(db.session) as rows:
            new = entering.prove_again(
                rows, entry.member(), entry.token(), entry.proof(), now=now()
            )
    except accounts.TooManyFailures:
        return _asked({"code": step.too_many()}, 429)
    if new is None:
        return _asked({"code": step.not_right()}, 422)
    cookie[TOKEN] = new
    return redirect(entry.wanted() or url_for("own.show"), 303)


@own.get("/mes-connexions")
@guards.open_to(*guards.STAFF)
def connections() -> str:
    """Show from where one is signed in, since when, and when each was last used."""
    moment = now()
    with transaction(db.session) as rows:
        member = entry.member()
        community = board.community_of(rows, member.community_id)
        found = connections_of.listed(rows, member, now=moment)

    return render_template(
        "session/connections.html",
        errors={},
        community=community,
        connections=[
            {
                "reference": each.reference,
                "device": devices.said(each.device),
                "since": wording.short_day_and_hour(each.created_at, community.zone, now=moment),
                "seen": wording.short_day_and_hour(each.last_seen_at, community.zone, now=moment),
                "is_this": each.is_this,
                "is_resting": each.is_resting,
            }
            for each in found
        ],
    )


@own.post("/mes-connexions/<uuid:reference>/terminer")
@guards.open_to(*guards.STAFF)
def end_one(reference: UUID) -> ResponseReturnValue:
    """End one of one's own sessions: whoever holds it is out at their next page."""
    with transaction(db.session) as rows:
        if not connections_of.end_one(rows, entry.member(), reference, now=now()):
            abort(404)
    logs.event("session_ended", actor=guards.identity().account)
    return redirect(url_for("own.connections"), 303)


@own.post("/mes-connexions/autres")
@guards.open_to(*guards.STAFF)
def end_others() -> ResponseReturnValue:
    """End all of one's sessions but this one."""
    with transaction(db.session) as rows:
        connections_of.end_others(rows, entry.member(), now=now())
    logs.event("other_sessions_ended", actor=guards.identity().account)
    return redirect(url_for("own.connections"), 303)
