"""The use cases in the order in which a patient meets them, on the real database."""

from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import again, ask, change, choose, tell
from booking.links import code_of
from booking.models import (
    Assessment,
    Booking,
    BookingState,
    BookingStatus,
    CancelledBy,
    CareRequest,
    ProvedBy,
    RequestStatus,
)
from booking.persons import erasing, tombstones
from booking.routing import Why
from booking.triage.protocol import Level
from config.clock import PARIS
from config.database import transaction
from notifications.models import Channel, OutboxMessage, Status
from schedules import ics, slots
from schedules.models import Community, Professional, Slot, Visibility
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_request,
    a_site,
    a_slot,
    a_triaged_request,
    slot_of,
)
from tests.clockwork import NOON


@pytest.fixture
def slot(session):
    return a_slot(session)


@pytest.fixture
def community(session, slot):
    return session.get_one(Community, slot.community_id)


@pytest.fixture
def another(session, slot):
    """A second slot of the same professional, an hour later."""
    who = session.get_one(Professional, (slot.community_id, slot.professional_id))
    return a_slot(session, professional=who, starts_at=slot.starts_at + timedelta(hours=1))


def book(session, request, community, slot, now=NOON):
    return choose.book(
        session, request, community, slot.reference, by="PATIENT", links=LINKS, now=now
    )


def messages(session, about) -> list[OutboxMessage]:
    return list(
        session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.about == about)
            .order_by(OutboxMessage.id)
            .execution_options(populate_existing=True)
        )
    )


def drawn(message: OutboxMessage) -> bytes:
    return ics.drawn(message.invitation)[0]


def kept(session, booked) -> change.Kept:
    return change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)


# Ask


def test_a_request_is_found_by_its_link_and_by_nothing_else(session, community):
    request = a_request(session, community)

    found = ask.by_link(session, LINKS.request_token(request.reference), now=NOON)

    assert found.id == request.id
    with pytest.raises(ask.NoSuchRequest):
        ask.by_link(session, str(request.reference), now=NOON)


def test_a_form_left_for_a_day_is_forgotten_by_its_link(session, community):
    request = a_request(session, community)
    token = LINKS.request_token(request.reference)

    with pytest.raises(ask.NoSuchRequest):
        ask.by_link(session, token, now=NOON + timedelta(hours=24, seconds=1))


def test_another_community_does_not_know_the_request(session, community):
    request = a_request(session, community)
    elsewhere = a_community(session)

    with pytest.raises(ask.NoSuchRequest):
        ask.by_reference(session, elsewhere.id, request.reference)


def test_an_ankle_that_bears_weight_starts_the_24_hour_clock(session, community, protocol):
    request = a_triaged_request(session, community, protocol)

    assert request.level is Level.WITHIN_24H
    assert request.deadline == NOON + timedelta(hours=24)
    assert request.status is RequestStatus.OPEN


def test_an_empty_form_ends_at_the_15(session, community, protocol):
    request = a_request(session, community)

    ask.assess(session, request, protocol, community, now=NOON)

    assert request.level is Level.CALL_15
    assert request.status is RequestStatus.EMERGENCY
    assert request.deadline is None


def test_what_triage_said_is_kept_with_the_version_that_said_it(session, community, protocol):
    request = a_triaged_request(session, community, protocol)

    row = ask.assessment_of(session, request)

    assert (row.protocol, row.version, row.digest) == (
        protocol.id,
        protocol.version,
        protocol.digest,
    )
    assert row.answers == request.answers
    assert row.reasons
    assert row.safety_net


def test_a_changed_answer_undoes_the_judgement_but_not_its_record(session, community, protocol):
    request = a_triaged_request(session, community, protocol)

    ask.amend(session, request, {"age_months": 80 * 12})

    assert request.level is None
    with pytest.raises(ask.NotAssessed):
        ask.assessment_of(session, request)
    assert len(session.scalars(select(Assessment)).all()) == 1


def test_an_emergency_lets_go_of_what_was_held(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    choose.hold(session, request, slot.reference, now=NOON)
    ask.amend(session, request, {"answers": {protocol.universal[0].id: "yes"}})

    ask.assess(session, request, protocol, community, now=NOON)

    assert slot_of(session, slot.reference).held_by is None


def test_nobody_is_triaged_by_a_protocol_that_is_not_in_force(session, community, protocol):
    request = a_request(session, community)
    too_late = datetime.combine(
        protocol.valid_until + timedelta(days=2), datetime.min.time(), tzinfo=UTC
    )

    with pytest.raises(ask.ProtocolNotInForce):
        ask.assess(session, request, protocol, community, now=too_late)


@pytest.mark.parametrize(
    ("local", "ends"),
    [
        ("2027-11-02T08:00", "2027-11-02T20:00"),
        ("2027-11-02T15:00", "2027-11-03T00:00"),
        ("2027-10-31T01:00", "2027-10-31T12:00"),
        ("2027-03-28T01:00", "2027-03-28T14:00"),
    ],
)
def test_a_same_day_need_ends_after_twelve_hours_or_with_its_day(local, ends):
    now = datetime.fromisoformat(local).replace(tzinfo=PARIS)

    deadline = ask.deadline_of(Level.SAME_DAY, 12, PARIS, now=now.astimezone(UTC))

    assert deadline == datetime.fromisoformat(ends).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("born", "today", "months"),
    [
        (date(2027, 1, 31), date(2027, 2, 28), 1),
        (date(2027, 1, 31), date(2027, 2, 27), 0),
        (date(2024, 2, 29), date(2027, 2, 28), 36),
        (date(1948, 3, 27), date(2027, 3, 26), 78 * 12 + 11),
        (date(2027, 10, 30), date(2027, 10, 30), 0),
        (date(2026, 12, 15), date(2027, 12, 14), 11),
    ],
)
def test_an_age_is_counted_in_whole_months(born, today, months):
    assert ask.age_in_months(born, today) == months


# Choose


def test_what_is_proposed_is_free_in_time_and_says_why(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)

    [proposal] = choose.propose(session, request, community, now=NOON)

    assert proposal.slot.reference == slot.reference
    assert Why.SOONEST in proposal.reasons


def test_the_regular_doctor_is_proposed_first(session, community, slot, protocol):
    own = a_professional(session, community)
    later = a_slot(session, professional=own, starts_at=slot.starts_at + timedelta(hours=5))
    request = a_triaged_request(session, community, protocol, regular_doctor=own.reference)

    first, *_ = choose.propose(session, request, community, now=NOON)

    assert first.slot.reference == later.reference
    assert first.is_regular_doctor


def test_nothing_after_the_deadline_is_proposed(session, community, slot, protocol):
    late = NOON - timedelta(hours=23)
    request = a_triaged_request(session, community, protocol, now=late)

    assert request.deadline < slot.starts_at
    assert choose.propose(session, request, community, now=late) == []


def test_a_slot_that_nobody_can_reach_any_more_is_not_proposed(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    nearly = slot.starts_at - timedelta(minutes=5)

    assert choose.propose(session, request, community, now=nearly) == []


def test_only_places_for_wheelchairs_when_asked(session, community, slot, protocol):
    steps = a_site(session, community, is_wheelchair_accessible=False)
    a_slot(session, professional=a_professional(session, community), site=steps)
    request = a_triaged_request(session, community, protocol)

    everything = choose.propose(session, request, community, now=NOON)
    flat = choose.propose(session, request, community, only_wheelchair=True, now=NOON)

    assert len(everything) == 2
    assert [p.slot.reference for p in flat] == [slot.reference]


def test_the_sas_keeps_its_own_slots(session, community, protocol):
    sas_only = a_professional(session, community)
    a_slot(session, professional=sas_only, visibility=(Visibility.SNP,))
    request = a_triaged_request(session, community, protocol)

    found = choose.propose(session, request, community, now=NOON)

    assert sas_only.reference not in [p.slot.professional for p in found]


def test_an_emergency_is_proposed_nothing_and_can_hold_and_book_nothing(
    session, community, slot, protocol
):
    request = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )

    assert request.level.is_emergency
    assert choose.propose(session, request, community, now=NOON) == []
    with pytest.raises(choose.LevelForbids):
        choose.hold(session, request, slot.reference, now=NOON)
    with pytest.raises(choose.LevelForbids):
        book(session, request, community, slot)


def test_without_triage_nothing_can_be_held_or_booked(session, community, slot):
    request = a_request(session, community)

    with pytest.raises(choose.LevelForbids):
        choose.hold(session, request, slot.reference, now=NOON)
    with pytest.raises(choose.LevelForbids):
        book(session, request, community, slot)


def test_an_appointment_belongs_to_somebody(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol, phone=None)

    with pytest.raises(choose.PersonMissing):
        book(session, request, community, slot)


def test_booking_takes_the_slot_and_promises_both_messages(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)

    booked = book(session, request, community, slot)

    assert slot_of(session, slot.reference).claimed_by == request.reference
    assert request.status is RequestStatus.BOOKED
    assert booked.code == code_of(booked.reference)
    sms, notice = messages(session, booked.reference)
    assert sms.channel is Channel.SMS
    assert booked.link in sms.text
    assert notice.channel is Channel.EMAIL
    assert b"METHOD:REQUEST" in drawn(notice)


def test_no_message_holds_a_name_a_reason_or_a_profession(session, community, slot, protocol):
    request = a_triaged_request(
        session, community, protocol, email="lucie@patient.example", note="cheville droite"
    )

    booked = book(session, request, community, slot)

    for message in messages(session, booked.reference):
        calendar = drawn(message) if message.invitation else b""
        whole = f"{message.subject} {message.text} {calendar!r}".lower()
        for secret in ("morel", "lucie morel", "cheville", "bernard", "médecin", "entorse"):
            assert secret not in whole


def test_booking_twice_is_booking_once(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    first = book(session, request, community, slot)

    second = book(session, request, community, slot)

    assert (second.reference, second.link, second.code) == (
        first.reference,
        first.link,
        first.code,
    )
    assert not second.is_new
    assert len(messages(session, first.reference)) == 2


def test_who_was_slower_keeps_nothing_and_can_choose_again(
    session, community, slot, another, protocol
):
    winner = a_triaged_request(session, community, protocol)
    loser = a_triaged_request(session, community, protocol)
    book(session, winner, community, slot)
    session.commit()

    with pytest.raises(slots.SlotTaken), transaction(session):
        book(session, loser, community, slot)

    session.refresh(loser)
    assert loser.status is RequestStatus.OPEN
    [left] = choose.propose(session, loser, community, now=NOON)
    assert left.slot.reference == another.reference


def test_a_held_slot_can_be_booked_by_its_holder_alone(session, community, slot, protocol):
    holder = a_triaged_request(session, community, protocol)
    other = a_triaged_request(session, community, protocol)
    until = choose.hold(session, holder, slot.reference, now=NOON)

    assert until == NOON + timedelta(minutes=5)
    assert choose.held(session, holder, now=NOON).reference == slot.reference
    assert choose.held(session, holder, now=until) is None
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, other, slot.reference, now=NOON)
    with pytest.raises(slots.SlotTaken):
        book(session, other, community, slot)
    assert book(session, holder, community, slot).is_new


def test_a_profession_that_triage_did_not_mean_can_be_neither_held_nor_booked(
    session, community, protocol
):
    dentist = a_professional(session, community, discipline="CD", profession="40", speciality=None)
    unsuited = a_slot(session, professional=dentist)
    request = a_triaged_request(session, community, protocol)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, unsuited.reference, now=NOON)
    with pytest.raises(slots.SlotTaken):
        book(session, request, community, unsuited)


def test_who_is_not_enabled_for_the_protocol_cannot_be_booked_for_it(session, community, protocol):
    physio = {"discipline": "MK", "profession": "70", "speciality": None}
    able = a_professional(session, community, skills=["protocole-torsion-cheville"], **physio)
    unable = a_professional(session, community, **physio)
    ankle = {"tm_zone": "cheville", "tm_appui": "oui", "tm_quand": "recent"}
    request = a_triaged_request(session, community, protocol, answers=ankle)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, a_slot(session, professional=unable).reference, now=NOON)
    assert choose.hold(session, request, a_slot(session, professional=able).reference, now=NOON)


def test_a_slot_of_the_sas_alone_can_be_neither_held_nor_booked(session, community, protocol):
    sas = a_slot(
        session, professional=a_professional(session, community), visibility=(Visibility.SNP,)
    )
    request = a_triaged_request(session, community, protocol)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, sas.reference, now=NOON)
    with pytest.raises(slots.SlotTaken):
        book(session, request, community, sas)


def test_past_the_deadline_somebody_is_still_looked_after(session, community, slot, protocol):
    request = a_triaged_request(
        session,
        community,
        protocol,
        now=NOON - timedelta(hours=13),
        answers={"tm_plaie": "yes"},
    )
    signs = {sign.id: "no" for sign in again.questions(protocol, request)}
    again.answer(session, request, protocol, community, signs, now=NOON)

    [late] = choose.propose(session, request, community, now=NOON)

    assert request.deadline < NOON
    assert late.slot.reference == slot.reference


def test_a_day_after_triage_nobody_is_booked_without_being_asked_again(
    session, community, slot, protocol
):
    request = a_triaged_request(
        session, community, protocol, now=NOON - timedelta(hours=24, seconds=1)
    )

    assert choose.propose(session, request, community, now=NOON) == []
    with pytest.raises(choose.LevelForbids):
        book(session, request, community, slot)


def test_a_request_that_was_declined_books_nothing(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    ask.decline(session, request, because="fifteen", now=NOON)

    assert request.declined_because == "fifteen"
    with pytest.raises(choose.LevelForbids):
        choose.hold(session, request, slot.reference, now=NOON)
    with pytest.raises(choose.LevelForbids):
        book(session, request, community, slot)


def test_no_slot_after_the_deadline_can_be_held_or_booked(session, community, slot, protocol):
    doctor = session.get_one(Professional, (slot.community_id, slot.professional_id))
    far = a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=24, minutes=1))
    request = a_triaged_request(session, community, protocol)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, far.reference, now=NOON)
    with pytest.raises(slots.SlotTaken):
        book(session, request, community, far)


def test_who_cancelled_may_choose_again(session, community, slot, another, protocol):
    booked = a_booking(session, community, protocol, slot)
    cancelled = kept(session, booked)
    change.cancel(
        session,
        cancelled,
        cancelled_by=CancelledBy.PATIENT,
        by="PATIENT",
        links=LINKS,
        now=NOON,
    )

    again = book(session, cancelled.request, community, another)

    assert again.is_new
    assert again.reference != booked.reference


def test_what_another_holds_is_not_proposed(session, community, slot, protocol):
    holder = a_triaged_request(session, community, protocol)
    other = a_triaged_request(session, community, protocol)
    choose.hold(session, holder, slot.reference, now=NOON)

    assert choose.propose(session, other, community, now=NOON) == []
    assert len(choose.propose(session, holder, community, now=NOON)) == 1


def test_only_a_doctor_can_be_somebodys_regular_doctor(session, community, protocol):
    pharmacist = a_professional(
        session, community, profession="21", speciality=None, discipline="PH"
    )
    unsuited = a_slot(session, professional=pharmacist)
    request = a_triaged_request(session, community, protocol, regular_doctor=pharmacist.reference)

    found = choose.propose(session, request, community, now=NOON)
    assert unsuited.reference not in [p.slot.reference for p in found]
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, unsuited.reference, now=NOON)


def test_a_changed_answer_starts_no_new_clock(session, community, protocol):
    request = a_triaged_request(session, community, protocol)
    first = request.deadline
    later = NOON + timedelta(hours=3)
    ask.amend(session, request, {"note": "toujours mal"})

    ask.assess(session, request, protocol, community, now=later)

    assert request.deadline == first


def test_a_promised_call_is_called_back_when_there_is_an_appointment(
    session, community, slot, protocol
):
    request = a_triaged_request(session, community, protocol)
    ask.ask_for_call(session, request, phone=request.phone, hours=None, now=NOON)
    tell.call_back_promised(session, community, request, links=LINKS, now=NOON)

    book(session, request, community, slot)

    [promise] = messages(session, request.reference)
    assert promise.status is Status.WITHDRAWN


def test_a_call_before_midnight_is_promised_for_that_day(session, community, protocol):
    request = a_triaged_request(session, community, protocol, answers={"tm_plaie": "yes"})
    assert request.deadline == NOON + timedelta(hours=12)

    tell.call_back_promised(session, community, request, links=LINKS, now=NOON)

    [promise] = messages(session, request.reference)
    assert "samedi 27 mars avant 23h59" in promise.text


def test_who_erases_what_they_typed_leaves_no_number_behind(session, community, protocol, tmp_path):
    request = a_triaged_request(session, community, protocol)
    ask.ask_for_call(session, request, phone=request.phone, hours=None, now=NOON)
    tell.call_back_promised(session, community, request, links=LINKS, now=NOON)

    order = tombstones.Order(NOON, None, ProvedBy.PATIENT)
    erasing.erase_own(session, request, order=order, links=LINKS, file=tmp_path / "tombstones")

    [promise] = messages(session, request.reference)
    assert promise.status is Status.WITHDRAWN
    assert MOBILE not in f"{promise.recipient} {promise.text}"


def test_booking_one_slot_lets_go_of_another_that_was_held(
    session, community, slot, another, protocol
):
    request = a_triaged_request(session, community, protocol)
    choose.hold(session, request, another.reference, now=NOON)

    book(session, request, community, slot)

    assert slot_of(session, another.reference).held_by is None


def test_a_landline_gets_a_call_and_no_sms(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol, phone="+33199000042")

    booked = book(session, request, community, slot)

    assert [m.channel for m in messages(session, booked.reference)] == [
        Channel.VOICE,
        Channel.EMAIL,
    ]


def test_who_wants_no_sms_gets_none(session, community, slot, protocol):
    request = a_triaged_request(
        session, community, protocol, wants_sms=False, email="lucie@patient.example"
    )

    booked = book(session, request, community, slot)

    assert {m.channel for m in messages(session, booked.reference)} == {Channel.EMAIL}
    assert "lucie@patient.example" in {m.recipient for m in messages(session, booked.reference)}


def test_who_has_an_appointment_cannot_change_what_it_stands_on(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    book(session, request, community, slot)

    with pytest.raises(ask.AlreadyBooked):
        ask.amend(session, request, {"age_months": 1})
    with pytest.raises(ask.AlreadyBooked):
        ask.identify(session, request, {"phone": "+33639980002"})
    with pytest.raises(ask.AlreadyBooked):
        ask.assess(session, request, protocol, community, now=NOON)
    with pytest.raises(ask.AlreadyBooked):
        choose.hold(session, request, slot.reference, now=NOON)


# Change


def test_the_link_opens_the_appointment_until_two_hours_after_it(
    session, community, slot, protocol
):
    booked = a_booking(session, community, protocol, slot)
    token = booked.link.rpartition("/")[2]

    assert change.by_link(session, token, now=slot.ends_at + timedelta(hours=2)).is_live
    with pytest.raises(change.LinkDied):
        change.by_link(session, token, now=slot.ends_at + timedelta(hours=2, seconds=1))
    with pytest.raises(change.NoSuchBooking):
        change.by_link(session, token[:-1], now=NOON)
    with pytest.raises(change.NoSuchBooking):
        change.by_link(session, str(booked.reference), now=NOON)


def test_cancelling_frees_the_slot_at_once_and_tells_both_sides(session, community, slot, protocol):
    booked = a_booking(session, community, protocol, slot)

    change.cancel(
        session,
        kept(session, booked),
        cancelled_by=CancelledBy.PATIENT,
        by="PATIENT",
        links=LINKS,
        now=NOON,
    )

    assert slot_of(session, slot.reference).claimed_by is None
    told = messages(session, booked.reference)
    assert [m.status for m in told[:2]] == [Status.WITHDRAWN, Status.WITHDRAWN]
    assert [m.kind.name for m in told[2:]] == ["CANCELLED", "NOTICE"]
    assert b"METHOD:CANCEL" in drawn(told[3])
    assert b"SEQUENCE:1" in drawn(told[3])


def test_cancelling_twice_is_cancelling_once(session, community, slot, protocol):
    booked = a_booking(session, community, protocol, slot)
    for _ in range(2):
        change.cancel(
            session,
            kept(session, booked),
            cancelled_by=CancelledBy.PATIENT,
            by="PATIENT",
            links=LINKS,
            now=NOON,
        )

    assert len(messages(session, booked.reference)) == 4


def test_a_patient_who_cancelled_waits_for_nothing_but_one_who_was_cancelled_does(
    session, community, slot, another, protocol
):
    mine = a_booking(session, community, protocol, slot)
    theirs = a_booking(session, community, protocol, another)
    for booked, who in ((mine, CancelledBy.PATIENT), (theirs, CancelledBy.PRACTICE)):
        change.cancel(
            session, kept(session, booked), cancelled_by=who, by="X", links=LINKS, now=NOON
        )

    assert kept(session, mine).request.status is RequestStatus.DECLINED
    reopened = kept(session, theirs).request
    assert reopened.status is RequestStatus.OPEN
    assert reopened.deadline == NOON + timedelta(hours=24)


def test_an_appointment_that_has_begun_cannot_be_cancelled_or_moved(
    session, community, slot, another, protocol
):
    booked = a_booking(session, community, protocol, slot)
    late = slot.starts_at

    with pytest.raises(change.TooLate):
        change.cancel(
            session,
            kept(session, booked),
            cancelled_by=CancelledBy.PATIENT,
            by="PATIENT",
            links=LINKS,
            now=late,
        )
    with pytest.raises(change.TooLate):
        change.move(
            session, kept(session, booked), another.reference, by="X", links=LINKS, now=late
        )


def test_moving_keeps_the_name_and_raises_the_version(session, community, slot, another, protocol):
    booked = a_booking(session, community, protocol, slot)

    change.move(
        session, kept(session, booked), another.reference, by="PATIENT", links=LINKS, now=NOON
    )

    after = kept(session, booked)
    assert after.booking.reference == booked.reference
    assert after.booking.version == 1
    assert after.slot.reference == another.reference
    assert slot_of(session, slot.reference).claimed_by is None
    told = messages(session, booked.reference)
    assert [m.status for m in told[:2]] == [Status.WITHDRAWN, Status.WITHDRAWN]
    assert [m.kind.name for m in told[2:]] == ["MOVED", "NOTICE"]


def test_moving_to_another_professional_tells_the_one_who_was_left(
    session, community, slot, protocol
):
    colleague = a_professional(session, community)
    elsewhere = a_slot(session, professional=colleague)
    booked = a_booking(session, community, protocol, slot)
    left = kept(session, booked).professional.email

    change.move(session, kept(session, booked), elsewhere.reference, by="P", links=LINKS, now=NOON)

    *_, gone = messages(session, booked.reference)
    assert gone.recipient == left
    assert kept(session, booked).site.name not in gone.text
    assert gone.invitation["entry"]["starts_at"] == gone.expires_at.isoformat().replace(
        "+00:00", "Z"
    )
    assert b"METHOD:CANCEL" in drawn(gone)


def to_professionals(session, booked) -> list[tuple[str, str, int, Status]]:
    """Return whom mails told what of an appointment, in order, and whether they still leave."""
    found = []
    for message in messages(session, booked.reference):
        if message.kind.name == "NOTICE":
            calendar = Calendar.from_ical(drawn(message))
            [event] = calendar.events
            assert event["UID"] == f"{booked.reference}@{LINKS.host}"
            said = str(calendar["METHOD"]), int(event["SEQUENCE"])
            found.append((message.recipient, *said, message.status))
    return found


def test_professionals_are_told_in_an_order_that_calendars_can_follow(
    session, community, slot, protocol
):
    colleague = a_professional(session, community)
    elsewhere = a_slot(session, professional=colleague)
    booked = a_booking(session, community, protocol, slot)
    first = kept(session, booked).professional.email

    for where in (elsewhere, slot):
        change.move(session, kept(session, booked), where.reference, by="P", links=LINKS, now=NOON)
    change.cancel(
        session, kept(session, booked), cancelled_by=CancelledBy.PATIENT, by="P", links=LINKS,
        now=NOON,
    )  # fmt: skip

    said = [each[:3] for each in to_professionals(session, booked)]
    assert [each[1:] for each in said if each[0] == first] == [
        ("REQUEST", 0), ("CANCEL", 1), ("REQUEST", 2), ("CANCEL", 3),
    ]  # fmt: skip
    assert [each[1:] for each in said if each[0] == colleague.email] == [
        ("REQUEST", 1), ("CANCEL", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("then", ["move", "cancel"])
def test_who_was_left_is_told_although_it_changes_again_before_the_mail_left(
    session, community, slot, protocol, then
):
    colleague, third = (a_professional(session, community) for _ in range(2))
    booked = a_booking(session, community, protocol, slot)
    left = kept(session, booked).professional.email
    there = a_slot(session, professional=colleague)
    change.move(session, kept(session, booked), there.reference, by="P", links=LINKS, now=NOON)

    if then == "move":
        there = a_slot(session, professional=third)
        change.move(session, kept(session, booked), there.reference, by="P", links=LINKS, now=NOON)
    else:
        change.cancel(
            session, kept(session, booked), cancelled_by=CancelledBy.PRACTICE, by="X", links=LINKS,
            now=NOON,
        )  # fmt: skip

    leaving = [said for said in to_professionals(session, booked) if said[-1] is Status.WAITING]
    assert (left, "CANCEL", 1, Status.WAITING) in leaving
    assert [said for said in leaving if said[0] == colleague.email] == [
        (colleague.email, "CANCEL", 2, Status.WAITING)
    ]


def test_a_move_that_comes_too_late_leaves_everything_as_it_was(
    session, community, slot, another, protocol
):
    booked = a_booking(session, community, protocol, slot)
    a_booking(session, community, protocol, another)
    session.commit()

    with pytest.raises(slots.SlotTaken), transaction(session):
        change.move(
            session, kept(session, booked), another.reference, by="P", links=LINKS, now=NOON
        )

    assert kept(session, booked).slot.reference == slot.reference
    assert slot_of(session, slot.reference).claimed_by is not None


def test_moving_to_the_same_slot_changes_nothing(session, community, slot, protocol):
    booked = a_booking(session, community, protocol, slot)

    change.move(session, kept(session, booked), slot.reference, by="P", links=LINKS, now=NOON)

    assert kept(session, booked).booking.version == 0


def test_what_happened_to_a_booking_is_written_down_in_order(
    session, community, slot, another, protocol
):
    booked = a_booking(session, community, protocol, slot)
    change.move(session, kept(session, booked), another.reference, by="P", links=LINKS, now=NOON)
    change.note(session, kept(session, booked), BookingStatus.ARRIVED, by="S", now=NOON)
    change.note(session, kept(session, booked), BookingStatus.ARRIVED, by="S", now=NOON)

    states = session.scalars(select(BookingState).order_by(BookingState.id)).all()

    assert [(s.status.name, s.by, s.version) for s in states] == [
        ("CONFIRMED", "PATIENT", 0),
        ("CONFIRMED", "P", 1),
        ("ARRIVED", "S", 1),
    ]


def test_somebody_whose_appointment_was_cancelled_cannot_arrive(session, community, slot, protocol):
    booked = a_booking(session, community, protocol, slot)
    change.cancel(
        session,
        kept(session, booked),
        cancelled_by=CancelledBy.PRACTICE,
        by="S",
        links=LINKS,
        now=NOON,
    )

    with pytest.raises(change.TooLate):
        change.note(session, kept(session, booked), BookingStatus.ARRIVED, by="S", now=NOON)


# What the database refuses, whatever the code does


def test_a_slot_has_one_live_booking(session, community, slot, protocol):
    a_booking(session, community, protocol, slot)
    other = a_triaged_request(session, community, protocol)

    session.add(_booking_of(other, slot))
    with pytest.raises(IntegrityError, match="uq_booking_live_slot"):
        session.flush()


def test_a_request_has_one_live_booking(session, community, slot, another, protocol):
    booked = a_booking(session, community, protocol, slot)
    request = kept(session, booked).request

    session.add(_booking_of(request, another))
    with pytest.raises(IntegrityError, match="uq_booking_live_request"):
        session.flush()


def test_no_booking_without_a_triage_that_allows_it(session, community, slot, protocol):
    request = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )

    session.add(_booking_of(request, slot))
    with pytest.raises(IntegrityError, match="level_allows_booking"):
        session.flush()


def test_no_booking_that_claims_a_level_triage_did_not_give(session, community, slot, protocol):
    request = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )

    session.add(_booking_of(request, slot, level=Level.SAME_DAY))
    with pytest.raises(IntegrityError, match="fk_booking_triaged"):
        session.flush()


def test_no_request_is_owed_an_answer_without_a_deadline(session, community, protocol):
    a_triaged_request(session, community, protocol)

    with pytest.raises(IntegrityError, match="owed_has_deadline"):
        session.execute(update(CareRequest).values(deadline=None))


def _booking_of(request: CareRequest, slot: Slot, **but) -> Booking:
    said = {
        "community_id": request.community_id,
        "request_id": request.id,
        "assessment_id": request.assessment_id,
        "level": request.level,
        "slot_id": slot.id,
        "link_hash": b"x",
        "code": "AAA AA",
        "booked_at": NOON,
        "changed_at": NOON,
    }
    return Booking(**said | but)


# Two tabs of one patient


def test_two_tabs_of_one_patient_wait_for_each_other(engine, protocol):
    with Session(engine, expire_on_commit=False) as setup, transaction(setup):
        slot = a_slot(setup)
        community = setup.get_one(Community, slot.community_id)
        request = a_triaged_request(setup, community, protocol)
    with Session(engine) as one, Session(engine) as two:
        ask.by_reference(one, community.id, request.reference)
        two.execute(text("SET LOCAL lock_timeout = '100ms'"))

        with pytest.raises(Exception, match="lock timeout"):
            ask.by_reference(two, community.id, request.reference)
