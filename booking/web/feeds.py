"""What calendars subscribe to: times and places at an unguessable address, for no eyes of ours."""

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import feeds as desk
from booking.extensions import db, equipment, now
from config.database import transaction
from schedules import ics

feeds = Blueprint("feeds", __name__)


@feeds.get("/agenda/<token>.ics")
@guards.open_to(guards.CALENDAR)
def read(token: str) -> ResponseReturnValue:
    """Return the calendar, or 304 to whoever has it; 410 once somebody has ended the address."""
    try:
        with transaction(db.session) as session:
            reading = desk.read(session, token, links=equipment().links, now=now())
    except desk.NoSuchFeed:
        abort(404)
    except desk.FeedEnded:
        return Response(_("Ce lien a été arrêté.") + "\n", 410, mimetype="text/plain")
    answer = Response(content_type="text/calendar; charset=utf-8")
    # Kept by its reader alone, and asked about before each use.
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.last_modified = reading.changed_at
    answer.set_etag(reading.digest.hex())
    answer.make_conditional(request)
    if answer.status_code == 200:  # noqa: PLR2004 - HTTP
        # Drawing costs a hundred times the rest: most readers have it already.
        answer.data = ics.subscribed(reading.feed)
    return answer
