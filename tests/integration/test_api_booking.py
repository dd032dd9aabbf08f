"""Other software asks for care and books it: the way through, and every way out."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from booking.desk import promises
from booking.models import Booking, BookingState, BookingStatus, CareRequest, RequestStatus
from config.database import transaction
from notifications.models import OutboxMessage
from notifications.models import Status as MessageStatus
from schedules import slots
from schedules.models import Commune, Slot
from tests.builders import a_community, a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.integration.test_api_keys import NOBODY, a_partner, assert_problem

PERSON = {
    "family_name": "Morel",
    "given_name": "Lucie",
    "birth_date": "1992-11-02",
    "phone": "06 39 98 00 01",
    "email": "lucie.morel@famille.example",
}


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


@pytest.fixture
def doctor(session, partner):
    with transaction(session):
        site = a_site(session, partner.community)
        return a_professional(session, partner.community, site)


@pytest.fixture
def times(session, doctor):
    """Six free slots of one doctor, hour by hour from 14:00 in Paris."""
    with transaction(session):
        return [
            a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=2 + n))
            for n in range(6)
        ]


def wants(slot: object, **but: object) -> dict[str, object]:
    return {"slot": str(slot), "person": PERSON, "consent_sms": True} | but


def test_from_the_questions_to_the_appointment(session, partner, doctor, times):
    asked = partner.asks()
    assert asked["level"] == "WITHIN_24H"
    assert asked["status"] == "OPEN"
    assert asked["emergency"] is None
    assert asked["deadline"] == "2027-03-28T13:00:00+02:00"  # the night the clocks change
    first = asked["proposals"][0]
    assert first["starts_at"] == "2027-03-27T14:00:00+01:00"
    assert first["professional"]["name"] == doctor.name
    assert first["professional"]["label"] == "médecin généraliste"
    assert {"code": "soonest", "text": "Le plus tôt."} in first["reasons"]

    held = partner.send("PUT", f"/{asked['reference']}/hold", {"slot": first["slot"]})
    assert (held.status_code, held.json) == (200, {"held_until": "2027-03-27T12:05:00+01:00"})

    made = partner.send("POST", f"/{asked['reference']}/booking", wants(first["slot"]))
    assert made.status_code == 201
    assert made.json["booking"]["starts_at"] == first["starts_at"]
    assert made.json["booking"]["slot"] == first["slot"]
    assert made.json["links"]["calendar"] == made.json["links"]["appointment"] + ".ics"
    assert urlsplit(made.json["links"]["appointment"]).path.startswith("/r/")

    shown = partner.send("GET", f"/{asked['reference']}").json
    assert shown["status"] == "BOOKED"
    assert shown["booking"] == made.json["booking"]
    assert shown["links"] == made.json["links"]
    kept = session.scalars(select(CareRequest)).one()
    assert (kept.channel, kept.phone, kept.wants_sms) == ("PHONE", "+33639980001", True)
    assert session.scalars(select(BookingState.by)).all() == ["API"]
    told = {each.recipient for each in session.scalars(select(OutboxMessage))}
    assert told == {"+33639980001", PERSON["email"], doctor.email}


def test_without_consent_no_sms_is_promised(session, partner, times):
    asked = partner.asks()

    partner.send(
        "POST", f"/{asked['reference']}/booking", wants(times[0].reference, consent_sms=False)
    )

    told = [each.recipient for each in session.scalars(select(OutboxMessage))]
    assert "+33639980001" not in told


def test_the_same_slot_again_gets_the_same_answer(session, partner, times):
    path = f"/{partner.asks()['reference']}/booking"
    first = partner.send("POST", path, wants(times[0].reference))

    again = partner.send("POST", path, wants(times[0].reference))

    assert (again.status_code, again.data) == (201, first.data)
    assert session.scalar(select(func.count()).select_from(Booking)) == 1


def test_a_second_appointment_for_the_same_request_is_refused(session, partner, times):
    path = f"/{partner.asks()['reference']}"
    partner.send("POST", f"{path}/booking", wants(times[0].reference))

    booked = partner.send("POST", f"{path}/booking", wants(times[1].reference))
    held = partner.send("PUT", f"{path}/hold", {"slot": str(times[1].reference)})

    assert_problem(booked, 409, "already-booked")
    assert_problem(held, 409, "already-booked")
    assert session.scalar(select(func.count()).select_from(Booking)) == 1


@pytest.mark.parametrize("use", ["hold", "booking"])
def test_the_loser_sees_three_other_slots_and_nothing_of_the_winner(session, partner, times, use):
    winner, loser = partner.asks(), partner.asks()
    taken = times[0].reference
    partner.send("POST", f"/{winner['reference']}/booking", wants(taken))
    other = {**PERSON, "family_name": "Perdrix", "phone": "06 39 98 00 02"}
    body = {"slot": str(taken)} if use == "hold" else wants(taken, person=other)

    answer = partner.send("PUT" if use == "hold" else "POST", f"/{loser['reference']}/{use}", body)

    said = assert_problem(answer, 409, "slot-taken")
    assert [each["slot"] for each in said["alternatives"]] == [str(s.reference) for s in times[1:4]]
    assert not any(word in answer.text for word in ("Morel", "Lucie", "39980001", "famille"))
    names = {asked.family_name for asked in session.scalars(select(CareRequest))}
    assert names == {"Morel", None}


def test_a_slot_that_another_holds_is_taken_until_the_hold_ends(partner, hands, times):
    first, second = partner.asks(), partner.asks()
    slot = str(times[0].reference)
    partner.send("PUT", f"/{first['reference']}/hold", {"slot": slot})

    refused = partner.send("PUT", f"/{second['reference']}/hold", {"slot": slot})
    hands.wait(slots.HOLD)
    held = partner.send("PUT", f"/{second['reference']}/hold", {"slot": slot})

    assert_problem(refused, 409, "slot-taken")
    assert held.status_code == 200


def test_another_communitys_slot_is_as_if_it_were_taken(session, partner, times):
    with transaction(session):
        theirs = a_slot(session)
    asked = partner.asks()

    answer = partner.send("POST", f"/{asked['reference']}/booking", wants(theirs.reference))

    assert_problem(answer, 409, "slot-taken")
    assert session.scalars(select(Slot.claimed_by).where(Slot.claimed_by.is_not(None))).all() == []


def test_an_emergency_proposes_nothing_and_refuses_every_booking(session, partner, times):
    asked = partner.asks(answers={})
    assert asked["level"] == "CALL_15"
    assert (asked["proposals"], asked["deadline"]) == ([], None)
    assert asked["emergency"]["call"] == "15"
    assert asked["emergency"]["numbers"] == ["15", "112", "114", "3114"]
    assert "15" in asked["emergency"]["text"]
    path = f"/{asked['reference']}"

    held = partner.send("PUT", f"{path}/hold", {"slot": str(times[0].reference)})
    booked = partner.send("POST", f"{path}/booking", wants(times[0].reference))

    for answer in (held, booked):
        said = assert_problem(answer, 422, "level-forbids")
        assert said["emergency"] == asked["emergency"]
    assert partner.send("GET", f"{path}/proposals").json == []
    assert session.scalars(select(Booking)).all() == []


def test_what_is_not_unscheduled_care_gets_advice_and_no_appointment(session, partner, times):
    asked = partner.asks()
    with transaction(session):
        session.execute(
            update(CareRequest).values(
                status=RequestStatus.ADVISED, level="NOT_UNSCHEDULED", deadline=None
            )
        )
        advised = session.scalars(select(CareRequest)).one()
        promises.end(session, advised, "advised", by="TRIAGE", now=NOON)
    path = f"/{asked['reference']}"

    held = partner.send("PUT", f"{path}/hold", {"slot": str(times[0].reference)})
    booked = partner.send("POST", f"{path}/booking", wants(times[0].reference))

    for answer in (held, booked):
        assert "emergency" not in assert_problem(answer, 422, "level-forbids")
    assert partner.send("GET", f"{path}/proposals").json == []


def test_cancelling_frees_the_slot_at_once_and_twice_is_as_once(session, partner, times):
    path = f"/{partner.asks()['reference']}"
    partner.send("POST", f"{path}/booking", wants(times[0].reference))

    once = partner.send("DELETE", f"{path}/booking")
    twice = partner.send("DELETE", f"{path}/booking")

    assert [(a.status_code, a.data) for a in (once, twice)] == [(204, b""), (204, b"")]
    shown = partner.send("GET", path).json
    assert (shown["status"], shown["booking"], shown["links"]) == ("DECLINED", None, None)
    assert session.scalars(select(Booking.status)).all() == [BookingStatus.CANCELLED]
    assert session.scalars(select(Slot.claimed_by).where(Slot.claimed_by.is_not(None))).all() == []
    waiting = select(OutboxMessage.kind).where(OutboxMessage.status == MessageStatus.WAITING)
    assert {str(kind) for kind in session.scalars(waiting)} == {"cancelled", "notice"}


def test_an_appointment_that_has_begun_is_not_cancelled(partner, hands, times):
    path = f"/{partner.asks()['reference']}/booking"
    partner.send("POST", path, wants(times[0].reference))
    hands.wait(timedelta(hours=3))

    assert_problem(partner.send("DELETE", path), 409, "too-late")


def test_what_is_proposed_follows_what_is_free(partner, times):
    path = f"/{partner.asks()['reference']}/proposals"
    before = partner.send("GET", path).json
    winner = partner.asks()
    partner.send("POST", f"/{winner['reference']}/booking", wants(times[0].reference))

    after = partner.send("GET", path).json

    assert len(before) == len(after) == 5
    assert str(times[0].reference) not in [each["slot"] for each in after]


def test_the_regular_doctor_comes_first_by_either_of_their_names(session, partner, times):
    with transaction(session):
        site = a_site(session, partner.community)
        own = a_professional(session, partner.community, site)
        a_slot(session, professional=own, starts_at=NOON + timedelta(hours=8))

    for name in (own.rpps, str(own.reference)):
        first = partner.asks(regular_doctor=name)["proposals"][0]
        assert first["professional"]["reference"] == str(own.reference)
        assert first["reasons"][0]["code"] == "regular_doctor"


def test_a_regular_doctor_outside_the_community_changes_nothing(partner, times):
    assert partner.asks(regular_doctor="10009999999")["proposals"]


def test_a_regular_doctor_who_is_nobody_is_refused(partner):
    answer = partner.send("POST", "", partner.questionnaire(regular_doctor=NOBODY))

    said = assert_problem(answer, 422, "invalid")
    assert said["errors"][0]["field"] == "regular_doctor"


@pytest.fixture
def commune(session, partner):
    place = {"postal_code": "77998", "latitude": 48.3, "longitude": 2.8}
    with transaction(session):
        session.add(
            Commune(community_id=partner.community.id, insee="77998", name="Épisy", **place)
        )


@pytest.mark.parametrize(
    "where",
    [
        {"commune": "77998"},
        {"commune": "Épisy"},
        {"commune": "épisy "},
        {"location": {"latitude": 48.3, "longitude": 2.8}},
    ],
)
def test_distance_is_counted_from_where_the_patient_is(partner, commune, times, where):
    patient = {"age_years": 34, "sex": "male", "pregnant": "no", **where}

    first = partner.asks(patient=patient)["proposals"][0]

    assert first["distance_km"] == pytest.approx(7.4, abs=0.1)


def test_without_a_place_no_distance_is_invented(partner, times):
    assert partner.asks()["proposals"][0]["distance_km"] is None


def test_a_commune_that_is_not_served_is_named_as_the_mistake(partner, commune):
    patient = {"age_years": 34, "sex": "male", "commune": "Atlantide"}

    answer = partner.send("POST", "", partner.questionnaire(patient=patient))

    said = assert_problem(answer, 422, "invalid")
    assert said["errors"][0]["field"] == "patient.commune"


def test_a_birth_date_with_which_triage_would_be_graver_is_refused(session, partner, times):
    path = f"/{partner.asks()['reference']}/booking"
    infant = {**PERSON, "birth_date": "2027-03-01"}

    answer = partner.send("POST", path, wants(times[0].reference, person=infant))

    said = assert_problem(answer, 422, "triage-again")
    assert said["errors"][0]["field"] == "person.birth_date"
    assert session.scalars(select(Booking)).all() == []


def test_a_birth_date_a_year_off_is_no_reason_to_ask_again(partner, times):
    path = f"/{partner.asks()['reference']}/booking"
    older = {**PERSON, "birth_date": "1991-01-15"}

    answer = partner.send("POST", path, wants(times[0].reference, person=older))

    assert answer.status_code == 201


@pytest.mark.parametrize("born", ["2027-03-28", "1850-01-01"])
def test_a_birth_date_that_cannot_be_is_refused(partner, times, born):
    path = f"/{partner.asks()['reference']}/booking"

    answer = partner.send(
        "POST", path, wants(times[0].reference, person={**PERSON, "birth_date": born})
    )

    said = assert_problem(answer, 422, "invalid")
    assert said["errors"][0]["field"] == "person.birth_date"


def test_moments_carry_the_offset_of_the_communitys_own_zone(session, client, protocol):
    with transaction(session):
        island = a_community(session, zone_name="Indian/Reunion")
        who = a_professional(session, island, a_site(session, island))
        a_slot(session, professional=who)
    partner = a_partner(session, client, protocol, island)

    first = partner.asks()["proposals"][0]

    starts_at = datetime.fromisoformat(first["starts_at"])
    assert first["starts_at"].endswith("+04:00")
    assert starts_at == (NOON + timedelta(hours=2)).astimezone(ZoneInfo("Indian/Reunion"))


def test_reading_changes_nothing(session, partner, times):
    asked = partner.asks()
    before = session.execute(select(CareRequest.__table__)).all()
    session.rollback()

    partner.send("GET", f"/{asked['reference']}")
    partner.send("GET", f"/{asked['reference']}/proposals")

    assert session.execute(select(CareRequest.__table__)).all() == before
    assert session.scalars(select(Slot.held_by).where(Slot.held_by.is_not(None))).all() == []


def test_reading_waits_for_nobody(session, partner):
    asked = partner.asks()
    session.scalars(select(CareRequest).with_for_update()).all()

    answer = partner.send("GET", f"/{asked['reference']}")

    session.rollback()
    assert answer.status_code == 200


def test_a_request_whose_answers_are_being_changed_has_no_level(session, partner, times):
    asked = partner.asks()
    with transaction(session):
        session.execute(
            update(CareRequest).values(
                status=RequestStatus.DRAFT,
                level=None,
                assessment_id=None,
                assessed_at=None,
                deadline=None,
            )
        )

    shown = partner.send("GET", f"/{asked['reference']}").json
    booked = partner.send("POST", f"/{asked['reference']}/booking", wants(times[0].reference))

    assert (shown["level"], shown["reasons"]) == (None, [])
    assert partner.send("GET", f"/{asked['reference']}/proposals").json == []
    assert_problem(booked, 422, "level-forbids")


def test_nobody_is_triaged_by_a_protocol_that_has_expired(session, partner, hands):
    hands.wait(timedelta(days=365))

    answer = partner.send("POST", "", partner.questionnaire())

    assert_problem(answer, 503, "no-protocol")
    assert session.scalars(select(CareRequest)).all() == []


# Time that passes


def test_a_judgement_says_until_when_it_counts(partner, times):
    asked = partner.asks()

    assert asked["valid_until"] == "2027-03-27T14:00:00+01:00"
    assert asked["needs_doctor"] is False
    assert asked["second_check"] is None


def test_after_that_nothing_is_held_or_booked_until_the_signs_are_answered(
    partner, hands, protocol, times
):
    request = f"/{partner.asks()['reference']}"
    hands.wait(timedelta(hours=2))
    wish = {"slot": str(times[3].reference)}

    assert_problem(partner.send("PUT", f"{request}/hold", wish), 422, "signs-again")
    refused = partner.send("POST", f"{request}/booking", wants(times[3].reference))
    assert_problem(refused, 422, "signs-again")
    assert partner.send("GET", f"{request}/proposals").json == []

    signs = {sign.id: "no" for sign in (*protocol.universal, *protocol.stage2)}
    again = partner.send("PUT", f"{request}/signs", {"answers": signs})

    assert (again.status_code, again.json["level"]) == (200, "WITHIN_24H")
    assert again.json["valid_until"] == "2027-03-27T16:00:00+01:00"
    assert partner.send("PUT", f"{request}/hold", wish).status_code == 200


def test_signs_that_are_left_out_lead_to_the_15(partner, times):
    request = f"/{partner.asks()['reference']}"

    said = partner.send("PUT", f"{request}/signs", {"answers": {}}).json

    assert said["emergency"]["call"] == "15"
    assert said["proposals"] == []


def test_signs_of_what_may_not_be_booked_are_not_heard(partner):
    request = f"/{partner.asks(answers={})['reference']}"

    refused = partner.send("PUT", f"{request}/signs", {"answers": {}})

    assert_problem(refused, 422, "level-forbids")


@pytest.mark.parametrize("channel", ["WEB", "PHONE", "PRACTICE", "PHARMACIST", "SAS", "API"])
def test_the_door_through_which_it_came_is_kept(partner, session, channel):
    partner.asks(channel=channel)

    session.expire_all()
    assert session.scalars(select(CareRequest.channel)).one() == channel
