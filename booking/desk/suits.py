"""Which slots triage lets a patient have: those of its routes, and of the patient's own doctor."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, column, func, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB

from booking.desk.validity import latest_start
from booking.models import Assessment
from schedules.models import DOCTOR, Professional, Slot, Visibility
from schedules.slots import Given, accepts, is_seen_by

__all__ = ["OFFERED", "latest_start", "suits"]

OFFERED = (Visibility.CPTS, Visibility.PUBLIC)
"""What triage may route to: kept for the community, or open to all. `SNP` alone is the SAS's."""


def suits(
    assessment_id: Given[int | None],
    regular_doctor: Given[UUID | None],
    *,
    until: Given[datetime],
) -> ColumnElement[bool]:
    """Return what must be true of a slot that a patient with this assessment holds or claims.

    It starts at `until` at the latest (see `validity.latest_start`), and at the moment that the
    judgement itself allows: a need of today is given nothing tomorrow.

    It stands in the UPDATE itself, so no door can give a patient a slot that triage did not mean
    for them. What a slot is for may change until it is taken: the UPDATE looks at it then.
    """
    is_allowed = (
        select(true())
        .select_from(Assessment)
        .where(
            Assessment.community_id == Slot.community_id,
            Assessment.id == assessment_id,
            Slot.starts_at <= Assessment.latest_start_at,
            accepts(Assessment.complaints),
            or_(
                and_(Slot.only_own_patients.is_(False), _is_of_a_route()),
                _is_regular_doctors(regular_doctor),
            ),
        )
        .correlate(Slot)
        .exists()
    )
    return and_(Slot.starts_at <= until, is_seen_by(OFFERED), is_allowed)


def _is_of_a_route() -> ColumnElement[bool]:
    route: Any = func.jsonb_array_elements(Assessment.routes).table_valued(
        column("value", JSONB), name="route"
    )
    return (
        select(true())
        .select_from(route)
        .where(
            route.c.value["discipline"].astext == Slot.discipline,
            route.c.value["needs"].contained_by(func.to_jsonb(Slot.skills)),
        )
        .correlate(Slot, Assessment)
        .exists()
    )


def _is_regular_doctors(regular_doctor: Given[UUID | None]) -> ColumnElement[bool]:
    return (
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
