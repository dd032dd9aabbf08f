"""Addresses that are tried one after another: an unknown link is 404, and after ten an hour 429.

A link that opens something always opens it, whatever others behind the same address have tried: a
telephone operator's customers share one.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from flask import Flask, Response, make_response, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from booking import guards
from booking.desk import visitors
from booking.extensions import db, now
from booking.web import errors
from booking.web.gate import visitor
from config.database import transaction

BY_LINK = {guards.PATIENT, guards.CALENDAR, guards.INVITED}

AN_HOUR = "3600"


def init_app(app: Flask, policy: Mapping[str, Sequence[str]]) -> None:
    """Count every link of this app that opens nothing; `policy` says which routes have links."""
    doors = {name for name, who in policy.items() if BY_LINK & set(who)}

    @app.after_request
    def counted(answer: Response) -> Response:
        if answer.status_code != 404 or request.endpoint not in doors:  # noqa: PLR2004 - RFC 9110
            return answer
        # The answer is an honest 404 also where the database has just gone away.
        with suppress(OperationalError, PoolTimeout), transaction(db.session) as session:
            if not visitors.may_try_links(session, visitor(), now=now()):
                return make_response(errors.page(429), 429, {"Retry-After": AN_HOUR})
        return answer
