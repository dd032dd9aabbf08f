"""Whose requests an account may see, and which accounts take calls."""

from booking import guards
from booking.desk.reach import Reach
from booking.models import Role

CALL_TAKERS = (Role.OPERATOR, Role.SECRETARY, Role.COORDINATOR)


def reach_of(somebody: guards.Identity) -> Reach:
    """Return whose requests this account sees: a practice's own for its secretaries, else all."""
    is_whole = somebody.role is not Role.SECRETARY
    return Reach(somebody.community_id, is_whole, somebody.account, somebody.site_ids)
