"""What every call goes through: who asks, what was sent, one transaction, one answer."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, g
from flask_babel import force_locale
from pydantic import BaseModel
from sqlalchemy.orm import Session

from booking import extensions, fresh_calendars, guards, scope
from booking.api import idempotency, problems, reading
from booking.api.idempotency import Answer
from booking.api.writing import written
from booking.audit import unit
from booking.clients import Client, client_of
from booking.links import Links
from booking.models import Action, Scope
from config.database import transaction

M = TypeVar("M", bound=BaseModel)

NAMES_A_SLOT = re.compile(rb'"slot"\s*:\s*"([0-9A-Fa-f-]{36})"')
"""Looked for before the body is read as JSON: what it leads to happens before anything else."""


@dataclass(frozen=True)
class Call:
    """One call of one client: what every use of this door needs."""

    session: Session
    client: Client
    language: str
    now: datetime

    def may(self, scope: Scope) -> bool:
        """Whether the client's key is for this as well."""
        return scope in self.client.scopes

    def local(self, moment: datetime) -> datetime:
        """Return a moment with the offset of the community's zone."""
        return moment.astimezone(self.client.community.zone)


def read(act: Callable[[Call], Any]) -> Response:
    """Answer 200 with the plain JSON that `act` returns; nothing is changed.

    Raises:
        Problem: UNAUTHORIZED, BEYOND_SCOPE, or what `act` refuses.
    """
    key = reading.bearer()
    with _call(key) as call:
        said = act(call)
    return _sent(200, said)


def write(act: Callable[[Call, M], Answer], expected: type[M]) -> Response:
    """Answer with what `act` does of a body, all of it or nothing, and once for each key.

    Raises:
        Problem: UNAUTHORIZED, BEYOND_SCOPE, what the body lacks, or what `act` refuses.
    """
    key = reading.bearer()
    # Read to its end before a connection is taken: a slow client holds none.
    raw = reading.body()
    slot = _slot_named(raw) if "slot" in expected.model_fields else None
    with _call(key) as call:
        answer = None if _needs_a_look(call, slot) else _written(call, raw, act, expected)
    if answer is None:
        # Between two transactions: nobody keeps a connection while a stranger answers.
        fresh_calendars.look_again(slot)
        with _call(key) as call:
            answer = _written(call, raw, act, expected)
    return _answered(answer)


def _slot_named(raw: bytes) -> UUID | None:
    named = NAMES_A_SLOT.search(raw)
    try:
        return UUID(named[1].decode()) if named else None
    except ValueError:
        return None


def _needs_a_look(call: Call, slot: UUID | None) -> bool:
    return slot is not None and fresh_calendars.are_old(call.session, slot, now=call.now)


def _written(call: Call, raw: bytes, act: Callable[[Call, M], Answer], expected: type[M]) -> Answer:
    asked, fingerprint = reading.parsed(raw, expected)
    return _once(call, fingerprint, lambda: act(call, asked))


def undo(act: Callable[[Call], Answer]) -> Response:
    """Answer with what `act` does without a body, once for each key.

    Raises:
        Problem: UNAUTHORIZED, BEYOND_SCOPE, or what `act` refuses.
    """
    key = reading.bearer()
    with _call(key) as call:
        answer = _once(call, reading.fingerprint(), lambda: act(call))
    return _answered(answer)


@contextmanager
def _call(key: str) -> Iterator[Call]:
    """Open one transaction for whoever holds the key, with texts in their language."""
    language, now = problems.language(), extensions.now()
    scope.hold(key)
    with force_locale(language), transaction(extensions.db.session) as session:
        client = client_of(session, key)
        if client is None:
            unit.note(Action.REFUSED, is_often=True)
            raise reading.unauthorized(error="invalid_token")
        g.api_client = client
        if guards.needed() not in client.scopes:
            unit.note(Action.REFUSED, is_often=True)
            raise reading.beyond(guards.needed())
        yield Call(session, client, language, now)


def _once(call: Call, fingerprint: bytes, act: Callable[[], Answer]) -> Answer:
    key = reading.idempotency_key()
    if key is None:
        return act()
    return idempotency.once(call.session, call.client, key, fingerprint, act, now=call.now)


def _answered(answer: Answer) -> Response:
    if not answer.body:
        sent = Response(status=answer.status)
    else:
        sent = _sent(answer.status, with_links(answer.body, extensions.equipment().links))
    if answer.is_replayed:
        sent.headers["Idempotency-Replayed"] = "true"
    return sent


def with_links(said: dict[str, Any], links: Links) -> dict[str, Any]:
    """Add the patient's addresses to what is said of an appointment, if it speaks of one.

    They open the appointment, so no table holds them: they are made again each time.
    """
    if "booking" not in said:
        return said
    booked = said["booking"]
    if booked is None:
        return said | {"links": None}
    appointment = links.booking(UUID(booked["reference"]))
    return said | {"links": {"appointment": appointment, "calendar": f"{appointment}.ics"}}


def _sent(status: int, said: object) -> Response:
    answer = Response(written(said), status, mimetype="application/json")
    answer.headers["Content-Language"] = problems.language()
    return answer
