"""What the doors of the sign-in share: cookies, where an attempt comes from, where it leads."""

import re
from dataclasses import asdict
from typing import TypedDict
from urllib.parse import urlsplit

from flask import current_app, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from booking import accounts, guards, scope
from booking.accounts import entering
from booking.extensions import db, equipment, now
from booking.models import Role
from booking.web import carried
from booking.web.carried import Carried
from booking.web.devices import device_of
from config.database import transaction

TOKEN = "staff"  # noqa: S105 - the name of a key, not a secret
"""The one thing, with the CSRF token, that the signed cookie of somebody signed in holds."""
HALF = "half"
"""In its place: the token of whoever has said the password and nothing more."""

NATIONAL = "psc"
"""Beside it: whether Pro Santé Connect has a session of theirs as well."""

DEVICE = "device"
DEVICE_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

DOORS = {
    Role.OPERATOR: ("console.waiting",),
    Role.SECRETARY: ("day.show", "supply.show", "console.waiting"),
    Role.PROFESSIONAL: ("day.show", "supply.show", "protocol.listing"),
    Role.COORDINATOR: ("coordination.today", "console.waiting", "protocol.listing"),
    Role.ADMINISTRATOR: ("administration.show",),
}
"""The pages of each role; the first is where signing in leads to."""


def secret() -> bytes:
    """Return what hashes of who tries are keyed with."""
    return equipment().settings.secret_key.get_secret_value().encode()


class Origin(TypedDict):
    """Where an attempt comes from."""

    address: str
    secret: bytes


def origin() -> Origin:
    """Return where this request comes from."""
    return {"address": request.remote_addr or "", "secret": secret()}


def device() -> str:
    """Return what kind of device this request comes from."""
    return device_of(request.user_agent.string)


def party() -> accounts.Party:
    """Return whom devices make passkeys for."""
    settings = equipment().settings
    return accounts.Party(settings.host, settings.base_url)


def proof() -> accounts.Proof:
    """Return what was typed, or signed, beside the password."""
    return accounts.Proof(
        code=request.form.get("code", ""),
        passkey=request.form.get("passkey", ""),
        party=party(),
        keys=equipment().settings.keys,
        secret=secret(),
    )


def token(kind: str = TOKEN) -> str:
    """Return the token in this browser's cookie, or nothing."""
    if not has_cookie():
        return ""
    found = cookie.get(kind)
    return found if isinstance(found, str) else ""


def has_cookie() -> bool:
    """Whether this browser has had a page of ours."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies


def is_proved_lately() -> bool:
    """Whether whoever is signed in showed a second factor within ten minutes."""
    return entering.is_fresh(member(), now=now())


def member() -> accounts.Member:
    """Return who is signed in, as the accounts know them."""
    return accounts.Member(**asdict(guards.identity()))


def end_present_session() -> None:
    """End the session that this browser holds, if any."""
    present = token()
    if present:
        with transaction(db.session) as rows:
            accounts.sign_out(rows, present, now=now())


def hold(new: str, *, kind: str = TOKEN) -> None:
    """Hold a token, and nothing of before: a cookie from before a proof opens nothing after it."""
    cookie.clear()
    cookie[kind] = new
    scope.hold(new)


def known_device() -> str:
    """Return the token of a device in which somebody has signed in before, or nothing."""
    found = request.cookies.get(_device_cookie(), "")
    return found if DEVICE_TOKEN.fullmatch(found) else ""


def _device_cookie() -> str:
    return f"__Host-{DEVICE}" if equipment().settings.is_production else DEVICE


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


def wanted() -> str:
    """Return the page that was asked for before the sign-in, or nothing."""
    return inside(request.values.get("next", "")) or ""


def handed_on() -> Carried:
    """Return the form that the page before this one has handed on."""
    return carried.handed_on(inside(request.form.get(carried.TARGET, "")) or "")


def go_in(new: str, onward: str = "") -> ResponseReturnValue:
    """Answer somebody who got in: with what they were sending, or by the page they asked for."""
    scope.hold(new)
    with transaction(db.session) as rows:
        settings = equipment().settings
        in_it = accounts.who(rows, new, demanded=settings.demands_second_factor, now=now())
        if in_it is None:
            return redirect(url_for("session.sign_in"), 303)
        kept = entering.remember_device(rows, in_it, known_device(), now=now())
    answer = current_app.make_response(back(onward or wanted() or url_for(DOORS[in_it.role][0])))
    keep_device(answer, kept)
    return answer


def keep_device(answer: Response, kept: str) -> None:
    """Let this browser be known again."""
    answer.set_cookie(
        _device_cookie(),
        kept,
        max_age=entering.DEVICE_KNOWN_FOR,
        secure=equipment().settings.is_production,
        httponly=True,
        samesite="Lax",
    )


def back(otherwise: str) -> ResponseReturnValue:
    """Show what somebody was sending, to be sent again by one button; or lead to a page."""
    kept = handed_on()
    if not kept.fields:
        return redirect(otherwise, 303)
    return render_template("session/back.html", errors={}, kept=kept)
