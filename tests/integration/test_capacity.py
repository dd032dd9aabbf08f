"""Several patients at the same time: places of one hour, each a slot, and never one too many."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from io import BytesIO
from threading import Barrier
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from icalendar import Calendar
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import change, choose, feeds
from booking.desk.board import Scope
from booking.models import Booking, CareRequest, Role
from config.database import transaction
from schedules import beside, releasing, search, slots
from schedules.calendars import closing
from schedules.lanes import Filled
from schedules.models import BusyCalendar, BusyTime, Opening, Slot, Visibility
from schedules.openings import OpeningRefused
from schedules.plans import Overlaps, Plan
from schedules.search import Wanted
from tests.builders import (
    LINKS,
    a_booking,
    a_professional,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.integration.test_reserving import SOMEBODY, Practice
from tests.staffing import an_account, signed_in, words

FIRST, SECOND, THIRD = (UUID(int=n) for n in range(21, 24))
SATURDAY = date(2027, 3, 27)
TWO, HALF_PAST = NOON + timedelta(hours=2), NOON + timedelta(hours=2, minutes=30)
VACCINES = Plan(
    starts_on=SATURDAY,
    ends_on=SATURDAY,
    weekdays=(6,),
    from_time=time(14),
    until_time=time(15),
    slot_minutes=30,
    capacity=3,
)
ALONE = replace(VACCINES, capacity=1)
PRESENT = (Slot.withdrawn_at.is_(None), Slot.starts_at == TWO)


@pytest.fixture
def practice(session):
    return Practice(session)


def lanes(practice) -> list[int | None]:
    """Return the lanes in which something is offered, held or booked at two."""
    here = [s for s in practice.rows() if s.withdrawn_at is None and s.starts_at == TWO]
    return sorted([s.lane for s in here], key=lambda lane: -1 if lane is None else lane)


def place(practice, lane: int | None, at=TWO) -> Slot:
    [found] = [
        s for s in practice.rows() if s.withdrawn_at is None and (s.lane, s.starts_at) == (lane, at)
    ]
    return found


# What is made


def test_an_hour_for_three_has_three_places_at_each_of_its_times(practice):
    done = practice.reserve(VACCINES)

    assert len(done.settled.made) == 6
    assert [(s.starts_at, s.lane) for s in practice.rows()] == [
        (at, lane) for at in (TWO, HALF_PAST) for lane in range(3)
    ]


def test_an_hour_for_one_takes_all_of_its_professional(practice):
    practice.reserve(ALONE)

    assert lanes(practice) == [None]


@pytest.mark.parametrize("capacity", [0, -1, 13])
def test_nobody_receives_none_or_a_crowd(practice, capacity):
    with pytest.raises(OpeningRefused, match="capacity"):
        practice.reserve(replace(VACCINES, capacity=capacity))


def test_two_hours_with_places_for_several_do_not_overlap(practice):
    practice.reserve(VACCINES)

    with pytest.raises(Overlaps):
        practice.reserve(replace(VACCINES, from_time=time(14, 15), until_time=time(14, 45)))


def test_the_night_makes_all_places_of_a_new_day(practice):
    done = practice.reserve(replace(VACCINES, ends_on=None))
    later = practice.opening(done).made_until + timedelta(days=7)

    made = practice.make(later)

    assert made == 6


# What the database refuses, whatever the code does


def around_the_code(session: Session, like: Slot, **but) -> None:
    names = ("community_id", "professional_id", "site_id", "discipline", "visibility")
    said = {name: getattr(like, name) for name in (*names, "starts_at", "ends_at")}
    session.execute(insert(Slot).values(**said | {"reference": uuid4()} | but))


def another_opening(session: Session, slot: Slot) -> int:
    """Write a second opening for three at the same hours, which the code refuses."""
    table = Opening.__table__
    copied = [c for c in table.columns if c.name not in ("id", "reference")]
    names = [c.name for c in copied]
    query = select(*copied, func.gen_random_uuid()).where(table.c.id == slot.opening_id)
    written = insert(Opening).from_select([*names, "reference"], query, include_defaults=False)
    return session.scalars(written.returning(Opening.id)).one()


def test_no_two_patients_have_the_same_place(session, practice):
    practice.reserve(VACCINES)
    taken = place(practice, 1)

    with pytest.raises(IntegrityError, match="slot_no_overlap"):
        around_the_code(
            session,
            taken,
            opening_id=taken.opening_id,
            lane=1,
            starts_at=taken.starts_at + timedelta(minutes=10),
        )


def test_another_opening_has_no_other_places_with_the_same_number(session, practice):
    practice.reserve(VACCINES)
    taken = place(practice, 1)

    with pytest.raises(IntegrityError, match="slot_no_overlap"):
        around_the_code(session, taken, opening_id=another_opening(session, taken), lane=1)


@pytest.mark.parametrize("lane", range(3))
def test_a_slot_of_ones_own_cannot_stand_beside_any_place(session, practice, lane):
    practice.reserve(VACCINES)
    beside = place(practice, lane)
    session.execute(update(Slot).where(Slot.id != beside.id).values(withdrawn_at=NOON))

    with pytest.raises(IntegrityError, match="slot_no_overlap"):
        around_the_code(session, beside)


@pytest.mark.parametrize("lane", [0, 5, 11])
def test_no_place_stands_beside_a_slot_of_ones_own(session, practice, lane):
    practice.reserve(ALONE)
    alone = place(practice, None)

    with pytest.raises(IntegrityError, match="slot_no_overlap"):
        around_the_code(session, alone, opening_id=alone.opening_id, lane=lane)


def test_a_place_with_a_free_number_fits(session, practice):
    practice.reserve(VACCINES)
    taken = place(practice, 1)

    around_the_code(session, taken, opening_id=taken.opening_id, lane=3)

    assert lanes(practice) == [0, 1, 2, 3]


@pytest.mark.parametrize("wrong", [{"lane": 12}, {"lane": -1}, {"lane": 3, "opening_id": None}])
def test_a_place_is_one_of_twelve_and_of_an_opening(session, practice, wrong):
    practice.reserve(VACCINES)
    taken = place(practice, 1)

    with pytest.raises(IntegrityError, match="lane_is_of_an_opening"):
        around_the_code(session, taken, **{"opening_id": taken.opening_id, "lane": 3} | wrong)


@pytest.mark.parametrize("capacity", [0, 13])
def test_no_row_says_none_or_a_crowd(session, practice, capacity):
    practice.reserve(VACCINES)

    with pytest.raises(IntegrityError, match="capacity_is_small"):
        session.execute(update(Opening).values(capacity=capacity))


# What changes, while patients have places


def test_who_wants_fewer_at_once_keeps_who_has_a_place_whichever_it_is(practice):
    done = practice.reserve(VACCINES)
    booked = place(practice, 2)
    practice.claim(booked)

    changed = practice.change(done, replace(VACCINES, capacity=2))

    # Whoever has the third place takes one of two: one more can come.
    assert changed.settled.conflicts == ()
    assert lanes(practice) == [0, 2]


def test_of_too_many_the_last_is_a_conflict(practice):
    done = practice.reserve(VACCINES)
    for lane in range(3):
        practice.claim(place(practice, lane), asker=UUID(int=lane + 1))

    changed = practice.change(done, replace(VACCINES, capacity=2))

    assert [c.slot for c in changed.settled.conflicts] == [place(practice, 2).reference]
    assert lanes(practice) == [0, 1, 2]


def test_who_wants_more_at_once_offers_the_rest(practice):
    done = practice.reserve(replace(VACCINES, capacity=2))
    practice.claim(place(practice, 0))

    practice.change(done, VACCINES)

    assert lanes(practice) == [0, 1, 2]


def test_an_appointment_alone_stays_alone_when_more_may_come(practice):
    done = practice.reserve(ALONE)
    practice.claim(place(practice, None))

    changed = practice.change(done, VACCINES)

    assert changed.settled.conflicts == ()
    assert lanes(practice) == [None]
    assert len(practice.live()) == 1 + 3


def test_a_place_that_was_taken_back_by_hand_is_not_made_up_for(practice):
    done = practice.reserve(VACCINES)
    practice.claim(place(practice, 2))
    practice.change(done, replace(VACCINES, capacity=2))
    mine = [practice.doctor.id]
    slots.withdraw(
        practice.session,
        practice.community.id,
        place(practice, 0).reference,
        professionals=mine,
        now=NOON,
    )

    practice.absent(starts_on=SATURDAY + timedelta(days=1), ends_on=SATURDAY + timedelta(days=1))

    assert lanes(practice) == [2]


def test_undone_all_places_are_there_again_but_for_the_one_that_was_taken_meanwhile(practice):
    practice.reserve(VACCINES)
    absence = practice.absent(starts_on=SATURDAY, ends_on=SATURDAY)
    assert lanes(practice) == []

    practice.undo(absence)

    assert lanes(practice) == [0, 1, 2]


def test_undoing_a_change_never_makes_one_place_too_many(practice):
    done = practice.reserve(replace(VACCINES, capacity=2))
    changed = practice.change(done, VACCINES)
    practice.claim(place(practice, 2))

    practice.undo(changed)

    assert lanes(practice) == [0, 2]


def test_an_absence_closes_every_free_place_and_no_other(practice):
    practice.reserve(VACCINES)
    practice.claim(place(practice, 1))

    away = practice.absent(starts_on=SATURDAY, ends_on=SATURDAY)

    assert lanes(practice) == [1]
    assert len(away.settled.conflicts) == 1


def test_a_busy_calendar_closes_every_free_place(session, practice):
    practice.reserve(VACCINES)
    calendar = BusyCalendar(
        community_id=practice.community.id,
        professional_id=practice.doctor.id,
        url="https://calendar.example/",
        created_at=NOON,
        next_try_at=NOON,
    )
    session.add(calendar)
    session.flush()
    session.add(
        BusyTime(
            community_id=practice.community.id,
            calendar_id=calendar.id,
            professional_id=practice.doctor.id,
            starts_at=TWO,
            ends_at=TWO + timedelta(minutes=5),
        )
    )
    session.flush()
    practice.claim(place(practice, 0))

    closing.settle(session, practice.community.id, practice.doctor.id, now=NOON)

    closed = [s.lane for s in practice.rows() if s.busy_since is not None]
    assert closed == [1, 2]


def test_a_quota_counts_places(practice):
    own_then_all = [
        {"to": "OWN", "before": None},
        {"to": "PUBLIC", "before": 60, "keep": 2},
    ]
    practice.reserve(replace(VACCINES, until_time=time(14, 30), ladder=own_then_all))

    releasing.release(practice.session, now=TWO - timedelta(minutes=50))

    assert sorted(s.only_own_patients for s in practice.rows()) == [False, True, True]


# What patients are shown, and who gets a place


def offered(practice, asker=SOMEBODY, each=10):
    return search.free(
        practice.session,
        practice.community.id,
        [Wanted("MG")],
        asker=asker,
        visible_to=(Visibility.CPTS,),
        after=NOON,
        until=NOON + timedelta(days=1),
        each=each,
        now=NOON,
    )


def test_a_patient_is_shown_each_time_once(practice):
    practice.reserve(VACCINES)

    assert [o.starts_at for o in offered(practice)] == [TWO, HALF_PAST]
    # Not even where few are looked at.
    assert [o.starts_at for o in offered(practice, each=2)] == [TWO, HALF_PAST]


def test_a_time_is_shown_until_its_last_place_is_taken(practice):
    practice.reserve(VACCINES)
    practice.claim(place(practice, 0), asker=FIRST)
    practice.hold(place(practice, 1), asker=SECOND)
    assert offered(practice)[0].reference == place(practice, 2).reference

    practice.claim(place(practice, 2), asker=THIRD)

    assert [o.starts_at for o in offered(practice)] == [HALF_PAST]


def test_whoever_keeps_a_place_is_shown_theirs(practice):
    practice.reserve(VACCINES)
    practice.hold(place(practice, 2), asker=SECOND)

    assert offered(practice, asker=SECOND)[0].reference == place(practice, 2).reference


def test_two_professionals_at_one_time_are_two_offers(session, practice):
    practice.reserve(VACCINES)
    colleague = a_professional(session, practice.community, practice.site)
    a_slot(session, site=practice.site, professional=colleague, starts_at=TWO)

    assert [o.starts_at for o in offered(practice)] == [TWO, TWO, HALF_PAST]


def asked(practice, protocol) -> CareRequest:
    return a_triaged_request(practice.session, practice.community, protocol)


def hold(practice, request, slot):
    choose.hold(practice.session, request, slot.reference, now=NOON)
    return choose.held(practice.session, request, now=NOON)


def book(practice, request, slot):
    return choose.book(
        practice.session,
        request,
        practice.community,
        slot.reference,
        by="PATIENT",
        links=LINKS,
        now=NOON,
    )


def test_who_is_slower_for_a_place_keeps_the_next_one_of_that_time(practice, protocol):
    practice.reserve(VACCINES)
    first, second = asked(practice, protocol), asked(practice, protocol)
    wanted = place(practice, 0)
    hold(practice, first, wanted)

    kept = hold(practice, second, wanted)

    assert (kept.starts_at, kept.lane) == (TWO, 1)


def test_who_is_slower_for_a_place_books_the_next_one_and_is_told_which(practice, protocol):
    practice.reserve(VACCINES)
    wanted = place(practice, 0)
    book(practice, asked(practice, protocol), wanted)

    booked = book(practice, asked(practice, protocol), wanted)

    assert booked.slot == place(practice, 1).reference
    assert booked.starts_at == TWO


def test_nobody_gets_a_place_that_is_not_meant_for_them(practice, protocol):
    practice.reserve(VACCINES)
    practice.claim(place(practice, 0))
    practice.session.execute(
        update(Slot).where(*PRESENT, Slot.lane > 0).values(complaints=["vaccination"])
    )

    with pytest.raises(slots.SlotTaken):
        book(practice, asked(practice, protocol), place(practice, 0))


def test_an_appointment_alone_has_no_place_beside_it(practice, protocol):
    practice.reserve(ALONE)
    wanted = place(practice, None)
    book(practice, asked(practice, protocol), wanted)

    assert beside.places(practice.session, practice.community.id, wanted.reference) == []
    with pytest.raises(slots.SlotTaken):
        book(practice, asked(practice, protocol), wanted)


def test_moving_to_another_place_of_the_same_time_changes_nothing(practice, protocol):
    practice.reserve(VACCINES)
    booked = book(practice, asked(practice, protocol), place(practice, 0))
    kept = change.by_reference(practice.session, practice.community.id, booked.reference)

    change.move(practice.session, kept, place(practice, 1).reference, by="P", links=LINKS, now=NOON)

    assert kept.booking.version == 0
    assert place(practice, 0).claimed_by == kept.request.reference


def test_moving_to_a_time_gets_any_place_of_it(practice, protocol):
    practice.reserve(VACCINES)
    booked = book(practice, asked(practice, protocol), place(practice, 0))
    practice.claim(place(practice, 0, HALF_PAST))
    kept = change.by_reference(practice.session, practice.community.id, booked.reference)

    wanted = place(practice, 0, HALF_PAST).reference
    change.move(practice.session, kept, wanted, by="P", links=LINKS, now=NOON)

    assert place(practice, 1, HALF_PAST).claimed_by == kept.request.reference
    assert place(practice, 0).claimed_by is None


def test_of_as_many_as_there_are_places_and_one_more_only_that_one_is_refused(engine, protocol):
    with Session(engine, expire_on_commit=False) as setup, transaction(setup):
        practice = Practice(setup)
        practice.reserve(VACCINES)
        wanted, community = place(practice, 0).reference, practice.community
        requests = [asked(practice, protocol).id for _ in range(4)]
    together = Barrier(4)

    def one(number: int) -> bool:
        with Session(engine) as session:
            try:
                with transaction(session):
                    request = session.get_one(CareRequest, (community.id, number))
                    together.wait()
                    choose.book(session, request, community, wanted, by="P", links=LINKS, now=NOON)
            except slots.SlotTaken:
                return False
            return True

    engine.dispose()
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(one, requests))

    assert sorted(won) == [False, True, True, True]
    with Session(engine) as session:
        found = session.scalars(
            select(Slot.lane)
            .join(
                Booking, (Booking.community_id == Slot.community_id) & (Booking.slot_id == Slot.id)
            )
            .where(Slot.starts_at == TWO)
            .order_by(Slot.lane)
        )
        assert list(found) == [0, 1, 2]


# Screens and calendars


@pytest.fixture
def professional(app, session, practice):
    account = an_account(
        session, practice.community, Role.PROFESSIONAL, professional=practice.doctor
    )
    session.commit()
    return signed_in(app, account)


FORM = {
    "weekdays": "6",
    "from_time": "14:00",
    "until_time": "15:00",
    "slot_minutes": "30",
    "starts_on": "2027-03-27",
    "ends_on": "2027-03-27",
    "visibility": ["CPTS"],
    "ladder": "community",
}


def form(practice, **but):
    whose = f"{practice.doctor.reference}~{practice.site.reference}"
    return FORM | {"place": whose} | but


def test_the_form_says_how_many_come_at_once_before_it_counts(session, practice, professional):
    tried = professional.post("/creneaux/plages/nouvelle", data=form(practice, capacity="4"))

    assert "2 créneaux de 30 min, 4 patients en même temps" in words(tried)
    assert 'name="capacity" value="4"' in tried.text
    assert session.scalar(select(func.count()).select_from(Slot)) == 0

    professional.post("/creneaux/plages/nouvelle", data=form(practice, capacity="4", sure="1"))
    assert len(practice.rows()) == 8


def test_a_form_without_a_number_is_for_one_patient(practice, professional):
    tried = professional.post("/creneaux/plages/nouvelle", data=form(practice, capacity=""))

    assert "en même temps," not in words(tried)


@pytest.mark.parametrize("wrong", ["0", "13", "-2", "deux", "9" * 40, "²"])
def test_a_wrong_number_is_said_beside_the_field(session, practice, professional, wrong):
    answer = professional.post("/creneaux/plages/nouvelle", data=form(practice, capacity=wrong))

    assert answer.status_code == 422
    assert 'id="capacity-error"' in answer.text


def test_who_changes_an_opening_finds_its_number_again(session, practice, professional):
    done = practice.reserve(VACCINES)
    session.commit()

    page = professional.get(f"/creneaux/plages/{done.subject}/modifier").text

    assert 'id="capacity" name="capacity" value="3"' in page


def test_the_day_shows_all_places_of_a_time_in_one_cell(session, practice, professional, protocol):
    practice.reserve(VACCINES)
    a_booking(session, practice.community, protocol, place(practice, 1))
    session.commit()

    page = professional.get("/journee?jour=2027-03-27").text

    table = page[page.index("<tbody>") : page.index("</tbody>")]
    assert table.count("<tr") == 2
    cells = table.split("<td")[1:]
    assert [cell.count('class="case"') for cell in cells] == [3, 3]
    assert cells[0].count('<div class="free">') == 2
    assert cells[0].count('<div class="booked">') == 1
    assert "1 rendez-vous · 5 libres" in words(professional.get("/journee?jour=2027-03-27"))


def test_the_week_and_the_opening_show_every_place(session, practice, professional):
    done = practice.reserve(VACCINES)
    session.commit()

    assert professional.get("/creneaux/semaine").text.count("Retirer") == 6
    assert professional.get(f"/creneaux/plages/{done.subject}").text.count("14\u00a0h\u00a000") >= 3


def test_a_place_is_blocked_alone_or_the_whole_time_with_what_follows(
    session, practice, professional
):
    practice.reserve(VACCINES)
    session.commit()
    first, last = place(practice, 0), place(practice, 2)
    page = professional.get(f"/journee/creneaux/{first.reference}").text
    assert page.count("<option") == 3  # this place, the whole time, and the next one

    professional.post(
        f"/journee/creneaux/{place(practice, 1).reference}/bloquer", data={"pourquoi": "visit"}
    )
    session.expire_all()
    assert lanes(practice) == [0, 2]

    professional.post(
        f"/journee/creneaux/{first.reference}/bloquer",
        data={"pourquoi": "visit", "jusqua": str(last.reference)},
    )
    session.expire_all()
    assert lanes(practice) == []
    assert words(professional.get("/journee?jour=2027-03-27")).count("Bloqué : Visite") == 3


def test_a_blocked_place_is_shown_beside_those_that_are_still_offered(
    session, practice, professional
):
    practice.reserve(VACCINES)
    session.commit()
    middle = place(practice, 1).reference
    professional.post(f"/journee/creneaux/{middle}/bloquer", data={"pourquoi": "visit"})

    page = words(professional.get("/journee?jour=2027-03-27"))

    assert page.count("Bloqué : Visite") == 1
    professional.post(f"/journee/creneaux/{middle}/debloquer")
    session.expire_all()
    assert lanes(practice) == [0, 1, 2]


def test_two_appointments_at_one_time_are_two_events_of_a_feed(session, client, practice, protocol):
    practice.reserve(VACCINES)
    for lane in (0, 1):
        a_booking(session, practice.community, protocol, place(practice, lane))
    whose = Scope(practice.community.id, professional_id=practice.doctor.id)
    token = feeds.make(session, whose, feeds.choices(session, whose)[0].key, by=uuid4(), now=NOON)
    session.commit()

    feed = Calendar.from_ical(BytesIO(client.get(urlsplit(LINKS.feed(token)).path).data).read())

    events = list(feed.walk("VEVENT"))
    assert [event.start for event in events] == [TWO, TWO]
    assert len({event["UID"] for event in events}) == 2


# Pure


@dataclass(frozen=True)
class Place:
    """Half an hour in a lane, so many minutes after two."""

    lane: int | None
    minutes: int = 0

    @property
    def times(self):
        begins = TWO + timedelta(minutes=self.minutes)
        return begins, begins + timedelta(minutes=30)


def test_what_fills_an_hour():
    filled = Filled([Place(2), Place(0, 40)])

    assert not filled.takes(Place(2, 15), 3)  # its lane is taken
    assert not filled.takes(Place(1, 15), 2)  # two are there already
    assert filled.takes(Place(1, 15), 3)
    assert not filled.takes(Place(None, 60), 3)
    assert filled.takes(Place(None, 70), 1)
    assert not filled.takes(Place(5, 80), 12)  # whoever comes alone is alone
