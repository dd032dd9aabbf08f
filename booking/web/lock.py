"""The lock screen: a session that rests is opened again at its place, and nothing typed is lost."""

from urllib.parse import SplitResult, urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import accounts, guards
from booking.accounts import entering, sessions
from booking.extensions import db, equipment, now
from booking.web import carried, entry, step
from booking.web.carried import Carried
from booking.web.entry import TOKEN
from config.database import transaction

locks = Blueprint("lock", __name__)

REFUSED = 403
LOCKED = "X-Locked"
"""Tells the console's script that its form was not taken: it sends the page itself, whole."""


@locks.app_errorhandler(guards.SignInNeeded)
def ask(_needed: guards.SignInNeeded) -> ResponseReturnValue:
    """Answer whoever is not signed in, or not any more; what they were sending stays with them."""
    rests = g.get("is_resting", False)
    if request.method != "POST":
        door = "lock.show" if rests else "session.sign_in"
        if request.headers.get("HX-Request") == "true":
            # A part of a page that renews itself: the whole page has to go, not that part.
            seen = _split(request.headers.get("HX-Current-URL", ""))
            wanted = entry.inside(seen.path + (f"?{seen.query}" if seen.query else ""))
            return "", REFUSED, {"HX-Redirect": url_for(door, next=wanted or request.path)}
        return redirect(url_for(door, next=request.full_path.rstrip("?")), 303)
    kept = carried.refused()
    if rests:
        answer = make_response(_page({}, kept, ""), REFUSED)
    elif entry.has_cookie() and kept.fields:
        page = render_template("session/sign_in.html", errors={}, email="", next="", kept=kept)
        answer = make_response(page, REFUSED)
    else:
        return redirect(url_for("session.sign_in"), 303)
    answer.headers[LOCKED] = "1"
    return answer


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


@locks.get("/verrou")
@guards.open_to(guards.PUBLIC)
def show() -> ResponseReturnValue:
    """Show the lock screen of a session that rests; whoever has none signs in."""
    if not g.get("is_resting", False):
        return redirect(url_for("session.sign_in", next=entry.wanted() or None), 303)
    return _page({}, Carried(), entry.wanted())


def _page(errors: dict[str, str], kept: Carried, wanted: str) -> str:
    with transaction(db.session) as rows:
        found = sessions.resting(
            rows,
            entry.token(),
            demanded=equipment().settings.demands_second_factor,
            now=now(),
        )
    account = found[0] if found else None
    return render_template(
        "session/lock.html",
        errors=errors,
        name=account.display_name if account else "",
        email=account.email if account else "",
        next=wanted,
        kept=kept,
    )


@locks.post("/verrouiller")
@guards.open_to(*guards.STAFF)
def lock() -> ResponseReturnValue:
    """Lock this session at once; the page's form, if it came along, is kept in the next one."""
    target = entry.inside(request.form.get(carried.TARGET, "")) or ""
    with transaction(db.session) as rows:
        sessions.lock(rows, entry.token(), now=now())
    kept = carried.left(target)
    if kept.fields:
        return _page({}, kept, entry.wanted())
    return redirect(url_for("lock.show", next=entry.wanted() or None), 303)


@locks.post("/verrou")
@guards.open_to(guards.PUBLIC)
def unlock() -> ResponseReturnValue:
    """Open the session again, with what was being sent; the second factor is asked if it is old."""
    token, kept = entry.token(), entry.handed_on()
    try:
        with transaction(db.session) as rows:
            entered = entering.unlock(
                rows,
                token,
                request.form.get("password", ""),
                **entry.origin(),
                demanded=equipment().settings.demands_second_factor,
                now=now(),
            )
    except accounts.StepOver:
        if guards.identity_or_none() is not None:
            # It was opened again in another window: what was being sent goes on from here.
            return entry.back(entry.wanted() or url_for("session.sign_in"))
        page = render_template(
            "session/sign_in.html", errors={}, email="", next=entry.wanted(), kept=kept
        )
        return page, REFUSED
    except accounts.TooManyFailures:
        return _page(
            {"password": _("Trop d’essais : attendez une heure.")}, kept, entry.wanted()
        ), 429
    if entered is None:
        return _page(
            {"password": _("Ce n’est pas le bon mot de passe.")}, kept, entry.wanted()
        ), 422
    if entered.step is not accounts.Step.DONE:
        return step.lead_to(entered)
    # The same person at the same screen: forms of other windows stay good.
    cookie[TOKEN] = entered.token
    return entry.go_in(entered.token)
