"""Who may enter: each route says so, or the app does not start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

from flask import Flask, abort, g

from booking import scope
from booking.models import Role, Scope

P = ParamSpec("P")
R = TypeVar("R")

PUBLIC = "PUBLIC"
"""Anybody: nothing personal is shown, nothing changes."""
PATIENT = "PATIENT"
"""Whoever holds the unguessable link that the address contains."""
CALENDAR = "CALENDAR"
"""A calendar that holds the unguessable address of a feed: times and places, no patient."""
INVITED = "INVITED"
"""Whoever holds the unguessable link by which a new member chooses a password."""
ASKED = "ASKED"
"""Whoever holds the unguessable link of a question to one professional: what became of a day, or
whether they take a patient."""
HALF_SIGNED_IN = "HALF_SIGNED_IN"
"""Whoever said a right password lately, or proved elsewhere who they are; checked by the door of
the second step."""
API_CLIENT = "API_CLIENT"
"""Software with a bearer key for this; checked by the API's own door."""
PROVIDER = "PROVIDER"
"""A message provider whose signature is checked."""

STAFF = tuple(Role)
"""Everybody with an account."""

NOT_OURS = frozenset({"static"})
"""Flask's own endpoint, for files that anybody may read."""


class RouteWithoutGuard(RuntimeError):
    """A route that does not say who may enter; the app must not start."""


class SignInNeeded(Exception):
    """Nobody is signed in here, or not any more: booking.web.lock answers."""


@dataclass(frozen=True)
class Identity:
    """Who is signed in, for this request."""

    community_id: int
    account_id: int
    account: UUID
    role: Role
    name: str
    professional_id: int | None
    site_ids: tuple[int, ...]
    session: UUID
    proved_at: datetime | None


def open_to(*who: str, needs: Scope | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let these roles in, or whom one of the words above names.

    Somebody who is not signed in is asked to (`SignInNeeded`); somebody else's role sees 404, as
    if the page were not there. `needs`: what a key must be for, which the API's own door checks.
    """

    def guarded(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def entered(*args: P.args, **kwargs: P.kwargs) -> R:
            roles = [w for w in who if isinstance(w, Role)]
            if roles:
                somebody = identity_or_none()
                if somebody is None:
                    raise SignInNeeded
                if somebody.role not in roles:
                    abort(404)
                scope.narrow_to(somebody.community_id)
            elif PROVIDER in who:
                scope.widen()
            elif "token" in kwargs:
                scope.hold(str(kwargs["token"]))
            g.needs = needs
            return view(*args, **kwargs)

        entered.open_to = who  # type: ignore[attr-defined]
        entered.needs = needs  # type: ignore[attr-defined]
        return entered

    return guarded


def identity_or_none() -> Identity | None:
    """Return who is signed in, as booking.web.session found out before the view."""
    return cast("Identity | None", g.get("identity"))


def identity() -> Identity:
    """Return who is signed in; only for views that `open_to` roles."""
    somebody = identity_or_none()
    if somebody is None:
        abort(404)
    return somebody


def needed() -> Scope:
    """Return what a key must be for, to be let through this route; only for the API's door."""
    return cast("Scope", g.needs)


def policy(app: Flask) -> dict[str, tuple[str, ...]]:
    """Return who may enter, by endpoint.

    Raises:
        RouteWithoutGuard: if a route does not say, or is for software and names no scope.
    """
    found: dict[str, tuple[str, ...]] = {}
    for endpoint, view in app.view_functions.items():
        if endpoint in NOT_OURS:
            continue
        who = getattr(view, "open_to", None)
        if not who:
            raise RouteWithoutGuard(f"{endpoint}: say who may enter, with guards.open_to(…)")
        if API_CLIENT in who and getattr(view, "needs", None) is None:
            raise RouteWithoutGuard(f"{endpoint}: say what a key must be for, with needs=…")
        found[endpoint] = who
    return found
