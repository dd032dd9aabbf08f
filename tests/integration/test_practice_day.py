"""The secretary's day: blocked and opened time, what is new, undone, on paper, and the evening."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from booking.models import Booking, BookingStatus, CancelledBy, CareRequest, RequestStatus, Role
from notifications.models import Kind, OutboxMessage, Status
from schedules import slots
from schedules.models import Act, ActKind, Slot
from tests.builders import a_booking, a_community, a_professional, a_slot, slot_of
from tests.clockwork import NOON
from tests.integration.console_desk import CALM, PERSON, Desk
from tests.integration.patient_walk import a_town
from tests.integration.test_staff_day import Practice, a_practice, sheet, status_of
from tests.staffing import an_account, signed_in, words


@pytest.fixture
def practice(session, protocol) -> Practice:
    made = a_practice(session, protocol, a_community(session))
    session.commit()
    return made


@pytest.fixture
def neighbours(session, protocol, practice) -> Practice:
    made = a_practice(session, protocol, practice.community)
    session.commit()
    return made


@pytest.fixture
def secretary(app, practice) -> FlaskClient:
    return signed_in(app, practice.secretary)


def free_slots(session, practice, *hours: int, minutes: int = 20) -> list[UUID]:
    """Three slots of an afternoon, say, of the practice's doctor."""
    made = [
        a_slot(
            session,
            professional=practice.doctor,
            site=practice.site,
            starts_at=NOON + timedelta(hours=hour),
            minutes=minutes,
        ).reference
        for hour in hours
    ]
    session.commit()
    return made


def booked(session, protocol, practice, hour: int) -> Booking:
    slot = a_slot(
        session,
        professional=practice.doctor,
        site=practice.site,
        starts_at=NOON + timedelta(hours=hour),
    )
    made = a_booking(session, practice.community, protocol, slot)
    session.commit()
    return session.scalars(select(Booking).where(Booking.reference == made.reference)).one()


def is_free(session, slot: UUID) -> bool:
    session.expire_all()
    return session.scalar(select(slots.is_open_to(uuid4(), NOON)).where(Slot.reference == slot))


def block(client, slot, because="visit", **more):
    return client.post(f"/journee/creneaux/{slot}/bloquer", data={"pourquoi": because, **more})


# What a day says


def test_whom_a_message_did_not_reach_is_to_be_called(session, secretary, practice):
    assert "à rappeler" not in words(secretary.get("/journee"))
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.kind == Kind.CONFIRMATION)
        .values(status=Status.UNDELIVERED)
    )
    session.commit()

    said = words(secretary.get("/journee"))

    assert "1 rendez-vous · 0 libre · 1 à rappeler" in said
    assert "À rappeler" in said


def test_the_line_of_now_is_marked_in_words(session, secretary, practice, hands):
    hands.wait(timedelta(hours=1, minutes=5))

    page = signed_in(secretary.application, practice.secretary).get("/journee")

    assert "13 h 00 maintenant" in words(page)


def test_what_others_booked_since_the_last_look_is_new_until_it_was_read(
    session, protocol, practice, secretary, hands
):
    assert "Nouveau" not in words(secretary.get("/journee")).replace("Nouveaux", "")
    hands.wait(timedelta(minutes=2))
    slot = a_slot(
        session,
        professional=practice.doctor,
        site=practice.site,
        starts_at=NOON + timedelta(hours=3),
    )
    a_booking(session, practice.community, protocol, slot, now=NOON + timedelta(minutes=1))
    session.commit()

    page = secretary.get("/journee")
    assert "1 changement depuis votre dernière visite" in words(page)
    assert words(page).count("Nouveau ") == 2
    until = page.text.split('name="jusqua" value="')[1].split('"')[0]
    answer = secretary.post("/journee/nouveaux", data={"jusqua": until, "jour": "2027-03-27"})

    assert answer.status_code == 303
    assert "changement depuis" not in words(secretary.get(answer.location))


def test_what_came_after_the_page_was_drawn_stays_new(
    session, protocol, practice, secretary, hands
):
    drawn = NOON.isoformat()
    hands.wait(timedelta(minutes=2))
    slot = a_slot(
        session,
        professional=practice.doctor,
        site=practice.site,
        starts_at=NOON + timedelta(hours=3),
    )
    a_booking(session, practice.community, protocol, slot, now=NOON + timedelta(minutes=1))
    session.commit()

    secretary.post("/journee/nouveaux", data={"jusqua": drawn})

    assert "1 changement depuis" in words(secretary.get("/journee"))


def test_a_cancelled_appointment_is_news_and_the_other_practice_hears_nothing(
    app, session, practice, neighbours, hands
):
    hands.wait(timedelta(minutes=1))
    doctor = signed_in(app, practice.doctors_account)
    doctor.post(sheet(practice) + "/annuler")

    said = words(signed_in(app, practice.secretary).get("/journee"))

    assert "Annulé MOREL Lucie, 13 h 00" in said
    assert "changement" not in words(doctor.get("/journee"))
    assert "changement" not in words(signed_in(app, neighbours.secretary).get("/journee"))


def test_a_page_that_looks_again_gets_nothing_until_something_changed(
    session, protocol, practice, secretary
):
    page = secretary.get("/journee")
    seal = page.text.split('data-vu="')[1].split('"')[0]

    same = secretary.get("/journee", headers={"X-Vu": seal})
    booked(session, protocol, practice, 4)
    changed = secretary.get("/journee", headers={"X-Vu": seal})

    assert (same.status_code, same.text) == (204, "")
    assert changed.status_code == 200
    assert "2 rendez-vous" in words(changed)


# Blocking and opening


def test_a_secretary_blocks_a_free_slot_and_says_why(session, secretary, practice):
    [slot] = free_slots(session, practice, 3)

    answer = block(secretary, slot)

    assert answer.status_code == 303
    assert answer.location.endswith(f"#c-{slot}")
    assert not is_free(session, slot)
    said = words(secretary.get("/journee"))
    assert "15 h 00 Bloqué : Visite" in said
    assert "1 rendez-vous · 0 libre" in said
    act = session.scalars(select(Act)).one()
    assert (act.kind, act.by) == (ActKind.WITHDRAWN, practice.secretary.reference)


def test_time_is_blocked_until_an_hour_and_what_is_booked_in_it_stays(
    session, protocol, secretary, practice
):
    first, last, after = free_slots(session, practice, 3, 5, 6)
    there = booked(session, protocol, practice, 4)

    block(secretary, first, "meeting", jusqua=last)

    assert [is_free(session, each) for each in (first, last, after)] == [False, False, True]
    session.refresh(there)
    assert there.status is BookingStatus.CONFIRMED
    said = words(secretary.get("/journee"))
    assert said.count("Bloqué : Réunion") == 2


def test_what_was_blocked_by_mistake_is_undone_with_one_press(session, secretary, practice):
    first, last = free_slots(session, practice, 3, 4)
    block(secretary, first, jusqua=last)
    page = secretary.get("/journee")
    act = session.scalars(select(Act.reference)).one()

    assert "Dernières actions" in words(page)
    assert f"/journee/actions/{act}/annuler" in page.text
    answer = secretary.post(f"/journee/actions/{act}/annuler", data={"jour": "2027-03-27"})

    assert answer.status_code == 303
    assert is_free(session, first)
    assert is_free(session, last)
    said = words(secretary.get("/journee"))
    assert "Bloqué" not in said
    assert "Dernières actions" not in said


def test_what_was_blocked_is_offered_again_however_long_ago(
    app, session, secretary, practice, hands
):
    first, last = free_slots(session, practice, 3, 4)
    block(secretary, first, jusqua=last)
    hands.wait(timedelta(minutes=30))
    client = signed_in(app, practice.doctors_account)

    assert "Débloquer" in words(client.get(f"/journee/creneaux/{last}"))
    answer = client.post(f"/journee/creneaux/{last}/debloquer")

    assert answer.status_code == 303
    assert is_free(session, first)
    assert is_free(session, last)
    assert "2 libres" in words(client.get("/journee"))


def test_time_that_was_opened_again_meanwhile_is_not_shown_as_blocked(session, secretary, practice):
    [slot] = free_slots(session, practice, 3)
    block(secretary, slot)
    free_slots(session, practice, 3)

    said = words(secretary.get("/journee"))

    assert "15 h 00 Libre" in said
    assert "Bloqué" not in said
    session.expire_all()


def test_a_slot_that_was_just_taken_is_not_blocked(session, protocol, secretary, practice):
    [slot] = free_slots(session, practice, 3)
    slots.hold(session, practice.community.id, slot, asker=uuid4(), now=NOON)
    session.commit()

    answer = block(secretary, slot)

    assert answer.status_code == 409
    assert "Ce créneau vient d’être pris" in words(answer)
    assert slot_of(session, slot).withdrawn_at is None


def test_a_reason_that_is_not_of_the_list_blocks_nothing(session, secretary, practice):
    [slot] = free_slots(session, practice, 3)

    for because in ("", "Mme Dupont", "\x00", "x" * 50_000):
        assert block(secretary, slot, because).status_code == 400
    assert is_free(session, slot)


def test_two_slots_are_opened_at_a_free_place_and_undone(session, secretary, practice):
    place = {
        "qui": str(practice.doctor.reference),
        "lieu": str(practice.site.reference),
        "jour": "2027-03-27",
    }
    page = secretary.get("/journee/ouvrir", query_string=place | {"heure": "16:00"})
    assert 'value="16:00"' in page.text

    answer = secretary.post(
        "/journee/ouvrir", data=place | {"heure": "16:00", "duree": "15", "nombre": "2"}
    )

    assert answer.status_code == 303
    said = words(secretary.get("/journee"))
    assert "16 h 00 Libre" in said
    assert "16 h 15 Libre" in said
    assert "16 h 00 – 16 h 30 : ouvert" in said
    act = session.scalars(select(Act.reference)).one()
    secretary.post(f"/journee/actions/{act}/annuler")
    assert "16 h 00 Libre" not in words(secretary.get("/journee"))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"heure": "midi"}, "Écrivez une heure"),
        ({"heure": "9h"}, "Cette heure est déjà passée"),
        ({"duree": "2"}, "Un créneau dure de 5 à 60 minutes"),
        ({"heure": "13h"}, "Des créneaux sont déjà ouverts à cette heure"),
        ({"heure": "23:50"}, "Ces créneaux finiraient après minuit"),
        ({"nombre": "99"}, "Ouvrez de 1 à 24 créneaux"),
    ],
)
def test_what_cannot_be_opened_is_said_beside_the_field(secretary, practice, typed, sentence):
    said = {
        "qui": str(practice.doctor.reference),
        "lieu": str(practice.site.reference),
        "jour": "2027-03-27",
        "heure": "16:00",
        "duree": "20",
        "nombre": "2",
    }

    answer = secretary.post("/journee/ouvrir", data=said | typed)

    assert answer.status_code == 422
    assert sentence in words(answer)


def test_nobody_touches_the_time_of_another_practice(app, session, practice, neighbours):
    [slot] = free_slots(session, neighbours, 3)
    block(signed_in(app, neighbours.secretary), slot)
    [free] = free_slots(session, neighbours, 4)
    act = session.scalars(select(Act.reference)).one()

    for account in (practice.secretary, practice.doctors_account):
        client = signed_in(app, account)
        for each in (slot, free):
            assert client.get(f"/journee/creneaux/{each}").status_code == 404
            assert block(client, each).status_code == 404
            assert client.post(f"/journee/creneaux/{each}/debloquer").status_code == 404
        assert client.post(f"/journee/actions/{act}/annuler").status_code == 404
        place = {
            "qui": str(neighbours.doctor.reference),
            "lieu": str(neighbours.site.reference),
            "jour": "2027-03-27",
        }
        assert client.get("/journee/ouvrir", query_string=place).status_code == 404
        said = place | {"heure": "16:00", "duree": "15", "nombre": "2"}
        assert client.post("/journee/ouvrir", data=said).status_code == 404
    assert is_free(session, free)
    assert not is_free(session, slot)


def test_a_colleague_sees_no_undo_for_what_is_not_theirs(app, session, secretary, practice):
    [slot] = free_slots(session, practice, 3)
    block(secretary, slot)

    said = words(signed_in(app, practice.doctors_account).get("/journee"))

    assert "Bloqué : Visite" in said
    assert "Dernières actions" not in said


def test_what_was_noted_by_a_slip_is_undone_from_the_day(session, secretary, practice):
    secretary.post(sheet(practice) + "/etat", data={"state": "arrived"})

    page = secretary.get("/journee")

    assert "MOREL Lucie : Arrivé" in words(page)
    assert 'name="state" value="expected"' in page.text
    secretary.post(sheet(practice) + "/etat", data={"state": "expected"})
    assert status_of(session, practice) is BookingStatus.CONFIRMED
    assert "Dernières actions" not in words(secretary.get("/journee"))


def test_a_secretary_goes_from_a_free_slot_to_its_call_and_a_doctor_cannot(
    app, session, secretary, practice
):
    [slot] = free_slots(session, practice, 3)

    hers = secretary.get(f"/journee/creneaux/{slot}")
    his = signed_in(app, practice.doctors_account).get(f"/journee/creneaux/{slot}")

    assert f"/console/appel?creneau={slot}&amp;origine=cabinet" in hers.text
    assert "Réserver pour un patient" not in words(his)


# The call that began at a free slot


@pytest.fixture
def town(session):
    return a_town(session)


@pytest.fixture
def desk(app, session, town) -> Desk:
    account = an_account(session, town.community, Role.SECRETARY, sites=(town.site,))
    session.commit()
    return Desk(signed_in(app, account))


def from_the_day(desk: Desk, protocol, slot: UUID) -> Desk:
    """Take a call that began at a slot of the day until triage has judged."""
    desk.open(f"/console/appel?creneau={slot}&origine=cabinet")
    desk.press(**PERSON).press(sexe="male")
    desk.press("motif", cherche="cheville")
    return desk.press(aucun=desk.none(), **desk.answered(protocol, CALM))


def test_the_slot_that_was_chosen_in_the_day_is_kept_once_triage_allows_it(
    session, protocol, town, desk
):
    wanted = town.slots[-1].reference
    desk.open(f"/console/appel?creneau={wanted}&origine=cabinet")
    assert "Créneau choisi" in desk.says

    from_the_day(desk, protocol, wanted)

    request = session.scalars(select(CareRequest)).one()
    assert request.channel == "PRACTICE"
    assert slot_of(session, wanted).held_by == request.reference
    assert "À lire" in desk.says


def test_nothing_is_kept_before_triage_has_judged(session, town, desk):
    wanted = town.slots[-1].reference

    desk.open(f"/console/appel?creneau={wanted}").press(**PERSON)

    assert "Créneau choisi" in desk.says
    assert slot_of(session, wanted).held_by is None


def test_a_slot_that_triage_does_not_mean_for_this_patient_is_not_kept_and_that_is_said(
    session, protocol, town, desk
):
    psychologist = a_professional(session, town.community, town.site, discipline="ORTHOPTISTE")
    wrong = a_slot(session, professional=psychologist, site=town.site)
    session.commit()

    from_the_day(desk, protocol, wrong.reference)

    assert slot_of(session, wrong.reference).held_by is None
    assert "Le créneau choisi ne convient pas à cette demande" in desk.says


def test_a_sign_stops_a_call_that_began_at_a_slot_like_any_other(session, protocol, town, desk):
    wanted = town.slots[-1].reference
    desk.open(f"/console/appel?creneau={wanted}").press(**PERSON)
    sign = desk.form.offered["signe"][0]

    desk.press(signe=sign)

    assert "Transférez au 15" in desk.says
    assert slot_of(session, wanted).held_by is None


# A practice that runs late


def late(client, practice, minutes: object = 20):
    return client.post(sheet(practice) + "/retard", data={"minutes": minutes})


def sent(session) -> list[OutboxMessage]:
    session.expire_all()
    return list(
        session.scalars(
            select(OutboxMessage).where(OutboxMessage.kind == Kind.LATE).order_by(OutboxMessage.id)
        )
    )


def test_a_patient_is_told_that_they_will_wait_and_nothing_of_their_health(
    session, secretary, practice
):
    assert "Prévenir d’un retard" in words(secretary.get(sheet(practice)))

    answer = late(secretary, practice)

    assert answer.status_code == 303
    assert "Message envoyé : environ 20 min de retard" in words(secretary.get(answer.location))
    [sms] = sent(session)
    assert sms.text.startswith("Retard d'environ 20 min pour votre RDV samedi 27 mars à 13h00")
    assert "Morel" not in sms.text
    assert sms.invitation is None
    assert sms.expires_at == NOON + timedelta(hours=1, minutes=20)


def test_a_patient_is_told_three_times_at_most(session, secretary, practice):
    for minutes in (10, 20, 20):
        assert late(secretary, practice, minutes).status_code == 303

    answer = late(secretary, practice)

    assert answer.status_code == 422
    assert "a déjà reçu trois messages" in words(answer)
    assert len(sent(session)) == 3


def test_who_gets_no_message_has_to_be_called(session, secretary, practice):
    session.execute(update(CareRequest).values(wants_sms=False, email=None))
    session.commit()

    assert "Prévenir d’un retard" not in words(secretary.get(sheet(practice)))
    answer = late(secretary, practice)

    assert answer.status_code == 422
    assert "Appelez-la" in words(answer)
    assert sent(session) == []


def test_a_delay_that_is_none_of_the_list_or_of_another_practice_is_not_told(
    app, session, secretary, practice, neighbours
):
    for minutes in ("", "0", "7", "999999", "-20", "\x00", "vingt"):
        assert late(secretary, practice, minutes).status_code == 400
    assert late(secretary, neighbours).status_code == 404
    assert sent(session) == []


# Paper, and the evening


def test_the_morning_sheet_says_who_comes_and_how_to_go_on_by_hand(
    session, protocol, secretary, practice, neighbours
):
    free_slots(session, practice, 3)

    page = secretary.get("/journee/feuille")

    said = words(page)
    assert "MOREL Lucie , 34 ans 06 39 98 00 01" in said
    assert "15 h 00 Libre" in said
    assert practice.doctor.name in said
    assert neighbours.doctor.name not in said
    assert "Si l’ordinateur ou le réseau ne marche plus" in said
    for sign in protocol.universal:
        assert sign.text.replace("\u00a0", " ") in said.replace("&#39;", "'")


def test_the_evening_form_takes_everybody_for_seen_who_began_and_has_no_outcome(
    app, session, protocol, practice, hands
):
    later = booked(session, protocol, practice, 5)
    hands.wait(timedelta(hours=2))
    secretary = signed_in(app, practice.secretary)

    page = secretary.get("/journee/fin")
    field = f"issue-{practice.booking.reference}"
    assert f'name="{field}" value="venu" checked' in page.text
    assert str(later.reference) not in page.text
    answer = secretary.post("/journee/fin", data={field: "venu", "jour": "2027-03-27"})

    assert answer.status_code == 303
    assert status_of(session, practice) is BookingStatus.HONOURED
    said = words(secretary.get(answer.location))
    assert "1 rendez-vous noté" in said
    assert "Tous les rendez-vous passés de ce jour ont une issue" in said


def test_who_excused_themselves_is_no_absence_and_hears_nothing(app, session, practice, hands):
    hands.wait(timedelta(hours=2))
    before = session.scalar(select(func.count()).select_from(OutboxMessage))
    field = f"issue-{practice.booking.reference}"

    signed_in(app, practice.secretary).post("/journee/fin", data={field: "excuse"})

    assert status_of(session, practice) is BookingStatus.CANCELLED
    booking = session.get_one(Booking, (practice.community.id, practice.booking.id))
    assert booking.cancelled_by is CancelledBy.PATIENT
    assert session.scalars(select(CareRequest.status)).one() is RequestStatus.DECLINED
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == before
    assert not session.scalars(
        select(OutboxMessage).where(OutboxMessage.status == Status.WAITING)
    ).all()


@pytest.fixture
def later(session, protocol, practice, hands) -> Booking:
    """Somebody who comes in three hours; two hours have passed."""
    made = booked(session, protocol, practice, 5)
    hands.wait(timedelta(hours=2))
    return made


def test_the_evening_form_concludes_nothing_that_is_not_theirs_or_has_not_begun(
    app, session, practice, neighbours, later
):
    secretary = signed_in(app, practice.secretary)
    secretary.post(sheet(practice) + "/etat", data={"state": "missed"})

    secretary.post(
        "/journee/fin",
        data={
            f"issue-{neighbours.booking.reference}": "absent",
            f"issue-{later.reference}": "absent",
            f"issue-{practice.booking.reference}": "venu",
            f"issue-{uuid4()}": "venu",
            "issue-": "venu",
            "issue-\x00": "absent",
        },
    )

    assert status_of(session, neighbours) is BookingStatus.CONFIRMED
    assert status_of(session, practice) is BookingStatus.NO_SHOW
    session.refresh(later)
    assert later.status is BookingStatus.CONFIRMED


def test_nothing_that_is_sent_breaks_a_page_of_the_day(session, secretary, practice):
    [slot] = free_slots(session, practice, 3)
    bad = ("\x00", "x" * 5000, "2027-02-31", "9999-12-31", "<script>")

    for text in bad:
        for path in ("/journee/feuille", "/journee/fin"):
            assert secretary.get(path, query_string={"jour": text}).status_code == 200
        for path in ("/journee", f"/journee/creneaux/{slot}", "/journee/ouvrir"):
            asked = {"jour": text, "jusqua": text, "qui": text, "perdus": text}
            assert secretary.get(path, query_string=asked).status_code < 500
        for path in ("/journee/nouveaux", "/journee/fin", f"/journee/creneaux/{slot}/bloquer"):
            said = {"jour": text, "jusqua": text, "pourquoi": "break"}
            assert secretary.post(path, data=said).status_code < 500
        said = {"state": "arrived", "lieu": text, "pro": text}
        assert secretary.post(sheet(practice) + "/etat", data=said).status_code == 303
