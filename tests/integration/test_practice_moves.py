"""An appointment goes to another hour of the practice, or the whole of a day to another site."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import select

from booking.desk import choose
from booking.models import Assessment, Booking, BookingStatus, CareRequest, Role
from notifications.models import Channel, Kind, OutboxMessage, Status
from schedules import ics
from schedules.models import Act, ProfessionalSite, Slot
from tests.builders import (
    LINKS,
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
    slot_of,
)
from tests.clockwork import NOON
from tests.integration.test_staff_day import Practice, a_practice, status_of
from tests.staffing import an_account, signed_in, words

HOUR = timedelta(hours=1)


@pytest.fixture
def practice(session, protocol) -> Practice:
    made = a_practice(session, protocol, a_community(session))
    made.doctor.email = "doctor@tilleuls.example"
    session.commit()
    return made


@pytest.fixture
def neighbours(session, protocol, practice) -> Practice:
    made = a_practice(session, protocol, practice.community)
    session.commit()
    return made


@pytest.fixture
def annexe(session, practice):
    """A second site at which the practice's doctor works."""
    site = a_site(session, practice.community, name="Cabinet de la Gare")
    session.add(
        ProfessionalSite(
            community_id=site.community_id, professional_id=practice.doctor.id, site_id=site.id
        )
    )
    session.commit()
    return site


@pytest.fixture
def professional(app, practice) -> FlaskClient:
    return signed_in(app, practice.doctors_account)


@pytest.fixture
def secretary(app, practice) -> FlaskClient:
    return signed_in(app, practice.secretary)


@pytest.fixture
def stranger(app, neighbours) -> FlaskClient:
    return signed_in(app, neighbours.secretary)


@pytest.fixture
def of_both(app, session, practice, annexe) -> FlaskClient:
    """A secretary who keeps both sites."""
    account = an_account(
        session,
        practice.community,
        Role.SECRETARY,
        sites=(practice.site, annexe),
        email="deux@tilleuls.example",
    )
    session.commit()
    return signed_in(app, account)


def free(session, practice, *, hours: int = 3, **but) -> Slot:
    made = a_slot(
        session,
        **{"professional": practice.doctor, "site": practice.site, "starts_at": NOON + hours * HOUR}
        | but,
    )
    session.commit()
    return made


def address(practice) -> str:
    return f"/journee/rendez-vous/{practice.booking.reference}/deplacer"


def move(client, practice, slot) -> object:
    return client.post(address(practice), data={"creneau": str(slot.reference)})


def slot_now(session, practice) -> Slot:
    session.expire_all()
    return session.get_one(Slot, (practice.community.id, practice.booking.slot_id))


def request_of(session, practice) -> CareRequest:
    return session.get_one(CareRequest, (practice.community.id, practice.booking.request_id))


def waiting(session, kind: Kind) -> list[OutboxMessage]:
    session.expire_all()
    return list(
        session.scalars(
            select(OutboxMessage).where(
                OutboxMessage.kind == kind, OutboxMessage.status != Status.WITHDRAWN
            )
        )
    )


def entry_of(message: OutboxMessage) -> dict:
    return Calendar.from_ical(ics.drawn(message.invitation)[0]).events[0]


# Another hour


@pytest.mark.parametrize("who", ["professional", "secretary"])
def test_each_moves_an_appointment_to_a_free_hour_of_their_own(request, session, practice, who):
    client, later, was = request.getfixturevalue(who), free(session, practice), practice.booking
    former = slot_now(session, practice).reference
    page = client.get(address(practice))
    assert "Nouvelle heure" in words(page)
    assert str(later.reference) in page.text
    assert was.version == 0

    answer = move(client, practice, later)

    assert answer.status_code == 303
    assert answer.location.endswith(f"#c-{later.reference}")
    assert "Rendez-vous déplacé : un message prévient la personne." in words(
        client.get(answer.location)
    )
    assert slot_now(session, practice).reference == later.reference
    assert slot_of(session, former).claimed_by is None
    assert practice.booking.version == 1
    assert {m.channel for m in waiting(session, Kind.MOVED)} >= {Channel.SMS}


def test_the_sheet_leads_a_professional_to_it(professional, practice):
    sheet = professional.get(f"/journee/rendez-vous/{practice.booking.reference}").text

    assert f'href="{address(practice)}"' in sheet
    assert "console" not in professional.get(address(practice)).text


def test_what_triage_did_not_mean_is_neither_shown_nor_given(session, secretary, practice):
    nurse = a_professional(session, practice.community, practice.site, discipline="SF")
    other = free(session, practice, professional=nurse)
    before = slot_now(session, practice).reference

    assert str(other.reference) not in secretary.get(address(practice)).text
    answer = move(secretary, practice, other)

    assert answer.status_code == 409
    assert "ne convient pas à cette demande" in words(answer)
    assert slot_now(session, practice).reference == before


def test_nobody_moves_what_is_not_theirs_or_to_where_they_keep_nothing(  # noqa: PLR0917 - fixtures
    app, session, professional, secretary, practice, neighbours
):
    stranger = signed_in(app, neighbours.secretary)
    theirs = free(session, neighbours)

    assert stranger.get(address(practice)).status_code == 404
    assert move(stranger, practice, theirs).status_code == 404
    for client in (professional, secretary):
        assert move(client, practice, theirs).status_code == 404
        assert client.post(address(practice), data={"creneau": "x"}).status_code == 422
    assert waiting(session, Kind.MOVED) == []


def test_an_hour_that_has_gone_or_an_appointment_that_began_stays(  # noqa: PLR0917 - fixtures
    session, protocol, practice, app, hands, secretary
):
    later = free(session, practice)
    request = a_triaged_request(session, practice.community, protocol)
    choose.hold(session, request, later.reference, now=NOON)
    session.commit()
    assert move(secretary, practice, later).status_code == 409

    hands.wait(timedelta(hours=2))
    again = signed_in(app, practice.secretary)
    assert "Ce rendez-vous ne change plus." in words(again.get(address(practice)))
    assert move(again, practice, later).status_code == 409
    assert status_of(session, practice) is BookingStatus.CONFIRMED


def test_a_move_by_a_slip_is_undone_from_the_day_and_the_patient_hears_of_it(
    session, secretary, professional, practice
):
    later, former = free(session, practice), slot_now(session, practice)
    move(secretary, practice, later)

    page = secretary.get("/journee")

    assert "MOREL Lucie : déplacé, avant : " in words(page)
    assert f'name="creneau" value="{former.reference}"' in page.text
    assert "déplacé, avant" not in words(professional.get("/journee"))
    assert move(secretary, practice, former).status_code == 303
    assert slot_now(session, practice).reference == former.reference
    assert len([m for m in waiting(session, Kind.MOVED) if m.channel is Channel.SMS]) >= 1


def test_a_move_is_not_undone_where_somebody_has_the_former_hour_by_now(
    session, secretary, practice, protocol
):
    later, former = free(session, practice), slot_now(session, practice)
    move(secretary, practice, later)
    other = a_triaged_request(session, practice.community, protocol, now=NOON)
    choose.hold(session, other, former.reference, now=NOON)
    session.commit()

    assert "déplacé, avant" not in words(secretary.get("/journee"))


# Another site


def relocate(client, site, **who):
    return client.post("/journee/lieu", data={"lieu": str(site.reference)} | who)


def test_a_day_goes_to_another_site_and_its_patients_hear_where(session, of_both, practice, annexe):
    spare = free(session, practice)
    tomorrow = free(session, practice, starts_at=NOON + timedelta(days=1))
    page = words(of_both.get("/journee/lieu?jour=2027-03-27"))
    assert "MOREL Lucie" in page
    assert "Et 1 créneau que personne n’a réservé." in page
    answer = relocate(of_both, annexe, qui=practice.doctor.reference, jour="2027-03-27")

    assert answer.status_code == 200
    assert "2 créneaux sont maintenant au nouveau lieu." in words(answer)
    assert slot_now(session, practice).site_id == annexe.id
    assert slot_of(session, spare.reference).site_id == annexe.id
    assert slot_of(session, tomorrow.reference).site_id == practice.site.id
    [sms] = [m for m in waiting(session, Kind.MOVED) if m.channel is Channel.SMS]
    assert "nouveau lieu" in sms.text
    assert annexe.address.split(",")[0] in sms.text
    assert "MOREL" not in sms.text
    # The same entry of the calendar, later.
    [mail] = [m for m in waiting(session, Kind.NOTICE) if m.version == 1]
    mine = entry_of(mail)
    assert mine["UID"] == f"{practice.booking.reference}@{LINKS.host}"
    assert mine["SEQUENCE"] == 1
    assert mine.start == slot_now(session, practice).starts_at
    assert annexe.name in mine["LOCATION"]


def test_one_appointment_goes_alone(session, of_both, practice, annexe):
    spare = free(session, practice)
    sheet = of_both.get(f"/journee/rendez-vous/{practice.booking.reference}").text
    assert f"/journee/lieu?rdv={practice.booking.reference}" in sheet

    answer = relocate(of_both, annexe, rdv=str(practice.booking.reference))

    assert "1 créneau est maintenant au nouveau lieu." in words(answer)
    assert slot_now(session, practice).site_id == annexe.id
    assert slot_of(session, spare.reference).site_id == practice.site.id


def test_a_professional_takes_their_own_day_along(session, professional, practice, annexe):
    answer = relocate(professional, annexe, qui=practice.doctor.reference, jour="2027-03-27")

    assert answer.status_code == 200
    assert slot_now(session, practice).site_id == annexe.id


def test_what_somebody_is_booking_stays_and_whom_no_message_reaches_is_to_be_called(
    session, protocol, of_both, practice, annexe
):
    held = free(session, practice)
    request = a_triaged_request(session, practice.community, protocol)
    choose.hold(session, request, held.reference, now=NOON)
    silent = request_of(session, practice)
    silent.wants_sms, silent.email = False, None
    session.commit()
    assert "à appeler" in words(of_both.get("/journee/lieu"))

    answer = relocate(of_both, annexe, qui=practice.doctor.reference)

    assert "1 créneau est resté" in words(answer)
    assert "à appeler : MOREL Lucie" in words(answer)
    assert slot_of(session, held.reference).site_id == practice.site.id


def test_nobody_goes_to_a_site_where_what_they_need_is_not(session, of_both, practice, annexe):
    judged = session.get_one(Assessment, (practice.community.id, practice.booking.assessment_id))
    slot = slot_now(session, practice)
    practice.site.equipment = ["XRAY"]
    slot.skills = ["XRAY"]
    judged.routes = [{"discipline": slot.discipline, "needs": ["XRAY"]}]
    session.commit()

    answer = relocate(of_both, annexe, qui=practice.doctor.reference)

    assert answer.status_code == 409
    assert "Ce lieu n’a pas ce qu’il faut pour MOREL Lucie" in words(answer)
    assert slot_now(session, practice).site_id == practice.site.id
    assert waiting(session, Kind.MOVED) == []


def test_nobody_takes_time_to_a_site_that_they_do_not_keep(  # noqa: PLR0917 - fixtures
    session, secretary, of_both, practice, annexe, neighbours
):
    assert "Rien ne peut changer de lieu ici" in words(secretary.get("/journee/lieu"))
    who = str(practice.doctor.reference)
    assert relocate(secretary, annexe, qui=who).status_code == 404
    assert relocate(of_both, neighbours.site, qui=who).status_code == 404
    assert relocate(of_both, annexe, qui=str(neighbours.doctor.reference)).status_code == 404
    for said in ({"lieu": "x"}, {"lieu": "", "jour": "31/02/2027"}, {}):
        assert of_both.post("/journee/lieu", data=said).status_code == 422
    assert slot_now(session, practice).site_id == practice.site.id


def test_the_day_leads_there_for_who_works_at_several_sites_alone(secretary, of_both):
    assert "Changer de lieu" in words(of_both.get("/journee"))
    assert "Changer de lieu" not in words(secretary.get("/journee"))


# Undone for ten minutes


def last_act(session) -> Act:
    session.expire_all()
    return session.scalars(select(Act).order_by(Act.id.desc())).first()


def take_back(client, session):
    return client.post(f"/journee/actions/{last_act(session).reference}/annuler")


def test_for_ten_minutes_a_change_of_site_is_taken_back_and_patients_hear_it(
    session, of_both, hands, practice, annexe
):
    practice.site.equipment = ["XRAY"]
    spare = free(session, practice)
    relocate(of_both, annexe, qui=practice.doctor.reference)
    [first] = [m for m in waiting(session, Kind.MOVED) if m.channel is Channel.SMS]
    assert slot_of(session, spare.reference).skills == ["fauteuil"]
    assert "Lieu changé" in words(of_both.get("/creneaux"))
    assert "lieu changé" in words(of_both.get("/journee"))
    hands.wait(timedelta(minutes=9))

    answer = take_back(of_both, session)

    assert answer.location == "/journee"
    assert slot_now(session, practice).site_id == practice.site.id
    assert slot_of(session, spare.reference).site_id == practice.site.id
    assert "XRAY" in slot_of(session, spare.reference).skills
    [sms] = [m for m in waiting(session, Kind.MOVED) if m.channel is Channel.SMS]
    assert sms.reference != first.reference
    assert practice.site.address.split(",")[0] in sms.text
    [mail] = [m for m in waiting(session, Kind.NOTICE) if m.version == 2]
    assert entry_of(mail)["SEQUENCE"] == 2
    assert practice.site.name in entry_of(mail)["LOCATION"]
    assert "Lieu changé" not in words(of_both.get("/creneaux"))
    assert "trop_tard" in take_back(of_both, session).location
    assert len([m for m in waiting(session, Kind.MOVED) if m.channel is Channel.SMS]) == 1


def test_after_ten_minutes_the_site_stays_changed(session, of_both, hands, practice, annexe):
    relocate(of_both, annexe, qui=practice.doctor.reference)
    hands.wait(timedelta(minutes=11))

    assert "trop_tard" in take_back(of_both, session).location
    assert slot_now(session, practice).site_id == annexe.id


def test_what_was_taken_or_changed_since_stays_at_the_new_site_and_is_said(  # noqa: PLR0917 - fixtures
    session, protocol, of_both, hands, practice, annexe
):
    booked, held, spare = (free(session, practice, hours=n) for n in (3, 4, 5))
    relocate(of_both, annexe, qui=practice.doctor.reference)
    hands.wait(timedelta(minutes=1))
    a_booking(
        session,
        practice.community,
        protocol,
        slot_of(session, booked.reference),
    )
    request = a_triaged_request(session, practice.community, protocol)
    choose.hold(session, request, held.reference, now=hands.now)
    arrived = session.get_one(Booking, (practice.community.id, practice.booking.id))
    arrived.status = BookingStatus.ARRIVED
    session.commit()

    answer = take_back(of_both, session)

    assert "3 créneaux n’ont pas pu revenir" in words(of_both.get(answer.location))
    assert slot_of(session, spare.reference).site_id == practice.site.id
    for stays in (booked.reference, held.reference, slot_now(session, practice).reference):
        assert slot_of(session, stays).site_id == annexe.id


def test_of_an_appointment_that_left_since_only_the_free_slot_comes_back(
    session, of_both, practice, annexe
):
    later, left = (
        free(session, practice, starts_at=NOON + timedelta(days=1)),
        slot_now(session, practice),
    )
    relocate(of_both, annexe, rdv=str(practice.booking.reference))
    move(of_both, practice, later)

    take_back(of_both, session)

    assert slot_of(session, left.reference).site_id == practice.site.id
    assert practice.booking.version == 2
    assert slot_now(session, practice).reference == later.reference


def test_whom_no_message_reaches_is_to_be_called_when_it_is_taken_back(
    session, of_both, practice, annexe, stranger
):
    silent = request_of(session, practice)
    silent.wants_sms, silent.email = False, None
    session.commit()
    relocate(of_both, annexe, qui=practice.doctor.reference)
    page = f"/journee/lieu/{last_act(session).reference}"
    assert "MOREL" not in words(of_both.get(page))

    answer = of_both.post("/creneaux/annuler", data={"acte": last_act(session).reference})

    assert answer.location.startswith(page)
    assert "à appeler : MOREL Lucie" in words(of_both.get(answer.location))
    assert stranger.get(page).status_code == 404


def test_who_does_not_keep_both_sites_takes_nothing_back(session, app, of_both, practice, annexe):
    account = an_account(
        session,
        practice.community,
        Role.SECRETARY,
        sites=(annexe,),
        email="gare@tilleuls.example",
    )
    session.commit()
    relocate(of_both, annexe, qui=practice.doctor.reference)
    hers = signed_in(app, account)

    assert "Lieu changé" not in words(hers.get("/creneaux"))
    assert take_back(hers, session).status_code == 404
    assert slot_now(session, practice).site_id == annexe.id
