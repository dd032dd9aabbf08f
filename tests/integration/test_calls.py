# ruff: noqa: PLR0917 - fixtures are asked for by name
"""Calls that somebody of ours takes: kept, shared, resumed, recognised; those sent to the 15."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from booking.desk import ask, callers, calls, choose, staff, transfers, waiting
from booking.desk.reach import Reach
from booking.models import CallerIs, CareRequest, Channel, RequestStatus, Role, TransferState
from booking.triage.protocol import Level
from config.database import transaction
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_request,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account

A_MINUTE = timedelta(minutes=1)
LANDLINE = "+33261910001"


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def reach(community):
    return Reach(community.id, is_whole=True)


def an_actor(session, community, role=Role.OPERATOR, **but):
    account = an_account(session, community, role, **but)
    return staff.actor(session, community.id, account.reference)


@pytest.fixture
def anna(session, community):
    return an_actor(session, community, name="Anna Roux")


@pytest.fixture
def bruno(session, community):
    return an_actor(session, community, name="Bruno Diallo", email="bruno@tilleuls.example")


def picked_up(session, community, by, now=NOON, **but):
    return calls.pick_up(
        session, community, by=by, language="fr", links=LINKS, now=now, **{"phone": MOBILE} | but
    )


def saved(session, request, changes, by, protocol, *, version=None, now=NOON):
    return calls.save(
        session,
        request,
        changes,
        version=request.version if version is None else version,
        by=by,
        protocol=protocol,
        now=now,
    )


# One call, one owner


@pytest.mark.parametrize("channel", Channel)
def test_a_call_keeps_the_door_through_which_it_came(session, community, anna, channel):
    request = picked_up(session, community, anna, channel=channel)

    assert (request.channel, request.owner, request.phone) == (channel, anna.account, MOBILE)


def test_no_other_door_is_known_to_the_database(session, community, anna):
    picked_up(session, community, anna)

    with pytest.raises(IntegrityError, match="ck_care_request_channel"):
        session.execute(text("UPDATE care_request SET channel = 'FAX'"))


def test_each_field_is_saved_as_it_is_said(session, community, anna, protocol):
    request = picked_up(session, community, anna)
    before = request.version

    after = saved(session, request, {"family_name": "Petit", "sex": "female"}, anna, protocol)

    assert after > before
    assert (request.family_name, request.sex) == ("Petit", "female")
    assert (request.saved_by, request.saved_at) == (anna.account, NOON)


def test_saving_the_same_again_changes_nothing(session, community, anna, protocol):
    request = picked_up(session, community, anna)
    said = {"family_name": "Petit", "answers": {"u_conscience": "no"}}
    once = saved(session, request, said, anna, protocol)

    assert saved(session, request, said, anna, protocol, now=NOON + A_MINUTE) == once
    assert request.saved_at == NOON


def test_two_people_never_overwrite_each_other(session, community, anna, bruno, protocol):
    request = picked_up(session, community, anna)
    seen = request.version
    saved(session, request, {"family_name": "Petit"}, anna, protocol, now=NOON + A_MINUTE)

    with pytest.raises(calls.Stale) as refused:
        saved(session, request, {"family_name": "Petiot"}, bruno, protocol, version=seen)

    assert (refused.value.by, refused.value.at) == ("Anna Roux", NOON + A_MINUTE)
    assert refused.value.version == request.version
    assert request.family_name == "Petit"


def test_nor_does_the_patient_who_has_the_same_form_open(session, community, anna, protocol):
    request = picked_up(session, community, anna)
    seen = request.version
    ask.identify(session, request, {"family_name": "Petit"})

    with pytest.raises(calls.Stale):
        saved(session, request, {"family_name": "Petiot"}, anna, protocol, version=seen)


def test_two_tabs_that_save_at_the_same_moment_wait_for_each_other(engine, protocol):
    with Session(engine, expire_on_commit=False) as setup, transaction(setup):
        community = a_community(setup)
        by = an_actor(setup, community)
        reference = picked_up(setup, community, by).reference
    with Session(engine) as slow, Session(engine) as quick:
        shown = ask.by_reference(quick, community.id, reference).version
        slow.execute(text("SET LOCAL lock_timeout = '200ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            ask.by_reference(slow, community.id, reference)
        slow.rollback()
        request = ask.by_reference(quick, community.id, reference)
        saved(quick, request, {"family_name": "Petit"}, by, protocol)
        quick.commit()

        late = ask.by_reference(slow, community.id, reference)
        with pytest.raises(calls.Stale):
            saved(slow, late, {"family_name": "Petiot"}, by, protocol, version=shown)


def test_a_changed_fact_undoes_the_judgement_and_a_name_does_not(
    session, community, anna, protocol
):
    request = a_triaged_request(session, community, protocol)
    saved(session, request, {"family_name": "Petit"}, anna, protocol)
    assert request.level is Level.WITHIN_24H

    saved(session, request, {"age_months": 80 * 12}, anna, protocol)

    assert request.level is None


def test_what_no_call_may_say_is_refused(session, community, anna, protocol):
    request = picked_up(session, community, anna)

    with pytest.raises(KeyError):
        saved(session, request, {"level": Level.WITHIN_24H}, anna, protocol)


# Dropped and resumed


def test_a_call_that_dropped_is_on_the_list_ones_own_first(
    session, community, anna, bruno, reach, protocol
):
    others = picked_up(session, community, bruno, now=NOON - A_MINUTE)
    own = picked_up(session, community, anna)
    saved(session, own, {"family_name": "Petit", "complaints": ["mal_gorge"]}, anna, protocol)

    first, second = calls.interrupted(session, reach, account=anna.account, now=NOON)

    assert (first.reference, first.is_own, first.family_name) == (own.reference, True, "Petit")
    assert (first.phone, first.since, first.complaints) == (MOBILE, NOON, ("mal_gorge",))
    assert (second.reference, second.owner_name) == (others.reference, "Bruno Diallo")


def test_who_goes_on_with_a_call_has_it(session, community, anna, bruno, reach):
    request = picked_up(session, community, anna)
    calls.suspend(session, request, by=anna, now=NOON)
    [listed] = calls.interrupted(session, reach, account=bruno.account, now=NOON)
    assert listed.is_suspended

    calls.take_over(session, request, by=bruno, now=NOON + A_MINUTE)

    [listed] = calls.interrupted(session, reach, account=bruno.account, now=NOON)
    assert (listed.is_own, listed.is_suspended) == (True, False)
    assert request.version > 0


def test_a_call_that_has_ended_is_not_on_the_list(session, community, anna, reach, protocol):
    request = picked_up(session, community, anna)

    ask.assess(session, request, protocol, community, now=NOON)

    assert calls.interrupted(session, reach, account=anna.account, now=NOON) == []


def test_a_secretary_sees_her_own_calls_and_no_others(session, community, anna, bruno):
    picked_up(session, community, anna)
    own = picked_up(session, community, bruno)
    hers = Reach(community.id, account=bruno.account)

    listed = calls.interrupted(session, hers, account=bruno.account, now=NOON)

    assert [each.reference for each in listed] == [own.reference]


def test_who_is_not_beside_the_patient_is_flagged(session, community, anna, protocol):
    request = picked_up(session, community, anna)
    saved(session, request, {"caller": CallerIs.BESIDE}, anna, protocol)
    assert not calls.must_call_patient(request)

    saved(session, request, {"caller": CallerIs.ELSEWHERE}, anna, protocol)

    assert calls.must_call_patient(request)


# Who calls


def test_a_known_number_brings_back_who_it_was(session, community, reach, protocol):
    a_triaged_request(
        session,
        community,
        protocol,
        birth_date=date(1948, 3, 27),
        commune_insee="77001",
        phone=LANDLINE,
    )

    [known] = callers.known(session, reach, LANDLINE, now=NOON + timedelta(days=60))

    assert (known.family_name, known.given_name) == ("Morel", "Lucie")
    assert (known.birth_date, known.commune_insee) == (date(1948, 3, 27), "77001")
    assert not known.has_appointment


def test_a_family_behind_one_number_is_a_list_and_each_stands_once(session, community, reach):
    for name in ("Lucie", "LUCIE", "Paul"):
        a_request(session, community, phone=LANDLINE, given_name=name, birth_date=date(1980, 1, 1))

    known = callers.known(session, reach, LANDLINE, now=NOON)

    assert [each.given_name for each in known] == ["Paul", "LUCIE"]


def test_after_a_year_a_number_is_nobodys(session, community, reach):
    a_request(session, community, phone=LANDLINE)

    assert callers.known(session, reach, LANDLINE, now=NOON + timedelta(days=366)) == []


def test_a_number_of_another_community_is_unknown(session, community):
    a_request(session, community, phone=LANDLINE)
    elsewhere = Reach(a_community(session).id, is_whole=True)

    assert callers.known(session, elsewhere, LANDLINE, now=NOON) == []


@pytest.mark.parametrize(
    "typed", ["06 39 98 00 01", "+33639980001", "0033 6 39 98 00 01", "06.39.98.00.01"]
)
def test_a_number_is_found_however_it_is_typed(session, community, reach, typed):
    request = a_request(session, community)

    assert [f.reference for f in callers.search(session, reach, typed, now=NOON)] == [
        request.reference
    ]


@pytest.mark.parametrize(
    "typed", ["béranger", "BERANGER", "zoe beran", "éléonore-zoé", "o’beranger"]
)
def test_a_name_is_found_without_its_accents(session, community, reach, typed):
    request = a_request(
        session, community, family_name="O’Béranger", given_name="Éléonore-Zoé", phone=None
    )
    a_request(session, community)

    found = callers.search(session, reach, typed, now=NOON)

    assert [each.reference for each in found] == [request.reference]


def test_a_spoken_code_finds_the_appointment(session, community, reach, protocol):
    who = a_professional(session, community)
    slot = a_slot(session, professional=who)
    booked = a_booking(session, community, protocol, slot)

    [found] = callers.search(session, reach, booked.code.lower().replace(" ", ""), now=NOON)

    assert (found.booking, found.code, found.starts_at) == (
        booked.reference,
        booked.code,
        slot.starts_at,
    )
    assert callers.known(session, reach, MOBILE, now=NOON)[0].has_appointment


@pytest.mark.parametrize("typed", ["", "  ", "x", "%", "_", "'; --", "🙂", "\x00"])
def test_what_is_nothing_finds_nothing(session, community, reach, typed):
    a_request(session, community)

    assert callers.search(session, reach, typed, now=NOON) == []


def test_search_looks_a_week_around(session, community, reach):
    a_request(session, community)

    assert callers.search(session, reach, "morel", now=NOON + timedelta(days=8)) == []


# To the 15


def an_emergency(session, community, protocol, **but):
    return a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}, **but
    )


def listed(session, reach, protocol, now=NOON):
    return transfers.waiting(session, reach, signs=transfers.signs_of(protocol), now=now)


def test_whoever_was_sent_to_the_15_is_rechecked_within_ten_minutes(
    session, community, reach, protocol
):
    request = an_emergency(session, community, protocol)

    [waits] = listed(session, reach, protocol)

    assert (waits.reference, waits.phone) == (request.reference, MOBILE)
    assert waits.recheck_by == NOON + 10 * A_MINUTE
    assert not waits.is_overdue
    assert listed(session, reach, protocol, NOON + 10 * A_MINUTE)[0].is_overdue


def test_on_the_web_without_a_number_there_is_nobody_to_call(session, community, reach, protocol):
    an_emergency(session, community, protocol, phone=None)

    assert listed(session, reach, protocol) == []


def test_on_the_telephone_there_is_somebody_even_without_a_number(
    session, community, reach, anna, protocol
):
    request = picked_up(session, community, anna, phone=None)

    ask.assess(session, request, protocol, community, now=NOON)

    assert [each.reference for each in listed(session, reach, protocol)] == [request.reference]


def test_a_sign_ticked_in_a_call_is_on_the_list_before_anything_is_judged(
    session, community, reach, anna, protocol
):
    request = picked_up(session, community, anna)

    saved(session, request, {"answers": {protocol.universal[2].id: "yes"}}, anna, protocol)

    [waits] = listed(session, reach, protocol)
    assert (waits.reference, waits.is_abandoned) == (request.reference, False)


def test_it_stays_on_the_list_until_somebody_closes_it(session, community, reach, anna, protocol):
    request = an_emergency(session, community, protocol)

    transfers.note(session, request, TransferState.LINE_TAKEN, by=anna, now=NOON + A_MINUTE)
    [waits] = listed(session, reach, protocol, NOON + timedelta(hours=1))
    assert (waits.state, waits.last_by, waits.is_overdue) == (
        TransferState.LINE_TAKEN,
        "Anna Roux",
        False,
    )

    transfers.note(session, request, TransferState.CLOSED, by=anna, now=NOON + A_MINUTE)
    assert listed(session, reach, protocol) == []
    request.status = RequestStatus.DECLINED
    with pytest.raises(transfers.NoTransfer):
        transfers.note(session, request, TransferState.CALLED_BACK, by=anna, now=NOON)


def test_nobody_answered_is_called_again_within_ten_minutes(
    session, community, reach, anna, bruno, protocol
):
    request = an_emergency(session, community, protocol)
    then = NOON + 9 * A_MINUTE

    transfers.note(session, request, TransferState.NO_ANSWER, by=bruno, now=then)

    [waits] = listed(session, reach, protocol, then)
    assert (waits.tries, waits.recheck_by) == (1, then + 10 * A_MINUTE)
    assert listed(session, reach, protocol, then + 10 * A_MINUTE)[0].is_overdue
    steps = [(step.state, step.name) for step in transfers.steps(session, request)]
    assert steps == [(TransferState.TO_RECHECK, None), (TransferState.NO_ANSWER, "Bruno Diallo")]


def test_the_oldest_comes_first(session, community, reach, protocol):
    newer = an_emergency(session, community, protocol, now=NOON)
    older = an_emergency(session, community, protocol, now=NOON - A_MINUTE)

    assert [each.reference for each in listed(session, reach, protocol)] == [
        older.reference,
        newer.reference,
    ]


def test_a_form_that_was_left_with_a_sign_is_a_call_to_make(session, community, reach, protocol):
    sign = protocol.universal[0].id
    left = a_request(session, community, answers={sign: "yes"})
    a_request(session, community, answers={sign: "no"})
    a_request(session, community, answers={sign: "yes"}, phone=None)

    assert listed(session, reach, protocol, NOON + 4 * A_MINUTE) == []
    [waits] = listed(session, reach, protocol, NOON + 5 * A_MINUTE)

    assert (waits.reference, waits.is_abandoned) == (left.reference, True)


def test_calling_somebody_who_left_takes_the_form_among_the_others(
    session, community, reach, anna, protocol
):
    left = a_request(session, community, answers={protocol.universal[0].id: "unknown"})
    later = NOON + 6 * A_MINUTE

    transfers.note(session, left, TransferState.CALLED_BACK, by=anna, now=later)

    [waits] = listed(session, reach, protocol, later)
    assert (waits.is_abandoned, waits.state) == (False, TransferState.CALLED_BACK)


def test_judging_twice_makes_one_line(session, community, reach, protocol):
    request = an_emergency(session, community, protocol)

    ask.assess(session, request, protocol, community, now=NOON + A_MINUTE)

    [waits] = listed(session, reach, protocol)
    assert waits.since == NOON


# Who waits, and who is choosing


def references(lines):
    return [each.reference for each in lines]


def test_who_is_choosing_on_the_web_is_not_among_those_who_wait(
    session, community, reach, protocol
):
    request = a_triaged_request(session, community, protocol)

    owed = waiting.open_requests(session, reach, now=NOON)

    assert (owed.requests, owed.total) == ([], 0)
    assert references(waiting.choosing(session, reach, now=NOON)) == [request.reference]


def test_a_quarter_of_an_hour_later_they_wait(session, community, reach, protocol):
    request = a_triaged_request(session, community, protocol)
    later = NOON + 15 * A_MINUTE

    assert references(waiting.open_requests(session, reach, now=later).requests) == [
        request.reference
    ]
    assert waiting.choosing(session, reach, now=later) == []


def test_who_holds_an_appointment_is_choosing_however_long_it_takes(
    session, community, reach, protocol
):
    slot = a_slot(session, professional=a_professional(session, community))
    request = a_triaged_request(session, community, protocol)
    later = NOON + 20 * A_MINUTE
    choose.hold(session, request, slot.reference, now=later)

    assert references(waiting.choosing(session, reach, now=later)) == [request.reference]


def test_who_asked_for_a_call_waits_at_once(session, community, reach, protocol):
    request = a_triaged_request(session, community, protocol)

    ask.ask_for_call(session, request, phone=MOBILE, hours=None, now=NOON)

    assert references(waiting.open_requests(session, reach, now=NOON).requests) == [
        request.reference
    ]


def test_everybody_owed_is_in_exactly_one_of_the_two_lists(session, community, reach, protocol):
    made = [
        a_triaged_request(session, community, protocol, now=NOON - minutes * A_MINUTE)
        for minutes in (0, 5, 14, 15, 40, 24 * 60 + 1)
    ]

    both = references(waiting.choosing(session, reach, now=NOON)) + references(
        waiting.open_requests(session, reach, now=NOON).requests
    )

    assert sorted(both) == sorted(request.reference for request in made)


def test_a_call_in_progress_can_be_found_and_a_patients_own_draft_cannot(
    session, community, reach, anna
):
    own = a_request(session, community)
    call = picked_up(session, community, anna)

    found = waiting.find(session, reach, call.reference)

    assert isinstance(found, CareRequest)
    with pytest.raises(ask.NoSuchRequest):
        waiting.find(session, reach, own.reference)
