"""Walks the patient's form as a browser without JavaScript does: posts, and follows redirects."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from schedules.models import Commune, Community, Professional, Site, Slot, Visibility
from tests import builders
from tests.clockwork import NOON

SPRAIN = {
    "motif": {"motif": "trauma_membre", "precision": "cheville gauche"},
    "questions": {
        "tm_deforme": "no",
        "tm_froid": "no",
        "tm_violent": "no",
        "tm_tronc": "no",
        "tm_tendu": "no",
        "tm_hanche": "no",
        "malaise": "no",
        "choc_tete": "no",
        "tm_zone": "cheville",
        "tm_appui": "oui",
        "tm_quand": "recent",
        "tm_bloque": "no",
        "tm_plaie": "no",
        "tm_rouge": "no",
        "anticoagulant": "no",
    },
}
"""An ankle that hurts, and nothing worse: an appointment within 24 hours."""

CALM: dict[str, dict[str, Any]] = {
    "signes": {"signes": "none"},
    "naissance": {"jour": "27", "mois": "mars", "annee": "1988"},
    "sexe": {"sexe": "male"},
    "signes-suite": {"signes": "none"},
    "commune": {"commune": "77001"},
    **SPRAIN,
    "medecin-traitant": {"medecin": "no"},
    "nom": {"nom": "Bernard", "prenom": "Camille"},
    "telephone": {"telephone": "06 39 98 00 01", "message": "yes", "sms": "yes"},
}


SIGNS = ("signes", "signes-suite")
"""Pages on which one box, « Aucun », answers for many signs."""


@dataclass
class Town:
    """A territory with one doctor, at one place, and slots that only they offer."""

    community: Community
    site: Site
    doctor: Professional
    slots: list[Slot]


def a_town(session: Session, *, slots: int = 7, **community: Any) -> Town:
    """Write a territory; its slots start every half hour from two hours after noon."""
    made = builders.a_community(session, **community)
    session.add(
        Commune(
            community_id=made.id,
            insee="77001",
            name="Saint-Loup",
            postal_code="77999",
            latitude=48.3,
            longitude=2.9,
        )
    )
    site = builders.a_site(session, made)
    doctor = builders.a_professional(session, made, site)
    offered = [
        builders.a_slot(
            session,
            professional=doctor,
            site=site,
            starts_at=NOON + timedelta(hours=2, minutes=30 * n),
            visibility=(Visibility.CPTS,),
        )
        for n in range(slots)
    ]
    session.commit()
    return Town(made, site, doctor, offered)


@dataclass
class Walk:
    """One patient, one browser, one request."""

    client: FlaskClient
    town: Town
    answers: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(CALM))
    token: str = ""

    def start(self) -> "Walk":
        opened = self.client.post("/demande", data={"community": self.town.community.slug})
        assert opened.status_code == 303
        self.token = opened.location.split("/")[2]
        return self

    def url(self, step: str) -> str:
        return f"/demande/{self.token}/{step}"

    def get(self, step: str) -> TestResponse:
        return self.client.get(self.url(step))

    def post(self, step: str, **but: Any) -> TestResponse:
        """Post these fields, or the usual ones; a page of signs says which it showed just now."""
        fields = dict(but or self.answers.get(step, {}))
        if step in SIGNS:
            fields.setdefault("montre", self.shown(step))
        return self.client.post(self.url(step), data=fields)

    def shown(self, step: str) -> list[str]:
        """Return the signs that a page shows."""
        return re.findall(r'name="montre" value="(\w+)"', self.get(step).text)

    def to(self, step: str) -> "Walk":
        """Answer every question before `step`, as they come."""
        if not self.token:
            self.start()
        for _ in range(20):
            now = self.where()
            if now == step:
                return self
            if now == "rendez-vous":
                self.post(now, **{"rendez-vous": str(self.town.slots[0].reference)})
            else:
                answered = self.post(now)
                assert answered.status_code == 303, (now, answered.status_code, answered.text)
        raise AssertionError(f"never came to {step}, but to {self.where()}")

    def where(self) -> str:
        """Return the page at which this form stands."""
        led = self.client.get(f"/demande/{self.token}")
        assert led.status_code == 303
        return led.location.rsplit("/", 1)[1].partition("?")[0]

    def book(self) -> str:
        """Confirm, and return the address of the appointment."""
        confirmed = self.to("verifier").post("verifier", go="1")
        assert confirmed.status_code == 303, confirmed.text
        return confirmed.location
