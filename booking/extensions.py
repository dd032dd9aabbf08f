"""Flask's handles, and what the app was equipped with; only doors and app.py import them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect

from booking import protocols
from booking.links import Links
from booking.triage.protocol import Protocol
from config.clock import PARIS, Clock, local_day
from config.database import Base
from config.settings import Settings
from notifications.models import Channel
from notifications.senders import Sender

db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})
csrf = CSRFProtect()
babel = Babel()


@dataclass(frozen=True)
class Equipment:
    """All that doors hand on to the rooms: nothing in it is read from anywhere else."""

    settings: Settings
    clock: Clock
    links: Links
    versions: Sequence[protocols.Version]
    """Every published protocol; which of them is in force depends on the day."""
    senders: Mapping[Channel, Sender]

    def protocol(self, language: str) -> Protocol:
        """Return today's protocol with its texts in that language, in French if there is none.

        Chosen anew at each use: a process lives longer than the night in which versions change.
        """
        today = local_day(self.clock(), PARIS)
        in_force = protocols.in_force(today, self.versions)
        return in_force.get(language, in_force["fr"])


def equipment() -> Equipment:
    """Return what this app was made with."""
    return cast("Equipment", current_app.extensions["jourmeme"])


def now() -> datetime:
    """Return the present moment; a door asks once a request and hands it on."""
    return equipment().clock()
