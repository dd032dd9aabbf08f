"""Whose requests and slots an account may see, and which accounts take calls or keep a day."""

from booking import guards
from booking.desk.board import Scope
from booking.desk.reach import Reach
from booking.models import Role

CALL_TAKERS = (Role.OPERATOR, Role.SECRETARY, Role.COORDINATOR)

CARERS = (Role.PROFESSIONAL, Role.SECRETARY)
"""Who sees patients by name: those who give the care, and those who keep their day."""


def reach_of(somebody: guards.Identity) -> Reach:
    """Return whose requests this account sees: a practice's own for its secretaries, else all."""
    is_whole = somebody.role is not Role.SECRETARY
    return Reach(somebody.community_id, is_whole, somebody.account, somebody.site_ids)


def scope_of(somebody: guards.Identity) -> Scope:
    """Return whose slots and appointments this account may see and change."""
    return Scope(somebody.community_id, somebody.professional_id, somebody.site_ids)
