"""Routes of the JSON door: each names what is sent, and what does the work."""

import logging
from functools import partial
from uuid import UUID

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from booking import guards
from booking.api import appointments, asked, door, openapi, problems, requests
from booking.api.problems import Kind, Problem
from booking.api.writing import written
from booking.extensions import csrf, equipment
from booking.models import Scope
from config import logs
from config.sealing import KeyUnknown, SealBroken

log = logging.getLogger(__name__)

api = Blueprint("api", __name__, url_prefix="/api")
csrf.exempt(api)  # a key in a header is sent by nobody's browser

STATUSES = (400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 422, 431, 500, 503)
"""Registered one by one: a handler of one status comes before the pages' own."""

ONE = "/v1/care-requests/<uuid:reference>"


@api.post("/v1/care-requests")
@guards.open_to(guards.API_CLIENT, needs=Scope.REQUESTS_WRITE)
def open_request() -> Response:
    """Ask for care on behalf of a patient."""
    return door.write(requests.open_request, asked.CareRequest)


@api.get(ONE)
@guards.open_to(guards.API_CLIENT, needs=Scope.REQUESTS_READ)
def show(reference: UUID) -> Response:
    """Say where a request stands."""
    return door.read(partial(requests.show, reference=reference))


@api.get(f"{ONE}/proposals")
@guards.open_to(guards.API_CLIENT, needs=Scope.SLOTS_READ)
def proposals(reference: UUID) -> Response:
    """Say what is free in time."""
    return door.read(partial(requests.proposals, reference=reference))


@api.put(f"{ONE}/hold")
@guards.open_to(guards.API_CLIENT, needs=Scope.BOOKINGS_WRITE)
def hold(reference: UUID) -> Response:
    """Keep a slot for a few minutes."""
    return door.write(lambda call, wish: appointments.hold(call, reference, wish), asked.Wish)


@api.put(f"{ONE}/signs")
@guards.open_to(guards.API_CLIENT, needs=Scope.REQUESTS_WRITE)
def answer_signs(reference: UUID) -> Response:
    """Answer the warning signs again, before booking."""
    return door.write(lambda call, said: requests.answer_signs(call, reference, said), asked.Signs)


@api.post(f"{ONE}/booking")
@guards.open_to(guards.API_CLIENT, needs=Scope.BOOKINGS_WRITE)
def book(reference: UUID) -> Response:
    """Give a slot to the patient for good."""
    return door.write(
        lambda call, wanted: appointments.book(call, reference, wanted), asked.Appointment
    )


@api.delete(f"{ONE}/booking")
@guards.open_to(guards.API_CLIENT, needs=Scope.BOOKINGS_WRITE)
def cancel(reference: UUID) -> Response:
    """End the appointment."""
    return door.undo(partial(appointments.cancel, reference=reference))


@api.get("/openapi.json")
@guards.open_to(guards.PUBLIC)
def describe() -> Response:
    """Describe this door, for people and for programs that write programs."""
    described = openapi.document(equipment().links.base_url)
    return Response(written(described), mimetype="application/json")


@api.errorhandler(Problem)
def _refused(problem: Problem) -> Response:
    return problems.of_problem(problem)


@api.errorhandler(OperationalError)
@api.errorhandler(PoolTimeout)
def _busy(_error: Exception) -> Response:
    """Say that it may be tried again: the database is away, or somebody holds what was asked."""
    log.warning("api_busy")
    return problems.of_problem(Problem(Kind.BUSY))


@api.errorhandler(KeyUnknown)
@api.errorhandler(SealBroken)
def _sealed(error: Exception) -> Response:
    """Say that what is kept cannot be read: its key is not there, or somebody changed it."""
    logs.event("unreadable", level=logging.ERROR, error=error)
    return problems.of_problem(
        Problem(Kind.FAILURE, _("Ce qui est gardé ici ne peut pas être lu. Prévenez le service."))
    )


@api.errorhandler(ParseException)
def _unreadable(_error: Exception) -> Response:
    """Refuse a body whose chunks are not what HTTP says: gunicorn finds out while it is read."""
    return problems.of_problem(Problem(Kind.BAD_REQUEST))


def _http(refusal: HTTPException) -> Response:
    return problems.of_http(refusal)


for _status in STATUSES:
    api.register_error_handler(_status, _http)


@api.before_app_request
def _nothing_here() -> Response | None:
    """Answer for addresses under /api that lead nowhere: no view is there to do it."""
    lost = request.routing_exception
    if isinstance(lost, NotFound | MethodNotAllowed) and f"{request.path}/".startswith("/api/"):
        return problems.of_http(lost)
    return None
