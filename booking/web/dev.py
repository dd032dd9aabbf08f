"""Development only: the messages that would have left, as a telephone or a mailbox shows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from booking import scope
from booking.extensions import db, equipment, now
from booking.guards import PUBLIC, open_to
from booking.web import wording
from config.database import transaction
from notifications.gsm7 import segments
from notifications.models import Channel, OutboxMessage, Status
from schedules import ics
from schedules.models import Community

dev = Blueprint("dev", __name__, url_prefix="/dev")

SHOWN = 100

ADDRESS = re.compile(r"(https?://[^\s<>\"]+)")

STATUSES = {
    Status.WAITING: _("en attente"),
    Status.SENDING: _("en cours d’envoi"),
    Status.SENT: _("envoyé"),
    Status.DELIVERED: _("remis"),
    Status.UNDELIVERED: _("non remis"),
    Status.FAILED: _("échec"),
    Status.WITHDRAWN: _("retiré"),
    Status.EXPIRED: _("trop tard"),
    Status.UNKNOWN: _("sort inconnu"),
}


@dataclass(frozen=True)
class Shown:
    """A message, as the page shows it."""

    message: OutboxMessage
    community: str
    zone: ZoneInfo

    @property
    def is_sms(self) -> bool:
        """Whether it is a text message; else it is a call or a mail."""
        return self.message.channel is Channel.SMS

    @property
    def is_call(self) -> bool:
        """Whether it is said by telephone."""
        return self.message.channel is Channel.VOICE

    @property
    def status(self) -> str:
        """Where it is, in words."""
        return str(STATUSES[self.message.status])

    @property
    def segments(self) -> int:
        """How many text messages it is billed as."""
        return segments(self.message.text)

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """Return the text in pieces, each with whether it is an address to click on."""
        for piece in ADDRESS.split(self.message.text):
            if piece:
                yield piece, bool(ADDRESS.fullmatch(piece))


@dev.get("/messages")
@open_to(PUBLIC)
def messages() -> ResponseReturnValue:
    """Show the last hundred messages, newest first."""
    moment = now()
    with transaction(db.session) as session:
        shown = recent(session)
    page = render_template(
        "dev/messages.html",
        messages=shown,
        when=lambda each: wording.day_and_hour(each.message.send_at, each.zone, now=moment),
        spaced=wording.spaced,
    )
    return _unkept(Response(page))


@dev.get("/messages/<uuid:message>.ics")
@open_to(PUBLIC)
def attachment(message: UUID) -> ResponseReturnValue:
    """Answer the calendar file that was attached to a mail."""
    with transaction(db.session) as session:
        kept = session.scalar(select(OutboxMessage).where(OutboxMessage.reference == message))
        found = kept.invitation if kept else None
    if found is None:
        abort(404)
    calendar = Response(ics.drawn(found)[0], content_type="text/calendar; charset=utf-8")
    calendar.headers["Content-Disposition"] = "attachment; filename=rendez-vous.ics"
    return _unkept(calendar)


@dev.before_request
def only_where_messages_stay() -> None:
    """Answer 404 where real patients may be, should this door ever be opened there."""
    if not equipment().settings.keeps_messages_here:
        abort(404)
    scope.widen()


def recent(session: Session) -> list[Shown]:
    """Return the newest messages of every community."""
    found = session.execute(
        select(OutboxMessage, Community.name, Community.zone_name)
        .join(Community, Community.id == OutboxMessage.community_id)
        .order_by(OutboxMessage.id.desc())
        .limit(SHOWN)
    )
    return [Shown(message, name, ZoneInfo(zone)) for message, name, zone in found]


def _unkept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
