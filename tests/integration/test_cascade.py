"""Nothing is free: professionals are asked in waves; the first to accept makes the appointment."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import alternatives, ask, change, choose, replies, wishes
from booking.desk import answering as offers
from booking.desk.cascade import answering, asking, calls, terms
from booking.desk.cascade.answering import HourRefused, NotOpen, State
from booking.desk.cascade.terms import Terms
from booking.models import (
    Asked,
    Booking,
    BookingStatus,
    CallEnd,
    CallForHelp,
    CancelledBy,
    CareRequest,
    HelpAnswer,
    Offer,
    Role,
)
from config.database import transaction
from notifications import limits, outbox
from notifications.models import Channel, Kind, OutboxMessage, Status
from schedules import slots
from schedules.models import Community, Professional, Slot
from tests.builders import (
    LINKS,
    MOBILE,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""


@pytest.fixture
def community(session) -> Community:
    return a_community(session, cascade=terms.kept(Terms(is_on=True, wave_size=2)))


@pytest.fixture
def site(session, community):
    return a_site(session, community)


@pytest.fixture
def doctors(session, community, site) -> list[Professional]:
    """Three doctors with a mobile each, and one who has none."""
    numbers = ("+33639980011", "+33639980012", "+33639980013", None)
    made = [a_professional(session, community, site, mobile=number) for number in numbers]
    session.commit()
    return made


@pytest.fixture
def somebody(session, community, doctors, protocol) -> CareRequest:
    """A request of 24 hours that was promised a call; nothing is free."""
    return waits(session, community, protocol)


def waits(session, community, protocol, now=NOON, **but) -> CareRequest:
    request = a_triaged_request(session, community, protocol, now=now, **but)
    ask.ask_for_call(session, request, phone=MOBILE, hours=None, now=now)
    session.commit()
    return request


def work(session, now=NOON) -> int:
    """Do what the worker does; return how many were asked."""
    session.expire_all()
    return sum(
        asking.attend(session, *each, links=LINKS, now=now) for each in asking.due(session, now=now)
    )


def asked(session) -> list[Asked]:
    session.expire_all()
    return list(session.scalars(select(Asked).order_by(Asked.id)))


def call(session) -> CallForHelp:
    session.expire_all()
    return session.scalars(select(CallForHelp).order_by(CallForHelp.id.desc())).first()


def token(one) -> str:
    return LINKS.help_token(one.reference)


def opened(session, one, **how):
    return answering.by_link(session, token(one), **how)


def state(session, one, now=NOON):
    return answering.state(session, opened(session, one), now=now)


def take(session, one, at=NOON + HOUR, now=NOON):
    found = opened(session, one, lock=True)
    place = answering.places(session, found, now=now)[0].site
    answering.take(session, found, at, place, links=LINKS, now=now)
    session.flush()


def refuse(session, one, now=NOON):
    answering.refuse(session, opened(session, one, lock=True), now=now)


def told(session, kind=Kind.HELP) -> list[OutboxMessage]:
    session.expire_all()
    return list(
        session.scalars(
            select(OutboxMessage).where(OutboxMessage.kind == kind).order_by(OutboxMessage.id)
        )
    )


def set_terms(session, community, **but):
    community.cascade = terms.kept(Terms(**({"is_on": True, "wave_size": 2} | but)))
    session.commit()


# Who is asked, and when


def test_a_wave_asks_two_and_ten_minutes_later_the_next_ones(session, somebody):
    assert work(session) == 2
    assert work(session, NOON + 9 * MINUTE) == 0
    assert work(session, NOON + 10 * MINUTE) == 2

    assert [each.wave for each in asked(session)] == [1, 1, 2, 2]
    assert len({each.professional_id for each in asked(session)}) == 4


def test_nobody_is_asked_where_the_coordinator_has_not_said_so(session, community, somebody):
    community.cascade = {}
    session.flush()

    assert work(session) == 0
    assert call(session) is None


def test_nobody_is_asked_while_something_that_suits_is_free(session, doctors, site, somebody):
    a_slot(session, professional=doctors[0], site=site)

    assert work(session) == 0
    assert call(session) is None


def test_nobody_is_asked_for_who_was_not_told_that_we_look(session, community, doctors, protocol):
    a_triaged_request(session, community, protocol)

    assert work(session) == 0


def test_who_is_on_the_waiting_list_has_agreed_too(session, community, doctors, protocol):
    wishes.want(session, a_triaged_request(session, community, protocol), now=NOON)

    assert work(session) == 2


def test_at_night_nobody_is_asked_and_the_next_wave_leaves_in_the_morning(
    session, community, doctors, protocol
):
    evening = NOON + timedelta(hours=7, minutes=55)
    waits(session, community, protocol, now=evening)
    assert work(session, evening) == 2

    assert work(session, evening + 10 * MINUTE) == 0
    # Eight on the wall: the clocks go forward that night.
    assert call(session).next_wave_at == NOON.replace(day=28, hour=6)
    assert work(session, NOON.replace(day=28, hour=6)) == 2


def test_nothing_begins_at_night(session, community, doctors, protocol):
    waits(session, community, protocol, now=NOON + 10 * HOUR)

    assert work(session, NOON + 10 * HOUR) == 0
    assert call(session) is None


def test_who_does_not_want_it_said_stop_or_is_suspended_is_not_asked(session, doctors, somebody):
    doctors[0].accepts_calls_for_help = False
    doctors[1].suspended_at = NOON
    replies.receive(
        session, replies.Inbound("SM1", doctors[2].mobile, "STOP"), links=LINKS, now=NOON
    )
    session.flush()

    assert work(session) == 1
    assert asked(session)[0].professional_id == doctors[3].id


def test_who_is_too_far_or_of_another_profession_is_not_asked(
    session, community, doctors, protocol
):
    far = a_site(session, community, latitude=49.3)
    a_professional(session, community, far, mobile="+33639980014")
    near = a_site(session, community)
    a_professional(session, community, near, discipline="OPH", mobile="+33639980015")
    waits(session, community, protocol, latitude=48.3, longitude=2.9)

    work(session)
    work(session, NOON + 10 * MINUTE)
    work(session, NOON + 20 * MINUTE)

    assert {each.professional_id for each in asked(session)} == {each.id for each in doctors}


def test_nobody_is_asked_more_than_three_times_a_day(session, community, doctors, protocol):
    set_terms(session, community, wave_size=9)
    for _ in range(4):
        waits(session, community, protocol)
    work(session)

    times = [
        sum(each.professional_id == doctor.id for each in asked(session)) for doctor in doctors
    ]
    assert times == [3, 3, 3, 3]


def test_who_was_asked_least_comes_first(session, community, doctors, protocol):
    waits(session, community, protocol)
    work(session)
    first = {each.professional_id for each in asked(session)}
    waits(session, community, protocol)
    work(session, NOON + MINUTE)

    assert {each.professional_id for each in asked(session)[2:]} & first == set()


def test_of_a_community_nobody_of_another_is_asked(session, somebody):
    other = a_community(session)
    a_professional(session, other, a_site(session, other), mobile="+33639980019")

    work(session)
    work(session, NOON + 10 * MINUTE)

    assert {each.community_id for each in asked(session)} == {somebody.community_id}


# What they read


def test_the_message_says_age_distance_and_group_and_neither_name_nor_reason(
    session, community, doctors, protocol
):
    waits(session, community, protocol, latitude=48.31, longitude=2.9)
    work(session)

    # Who is asked among equals is chance, and one of the four has no mobile.
    sms = next(message for message in told(session) if message.channel is Channel.SMS)
    assert re.fullmatch(
        r"Demande SNP, 34 ans, à 2 km, avant dimanche 28 mars à 13h00, Blessure, accident\. "
        r"Répondre : http://localhost/aide/[\w-]{22}",
        sms.text,
    )
    assert all(hidden not in sms.text for hidden in ("Morel", "Lucie", "cheville", "membre"))
    assert [way["channel"] for way in sms.fallbacks] == ["email"]


def test_the_group_is_not_said_where_the_community_does_not_want_it(
    session, community, doctors, protocol
):
    set_terms(session, community, says_group=False)
    waits(session, community, protocol)
    work(session)

    assert all("Blessure" not in message.text for message in told(session))


def test_who_has_no_mobile_is_asked_by_mail(session, doctors, somebody):
    for doctor in doctors[:3]:
        doctor.accepts_calls_for_help = False
    session.flush()
    work(session)

    [mail] = told(session)
    assert (mail.channel, mail.recipient) == (Channel.EMAIL, doctors[3].email)
    assert "Blessure, accident" in mail.text
    assert "Morel" not in mail.text + mail.subject


def test_asking_takes_nothing_from_what_patients_may_be_sent(session, community, somebody):
    limits.allow(session, community.id, 10)
    work(session)
    work(session, NOON + 10 * MINUTE)
    session.commit()

    letters = outbox.lease(session, now=NOON + 11 * MINUTE, limit=50)
    for letter in letters:
        outbox.begin_call(session, letter, now=NOON + 11 * MINUTE)
    session.commit()

    # A tenth of ten, beside them: one SMS; two more are asked by mail, and one had none.
    assert limits.left(session, [community.id], now=NOON + 11 * MINUTE) == {community.id: 10}
    refused = [m for m in told(session) if m.failure == outbox.OVER_DAILY_LIMIT]
    assert len(refused) == 2
    assert sum(m.channel is Channel.EMAIL for m in told(session)) == 3


# Accepted


def test_the_first_to_accept_makes_the_appointment_and_the_others_read_that_it_is_filled(
    session, doctors, somebody
):
    work(session)
    first, second = asked(session)

    take(session, first)

    booking = session.scalars(select(Booking)).one()
    slot = session.get_one(Slot, (booking.community_id, booking.slot_id))
    assert (slot.starts_at, slot.professional_id) == (NOON + HOUR, first.professional_id)
    assert slot.claimed_by == somebody.reference
    assert state(session, first) is State.BOOKED
    assert state(session, second) is State.FILLED
    assert call(session).ended_as is CallEnd.FILLED
    with pytest.raises(NotOpen):
        take(session, second)


def test_the_patient_gets_the_usual_confirmation_and_the_professional_the_usual_notice(
    session, doctors, somebody
):
    work(session)
    take(session, asked(session)[0])

    assert [m.recipient for m in told(session, Kind.CONFIRMATION)] == [MOBILE]
    taker = session.get(Professional, (somebody.community_id, asked(session)[0].professional_id))
    assert [m.recipient for m in told(session, Kind.NOTICE)] == [taker.email]


def test_what_has_not_left_is_called_back_once_it_is_filled(session, somebody):
    work(session)
    first, second = asked(session)
    take(session, first)

    [late] = [m for m in told(session) if m.about == second.reference]
    assert (late.status, late.fallbacks) == (Status.WITHDRAWN, [])


def test_taken_twice_is_taken_once(session, somebody):
    work(session)
    take(session, asked(session)[0])
    take(session, asked(session)[0], at=NOON + 2 * HOUR)

    assert session.scalar(select(func.count()).select_from(Slot)) == 1


def test_an_hour_that_is_taken_already_is_refused_and_leaves_nothing(session, doctors, somebody):
    work(session)
    one = asked(session)[0]
    whose = session.get_one(Professional, (one.community_id, one.professional_id))
    a_slot(
        session,
        professional=whose,
        site=answering.places(session, opened(session, one), now=NOON)[0].site,
        starts_at=NOON + HOUR,
        visibility=(slots.Visibility.SNP,),
    )
    session.commit()

    with pytest.raises(slots.SlotsOverlap):
        take(session, one)
    session.rollback()

    assert state(session, one) is State.OPEN
    assert NOON + HOUR not in answering.hours(session, opened(session, one), now=NOON)
    assert session.scalars(select(Booking)).all() == []


@pytest.mark.parametrize(
    ("at", "why"), [(NOON + 5 * MINUTE, "too_soon"), (NOON + 25 * HOUR, "too_late")]
)
def test_an_hour_too_soon_or_too_late_is_refused(session, somebody, at, why):
    work(session)

    with pytest.raises(HourRefused) as refused:
        take(session, asked(session)[0], at=at)
    assert refused.value.why == why


def test_a_need_of_today_is_given_no_hour_tomorrow(session, community, doctors, protocol):
    waits(session, community, protocol, answers=TODAY)
    work(session)

    with pytest.raises(HourRefused):
        take(session, asked(session)[0], at=NOON + 13 * HOUR)
    hours = answering.hours(session, opened(session, asked(session)[0]), now=NOON)
    assert max(hours) < NOON + 11 * HOUR


def test_the_hours_proposed_are_those_at_which_they_have_nothing(session, doctors, somebody):
    work(session)
    one = asked(session)[0]
    whose = session.get_one(Professional, (one.community_id, one.professional_id))
    a_slot(session, professional=whose, starts_at=NOON + 40 * MINUTE, minutes=60)

    hours = answering.hours(session, opened(session, one), now=NOON)

    assert hours == [NOON + minutes * MINUTE for minutes in (105, 135, 165, 195, 225)]


# The judgement is too old, or nobody knows the name


def test_after_the_judgement_is_too_old_the_hour_is_kept_until_the_patient_confirms(
    session, community, doctors, protocol
):
    request = waits(session, community, protocol, answers=TODAY)
    work(session)
    later = NOON + 31 * MINUTE
    take(session, asked(session)[0], at=NOON + 2 * HOUR, now=later)

    assert session.scalars(select(Booking)).all() == []
    slot = session.scalars(select(Slot)).one()
    assert (slot.held_by, slot.held_until) == (request.reference, later + alternatives.KEPT_FOR)
    assert state(session, asked(session)[0], later) is State.KEPT
    assert state(session, asked(session)[1], later) is State.BUSY
    [sms] = told(session, Kind.OFFER)
    assert sms.recipient == MOBILE


def test_somebody_without_a_name_is_offered_the_hour_and_says_who_they_are(
    session, community, doctors, protocol
):
    request = waits(session, community, protocol, family_name=None, given_name=None)
    work(session)
    take(session, asked(session)[0])
    offer = session.scalars(select(Offer)).one()

    found = offers.by_link(session, LINKS.offer_token(offer.reference), lock=True)
    assert offers.take(session, found, by="PATIENT", links=LINKS, now=NOON) is None
    person = {"family_name": "Morel", "given_name": "Lucie", "phone": MOBILE}
    choose.book(
        session,
        request,
        community,
        session.scalars(select(Slot.reference)).one(),
        person=person,
        by="PATIENT",
        links=LINKS,
        now=NOON,
    )
    work(session, NOON + MINUTE)

    assert state(session, asked(session)[0]) is State.BOOKED
    assert call(session).ended_as is CallEnd.FILLED


def test_an_hour_that_the_patient_does_not_confirm_is_withdrawn_and_the_others_may_take_them(
    session, community, doctors, protocol
):
    waits(session, community, protocol, family_name=None, given_name=None)
    work(session)
    first, second = asked(session)
    take(session, first)
    later = NOON + 16 * MINUTE

    alternatives.end(session, now=later)
    work(session, later)

    assert session.scalars(select(Slot)).one().withdrawn_at == later
    assert state(session, first, later) is State.LAPSED
    assert asked(session)[0].answer is HelpAnswer.LAPSED
    assert state(session, second, later) is State.OPEN
    assert call(session).ended_at is None


def test_who_could_not_be_told_at_this_hour_is_kept_nothing(session, community, doctors, protocol):
    evening = NOON + timedelta(hours=7, minutes=50)
    waits(session, community, protocol, now=evening, family_name=None)
    work(session, evening)
    night = NOON + 10 * HOUR

    with pytest.raises(answering.NobodyCanTell):
        take(session, asked(session)[0], at=NOON + 20 * HOUR, now=night)


# How it ends


def test_whoever_books_elsewhere_ends_it(session, doctors, site, somebody):
    work(session)
    slot = a_slot(session, professional=doctors[3], site=site)
    choose.book(
        session,
        somebody,
        session.get(Community, somebody.community_id),
        slot.reference,
        by="x",
        links=LINKS,
        now=NOON,
    )
    assert state(session, asked(session)[0]) is State.FILLED

    work(session, NOON + MINUTE)

    assert call(session).ended_as is CallEnd.FILLED


def test_a_closed_request_ends_it_and_its_links(session, somebody):
    work(session)
    ask.decline(session, somebody, now=NOON)
    assert state(session, asked(session)[0]) is State.OVER
    work(session, NOON + MINUTE)

    assert call(session).ended_as is CallEnd.GONE


def test_when_everybody_has_said_no_it_is_over_and_nothing_begins_by_itself(session, somebody):
    work(session)
    work(session, NOON + 10 * MINUTE)
    for each in asked(session):
        refuse(session, each)
    work(session, NOON + 11 * MINUTE)
    assert call(session).ended_as is CallEnd.EXHAUSTED

    assert work(session, NOON + 30 * MINUTE) == 0
    assert session.scalar(select(func.count()).select_from(CallForHelp)) == 1


def test_past_the_deadline_it_is_over(session, somebody):
    work(session)
    work(session, somebody.deadline)

    assert call(session).ended_as is CallEnd.EXHAUSTED
    assert state(session, asked(session)[0], somebody.deadline) is State.OVER


def test_who_refused_is_not_asked_again_for_the_same_patient(session, somebody, community):
    work(session)
    refuser = asked(session)[0]
    refuse(session, refuser)
    calls.stop(session, somebody, by=uuid4(), now=NOON)
    calls.start(session, somebody, community, by=uuid4(), now=NOON)
    work(session, NOON + MINUTE)
    work(session, NOON + 11 * MINUTE)

    again = [each.professional_id for each in asked(session)[2:]]
    assert refuser.professional_id not in again
    assert len(again) == 3


def test_a_refusal_can_be_given_twice_and_not_taken_back(session, somebody):
    work(session)
    one = asked(session)[0]
    refuse(session, one)
    refuse(session, one)

    assert state(session, one) is State.REFUSED
    with pytest.raises(NotOpen):
        take(session, one)


def test_who_is_suspended_meanwhile_cannot_accept_any_more(session, doctors, somebody):
    work(session)
    one = asked(session)[0]
    session.get(Professional, (one.community_id, one.professional_id)).suspended_at = NOON
    session.flush()

    assert state(session, one) is State.OVER


def test_who_wants_no_more_of_them_may_still_accept_the_one_in_hand(session, doctors, somebody):
    work(session)
    one = asked(session)[0]
    whose = session.get(Professional, (one.community_id, one.professional_id))
    whose.accepts_calls_for_help = False
    session.flush()
    take(session, one)

    assert state(session, one) is State.BOOKED


def test_a_practice_that_cancels_makes_us_ask_again(session, community, somebody):
    work(session)
    take(session, asked(session)[0])
    kept = change.of_request(session, ask.by_reference(session, community.id, somebody.reference))
    change.cancel(session, kept, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=NOON)
    slots.withdraw_free(session, Slot.community_id == community.id, now=NOON)
    wishes.want(session, somebody, now=NOON)
    session.commit()

    assert work(session, NOON + 20 * MINUTE) == 2
    assert session.scalar(select(func.count()).select_from(CallForHelp)) == 2


# What the database refuses


def test_a_request_has_one_live_call_and_nobody_is_asked_twice_by_it(session, somebody):
    work(session)
    running, one = call(session), asked(session)[0]
    with pytest.raises(IntegrityError, match="uq_call_for_help_live"), session.begin_nested():
        calls.begin(session, somebody, by=None, now=NOON)
    again = {
        "community_id": one.community_id,
        "reference": uuid4(),
        "call_id": running.id,
        "professional_id": one.professional_id,
        "wave": 2,
        "asked_at": NOON,
        "link_hash": b"x",
    }
    with pytest.raises(IntegrityError, match="uq_asked_once"):
        session.execute(insert(Asked).values(again))


def test_of_one_call_only_one_can_be_the_one_who_took_it(session, somebody):
    work(session)
    first, second = asked(session)
    take(session, first)
    taken = {"answer": HelpAnswer.TAKEN, "answered_at": NOON, "slot_id": first.slot_id}
    with pytest.raises(IntegrityError, match="uq_asked_taken"):
        session.execute(update(Asked).where(Asked.id == second.id).values(taken))


# Together


def together(engine, *deeds):
    """Run these at once, each in a transaction of its own; return what each came to."""
    ready = Barrier(len(deeds))

    def run(deed):
        with Session(engine, expire_on_commit=False) as session:
            ready.wait(timeout=10)
            try:
                with transaction(session):
                    return deed(session)
            except Exception as refused:  # noqa: BLE001 - told by the test
                return refused

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [each.result() for each in [pool.submit(run, deed) for deed in deeds]]


def test_of_two_who_accept_at_once_one_has_the_patient(engine, session, somebody):
    work(session)
    session.commit()
    first, second = asked(session)

    came = together(engine, lambda s: take(s, first), lambda s: take(s, second, at=NOON + 2 * HOUR))

    assert sorted(type(each).__name__ for each in came) == ["NoneType", "NotOpen"]
    live = select(Booking).where(Booking.status != BookingStatus.CANCELLED)
    session.rollback()
    assert len(session.scalars(live).all()) == 1
    assert session.scalar(select(func.count()).select_from(Slot)) == 1


def test_who_accepts_while_the_line_books_elsewhere_makes_one_appointment_of_it(
    engine, session, doctors, somebody, community
):
    work(session)
    slot = a_slot(session, professional=doctors[3])
    session.commit()
    one = asked(session)[0]

    def book(s):
        request = ask.by_reference(s, community.id, somebody.reference)
        choose.book(s, request, community, slot.reference, by="x", links=LINKS, now=NOON)

    together(engine, lambda s: take(s, one), book)

    session.rollback()
    live = select(Booking).where(Booking.status != BookingStatus.CANCELLED)
    assert len(session.scalars(live).all()) == 1
    claimed = select(func.count()).select_from(Slot).where(Slot.claimed_by.is_not(None))
    assert session.scalar(claimed) == 1


def test_two_workers_ask_nobody_twice(engine, session, somebody):
    def attend(s):
        return asking.attend(s, somebody.community_id, somebody.reference, links=LINKS, now=NOON)

    came = together(engine, attend, attend)

    assert sum(came) == 2
    assert len(asked(session)) == 2


# The pages


def page(client, one, path=""):
    return client.get(f"/aide/{token(one)}{path}")


def test_looking_at_the_page_does_nothing(client, session, somebody):
    work(session)
    session.commit()
    one = asked(session)[0]

    shown = words(page(client, one))

    assert "Pouvez-vous voir ce patient ?" in shown
    assert "34 ans" in shown
    assert "Blessure, accident" in shown
    assert "Morel" not in shown
    assert page(client, one, "/prendre").status_code == 405
    assert state(session, one) is State.OPEN


def test_a_professional_takes_the_patient_from_the_page(client, session, somebody):
    work(session)
    session.commit()
    one = asked(session)[0]

    answer = client.post(f"/aide/{token(one)}/prendre", data={"autre": "14h30"})

    assert answer.status_code == 303
    assert "Le rendez-vous est pris" in words(page(client, one))
    assert "14 h 30" in words(page(client, one))
    assert "Déjà pourvu, merci" in words(page(client, asked(session)[1]))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Choisissez une heure"),
        ({"autre": "plus tard"}, "Indiquez une heure"),
        ({"autre": "12:01"}, "Trop tôt"),
        ({"autre": "12h05\x00"}, "Trop tôt"),
        ({"heure": "25:00"}, "Indiquez une heure"),
        ({"autre": "15:00", "lieu": "nulle part"}, ""),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(client, session, somebody, said, sentence):
    work(session)
    session.commit()

    answer = client.post(f"/aide/{token(asked(session)[0])}/prendre", data=said)

    assert answer.status_code == (422 if sentence else 303)
    assert sentence in words(answer)


def test_a_link_that_nobody_was_sent_opens_nothing(client, session, somebody):
    assert client.get("/aide/xyz").status_code == 404
    assert client.post("/aide/xyz/prendre").status_code == 404
    assert client.post("/aide/xyz/non").status_code == 404


def test_a_professional_says_no(client, session, somebody):
    work(session)
    session.commit()
    one = asked(session)[0]

    client.post(f"/aide/{token(one)}/non")

    assert "C’est noté" in words(page(client, one))


def test_the_operator_sees_who_is_asked_and_stops_it(app, session, community, somebody):
    work(session)
    operator = an_account(session, community, Role.OPERATOR)
    session.commit()
    client = signed_in(app, operator)
    path = f"/console/demandes/{somebody.reference}"

    assert "2 professionnels sollicités, 2ᵉ vague : 12 h 10" in words(client.get("/console"))
    assert "Ne plus solliciter" in words(client.get(path))
    assert client.post(f"{path}/solliciter", data={"non": "1"}).status_code == 303
    assert call(session).ended_as is CallEnd.STOPPED
    assert state(session, asked(session)[0]) is State.OVER
    assert "Solliciter des professionnels" in words(client.get(path))
    client.post(f"{path}/solliciter", data={"oui": "1"})
    assert call(session).started_by == operator.reference


def test_the_coordinator_chooses_how_it_is_done(app, session, community, somebody):
    coordinator = an_account(session, community, Role.COORDINATOR)
    session.commit()
    client = signed_in(app, coordinator)
    path = "/coordination/sollicitations"
    said = {"sollicite": "oui", "personnes": "4", "minutes": "15", "par_jour": "2", "distance": "9"}

    assert client.post(path, data=said).status_code == 303
    session.expire_all()
    assert terms.of(community.cascade) == Terms(True, False, 4, 15, 2, 9)
    assert client.post(path, data=said | {"minutes": "1"}).status_code == 422
    assert 'value="15"' in client.get(path).text
    assert "Sollicité en 30 jours" in words(client.get("/coordination/membres"))


def test_a_professional_sees_their_turns_and_says_where_to_reach_them(
    app, session, community, doctors, somebody
):
    work(session)
    whose = next(d for d in doctors if d.id == asked(session)[0].professional_id)
    account = an_account(session, community, Role.PROFESSIONAL, professional=whose)
    session.commit()
    client = signed_in(app, account)

    assert "1 demande en 30 jours ; la moyenne des membres est 0,5" in words(client.get("/agendas"))
    saved = client.post("/agendas/sollicitations", data={"mobile": "06 39 98 00 77"})
    assert saved.status_code == 303
    session.refresh(whose)
    assert (whose.mobile, whose.accepts_calls_for_help) == ("+33639980077", False)
    refused = client.post("/agendas/sollicitations", data={"mobile": "01 99 00 00 20"})
    assert refused.status_code == 422
    assert "Un numéro de mobile français" in words(refused)


def test_whom_an_operator_asks_for_is_asked_for_although_something_is_free(
    session, community, doctors, site, somebody
):
    a_slot(session, professional=doctors[0], site=site)
    calls.start(session, somebody, community, by=uuid4(), now=NOON)

    assert work(session) == 2


def test_where_the_coordinator_has_not_said_so_nobody_can_begin_it(session, community, somebody):
    community.cascade = {}
    session.flush()

    with pytest.raises(calls.CannotBegin):
        calls.start(session, somebody, community, by=uuid4(), now=NOON)
