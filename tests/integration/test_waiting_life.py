"""Wishes, offers, alternatives, holds, bookings, cancellations and time, in any order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from booking.desk import alternatives, answering, ask, change, choose, waiting_list, wishes
from booking.models import (
    Booking,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Offer,
    OfferKind,
    RequestStatus,
)
from booking.triage.protocol import Protocol
from schedules import slots
from schedules.models import Slot
from tests.builders import (
    LINKS,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON

STRANGER = UUID(int=8)

HOURS = 5
"""Short enough for the hour at which offers are made, long enough for all of them to end."""


class Territory(RuleBasedStateMachine):
    """A doctor, some who need one, and a worker that offers what frees up."""

    engine: ClassVar[Engine]
    protocol: ClassVar[Protocol]
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine, expire_on_commit=False)
        self.community = a_community(self.session)
        self.site = a_site(self.session, self.community)
        self.doctor = a_professional(self.session, self.community, self.site)
        self.now = NOON
        self.deadlines: dict[UUID, object] = {}
        self.chosen: dict[int, tuple[UUID, datetime]] = {}
        """What somebody chose themselves: until when it is kept for them, at the most."""
        self.opened = 0
        for _ in range(3):
            self.open_slot()

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    @rule()
    def open_slot(self):
        self.opened += 1
        start = NOON + timedelta(minutes=20) * (self.opened + 3)
        a_slot(self.session, professional=self.doctor, site=self.site, starts_at=start)

    @initialize(target=people)
    def begin(self):
        """Begin with something to answer: two who wait, each of whom is offered a slot."""
        both = [self.arrive(), self.arrive()]
        for who in both:
            self.wish(who)
        self.work()
        return multiple(*both)

    @rule(target=people)
    def arrive(self):
        request = a_triaged_request(self.session, self.community, self.protocol, now=self.now)
        self.deadlines[request.reference] = request.deadline
        return request.reference

    @rule(minutes=st.sampled_from([1, 5, 9, 10, 15]))
    def wait(self, minutes):
        if self.now < NOON + timedelta(hours=HOURS):
            self.now += timedelta(minutes=minutes)

    @rule(who=people)
    def wish(self, who):
        wishes.want(self.session, self.found(who), now=self.now)

    @rule()
    def work(self):
        alternatives.end(self.session, now=self.now)
        for match in waiting_list.due(self.session, now=self.now):
            assert waiting_list.offer(self.session, match, links=LINKS, now=self.now)

    @rule(who=people, number=st.integers(0, 20))
    def hold(self, who, number):
        slot = self.slot(number)
        is_held = self.allowed(
            lambda: choose.hold(self.session, self.found(who), slot.reference, now=self.now)
        )
        if is_held:
            self.chosen[slot.id] = (who, self.now + slots.HOLD)

    @rule(who=people, number=st.integers(0, 20))
    def book(self, who, number):
        request, slot = self.found(who), self.slot(number)
        self.allowed(
            lambda: choose.book(
                self.session,
                request,
                self.community,
                slot.reference,
                by="x",
                links=LINKS,
                now=self.now,
            )
        )

    @rule(who=people, by=st.sampled_from(CancelledBy))
    def cancel(self, who, by):
        try:
            kept = change.of_request(self.session, self.found(who))
        except change.NoSuchBooking:
            return
        self.allowed(
            lambda: change.cancel(
                self.session, kept, cancelled_by=by, by="x", links=LINKS, now=self.now
            )
        )

    @rule(who=people)
    def decline(self, who):
        ask.decline(self.session, self.found(who), now=self.now)

    @rule(who=people, takes=st.booleans())
    def answer(self, who, takes):
        reference = self.session.scalar(
            select(Offer.reference)
            .where(
                Offer.request_id == self.found(who).id,
                Offer.kind == OfferKind.WAITING_LIST,
            )
            .order_by(Offer.id.desc())
            .limit(1)
        )
        if reference is None:
            return
        token = LINKS.offer_token(reference)
        offered = answering.by_link(self.session, token, lock=True)
        common = {"now": self.now}
        if takes:
            self.allowed(
                lambda: answering.take(self.session, offered, by="x", links=LINKS, **common)
            )
        else:
            answering.refuse(self.session, offered, **common)

    def allowed(self, deed):
        """Do what somebody asks for; a refusal leaves everything as it was. Whether it was done."""
        refusals = (
            slots.SlotTaken,
            choose.LevelForbids,
            ask.AlreadyBooked,
            change.TooLate,
            answering.OfferOver,
        )
        try:
            with self.session.begin_nested():
                deed()
        except refusals:
            self.session.expire_all()
            return False
        return True

    def found(self, who) -> CareRequest:
        return ask.by_reference(self.session, self.community.id, who)

    def slot(self, number) -> Slot:
        every = self.every_slot()
        return every[number % len(every)]

    def every_slot(self) -> Sequence[Slot]:
        return self.session.scalars(
            select(Slot)
            .where(Slot.community_id == self.community.id)
            .order_by(Slot.id)
            .execution_options(populate_existing=True)
        ).all()

    def count(self, what, *which):
        return self.session.scalar(select(func.count()).select_from(what).where(*which))

    @invariant()
    def nobody_has_two_appointments_and_no_slot_two_patients(self):
        live = (
            Booking.community_id == self.community.id,
            Booking.status != BookingStatus.CANCELLED,
        )
        booked = self.session.execute(select(Booking.request_id, Booking.slot_id).where(*live))
        pairs = booked.all()
        assert len({p[0] for p in pairs}) == len({p[1] for p in pairs}) == len(pairs)

    @invariant()
    def what_is_kept_is_kept_as_was_said_and_all_else_is_anybodys(self):
        """Look once at every slot, and judge by it: looking costs more than judging."""
        every = self.every_slot()
        kept = [s for s in every if s.held_until is not None and s.held_until > self.now]
        self.what_is_kept_was_chosen_or_is_offered_and_until_the_moment_that_was_said(kept)
        self.what_nobody_keeps_or_has_is_anybodys(every, kept)
        most = Counter(slot.held_by for slot in kept).values()
        assert max(most, default=0) <= alternatives.SHOWN

    def what_is_kept_was_chosen_or_is_offered_and_until_the_moment_that_was_said(self, kept):
        offered = {
            slot_id: (asker, until)
            for slot_id, asker, until in self.session.execute(
                select(Offer.slot_id, CareRequest.reference, Offer.until)
                .join(CareRequest, CareRequest.id == Offer.request_id)
                .where(Offer.community_id == self.community.id, Offer.answered_at.is_(None))
            )
        }
        for slot in kept:
            its = (slot.held_by, slot.held_until)
            assert its in (self.chosen.get(slot.id), offered.get(slot.id))

    def what_nobody_keeps_or_has_is_anybodys(self, every, kept):
        free = slots.is_open_to(STRANGER, self.now)
        found = select(Slot.id).where(Slot.community_id == self.community.id, free)
        assert set(self.session.scalars(found)) == {
            slot.id
            for slot in every
            if slot not in kept and slot.claimed_by is None and slot.starts_at > self.now
        }

    @invariant()
    def who_has_an_appointment_keeps_nothing_but_a_sooner_one(self):
        rows = self.session.execute(
            select(CareRequest, Slot)
            .join(Slot, Slot.held_by == CareRequest.reference)
            .where(
                CareRequest.community_id == self.community.id,
                Slot.held_until > self.now,
                CareRequest.status == RequestStatus.BOOKED,
            )
            .execution_options(populate_existing=True)
        ).all()
        for request, held in rows:
            kept = change.of_request(self.session, request)
            assert held.starts_at <= kept.slot.starts_at - waiting_list.SOONER

    @invariant()
    def who_wants_no_more_keeps_nothing(self):
        held = select(Slot.id).where(
            Slot.held_by == CareRequest.reference, Slot.held_until > self.now
        )
        # Who cancelled an appointment, and gave no reason to end the request, may choose again.
        ended = CareRequest.declined_because.is_not(None)
        assert self.count(CareRequest, ended, held.exists()) == 0

    @invariant()
    def who_has_none_is_open_with_the_deadline_of_the_first_day(self):
        for request in self.session.scalars(
            select(CareRequest)
            .where(CareRequest.community_id == self.community.id)
            .execution_options(populate_existing=True)
        ):
            assert request.deadline == self.deadlines[request.reference]
            has_one = self.count(
                Booking,
                Booking.request_id == request.id,
                Booking.status != BookingStatus.CANCELLED,
            )
            assert has_one == (request.status is RequestStatus.BOOKED)

    @invariant()
    def nobody_was_offered_one_slot_twice_by_the_waiting_list(self):
        twice = self.session.execute(
            select(Offer.request_id, Offer.slot_id)
            .where(Offer.community_id == self.community.id, Offer.kind == OfferKind.WAITING_LIST)
            .group_by(Offer.request_id, Offer.slot_id)
            .having(func.count() > 1)
        ).all()
        assert twice == []


@pytest.fixture
def territory(engine: Engine, protocol: Protocol) -> Iterator[type[Territory]]:
    Territory.engine, Territory.protocol = engine, protocol
    yield Territory
    engine.dispose()


@pytest.mark.slow  # some thousand transactions
def test_in_any_order_of_events_nobody_is_lost_and_nothing_is_kept_for_two(territory):
    run_state_machine_as_test(
        territory, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )
