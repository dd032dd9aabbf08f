"""The life of one judgement in any order: answers, decisions, time, holds, against plain values."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from booking.desk import again, ask, choose, decide, judge, staff
from booking.desk.validity import VALID_FOR
from booking.models import Assessment, LevelDecision, RequestStatus, Role
from booking.triage import engine as triage
from booking.triage.protocol import Level, Protocol
from schedules import slots
from tests.builders import a_community, a_professional, a_slot, a_triaged_request
from tests.clockwork import NOON
from tests.staffing import an_account

ANSWERS = {"tm_plaie": ["yes", "no"], "tm_rouge": ["yes", "no"], "tm_quand": ["recent", "ancien"]}


class Judgement(RuleBasedStateMachine):
    """One ankle, an operator, a doctor and a slot, on a Saturday at noon."""

    engine: Engine
    protocol: Protocol

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine, expire_on_commit=False)
        self.community = a_community(self.session)
        who = a_professional(self.session, self.community)
        self.slot = a_slot(self.session, professional=who, starts_at=NOON + timedelta(hours=11))
        self.operator = self.actor(Role.OPERATOR)
        self.doctor = self.actor(Role.PROFESSIONAL, professional=who)
        self.now: datetime = NOON
        self.request = a_triaged_request(self.session, self.community, self.protocol)
        self.floor = Level.NOT_UNSCHEDULED
        """The highest that anybody raised it to since a clinician last lowered it."""
        self.lowered: list[dict[str, str]] = []
        """The answers for which a clinician has lowered it: said again, they are lowered again."""
        self.judged_at = NOON

    def actor(self, role: Role, **more: object) -> staff.Actor:
        email = f"{role.lower()}-{self.community.id}@tilleuls.example"
        account = an_account(self.session, self.community, role, email=email, **more)  # type: ignore[arg-type]
        return staff.actor(self.session, self.community.id, account.reference)

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    @property
    def by_triage(self) -> Level:
        asked = self.request
        patient = judge.patient_of(asked)
        return triage.assess(self.protocol, patient, asked.complaints, asked.answers).level

    @rule(question=st.sampled_from(sorted(ANSWERS)), data=st.data())
    def answer(self, question: str, data: st.DataObject) -> None:
        said = data.draw(st.sampled_from(ANSWERS[question]))
        ask.amend(self.session, self.request, {"answers": {question: said}})
        assert self.request.status is RequestStatus.DRAFT
        ask.assess(self.session, self.request, self.protocol, self.community, now=self.now)
        self.judged_at = self.now

    @rule(said=st.sampled_from(["yes", "no"]))
    def answer_signs(self, said: str) -> None:
        heard = {q.id: "no" for q in again.questions(self.protocol, self.request)}
        heard[self.protocol.universal[0].id] = said
        again.answer(self.session, self.request, self.protocol, self.community, heard, now=self.now)
        self.judged_at = self.now

    @rule(to=st.sampled_from(Level))
    def operator_decides(self, to: Level) -> None:
        was, may = self.request.level, decide.may(self.operator, self.request)
        if to in may:
            assert was is not None
            assert to > was
            self.decide(self.operator, to)
            self.floor = max(self.floor, to)
        else:
            with pytest.raises((decide.NotAllowed, decide.SameLevel)):
                self.decide(self.operator, to)

    @rule(to=st.sampled_from(Level))
    def doctor_decides(self, to: Level) -> None:
        was = self.request.level
        if to is was:
            with pytest.raises(decide.SameLevel):
                self.decide(self.doctor, to)
            return
        self.decide(self.doctor, to)
        assert was is not None
        if to > was:
            self.floor = max(self.floor, to)
        else:
            self.lowered.append(dict(self.request.answers))
            self.floor = Level.NOT_UNSCHEDULED

    def decide(self, by: staff.Actor, to: Level) -> None:
        decide.level(
            self.session,
            self.request,
            to,
            reason="entendu au téléphone",
            by=by,
            protocol=self.protocol,
            community=self.community,
            now=self.now,
        )
        self.judged_at = self.now

    @rule(minutes=st.sampled_from([1, 29, 30, 119, 120]))
    @precondition(lambda self: self.now < NOON + timedelta(hours=8))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def hold(self) -> None:
        level = self.request.level
        assert level is not None
        if not level.is_bookable:
            with pytest.raises(choose.LevelForbids):
                choose.hold(self.session, self.request, self.slot.reference, now=self.now)
        elif self.now >= self.judged_at + VALID_FOR[level]:
            with pytest.raises(choose.SignsAgain):
                choose.hold(self.session, self.request, self.slot.reference, now=self.now)
        else:
            latest = ask.assessment_of(self.session, self.request).latest_start_at
            assert latest is not None
            if self.slot.starts_at <= latest:
                choose.hold(self.session, self.request, self.slot.reference, now=self.now)
            else:
                with pytest.raises(slots.SlotTaken):
                    choose.hold(self.session, self.request, self.slot.reference, now=self.now)

    @invariant()
    def below_what_triage_says_there_is_always_a_clinician(self) -> None:
        level = self.request.level
        assert level is not None
        if level < self.by_triage:
            assert self.request.answers in self.lowered

    @invariant()
    def nothing_raised_is_lost_but_to_a_clinician(self) -> None:
        level = self.request.level
        assert level is not None
        assert level >= self.floor

    @invariant()
    def status_level_and_judgement_say_the_same(self) -> None:
        level = self.request.level
        row = ask.assessment_of(self.session, self.request)
        assert row.level is level
        assert (self.request.status is RequestStatus.OPEN) is row.level.is_bookable
        assert (self.request.status is RequestStatus.EMERGENCY) is row.level.is_emergency
        assert (self.request.deadline is not None) is row.level.is_bookable
        held = choose.held(self.session, self.request, now=self.now)
        assert held is None or row.level.is_bookable

    @invariant()
    def every_lower_level_is_signed(self) -> None:
        rows = self.session.execute(
            select(LevelDecision, Assessment).join(
                Assessment, Assessment.decision_id == LevelDecision.id
            )
        )
        for decision, judged in rows:
            assert judged.level is decision.to_level
            assert decision.to_level > decision.from_level or decision.profession == "10"


@pytest.fixture
def machine(engine: Engine, protocol: Protocol) -> Iterator[type[Judgement]]:
    Judgement.engine, Judgement.protocol = engine, protocol
    return Judgement  # type: ignore[return-value]


@pytest.mark.slow  # every step asks the database
def test_a_judgement_lives_as_it_should_whatever_happens(machine: type[Judgement]):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=15, deadline=None)
    )
