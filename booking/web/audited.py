"""Each request leaves its lines in the audit; what cannot be noted is not shown."""

from uuid import UUID

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from booking import guards
from booking.audit import unit
from booking.audit.writing import About, Who
from booking.extensions import db, now
from booking.models import Action, ActorKind, Role
from config import logs
from config.database import transaction

BY_LINK = {
    guards.PATIENT: ActorKind.PATIENT_LINK,
    guards.PROVIDER: ActorKind.PROVIDER,
    guards.ASKED: ActorKind.STAFF_LINK,
    guards.INVITED: ActorKind.STAFF_LINK,
    guards.CALENDAR: ActorKind.STAFF_LINK,
    guards.HALF_SIGNED_IN: ActorKind.STAFF_LINK,
}
"""Who is behind a request that nobody signed in for, by whom its route is open to."""

NOT_THERE = 404


def init_app(app: Flask) -> None:
    """Collect for every request, and note before its answer leaves; registered last of all."""
    app.before_request(_begins)
    app.after_request(_ends)
    app.teardown_request(_is_over)


def _begins() -> None:
    if request.endpoint not in guards.NOT_OURS:
        route = request.endpoint or "none"
        unit.begin(unit.Unit(route, _who, now, trace=logs.REQUEST_ID.get()))


def _who() -> Who:
    """Return who acts, as the guards have found out by now."""
    somebody = guards.identity_or_none()
    if somebody is not None:
        return Who(ActorKind.ACCOUNT, somebody.account, somebody.community_id)
    client = g.get("api_client")
    if client is not None:
        return Who(ActorKind.API_CLIENT, client.reference, client.community.id)
    opened = next((BY_LINK[each] for each in _open_to() if each in BY_LINK), ActorKind.VISITOR)
    return Who(opened)


def _open_to() -> tuple[str, ...]:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "open_to", ())


def _ends(answer: Response) -> Response:
    if answer.status_code == NOT_THERE and _is_refused():
        named = (request.view_args or {}).get("reference")
        about = About(None, named) if isinstance(named, UUID) else None
        unit.note(Action.REFUSED, about, is_often=True)
    if not unit.is_open():
        return answer
    try:
        with transaction(db.session) as session:
            unit.close(session)
    except (OperationalError, PoolTimeout) as away:
        # As any door answers while the database is away; what was read stays here.
        return current_app.make_response(current_app.handle_user_exception(away))
    return answer


def _is_refused() -> bool:
    """Whether somebody whom we know asked for what is not there for them."""
    is_staffs = any(isinstance(each, Role) for each in _open_to())
    return (is_staffs and guards.identity_or_none() is not None) or "api_client" in g


def _is_over(_error: BaseException | None) -> None:
    unit.begin(None)
