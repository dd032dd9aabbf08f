"""The description of this door (OpenAPI 3.1), made from the same types that it reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_babel import force_locale
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from booking.api import answered, asked
from booking.api.problems import MEANINGS, MEDIA_TYPE
from booking.models import Scope

VERSION = "1.0.0"

ABOUT = """Ask for same-day care, and book it. One key belongs to one community, and sees only the
requests that it opened. It does what its scopes allow: each operation names the one it needs.
Moments are ISO 8601 with the offset of the community's zone. Texts are in
French, or in English where `Accept-Language` prefers it; so are the messages that the patient gets.

The questions come from `triage questionnaire`. Send every answer you have: what is left out counts
as the worst. When `emergency` is not null, tell the patient to call the 15 and stop there.

A judgement counts until `valid_until`: 30 minutes for today, two hours within 24 hours. After that
nothing is held or booked before the warning signs were asked again and sent to `signs`. With
`needs_doctor` nothing is free today: never tomorrow by itself, a doctor of the CPTS decides.

Every write takes an `Idempotency-Key`: sent again within 24 hours with the same content, it gets
the first answer again, with `Idempotency-Replayed: true`. A refusal may be tried again with it."""

READS: Mapping[str, type[BaseModel]] = {
    "CareRequest": asked.CareRequest,
    "Signs": asked.Signs,
    "Wish": asked.Wish,
    "Appointment": asked.Appointment,
}
WRITES: Mapping[str, type[BaseModel]] = {
    "Triaged": answered.Triaged,
    "Standing": answered.Standing,
    "Proposal": answered.Proposal,
    "Held": answered.Held,
    "Confirmation": answered.Confirmation,
    "Problem": answered.Problem,
}

ALWAYS = (401, 403, 500, 503)
OF_ONE = (*ALWAYS, 404)
OF_BODIES = (400, 413, 415, 422)


@dataclass(frozen=True)
class Operation:
    """One method of one path: what it takes, what it gives, how it may refuse."""

    path: str
    method: str
    id: str
    does: str
    status: int
    refusals: tuple[int, ...]
    takes: str | None = None
    gives: Mapping[str, Any] | None = None
    scope: Scope | None = None
    """What a key must be for; none: no key is needed."""


def _named(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


REQUESTS = "/api/v1/care-requests"
ONE = f"{REQUESTS}/{{reference}}"

OPERATIONS = (
    Operation(
        *(REQUESTS, "post", "openRequest", "Ask for care: triage, and what is free in time"),
        *(201, (*ALWAYS, *OF_BODIES), "CareRequest", _named("Triaged")),
        scope=Scope.REQUESTS_WRITE,
    ),
    Operation(
        *(ONE, "get", "showRequest", "Where a request stands"),
        *(200, OF_ONE, None, _named("Standing")),
        scope=Scope.REQUESTS_READ,
    ),
    Operation(
        *(f"{ONE}/proposals", "get", "listProposals", "What is free now, best first, five at most"),
        *(200, OF_ONE, None, {"type": "array", "items": _named("Proposal")}),
        scope=Scope.SLOTS_READ,
    ),
    Operation(
        *(
            f"{ONE}/signs",
            "put",
            "answerSigns",
            "Answer the signs again once `valid_until` is past",
        ),
        *(200, (*OF_ONE, *OF_BODIES, 409), "Signs", _named("Triaged")),
        scope=Scope.REQUESTS_WRITE,
    ),
    Operation(
        *(f"{ONE}/hold", "put", "holdSlot", "Keep a slot a few minutes; again to renew"),
        *(200, (*OF_ONE, *OF_BODIES, 409), "Wish", _named("Held")),
        scope=Scope.BOOKINGS_WRITE,
    ),
    Operation(
        *(f"{ONE}/booking", "post", "bookSlot", "Give the slot to the patient for good"),
        *(201, (*OF_ONE, *OF_BODIES, 409), "Appointment", _named("Confirmation")),
        scope=Scope.BOOKINGS_WRITE,
    ),
    Operation(
        *(f"{ONE}/booking", "delete", "cancelBooking", "End the appointment; twice is as once"),
        *(204, (*OF_ONE, 400, 409, 422)),
        scope=Scope.BOOKINGS_WRITE,
    ),
    Operation(
        *("/api/openapi.json", "get", "describe", "This description; no key is needed"),
        *(200, (500,), None, {"type": "object"}),
    ),
)


@cache
def document(base_url: str) -> dict[str, Any]:
    """Return the whole description, for the address at which this door answers."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "JourMême", "version": VERSION, "description": ABOUT},
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _refusal(status) for status in _statuses()},
            "parameters": {"reference": REFERENCE, "idempotency": IDEMPOTENCY},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": KEY}},
        },
        "x-problems": _problems(),
    }


KEY = "`jm_…`, for " + ", ".join(f"`{scope}`" for scope in sorted(Scope)) + ", or some of these"
REFERENCE = {
    "name": "reference",
    "in": "path",
    "required": True,
    "description": "The request's `reference`.",
    "schema": {"type": "string", "format": "uuid"},
}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Your own name for this write; a random UUID will do.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _described(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.does,
        "parameters": _parameters(operation),
        "responses": {str(operation.status): _answer(operation)}
        | {str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted(operation.refusals)},
    }
    if operation.takes:
        content = {"application/json": {"schema": _named(operation.takes)}}
        said["requestBody"] = {"required": True, "content": content}
    said["security"] = [{"key": [operation.scope.value]}] if operation.scope else []
    return said


def _parameters(operation: Operation) -> list[dict[str, str]]:
    wanted = {
        "reference": "{reference}" in operation.path,
        "idempotency": operation.method != "get",
    }
    return [
        {"$ref": f"#/components/parameters/{n}"} for n, is_wanted in wanted.items() if is_wanted
    ]


def _answer(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {"description": operation.does}
    if operation.gives is not None:
        said["content"] = {"application/json": {"schema": dict(operation.gives)}}
    if operation.method != "get":
        replayed = {"schema": {"const": "true"}, "description": "The answer of an earlier try."}
        said["headers"] = {"Idempotency-Replayed": replayed}
    return said


def _refusal(status: int) -> dict[str, Any]:
    """Return what one status says: all the problems that have it."""
    kinds = [f"`{kind}`" for kind, meaning in MEANINGS.items() if meaning.status == status]
    return {
        "description": ", ".join(kinds),
        "content": {MEDIA_TYPE: {"schema": _named("Problem")}},
    }


def _statuses() -> list[int]:
    return sorted({status for operation in OPERATIONS for status in operation.refusals})


def _schemas() -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in READS.values()),
        *((model, "serialization") for model in WRITES.values()),
    ]
    _names, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return dict(schemas["$defs"])


def _problems() -> dict[str, Any]:
    """Return what each problem's `type` leads to. Kept for all readers, so in one language."""
    with force_locale("fr"):
        return {
            kind.value: {"status": meaning.status, "title": str(meaning.title)}
            for kind, meaning in MEANINGS.items()
        }
