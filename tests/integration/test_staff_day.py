"""The day of a practice: who sees whom, what is noted, what a cancellation does."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from booking.desk import choose
from booking.models import Account, Booking, BookingState, BookingStatus, CareRequest, Role
from notifications.models import Kind, OutboxMessage
from schedules import slots
from schedules.models import Community, Professional, Site
from tests.builders import (
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
    slot_of,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

IN_AN_HOUR = NOON + timedelta(hours=1)


@dataclass
class Practice:
    community: Community
    site: Site
    doctor: Professional
    secretary: Account
    doctors_account: Account
    booking: Booking


def a_practice(session, protocol, community) -> Practice:
    site = a_site(session, community)
    doctor = a_professional(session, community, site)
    slot = a_slot(session, professional=doctor, site=site, starts_at=IN_AN_HOUR)
    booked = a_booking(session, community, protocol, slot)
    booking = session.scalars(select(Booking).where(Booking.reference == booked.reference)).one()
    number = doctor.id
    return Practice(
        community,
        site,
        doctor,
        an_account(
            session, community, Role.SECRETARY, sites=(site,), email=f"s{number}@tilleuls.example"
        ),
        an_account(
            session,
            community,
            Role.PROFESSIONAL,
            professional=doctor,
            email=f"d{number}@tilleuls.example",
        ),
        booking,
    )


@pytest.fixture
def practice(session, protocol) -> Practice:
    made = a_practice(session, protocol, a_community(session))
    session.commit()
    return made


@pytest.fixture
def neighbours(session, protocol, practice) -> Practice:
    """Another practice of the same community."""
    made = a_practice(session, protocol, practice.community)
    session.commit()
    return made


@pytest.fixture
def elsewhere(session, protocol) -> Practice:
    """A practice of another community."""
    made = a_practice(session, protocol, a_community(session))
    session.commit()
    return made


@pytest.fixture
def secretary(app, practice) -> FlaskClient:
    return signed_in(app, practice.secretary)


def sheet(practice) -> str:
    return f"/journee/rendez-vous/{practice.booking.reference}"


def status_of(session, practice) -> BookingStatus:
    session.expire_all()
    return session.scalars(
        select(Booking.status).where(Booking.reference == practice.booking.reference)
    ).one()


def test_a_secretary_sees_who_comes_when_and_why(secretary, practice):
    said = words(secretary.get("/journee"))

    assert "Aujourd’hui, samedi 27 mars" in said
    assert "1 rendez-vous · 0 libre" in said
    assert "13 h 00" in said
    assert "MOREL Lucie" in said
    assert "34 ans" in said
    assert "06 39 98 00 01" in said
    assert "Réservé" in said


def test_a_professional_sees_the_same_of_their_own(app, practice):
    said = words(signed_in(app, practice.doctors_account).get("/journee"))

    assert "MOREL Lucie" in said


def test_free_held_and_past_slots_are_told_apart_in_words(
    session, protocol, practice, secretary, hands
):
    others = {"professional": practice.doctor, "site": practice.site}
    a_slot(session, **others, starts_at=NOON + timedelta(hours=3))
    a_slot(session, **others, starts_at=NOON + timedelta(minutes=5), minutes=10)
    kept = a_slot(session, **others, starts_at=NOON + timedelta(hours=4))
    request = a_triaged_request(session, practice.community, protocol)
    choose.hold(session, request, kept.reference, now=NOON + timedelta(minutes=7))
    session.commit()
    hands.wait(timedelta(minutes=7))

    said = words(secretary.get("/journee"))

    assert "1 rendez-vous · 1 libre" in said
    assert "15 h 00 Libre" in said
    assert "16 h 00 En cours de réservation jusqu’à 12 h 12" in said
    assert "12 h 05 Resté libre" in said


def test_several_professionals_stand_side_by_side_and_one_may_be_looked_at(
    session, practice, secretary
):
    colleague = a_professional(session, practice.community, practice.site, family_name="Zola")
    for minutes in (0, 20, 40):
        starts = NOON + timedelta(hours=2, minutes=minutes)
        a_slot(session, professional=colleague, site=practice.site, starts_at=starts)
    session.commit()

    table = secretary.get("/journee")
    alone = secretary.get(f"/journee?pro={colleague.reference}")

    assert table.text.count('<th scope="col"') == 3
    assert "MOREL" in words(table)
    for hour in ("14 h 00 Libre", "14 h 20 Libre", "14 h 40 Libre"):
        assert hour in words(table)
        assert hour in words(alone)
    assert alone.text.count('<th scope="col"') == 2
    assert "MOREL" not in words(alone)


def test_the_day_before_and_the_day_after_are_one_step_away(secretary):
    today = secretary.get("/journee")
    tomorrow = secretary.get("/journee?jour=2027-03-28")

    assert "/journee?jour=2027-03-26" in today.text
    assert "/journee?jour=2027-03-28" in today.text
    assert "Dimanche 28 mars" in words(tomorrow)
    assert "Aucun créneau ce jour." in words(tomorrow)


def test_a_day_that_does_not_exist_says_so(secretary):
    for day in (
        "2027-02-31", "demain", "0001-01-01", "9999-12-31", "\x00", "a" * 5000, "٢٠٢٧-03-27",
    ):  # fmt: skip
        answer = secretary.get("/journee", query_string={"jour": day})
        assert answer.status_code == 422
        assert "Cette date n’existe pas" in words(answer)


def test_the_day_when_clocks_change_is_an_ordinary_day(session, practice, secretary):
    at_one = NOON + timedelta(hours=13)
    a_slot(session, professional=practice.doctor, site=practice.site, starts_at=at_one)
    a_slot(
        session,
        professional=practice.doctor,
        site=practice.site,
        starts_at=at_one + timedelta(hours=1),
    )
    session.commit()

    said = words(secretary.get("/journee?jour=2027-03-28"))

    assert "1 h 00" in said
    assert "3 h 00" in said
    assert "2 h 00" not in said


def test_a_secretary_of_two_sites_can_look_at_one(app, session, protocol, practice, neighbours):
    keeps_both = an_account(
        session,
        practice.community,
        Role.SECRETARY,
        sites=(practice.site, neighbours.site),
        email="deux@tilleuls.example",
    )
    session.commit()
    client = signed_in(app, keeps_both)

    both = words(client.get("/journee"))
    one = words(client.get(f"/journee?lieu={neighbours.site.reference}"))

    assert "2 rendez-vous" in both
    assert "1 rendez-vous" in one


def test_nobody_sees_another_practice_or_another_community(app, practice, neighbours, elsewhere):
    for account in (practice.secretary, practice.doctors_account):
        client = signed_in(app, account)
        assert "1 rendez-vous" in words(client.get("/journee"))
        for other in (neighbours, elsewhere):
            assert client.get(f"/journee?lieu={other.site.reference}").status_code == 404
            assert client.get(f"/journee?pro={other.doctor.reference}").status_code == 404
            assert client.get(sheet(other)).status_code == 404
            assert client.get(sheet(other) + "/annuler").status_code == 404
            assert client.post(sheet(other) + "/annuler").status_code == 404
            assert client.post(sheet(other) + "/etat", data={"state": "seen"}).status_code == 404
            assert client.get(f"/journee/rendez-vous/{other.site.reference}").status_code == 404


def test_a_professional_of_two_practices_is_seen_by_each_only_at_its_own(
    app, session, practice, neighbours
):
    a_slot(
        session,
        professional=practice.doctor,
        site=neighbours.site,
        starts_at=NOON + timedelta(hours=5),
    )
    session.commit()

    assert "17 h 00" not in words(signed_in(app, practice.secretary).get("/journee"))
    assert "17 h 00" in words(signed_in(app, neighbours.secretary).get("/journee"))
    assert "17 h 00" in words(signed_in(app, practice.doctors_account).get("/journee"))


def test_a_sheet_says_who_comes_and_how_to_call_them(secretary, practice):
    said = words(secretary.get(sheet(practice)))

    assert "MOREL Lucie, 34 ans" in said
    assert "aujourd’hui, samedi 27 mars, à 13 h 00" in said
    assert "Appeler le 06 39 98 00 01" in said
    assert practice.booking.code in said


@pytest.mark.parametrize(
    ("state", "status"),
    [("arrived", BookingStatus.ARRIVED), ("seen", BookingStatus.HONOURED)],
)
def test_what_became_of_a_patient_is_noted_with_its_author(
    session, secretary, practice, state, status
):
    answer = secretary.post(sheet(practice) + "/etat", data={"state": state})

    assert answer.status_code == 303
    assert status_of(session, practice) is status
    last = session.scalars(select(BookingState).order_by(BookingState.id.desc())).first()
    assert (last.status, last.by) == (status, str(practice.secretary.reference))


def test_a_patient_is_absent_only_once_the_hour_has_come(app, session, practice, hands):
    early = signed_in(app, practice.secretary).post(
        sheet(practice) + "/etat", data={"state": "missed"}
    )
    hands.wait(timedelta(hours=1, minutes=20))
    secretary = signed_in(app, practice.secretary)
    late = secretary.post(sheet(practice) + "/etat", data={"state": "missed"})

    assert early.status_code == 422
    assert "n’est pas encore passée" in words(early)
    assert late.status_code == 303
    assert status_of(session, practice) is BookingStatus.NO_SHOW
    assert "1 absent" in words(secretary.get("/journee"))


@pytest.mark.parametrize("state", ["arrived", "seen"])
def test_nobody_has_come_the_day_before(app, session, practice, hands, state):
    hands.wait(-timedelta(days=1))
    secretary = signed_in(app, practice.secretary)

    answer = secretary.post(sheet(practice) + "/etat", data={"state": state})

    assert answer.status_code == 422
    assert "n’est pas aujourd’hui" in words(answer)
    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_a_slip_of_the_finger_is_corrected(session, secretary, practice):
    secretary.post(sheet(practice) + "/etat", data={"state": "arrived"})
    secretary.post(sheet(practice) + "/etat", data={"state": "expected"})

    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_a_state_that_does_not_exist_changes_nothing(session, secretary, practice):
    for state in ("", "CANCELLED", "HONOURED", "\x00", "x" * 50_000):
        answer = secretary.post(sheet(practice) + "/etat", data={"state": state})
        assert answer.status_code == 400
    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_before_a_cancellation_the_page_asks(session, secretary, practice):
    answer = secretary.get(sheet(practice) + "/annuler")

    assert "Annuler ce rendez-vous ?" in words(answer)
    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_a_cancellation_frees_the_slot_tells_the_patient_and_opens_the_request(
    session, secretary, practice
):
    answer = secretary.post(sheet(practice) + "/annuler")

    assert answer.status_code == 303
    assert status_of(session, practice) is BookingStatus.CANCELLED
    assert session.scalars(select(CareRequest.status)).one() == "OPEN"
    kinds = session.scalars(select(OutboxMessage.kind)).all()
    assert Kind.CANCELLED in kinds
    assert "1 libre" in words(secretary.get("/journee"))
    assert "Annulé" in words(secretary.get(answer.location))


def test_an_appointment_that_has_begun_is_not_cancelled(app, session, practice, hands):
    hands.wait(timedelta(hours=1))

    answer = signed_in(app, practice.secretary).post(sheet(practice) + "/annuler")

    assert answer.status_code == 422
    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_nothing_is_noted_of_a_cancelled_appointment(session, secretary, practice):
    secretary.post(sheet(practice) + "/annuler")

    answer = secretary.post(sheet(practice) + "/etat", data={"state": "arrived"})

    assert answer.status_code == 422
    assert status_of(session, practice) is BookingStatus.CANCELLED


def test_what_a_patient_typed_is_shown_as_text(app, session, protocol, practice):
    request = session.scalars(select(CareRequest)).one()
    request.family_name, request.note = "<script>alert(1)</script>", "<b>gras</b>"
    session.commit()
    client = signed_in(app, practice.secretary)

    for page in (client.get("/journee"), client.get(sheet(practice))):
        assert "<script>" not in page.text
        assert "<b>" not in page.text
        assert "&lt;b&gt;gras" in page.text


def test_a_withdrawn_slot_is_not_of_the_day(session, practice, secretary):
    free = a_slot(
        session,
        professional=practice.doctor,
        site=practice.site,
        starts_at=NOON + timedelta(hours=3),
    )
    slots.withdraw(
        session,
        practice.community.id,
        free.reference,
        professionals=[practice.doctor.id],
        now=NOON,
    )
    session.commit()

    assert slot_of(session, free.reference).withdrawn_at == NOON
    assert "15 h 00" not in words(secretary.get("/journee"))
