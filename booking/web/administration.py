"""Accounts and API keys of one community. No patient is ever seen here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from sqlalchemy.orm import Session

from booking import accounts, clients, guards
from booking.desk import board, members
from booking.extensions import db, equipment, now
from booking.models import Role, Scope
from booking.web import staff_forms, staff_words, wording
from config import logs
from config.clock import local_day
from config.database import transaction

administration = Blueprint("administration", __name__)

MOST_SITES = 50

ACCOUNT_REFUSED = {
    ("email", "invalid"): lazy("Indiquez une adresse électronique, par exemple nom@exemple.fr"),
    ("name", "invalid"): lazy("Indiquez un nom de 80 caractères au plus"),
    ("professional", "missing"): lazy("Choisissez le professionnel de santé"),
    ("sites", "missing"): lazy("Choisissez au moins un lieu de soins"),
}


@administration.get("/administration")
@guards.open_to(Role.ADMINISTRATOR)
def show() -> ResponseReturnValue:
    """Show the community's accounts and API keys, and the forms that add one."""
    with transaction(db.session) as session:
        return _page(session, {}, {})


def _page(session: Session, typed: Mapping[str, object], errors: dict[str, str]) -> str:
    community = board.community_of(session, guards.identity().community_id)

    def day(moment: datetime | None) -> str | None:
        return wording.birth_day(local_day(moment, community.zone)) if moment else None

    return render_template(
        "administration/show.html",
        errors=errors,
        typed=typed,
        community=community,
        accounts=[
            {
                "reference": account.reference,
                "name": account.name,
                "email": account.email,
                "role": staff_words.ROLES[account.role],
                "since": day(account.created_at),
                "closed": day(account.closed_at),
            }
            for account in accounts.listed(session, community.id)
        ],
        clients=[
            {
                "reference": client.reference,
                "name": client.name,
                "scopes": [staff_words.SCOPES[Scope(said)] for said in client.scopes],
                "since": day(client.created_at),
                "revoked": day(client.revoked_at),
            }
            for client in members.clients(session, community.id)
        ],
        scopes=[{"value": s.value, "text": text} for s, text in staff_words.SCOPES.items()],
        roles=[{"value": r.value, "text": text} for r, text in staff_words.ROLES.items()],
        professionals=_options(members.professionals(session, community.id)),
        sites=_options(members.sites(session, community.id)),
    )


def _options(choices: Sequence[members.Choice]) -> list[dict[str, str]]:
    return [{"value": str(choice.reference), "text": choice.name} for choice in choices]


@administration.post("/administration/comptes")
@guards.open_to(Role.ADMINISTRATOR)
def open_account() -> ResponseReturnValue:
    """Open an account and answer with the link that lets its owner choose a password, once."""
    try:
        wanted = _wanted()
        with transaction(db.session) as session:
            somebody = guards.identity()
            made, token = members.open_account(
                session, somebody.community_id, wanted, by=somebody.account, now=now()
            )
    except staff_forms.FormRefused as wrong:
        return _again(wrong.errors)
    except accounts.AccountRefused as refused:
        return _again({refused.field: str(ACCOUNT_REFUSED[refused.field, refused.why])})
    except accounts.EmailTaken:
        return _again({"email": _("Cette adresse a déjà un compte")})
    logs.event("account_opened", about=made, actor=guards.identity().account, role=wanted.role)
    return _link_shown_once(wanted.name, token, wanted.email, 201)


def _wanted() -> members.NewAccount:
    typed = staff_forms.typed(request.form)
    role = staff_forms.a_role(typed.get("role", ""))
    wrong = {
        field: str(ACCOUNT_REFUSED[field, "invalid"])
        for field in ("name", "email")
        if not typed.get(field)
    }
    if role is None:
        raise staff_forms.FormRefused(wrong | {"role": _("Choisissez un rôle")})
    if wrong:
        raise staff_forms.FormRefused(wrong)
    return members.NewAccount(
        email=typed.get("email", ""),
        name=typed.get("name", ""),
        role=role,
        professional=staff_forms.a_reference(typed.get("professional")),
        sites=staff_forms.references(request.form.getlist("sites"), most=MOST_SITES),
    )


def _again(errors: dict[str, str]) -> ResponseReturnValue:
    several = {name: request.form.getlist(name) for name in ("sites", "scopes")}
    typed = {**staff_forms.typed(request.form), **several}
    with transaction(db.session) as session:
        return _page(session, typed, errors), 422


def _link_shown_once(name: str, token: str, email: str, status: int) -> ResponseReturnValue:
    what = _("Lien pour %(name)s", name=name)
    return _shown_once(what, equipment().links.invitation(token), email, status)


def _shown_once(what: str, secret: str, email: str | None, status: int) -> ResponseReturnValue:
    """Answer the POST itself: a secret that is kept for a redirect would be kept somewhere."""
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
    page = render_template(
        "administration/secret.html",
        errors={},
        community=community,
        what=what,
        secret=secret,
        email=email,
    )
    return page, status


@administration.get("/administration/comptes/<uuid:reference>")
@guards.open_to(Role.ADMINISTRATOR)
def account(reference: UUID) -> ResponseReturnValue:
    """Show one account, with what can be done to it."""
    community_id = guards.identity().community_id
    with transaction(db.session) as session:
        found = _account(session, reference)
        return render_template(
            "administration/account.html",
            errors={},
            community=board.community_of(session, community_id),
            account=found,
            role=staff_words.ROLES[found.role],
            is_own=reference == guards.identity().account,
        )


def _account(session: Session, reference: UUID) -> accounts.Listed:
    try:
        return members.account(session, guards.identity().community_id, reference)
    except accounts.NoSuchAccount:
        abort(404)


@administration.post("/administration/comptes/<uuid:reference>/mot-de-passe")
@guards.open_to(Role.ADMINISTRATOR)
def reset_password(reference: UUID) -> ResponseReturnValue:
    """End what the former password opened; show the link by which the owner chooses another."""
    somebody = guards.identity()
    try:
        with transaction(db.session) as session:
            found = _account(session, reference)
            token = members.reset_password(
                session, somebody.community_id, reference, by=somebody.account, now=now()
            )
    except accounts.NoSuchAccount:
        abort(404)
    logs.event("password_reset", about=reference, actor=somebody.account)
    return _link_shown_once(found.name, token, found.email, 200)


@administration.post("/administration/comptes/<uuid:reference>/fermer")
@guards.open_to(Role.ADMINISTRATOR)
def close_account(reference: UUID) -> ResponseReturnValue:
    """Close an account; one's own stays, so that somebody is left to open others."""
    somebody = guards.identity()
    if reference == somebody.account:
        return redirect(url_for("administration.account", reference=reference), 303)
    try:
        with transaction(db.session) as session:
            accounts.close(session, somebody.community_id, reference, now=now())
    except accounts.NoSuchAccount:
        abort(404)
    logs.event("account_closed", about=reference, actor=somebody.account)
    return redirect(url_for("administration.show"), 303)


@administration.post("/administration/cles")
@guards.open_to(Role.ADMINISTRATOR)
def issue_key() -> ResponseReturnValue:
    """Let other software in and answer with its key, here and nowhere else, once."""
    name = staff_forms.clean(request.form.get("client", ""))
    if not name or len(name) > staff_forms.LONGEST_TEXT:
        return _again({"client": _("Indiquez le nom du logiciel, en 80 caractères au plus")})
    scopes = {scope for scope in Scope if scope in request.form.getlist("scopes")}
    if not scopes:
        return _again({"scopes": _("Choisissez ce que ce logiciel peut faire")})
    community_id = guards.identity().community_id
    with transaction(db.session) as session:
        key = clients.issue_key(session, community_id, name, scopes=scopes, now=now())
    logs.event("api_key_issued", actor=guards.identity().account)
    return _shown_once(_("Clé de %(name)s", name=name), key, None, 201)


@administration.post("/administration/cles/<uuid:reference>/revoquer")
@guards.open_to(Role.ADMINISTRATOR)
def revoke_key(reference: UUID) -> ResponseReturnValue:
    """End a key at once: the next call that carries it is refused."""
    community_id = guards.identity().community_id
    try:
        with transaction(db.session) as session:
            clients.revoke(session, community_id, reference, now=now())
    except clients.NoSuchClient:
        abort(404)
    logs.event("api_key_revoked", client=reference, actor=guards.identity().account)
    return redirect(url_for("administration.show"), 303)
