"""Which slots triage lets a patient have: those of its routes, and of the patient's own doctor."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, column, func, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB

from booking.models import Assessment
from schedules.models import DOCTOR, Professional, Slot, Visibility
from schedules.slots import Given, is_seen_by

OFFERED = (Visibility.CPTS, Visibility.PUBLIC)
"""What triage may route to: kept for the community, or open to all. `SNP` alone is the SAS's."""


OVERDUE_LOOKS = timedelta(hours=24)
"""How far ahead to look for somebody whose deadline has passed: late is better than never."""


def suits(
    assessment_id: Given[int | None],
    regular_doctor: Given[UUID | None],
    *,
    until: Given[datetime],
) -> ColumnElement[bool]:
    """Return what must be true of a slot that a patient with this assessment holds or claims.

    It starts at `until` at the latest: see `latest_start`.

    It stands in the UPDATE itself, so no door can give a patient a slot that triage did not mean
    for them. Discipline, needs and visibility of a slot never change.
    """
    route: Any = func.jsonb_array_elements(Assessment.routes).table_valued(
        column("value", JSONB), name="route"
    )
    is_of_a_route = (
        select(true())
        .select_from(Assessment)
        .join(route, true())
        .where(
            Assessment.community_id == Slot.community_id,
            Assessment.id == assessment_id,
            route.c.value["discipline"].astext == Slot.discipline,
            route.c.value["needs"].contained_by(func.to_jsonb(Slot.skills)),
        )
        .correlate(Slot)
        .exists()
    )
    is_regular_doctors = (
        select(true())
        .select_from(Professional)
        .where(
            Professional.community_id == Slot.community_id,
            Professional.id == Slot.professional_id,
            Professional.reference == regular_doctor,
            Professional.profession == DOCTOR,
        )
        .correlate(Slot)
        .exists()
    )
    return and_(
        Slot.starts_at <= until, is_seen_by(OFFERED), or_(is_of_a_route, is_regular_doctors)
    )


def latest_start(deadline: datetime, now: datetime) -> datetime:
    """Return the moment before which care is looked for: a promise that was broken does not end."""
    return deadline if deadline > now else now + OVERDUE_LOOKS
