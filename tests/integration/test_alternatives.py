"""A practice cancels: three others are kept for a quarter of an hour, told, chosen or let go."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import alternatives, ask, change, choose, waiting
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
from booking.triage.protocol import Level
from config.database import transaction
from notifications.models import Channel, OutboxMessage
from schedules import keeping, slots
from schedules.models import Site, Slot
from tests.builders import LINKS, a_professional, a_slot, a_triaged_request, slot_of
from tests.clockwork import NOON, Hands
from tests.integration.patient_walk import Town, Walk, a_town

TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""

QUARTER = timedelta(minutes=15)


@pytest.fixture
def town(session: Session) -> Town:
    return a_town(session)


@pytest.fixture
def booked(session: Session, town: Town, protocol) -> choose.Booked:
    """An appointment at 15:30, the fourth of the day."""
    request = a_triaged_request(session, town.community, protocol)
    return book(session, town, request, town.slots[3])


def book(session, town, request, slot, now=NOON):
    return choose.book(
        session, request, town.community, slot.reference, by="PATIENT", links=LINKS, now=now
    )


def kept(session, booked, now=NOON, **how) -> change.Kept:
    return change.by_link(session, booked.link.rpartition("/")[2], now=now, **how)


def cancel(session, booked, who=CancelledBy.PRACTICE, now=NOON) -> CareRequest:
    theirs = kept(session, booked, lock=True)
    change.cancel(session, theirs, cancelled_by=who, by="x", links=LINKS, now=now)
    return theirs.request


def offered(session, request, now=NOON) -> list[Slot]:
    return [each.slot for each in alternatives.of(session, request, now=now)]


def at(town, *numbers):
    return [town.slots[n].reference for n in numbers]


def offers(session) -> list[Offer]:
    session.expire_all()
    return list(session.scalars(select(Offer).order_by(Offer.id)))


# What is kept


def test_the_three_nearest_to_the_lost_hour_are_kept_and_not_that_hour_itself(
    session, town, booked
):
    request = cancel(session, booked)

    found = alternatives.of(session, request, now=NOON)

    assert [each.slot.reference for each in found] == at(town, 1, 2, 4)
    assert {each.until for each in found} == {NOON + QUARTER}
    assert slot_of(session, town.slots[3].reference).held_by is None


def test_one_of_each_hour_is_kept_before_two_of_one_hour(session, town, booked):
    site = session.get_one(Site, (town.community.id, town.slots[0].site_id))
    another = a_professional(session, town.community, site)
    for number in (2, 4):
        a_slot(session, professional=another, site=site, starts_at=town.slots[number].starts_at)

    request = cancel(session, booked)

    assert [each.starts_at for each in offered(session, request)] == [
        town.slots[number].starts_at for number in (1, 2, 4)
    ]


def test_what_is_kept_is_nobody_elses_until_the_quarter_has_passed(session, town, booked, protocol):
    cancel(session, booked)
    other = a_triaged_request(session, town.community, protocol)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, other, town.slots[2].reference, now=NOON + QUARTER / 2)

    assert choose.hold(session, other, town.slots[2].reference, now=NOON + QUARTER)


def test_a_patient_who_cancels_is_kept_nothing(session, booked):
    request = cancel(session, booked, CancelledBy.PATIENT)

    assert offered(session, request) == []
    assert offers(session) == []


def test_nothing_beyond_the_first_deadline_is_kept(session, town, protocol):
    far = a_slot(
        session,
        professional=town.doctor,
        site=town.site,
        starts_at=NOON + timedelta(hours=24, minutes=1),
    )
    last = a_slot(
        session,
        professional=town.doctor,
        site=town.site,
        starts_at=NOON + timedelta(hours=23, minutes=30),
    )
    mine = book(session, town, a_triaged_request(session, town.community, protocol), last)

    request = cancel(session, mine)

    assert far.reference not in [slot.reference for slot in offered(session, request)]
    assert len(offered(session, request)) == 3


def test_nothing_that_starts_before_they_can_come_is_kept(session, town, booked):
    late = town.slots[2].starts_at - timedelta(minutes=29)

    request = cancel(session, booked, now=late)

    assert [slot.reference for slot in offered(session, request, late)] == at(town, 4, 5, 6)


def test_what_triage_did_not_mean_for_them_is_not_kept(session, town, booked):
    midwife = a_professional(
        session, town.community, town.site, discipline="SF", profession="50", speciality=None
    )
    beside = a_slot(
        session, professional=midwife, site=town.site, starts_at=town.slots[3].starts_at
    )

    request = cancel(session, booked)

    assert beside.reference not in [slot.reference for slot in offered(session, request)]


def test_only_what_is_open_is_kept_however_it_was_found(session, town):
    mine, theirs = UUID(int=1), UUID(int=2)
    [held, claimed, gone, *_, free] = [slot.reference for slot in town.slots]
    slots.hold(session, town.community.id, held, asker=theirs, now=NOON)
    session.execute(slots.claiming(town.community.id, claimed, asker=theirs, now=NOON))
    whose = [town.doctor.id]
    slots.withdraw(session, town.community.id, gone, professionals=whose, now=NOON)

    kept = keeping.keep_for(
        session,
        town.community.id,
        [held, claimed, gone, free],
        asker=mine,
        only_if=true(),
        most=3,
        until=NOON + QUARTER,
        now=NOON,
    )

    assert kept == [town.slots[6].id]
    assert slot_of(session, held).held_by == theirs


def test_what_somebody_is_taking_at_this_moment_is_passed_over(engine, session, town, booked):
    session.commit()
    with Session(engine) as other:
        locked = select(Slot).where(Slot.reference == town.slots[2].reference).with_for_update()
        other.execute(locked)

        request = cancel(session, booked)

        found = [slot.reference for slot in offered(session, request)]
        assert found == at(town, 1, 4, 5)


def test_a_need_of_today_with_nothing_left_becomes_a_doctors_to_decide(session, town, protocol):
    request = a_triaged_request(session, town.community, protocol, answers=TODAY)
    mine = book(session, town, request, town.slots[0])
    for slot in town.slots[1:]:
        slots.withdraw(
            session,
            town.community.id,
            slot.reference,
            professionals=[town.doctor.id],
            now=NOON,
        )

    cancel(session, mine)

    assert request.level is Level.SAME_DAY
    assert request.doctor_asked_at == NOON


# What is told


def test_the_patient_is_told_at_once_of_the_page_and_until_when(session, booked):
    cancel(session, booked)

    [said] = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.channel == Channel.SMS, OutboxMessage.kind == "CANCELLED"
        )
    )
    assert said.send_at == NOON
    assert said.text.endswith(f"Autres RDV gardés jusqu'à 12h15 : {booked.link}")


def test_where_nothing_is_left_no_other_appointment_is_announced(session, town, booked):
    for n in (0, 1, 2, 4, 5, 6):
        slots.withdraw(
            session,
            town.community.id,
            town.slots[n].reference,
            professionals=[town.doctor.id],
            now=NOON,
        )

    request = cancel(session, booked)

    [said] = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.channel == Channel.SMS, OutboxMessage.kind == "CANCELLED"
        )
    )
    assert "gardés" not in said.text
    assert said.text.endswith(booked.link)
    assert request.status is RequestStatus.OPEN


def test_operators_see_them_from_the_first_moment_and_until_when_something_is_kept(
    session, town, booked
):
    request = cancel(session, booked)
    reach = Reach(town.community.id, is_whole=True)

    [line] = waiting.open_requests(session, reach, now=NOON).requests

    assert line.reference == request.reference
    assert line.was_cancelled
    assert line.kept_until == NOON + QUARTER
    assert waiting.choosing(session, reach, now=NOON) == []
    [later] = waiting.open_requests(session, reach, now=NOON + QUARTER).requests
    assert later.kept_until is None
    assert later.was_cancelled
    assert later.deadline == NOON + timedelta(hours=24)


# What becomes of it


def test_choosing_one_books_it_and_lets_the_others_go(session, town, booked):
    request = cancel(session, booked)

    again = book(session, town, request, town.slots[4], now=NOON + QUARTER / 2)

    assert again.reference != booked.reference
    assert [slot_of(session, slot).held_by for slot in at(town, 1, 2)] == [None, None]
    assert alternatives.end(session, now=NOON + QUARTER / 2) == 3
    assert sorted(offer.answer for offer in offers(session)) == [
        OfferAnswer.LAPSED,
        OfferAnswer.LAPSED,
        OfferAnswer.TAKEN,
    ]


def test_none_chosen_leaves_the_request_open_with_its_first_deadline(session, town, booked):
    request = cancel(session, booked)
    over = NOON + QUARTER

    assert alternatives.end(session, now=over - timedelta(seconds=1)) == 0
    assert alternatives.end(session, now=over) == 3
    assert alternatives.end(session, now=over) == 0

    assert offered(session, request, over) == []
    assert request.status is RequestStatus.OPEN
    assert request.deadline == NOON + timedelta(hours=24)


def test_what_is_offered_is_not_what_somebody_has_chosen(session, town, booked):
    request = cancel(session, booked)

    assert choose.held(session, request, now=NOON) is None

    choose.hold(session, request, town.slots[2].reference, now=NOON)
    assert choose.held(session, request, now=NOON).reference == town.slots[2].reference
    assert offered(session, request) == []


def test_who_ends_their_request_lets_go_of_all_of_it(session, town, booked):
    request = cancel(session, booked)

    ask.decline(session, request, now=NOON)

    assert offered(session, request) == []
    assert slot_of(session, town.slots[2].reference).held_by is None
    assert alternatives.end(session, now=NOON) == 3


def test_a_slot_is_offered_to_one_request_at_a_time(session, town, booked):
    request = cancel(session, booked)
    twice = Offer(
        community_id=town.community.id,
        request_id=request.id,
        slot_id=town.slots[2].id,
        kind=OfferKind.ALTERNATIVE,
        offered_at=NOON,
        until=NOON + QUARTER,
    )

    session.add(twice)
    with pytest.raises(IntegrityError, match="uq_offer_live_slot"):
        session.flush()


def test_what_one_let_lapse_may_be_offered_to_another_before_anybody_noted_it(
    session, town, protocol, booked
):
    second = book(
        session, town, a_triaged_request(session, town.community, protocol), town.slots[0]
    )
    cancel(session, booked)
    later = NOON + QUARTER

    request = cancel(session, second, now=later)

    assert set(at(town, 1, 2)) <= {slot.reference for slot in offered(session, request, later)}


def test_after_twelve_nothing_more_is_kept(session, town, booked):
    request, moment = cancel(session, booked), NOON
    rounds = 1
    while alternatives.of(session, request, now=moment):
        moment += QUARTER / 15
        slots.let_go(session, town.community.id, asker=request.reference, now=moment)
        alternatives.keep(session, request, town.community, instead_of=town.slots[3], now=moment)
        rounds += 1

    assert rounds == 5
    assert len(offers(session)) == alternatives.MOST_KEPT


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
            except slots.SlotTaken:
                return None

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(alone, deeds))


@pytest.mark.parametrize("_", range(5))
def test_of_two_practices_that_cancel_at_once_each_patient_is_kept_others(
    engine, session, town, booked, protocol, _
):
    second = book(
        session, town, a_triaged_request(session, town.community, protocol), town.slots[0]
    )
    session.commit()

    together(engine, lambda s: cancel(s, booked), lambda s: cancel(s, second))

    live = [offer.slot_id for offer in offers(session)]
    assert len(live) == len(set(live)) >= 5
    holders = {slot_of(session, slot.reference).held_by for slot in town.slots} - {None}
    assert len(holders) == 2


@pytest.mark.parametrize("_", range(5))
def test_the_last_second_belongs_to_the_patient_or_to_somebody_else_never_to_both(
    engine, session, town, booked, protocol, _
):
    mine = cancel(session, booked)
    other = a_triaged_request(session, town.community, protocol)
    session.commit()
    names = {"mine": mine.reference, "other": other.reference}

    def takes(who, now):
        def deed(session):
            request = ask.by_reference(session, town.community.id, names[who])
            return book(session, town, request, town.slots[2], now=now)

        return deed

    over = NOON + QUARTER
    got = together(engine, takes("mine", over - timedelta(seconds=1)), takes("other", over))

    assert sum(each is not None for each in got) == 1
    live = select(Booking).where(
        Booking.slot_id == town.slots[2].id, Booking.status != BookingStatus.CANCELLED
    )
    assert len(session.scalars(live).all()) == 1


# The page


@pytest.fixture
def link(client: FlaskClient, town: Town, session: Session) -> str:
    """The page of an appointment that the practice cancelled."""
    address = Walk(client, town).book()
    cancel_by_link(session, address)
    return address


def cancel_by_link(session: Session, address: str, now=NOON) -> None:
    theirs = change.by_link(session, address.rpartition("/")[2], now=now, lock=True)
    change.cancel(session, theirs, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=now)
    session.commit()


def the_request(session: Session) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest)).one()


def test_the_page_shows_three_buttons_and_until_when(client, link, town, session):
    page = client.get(link).text

    assert "Le cabinet a annulé votre rendez-vous" in page
    assert "Jusqu’à 12\u00a0h\u00a015" in page
    assert page.count('name="rendez-vous"') == 3
    assert str(town.slots[0].reference) not in page


def test_one_press_books_and_the_old_link_leads_to_the_new_page(client, link, town, session):
    chosen = {"rendez-vous": str(town.slots[2].reference)}

    answer = client.post(f"{link}/choisir", data=chosen)
    again = client.post(f"{link}/choisir", data=chosen)

    assert answer.status_code == 303
    assert answer.location == again.location != link
    assert "Votre rendez-vous est confirmé" in client.get(answer.location).text
    assert answer.location in client.get(link).text
    assert the_request(session).status is RequestStatus.BOOKED


def test_looking_changes_nothing(client, link, session):
    before = [(o.id, o.until, o.answer) for o in offers(session)]

    for end in ("", "/signes"):
        client.get(link + end)
    for end in ("/choisir", "/autres", "/fin"):
        assert client.get(link + end).status_code == 405

    assert [(o.id, o.until, o.answer) for o in offers(session)] == before


def test_after_the_quarter_the_page_says_who_looks_and_keeps_others_when_asked(
    client, link, hands: Hands, session
):
    hands.wait(QUARTER)

    late = client.get(link).text
    client.post(f"{link}/autres")

    assert "Votre demande reste ouverte" in late
    assert 'name="rendez-vous"' not in late
    assert "Jusqu’à 12\u00a0h\u00a030" in client.get(link).text


def test_who_looks_again_in_vain_is_told_so(client, link, town, hands: Hands, session):
    hands.wait(QUARTER)
    for slot in town.slots:
        slots.hold(session, town.community.id, slot.reference, asker=slot.reference, now=hands.now)
    session.commit()

    assert "Rien n’est libre pour le moment." in client.post(f"{link}/autres").text


def test_who_lost_one_to_somebody_else_is_shown_others(client, link, town, hands: Hands, session):
    hands.wait(QUARTER)
    somebody, wanted = UUID(int=7), town.slots[2].reference
    slots.hold(session, town.community.id, wanted, asker=somebody, now=hands.now)
    session.commit()

    page = client.post(f"{link}/choisir", data={"rendez-vous": str(town.slots[2].reference)})

    assert page.status_code == 409
    assert "En voici d’autres" in page.text
    assert page.text.count('name="rendez-vous"') == 3


def late_in_the_day(client, town) -> str:
    """Book the last slot, which starts five hours from now."""
    walk = Walk(client, town).to("rendez-vous")
    walk.post("rendez-vous", **{"rendez-vous": str(town.slots[6].reference)})
    return walk.book()


def test_signs_are_asked_again_before_anything_is_taken(client, town, session, hands: Hands):
    link = late_in_the_day(client, town)
    hands.wait(timedelta(hours=2))
    cancel_by_link(session, link, hands.now)
    wanted = offers(session)[0].slot_id
    slot = session.get(Slot, (town.community.id, wanted))
    chosen = {"rendez-vous": str(slot.reference)}

    assert 'name="rendez-vous"' not in client.get(link).text
    assert client.post(f"{link}/choisir", data=chosen).location == f"{link}/signes"

    shown = _signs(client.get(f"{link}/signes").text)
    nothing = client.post(f"{link}/signes", data={"montre": shown})
    calm = client.post(f"{link}/signes", data={"montre": shown, "signes": "none"})

    assert nothing.status_code == 422
    assert calm.location == link
    assert client.post(f"{link}/choisir", data=chosen).status_code == 303
    assert the_request(session).status is RequestStatus.BOOKED


def test_a_sign_leads_to_the_15_and_lets_go_of_what_was_kept(client, town, session, hands: Hands):
    link = late_in_the_day(client, town)
    hands.wait(timedelta(hours=2))
    cancel_by_link(session, link, hands.now)
    shown = _signs(client.get(f"{link}/signes").text)

    page = client.post(f"{link}/signes", data={"montre": shown, "signes": shown[0]})

    assert page.status_code == 200
    assert "Appelez le 15 maintenant" in page.text
    assert "Appelez le 15 maintenant" in client.get(link).text
    assert {slot_of(session, slot.reference).held_by for slot in town.slots} == {None}


def _signs(page: str) -> list[str]:
    return re.findall(r'name="montre" value="(\w+)"', page)


def test_who_needs_nothing_any_more_says_so(client, link, session):
    client.post(f"{link}/fin")

    assert the_request(session).status is RequestStatus.DECLINED
    page = client.get(link).text
    assert "Ce rendez-vous est annulé" in page
    assert "nous ne cherchons plus" in page
    assert "Nous vous cherchons" not in page


@pytest.mark.parametrize("said", ["", "pas-un-creneau", "\x00", "é" * 100])
def test_nothing_that_is_posted_breaks_the_page(client, link, said):
    answer = client.post(f"{link}/choisir", data={"rendez-vous": said})

    assert answer.location == link


def test_an_appointment_that_stands_has_none_of_these_pages(client, town):
    link = Walk(client, town).book()

    for end in ("/choisir", "/autres", "/fin", "/signes"):
        assert client.post(link + end).location == link
    assert "Votre rendez-vous" in client.get(link).text
