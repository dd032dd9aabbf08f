"""Screens D1, D3, D6: professionals reserve time, once or week after week, in seconds."""

from booking.web.supply import absences, done, openings, publishing, week
from booking.web.supply.door import supply

__all__ = ["absences", "done", "openings", "publishing", "supply", "week"]
