"""Flask's handles, and what the app was equipped with; only doors and app.py import them."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app, g, has_request_context
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect

from booking import protocols, retention
from booking.governance import serving
from booking.links import Links
from booking.triage.protocol import Protocol
from config.clock import PARIS, Clock, local_day
from config.database import Base, transaction
from config.settings import Settings
from notifications.models import Channel
from notifications.senders import Sender
from schedules.calendars.reading import Reader

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

    @property
    def reader(self) -> Reader:
        """Return what reads professionals' own calendars."""
        return Reader(self.settings.host, may_be_local=self.settings.calendars_may_be_local)

    @property
    def terms(self) -> retention.Terms:
        """Return how long each kind of data is kept here."""
        return retention.read(self.settings.retention_days)

    @property
    def delivered(self) -> protocols.Version:
        """Return the protocol that is delivered with the product, of today: nobody signed it here.

        Chosen anew at each use: a process lives longer than the night in which versions change.
        """
        return protocols.in_force(local_day(self.clock(), PARIS), self.versions)

    def protocol(self, language: str, community_id: int) -> Protocol:
        """Return the protocol that triages this community now, in that language or in French.

        It is always there, for its words; where none is in force its dates cover no day, and
        `ask.assess` judges nobody by it. One request sees one version from end to end.
        """
        if has_request_context():
            chosen: dict[int, protocols.Version] = g.setdefault("protocols", {})
            if community_id not in chosen:
                chosen[community_id] = self._version(community_id)
            version = chosen[community_id]
        else:
            version = self._version(community_id)
        return version.get(language, version["fr"])

    def _version(self, community_id: int) -> protocols.Version:
        session = db.session()
        # A door may be in the middle of its own transaction: that one stays open.
        within = nullcontext(session) if session.in_transaction() else transaction(session)
        with within as rows:
            return serving.version(
                rows,
                community_id,
                delivered=self.delivered,
                may_be_unsigned=not self.settings.is_production,
                now=self.clock(),
            )


def equipment() -> Equipment:
    """Return what this app was made with."""
    return cast("Equipment", current_app.extensions["jourmeme"])


def now() -> datetime:
    """Return the present moment; a door asks once a request and hands it on."""
    return equipment().clock()
