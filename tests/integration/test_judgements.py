# ruff: noqa: PLR0917 - fixtures are asked for by name
"""The life of a judgement: how long it counts, who may change it, who looks at it again."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from booking.desk import (
    again,
    ask,
    change,
    choose,
    decide,
    figures,
    nothing_free,
    second_look,
    staff,
)
from booking.desk.reach import Reach
from booking.desk.validity import VALID_FOR, valid_until
from booking.models import (
    Assessment,
    CancelledBy,
    LevelDecision,
    LookOutcome,
    LookReason,
    RequestStatus,
    Role,
    SecondLook,
)
from booking.triage.protocol import Level
from schedules import slots
from schedules.models import Community, Professional, Visibility
from tests.builders import (
    LINKS,
    a_community,
    a_professional,
    a_slot,
    a_triaged_request,
    slot_of,
)
from tests.clockwork import NOON
from tests.staffing import an_account

A_SECOND = timedelta(seconds=1)
HALF_AN_HOUR, TWO_HOURS = timedelta(minutes=30), timedelta(hours=2)
TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""


@pytest.fixture
def slot(session):
    return a_slot(session, starts_at=NOON + timedelta(hours=4))


@pytest.fixture
def community(session, slot):
    return session.get_one(Community, slot.community_id)


@pytest.fixture
def reach(community):
    return Reach(community.id, is_whole=True)


@pytest.fixture
def operator(session, community):
    return actor(session, community, an_account(session, community, Role.OPERATOR))


@pytest.fixture
def doctor(session, community):
    return clinician(session, community)


def clinician(session, community, **profession):
    who = a_professional(session, community, **profession)
    account = an_account(
        session,
        community,
        Role.PROFESSIONAL,
        professional=who,
        email=f"{who.reference}@tilleuls.example",
    )
    return actor(session, community, account)


def a_midwife(session, community):
    return clinician(session, community, profession="50", speciality=None, discipline="SF")


def a_physio(session, community):
    return clinician(session, community, profession="70", speciality=None, discipline="MK")


def actor(session, community, account):
    return staff.actor(session, community.id, account.reference)


def book(session, request, community, slot, now):
    return choose.book(
        session, request, community, slot.reference, by="PATIENT", links=LINKS, now=now
    )


def sign_again(session, request, community, protocol, now, **signs):
    heard = {q.id: "no" for q in again.questions(protocol, request)} | signs
    return again.answer(session, request, protocol, community, heard, now=now)


def decided(session, request, community, protocol, by, to, now=NOON, reason="vu au téléphone"):
    return decide.level(
        session,
        request,
        to,
        reason=reason,
        by=by,
        protocol=protocol,
        community=community,
        now=now,
    )


# How long it counts


@pytest.mark.parametrize(
    ("answers", "level", "counts"),
    [(TODAY, Level.SAME_DAY, HALF_AN_HOUR), ({}, Level.WITHIN_24H, TWO_HOURS)],
)
def test_a_judgement_counts_for_so_long_and_not_a_second_longer(
    session, community, slot, protocol, answers, level, counts
):
    request = a_triaged_request(session, community, protocol, answers=answers)

    assert request.level is level
    assert VALID_FOR[level] == counts
    assert valid_until(request) == NOON + counts
    with pytest.raises(choose.SignsAgain):
        choose.hold(session, request, slot.reference, now=NOON + counts)
    with pytest.raises(choose.SignsAgain):
        book(session, request, community, slot, NOON + counts)
    assert choose.propose(session, request, community, now=NOON + counts) == []
    assert book(session, request, community, slot, NOON + counts - A_SECOND).is_new


def test_once_the_signs_are_answered_again_the_patient_goes_on_where_they_were(
    session, community, slot, protocol
):
    request = a_triaged_request(session, community, protocol)
    later = NOON + TWO_HOURS
    choose.hold(session, request, slot.reference, now=later - A_SECOND)

    sign_again(session, request, community, protocol, later)

    assert slot_of(session, slot.reference).held_by == request.reference
    assert request.deadline == NOON + timedelta(hours=24)
    assert book(session, request, community, slot, later).is_new


def test_a_sign_that_is_there_now_ends_at_the_15(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    choose.hold(session, request, slot.reference, now=NOON)
    later = NOON + timedelta(minutes=4)

    sign_again(session, request, community, protocol, later, **{protocol.universal[3].id: "yes"})

    assert request.status is RequestStatus.EMERGENCY
    assert slot_of(session, slot.reference).held_by is None
    with pytest.raises(choose.LevelForbids):
        book(session, request, community, slot, later)


def test_a_sign_that_nobody_answered_again_is_there(session, community, protocol):
    request = a_triaged_request(session, community, protocol)

    again.answer(session, request, protocol, community, {}, now=NOON)

    assert request.level.is_emergency


def test_what_was_answered_again_is_kept_beside_what_was_answered_first(
    session, community, protocol
):
    request = a_triaged_request(session, community, protocol)

    sign_again(session, request, community, protocol, NOON + TWO_HOURS)

    moments = session.scalars(select(Assessment.assessed_at).order_by(Assessment.id)).all()
    assert moments == [NOON, NOON + TWO_HOURS]


# Today is today


def test_a_need_of_today_is_never_given_tomorrow(session, community, protocol):
    who = a_professional(session, community)
    tomorrow = a_slot(session, professional=who, starts_at=NOON + timedelta(hours=13))
    evening = NOON + timedelta(hours=11)
    request = a_triaged_request(session, community, protocol, answers=TODAY, now=evening)

    assert choose.propose(session, request, community, now=evening) == []
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, tomorrow.reference, now=evening)
    with pytest.raises(slots.SlotTaken):
        book(session, request, community, tomorrow, evening)


def test_not_even_by_moving_the_appointment_after_its_deadline(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol, answers=TODAY)
    tomorrow = a_slot(
        session,
        professional=session.get_one(Professional, (community.id, slot.professional_id)),
        starts_at=NOON + timedelta(hours=13),
    )
    booked = book(session, request, community, slot, NOON)
    request.deadline = NOON
    session.flush()
    kept = change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)

    with pytest.raises(slots.SlotTaken):
        change.move(session, kept, tomorrow.reference, by="PATIENT", links=LINKS, now=NOON)


def test_the_next_morning_a_need_of_yesterday_finds_what_is_free_that_day(
    session, community, protocol
):
    who = a_professional(session, community)
    evening, morning = NOON + timedelta(hours=10), NOON + timedelta(hours=20)
    request = a_triaged_request(session, community, protocol, answers=TODAY, now=evening)
    soon = a_slot(session, professional=who, starts_at=morning + timedelta(hours=2))
    next_day = a_slot(session, professional=who, starts_at=morning + timedelta(hours=23))

    sign_again(session, request, community, protocol, morning)

    found = [p.slot.reference for p in choose.propose(session, request, community, now=morning)]
    assert request.deadline < morning
    assert found == [soon.reference]
    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, next_day.reference, now=morning)


def test_with_nothing_free_today_a_doctor_decides(session, community, protocol, reach):
    night = NOON + timedelta(hours=8)
    request = a_triaged_request(session, community, protocol, answers=TODAY, now=night)

    [waits] = nothing_free.for_doctors(session, reach, now=night)

    assert waits.reference == request.reference
    assert waits.since == night


def test_with_something_free_today_no_doctor_is_asked(session, community, protocol, reach):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    assert request.doctor_asked_at is None
    assert nothing_free.for_doctors(session, reach, now=NOON) == []


def test_a_need_of_today_whose_day_has_passed_is_a_doctors_to_decide(
    session, community, protocol, reach
):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    [waits] = nothing_free.for_doctors(session, reach, now=NOON + timedelta(days=1))

    assert waits.reference == request.reference


def test_a_doctor_may_accept_tomorrow_with_a_name_and_a_reason(
    session, community, protocol, doctor, reach
):
    who = a_professional(session, community)
    tomorrow = a_slot(session, professional=who, starts_at=NOON + timedelta(hours=20))
    night = NOON + timedelta(hours=9)
    request = a_triaged_request(session, community, protocol, answers=TODAY, now=night)

    made = decided(session, request, community, protocol, doctor, Level.WITHIN_24H, night)

    assert (made.name, made.profession, made.reason) == (doctor.name, "10", "vu au téléphone")
    assert request.deadline == night + timedelta(hours=24)
    assert nothing_free.for_doctors(session, reach, now=night) == []
    assert book(session, request, community, tomorrow, night).is_new


def test_who_was_looked_for_is_known_with_their_telephones(session, community, protocol, slot):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    found = nothing_free.looked_for(session, request, today=NOON.date())
    tried = {each.discipline: each.professionals for each in found}

    assert "MG" in tried


# Who may decide otherwise


@pytest.mark.parametrize("to", [Level.CALL_15_ADVICE, Level.CALL_15, Level.SAME_DAY])
def test_an_operator_may_raise(session, community, protocol, operator, to):
    request = a_triaged_request(session, community, protocol)

    decided(session, request, community, protocol, operator, to)

    assert request.level is to
    assert decide.history(session, request)[0].role is Role.OPERATOR


def test_an_operator_lowers_nothing(session, community, protocol, operator):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    assert all(to > Level.SAME_DAY for to in decide.may(operator, request))
    with pytest.raises(decide.NotAllowed):
        decided(session, request, community, protocol, operator, Level.WITHIN_24H)
    assert request.level is Level.SAME_DAY


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.SECRETARY, Role.ADMINISTRATOR])
def test_no_role_lowers_but_a_clinicians_own_account(session, community, protocol, role, slot):
    by = staff.Actor(
        account=an_account(session, community, Role.OPERATOR).reference, name="A", role=role
    )
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    with pytest.raises(decide.NotAllowed):
        decided(session, request, community, protocol, by, Level.WITHIN_24H)


def test_a_physiotherapist_lowers_nothing(session, community, protocol):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    with pytest.raises(decide.NotAllowed):
        decided(
            session, request, community, protocol, a_physio(session, community), Level.WITHIN_24H
        )


def test_a_midwife_lowers_what_is_no_emergency(session, community, protocol):
    midwife = a_midwife(session, community)
    today = a_triaged_request(session, community, protocol, answers=TODAY)
    grave = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )

    decided(session, today, community, protocol, midwife, Level.WITHIN_24H)

    assert today.level is Level.WITHIN_24H
    with pytest.raises(decide.NotAllowed):
        decided(session, grave, community, protocol, midwife, Level.SAME_DAY)


def test_a_doctor_lowers_an_emergency_and_what_may_be_booked_comes_back(
    session, community, protocol, doctor, slot
):
    request = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )

    decided(session, request, community, protocol, doctor, Level.SAME_DAY)

    assert request.status is RequestStatus.OPEN
    assert book(session, request, community, slot, NOON).is_new


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 501])
def test_a_decision_has_a_reason(session, community, protocol, doctor, reason):
    request = a_triaged_request(session, community, protocol, answers=TODAY)

    with pytest.raises(decide.ReasonMissing):
        decided(session, request, community, protocol, doctor, Level.WITHIN_24H, reason=reason)


def test_what_triage_said_stays_as_it_was(session, community, protocol, doctor):
    request = a_triaged_request(session, community, protocol, answers=TODAY)
    judged = ask.assessment_of(session, request)

    decided(session, request, community, protocol, doctor, Level.WITHIN_24H)

    session.refresh(judged)
    now_counts = ask.assessment_of(session, request)
    assert judged.level is Level.SAME_DAY
    assert judged.decision_id is None
    assert now_counts.level is Level.WITHIN_24H
    assert now_counts.decision_id is not None
    assert now_counts.answers == judged.answers


def test_each_level_has_its_own_routes(session, community, protocol, operator, doctor):
    request = a_triaged_request(
        session, community, protocol, answers={"tm_zone": "cheville", "tm_appui": "oui"}
    )

    def may_receive():
        return {route["discipline"] for route in ask.assessment_of(session, request).routes}

    within_24_hours = may_receive()
    decided(session, request, community, protocol, operator, Level.SAME_DAY)
    today = may_receive()
    decided(session, request, community, protocol, doctor, Level.WITHIN_24H)

    assert within_24_hours - today == {"MK"}
    assert may_receive() == within_24_hours


def test_what_has_an_appointment_or_has_ended_is_not_decided(
    session, community, protocol, doctor, slot
):
    booked = a_triaged_request(session, community, protocol)
    book(session, booked, community, slot, NOON)
    gone = a_triaged_request(session, community, protocol)
    ask.decline(session, gone, now=NOON)

    with pytest.raises(ask.AlreadyBooked):
        decided(session, booked, community, protocol, doctor, Level.SAME_DAY)
    with pytest.raises(decide.NotAllowed):
        decided(session, gone, community, protocol, doctor, Level.SAME_DAY)


def test_a_raise_outlives_new_answers(session, community, protocol, operator):
    request = a_triaged_request(session, community, protocol)
    decided(session, request, community, protocol, operator, Level.SAME_DAY)

    sign_again(session, request, community, protocol, NOON + HALF_AN_HOUR)

    assert request.level is Level.SAME_DAY
    assert request.deadline == NOON + timedelta(hours=12)


def test_a_lowering_is_for_the_answers_that_the_doctor_saw(session, community, protocol, doctor):
    request = a_triaged_request(session, community, protocol, answers=TODAY)
    decided(session, request, community, protocol, doctor, Level.WITHIN_24H)

    sign_again(session, request, community, protocol, NOON + TWO_HOURS)
    assert request.level is Level.WITHIN_24H
    assert request.deadline == NOON + timedelta(hours=24)

    ask.amend(session, request, {"answers": {"tm_rouge": "yes"}})
    ask.assess(session, request, protocol, community, now=NOON + TWO_HOURS)
    assert request.level is Level.SAME_DAY


def test_no_former_decision_hides_a_sign_that_is_there_now(session, community, protocol, doctor):
    sign = protocol.universal[0].id
    request = a_triaged_request(session, community, protocol, answers={sign: "yes"})
    decided(session, request, community, protocol, doctor, Level.SAME_DAY)

    sign_again(session, request, community, protocol, NOON + HALF_AN_HOUR, **{sign: "yes"})

    assert request.level.is_emergency


# What the database holds, whatever the code around it does


def a_decision_by(request, judged, **but):
    said = {
        "community_id": request.community_id,
        "request_id": request.id,
        "assessment_id": judged.id,
        "from_level": judged.level,
        "to_level": Level.WITHIN_24H,
        "reason": "parce que",
        "account": request.reference,
        "name": "Quelqu’un",
        "role": Role.OPERATOR,
        "decided_at": NOON,
    }
    return LevelDecision(**said | but)


@pytest.mark.parametrize(
    ("answers", "but", "guard"),
    [
        (TODAY, {}, "lowering_has_clinician"),
        (TODAY, {"to_level": Level.CALL_15, "reason": ""}, "reason_is_said"),
        (TODAY, {"to_level": Level.SAME_DAY}, "changes_the_level"),
        (
            TODAY,
            {"to_level": Level.CALL_15_ADVICE, "from_level": Level.WITHIN_24H},
            "fk_level_decision_from",
        ),
        (TODAY, {"profession": "10"}, "clinician_is_whole"),
    ],
)
def test_the_database_refuses_a_decision_that_may_not_be(
    session, community, protocol, answers, but, guard
):
    request = a_triaged_request(session, community, protocol, answers=answers)
    judged = ask.assessment_of(session, request)
    session.add(a_decision_by(request, judged, **but))

    with pytest.raises(IntegrityError, match=guard):
        session.flush()


def test_the_database_lets_no_midwife_lower_an_emergency(session, community, protocol):
    midwife = a_midwife(session, community)
    request = a_triaged_request(
        session, community, protocol, answers={protocol.universal[0].id: "yes"}
    )
    judged = ask.assessment_of(session, request)

    session.add(
        a_decision_by(request, judged, professional_id=midwife.professional_id, profession="50")
    )

    with pytest.raises(IntegrityError, match="emergency_lowered_by_doctor"):
        session.flush()


def test_no_judgement_can_claim_a_decision_that_said_another_level(
    session, community, protocol, operator
):
    request = a_triaged_request(session, community, protocol)
    decided(session, request, community, protocol, operator, Level.SAME_DAY)
    row = ask.assessment_of(session, request)

    with pytest.raises(IntegrityError, match="fk_assessment_decided"):
        session.execute(
            update(Assessment).where(Assessment.id == row.id).values(level=Level.WITHIN_24H)
        )


@pytest.mark.parametrize(
    "statement", [delete(LevelDecision), update(LevelDecision).values(reason=b"x")]
)
def test_a_decision_is_for_ever(session, community, protocol, operator, statement):
    request = a_triaged_request(session, community, protocol)
    decided(session, request, community, protocol, operator, Level.SAME_DAY)

    with pytest.raises(DBAPIError, match="never changed"):
        session.execute(statement)


def test_decisions_are_counted(session, community, protocol, operator, doctor):
    raised = a_triaged_request(session, community, protocol)
    decided(session, raised, community, protocol, operator, Level.SAME_DAY)
    lowered = a_triaged_request(session, community, protocol, answers=TODAY)
    decided(session, lowered, community, protocol, doctor, Level.WITHIN_24H)

    counted = figures.decisions(session, community.id, community.zone, now=NOON)

    assert (counted.raised, counted.lowered) == (1, 1)


# A second person


ADVICE = {"complaints": ["administratif"]}


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ({"age_months": 80 * 12}, [LookReason.FROM_75]),
        ({"age_months": 75 * 12}, [LookReason.FROM_75]),
        ({"age_months": 30 * 12, "sex": "female", "pregnant": "yes"}, [LookReason.PREGNANCY]),
        ({"age_months": 30 * 12, "sex": "female", "pregnant": "unknown"}, [LookReason.PREGNANCY]),
        ({"age_months": 23}, [LookReason.UNDER_2]),
        ({"age_months": 24}, []),
        ({"age_months": 75 * 12 - 1}, []),
        ({"age_months": 30 * 12, "sex": "female", "pregnant": "no"}, []),
    ],
)
def test_of_the_frail_a_second_person_looks_at_every_advice(
    session, community, protocol, reach, who, why
):
    request = a_triaged_request(session, community, protocol, **ADVICE | who)

    waiting = second_look.waiting(session, reach, now=NOON)

    assert request.level is Level.NOT_UNSCHEDULED
    assert [list(each.why) for each in waiting] == ([why] if why else [])


def an_old_one(session, community, protocol, **but):
    return a_triaged_request(session, community, protocol, age_months=80 * 12, **ADVICE | but)


def test_the_look_is_due_after_two_hours_of_open_line(session, community, protocol, reach):
    saturday_evening = NOON + timedelta(hours=7)
    an_old_one(session, community, protocol, now=saturday_evening)

    [waits] = second_look.waiting(session, reach, now=saturday_evening)

    # One hour on Saturday until eight, the other on Monday from eight, in summer time by then.
    assert waits.due_at == NOON.replace(day=29, hour=7)
    assert not waits.is_late


def test_who_asked_is_not_the_second_person(session, community, protocol, operator, doctor):
    request = an_old_one(session, community, protocol)
    second_look.of(session, request).opened_by = operator.account
    session.flush()

    with pytest.raises(second_look.SamePerson):
        second_look.confirm(session, request, by=operator, now=NOON)
    second_look.confirm(session, request, by=doctor, now=NOON)

    looked = session.scalars(select(SecondLook)).one()
    assert (looked.outcome, looked.looked_by) == (LookOutcome.CONFIRMED, doctor.account)
    with pytest.raises(second_look.NothingToCheck):
        second_look.confirm(session, request, by=doctor, now=NOON)


def test_nor_for_the_database(session, community, protocol, operator):
    an_old_one(session, community, protocol)
    session.execute(update(SecondLook).values(opened_by=operator.account))

    with pytest.raises(IntegrityError, match="second_person"):
        session.execute(
            update(SecondLook).values(
                outcome=LookOutcome.CONFIRMED, looked_at=NOON, looked_by=operator.account
            )
        )


def test_the_second_person_may_raise(session, community, protocol, operator, reach, slot):
    request = an_old_one(session, community, protocol)

    decided(session, request, community, protocol, operator, Level.SAME_DAY)

    assert second_look.waiting(session, reach, now=NOON) == []
    assert session.scalars(select(SecondLook.outcome)).one() is LookOutcome.RAISED
    assert request.status is RequestStatus.OPEN
    assert book(session, request, community, slot, NOON).is_new


def test_a_changed_answer_starts_no_new_clock_for_the_second_person(
    session, community, protocol, reach
):
    request = an_old_one(session, community, protocol)
    ask.amend(session, request, {"sex": "female"})

    ask.assess(session, request, protocol, community, now=NOON + timedelta(hours=1))

    [waits] = second_look.waiting(session, reach, now=NOON)
    assert waits.due_at == NOON + TWO_HOURS


def test_another_community_sees_neither_list(session, community, protocol):
    an_old_one(session, community, protocol)
    elsewhere = Reach(a_community(session).id, is_whole=True)

    assert second_look.waiting(session, elsewhere, now=NOON) == []
    assert nothing_free.for_doctors(session, elsewhere, now=NOON) == []


def test_when_the_practice_cancels_the_signs_are_asked_again(session, community, slot, protocol):
    request = a_triaged_request(session, community, protocol)
    booked = book(session, request, community, slot, NOON)
    later = NOON + timedelta(hours=3)
    kept = change.by_reference(session, community.id, booked.reference, lock=True)
    change.cancel(session, kept, cancelled_by=CancelledBy.PRACTICE, by="x", links=LINKS, now=later)

    with pytest.raises(choose.SignsAgain):
        choose.hold(session, request, slot.reference, now=later)
    sign_again(session, request, community, protocol, later)
    assert choose.hold(session, request, slot.reference, now=later)


def test_no_bookable_judgement_is_without_its_limit(session, community, protocol):
    a_triaged_request(session, community, protocol)

    with pytest.raises(IntegrityError, match="bookable_has_limit"):
        session.execute(text("UPDATE assessment SET latest_start_at = NULL"))


def test_visibility_of_the_sas_is_no_way_round(session, community, protocol):
    sas = a_slot(
        session, professional=a_professional(session, community), visibility=(Visibility.SNP,)
    )
    request = a_triaged_request(session, community, protocol)

    with pytest.raises(slots.SlotTaken):
        choose.hold(session, request, sas.reference, now=NOON)
