"""A write sent twice is done once, also when both arrive together."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from booking.models import Booking, CareRequest, IdempotencyKey
from config.database import transaction
from notifications.models import OutboxMessage
from schedules.models import Slot
from tests.builders import a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.integration.test_api_booking import wants
from tests.integration.test_api_keys import a_partner, assert_problem

KEY = {"Idempotency-Key": "call-2027-0001"}


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


@pytest.fixture
def times(session, partner):
    with transaction(session):
        site = a_site(session, partner.community)
        doctor = a_professional(session, partner.community, site)
        return [
            a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=2 + n))
            for n in range(5)
        ]


def count(session, table):
    session.rollback()
    return session.scalar(select(func.count()).select_from(table))


def all_at_once(partner, app, calls):
    """Send each call from its own thread, all of them let go at the same moment."""
    ready = Barrier(len(calls))

    def one(call):
        method, path, body, key = call
        headers = {
            "Authorization": f"Bearer {partner.key}",
            **({"Idempotency-Key": key} if key else {}),
        }
        client = app.test_client()
        ready.wait()
        return client.open(
            f"/api/v1/care-requests{path}", method=method, json=body, headers=headers
        )

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_a_request_sent_twice_is_opened_once(session, partner, times):
    body = partner.questionnaire()
    first = partner.send("POST", "", body, **KEY)

    again = partner.send("POST", "", body, **KEY)

    assert (again.status_code, again.data) == (201, first.data)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(session, CareRequest) == 1


def test_the_order_of_fields_does_not_make_another_request(session, partner, times):
    body = partner.questionnaire()
    turned = dict(reversed(body.items()))
    assert json.dumps(turned) != json.dumps(body)
    partner.send("POST", "", body, **KEY)

    again = partner.send("POST", "", turned, **KEY)

    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("use", ["hold", "booking"])
def test_every_write_with_a_body_can_be_repeated(partner, hands, times, use):
    path = f"/{partner.asks()['reference']}/{use}"
    slot = times[0].reference
    method, body = ("PUT", {"slot": str(slot)}) if use == "hold" else ("POST", wants(slot))
    first = partner.send(method, path, body, **KEY)
    hands.wait(timedelta(minutes=1))

    again = partner.send(method, path, body, **KEY)

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_cancellation_repeated_does_not_end_what_was_booked_since(session, partner, times):
    path = f"/{partner.asks()['reference']}/booking"
    partner.send("POST", path, wants(times[0].reference))
    partner.send("DELETE", path, **KEY)
    partner.send("POST", path, wants(times[1].reference))

    late = partner.send("DELETE", path, **KEY)

    assert (late.status_code, late.data) == (204, b"")
    assert late.headers["Idempotency-Replayed"] == "true"
    taken = select(Slot.reference).where(Slot.claimed_by.is_not(None))
    assert session.scalars(taken).all() == [times[1].reference]


def test_the_same_key_for_another_request_is_a_mistake(session, partner, times):
    partner.send("POST", "", partner.questionnaire(), **KEY)

    other_body = partner.send("POST", "", partner.questionnaire(channel="WEB"), **KEY)
    other_path = partner.send(
        "PUT", f"/{partner.asks()['reference']}/hold", {"slot": str(times[0].reference)}, **KEY
    )

    assert_problem(other_body, 422, "idempotency-key-reused")
    assert_problem(other_path, 422, "idempotency-key-reused")


def test_two_clients_may_choose_the_same_key(session, client, protocol, partner, times):
    other = a_partner(session, client, protocol, partner.community)
    first = partner.send("POST", "", partner.questionnaire(), **KEY)

    second = other.send("POST", "", other.questionnaire(), **KEY)

    assert second.status_code == 201
    assert second.json["reference"] != first.json["reference"]
    assert partner.send("POST", "", partner.questionnaire(), **KEY).data == first.data


def test_a_refusal_may_be_tried_again_with_the_same_key(session, partner, times):
    winner, loser = partner.asks(), partner.asks()
    taken = wants(times[0].reference)
    partner.send("POST", f"/{winner['reference']}/booking", taken)
    refused = partner.send("POST", f"/{loser['reference']}/booking", taken, **KEY)
    assert_problem(refused, 409, "slot-taken")
    partner.send("DELETE", f"/{winner['reference']}/booking")

    again = partner.send("POST", f"/{loser['reference']}/booking", taken, **KEY)

    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers


def test_an_answer_is_kept_for_a_day(session, partner, hands, times):
    body = partner.questionnaire()
    first = partner.send("POST", "", body, **KEY)
    hands.wait(timedelta(hours=24))

    again = partner.send("POST", "", body, **KEY)

    assert again.status_code == 201
    assert again.json["reference"] != first.json["reference"]


def test_the_address_that_opens_an_appointment_is_not_kept(session, partner, times):
    path = f"/{partner.asks()['reference']}/booking"
    made = partner.send("POST", path, wants(times[0].reference), **KEY)

    kept = session.scalars(select(IdempotencyKey)).one().body

    token = made.json["links"]["appointment"].rsplit("/", 1)[1]
    assert token not in json.dumps(kept)


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256, "tab\t"])
def test_a_key_that_is_no_key_is_refused(partner, key):
    answer = partner.send("POST", "", partner.questionnaire(), **{"Idempotency-Key": key})

    assert_problem(answer, 400, "bad-request")


def test_the_longest_key_is_taken(partner):
    answer = partner.send("POST", "", partner.questionnaire(), **{"Idempotency-Key": "x" * 255})

    assert answer.status_code == 201


def test_two_at_once_open_one_request_and_get_the_same_answer(session, app, partner, times):
    body = partner.questionnaire()

    answers = all_at_once(partner, app, [("POST", "", body, "one")] * 6)

    assert {a.status_code for a in answers} == {201}
    assert len({a.data for a in answers}) == 1
    assert sum("Idempotency-Replayed" in a.headers for a in answers) == 5
    assert count(session, CareRequest) == 1


def test_one_slot_wanted_by_eight_at_once_is_given_to_one(session, app, partner, times):
    asked = [partner.asks()["reference"] for _ in range(8)]
    body = wants(times[0].reference)

    answers = all_at_once(
        partner, app, [("POST", f"/{ref}/booking", body, f"key-{ref}") for ref in asked]
    )

    assert sorted(a.status_code for a in answers) == [201] + [409] * 7
    assert count(session, Booking) == 1
    assert count(session, OutboxMessage) == 3
    losers = [a.json for a in answers if a.status_code == 409]
    others = {str(s.reference) for s in times[1:]}
    assert all({p["slot"] for p in said["alternatives"]} < others for said in losers)


def test_one_request_booked_six_times_at_once_without_a_key_has_one_appointment(
    session, app, partner, times
):
    path = f"/{partner.asks()['reference']}/booking"
    body = wants(times[0].reference)

    answers = all_at_once(partner, app, [("POST", path, body, None)] * 6)

    assert {a.status_code for a in answers} == {201}
    assert len({a.data for a in answers}) == 1
    assert count(session, Booking) == 1
