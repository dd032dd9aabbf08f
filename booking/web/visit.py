"""One request of the patient's form, inside one transaction: what it knows, where it leads."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy.orm import Session

from booking.desk import again, ask, choose, words
from booking.desk.validity import is_too_old
from booking.extensions import equipment
from booking.models import CareRequest, RequestStatus
from booking.triage.protocol import Protocol
from booking.web import wording
from booking.web.errors import remember
from booking.web.journey import State, Step
from config.clock import local_day
from schedules import directory, slots
from schedules.models import Community, Slot

NOT_CALLED = "not_called"
"""The patient has a regular doctor and has not called them: they are told to, once."""


@dataclass(frozen=True)
class Visit:
    """A request as its pages need it. `slot` is what it holds at this moment."""

    session: Session
    token: str
    request: CareRequest
    community: Community
    protocol: Protocol
    slot: Slot | None
    now: datetime

    @property
    def state(self) -> State:
        """Return what decides which page comes next."""
        asked = self.request
        return State(
            protocol=self.protocol,
            patient=ask.patient_of(asked),
            answers=asked.answers,
            has_birth_date=asked.birth_date is not None,
            is_sex_said=asked.sex is not None,
            is_pregnancy_said=asked.pregnant is not None,
            has_commune=asked.commune_insee is not None,
            complaints=tuple(c for c in asked.complaints if c in self.protocol.by_complaint),
            words=words.signs_in(self.protocol, asked),
            reasked=frozenset(asked.reasked),
            level=asked.level,
            is_too_old=is_too_old(asked, self.now),
            is_doctor_said=asked.has_regular_doctor not in (None, NOT_CALLED),
            has_slot=self.slot is not None,
            has_name=bool(asked.family_name and asked.given_name),
            has_phone=bool(asked.phone) and asked.may_leave_message is not None,
            is_booked=asked.status is RequestStatus.BOOKED,
            is_over=asked.status is RequestStatus.DECLINED,
        )

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone of every hour on these pages."""
        return self.community.zone

    @property
    def today(self) -> date:
        """Return which day it is where the patient lives."""
        return local_day(self.now, self.zone)

    def url(self, step: Step, **more: Any) -> str:
        """Return the address of one page of this form."""
        return url_for("patient.show", token=self.token, step=step.value, **more)

    def amend(self, changes: dict[str, object]) -> None:
        """Keep an answer that triage looks at, if it is another than before.

        What was held is let go: it may not suit what is known now.
        """
        asked = self.request
        answers = changes.pop("answers", {})
        fresh = {k: v for k, v in answers.items() if asked.answers.get(k) != v}  # type: ignore[attr-defined]
        changed = {name: v for name, v in changes.items() if getattr(asked, name) != v}
        if fresh or changed:
            ask.amend(self.session, asked, changed | ({"answers": fresh} if fresh else {}))
            slots.let_go(self.session, self.community.id, asker=asked.reference, now=self.now)

    def reopen(self) -> None:
        """Undo the judgement: something was said that triage has not heard."""
        ask.amend(self.session, self.request, {})
        slots.let_go(self.session, self.community.id, asker=self.request.reference, now=self.now)

    def identify(self, changes: dict[str, object]) -> None:
        """Keep an answer that triage never looks at."""
        ask.identify(self.session, self.request, changes)

    def assess(self) -> None:
        """Let triage judge what was answered so far: what was not is the worst."""
        ask.assess(self.session, self.request, self.protocol, self.community, now=self.now)

    def answer_again(self, heard: dict[str, str]) -> None:
        """Judge once more, with these answers to the warning signs; what is held stays held."""
        again.answer(self.session, self.request, self.protocol, self.community, heard, now=self.now)

    def hold(self, slot: UUID | None) -> bool:
        """Keep this slot for the patient, or keep it longer; False if that cannot be."""
        if slot is None:
            return False
        try:
            choose.hold(self.session, self.request, slot, now=self.now)
        except slots.SlotTaken:
            return False
        return True

    def again(self) -> "Visit":
        """Return the visit after something was written."""
        return replace(self, slot=choose.held(self.session, self.request, now=self.now))


def arrive(session: Session, token: str, *, now: datetime) -> Visit:
    """Return the request that this address opens, locked until the transaction ends.

    Raises:
        ask.NoSuchRequest: if it opens none, or a draft that was left for a day.
    """
    asked = ask.by_link(session, token, now=now)
    community = directory.community(session, asked.community_id)
    remember(community)
    return Visit(
        session=session,
        token=token,
        request=asked,
        community=community,
        protocol=equipment().protocol(wording.language(), community.id),
        slot=choose.held(session, asked, now=now),
        now=now,
    )
