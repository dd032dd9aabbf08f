"""The slot that a secretary had chosen in the day's table, before the call began.

It is only a wish: triage is asked first, as for everybody. Once it allows this slot to this
patient, the slot is kept for them; if it does not, others are shown.
"""

from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import select

from booking.web import staff_forms, wording
from booking.web.calls.call import Call
from schedules import directory
from schedules.models import Slot


def reference() -> UUID | None:
    """Return what the address asked for when the call began, or what its form goes on saying."""
    return staff_forms.a_reference(request.form.get("voulu") or request.args.get("creneau"))


def told(call: Call) -> dict[str, Any] | None:
    """Return the slot in words, as long as it can still be wished for."""
    wanted = reference()
    found = wanted and call.session.scalar(
        select(Slot).where(Slot.community_id == call.community.id, Slot.reference == wanted)
    )
    if not found or found.starts_at <= call.now:
        return None
    who, where = directory.whereabouts(call.session, found)
    return {
        "slot": found.reference,
        "when": wording.short_day_and_hour(found.starts_at, call.zone, now=call.now),
        "who": who.name,
        "where": where.name,
    }
