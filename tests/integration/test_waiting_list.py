"""A slot that frees up is offered to one of those who wait, for ten minutes: told, taken, left."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import (
    alternatives,
    answering,
    ask,
    change,
    choose,
    offered,
    waiting_list,
    wishes,
)
from booking.desk.reach import Reach
from booking.models import (
    Booking,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Offer,
    OfferAnswer,
    OfferKind,
    RequestStatus,
)
from config.database import transaction
from notifications import calls, outbox, pacing, receipts, ways
from notifications.models import Kind, OutboxMessage, Status
from notifications.receipts import Report
from schedules import slots
from schedules.models import Slot
from tests.builders import LINKS, MOBILE, a_slot, a_triaged_request, slot_of
from tests.clockwork import NOON, Hands
from tests.integration.patient_walk import Town, Walk, a_town

TEN = timedelta(minutes=10)
HOUR = timedelta(hours=1)
TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""
LANDLINE = "+33199000021"


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session, slots=2)


@pytest.fixture
def somebody(session, town, protocol) -> CareRequest:
    """A request of 24 hours, on the waiting list."""
    return waits(session, town, protocol)


def waits(session, town, protocol, now=NOON, **but) -> CareRequest:
    request = a_triaged_request(session, town.community, protocol, now=now, **but)
    wishes.want(session, request, now=now)
    return request


def round_of(session, now=NOON) -> list[Offer]:
    """Do what the worker does every quarter of a minute; return what is offered then."""
    alternatives.end(session, now=now)
    for match in waiting_list.due(session, now=now):
        waiting_list.offer(session, match, links=LINKS, now=now)
    return live(session)


def live(session) -> list[Offer]:
    session.expire_all()
    found = select(Offer).where(Offer.answered_at.is_(None)).order_by(Offer.id)
    return list(session.scalars(found))


def token(offer: Offer) -> str:
    return LINKS.offer_token(offer.reference)


def opened(session, offer, **how):
    return answering.by_link(session, token(offer), **how)


def take(session, offer, now=NOON):
    return answering.take(
        session, opened(session, offer, lock=True), by="PATIENT", links=LINKS, now=now
    )


def refuse(session, offer, now=NOON):
    answering.refuse(session, opened(session, offer, lock=True), now=now)


def book(session, town, request, slot, now=NOON):
    return choose.book(
        session, request, town.community, slot.reference, by="PATIENT", links=LINKS, now=now
    )


def sms(session) -> list[OutboxMessage]:
    session.expire_all()
    return list(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == Kind.OFFER)))


# Who is offered what


def test_what_is_free_is_offered_to_who_waits_and_to_nobody_else(session, town, somebody, protocol):
    [offer] = round_of(session)

    assert offer.kind is OfferKind.WAITING_LIST
    assert offer.request_id == somebody.id
    assert offer.until == NOON + TEN
    first = slot_of(session, town.slots[0].reference)
    assert (first.held_by, first.held_until) == (somebody.reference, NOON + TEN)
    stranger = a_triaged_request(session, town.community, protocol)
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, stranger, first.reference, now=NOON + TEN / 2)


def test_who_waits_for_nothing_is_offered_nothing(session, town, protocol):
    a_triaged_request(session, town.community, protocol)

    assert round_of(session) == []


def test_nobody_is_offered_two_at_a_time(session, somebody):
    first = round_of(session)

    assert [o.id for o in round_of(session, NOON + TEN / 2)] == [o.id for o in first]


def test_one_of_today_comes_before_one_of_24_hours(session, town, somebody, protocol):
    slots.withdraw(
        session,
        town.community.id,
        town.slots[1].reference,
        professionals=[town.doctor.id],
        now=NOON,
    )
    today = waits(session, town, protocol, answers=TODAY)

    [offer] = round_of(session)

    assert offer.request_id == today.id


def test_without_an_answer_the_next_is_asked_and_nobody_the_same_twice(
    session, town, somebody, protocol
):
    second = waits(session, town, protocol, now=NOON + timedelta(minutes=1))
    town_slots = {slot.id for slot in town.slots}

    rounds = [round_of(session, NOON + TEN * n) for n in range(4)]

    asked = [[(o.request_id, o.slot_id) for o in each] for each in rounds]
    assert {pair for each in asked for pair in each} == {
        (who.id, slot) for who in (somebody, second) for slot in town_slots
    }
    assert [len(each) for each in asked] == [2, 2, 0, 0]


def test_who_refuses_is_not_asked_again_and_the_next_is_at_once(session, town, somebody, protocol):
    slots.withdraw(
        session,
        town.community.id,
        town.slots[1].reference,
        professionals=[town.doctor.id],
        now=NOON,
    )
    second = waits(session, town, protocol, now=NOON + timedelta(minutes=1))
    [offer] = round_of(session, NOON + timedelta(minutes=1))
    assert offer.request_id == somebody.id

    refuse(session, offer, NOON + timedelta(minutes=2))
    [following] = round_of(session, NOON + timedelta(minutes=2))

    assert following.request_id == second.id
    assert offer.answer is OfferAnswer.REFUSED


def test_nothing_sooner_than_they_can_come_nor_later_than_their_deadline(
    session, town, somebody, protocol
):
    common = {"professional": town.doctor, "site": town.site}
    a_slot(session, starts_at=NOON + timedelta(hours=24, minutes=1), **common)
    for slot in town.slots:
        slots.withdraw(
            session,
            town.community.id,
            slot.reference,
            professionals=[town.doctor.id],
            now=NOON,
        )
    a_slot(session, starts_at=NOON + waiting_list.TIME_TO_COME, **common)

    assert round_of(session) == []


def test_a_slot_that_a_booking_gives_back_is_offered(session, town, protocol):
    first, second = (a_triaged_request(session, town.community, protocol) for _ in range(2))
    booked = book(session, town, first, town.slots[0])
    book(session, town, second, town.slots[1])
    waiting = waits(session, town, protocol)
    assert round_of(session) == []

    theirs = change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)
    change.cancel(session, theirs, cancelled_by=CancelledBy.PATIENT, by="x", links=LINKS, now=NOON)

    assert [(o.request_id, o.slot_id) for o in round_of(session)] == [
        (waiting.id, town.slots[0].id)
    ]


def test_who_is_choosing_at_this_moment_is_not_disturbed(session, town, somebody):
    choose.hold(session, somebody, town.slots[0].reference, now=NOON)

    assert round_of(session) == []


# How they are told


def test_the_sms_says_when_where_until_when_and_the_link(session, somebody):
    [offer] = round_of(session)

    [said] = sms(session)
    assert said.recipient == MOBILE
    assert said.text.startswith("Une place se libère samedi 27 mars à 14h00, 12 rue des Lilas")
    assert said.text.endswith(f"Répondez avant 12h10 : http://localhost/offre/{token(offer)}")
    assert said.expires_at == NOON + TEN


@pytest.mark.parametrize("but", [{"phone": LANDLINE}, {"wants_sms": False}])
def test_who_gets_no_sms_is_a_call_to_make_with_the_slot_and_its_end(session, town, protocol, but):
    waits(session, town, protocol, **but)

    [offer] = round_of(session)

    assert sms(session) == []
    assert offer.is_to_call
    reach = Reach(town.community.id, is_whole=True)
    [line] = offered.live(session, reach, now=NOON)
    assert line.is_to_call
    assert (line.starts_at, line.until) == (town.slots[0].starts_at, NOON + TEN)
    assert offered.live(session, reach, now=NOON + TEN) == []
    assert offered.waiting(session, reach) == 1


def to_call(session, town, now):
    reach = Reach(town.community.id, is_whole=True)
    return [line.is_to_call for line in offered.live(session, reach, now=now)]


def leaving(session, now):
    """Lease what is due, as a worker does, and begin its calls."""
    letters = outbox.lease(session, now=now, limit=10)
    assert all(outbox.begin_call(session, letter, now=now) for letter in letters)
    return letters


def fails(session, now):
    for letter in leaving(session, now):
        outbox.record_failed(session, letter, why="twilio_21614", permanent=True, now=now)


def is_never_reported(session, now):
    for letter in leaving(session, now):
        outbox.record_sent(session, letter, provider_id="SM1")


def stops_at_the_provider(session, now):
    for _ in range(10):
        for letter in leaving(session, now):
            outbox.record_everyone_refused(session, letter, why="twilio_20003", now=now)
        now += timedelta(seconds=15)


def kills_its_worker_until_no_more_is_tried(session, now):
    for _ in range(pacing.MOST_CALLS):
        leaving(session, now)
        now += calls.LEASE + timedelta(seconds=1)
    assert not outbox.lease(session, now=now, limit=10)


@pytest.mark.parametrize(
    ("sms_of", "after"),
    [
        (fails, timedelta(0)),
        (is_never_reported, timedelta(seconds=75)),
        (stops_at_the_provider, timedelta(minutes=3)),
        (kills_its_worker_until_no_more_is_tried, timedelta(minutes=9)),
    ],
)
def test_an_offer_whose_sms_does_not_arrive_is_a_call_while_the_slot_is_kept(
    session, town, somebody, sms_of, after
):
    [offer] = round_of(session)
    assert to_call(session, town, NOON) == [False]

    sms_of(session, NOON)
    ways.give_up_on_the_silent(session, now=NOON + after)
    ways.give_up_on_the_stopped(session, now=NOON + after)

    assert to_call(session, town, NOON + after) == [True]
    assert offer.until - (NOON + after) >= timedelta(minutes=1)
    assert to_call(session, town, offer.until) == []


def test_before_its_fate_is_unknown_nobody_is_called_about_an_sms(session, town, somebody):
    round_of(session)
    is_never_reported(session, NOON)

    ways.give_up_on_the_silent(session, now=NOON + timedelta(seconds=74))

    assert to_call(session, town, NOON + timedelta(seconds=74)) == [False]


def test_an_sms_that_arrives_after_all_takes_the_call_from_the_list_again(session, town, somebody):
    round_of(session)
    is_never_reported(session, NOON)
    later = NOON + timedelta(minutes=2)
    ways.give_up_on_the_silent(session, now=later)
    assert to_call(session, town, later) == [True]

    [said] = sms(session)
    report = Report(message=said.reference, said="delivered", sid="SM1", account="AC1")
    receipts.record(session, report, our_account="AC1", now=later)

    assert to_call(session, town, later) == [False]


def test_a_failed_sms_of_an_earlier_offer_calls_nobody_about_this_one(session, town, somebody):
    round_of(session)
    fails(session, NOON)
    [second] = round_of(session, NOON + TEN)

    assert second.offered_at == NOON + TEN
    assert to_call(session, town, NOON + TEN) == [False]


@pytest.mark.parametrize(
    ("hour", "answers", "line_closes", "how"),
    [
        (19, {}, 18, "SMS"),
        (20, {}, 18, None),
        (20, TODAY, 18, "SMS"),
        (21, TODAY, 18, None),
        (21, TODAY, 23, "CALL"),
        (7, TODAY, 18, None),
    ],
)
def test_nobody_is_woken_and_a_need_of_today_is_told_until_nine(  # noqa: PLR0917 - a table
    session, town, protocol, hour, answers, line_closes, how
):
    town.community.closes_at = town.community.closes_at.replace(hour=line_closes)
    moment = NOON + timedelta(hours=hour - 12)
    request = waits(session, town, protocol, answers=answers)

    found = waiting_list.how(request, town.community, now=moment)

    assert (found and found.name) == how


def test_at_night_a_slot_stays_free_for_all(session, town, somebody):
    night = NOON + timedelta(hours=10)
    a_slot(
        session,
        professional=town.doctor,
        site=town.site,
        starts_at=NOON + timedelta(hours=22),
    )

    assert round_of(session, night) == []
    assert len(round_of(session, NOON + timedelta(hours=19))) == 1


# What they answer


def test_taking_it_books_it_ends_the_wish_and_tells_them(session, town, somebody):
    [offer] = round_of(session)

    first = take(session, offer)
    again = take(session, offer)

    assert first == again
    assert somebody.status is RequestStatus.BOOKED
    assert offer.answer is OfferAnswer.TAKEN
    assert not wishes.is_waiting(session, somebody)
    kinds = [m.kind for m in session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))]
    assert Kind.CONFIRMATION in kinds


def test_taking_it_too_late_is_over_whoever_has_it_now(session, town, somebody):
    [offer] = round_of(session)

    with pytest.raises(answering.OfferOver):
        take(session, offer, NOON + TEN)

    assert take(session, offer, NOON + TEN - timedelta(seconds=1))


def test_a_judgement_that_is_too_old_asks_the_signs_first(session, town, somebody):
    later = NOON + HOUR
    [offer] = round_of(session, later)
    still = later + timedelta(minutes=9)
    somebody.assessed_at = NOON - HOUR
    session.flush()

    with pytest.raises(choose.SignsAgain):
        take(session, offer, still)


def test_who_has_an_appointment_is_offered_only_a_sooner_one_and_moves_to_it(
    session, town, protocol
):
    late = a_slot(
        session, professional=town.doctor, site=town.site, starts_at=NOON + timedelta(hours=6)
    )
    between = a_slot(
        session,
        professional=town.doctor,
        site=town.site,
        starts_at=NOON + timedelta(hours=5, minutes=35),
    )
    request = a_triaged_request(session, town.community, protocol)
    booked = book(session, town, request, late)
    wishes.want(session, request, now=NOON)

    [offer] = round_of(session)
    found = take(session, offer)

    assert found == booked.link.rpartition("/")[2]
    assert change.of_request(session, request).slot.id == town.slots[0].id
    assert slot_of(session, late.reference).claimed_by is None
    assert round_of(session) == []
    wishes.want(session, request, now=NOON)
    assert waiting_list.due(session, now=NOON) == []
    assert slot_of(session, between.reference).held_by is None


def test_who_books_another_way_has_what_they_wished_for(session, town, somebody):
    book(session, town, somebody, town.slots[1], now=NOON + HOUR / 60)

    assert not wishes.is_waiting(session, somebody)
    assert round_of(session, NOON + HOUR / 60) == []


def test_a_refusal_after_the_end_takes_nothing_from_the_next(session, town, somebody, protocol):
    slots.withdraw(
        session,
        town.community.id,
        town.slots[1].reference,
        professionals=[town.doctor.id],
        now=NOON,
    )
    second = waits(session, town, protocol, now=NOON + timedelta(minutes=1))
    [offer] = round_of(session, NOON + timedelta(minutes=1))
    later = NOON + timedelta(minutes=1) + TEN
    [following] = round_of(session, later)

    refuse(session, offer, later)

    assert slot_of(session, town.slots[0].reference).held_by == second.reference
    assert following.answer is None
    assert offer.answer is OfferAnswer.LAPSED


def test_once_their_request_ends_nothing_more_is_offered(session, town, somebody):
    [offer] = round_of(session)

    ask.decline(session, somebody, now=NOON)

    assert round_of(session) == []
    assert [m.status for m in sms(session)] == [Status.WITHDRAWN]
    with pytest.raises(answering.OfferOver):
        take(session, offer)


def test_a_request_has_one_offer_at_a_time_by_the_database_itself(session, town, somebody):
    [offer] = round_of(session)
    session.add(
        Offer(
            community_id=offer.community_id,
            request_id=offer.request_id,
            slot_id=town.slots[1].id,
            kind=OfferKind.WAITING_LIST,
            offered_at=NOON,
            until=NOON + TEN,
        )
    )

    with pytest.raises(IntegrityError, match="uq_offer_live_request"):
        session.flush()


def test_whom_the_practice_cancelled_keeps_three_and_not_a_sooner_one_beside_them(
    session, town, protocol
):
    for hours in (4, 5, 6, 7):
        start = NOON + hours * HOUR
        late = a_slot(session, professional=town.doctor, site=town.site, starts_at=start)
    request = a_triaged_request(session, town.community, protocol)
    booked = book(session, town, request, late)
    wishes.want(session, request, now=NOON)
    [offer] = round_of(session)

    theirs = change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)
    change.cancel(session, theirs, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=NOON)

    held = select(Slot.id).where(Slot.held_by == request.reference)
    assert len(session.scalars(held).all()) == 3
    assert not opened(session, offer).is_live(NOON)


def test_whom_the_practice_cancelled_waits_for_what_frees_up(session, town, protocol):
    request = a_triaged_request(session, town.community, protocol)
    booked = book(session, town, request, town.slots[0])
    theirs = change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)
    change.cancel(session, theirs, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=NOON)

    assert wishes.is_waiting(session, request)


# Races


def together(engine, *deeds):
    """Do these at the same moment, each in a transaction of its own; return what each gave."""
    start = Barrier(len(deeds))

    def alone(deed):
        with Session(engine, expire_on_commit=False) as session:
            start.wait()
            try:
                with transaction(session):
                    return deed(session)
            except (slots.SlotTaken, answering.OfferOver):
                return None

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(alone, deeds))


@pytest.mark.parametrize("_", range(5))
def test_two_rounds_at_once_offer_each_slot_once(engine, session, town, protocol, _):
    for minutes in range(3):
        waits(session, town, protocol, now=NOON + timedelta(minutes=minutes))
    session.commit()
    now = NOON + timedelta(minutes=3)

    together(engine, *(lambda s: round_of(s, now) for _ in range(2)))

    made = live(session)
    assert len({o.slot_id for o in made}) == len(made) <= len(town.slots)
    assert len(sms(session)) == len(made)


@pytest.mark.parametrize("_", range(5))
def test_the_offer_and_an_operators_booking_give_one_appointment(
    engine, session, town, somebody, _
):
    [offer] = round_of(session)
    session.commit()

    def operator(session):
        request = ask.by_reference(session, town.community.id, somebody.reference)
        return book(session, town, request, town.slots[1])

    together(engine, lambda s: take(s, offer), operator)

    live_ones = select(Booking).where(Booking.status != BookingStatus.CANCELLED)
    assert len(session.scalars(live_ones).all()) == 1
    alternatives.end(session, now=NOON)
    held = [slot_of(session, slot.reference).held_by for slot in town.slots]
    assert held == [None, None]


def test_a_worker_that_dies_before_its_commit_has_offered_nothing(engine, session, somebody):
    session.commit()
    with Session(engine) as dying:
        [match] = waiting_list.due(dying, now=NOON)
        assert waiting_list.offer(dying, match, links=LINKS, now=NOON)
        dying.rollback()

    assert live(session) == []
    assert sms(session) == []
    assert len(round_of(session)) == 1


def test_what_changed_between_looking_and_offering_is_seen(session, town, somebody):
    [match] = waiting_list.due(session, now=NOON)
    wishes.end(session, somebody, now=NOON)

    assert not waiting_list.offer(session, match, links=LINKS, now=NOON)

    wishes.want(session, somebody, now=NOON)
    slots.hold(session, town.community.id, match.slot, asker=town.doctor.reference, now=NOON)
    assert not waiting_list.offer(session, match, links=LINKS, now=NOON)


# The pages


def page_of(session, offer: Offer) -> str:
    session.commit()
    return f"/offre/{token(offer)}"


def test_the_page_says_when_and_until_when_and_one_press_books(
    client: FlaskClient, session, somebody
):
    link = page_of(session, *round_of(session))

    shown = client.get(link).text
    taken = client.post(f"{link}/prendre")
    again = client.post(f"{link}/prendre")

    assert "Elle est gardée pour vous jusqu’à 12\u00a0h\u00a010" in shown
    assert "Morel" not in shown
    assert taken.status_code == 303
    assert taken.location == again.location
    assert "Votre rendez-vous est confirmé" in client.get(taken.location).text


def test_leaving_it_is_one_press_too(client: FlaskClient, session, town, somebody):
    link = page_of(session, *round_of(session))

    client.post(f"{link}/laisser")
    client.post(f"{link}/laisser")

    assert "n’est plus gardée pour vous" in client.get(link).text
    assert slot_of(session, town.slots[0].reference).held_by is None


def test_looking_takes_nothing(client: FlaskClient, session, somebody):
    link = page_of(session, *round_of(session))

    for end in ("/prendre", "/laisser"):
        assert client.get(link + end).status_code == 405
    client.get(link)

    assert len(live(session)) == 1
    assert client.get("/offre/" + "a" * 22).status_code == 404
    assert client.post("/offre/%00/prendre").status_code == 404


def test_once_it_is_over_the_page_says_so(client: FlaskClient, session, somebody, hands: Hands):
    link = page_of(session, *round_of(session))
    hands.wait(TEN)

    assert "n’est plus gardée pour vous" in client.get(link).text
    assert client.post(f"{link}/prendre").location == link
    assert client.get(f"{link}/signes").location == link


def test_signs_are_asked_before_what_waited_long_is_taken(
    client: FlaskClient, session, town, somebody, hands: Hands
):
    a_slot(session, professional=town.doctor, site=town.site, starts_at=NOON + 6 * HOUR)
    link = page_of(session, *round_of(session, hands.wait(3 * HOUR)))

    assert client.post(f"{link}/prendre").location == f"{link}/signes"
    page = client.get(f"{link}/signes").text
    shown = re.findall(r'name="montre" value="(\w+)"', page)
    assert client.post(f"{link}/signes", data={"montre": shown}).status_code == 422
    assert client.post(f"{link}/signes", data={"montre": shown, "signes": "none"}).location == link
    assert client.post(f"{link}/prendre").location.startswith("/r/")


def test_a_sign_leads_to_the_15_and_frees_the_slot(
    client: FlaskClient, session, town, somebody, hands: Hands
):
    last = a_slot(session, professional=town.doctor, site=town.site, starts_at=NOON + 6 * HOUR)
    link = page_of(session, *round_of(session, hands.wait(3 * HOUR)))
    shown = re.findall(r'name="montre" value="(\w+)"', client.get(f"{link}/signes").text)

    page = client.post(f"{link}/signes", data={"montre": shown, "signes": shown[0]})

    assert "Appelez le 15 maintenant" in page.text
    assert slot_of(session, last.reference).held_by is None


def test_who_gave_no_name_yet_goes_on_with_their_form(client: FlaskClient, session, town):
    walk = Walk(client, town).to("rendez-vous")
    told = walk.post("rappel", telephone="06 39 98 00 01", heures="", attente="yes")
    assert told.status_code == 303
    assert "Si une place se libère" in walk.get("rappel").text
    link = page_of(session, *round_of(session))

    taken = client.post(f"{link}/prendre")

    assert taken.location == walk.url("verifier")
    assert client.get(taken.location).location == walk.url("nom")
    for step in ("nom", "telephone"):
        assert walk.post(step).status_code == 303
    booked = walk.post("verifier", go="1").location
    assert "à 14\u00a0h\u00a000" in client.get(booked).text


def test_who_unticks_the_box_is_called_and_offered_nothing(client, session, town):
    walk = Walk(client, town).to("rendez-vous")

    walk.post("rappel", telephone="06 39 98 00 01", heures="")

    assert round_of(session) == []
    assert "Si une place se libère" not in walk.get("rappel").text


def test_who_has_an_appointment_asks_for_a_sooner_one_on_its_page(client, session, town):
    walk = Walk(client, town).to("rendez-vous")
    walk.post("rendez-vous", **{"rendez-vous": str(town.slots[1].reference)})
    link = walk.book()
    assert "Me prévenir si une place se libère plus tôt" in client.get(link).text

    client.post(f"{link}/plus-tot", data={"oui": "1"})
    [request] = session.scalars(select(CareRequest))
    assert "Ne plus me prévenir" in client.get(link).text
    assert wishes.is_waiting(session, request)

    client.post(f"{link}/plus-tot", data={"non": "1"})
    assert not wishes.is_waiting(session, request)
