"""The door of the pages about reserved time: who asks, and what every page of it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import acts, board
from booking.desk import supply as desk
from booking.desk.board import Scope
from booking.web import staff_forms
from booking.web.staff_access import scope_of
from booking.web.supply import words
from config.clock import local_day
from schedules.models import Community

supply = Blueprint("supply", __name__)


@dataclass(frozen=True)
class Room:
    """What every page here knows: who asks, whose time they keep, and when it is."""

    session: Session
    scope: Scope
    community: Community
    account: UUID
    now: datetime

    @property
    def today(self) -> date:
        """The day it is in the territory."""
        return local_day(self.now, self.community.zone)

    def shown(self, template: str, **context: Any) -> str:
        """Return a page, with what was just done and what can still be undone."""
        return render_template(
            template, **{"errors": {}, "community": self.community, **self._done()} | context
        )

    def _done(self) -> dict[str, Any]:
        asked = staff_forms.a_reference(request.args.get("acte"))
        just = asked and acts.one(self.session, self.scope, asked, now=self.now)
        recent = acts.recent(self.session, self.scope, now=self.now)
        return {
            "just": just and words.of_act(just, self.community, self.now),
            "recent": [
                words.of_act(each, self.community, self.now)
                for each in recent
                if each.may_undo and each.act != asked
            ],
            "withdrawn": staff_forms.a_count(request.args.get("retires")),
            "kept": staff_forms.a_count(request.args.get("gardes")),
            "refused": words.CANNOT_UNDO.get(request.args.get("refus", "")),
            "undone": staff_forms.a_count(request.args.get("repris")),
            "not_undone": staff_forms.a_count(request.args.get("restes")),
        }


def room(session: Session, moment: datetime) -> Room:
    """Return the room of whoever is signed in."""
    somebody = guards.identity()
    scope = scope_of(somebody)
    community = board.community_of(session, scope.community_id)
    return Room(session, scope, community, somebody.account, moment)


def options(places: Sequence[desk.Place]) -> list[dict[str, str]]:
    """Return places as the lines of a list; the professional's name only where there are several.

    Who opens slots for themselves knows who they are.
    """
    has_several = len({place.professional for place in places}) > 1
    return [
        {
            "value": f"{place.professional}~{place.site}",
            "text": f"{place.professional_name}, {place.site_name}"
            if has_several
            else place.site_name,
        }
        for place in places
    ]


def place_in(text: str) -> tuple[UUID, UUID] | None:
    """Return the professional and the site that a list's line names; None for what names none."""
    who, _, where = text.partition("~")
    professional, site = staff_forms.a_reference(who), staff_forms.a_reference(where)
    return (professional, site) if professional and site else None
