"""Where a patient is and who their doctor is, from the words that a client has for them."""

from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from booking.api.asked import CareRequest
from booking.api.problems import invalid
from schedules.models import Commune, Professional

RPPS_DIGITS = 11


def known(session: Session, community_id: int, wanted: CareRequest) -> dict[str, Any]:
    """Return the commune, the coordinates and the regular doctor, as the request keeps them.

    Coordinates come from the patient's own place if it was said, else from the commune's.

    Raises:
        Problem: INVALID, for a commune that the community does not serve, or a reference of
            nobody's. A doctor's national number may be anybody's: they need not be members.
    """
    found: dict[str, Any] = {}
    if wanted.patient.commune is not None:
        found |= _commune(session, community_id, wanted.patient.commune)
    if wanted.patient.location is not None:
        found |= wanted.patient.location.model_dump()
    if wanted.regular_doctor is not None:
        found["has_regular_doctor"] = "yes"
        found["regular_doctor"] = _doctor(session, community_id, wanted.regular_doctor)
    return found


def _commune(session: Session, community_id: int, said: str) -> dict[str, Any]:
    rows = session.execute(
        select(Commune.insee, Commune.latitude, Commune.longitude).where(
            Commune.community_id == community_id,
            or_(Commune.insee == said, func.lower(Commune.name) == said.strip().lower()),
        )
    ).all()
    if len(rows) != 1:
        raise invalid(
            "patient.commune",
            _("Plusieurs communes ont ce nom : donnez le code INSEE.")
            if rows
            else _("Cette commune n’est pas du territoire : donnez « location », ou rien."),
        )
    [row] = rows
    return {"commune_insee": row.insee, "latitude": row.latitude, "longitude": row.longitude}


def _doctor(session: Session, community_id: int, said: str) -> UUID | None:
    is_rpps = len(said) == RPPS_DIGITS
    doctor = session.scalar(
        select(Professional.reference).where(
            Professional.community_id == community_id,
            Professional.rpps == said if is_rpps else Professional.reference == UUID(said),
        )
    )
    if doctor is None and not is_rpps:
        raise invalid("regular_doctor", _("Personne ne porte cette référence ici."))
    return doctor
