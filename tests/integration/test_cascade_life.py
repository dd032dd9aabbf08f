"""Professionals asked, accepting and refusing among all that happens to those who wait."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, and_, func, select

from booking.desk import ask
from booking.desk.cascade import answering as help_answers
from booking.desk.cascade import asking, calls, terms
from booking.desk.cascade.terms import Terms
from booking.models import (
    Asked,
    Booking,
    CallEnd,
    CallForHelp,
    CareRequest,
    HelpAnswer,
    RequestStatus,
)
from booking.triage.protocol import Protocol
from schedules import slots
from schedules.models import Slot
from tests.builders import LINKS, MOBILE, a_professional
from tests.integration.test_waiting_life import Territory

NUMBERS = st.integers(0, 40)


class Help(Territory):
    """The same territory, in which three doctors may be asked, two at a time."""

    people = Territory.people

    def __init__(self) -> None:
        super().__init__()
        self.community.cascade = terms.kept(Terms(is_on=True, wave_size=2, most_a_day=3))
        self.doctors = [self.doctor] + [
            a_professional(self.session, self.community, self.site, mobile=f"+3363998002{n}")
            for n in range(2)
        ]
        self.session.flush()

    @rule(who=people)
    def be_promised_a_call(self, who):
        request = self.found(who)
        if request.status is RequestStatus.OPEN:
            ask.ask_for_call(self.session, request, phone=MOBILE, hours=None, now=self.now)

    @rule()
    def ask_professionals(self):
        for community, reference in asking.due(self.session, now=self.now):
            asking.attend(self.session, community, reference, links=LINKS, now=self.now)
        self.no_hour_is_left_that_nobody_waits_for()

    def no_hour_is_left_that_nobody_waits_for(self):
        """What a professional gave is booked or kept as long as their call runs, or taken back."""
        taken = self.session.execute(
            select(Slot, CareRequest.reference)
            .join(Asked, and_(Asked.community_id == Slot.community_id, Asked.slot_id == Slot.id))
            .join(CallForHelp, calls.ITS_CALL)
            .join(CareRequest, calls.ITS_REQUEST)
            .where(
                Asked.community_id == self.community.id,
                Asked.answer == HelpAnswer.TAKEN,
                CallForHelp.ended_at.is_(None),
            )
            .execution_options(populate_existing=True)
        )
        for slot, whose in taken:
            assert slot.claimed_by == whose or (
                slot.held_by == whose and slot.held_until > self.now
            )

    @rule(who=people, starts=st.booleans())
    def start_or_stop(self, who, starts):
        request, by = self.found(who), uuid4()
        if not starts:
            calls.stop(self.session, request, by=by, now=self.now)
        elif calls.waits(request, self.now):
            calls.start(self.session, request, self.community, by=by, now=self.now)

    @rule(number=NUMBERS, takes=st.booleans(), hour=st.integers(0, 4))
    def answer_a_call(self, number, takes, hour):
        every = self.session.scalars(select(Asked.reference).order_by(Asked.id)).all()
        if not every:
            return
        token = LINKS.help_token(every[number % len(every)])
        opened = help_answers.by_link(self.session, token, lock=True)
        if not takes:
            help_answers.refuse(self.session, opened, now=self.now)
            return
        state = help_answers.state(self.session, opened, now=self.now)
        if state is not help_answers.State.OPEN:
            return
        hours = help_answers.hours(self.session, opened, now=self.now)
        if not hours:
            return
        # Whatever is refused leaves nothing: the page shows the hours as they are then.
        self.allowed_help(opened, hours[hour % len(hours)])

    def allowed_help(self, opened, at):
        refusals = (
            help_answers.NotOpen,
            help_answers.HourRefused,
            help_answers.NobodyCanTell,
            slots.SlotTaken,
            slots.SlotsOverlap,
        )
        try:
            with self.session.begin_nested():
                help_answers.take(self.session, opened, at, self.site, links=LINKS, now=self.now)
        except refusals:
            self.session.expire_all()

    def rows(self, what, *which):
        return self.count(what, what.community_id == self.community.id, *which)

    @invariant()
    def of_each_call_one_at_most_has_taken_the_patient(self):
        taken = (
            select(Asked.call_id)
            .where(Asked.community_id == self.community.id, Asked.answer == HelpAnswer.TAKEN)
            .group_by(Asked.call_id)
            .having(func.count() > 1)
        )
        assert self.session.scalars(taken).all() == []

    @invariant()
    def nobody_is_asked_twice_by_a_call_nor_more_than_three_times_a_day(self):
        twice = (
            select(Asked.call_id)
            .where(Asked.community_id == self.community.id)
            .group_by(Asked.call_id, Asked.professional_id)
            .having(func.count() > 1)
        )
        often = (
            select(Asked.professional_id)
            .where(Asked.community_id == self.community.id)
            .group_by(Asked.professional_id)
            .having(func.count() > 3)
        )
        assert self.session.scalars(twice).all() == self.session.scalars(often).all() == []

    @invariant()
    def a_call_that_was_filled_had_an_appointment(self):
        has_had_one = (
            select(Booking.id)
            .where(
                Booking.community_id == CallForHelp.community_id,
                Booking.request_id == CallForHelp.request_id,
            )
            .exists()
        )
        assert self.rows(CallForHelp, CallForHelp.ended_as == CallEnd.FILLED, ~has_had_one) == 0

    @invariant()
    def nobody_who_has_an_appointment_has_an_open_link(self):
        booked = self.session.scalars(
            select(Asked.reference)
            .join(CallForHelp, calls.ITS_CALL)
            .join(CareRequest, calls.ITS_REQUEST)
            .where(
                CareRequest.community_id == self.community.id,
                CareRequest.status == RequestStatus.BOOKED,
            )
        )
        for reference in booked.all():
            opened = help_answers.by_link(self.session, LINKS.help_token(reference))
            state = help_answers.state(self.session, opened, now=self.now)
            assert state is not help_answers.State.OPEN


@pytest.fixture
def territory(engine: Engine, protocol: Protocol) -> Iterator[type[Help]]:
    Help.engine, Help.protocol = engine, protocol
    yield Help
    engine.dispose()


@pytest.mark.slow  # some thousand transactions
def test_in_any_order_of_events_one_professional_has_each_patient(territory):
    run_state_machine_as_test(
        territory, settings=settings(max_examples=12, stateful_step_count=30, deadline=None)
    )
